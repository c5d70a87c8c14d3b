package e2e

import "testing"

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
}

// peopled are the addresses that show what people made.
func (x *tenant) peopled() []string {
	return []string{
		"/weir/v1/sessions", "/v1/organization/invites", "/weir/v1/ip_allowlists", "/v1/organization/spend_alerts",
		"/v1/organization/projects/" + x.ids["project_id"] + "/rate_limits",
	}
}
