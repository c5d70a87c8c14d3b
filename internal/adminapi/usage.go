package adminapi

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"

	"weir/internal/access"
	"weir/internal/endpoint"
	"weir/internal/usage"
)

// report is one of the usage reports: what it counts, what it can be grouped by
// and filtered by, and the name of its rows.
type report struct {
	kind    usage.Kind // the last segment of its path
	object  string
	metrics []metric
	// parts are numbers that no provider tells weir, of which it knows what they
	// add up to: they are null unless that is 0.
	parts   []metric
	groups  []usage.Dimension
	filters []filter
}

// metric is a number of a row.
type metric struct {
	name string
	of   func(*usage.Result) int64
}

// filter is a query parameter that keeps a report to some values of a dimension.
type filter struct {
	param string
	by    usage.Dimension
	among []string // the values there are; nil: any
}

// field is a member of an object; fields keeps its members in order.
type (
	field struct {
		name  string
		value any
	}
	fields []field
)

// MarshalJSON implements json.Marshaler.
func (f fields) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	for i, member := range f {
		name, err := json.Marshal(member.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(member.value)
		if err != nil {
			return nil, err
		}
		out.WriteByte("{,"[min(i, 1)])
		out.Write(name)
		out.WriteByte(':')
		out.Write(value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

func (a *API) usageReports() []endpoint.Endpoint {
	rows := make([]endpoint.Endpoint, len(reports))
	for i, r := range reports {
		rows[i] = endpoint.Read("GET /v1/organization/usage/"+string(r.kind), access.UsageRead, endpoint.AtOrganization,
			func(ctx context.Context, c *endpoint.Call) (page, error) { return a.usageReport(ctx, c, r) })
	}
	return rows
}

func (a *API) usageReport(ctx context.Context, c *endpoint.Call, r report) (page, error) {
	groups, filters := readGroups(c.Query, r.groups), readFilters(c.Query, r.filters)
	s, err := readSpan(c.Query, usageWidths, a.now())
	if err != nil {
		return page{}, err
	}
	buckets, err := a.usage.Report(ctx, usage.Query{
		OrganizationID: c.OrganizationID(), Kind: r.kind, Width: s.width, Start: s.start, End: s.end,
		GroupBy: stored(groups), Filters: filters,
	})
	if err != nil {
		return page{}, err
	}
	return showPage(s, buckets, func(row *usage.Result) any {
		labelSource(row.Groups, groups)
		return r.show(row)
	}), nil
}

// show renders a row: its numbers, then every dimension of the report, null
// where the row was not grouped by it.
func (r report) show(row *usage.Result) any {
	out := fields{{"object", r.object}}
	for _, m := range r.metrics {
		out = append(out, field{m.name, m.of(row)})
	}
	for _, p := range r.parts {
		var n *int64
		if whole := p.of(row); whole == 0 {
			n = &whole
		}
		out = append(out, field{p.name, n})
	}
	for _, d := range r.groups {
		out = append(out, field{string(d), showDimension(d, row.Groups[d])})
	}
	return out
}

// showDimension renders a value; batch is a boolean, all others are text.
func showDimension(d usage.Dimension, value *string) any {
	if d == usage.ByBatch && value != nil {
		return *value == "true"
	}
	return value
}

// readGroups reads group_by. Naming a dimension twice is naming it.
func readGroups(q *endpoint.Query, allowed []usage.Dimension) []usage.Dimension {
	names := make([]string, len(allowed))
	for i, d := range allowed {
		names[i] = string(d)
	}
	asked := map[string]bool{}
	for _, name := range q.Enums("group_by", names...) {
		asked[name] = true
	}
	var groups []usage.Dimension
	for _, d := range allowed {
		if asked[string(d)] {
			groups = append(groups, d)
		}
	}
	return groups
}

func readFilters(q *endpoint.Query, allowed []filter) map[usage.Dimension][]string {
	filters := map[usage.Dimension][]string{}
	for _, f := range allowed {
		var values []string
		switch {
		case f.by == usage.ByBatch:
			if q.String(f.param) != "" {
				values = []string{strconv.FormatBool(q.Bool(f.param, false))}
			}
		case f.among != nil:
			values = q.Enums(f.param, f.among...)
		default:
			values = q.Strings(f.param)
		}
		if len(values) > 0 {
			filters[f.by] = values
		}
	}
	return filters
}
