package e2e

import (
	"net/http"
	"testing"
)

// people makes what an organization has of invitations, sign-ins, addresses and
// spend alerts. create makes one and notes its id under a path variable.
func (x *tenant) people(t *testing.T, create func(variable, path string, body map[string]any)) {
	t.Helper()
	var me struct{ ID, Email string }
	x.must(t, "GET", "/weir/v1/me", nil, &me)
	x.ids["user_id"] = me.ID

	var reset struct{ Token string }
	x.must(t, "POST", "/weir/v1/users/"+me.ID+"/password_reset", nil, &reset)
	const password = "a long enough passphrase"
	x.must(t, "POST", "/weir/v1/password_reset/accept", map[string]any{"token": reset.Token, "new_password": password}, nil)
	create("session_id", "/weir/v1/session", map[string]any{"email": me.Email, "password": password})

	create("invite_id", "/v1/organization/invites", map[string]any{"email": "new@example.com", "role": "reader"})
	create("ip_allowlist_id", "/weir/v1/ip_allowlists", map[string]any{"name": "office", "allowed_ips": []string{"192.0.2.0/24"}})
	create("alert_id", "/v1/organization/spend_alerts", map[string]any{
		"threshold_amount": 100, "currency": "USD", "interval": "month",
		"notification_channel": map[string]any{"type": "email", "recipients": []string{"finance@example.com"}},
	})
	var token struct{ ID, Value string }
	x.must(t, "POST", "/weir/v1/scim_tokens", map[string]any{"name": "directory"}, &token)
	x.ids["scim_token_id"], x.directory = token.ID, token.Value
}

// peopled are the addresses that show what people made.
func (x *tenant) peopled() []string {
	return []string{
		"/weir/v1/sessions", "/v1/organization/invites", "/weir/v1/ip_allowlists", "/v1/organization/spend_alerts", "/weir/v1/scim_tokens",
		"/v1/organization/projects/" + x.ids["project_id"] + "/rate_limits",
	}
}

// An identity provider's token reaches the people and groups of its own
// organization, and is no key of anything else.
func TestDirectoriesAreApart(t *testing.T) {
	a, b := twoTenants(t)
	before := b.everything(t)
	for _, path := range []string{"/scim/v2/Users/" + b.ids["user_id"], "/scim/v2/Groups/" + b.ids["group_id"]} {
		for method, body := range map[string]any{
			"GET": nil, "DELETE": nil,
			"PATCH": map[string]any{
				"schemas":    []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
				"Operations": []any{map[string]any{"op": "replace", "value": map[string]any{"displayName": "taken over"}}},
			},
		} {
			if status, raw := call(t, method, a.address+path, a.directory, body, nil); status != http.StatusNotFound {
				t.Errorf("%s %s of the other organization: %d %s", method, path, status, raw)
			}
			if status, raw := call(t, method, a.address+path, a.key, body, nil); status != http.StatusUnauthorized {
				t.Errorf("%s %s with an admin key: %d %s", method, path, status, raw)
			}
		}
	}
	for _, path := range []string{"/v1/organization/users", "/weir/v1/me", "/v1/models"} {
		if status, raw := call(t, "GET", a.address+path, a.directory, nil, nil); status != http.StatusUnauthorized {
			t.Errorf("%s with a directory's token: %d %s", path, status, raw)
		}
	}
	if after := b.everything(t); after != before {
		t.Errorf("the other organization has changed:\n%s\n%s", before, after)
	}
}
