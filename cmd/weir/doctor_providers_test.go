package main

import (
	"strings"
	"testing"

	"weir/internal/config"
	"weir/internal/oidc/oidctest"
)

func TestDoctorAsksIdentityProviders(t *testing.T) {
	idp := oidctest.New(t)
	well, down := idp.Config("well"), idp.Config("down")
	down.Issuer = idp.URL + "/elsewhere"
	cfg := config.Config{PublicURL: "https://weir.example.com", OIDC: config.OIDC{Providers: config.Providers{well, down}}}
	found := examineProviders(t.Context(), cfg)
	if len(found) != 2 || found[0].bad || !strings.Contains(found[0].text, "https://weir.example.com/weir/v1/oidc/well/callback") {
		t.Errorf("%+v", found)
	}
	if len(found) == 2 && (!found[1].bad || !strings.Contains(found[1].text, "404")) {
		t.Errorf("%+v", found[1])
	}
	if found := examineProviders(t.Context(), config.Config{}); len(found) > 0 {
		t.Errorf("without providers: %+v", found)
	}
}
