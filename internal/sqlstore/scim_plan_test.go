package sqlstore

import (
	"strings"
	"testing"

	"weir/internal/org"
	"weir/internal/sqldb"
	"weir/internal/sqldb/sqldbtest"
)

// What an identity provider looks up before each change is found by an index,
// however many people there are.
func TestDirectoryLookupsUseIndexes(t *testing.T) {
	db := sqldbtest.SQLite(t)
	if _, err := Open(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		selection sqldb.SQL
		narrow    func(*sqldb.Query)
		want      string
	}{
		"address":             {users.selection(), usersOf("o", org.DirectoryFilter{Email: "a"}), "email_key=?"},
		"mail":                {users.selection(), usersOf("o", org.DirectoryFilter{Mail: "a"}), "users_mail"},
		"external id":         {users.selection(), usersOf("o", org.DirectoryFilter{ExternalID: "a"}), "users_external"},
		"everybody":           {users.selection(), usersOf("o", org.DirectoryFilter{}), "users_list"},
		"group by name":       {groups.selection(), groupsOf("o", org.DirectoryFilter{Name: "a"}), "groups_name"},
		"group's external id": {groups.selection(), groupsOf("o", org.DirectoryFilter{ExternalID: "a"}), "groups_external"},
		"all groups":          {groups.selection(), groupsOf("o", org.DirectoryFilter{}), "groups_scim"},
	} {
		q := sqldb.NewQuery("EXPLAIN QUERY PLAN " + c.selection)
		c.narrow(q)
		q.Add(" ORDER BY created_at, id LIMIT ? OFFSET ?", 10, 0)
		rows, err := db.Read().QueryContext(t.Context(), q.Text(), q.Args()...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, step)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		_ = rows.Close()
		whole := strings.Join(plan, "; ")
		if !strings.Contains(whole, c.want) || strings.Contains(whole, "SCAN users") || strings.Contains(whole, "SCAN groups") {
			t.Errorf("%s: %s, want %s", name, whole, c.want)
		}
	}
}
