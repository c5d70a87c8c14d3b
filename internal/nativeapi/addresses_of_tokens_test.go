package nativeapi

import (
	"net/http"
	"testing"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/org"
)

// What is shown instead of a key or a session counts from where those count.
func TestTokensKeepToIPAllowlists(t *testing.T) {
	f := newFixture(t)
	who := audit.System(f.Organization.ID)
	u, _ := f.person(access.OrganizationReader, "the forgotten one")
	reset := ok[passwordReset](t, f.owner().post("/users/"+u.ID+"/password_reset", nil))
	accept := func() answer {
		return f.as("").post("/password_reset/accept", map[string]string{"token": reset.Token, "new_password": "the new password"})
	}
	w := f.workload()
	exchange := func() answer { return f.as("").post("/workload_identity/token", w.exchange()) }
	keys := func() int {
		rows, err := f.Org.APIKeys(t.Context(), f.Organization.ID, w.account.ProjectID, org.APIKeyFilter{Page: org.Page{Limit: 100}, ServiceAccountID: w.account.ID})
		return len(must[org.Rows[org.APIKey]](t)(rows, err).Items)
	}
	before := keys()
	for _, projectID := range []string{"", w.account.ProjectID} {
		far := f.allowlist(projectID, true, "192.0.2.0/24")
		refused(t, exchange(), http.StatusForbidden, org.CodeAddressRefused, "")
		if projectID == "" {
			refused(t, accept(), http.StatusForbidden, org.CodeAddressRefused, "")
		}
		if err := f.Org.DeleteIPAllowlist(t.Context(), who, far.ID); err != nil {
			t.Fatal(err)
		}
	}
	if n := keys(); n != before {
		t.Errorf("refused exchanges made %d keys", n-before)
	}
	ok[accessToken](t, exchange())
	ok[passwordSet](t, accept())
}
