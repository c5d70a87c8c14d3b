package sqlevents_test

import (
	"context"
	"database/sql"
	"math"
	"testing"
	"time"

	"weir/internal/money"
	"weir/internal/sqldb"
	"weir/internal/sqldb/sqldbtest"
	"weir/internal/usage"
)

// A sum that is full already holds up no batch and stays the whole number it
// was: SQLite would go on with a fraction, PostgreSQL refuse.
func TestFullSumsStayAsTheyAre(t *testing.T) {
	sqldbtest.EachEngine(t, func(t *testing.T, open func() *sqldb.DB) {
		db := open()
		s := store(t, db)
		amount := money.FromParts(5, 999_999_999)
		day := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
		event := func(id string) usage.Event {
			return usage.Event{
				ID: id, OrganizationID: "org-1", ProjectID: "proj_1", APIKeyID: "key_1", Kind: usage.Images, Model: "m",
				Received: day.Add(time.Hour), Status: 200, Outcome: usage.OutcomeCompleted, Source: usage.SourceProvider,
				Quantities: usage.Quantities{InputText: 7, Images: 7},
				Lines:      []usage.CostLine{{LineItem: "m, images", Quantity: 7, Unit: "images", Amount: &amount}},
			}
		}
		apply := func(position uint64, id string) {
			t.Helper()
			if err := s.Apply(t.Context(), "node", []usage.Positioned{{Position: position, Event: event(id)}}); err != nil {
				t.Fatal(err)
			}
		}
		apply(1, "req_1")
		err := db.Write(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			for _, statement := range []string{
				`UPDATE usage_minutes SET input_text = $1, images = $1`,
				`UPDATE usage_hours SET input_text = $1, images = $1`,
				`UPDATE usage_days SET input_text = $1, images = $1`,
				`UPDATE usage_cost_days SET quantity = $1, amount_nano = 5000000000000000000`,
			} {
				if _, err := tx.ExecContext(ctx, statement, math.MaxInt64); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		apply(2, "req_2")
		for _, width := range []usage.Width{usage.Minute, usage.Hour, usage.Day} {
			start := day.Add(time.Hour).Truncate(time.Duration(width))
			report, err := s.Report(t.Context(), usage.Query{
				OrganizationID: "org-1", Kind: usage.Images, Width: width, Start: start, End: start.Add(time.Duration(width)),
			})
			if err != nil {
				t.Fatal(err)
			}
			if r := report[0].Results[0]; r.Requests != 2 || r.InputText != math.MaxInt64 || r.Images != math.MaxInt64 {
				t.Errorf("%v: %+v", time.Duration(width), r)
			}
		}
		costs, err := s.Costs(t.Context(), usage.Query{
			OrganizationID: "org-1", Width: usage.Day, Start: day, End: day.Add(24 * time.Hour), GroupBy: []usage.Dimension{usage.ByLineItem},
		})
		if err != nil {
			t.Fatal(err)
		}
		if r := costs[0].Results[0]; r.Quantity != math.MaxInt64 || r.Amount.Nano != 5_000_000_000_000_000_000 {
			t.Errorf("costs: %+v", r)
		}
	})
}
