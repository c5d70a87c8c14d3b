package sqlevents

import (
	"strings"
	"testing"
	"time"

	"weir/internal/sqldb"
	"weir/internal/sqldb/sqldbtest"
	"weir/internal/usage"
)

// What bounds a search bounds the rows that are read: the time range is a range
// of the index, and neither the table is read nor anything sorted.
func TestSearchesReadTheirRangeOnly(t *testing.T) {
	db := sqldbtest.SQLite(t)
	s, err := Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		filter usage.RequestFilter
		want   string
	}{
		"a user":    {usage.RequestFilter{UserIDs: []string{"u"}}, "usage_requests_by_organization (organization_id=? AND received>?)"},
		"a model":   {usage.RequestFilter{Models: []string{"m"}}, "usage_requests_by_organization (organization_id=? AND received>?)"},
		"a latency": {usage.RequestFilter{MinLatency: time.Second, End: now}, "usage_requests_by_organization (organization_id=? AND received>? AND received<?)"},
		"a project": {usage.RequestFilter{ProjectIDs: []string{"p"}, Models: []string{"m"}}, "usage_requests_by_project (project_id=?)"},
		"a key":     {usage.RequestFilter{APIKeyIDs: []string{"k"}, MinLatency: time.Second}, "usage_requests_by_api_key (api_key_id=?)"},
		"failures":  {usage.RequestFilter{Statuses: []int{500}, UserIDs: []string{"u"}}, "usage_requests_failed (organization_id=?)"},
	} {
		f := c.filter.Bounded(now)
		f.OrganizationID = "org-1"
		for _, l := range lanesOf(f) {
			plan := planOf(t, db, s.requestQuery(f, l).Page(sqldb.Keyset{At: "received", ID: "id", Descending: true, Limit: 20}))
			if !strings.Contains(plan, c.want) || strings.Contains(plan, "SCAN") {
				t.Errorf("%s: %s, want %s", name, plan, c.want)
			}
		}
	}
}

func planOf(t *testing.T, db *sqldb.DB, q *sqldb.Query) string {
	t.Helper()
	rows, err := db.Read().QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+q.Text(), q.Args()...)
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
