package sqlevents

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"weir/internal/fault"
	"weir/internal/sqldb"
	"weir/internal/usage"
)

// Requests implements usage.Store. Time range, project and key are read from an
// index; the other filters look at every row in that range. Times are compared
// in microseconds.
func (s *Store) Requests(ctx context.Context, f usage.RequestFilter) (rows []usage.Event, more bool, err error) {
	k := sqldb.Keyset{At: "received", ID: "id", Descending: true, Limit: f.Limit}
	if f.After != "" {
		if k.After, err = s.cursor(ctx, f.OrganizationID, f.After); err != nil {
			return nil, false, err
		}
	}
	q := sqldb.NewQuery("SELECT event FROM usage_requests").
		And("organization_id", sqldb.Equal(f.OrganizationID)).
		And("project_id", sqldb.AnyOf(f.ProjectIDs)).
		And("api_key_id", sqldb.AnyOf(f.APIKeyIDs)).
		And("user_id", sqldb.AnyOf(f.UserIDs)).
		And("model_endpoint_id", sqldb.AnyOf(f.ModelEndpointIDs)).
		And("status", sqldb.AnyOf(f.Statuses)).
		And("error_code", sqldb.AnyOf(f.ErrorCodes)).
		And("outcome", sqldb.AnyOf(words(f.Outcomes)))
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
	err = each(ctx, s.db.Read(), q.Page(k), func(scan func(...any) error) error {
		var whole []byte
		if err := scan(&whole); err != nil {
			return err
		}
		e, err := decode(whole)
		rows = append(rows, e)
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("requests: %w", err)
	}
	rows, more = sqldb.PageOf(k, rows)
	return rows, more, nil
}

// cursor is the place of a request in the log of an organization.
func (s *Store) cursor(ctx context.Context, organizationID, id string) (*sqldb.Cursor, error) {
	c := sqldb.Cursor{ID: id}
	err := s.db.Read().QueryRowContext(ctx, `SELECT received FROM usage_requests WHERE id = $1 AND organization_id = $2`, storable(id), storable(organizationID)).Scan(&c.At)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.Invalidf("invalid_value", "after", "No request '%s'.", id)
	}
	if err != nil {
		return nil, fmt.Errorf("requests: cursor: %w", err)
	}
	return &c, nil
}

// Request implements usage.Store.
func (s *Store) Request(ctx context.Context, organizationID, id string) (usage.Event, error) {
	var whole []byte
	err := s.db.Read().QueryRowContext(ctx, `SELECT event FROM usage_requests WHERE id = $1 AND organization_id = $2`, storable(id), storable(organizationID)).Scan(&whole)
	if errors.Is(err, sql.ErrNoRows) {
		return usage.Event{}, fault.NotFoundf("No request '%s'.", id)
	}
	if err != nil {
		return usage.Event{}, fmt.Errorf("request %s: %w", id, err)
	}
	return decode(whole)
}

func decode(whole []byte) (e usage.Event, err error) {
	if err := json.Unmarshal(whole, &e); err != nil {
		return e, fmt.Errorf("stored event: %w", err)
	}
	return e, nil
}

// words are values of a named string type as the drivers take them.
func words[S ~string](values []S) []string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = string(v)
	}
	return all
}
