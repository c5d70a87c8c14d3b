package nativeapi

import (
	"net/http"
	"net/url"
	"slices"
	"testing"

	"weir/internal/access"
	"weir/internal/id"
	"weir/internal/optional"
	"weir/internal/org"
	"weir/internal/routing"
)

// Every list walked item by item is the list walked whole, and the walk ends
// with the last full page.
func TestListsWalkedByOne(t *testing.T) {
	f := newFixture(t)
	channel := f.channel()
	for range 3 {
		f.channel()
		f.testChannel(channel.ID)
		f.modelEndpoint(f.newWorkspace().ID)
		f.connection()
		f.scimToken()
		f.allowlist("", false, "192.0.2.1")
		account, _, _ := f.serviceAccount(f.Organization.DefaultProjectID, access.ProjectMember)
		f.join(f.workspace.ID, account.ID, access.WorkspaceMember)
		e := sample()
		e.ID = id.Request()
		f.request(e)
		f.signIn()
	}
	f.Prober.Result = routing.Probe{APIKey: &routing.KeyProbe{OK: true, Models: []string{"b", "a", "c"}}}
	conn, _, err := f.Org.CreateConnection(t.Context(), f.actor(), org.ConnectionFields{Name: optional.Of("x"), Provider: optional.Of("sandbox")})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"/connections", "/workspaces", "/workspaces/" + f.workspace.ID + "/members", "/model_endpoints", "/requests", "/audit_events", "/sessions", "/ip_allowlists", "/scim_tokens",
		"/notification_channels", "/notification_channels/" + channel.ID + "/deliveries", "/deliveries",
		"/connections/" + conn.ID + "/models",
	} {
		type item struct{ ID string }
		whole := ok[page[item]](t, f.owner().get(path+"?limit=100"))
		if len(whole.Data) < 3 || whole.HasMore || *whole.FirstID != whole.Data[0].ID || *whole.LastID != whole.Data[len(whole.Data)-1].ID {
			t.Errorf("%s: %+v", path, whole)
		}
		var walked []item
		for next := "?limit=1"; next != ""; {
			p := ok[page[item]](t, f.owner().get(path+next))
			walked = append(walked, p.Data...)
			if next = ""; p.HasMore {
				next = "?limit=1&after=" + url.QueryEscape(*p.LastID)
			}
			if len(walked) > len(whole.Data) {
				break
			}
		}
		if !slices.Equal(walked, whole.Data) {
			t.Errorf("%s: walked %v, whole %v", path, walked, whole.Data)
		}
	}
}

// Ids of another organization are ids of nothing.
func TestOrganizationsAreApart(t *testing.T) {
	f := newFixture(t)
	_, foreignUser, foreign := f.NewOrganization(t, "else@example.com")
	stranger := f.as(foreign)
	for _, e := range f.api.Endpoints() {
		if e.Open || e.Route() == "DELETE /weir/v1/session" {
			continue
		}
		path, body := f.target(e.Route())
		a := stranger.call(e.Method, path, body)
		switch e.Path {
		case "/weir/v1/connections", "/weir/v1/workspaces", "/weir/v1/model_endpoints", "/weir/v1/requests", "/weir/v1/audit_events", "/weir/v1/audit_chain", "/weir/v1/me", "/weir/v1/sessions", "/weir/v1/password",
			"/weir/v1/totp", "/weir/v1/totp/confirm", "/weir/v1/totp/recovery_codes", "/weir/v1/totp/disable",
			"/weir/v1/rate_limits", "/weir/v1/rate_limits/{rate_limit_id}",
			"/weir/v1/ip_allowlists", "/weir/v1/scim_tokens", "/weir/v1/notification_channels", "/weir/v1/deliveries":
			continue // its own
		case "/weir/v1/ip_allowlists/activate", "/weir/v1/ip_allowlists/deactivate":
			refused(t, a, http.StatusBadRequest, "invalid_value", "ip_allowlist_ids[0]")
			continue
		}
		refused(t, a, http.StatusNotFound, "not_found", "")
	}
	for body, want := range map[string][2]string{
		`{"name":"x","provider":"sandbox","workspace_ids":["` + f.workspace.ID + `"]}`:         {"/connections", "workspace_ids[0]"},
		`{"name":"x","project_ids":["` + f.Organization.DefaultProjectID + `"]}`:               {"/workspaces", "project_ids[0]"},
		`{"name":"x","upstreams":[{"connection_id":"` + f.connection().ID + `","model":"m"}]}`: {"/model_endpoints", "upstreams[0].connection_id"},
	} {
		refused(t, stranger.post(want[0], body), http.StatusBadRequest, "invalid_value", want[1])
	}
	refused(t, f.owner().post("/workspaces/"+f.workspace.ID+"/members", map[string]string{"principal_id": foreignUser.ID, "role": "admin"}),
		http.StatusBadRequest, "invalid_value", "principal_id")
	// The calls above made the stranger a connection, and a workspace beside its
	// default one.
	for path, n := range map[string]int{"/connections": 1, "/model_endpoints": 0, "/workspaces": 2, "/requests": 0} {
		if got := ok[page[any]](t, stranger.get(path)); len(got.Data) != n {
			t.Errorf("%s shows %v", path, got.Data)
		}
	}
}
