package gateway

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/audit"
	"weir/internal/org"
)

// Calls that are refused for their key are noted, each with what is known of it,
// and nothing of what they held.
func TestRefusedKeysAreNoted(t *testing.T) {
	r := newRig(t, func(g *Gateway) { g.Identity.Denials = &audit.Denials{} })
	ctx := t.Context()
	owner, err := r.org.Users(ctx, r.actor.OrganizationID, org.UserFilter{Page: org.Page{Limit: 1}})
	must(t, err)
	admin, adminKey, err := r.org.CreateAdminKey(ctx, r.actor, org.NewAdminKey{Name: "admin", UserID: owner.Items[0].ID})
	must(t, err)
	stranger := "sk-proj-" + strings.Repeat("0", 48)
	for range 3 {
		envelopeOf(t, r.do(t, call{key: stranger, body: chat("")}), 401, "invalid_api_key", "")
	}
	envelopeOf(t, r.do(t, call{key: adminKey, path: "/v1/models", method: "GET"}), 403, "insufficient_permissions", "")
	r.do(t, call{path: "/v1/nothing/at/all", method: "PATCH"})
	r.do(t, call{body: `{"model":"none","messages":[]}`}) // 404: not for its key

	var got []string
	must(t, r.Identity.Denials.Flush(ctx, time.Time{}, func(_ context.Context, denied []audit.Denied, _ []audit.Omitted) error {
		for _, d := range denied {
			got = append(got, strings.Join([]string{string(d.Actor.Type), d.Actor.APIKeyID, d.Route, d.Code, d.Actor.IPAddress}, " "))
			if d.Actor.Type == audit.ActorUnknown && d.Count != 3 {
				t.Errorf("%d calls of a stranger", d.Count)
			}
		}
		return nil
	}))
	slices.Sort(got)
	want := []string{
		"api_key " + admin.ID + " GET other insufficient_permissions 127.0.0.1",
		"unknown  POST /chat/completions invalid_api_key 127.0.0.1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("noted %q, want %q", got, want)
	}
}
