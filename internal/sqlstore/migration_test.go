package sqlstore_test

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"weir/internal/access"
	"weir/internal/org"
	"weir/internal/sqldb"
	"weir/internal/sqldb/sqldbtest"
	"weir/internal/sqlstore"
)

// What the first version kept in columns of their own is assigned after it.
func TestRolesAreCarriedOver(t *testing.T) {
	first, err := fs.ReadFile(sqlstore.Migrations(), "0001_control_plane.sql")
	if err != nil {
		t.Fatal(err)
	}
	sqldbtest.EachEngine(t, func(t *testing.T, open func() *sqldb.DB) {
		ctx, db := t.Context(), open()
		if err := sqldb.Migrate(ctx, db, sqlstore.Name, fstest.MapFS{"0001_control_plane.sql": {Data: first}}); err != nil {
			t.Fatal(err)
		}
		for _, statement := range []string{
			`INSERT INTO organizations VALUES ('org-1', 'Acme', 'proj_1', 1)`,
			`INSERT INTO projects VALUES ('proj_1', 'org-1', 'One', '', '', 0, 2)`,
			`INSERT INTO users VALUES ('user-o', 'org-1', 'o@x', 'o@x', 'O', 'owner', '', 3)`,
			`INSERT INTO users VALUES ('user-r', 'org-1', 'r@x', 'r@x', 'R', 'reader', '', 4)`,
			`INSERT INTO users VALUES ('user-n', 'org-1', 'n@x', 'n@x', 'N', '', '', 5)`,
			`INSERT INTO service_accounts VALUES ('svc_acct_m', 'org-1', 'proj_1', 'M', 'member', 6)`,
			`INSERT INTO service_accounts VALUES ('svc_acct_n', 'org-1', 'proj_1', 'N', 'none', 7)`,
			`INSERT INTO api_keys VALUES ('key_1', 'org-1', 'proj_1', 'k', 'user-r', NULL, 'null', 'aa', '', NULL, 0, 0, 0, 8)`,
			`INSERT INTO api_keys VALUES ('key_2', 'org-1', 'proj_1', 'k', 'user-r', NULL, 'null', 'bb', '', NULL, 0, 0, 0, 9)`,
		} {
			if err := db.Write(ctx, execs(statement)); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
		s, err := sqlstore.Open(ctx, db)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.View(ctx, func(r org.Reader) error {
			for userID, want := range map[string]access.OrganizationRole{"user-o": access.OrganizationOwner, "user-r": access.OrganizationReader, "user-n": ""} {
				if u, err := r.User(ctx, "org-1", userID); err != nil || u.Role != want {
					t.Errorf("%s is %q, %v", userID, u.Role, err)
				}
			}
			for accountID, want := range map[string]access.ProjectRole{"svc_acct_m": access.ProjectMember, "svc_acct_n": access.NoRole} {
				if a, err := r.ServiceAccount(ctx, "org-1", "proj_1", accountID); err != nil || a.Role != want {
					t.Errorf("%s is %q, %v", accountID, a.Role, err)
				}
			}
			members, err := r.ProjectMembers(ctx, "org-1", "proj_1", org.PrincipalUser, org.Page{Limit: 9})
			if len(members.Items) != 1 || members.Items[0].PrincipalID != "user-r" || members.Items[0].Role != access.ProjectMember ||
				members.Items[0].CreatedAt.UnixMicro() != 8 {
				t.Errorf("members %+v", members.Items)
			}
			owned, err2 := r.HasOwner(ctx, "org-1")
			if !owned || err2 != nil {
				t.Errorf("owned %v, %v", owned, err2)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	})
}
