package gateway

import (
	"context"
	"strings"
	"testing"
	"time"

	"weir/internal/audit"
	"weir/internal/optional"
	"weir/internal/org"
	"weir/internal/upstream/upstreamtest"
)

// A key is taken from the addresses that its organization's and its project's
// active lists hold, as soon as a change of them has returned.
func TestAddressesOfCallers(t *testing.T) {
	r := newRig(t, func(g *Gateway) { g.Identity.Denials = &audit.Denials{} })
	r.provider.Always(upstreamtest.JSON(200, chatBody))
	ctx, who := t.Context(), audit.System(r.actor.OrganizationID)
	other, _, _, otherKey := r.newProject(t, "other")
	owner, err := r.org.Users(ctx, who.OrganizationID, org.UserFilter{Page: org.Page{Limit: 1}})
	must(t, err)
	_, adminKey, err := r.org.CreateAdminKey(ctx, r.actor, org.NewAdminKey{Name: "admin", UserID: owner.Items[0].ID})
	must(t, err)
	list := func(projectID string, allowed ...string) string {
		l, err := r.org.CreateIPAllowlist(ctx, who, org.NewIPAllowlist{Name: "list", ProjectID: projectID, AllowedIPs: allowed})
		must(t, err)
		return l.ID
	}
	toggle := func(active bool, ids ...string) {
		_, err := r.org.ToggleIPAllowlists(ctx, who, ids, active)
		must(t, err)
	}
	ofOther, whole, near := list(other.ID, "192.0.2.0/24"), list("", "2001:db8::/32", "192.0.2.1"), list("", "127.0.0.1")
	equal(t, "no list is active", r.status(t, "", chatModel), 200)

	toggle(true, ofOther)
	equal(t, "the other project's list", r.status(t, "", chatModel), 200)
	envelopeOf(t, r.do(t, call{key: otherKey, body: chat("")}), 403, org.CodeAddressRefused, "")

	toggle(true, whole)
	served := len(r.provider.Requests())
	for _, c := range []call{
		{body: chat("")},
		{path: "/v1/models", method: "GET"},
		{path: "/v1/files", method: "GET"},
		{key: adminKey, body: chat("")},
	} {
		envelopeOf(t, r.do(t, c), 403, org.CodeAddressRefused, "")
	}
	refused := r.do(t, call{body: chat("")})
	equal(t, "requests to the provider", len(r.provider.Requests()), served)
	events := r.ledger.of(refused.Header.Get("X-Request-Id"))
	if len(events) != 1 || events[0].Status != 403 || events[0].ErrorCode != org.CodeAddressRefused || events[0].ProjectID != r.project.ID {
		t.Errorf("in the request log: %+v", events)
	}
	if !strings.Contains(r.log.String(), `"ip_address":"127.0.0.1"`) {
		t.Error("the access record does not say where a request comes from")
	}
	envelopeOf(t, r.do(t, call{key: "sk-proj-" + strings.Repeat("0", 48), body: chat("")}), 401, "invalid_api_key", "")

	toggle(true, near)
	equal(t, "another list holds the address", r.status(t, "", chatModel), 200)
	equal(t, "the project's does not", r.status(t, otherKey, chatModel), 403)
	toggle(false, near)
	equal(t, "deactivated", r.status(t, "", chatModel), 403)
	_, err = r.org.UpdateIPAllowlist(ctx, who, whole, org.IPAllowlistChange{AllowedIPs: optional.Of([]string{"127.0.0.0/8"})})
	must(t, err)
	equal(t, "changed", r.status(t, "", chatModel), 200)
	must(t, r.org.DeleteIPAllowlist(ctx, who, ofOther))
	equal(t, "deleted", r.status(t, otherKey, chatModel), 200)

	var denied []audit.Denied
	must(t, r.Identity.Denials.Flush(ctx, time.Time{}, func(_ context.Context, d []audit.Denied, _ []audit.Omitted) error {
		denied = d
		return nil
	}))
	found := false
	for _, d := range denied {
		found = found || d.Code == org.CodeAddressRefused && d.Actor.APIKeyID == r.keyID && d.Actor.IPAddress == "127.0.0.1" && d.Route == "POST /chat/completions"
	}
	if !found {
		t.Errorf("denied: %+v", denied)
	}
}
