package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"weir/internal/oidc/oidctest"
)

// A provider in the environment, a sign-in through it, and a restart in between:
// what the browser keeps is all that a node needs to go on.
func TestSignInThroughAProvider(t *testing.T) {
	idp := oidctest.New(t)
	idp.Person["email"] = "owner@localhost"
	providers, err := json.Marshal([]map[string]any{{
		"name": "test", "issuer": idp.URL, "client_id": oidctest.ClientID, "client_secret": oidctest.ClientSecret, "domains": []string{"localhost"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	env := []string{"WEIR_PUBLIC_URL=https://weir.example.com", "WEIR_OIDC_PROVIDERS=" + string(providers)}
	p := serve(t, dir, env...)
	begun := send(t, "GET", p.address+"/weir/v1/oidc/test/start?return_to=/console", "", nil)
	_ = begun.Body.Close()
	if begun.StatusCode != http.StatusFound || len(begun.Cookies()) != 1 || !begun.Cookies()[0].Secure {
		t.Fatalf("begun: %d, cookies %v", begun.StatusCode, begun.Cookies())
	}
	back := idp.Authorize(begun.Header.Get("Location"))
	if err := p.stop(t); err != nil {
		t.Fatal(err)
	}
	out := p.stderr.String()
	p = serve(t, dir, env...)
	flow := begun.Cookies()[0].Name + "=" + begun.Cookies()[0].Value
	done := send(t, "GET", p.address+back.RequestURI(), "", map[string]string{"Cookie": flow})
	_ = done.Body.Close()
	set := map[string]*http.Cookie{}
	for _, c := range done.Cookies() {
		set[c.Name] = c
	}
	session, csrf := set["__Host-weir_session"], set["weir_csrf"]
	if done.StatusCode != http.StatusFound || done.Header.Get("Location") != "/console" || session == nil || csrf == nil || !session.Secure || !session.HttpOnly {
		t.Fatalf("done: %d to %s, cookies %v", done.StatusCode, done.Header.Get("Location"), done.Cookies())
	}
	if got := byCookie(t, "GET", p.address+"/weir/v1/me", session, ""); got != http.StatusOK {
		t.Errorf("reading: %d", got)
	}
	if got := byCookie(t, "DELETE", p.address+"/weir/v1/sessions", session, ""); got != http.StatusForbidden {
		t.Errorf("changing without the token: %d", got)
	}
	if got := byCookie(t, "DELETE", p.address+"/weir/v1/sessions", session, csrf.Value); got != http.StatusOK {
		t.Errorf("changing: %d", got)
	}
	again := send(t, "GET", p.address+back.RequestURI(), "", map[string]string{"Cookie": flow})
	_ = again.Body.Close()
	if again.StatusCode != http.StatusUnauthorized {
		t.Errorf("the same code again: %d", again.StatusCode)
	}
	if err := p.stop(t); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{oidctest.ClientSecret, session.Value, csrf.Value, back.Query().Get("code"), back.Query().Get("state"), begun.Cookies()[0].Value} {
		if strings.Contains(out+p.stderr.String(), secret) {
			t.Errorf("the log holds %s", secret)
		}
	}
}
