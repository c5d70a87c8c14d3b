package orgtest

import (
	"context"
	"testing"
	"time"

	"weir/internal/id"
	"weir/internal/org"
)

func (n *tenant) newIPAllowlist() org.IPAllowlist {
	at := n.clock.next()
	return org.IPAllowlist{
		ID: id.At(id.IPAllowlist, at), OrganizationID: n.org.ID, ProjectID: n.project.ID, Name: "Office",
		AllowedIPs: []string{"192.0.2.0/24", "2001:db8::1"}, Active: true, CreatedAt: at,
	}
}

func ipAllowlistFamily() family {
	return family{
		insert: func(ctx context.Context, tx org.Tx, n *tenant) error {
			n.allowlist = n.newIPAllowlist()
			return tx.InsertIPAllowlist(ctx, n.allowlist)
		},
		probes: func(a *tenant) map[string]probe {
			return map[string]probe{
				"IPAllowlist": func(ctx context.Context, r org.Reader, o string) (any, error) {
					return r.IPAllowlist(ctx, o, a.allowlist.ID)
				},
				"IPAllowlists": lists(a.allowlist, func(ctx context.Context, r org.Reader, o string) (org.Rows[org.IPAllowlist], error) {
					return r.IPAllowlists(ctx, o, org.Page{Limit: 100})
				}),
				"ActiveIPAllowlists": lists(a.allowlist, func(ctx context.Context, r org.Reader, o string) (org.Rows[org.IPAllowlist], error) {
					items, err := r.ActiveIPAllowlists(ctx, o)
					return org.Rows[org.IPAllowlist]{Items: items}, err
				}),
			}
		},
		writes: func(ctx context.Context, a *tenant, o string) map[string]func(org.Tx) error {
			l := a.allowlist
			l.OrganizationID = o
			return map[string]func(org.Tx) error{
				"UpdateIPAllowlist": func(tx org.Tx) error { return tx.UpdateIPAllowlist(ctx, l) },
				"DeleteIPAllowlist": func(tx org.Tx) error { return tx.DeleteIPAllowlist(ctx, o, l.ID) },
			}
		},
		lists: []pageable{{
			name: "IP allowlists",
			insert: func(ctx context.Context, tx org.Tx, n *tenant, at time.Time) (string, error) {
				v := n.newIPAllowlist()
				v.CreatedAt = at
				return v.ID, tx.InsertIPAllowlist(ctx, v)
			},
			remove: func(ctx context.Context, tx org.Tx, n *tenant, rowID string) error {
				return tx.DeleteIPAllowlist(ctx, n.org.ID, rowID)
			},
			list: func(ctx context.Context, r org.Reader, n *tenant, p org.Page) ([]place, bool, error) {
				rows, err := r.IPAllowlists(ctx, n.org.ID, p)
				return places(rows, err, func(v org.IPAllowlist) place { return place{v.CreatedAt, v.ID} })
			},
		}},
	}
}

func ipAllowlists(t *testing.T, s org.Store) {
	n := newTenant(t, s, &clock{})
	ctx, o := t.Context(), n.org.ID
	noun[org.IPAllowlist]{
		label: "IP allowlist", kind: org.ChangeIPAllowlist, id: func(v org.IPAllowlist) string { return v.ID }, create: n.newIPAllowlist,
		change: func(v *org.IPAllowlist) { v.ProjectID, v.AllowedIPs, v.Active = "", []string{"::/0"}, false },
		get: func(ctx context.Context, r org.Reader, v org.IPAllowlist) (org.IPAllowlist, error) {
			return r.IPAllowlist(ctx, o, v.ID)
		},
		insert: func(ctx context.Context, tx org.Tx, v org.IPAllowlist) error { return tx.InsertIPAllowlist(ctx, v) },
		update: func(ctx context.Context, tx org.Tx, v org.IPAllowlist) error { return tx.UpdateIPAllowlist(ctx, v) },
		remove: func(ctx context.Context, tx org.Tx, v org.IPAllowlist) error {
			return tx.DeleteIPAllowlist(ctx, o, v.ID)
		},
	}.check(t, s, o)

	whole, idle := n.newIPAllowlist(), n.newIPAllowlist()
	whole.ProjectID, idle.Active = "", false
	update(t, s, o, func(tx org.Tx) error {
		if err := tx.InsertIPAllowlist(ctx, whole); err != nil {
			return err
		}
		return tx.InsertIPAllowlist(ctx, idle)
	})
	view(t, s, func(r org.Reader) error {
		got, err := r.ActiveIPAllowlists(ctx, o)
		equal(t, "active lists", got, []org.IPAllowlist{n.allowlist, whole})
		return err
	})
}
