package sqlevents

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"weir/internal/fault"
	"weir/internal/sqldb"
	"weir/internal/usage"
)

// maxBuckets bounds a report: twice what the usage API gives on one page at
// most, a minute of every day and a half-year of costs among them.
const maxBuckets = 2880

// usageDimensions are the columns of callers (c) and items (i) a usage report
// may name.
var usageDimensions = map[usage.Dimension]sqldb.SQL{
	usage.ByProject: "c.project_id", usage.ByUser: "c.user_id", usage.ByAPIKey: "c.api_key_id", usage.ByModel: "i.model",
	usage.ByBatch: "i.batch", usage.ByServiceTier: "i.service_tier", usage.BySize: "i.size", usage.BySource: "i.source",
	usage.ByVectorStore: "i.vector_store_id", usage.ByContextLevel: "i.context_level",
}

// Report implements usage.Store.
func (s *Store) Report(ctx context.Context, q usage.Query) ([]usage.Bucket[usage.Result], error) {
	i := slices.IndexFunc(rollups, func(r rollup) bool { return r.width == q.Width })
	if i < 0 {
		return nil, fmt.Errorf("usage report: no roll-up of width %s", time.Duration(q.Width))
	}
	r := rollups[i]
	sums := sqldb.SQL("CAST(SUM(r.requests) AS BIGINT)")
	for _, m := range quantities {
		sums += sqldb.SQL(", CAST(SUM(r." + m.column + ") AS BIGINT)")
	}
	report := selection{
		Query: q, kind: string(q.Kind), table: sqldb.SQL(r.table), levels: r.levels, dimensions: usageDimensions, sums: sums,
	}
	all, err := readReport(ctx, s, report, func(row *usage.Result, groups map[usage.Dimension]*string) []any {
		row.Groups = groups
		into := []any{&row.Requests}
		for _, m := range quantities {
			into = append(into, m.of(&row.Quantities))
		}
		return into
	}, nil)
	if err != nil {
		return nil, fmt.Errorf("%s usage: %w", q.Kind, err)
	}
	return all, nil
}

// selection is a report over one roll-up table.
type selection struct {
	usage.Query
	kind       string
	table      sqldb.SQL
	levels     []level
	dimensions map[usage.Dimension]sqldb.SQL
	sums       sqldb.SQL
}

// level is the coarsest of the table's that has the dimensions named.
func (r selection) level() level {
	named := func(d usage.Dimension) bool { return slices.Contains(r.GroupBy, d) || len(r.Filters[d]) > 0 }
	need := byOrganization
	if named(usage.ByProject) {
		need = byProject
	}
	if named(usage.ByAPIKey) || named(usage.ByUser) {
		need = byKey
	}
	for _, l := range slices.Backward(r.levels) {
		if l <= need {
			return l
		}
	}
	return byKey
}

// narrow reports whether the callers are few, so that looking each up in its
// buckets is less than reading the buckets whole, all levels of them.
func (r selection) narrow() bool {
	return r.level() != byKey || len(r.Filters[usage.ByProject]) > 0 || len(r.Filters[usage.ByAPIKey]) > 0 || len(r.Filters[usage.ByUser]) > 0
}

// query is the statement of the report. CROSS JOIN keeps SQLite, which knows
// nothing of the tables' sizes, to the order written; PostgreSQL finds its own.
func (r selection) query(starts []int64) (*sqldb.Query, error) {
	columns := sqldb.SQL("")
	for _, d := range r.GroupBy {
		column, ok := r.dimensions[d]
		if !ok {
			return nil, fault.Invalidf("invalid_value", "group_by", "This report cannot be grouped by '%s'.", d)
		}
		columns += ", " + column
	}
	q := sqldb.NewQuery("SELECT r.bucket" + columns + ", " + r.sums + " FROM ")
	if r.narrow() {
		q.Add("usage_callers c CROSS JOIN "+r.table+" r CROSS JOIN usage_items i").
			And("r.bucket", sqldb.In(starts)).Where("r.caller = c.id").Where("i.id = r.item")
	} else {
		q.Add(r.table+" r CROSS JOIN usage_callers c CROSS JOIN usage_items i").
			And("r.bucket", sqldb.AtLeast(starts[0])).And("r.bucket", sqldb.AtMost(starts[len(starts)-1])).
			Where("c.id = r.caller").Where("i.id = r.item")
	}
	q.And("c.organization_id", sqldb.Equal(r.OrganizationID)).And("c.level", sqldb.Equal(int64(r.level()))).And("i.kind", sqldb.Equal(r.kind))
	for _, d := range slices.Sorted(maps.Keys(r.Filters)) { // the same question is the same text
		values := r.Filters[d]
		if len(values) == 0 {
			continue
		}
		column, ok := r.dimensions[d]
		if !ok {
			return nil, fault.Invalidf("invalid_value", string(d), "This report cannot be filtered by '%s'.", d)
		}
		// '' in a column is "none", which no value matches.
		q.And(column, sqldb.In(slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" })))
	}
	return q.Add(" GROUP BY r.bucket" + columns + " ORDER BY r.bucket" + columns), nil
}

// starts are the buckets of the report, in seconds since 1970.
func (r selection) starts() ([]int64, error) {
	width := time.Duration(r.Width)
	if r.Start.Unix() != bucketOf(r.Start, r.Width) || r.End.Unix() != bucketOf(r.End, r.Width) {
		return nil, errors.New("the range is not aligned to its buckets")
	}
	n := max(0, r.End.Sub(r.Start)/width)
	if n > maxBuckets {
		return nil, fault.Invalidf("invalid_value", "end_time", "The range has %d buckets, more than the %d a report may have.", n, maxBuckets)
	}
	starts := make([]int64, n)
	for i := range starts {
		starts[i] = r.Start.Unix() + int64(i)*int64(width/time.Second)
	}
	return starts, nil
}

// readReport runs a selection. fields names where to scan the sums of a row to;
// finish, when there is one, completes the row after that.
func readReport[R any](ctx context.Context, s *Store, r selection, fields func(row *R, groups map[usage.Dimension]*string) []any, finish func(row *R) error) ([]usage.Bucket[R], error) {
	starts, err := r.starts()
	if err != nil || len(starts) == 0 {
		return nil, err
	}
	all := make([]usage.Bucket[R], len(starts))
	for i := range all {
		start := r.Start.Add(time.Duration(i) * time.Duration(r.Width))
		all[i] = usage.Bucket[R]{Start: start, End: start.Add(time.Duration(r.Width)), Results: []R{}}
	}
	q, err := r.query(starts)
	if err != nil {
		return nil, err
	}
	err = each(ctx, s.db.Read(), q, func(scan func(...any) error) error {
		var row R
		var bucket int64
		values, groups := make([]string, len(r.GroupBy)), make(map[usage.Dimension]*string, len(r.GroupBy))
		into := []any{&bucket}
		for i := range values {
			into = append(into, &values[i])
		}
		if err := scan(append(into, fields(&row, groups)...)...); err != nil {
			return err
		}
		for i, d := range r.GroupBy {
			if groups[d] = nil; values[i] != "" {
				groups[d] = &values[i]
			}
		}
		if finish != nil {
			if err := finish(&row); err != nil {
				return err
			}
		}
		slot := &all[(bucket-starts[0])/int64(time.Duration(r.Width)/time.Second)]
		slot.Results = append(slot.Results, row)
		return nil
	})
	return all, err
}
