//go:build scale

package sqlstore_test

import (
	"fmt"
	"testing"
	"time"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/id"
	"weir/internal/org"
	"weir/internal/sqldb"
	"weir/internal/sqldb/sqldbtest"
	"weir/internal/sqlstore"
)

// A large organization: everybody is a reader, every tenth is in the project,
// every hundredth in a group; each group has a role in the project.
const (
	scaleUsers  = 1_000_000
	scaleGroups = 10_000
	writeAtOnce = 20_000
)

func TestScaleAccess(t *testing.T) {
	sqldbtest.EachEngine(t, func(t *testing.T, open func() *sqldb.DB) {
		db := open()
		s, err := sqlstore.Open(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		fillKeys(t, s, benchKeys)
		fillAccess(t, s)
		if db.Engine() == sqldb.Postgres { // as its autovacuum does, within a minute of such a change
			if err := db.Write(t.Context(), execs("ANALYZE")); err != nil {
				t.Fatal(err)
			}
		}
		ctx, o, p := t.Context(), acme.ID, acme.DefaultProjectID
		read := func(what string, fn func(i int, r org.Reader) (rows int, err error)) {
			p95(t, what, pageBound, func(i int) error {
				return s.View(ctx, func(r org.Reader) error {
					rows, err := fn(i, r)
					if err == nil && rows == 0 {
						err = fmt.Errorf("no rows")
					}
					return err
				})
			})
		}
		// Sixty places, from one end of the list to the other.
		user := func(i int) string { return scaleUser(10 + i*(scaleUsers/62)/100*100) }
		read("a page of users", func(i int, r org.Reader) (int, error) {
			rows, err := r.Users(ctx, o, org.UserFilter{Page: org.Page{After: user(i), Limit: 100, Ascending: true}})
			return len(rows.Items), err
		})
		read("users by address", func(i int, r org.Reader) (int, error) {
			rows, err := r.Users(ctx, o, org.UserFilter{Page: org.Page{Limit: 100}, Emails: []string{user(i) + "@example.com", user(i+1) + "@example.com"}})
			return len(rows.Items), err
		})
		read("what is known about a page of users", func(i int, r org.Reader) (int, error) {
			var ids []string
			for n := range 100 {
				ids = append(ids, scaleUser(i*1000+n*10))
			}
			projects, err := r.ProjectsOf(ctx, o, ids)
			if err != nil {
				return 0, err
			}
			_, err = r.KeysLastUsed(ctx, o, ids)
			return len(projects), err
		})
		read("a page of a project's users", func(i int, r org.Reader) (int, error) {
			rows, err := r.ProjectMembers(ctx, o, p, org.PrincipalUser, org.Page{After: scaleUser(i * (scaleUsers / 62) / 10 * 10), Limit: 100, Ascending: true})
			return len(rows.Items), err
		})
		read("a page of a project's groups", func(i int, r org.Reader) (int, error) {
			rows, err := r.ProjectMembers(ctx, o, p, org.PrincipalGroup, org.Page{After: scaleGroup(i * (scaleGroups / 62)), Limit: 100, Ascending: true})
			return len(rows.Items), err
		})
		read("a page of groups", func(i int, r org.Reader) (int, error) {
			rows, err := r.Groups(ctx, o, org.Page{After: scaleGroup(i * (scaleGroups / 62)), Limit: 100, Ascending: true})
			return len(rows.Items), err
		})
		read("who is in a group", func(i int, r org.Reader) (int, error) {
			rows, err := r.GroupMembers(ctx, o, scaleGroup(i), org.Page{Limit: 100})
			return len(rows.Items), err
		})
		read("what a member of a group holds", func(i int, r org.Reader) (int, error) {
			held, err := r.Holdings(ctx, o, scaleUser(i*100))
			if err == nil && len(held) != 3 {
				err = fmt.Errorf("%d holdings", len(held))
			}
			return len(held), err
		})
		read("whether there is an owner", func(_ int, r org.Reader) (int, error) {
			owned, err := r.HasOwner(ctx, o)
			if !owned {
				return 0, err
			}
			return 1, err
		})
		start, held := time.Now(), 0
		if err := s.View(ctx, func(r org.Reader) error {
			return r.EachHeldRole(ctx, func(org.RoleAssignment) error { held++; return nil })
		}); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d roles of those who hold keys, and of groups, in %v", held, time.Since(start))
	})
}

func scaleUser(i int) string  { return fmt.Sprintf("user-%08d", i) }
func scaleGroup(i int) string { return fmt.Sprintf("%s%06d", id.Group, i) }

func fillAccess(t *testing.T, s *sqlstore.Store) {
	t.Helper()
	ctx, o, p := t.Context(), acme.ID, acme.DefaultProjectID
	write := func(n int, row func(tx org.Tx, i int) error) {
		t.Helper()
		for done := 0; done < n; {
			if _, err := s.Update(ctx, audit.System(o), func(tx org.Tx) error {
				for range min(writeAtOnce, n-done) {
					if err := row(tx, done); err != nil {
						return err
					}
					done++
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	assignment := func(kind org.PrincipalKind, principalID string, at time.Time) org.RoleAssignment {
		return org.RoleAssignment{
			OrganizationID: o, ProjectID: p, PrincipalID: principalID, PrincipalKind: kind, RoleID: access.ProjectMember.ID(p), CreatedAt: at,
		}
	}
	write(scaleGroups, func(tx org.Tx, i int) error {
		at := epoch.Add(time.Duration(i) * time.Second)
		g := org.Group{ID: scaleGroup(i), OrganizationID: o, Name: fmt.Sprint("Group ", i), CreatedAt: at}
		if err := tx.InsertGroup(ctx, g); err != nil {
			return err
		}
		return tx.InsertRoleAssignment(ctx, assignment(org.PrincipalGroup, g.ID, at))
	})
	write(scaleUsers, func(tx org.Tx, i int) error {
		at := epoch.Add(time.Duration(i) * time.Second)
		u := org.User{ID: scaleUser(i), OrganizationID: o, Email: scaleUser(i) + "@example.com", Name: "Somebody", Role: access.OrganizationReader, CreatedAt: at}
		if i == 7 {
			u.Role = access.OrganizationOwner
		}
		if err := tx.InsertUser(ctx, u); err != nil {
			return err
		}
		if i%10 == 0 {
			if err := tx.InsertRoleAssignment(ctx, assignment(org.PrincipalUser, u.ID, at)); err != nil {
				return err
			}
		}
		if i%100 == 0 {
			return tx.InsertGroupMember(ctx, org.GroupMember{
				OrganizationID: o, GroupID: scaleGroup(i / 100 % scaleGroups), PrincipalID: u.ID, PrincipalKind: org.PrincipalUser, CreatedAt: at,
			})
		}
		return nil
	})
}
