package sqlstore

import (
	"strings"
	"testing"

	"weir/internal/org"
	"weir/internal/sqldb"
	"weir/internal/sqldb/sqldbtest"
)

// What an identity provider looks up before each change is found by an index,
// however many people there are, and is not looked for in the list.
func TestDirectoryLookupsUseIndexes(t *testing.T) {
	db := sqldbtest.SQLite(t)
	if _, err := Open(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	everybody, all := users.selection(), groups.selection()
	for _, c := range []struct {
		selection sqldb.SQL
		narrow    func(string, org.DirectoryFilter) func(*sqldb.Query)
		filter    org.DirectoryFilter
		want      string // that the plan begins with
	}{
		{everybody, usersOf, org.DirectoryFilter{}, "SEARCH users USING INDEX users_list"},
		{everybody, usersOf, org.DirectoryFilter{Email: "a"}, "SEARCH users USING INDEX users_email"},
		{everybody, usersOf, org.DirectoryFilter{Mail: "a"}, "SEARCH users USING INDEX sqlite_autoindex_users_1 (id=?)"},
		{everybody, usersOf, org.DirectoryFilter{ExternalID: "a"}, "SEARCH users USING INDEX users_external"},
		{all, groupsOf, org.DirectoryFilter{}, "SEARCH groups USING INDEX groups_scim"},
		{all, groupsOf, org.DirectoryFilter{Name: "a"}, "SEARCH groups USING INDEX groups_name"},
		{all, groupsOf, org.DirectoryFilter{ExternalID: "a"}, "SEARCH groups USING INDEX groups_external"},
	} {
		q := sqldb.NewQuery("EXPLAIN QUERY PLAN " + c.selection)
		c.narrow("o", c.filter)(q)
		inOrder(q, c.filter)
		plan := planOf(t, db, q)
		if !strings.HasPrefix(plan, c.want) || strings.Contains(plan, "SCAN") {
			t.Errorf("%+v: %s, want %s", c.filter, plan, c.want)
		}
	}
}

func planOf(t *testing.T, db *sqldb.DB, q *sqldb.Query) string {
	t.Helper()
	rows, err := db.Read().QueryContext(t.Context(), q.Text(), q.Args()...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
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
	return strings.Join(plan, "; ")
}
