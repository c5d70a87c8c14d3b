package org_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/optional"
	"weir/internal/org"
	"weir/internal/peer"
	"weir/internal/sqldb"
	"weir/internal/sqldb/sqldbtest"
)

// The rules are what the lists say, read one by one: some list of the
// organization where it has any, and some list of the project where that has any.
func TestAddressRules(t *testing.T) {
	texts := []string{"192.0.2.0/24", "192.0.2.1", "198.51.100.0/25", "0.0.0.0/0", "2001:db8::/32", "::1"}
	addresses := []string{"192.0.2.1", "192.0.2.2", "198.51.100.1", "198.51.100.200", "203.0.113.1", "2001:db8::5", "::1", "::2", ""}
	rapid.Check(t, func(rt *rapid.T) {
		lists := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) org.IPAllowlist {
			return org.IPAllowlist{
				ProjectID:  rapid.SampledFrom([]string{"", "", "p", "q"}).Draw(rt, "project"),
				AllowedIPs: rapid.SliceOfN(rapid.SampledFrom(texts), 1, 3).Draw(rt, "allowed"),
			}
		}), 0, 4).Draw(rt, "lists")
		project := rapid.SampledFrom([]string{"", "p", "q", "r"}).Draw(rt, "caller's project")
		at, _ := netip.ParseAddr(rapid.SampledFrom(addresses).Draw(rt, "address"))
		allowed := func(projectID string) bool {
			some, held := false, false
			for _, l := range lists {
				if l.ProjectID != projectID {
					continue
				}
				some = true
				for _, text := range l.AllowedIPs {
					network, err := peer.ParseNetwork(text)
					held = held || err == nil && network.Contains(at)
				}
			}
			return !some || held
		}
		want := allowed("") && (project == "" || allowed(project))
		if got := org.NewAddressRules(lists).Allow(project, at); got != want {
			rt.Fatalf("%v from %s with a key of %q: %v, want %v", lists, at, project, got, want)
		}
	})
}

// Two administrators at different places change the same lists at once. Whatever
// the order, every change that stands left its author inside.
func TestConcurrentChangesOfIPAllowlists(t *testing.T) {
	sqldbtest.EachEngine(t, func(t *testing.T, open func() *sqldb.DB) {
		n, ctx := newTenant(t, open), t.Context()
		contents := [][]string{{"192.0.2.0/24"}, {"198.51.100.0/24"}, {"192.0.2.1", "198.51.100.0/24"}, {"2001:db8::/32"}}
		var ids []string
		for i := range 3 {
			l, err := n.CreateIPAllowlist(ctx, n.by.Actor, org.NewIPAllowlist{Name: fmt.Sprint("list ", i), AllowedIPs: contents[i]})
			check(t, err)
			ids = append(ids, l.ID)
		}
		var wg sync.WaitGroup
		for i, address := range []string{"192.0.2.1", "198.51.100.1", "192.0.2.1", "198.51.100.1"} {
			wg.Go(func() {
				who := audit.Actor{OrganizationID: n.by.OrganizationID, Type: audit.ActorAPIKey, UserID: n.owner, APIKeyID: "key_x", IPAddress: address}
				dice := rand.New(rand.NewPCG(uint64(i), 7))
				for range 25 {
					var err error
					if dice.IntN(3) == 0 {
						_, err = n.UpdateIPAllowlist(ctx, who, ids[dice.IntN(3)], org.IPAllowlistChange{AllowedIPs: optional.Of(contents[dice.IntN(4)])})
					} else {
						some := slices.Clone(ids)
						dice.Shuffle(3, func(i, j int) { some[i], some[j] = some[j], some[i] })
						_, err = n.ToggleIPAllowlists(ctx, who, some[:1+dice.IntN(3)], dice.IntN(3) > 0)
					}
					var f *fault.Error
					if err != nil && (!errors.As(err, &f) || f.Code != "ip_allowlist_lockout") {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		replayed := replayAllowlists(t, n)
		for _, l := range replayed {
			now, err := n.IPAllowlist(ctx, n.by.OrganizationID, l.ID)
			check(t, err)
			if now.Active != l.Active || !slices.Equal(now.AllowedIPs, l.AllowedIPs) {
				t.Errorf("the log comes to %+v, and it is %+v", l, now)
			}
		}
	})
}

// replayAllowlists follows the audit log and holds the author of every change
// against the lists as they were after it.
func replayAllowlists(t *testing.T, n *tenant) map[string]*org.IPAllowlist {
	t.Helper()
	lists := map[string]*org.IPAllowlist{}
	changes := 0
	check(t, n.Store.View(t.Context(), func(r org.Reader) error {
		return r.AuditChain(t.Context(), n.by.OrganizationID, 0, func(e audit.Event) error {
			var d struct {
				ID         string
				AllowedIPs []string `json:"allowed_ips"`
				Configs    []struct{ ID string }
			}
			if err := json.Unmarshal(e.Details, &d); err != nil {
				return err
			}
			switch e.Action {
			case audit.IPAllowlistCreated.Name:
				lists[d.ID] = &org.IPAllowlist{ID: d.ID, AllowedIPs: d.AllowedIPs}
			case audit.IPAllowlistUpdated.Name:
				lists[d.ID].AllowedIPs = d.AllowedIPs
			case audit.IPAllowlistsActivated.Name, audit.IPAllowlistsDeactivated.Name:
				for _, c := range d.Configs {
					lists[c.ID].Active = e.Action == audit.IPAllowlistsActivated.Name
				}
			default:
				return nil
			}
			changes++
			var active []org.IPAllowlist
			for _, l := range lists {
				if l.Active {
					active = append(active, *l)
				}
			}
			if e.Actor.Type == audit.ActorSystem {
				return nil
			}
			if at, err := netip.ParseAddr(e.Actor.IPAddress); err != nil || !org.NewAddressRules(active).Allow("", at) {
				t.Errorf("%s at %s kept its author out: %+v (%v)", e.Action, e.Actor.IPAddress, active, err)
			}
			return nil
		})
	}))
	if changes < 10 {
		t.Errorf("%d changes are too few to tell", changes)
	}
	return lists
}

// However many create lists at once, there are no more than 50.
func TestIPAllowlistsAreBoundedAtOnce(t *testing.T) {
	sqldbtest.EachEngine(t, func(t *testing.T, open func() *sqldb.DB) {
		n, ctx := newTenant(t, open), t.Context()
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				for range 10 {
					_, _ = n.CreateIPAllowlist(ctx, n.by.Actor, org.NewIPAllowlist{Name: "x", AllowedIPs: []string{"::1"}}) // some must fail
				}
			})
		}
		wg.Wait()
		kept, err := n.IPAllowlists(ctx, n.by.OrganizationID, org.Page{Limit: 100})
		check(t, err)
		if len(kept.Items) != 50 {
			t.Errorf("%d lists", len(kept.Items))
		}
	})
}
