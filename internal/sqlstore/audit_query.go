package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/org"
	"weir/internal/sqldb"
)

// A log of millions must answer any filter at once, newest first, on engines
// that would rather sort. So a query is put together of branches that each walk
// one index in the order of seq and stop at the limit: one branch for each
// value of the filter with the fewest events (its driver); the other filters
// are checked on the way. A bound of time becomes a bound of seq, with a branch
// of its own for the events that came late.

// AuditEvents implements org.Reader.
func (r reader) AuditEvents(ctx context.Context, organizationID string, q audit.Query) (org.Rows[audit.Event], error) {
	var none org.Rows[audit.Event]
	if !storable(organizationID) {
		return none, nil
	}
	s := auditSearch{reader: r, organizationID: organizationID, query: q, limit: max(q.Limit, 0) + 1, ascending: q.Before != ""}
	s.filters = s.given()
	found, err := s.bound(ctx)
	if err != nil || !found {
		return none, err
	}
	driver, err := s.driver(ctx)
	if err != nil {
		return none, err
	}
	rows, err := auditEvents.all(ctx, r, s.statement(driver))
	if err != nil {
		return none, err
	}
	more := len(rows) == s.limit
	if more {
		rows = rows[:s.limit-1]
	}
	if s.ascending {
		slices.Reverse(rows)
	}
	events := make([]audit.Event, len(rows))
	for i := range rows {
		events[i] = rows[i].event()
	}
	return org.Rows[audit.Event]{Items: events, More: more}, nil
}

// auditSearch is one query of the log on its way to a statement.
type auditSearch struct {
	reader
	organizationID string
	query          audit.Query
	filters        []auditFilter
	limit          int  // one beyond the page
	ascending      bool // the page before a cursor is read towards newer events

	fromSeq, toSeq   int64 // inclusive: by the cursor and, at the low end, by time
	punctualTo       int64 // at most toSeq: events in time that are not late end here
	fromTime, toTime int64 // µs, inclusive and exclusive
}

// auditFilter wants one of values in one of columns. Every column has an index
// (organization_id, column, seq).
type auditFilter struct {
	columns []sqldb.SQL
	partial bool // the indexes leave out ""
	values  []string
}

// given returns the filters that are set, the most telling first.
func (s *auditSearch) given() []auditFilter {
	q := &s.query
	kind := sqldb.SQL("action")
	if q.Compatible {
		kind = "type"
	}
	all := []auditFilter{
		{columns: []sqldb.SQL{"resource_id"}, values: q.ResourceIDs},
		{columns: []sqldb.SQL{"actor_user_id", "actor_service_account_id", "actor_key_id"}, partial: true, values: q.ActorIDs},
		{columns: []sqldb.SQL{"actor_email"}, partial: true, values: q.ActorEmails},
		{columns: []sqldb.SQL{kind}, values: q.Types},
		{columns: []sqldb.SQL{"project_id"}, values: q.ProjectIDs},
	}
	given := all[:0]
	for _, f := range all {
		if len(f.values) == 0 {
			continue
		}
		f.values = slices.DeleteFunc(storableOf(f.values), func(v string) bool { return f.partial && v == "" })
		slices.Sort(f.values)
		f.values = slices.Compact(f.values)
		given = append(given, f)
	}
	return given
}

// bound works out the ranges of seq and time. It reports whether anything can
// be in them.
func (s *auditSearch) bound(ctx context.Context) (bool, error) {
	q := &s.query
	if q.After != "" && q.Before != "" {
		return false, fault.Invalidf("invalid_cursor", "before", "'after' and 'before' cannot be combined.")
	}
	s.fromSeq, s.toSeq = 1, math.MaxInt64
	if q.After != "" {
		seq, err := s.cursor(ctx, "after", q.After)
		if err != nil {
			return false, err
		}
		s.toSeq = seq - 1
	}
	if q.Before != "" {
		seq, err := s.cursor(ctx, "before", q.Before)
		if err != nil {
			return false, err
		}
		s.fromSeq = seq + 1
	}
	s.fromTime, s.toTime = times(q)
	s.punctualTo = s.toSeq
	if s.fromTime > math.MinInt64 {
		// The first punctual event in time. No late one before it can be in time,
		// since a late event follows a punctual one that is later still.
		seq, found, err := s.edge(ctx, "effective_at >= ? ORDER BY effective_at, seq", s.fromTime)
		if err != nil || !found {
			return false, err
		}
		s.fromSeq = max(s.fromSeq, seq)
	}
	if s.toTime < math.MaxInt64 {
		seq, _, err := s.edge(ctx, "effective_at < ? ORDER BY effective_at DESC, seq DESC", s.toTime)
		if err != nil {
			return false, err
		}
		s.punctualTo = min(s.toSeq, seq)
	}
	return s.fromSeq <= s.toSeq, nil
}

// times are the time bounds of q in microseconds.
func times(q *audit.Query) (from, to int64) {
	from, to = math.MinInt64, math.MaxInt64
	const most = math.MaxInt64/1_000_000 - 1
	at := func(seconds, plus int64) int64 { return (min(max(seconds, -most), most-plus) + plus) * 1_000_000 }
	if v := q.EffectiveGTE; v != nil {
		from = max(from, at(*v, 0))
	}
	if v := q.EffectiveGT; v != nil {
		from = max(from, at(*v, 1))
	}
	if v := q.EffectiveLT; v != nil {
		to = min(to, at(*v, 0))
	}
	if v := q.EffectiveLTE; v != nil {
		to = min(to, at(*v, 1))
	}
	return from, to
}

// edge finds the first punctual event by a condition and order.
func (s *auditSearch) edge(ctx context.Context, condition sqldb.SQL, at int64) (seq int64, found bool, err error) {
	q := sqldb.NewQuery("SELECT seq FROM audit_events WHERE organization_id = ? AND late = 0 AND ", s.organizationID).
		Add(condition+" LIMIT 1", at)
	return s.seq(ctx, q)
}

// cursor is the seq of the event eventID.
func (s *auditSearch) cursor(ctx context.Context, param, eventID string) (int64, error) {
	unknown := fault.Invalidf("invalid_cursor", param, "Invalid '%s': there is no '%s' in this list.", param, legible(eventID))
	if !storable(eventID) {
		return 0, unknown
	}
	q := sqldb.NewQuery("SELECT seq FROM audit_events WHERE id = ? AND organization_id = ?", eventID, s.organizationID)
	if s.query.Compatible {
		q.Add(" AND type <> ''")
	}
	seq, found, err := s.seq(ctx, q)
	if err == nil && !found {
		err = unknown
	}
	return seq, err
}

func (s *auditSearch) seq(ctx context.Context, q *sqldb.Query) (seq int64, found bool, err error) {
	err = s.sql.QueryRowContext(ctx, q.Text(), q.Args()...).Scan(&seq)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, false, nil
	case err != nil:
		return 0, false, fmt.Errorf("reading the audit log: %w", err)
	}
	return seq, true, nil
}

const (
	// auditBranches bounds the branches of one statement; SQLite takes 500. A
	// filter with more values drives none: it then matches most events anyway.
	auditBranches = 64
	// auditProbe is how far the events of a filter are counted to choose.
	auditProbe = 2000
)

// driver chooses the filter to walk by; -1 for none, which walks all events.
func (s *auditSearch) driver(ctx context.Context) (int, error) {
	best, fewest := -1, math.MaxInt
	for i, f := range s.filters {
		if len(f.columns)*len(f.values) > auditBranches {
			continue
		}
		if len(s.filters) == 1 {
			return i, nil
		}
		n, err := s.count(ctx, f)
		if err != nil {
			return 0, err
		}
		if n < fewest {
			best, fewest = i, n
		}
		if n < auditProbe/10 {
			break // few enough
		}
	}
	return best, nil
}

// count counts the events of a filter in the range of seq, up to auditProbe for
// each value.
func (s *auditSearch) count(ctx context.Context, f auditFilter) (int, error) {
	if len(f.values) == 0 {
		return 0, nil
	}
	q := sqldb.NewQuery("SELECT COUNT(*) FROM (")
	first := true
	s.eachBranch(f, func(column sqldb.SQL, value string) {
		if !first {
			q.Add(" UNION ALL ")
		}
		first = false
		q.Add("SELECT * FROM (SELECT seq FROM audit_events WHERE organization_id = ? AND "+column+" = ?", s.organizationID, value)
		if f.partial {
			q.Add(" AND " + column + " <> ''")
		}
		q.Add(" AND seq BETWEEN ? AND ? LIMIT ?) AS counted", s.fromSeq, s.toSeq, auditProbe)
	})
	q.Add(") AS branches")
	var n int
	if err := s.sql.QueryRowContext(ctx, q.Text(), q.Args()...).Scan(&n); err != nil {
		return 0, fmt.Errorf("reading the audit log: %w", err)
	}
	return n, nil
}

func (s *auditSearch) eachBranch(f auditFilter, fn func(column sqldb.SQL, value string)) {
	for _, column := range f.columns {
		for _, value := range f.values {
			fn(column, value)
		}
	}
}

// statement is the whole query, driven by the filter of that index.
func (s *auditSearch) statement(driver int) *sqldb.Query {
	q := sqldb.NewQuery(auditEvents.selection()+" WHERE organization_id = ? AND seq IN (", s.organizationID)
	if driver < 0 {
		s.branch(q, s.punctualTo, driver, nil)
	} else {
		f := s.filters[driver]
		first := true
		s.eachBranch(f, func(column sqldb.SQL, value string) {
			if !first {
				q.Add(" UNION ")
			}
			first = false
			s.branch(q, s.punctualTo, driver, func() {
				q.Add(" AND "+column+" = ?", value)
				if f.partial {
					q.Add(" AND " + column + " <> ''")
				}
			})
		})
		if first { // a filter that nothing can meet
			s.branch(q, s.punctualTo, driver, func() { q.Add(" AND 1 = 0") })
		}
	}
	if s.punctualTo < s.toSeq {
		q.Add(" UNION ")
		s.branch(q, s.toSeq, -1, func() { q.Add(" AND late = 1 AND seq > ?", s.punctualTo) })
	}
	return q.Add(") ORDER BY seq"+s.direction()+" LIMIT ?", s.limit)
}

func (s *auditSearch) direction() sqldb.SQL {
	if s.ascending {
		return ""
	}
	return " DESC"
}

// branch adds a walk in the order of seq up to to, along the index that drive's
// condition names, checking all filters but the driver.
func (s *auditSearch) branch(q *sqldb.Query, to int64, driver int, drive func()) {
	q.Add("SELECT seq FROM (SELECT seq FROM audit_events WHERE organization_id = ? AND seq BETWEEN ? AND ?", s.organizationID, s.fromSeq, to)
	if drive != nil {
		drive()
	}
	if s.fromTime > math.MinInt64 {
		q.Add(" AND effective_at >= ?", s.fromTime)
	}
	if s.toTime < math.MaxInt64 {
		q.Add(" AND effective_at < ?", s.toTime)
	}
	if s.query.Compatible {
		q.Add(" AND type <> ''")
	}
	for i, f := range s.filters {
		if i != driver {
			f.check(q)
		}
	}
	q.Add(" ORDER BY seq"+s.direction()+" LIMIT ?) AS branch", s.limit)
}

// check adds the filter as a condition that no index serves, by comparing what
// is more than a column: without statistics SQLite, and PostgreSQL in a plan for
// any arguments, would else take any of them for as good as the driver's.
func (f auditFilter) check(q *sqldb.Query) {
	if len(f.values) == 0 {
		q.Add(" AND 1 = 0")
		return
	}
	for i, column := range f.columns {
		opening := sqldb.SQL(" OR ")
		if i == 0 {
			opening = " AND ("
		}
		q.Add(opening + column + " || '' IN (")
		for j, v := range f.values {
			if j > 0 {
				q.Add(", ")
			}
			q.Add("?", v)
		}
		q.Add(")")
	}
	q.Add(")")
}
