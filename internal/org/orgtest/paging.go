package orgtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/org"
	"weir/internal/routing"
)

// place is a row's place in a list.
type place struct {
	at time.Time
	id string
}

// pageable is one list: how rows come into it, leave it and are read. remove is
// nil where the store has no such method.
type pageable struct {
	name   string
	insert func(ctx context.Context, tx org.Tx, n *tenant, at time.Time) (rowID string, err error)
	remove func(ctx context.Context, tx org.Tx, n *tenant, rowID string) error
	list   func(ctx context.Context, r org.Reader, n *tenant, p org.Page) (ids []place, more bool, err error)
}

// places turns rows into their places.
func places[T any](rows org.Rows[T], err error, of func(T) place) ([]place, bool, error) {
	var out []place
	for _, row := range rows.Items {
		out = append(out, of(row))
	}
	return out, rows.More, err
}

func pageables() []pageable {
	all := []pageable{
		{
			name: "users",
			insert: func(ctx context.Context, tx org.Tx, n *tenant, at time.Time) (string, error) {
				v := n.newUser()
				v.CreatedAt = at
				return v.ID, tx.InsertUser(ctx, v)
			},
			remove: func(ctx context.Context, tx org.Tx, n *tenant, rowID string) error {
				_, err := tx.DeleteUser(ctx, n.org.ID, rowID)
				return err
			},
			list: func(ctx context.Context, r org.Reader, n *tenant, p org.Page) ([]place, bool, error) {
				rows, err := r.Users(ctx, n.org.ID, org.UserFilter{Page: p})
				return places(rows, err, func(v org.User) place { return place{v.CreatedAt, v.ID} })
			},
		},
		{
			name: "projects",
			insert: func(ctx context.Context, tx org.Tx, n *tenant, at time.Time) (string, error) {
				v := n.newProject()
				v.CreatedAt = at
				return v.ID, tx.InsertProject(ctx, v)
			},
			list: func(ctx context.Context, r org.Reader, n *tenant, p org.Page) ([]place, bool, error) {
				rows, err := r.Projects(ctx, n.org.ID, org.ProjectFilter{Page: p})
				return places(rows, err, func(v org.Project) place { return place{v.CreatedAt, v.ID} })
			},
		},
		{
			name: "service accounts",
			insert: func(ctx context.Context, tx org.Tx, n *tenant, at time.Time) (string, error) {
				v := n.newServiceAccount()
				v.CreatedAt = at
				return v.ID, tx.InsertServiceAccount(ctx, v)
			},
			remove: func(ctx context.Context, tx org.Tx, n *tenant, rowID string) error {
				return tx.DeleteServiceAccount(ctx, n.org.ID, n.project.ID, rowID)
			},
			list: func(ctx context.Context, r org.Reader, n *tenant, p org.Page) ([]place, bool, error) {
				rows, err := r.ServiceAccounts(ctx, n.org.ID, n.project.ID, p)
				return places(rows, err, func(v org.ServiceAccount) place { return place{v.CreatedAt, v.ID} })
			},
		},
		{
			name:   "API keys",
			insert: insertKey,
			remove: removeKey,
			list: func(ctx context.Context, r org.Reader, n *tenant, p org.Page) ([]place, bool, error) {
				rows, err := r.APIKeys(ctx, n.org.ID, n.project.ID, org.APIKeyFilter{Page: p})
				return places(rows, err, func(v org.APIKey) place { return place{v.CreatedAt, v.ID} })
			},
		},
		{
			name:   "API keys of a service account",
			insert: insertKey,
			remove: removeKey,
			list: func(ctx context.Context, r org.Reader, n *tenant, p org.Page) ([]place, bool, error) {
				rows, err := r.APIKeys(ctx, n.org.ID, n.project.ID, org.APIKeyFilter{Page: p, ServiceAccountID: n.account.ID})
				return places(rows, err, func(v org.APIKey) place { return place{v.CreatedAt, v.ID} })
			},
		},
		{
			name: "admin keys",
			insert: func(ctx context.Context, tx org.Tx, n *tenant, at time.Time) (string, error) {
				v := n.newAdminKey()
				v.CreatedAt = at
				return v.ID, tx.InsertAdminKey(ctx, v)
			},
			remove: func(ctx context.Context, tx org.Tx, n *tenant, rowID string) error {
				return tx.DeleteAdminKey(ctx, n.org.ID, rowID)
			},
			list: func(ctx context.Context, r org.Reader, n *tenant, p org.Page) ([]place, bool, error) {
				rows, err := r.AdminKeys(ctx, n.org.ID, p)
				return places(rows, err, func(v org.AdminKey) place { return place{v.CreatedAt, v.ID} })
			},
		},
		{
			name: "workspaces",
			insert: func(ctx context.Context, tx org.Tx, n *tenant, at time.Time) (string, error) {
				v := n.newWorkspace()
				v.CreatedAt = at
				return v.ID, tx.InsertWorkspace(ctx, v)
			},
			remove: func(ctx context.Context, tx org.Tx, n *tenant, rowID string) error {
				return tx.DeleteWorkspace(ctx, n.org.ID, rowID)
			},
			list: func(ctx context.Context, r org.Reader, n *tenant, p org.Page) ([]place, bool, error) {
				rows, err := r.Workspaces(ctx, n.org.ID, nil, p)
				return places(rows, err, func(v routing.Workspace) place { return place{v.CreatedAt, v.ID} })
			},
		},
		{
			name: "members of a workspace",
			insert: func(ctx context.Context, tx org.Tx, n *tenant, at time.Time) (string, error) {
				v := n.newMembership(n.workspace.ID, id.New(id.User))
				v.CreatedAt = at
				return v.PrincipalID, tx.PutWorkspaceMembership(ctx, v)
			},
			remove: func(ctx context.Context, tx org.Tx, n *tenant, rowID string) error {
				return tx.DeleteWorkspaceMembership(ctx, n.org.ID, n.workspace.ID, rowID)
			},
			list: func(ctx context.Context, r org.Reader, n *tenant, p org.Page) ([]place, bool, error) {
				rows, err := r.WorkspaceMemberships(ctx, n.org.ID, n.workspace.ID, p)
				return places(rows, err, func(v org.WorkspaceMembership) place { return place{v.CreatedAt, v.PrincipalID} })
			},
		},
		{
			name: "connections of a workspace",
			insert: func(ctx context.Context, tx org.Tx, n *tenant, at time.Time) (string, error) {
				v := n.newConnection()
				v.CreatedAt = at
				return v.ID, tx.InsertConnection(ctx, v)
			},
			remove: func(ctx context.Context, tx org.Tx, n *tenant, rowID string) error {
				return tx.DeleteConnection(ctx, n.org.ID, rowID)
			},
			list: func(ctx context.Context, r org.Reader, n *tenant, p org.Page) ([]place, bool, error) {
				rows, err := r.Connections(ctx, n.org.ID, org.ConnectionFilter{Page: p, WorkspaceIDs: []string{n.workspace.ID}})
				return places(rows, err, func(v routing.Connection) place { return place{v.CreatedAt, v.ID} })
			},
		},
		{
			name: "model endpoints",
			insert: func(ctx context.Context, tx org.Tx, n *tenant, at time.Time) (string, error) {
				v := n.newModelEndpoint()
				v.CreatedAt = at
				return v.ID, tx.InsertModelEndpoint(ctx, v)
			},
			remove: func(ctx context.Context, tx org.Tx, n *tenant, rowID string) error {
				return tx.DeleteModelEndpoint(ctx, n.org.ID, rowID)
			},
			list: func(ctx context.Context, r org.Reader, n *tenant, p org.Page) ([]place, bool, error) {
				rows, err := r.ModelEndpoints(ctx, n.org.ID, org.ModelEndpointFilter{Page: p})
				return places(rows, err, func(v routing.ModelEndpoint) place { return place{v.CreatedAt, v.ID} })
			},
		},
	}
	for _, f := range families() {
		all = append(all, f.lists...)
	}
	return all
}

func insertKey(ctx context.Context, tx org.Tx, n *tenant, at time.Time) (string, error) {
	v := n.newAPIKey(n.project.ID)
	v.UserID, v.ServiceAccountID, v.CreatedAt = "", n.account.ID, at
	return v.ID, tx.InsertAPIKey(ctx, v)
}

func removeKey(ctx context.Context, tx org.Tx, n *tenant, rowID string) error {
	return tx.DeleteAPIKey(ctx, n.org.ID, n.project.ID, rowID)
}

// paging fills and thins a list at random, with many rows of one time, and
// walks it every way.
func paging(t *testing.T, s org.Store) {
	c := &clock{}
	lists := pageables()
	rapid.Check(t, func(rt *rapid.T) {
		n := newTenant(rt, s, c)
		l := rapid.SampledFrom(lists).Draw(rt, "list")
		var added []string
		update(rt, s, n.org.ID, func(tx org.Tx) error {
			for range rapid.IntRange(0, 12).Draw(rt, "rows") {
				at := epoch.Add(time.Duration(rapid.IntRange(0, 3).Draw(rt, "at")) * time.Microsecond)
				rowID, err := l.insert(rt.Context(), tx, n, at)
				if err != nil {
					return err
				}
				added = append(added, rowID)
				if l.remove != nil && rapid.IntRange(0, 4).Draw(rt, "remove") == 0 {
					i := rapid.IntRange(0, len(added)-1).Draw(rt, "which")
					if err := l.remove(rt.Context(), tx, n, added[i]); err != nil {
						return err
					}
					added = slices.Delete(added, i, i+1)
				}
			}
			return nil
		})
		view(rt, s, func(r org.Reader) error {
			for _, ascending := range []bool{false, true} {
				walk(rt, l, r, n, added, ascending)
			}
			return nil
		})
	})
}

// walk checks the list in one order.
func walk(t *rapid.T, l pageable, r org.Reader, n *tenant, added []string, ascending bool) {
	ask := func(p org.Page) ([]place, bool) {
		t.Helper()
		p.Ascending = ascending
		rows, more, err := l.list(t.Context(), r, n, p)
		if err != nil {
			t.Fatalf("%s, page %+v: %v", l.name, p, err)
		}
		return rows, more
	}
	whole, more := ask(org.Page{Limit: 1000})
	if more {
		t.Errorf("%s: more than everything", l.name)
	}
	ordered := slices.IsSortedFunc(whole, func(a, b place) int {
		order := cmp.Or(a.at.Compare(b.at), cmp.Compare(a.id, b.id))
		if !ascending {
			order = -order
		}
		return order
	})
	if !ordered {
		t.Errorf("%s: out of order: %v", l.name, whole)
	}
	for _, rowID := range added {
		if !slices.ContainsFunc(whole, func(p place) bool { return p.id == rowID }) {
			t.Errorf("%s: %s is missing", l.name, rowID)
		}
	}
	if extra := len(whole) - len(added); extra < 0 || extra > 2 { // the tenant's own rows
		t.Errorf("%s: %d rows, %d added", l.name, len(whole), len(added))
	}
	for _, limit := range []int{1, rapid.IntRange(2, 7).Draw(t, "limit")} {
		var walked []place
		p := org.Page{Limit: limit}
		for {
			rows, more := ask(p)
			walked = append(walked, rows...)
			if more != (len(walked) < len(whole)) || (more && len(rows) != limit) {
				t.Fatalf("%s, limit %d: %d of %d rows, more is %v", l.name, limit, len(walked), len(whole), more)
			}
			if !more {
				break
			}
			p.After = rows[len(rows)-1].id
		}
		equal(t, fmt.Sprintf("%s walked with limit %d", l.name, limit), walked, whole)
		for i, row := range whole {
			rows, more := ask(org.Page{Limit: limit, Before: row.id})
			from := max(i-limit, 0)
			if !slices.Equal(rows, whole[from:i]) || more != (from > 0) {
				t.Errorf("%s, limit %d, before the row %d: got %v, %v, want %v", l.name, limit, i, rows, more, whole[from:i])
			}
		}
	}
}

func cursors(t *testing.T, s org.Store) {
	c := &clock{}
	a, b := newTenant(t, s, c), newTenant(t, s, c)
	ctx := t.Context()
	for _, l := range pageables() {
		var foreign string
		update(t, s, b.org.ID, func(tx org.Tx) error {
			var err error
			foreign, err = l.insert(ctx, tx, b, epoch)
			return err
		})
		view(t, s, func(r org.Reader) error {
			for _, unknown := range []string{"none", foreign} {
				_, _, err := l.list(ctx, r, a, org.Page{Limit: 1, After: unknown})
				wantFault(t, l.name, err, fault.Invalid, "invalid_cursor", "after")
				_, _, err = l.list(ctx, r, a, org.Page{Limit: 1, Before: unknown})
				wantFault(t, l.name, err, fault.Invalid, "invalid_cursor", "before")
			}
			return nil
		})
	}
	other := a.newProject()
	elsewhere := a.newAPIKey(other.ID)
	update(t, s, a.org.ID, func(tx org.Tx) error {
		return errors.Join(tx.InsertProject(ctx, other), tx.InsertAPIKey(ctx, elsewhere))
	})
	view(t, s, func(r org.Reader) error {
		for _, f := range []org.APIKeyFilter{
			{Page: org.Page{Limit: 1, After: elsewhere.ID}},
			{Page: org.Page{Limit: 1, After: a.userKey.ID}, ServiceAccountID: a.account.ID},
		} {
			_, err := r.APIKeys(ctx, a.org.ID, a.project.ID, f)
			wantFault(t, "a key of another list", err, fault.Invalid, "invalid_cursor", "after")
		}
		return nil
	})
}
