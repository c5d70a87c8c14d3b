package adminapi_test

import (
	"slices"
	"testing"

	"github.com/openai/openai-go/v3"

	"weir/internal/org"
)

// Lists of addresses are managed by weir's own API; what is done to them is in
// OpenAI's log, in its shapes.
func TestIPAllowlistEventsThroughSDK(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	who := w.actor()
	who.IPAddress = "192.0.2.9"
	first, err := w.Org.CreateIPAllowlist(ctx, who, org.NewIPAllowlist{Name: "office", AllowedIPs: []string{"192.0.2.0/24"}})
	must(t, first, err)
	second, err := w.Org.CreateIPAllowlist(ctx, who, org.NewIPAllowlist{Name: "home", AllowedIPs: []string{"2001:db8::1"}})
	must(t, second, err)
	changed, err := w.Org.UpdateIPAllowlist(ctx, who, second.ID, org.IPAllowlistChange{})
	must(t, changed, err)
	for _, active := range []bool{true, false} {
		lists, err := w.Org.ToggleIPAllowlists(ctx, who, []string{first.ID, second.ID}, active)
		must(t, lists, err)
	}
	if err := w.Org.DeleteIPAllowlist(ctx, who, first.ID); err != nil {
		t.Fatal(err)
	}
	page, err := w.client.Admin.Organization.AuditLogs.List(ctx, openai.AdminOrganizationAuditLogListParams{EventTypes: []string{
		"ip_allowlist.created", "ip_allowlist.updated", "ip_allowlist.deleted", "ip_allowlist.config.activated", "ip_allowlist.config.deactivated",
	}})
	if err != nil || len(page.Data) != 6 {
		t.Fatalf("%+v (%v)", page, err)
	}
	gone, off, on, update, made := page.Data[0], page.Data[1], page.Data[2], page.Data[3], page.Data[5]
	if d := gone.IPAllowlistDeleted; d.ID != first.ID || d.Name != "office" || !slices.Equal(d.AllowedIPs, first.AllowedIPs) {
		t.Errorf("deleted: %s", gone.RawJSON())
	}
	if c := off.IPAllowlistConfigDeactivated.Configs; len(c) != 2 || c[0].ID != first.ID || c[1].Name != "home" {
		t.Errorf("deactivated: %s", off.RawJSON())
	}
	if c := on.IPAllowlistConfigActivated.Configs; len(c) != 2 || c[0].Name != "office" || c[1].ID != second.ID {
		t.Errorf("activated: %s", on.RawJSON())
	}
	if d := update.IPAllowlistUpdated; d.ID != second.ID || !slices.Equal(d.AllowedIPs, second.AllowedIPs) {
		t.Errorf("updated: %s", update.RawJSON())
	}
	if d := made.IPAllowlistCreated; d.ID != first.ID || d.Name != "office" || !slices.Equal(d.AllowedIPs, first.AllowedIPs) {
		t.Errorf("created: %s", made.RawJSON())
	}
}
