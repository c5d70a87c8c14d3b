package nativeapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"weir/internal/access"
	"weir/internal/endpoint/endpointtest"
	"weir/internal/fault"
	"weir/internal/identity"
	"weir/internal/org"
)

// denied is the payload of weir.access.denied.
type denied struct {
	Route, Permission, Code string
	Status, Count           int
}

// denials returns the events of refused calls after they were written down, the
// oldest first.
func (f *fixture) denials(t *testing.T) (events []event, details []denied) {
	t.Helper()
	if err := f.Identity.Denials.Flush(t.Context(), time.Time{}, f.Org.RecordDenials); err != nil {
		t.Fatal(err)
	}
	list := ok[page[event]](t, f.owner().get("/audit_events?limit=100&event_types=weir.access.denied&event_types=weir.access.denials_omitted"))
	for i := len(list.Data) - 1; i >= 0; i-- {
		var d denied
		if err := json.Unmarshal(list.Data[i].Details, &d); err != nil {
			t.Fatal(err)
		}
		events, details = append(events, list.Data[i]), append(details, d)
	}
	return events, details
}

func TestDeniedCallsAreRecorded(t *testing.T) {
	f := newFixture(t)
	account, key, secret := f.serviceAccount(f.Organization.DefaultProjectID, access.ProjectMember)
	browser, session := f.signIn()

	for range 3 {
		refused(t, f.as(secret).with("User-Agent", "bot\u202e/1").post("/workspaces", map[string]any{"name": "mine"}), http.StatusForbidden, "insufficient_permissions", "")
	}
	stranger := "sk-admin-" + strings.Repeat("x", 40)
	refused(t, f.as(stranger).get("/workspaces"), http.StatusUnauthorized, "invalid_api_key", "")
	refused(t, browser.with("X-Csrf-Token", "wrong").post("/workspaces", map[string]any{"name": "mine"}), http.StatusForbidden, "csrf_token_missing", "")
	// What shows no key tries nothing, and a failed sign-in has its own event.
	refused(t, f.as("").get("/workspaces"), http.StatusUnauthorized, "", "")
	f.as("").post("/session", map[string]string{"email": f.Owner.Email, "password": "wrong"})
	// What is refused for another reason is no denial.
	f.owner().get("/workspaces/ws_none")

	events, details := f.denials(t)
	if len(events) != 3 {
		t.Fatalf("%d events: %+v", len(events), details)
	}
	if d, a := details[0], events[0].Actor; d != (denied{Route: "POST /weir/v1/workspaces", Permission: "weir.workspaces.write", Code: "insufficient_permissions", Status: 403, Count: 3}) ||
		a.APIKey == nil || a.APIKey.ID != key.ID || a.APIKey.ServiceAccount.ID != account.ID || a.APIKey.UserAgent != "bot\uFFFD/1" || a.APIKey.IPAddress != "127.0.0.1" {
		t.Errorf("a key without the permission: %+v %+v", d, a)
	}
	if d, a := details[1], events[1].Actor; d.Status != 401 || d.Code != "invalid_api_key" || d.Route != "GET /weir/v1/workspaces" ||
		a.Type != "unknown" || a.Unknown == nil || a.Unknown.IPAddress != "127.0.0.1" {
		t.Errorf("a key of nobody's: %+v %+v", d, a)
	}
	if d, a := details[2], events[2].Actor; d.Status != 403 || d.Code != "csrf_token_missing" || a.Session == nil || *a.Session.ID != session.ID || a.Session.User != (auditUser{f.Owner.ID, f.Owner.Email}) {
		t.Errorf("a session without its token: %+v %+v", d, a)
	}
	for _, e := range events {
		if strings.Contains(string(e.Details), "xxxx") || e.ResourceID != nil {
			t.Errorf("the event repeats what was sent: %s", e.Details)
		}
	}
}

// A key that worked once is known by its owner; the caller is told no more than
// of any wrong one.
func TestExpiredKeysAreKnownInTheLog(t *testing.T) {
	f := newFixture(t)
	_, key, secret := f.serviceAccount(f.project().ID, access.ProjectMember)
	_, err := f.Store.Update(t.Context(), f.actor(), func(tx org.Tx) error {
		key.ExpiresAt = time.Now().Add(-time.Hour)
		return tx.UpdateAPIKey(t.Context(), key)
	})
	if err != nil {
		t.Fatal(err)
	}
	res := f.as(secret).get("/workspaces")
	refused(t, res, http.StatusUnauthorized, "invalid_api_key", "")
	if got := res.header.Get("Openai-Organization"); got != "" {
		t.Errorf("the answer names the organization %s", got)
	}
	events, _ := f.denials(t)
	if len(events) != 1 || events[0].Actor.APIKey == nil || events[0].Actor.APIKey.ID != key.ID {
		t.Errorf("%+v", events)
	}
}

// With several organizations, nobody can say whom a wrong key concerns.
func TestStrangersAreInNobodysLog(t *testing.T) {
	f := newFixture(t)
	_, _, other := f.NewOrganization(t, "other@example.com")
	f.as("sk-admin-" + strings.Repeat("x", 40)).get("/workspaces")
	_, _, secret := f.serviceAccount(f.project().ID, access.ProjectMember)
	f.as(secret).post("/workspaces", map[string]any{"name": "mine"})
	if events, details := f.denials(t); len(events) != 1 || details[0].Status != 403 {
		t.Errorf("%+v", details)
	}
	if list := ok[page[event]](t, f.as(other).get("/audit_events?event_types=weir.access.denied")); len(list.Data) > 0 {
		t.Errorf("another organization sees %+v", list.Data)
	}
}

// Denials do not end a session's or a sign-in's own records.
func TestTheFailedSignInIsNoDenial(t *testing.T) {
	f := newFixture(t)
	_, err := f.Identity.SignIn(t.Context(), identity.Credentials{Email: f.Owner.Email, Password: endpointtest.Password + "x"}, identity.From{})
	if !fault.Is(err, fault.Unauthenticated) {
		t.Fatal(err)
	}
	if events, _ := f.denials(t); len(events) != 0 {
		t.Errorf("%+v", events)
	}
}
