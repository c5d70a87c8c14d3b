package sqlevents

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"weir/internal/fault"
	"weir/internal/sqldb"
	"weir/internal/usage"
)

// Requests implements usage.Store. Time range, project, key and failure are read
// from an index; the other filters look at every row in that range, which whoever
// asks has to bound (usage.RequestFilter.Bounded). Times are compared in
// microseconds.
func (s *Store) Requests(ctx context.Context, f usage.RequestFilter) (rows []usage.Event, more bool, err error) {
	k := sqldb.Keyset{At: "received", ID: "id", Descending: true, Limit: f.Limit}
	if f.After != "" {
		if k.After, err = s.cursor(ctx, f.OrganizationID, f.After); err != nil {
			return nil, false, err
		}
	}
	var found []requestRow
	lanes := lanesOf(f)
	for _, l := range lanes {
		err := each(ctx, s.db.Read(), s.requestQuery(f, l).Page(k), func(scan func(...any) error) error {
			r, err := scanRequest(scan)
			found = append(found, r)
			return err
		})
		if err != nil {
			return nil, false, fmt.Errorf("requests: %w", err)
		}
	}
	if len(lanes) > 1 {
		slices.SortFunc(found, func(a, b requestRow) int {
			return cmp.Or(cmp.Compare(b.received, a.received), cmp.Compare(b.event.ID, a.event.ID))
		})
	}
	found, more = sqldb.PageOf(k, found)
	for _, r := range found {
		e, err := r.whole()
		if err != nil {
			return nil, false, fmt.Errorf("requests: %w", err)
		}
		rows = append(rows, e)
	}
	return rows, more, nil
}

// requestQuery selects the rows of one lane.
func (s *Store) requestQuery(f usage.RequestFilter, l lane) *sqldb.Query {
	from := sqldb.SQL(" FROM usage_requests")
	if s.db.Engine() == sqldb.SQLite {
		from += " INDEXED BY " + l.index // it knows nothing of the table's size
	}
	q := sqldb.NewQuery("SELECT "+sqldb.SQL(strings.Join(requestColumns, ", "))+from).
		And("organization_id", sqldb.Equal(f.OrganizationID)).
		And("project_id", sqldb.AnyOf(f.ProjectIDs)).
		And("api_key_id", sqldb.AnyOf(f.APIKeyIDs)).
		And("user_id", sqldb.AnyOf(f.UserIDs)).
		And("model_endpoint_id", sqldb.AnyOf(f.ModelEndpointIDs)).
		And("status", sqldb.AnyOf(f.Statuses)).
		And("error_code", sqldb.AnyOf(f.ErrorCodes)).
		And("outcome", sqldb.AnyOf(words(f.Outcomes)))
	if l.where != "" {
		q.Where(l.where, l.args...)
	}
	if len(f.Models) > 0 {
		q.AndEither("model", "model_asked", sqldb.In(f.Models))
	}
	if f.MinLatency > 0 {
		q.And("latency_us", sqldb.AtLeast(f.MinLatency.Microseconds()))
	}
	if !f.Start.IsZero() {
		q.And("received", sqldb.AtLeast(f.Start.UnixMicro()))
	}
	if !f.End.IsZero() {
		q.And("received", sqldb.Below(f.End.UnixMicro()))
	}
	return q
}

// lane is a part of the request log that an index holds in the order of time.
type lane struct {
	index, where sqldb.SQL
	args         []any
}

// lanesOf are the lanes that together hold all a filter lets through: one for
// each key or project it names, for no index has several of them in one order.
func lanesOf(f usage.RequestFilter) []lane {
	each := func(values []string, index, where sqldb.SQL) []lane {
		var lanes []lane
		for _, v := range slices.Compact(slices.Sorted(slices.Values(values))) {
			lanes = append(lanes, lane{index, where, []any{v}})
		}
		return lanes
	}
	if l := each(f.APIKeyIDs, "usage_requests_by_api_key", "api_key_id = ?"); 0 < len(l) && len(l) <= usage.MaxLanes {
		return l
	}
	if l := each(f.ProjectIDs, "usage_requests_by_project", "project_id = ?"); 0 < len(l) && len(l) <= usage.MaxLanes {
		return l
	}
	// Each of these, said in the words of the index, is what the index is for; see
	// usage.RequestFilter.OnlyFailures.
	const failed sqldb.SQL = "usage_requests_failed"
	switch {
	case len(f.Outcomes) > 0 && !slices.Contains(f.Outcomes, usage.OutcomeCompleted):
		return []lane{{index: failed, where: "outcome <> 'completed'"}}
	case len(f.Statuses) > 0 && slices.Min(f.Statuses) >= 400:
		return []lane{{index: failed, where: "status >= 400"}}
	case len(f.ErrorCodes) > 0 && !slices.Contains(f.ErrorCodes, ""):
		return []lane{{index: failed, where: "error_code <> ''"}}
	}
	return []lane{{index: "usage_requests_by_organization"}}
}

// cursor is the place of a request in the log of an organization.
func (s *Store) cursor(ctx context.Context, organizationID, id string) (*sqldb.Cursor, error) {
	c := sqldb.Cursor{ID: id}
	err := s.db.Read().QueryRowContext(ctx, `SELECT received FROM usage_requests WHERE id = $1 AND organization_id = $2`, storable(id), storable(organizationID)).Scan(&c.At)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.Invalidf("invalid_cursor", "after", "No request '%s'.", id)
	}
	if err != nil {
		return nil, fmt.Errorf("requests: cursor: %w", err)
	}
	return &c, nil
}

// Request implements usage.Store.
func (s *Store) Request(ctx context.Context, organizationID, id string) (usage.Event, error) {
	q := sqldb.NewQuery("SELECT "+sqldb.SQL(strings.Join(requestColumns, ", "))+" FROM usage_requests").
		And("id", sqldb.Equal(id)).And("organization_id", sqldb.Equal(organizationID))
	var found []requestRow
	err := each(ctx, s.db.Read(), q, func(scan func(...any) error) error {
		r, err := scanRequest(scan)
		found = append(found, r)
		return err
	})
	if err != nil {
		return usage.Event{}, fmt.Errorf("request %s: %w", id, err)
	}
	if len(found) == 0 {
		return usage.Event{}, fault.NotFoundf("No request '%s'.", id)
	}
	return found[0].whole()
}

// words are values of a named string type as the drivers take them.
func words[S ~string](values []S) []string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = string(v)
	}
	return all
}
