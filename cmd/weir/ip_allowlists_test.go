package main

import (
	"testing"

	"weir/internal/audit"
	"weir/internal/org"
)

// Who is locked out can be let in on the machine, one organization at a time and
// on record; the lists are kept.
func TestIPAllowlistsAreDeactivatedOffline(t *testing.T) {
	eachInstall(t, func(t *testing.T, in *install) {
		var whole, ofProject org.IPAllowlist
		var second string
		ctx := t.Context()
		in.node(func(n *node) {
			for _, id := range in.organizations(n) {
				if id != in.first {
					second = id
				}
				projects, err := n.org.Projects(ctx, id, org.ProjectFilter{Page: org.Page{Limit: 1}})
				if err != nil {
					t.Fatal(err)
				}
				for _, projectID := range []string{"", projects.Items[0].ID} {
					l, err := n.org.CreateIPAllowlist(ctx, audit.System(id), org.NewIPAllowlist{Name: "Old office", ProjectID: projectID, AllowedIPs: []string{"192.0.2.0/24"}})
					if err == nil {
						l, err = n.org.ToggleIPAllowlist(ctx, audit.System(id), l.ID, true)
					}
					if err != nil {
						t.Fatal(err)
					}
					if id == in.first && projectID == "" {
						whole = l
					} else if id == in.first {
						ofProject = l
					}
				}
			}
		})
		in.wants(2, "there are 2 organizations", "ip-allowlists", "deactivate")
		in.wants(1, "there is no organization", "ip-allowlists", "deactivate", "--organization", "org-none")
		in.wants(2, "say what to do", "ip-allowlists")
		in.wants(0, "Usage: weir ip-allowlists", "ip-allowlists", "--help")
		in.wants(0, "deactivated "+whole.ID+" (Old office): 192.0.2.0/24", "ip-allowlists", "deactivate", "--organization", in.first)
		in.wants(0, "may be called from everywhere", "ip-allowlists", "deactivate", "--organization", in.first)
		in.wants(0, "hold", "audit", "verify")
		in.node(func(n *node) {
			for l, active := range map[*org.IPAllowlist]bool{&whole: false, &ofProject: true} {
				if got, err := n.org.IPAllowlist(ctx, in.first, l.ID); err != nil || got.Active != active {
					t.Errorf("%+v (%v)", got, err)
				}
			}
			others, err := n.org.IPAllowlists(ctx, second, org.Page{Limit: 9})
			if err != nil || len(others.Items) != 2 || !others.Items[0].Active || !others.Items[1].Active {
				t.Errorf("the other organization's: %+v (%v)", others, err)
			}
			events, err := n.org.AuditEvents(ctx, in.first, audit.Query{Limit: 1})
			if err != nil || events.Items[0].Action != audit.IPAllowlistsDeactivated.Name || events.Items[0].ResourceID != whole.ID || events.Items[0].Actor.Type != audit.ActorSystem {
				t.Errorf("recorded %+v (%v)", events.Items, err)
			}
		})
	})
}
