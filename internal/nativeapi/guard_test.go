package nativeapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint/endpointtest"
	"weir/internal/org"
)

// target makes what a route acts on and returns a call of it that succeeds for
// the owner.
func (f *fixture) target(route string) (path string, body any) {
	method, pattern, _ := strings.Cut(route, " ")
	pattern = strings.TrimPrefix(pattern, root)
	write := method == http.MethodPost
	switch pattern {
	case "/connections":
		if write {
			body = map[string]any{"name": f.name(), "provider": "openai", "api_key": "sk-upstream-0123456789abcdef"}
		}
		return pattern, body
	case "/connections/{connection_id}", "/connections/{connection_id}/models":
		return strings.Replace(pattern, "{connection_id}", f.connection().ID, 1), changeIf(write, "description", "new")
	case "/workload_identity/token":
		return pattern, f.workload().exchange()
	case "/workspaces":
		return pattern, changeIf(write, "name", f.name())
	case "/workspaces/{workspace_id}":
		if method == http.MethodGet || write {
			return "/workspaces/" + f.workspace.ID, changeIf(write, "project_ids", nil)
		}
		w := f.newWorkspace()
		for _, principal := range f.principals {
			f.join(w.ID, principal.id, principal.role)
		}
		return "/workspaces/" + w.ID, nil
	case "/workspaces/{workspace_id}/members":
		if write {
			account, _, _ := f.serviceAccount(f.Organization.DefaultProjectID, access.ProjectMember)
			body = map[string]any{"principal_id": account.ID, "role": "member"}
		}
		return "/workspaces/" + f.workspace.ID + "/members", body
	case "/workspaces/{workspace_id}/members/{principal_id}":
		account, _, _ := f.serviceAccount(f.Organization.DefaultProjectID, access.ProjectMember)
		f.join(f.workspace.ID, account.ID, access.WorkspaceMember)
		return "/workspaces/" + f.workspace.ID + "/members/" + account.ID, nil
	case "/model_endpoints":
		if write {
			body = map[string]any{"name": f.name(), "upstreams": []any{map[string]any{"connection_id": f.connection().ID, "model": "gpt-4o-mini"}}}
		}
		return pattern, body
	case "/model_endpoints/{model_endpoint_id}":
		return "/model_endpoints/" + f.modelEndpoint(f.workspace.ID).ID, changeIf(write, "enabled", false)
	case "/projects/{project_id}/api_keys":
		return "/projects/" + f.Organization.DefaultProjectID + "/api_keys", map[string]any{"name": "key"}
	case "/projects/{project_id}/api_keys/{api_key_id}/rotate":
		_, key, _ := f.serviceAccount(f.Organization.DefaultProjectID, access.ProjectMember)
		return "/projects/" + f.Organization.DefaultProjectID + "/api_keys/" + key.ID + "/rotate", map[string]any{}
	case "/admin_api_keys":
		return pattern, map[string]any{"name": "key", "owner_user_id": f.Owner.ID}
	case "/admin_api_keys/{key_id}/rotate":
		key, _, err := f.Org.CreateAdminKey(f.t.Context(), f.actor(), org.NewAdminKey{Name: "key", UserID: f.Owner.ID})
		return "/admin_api_keys/" + must[org.AdminKey](f.t)(key, err).ID + "/rotate", map[string]any{"overlap_seconds": 60}
	case "/requests/{request_id}":
		return "/requests/" + f.request(sample()).ID, nil
	case "/session":
		f.withoutSecondFactor(f.Owner.ID)
		if write {
			body = map[string]any{"email": f.Owner.Email, "password": endpointtest.Password}
		}
		return pattern, body
	case "/sessions", "/sessions/{session_id}", "/password", "/password_reset/accept", "/users/{user_id}/password_reset":
		return f.signInTarget(pattern)
	case "/totp", "/totp/confirm", "/totp/recovery_codes", "/totp/disable", "/users/{user_id}/totp":
		return f.totpTarget(pattern)
	case "/rate_limits", "/rate_limits/{rate_limit_id}", "/projects/{project_id}/rate_limits/{rate_limit_id}":
		return f.rateLimitTarget(pattern, write)
	case "/ip_allowlists", "/ip_allowlists/activate", "/ip_allowlists/deactivate", "/ip_allowlists/{ip_allowlist_id}",
		"/ip_allowlists/{ip_allowlist_id}/activate", "/ip_allowlists/{ip_allowlist_id}/deactivate":
		return f.ipAllowlistTarget(method, pattern)
	case "/users/{user_id}/identities", "/users/{user_id}/identities/{provider}":
		f.link(f.Owner.ID)
		return strings.NewReplacer("{user_id}", f.Owner.ID, "{provider}", "linked").Replace(pattern), nil
	case "/invites/{invite_id}/link", "/invites/accept":
		return f.inviteTarget(pattern)
	case "/scim_tokens", "/scim_tokens/{scim_token_id}":
		return f.scimTokenTarget(method, pattern)
	case "/notification_channels", "/notification_channels/{notification_channel_id}", "/notification_channels/{notification_channel_id}/deliveries",
		"/notification_channels/{notification_channel_id}/test":
		return f.channelTarget(method, pattern)
	case "/oidc/{provider}/start":
		return "/oidc/test/start", nil
	case "/oidc/{provider}/callback":
		return f.begin("test", "").path, nil
	case "/explain":
		_, key, _ := f.serviceAccount(f.Organization.DefaultProjectID, access.ProjectMember)
		return pattern, map[string]any{"api_key_id": key.ID, "model": "gpt-4o-mini"}
	case "/oidc", "/requests", "/audit_events", "/audit_chain", "/me", "/openapi.json", "/deliveries":
		return pattern, nil
	}
	f.t.Fatalf("no call of %s is known", route)
	return "", nil
}

func changeIf(write bool, field string, value any) any {
	if !write {
		return nil
	}
	return map[string]any{field: value}
}

// ofMyself are the paths for which it is enough to be known: they are about the
// caller, and what is about others their handlers ask for.
var ofMyself = []string{
	root + "/me", root + "/session", root + "/sessions", root + "/sessions/{session_id}", root + "/password",
	root + "/totp", root + "/totp/confirm", root + "/totp/recovery_codes", root + "/totp/disable",
}

func TestEveryRowIsGuarded(t *testing.T) {
	f := newFixture(t)
	for _, e := range f.api.Endpoints() {
		switch {
		case e.Open && e.Needs != access.Authenticated:
			t.Errorf("%s is open and yet names a permission", e.Route())
		case e.Open:
		case e.Needs == access.Authenticated && !slices.Contains(ofMyself, e.Path):
			t.Errorf("%s asks for no permission", e.Route())
		}
		if mutates := e.Method != http.MethodGet && e.Path != root+"/explain" || strings.HasSuffix(e.Path, "/callback"); mutates != (len(e.Records) > 0) {
			t.Errorf("%s records %v", e.Route(), e.Records)
		}
	}
}

// Every call that changes something leaves exactly the audit events that its
// row names, and no other call leaves any.
func TestRowsRecordWhatTheySay(t *testing.T) {
	f := newFixture(t)
	for _, e := range f.api.Endpoints() {
		t.Run(e.Route(), func(t *testing.T) {
			as := f.owner()
			path, body := f.target(e.Route())
			switch e.Route() {
			case "DELETE /weir/v1/session", "POST /weir/v1/password", "POST /weir/v1/totp", "POST /weir/v1/totp/confirm",
				"POST /weir/v1/totp/recovery_codes", "POST /weir/v1/totp/disable":
				as = f.browserOf(f.Owner)
			}
			before := f.lastSeq()
			calls := 1
			if e.Route() == "POST /weir/v1/workspaces/{workspace_id}/members" {
				calls = 2 // the first adds, the second changes
			}
			for range calls {
				if a := f.carrying(as, e.Path).call(e.Method, path, body); a.status != http.StatusOK && a.status != http.StatusFound {
					t.Fatalf("%s: %d %s", a.call, a.status, a.body)
				}
			}
			var got, want []string
			for _, event := range f.events(before) {
				got = append(got, event.Action+" "+event.Type)
				others := e.Path == root+"/workload_identity/token" || e.Path == root+"/invites/accept" // a program's, and who has just joined
				if event.Actor.UserID != f.Owner.ID && !others {
					t.Errorf("%s: the actor is %+v", event.Action, event.Actor)
				}
			}
			for _, action := range e.Records {
				want = append(want, action.Name+" "+action.Type)
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("recorded %v, want %v", got, want)
			}
		})
	}
}

// A refused call leaves nothing behind.
func TestRefusedCallsRecordNothing(t *testing.T) {
	f := newFixture(t)
	_, reader := f.user(access.OrganizationReader)
	for _, e := range f.api.Endpoints() {
		if e.Open || e.Needs == access.Authenticated {
			continue
		}
		path, body := f.target(e.Route())
		before := f.lastSeq()
		refused(t, f.as(reader).call(e.Method, path, body), http.StatusForbidden, "insufficient_permissions", "")
		if events := f.events(before); len(events) > 0 {
			t.Errorf("%s left %v", e.Route(), slices.Collect(names(events)))
		}
	}
}

func names(events []audit.Event) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, e := range events {
			if !yield(e.Action) {
				return
			}
		}
	}
}
