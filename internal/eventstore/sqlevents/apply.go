package sqlevents

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"

	"weir/internal/sqldb"
	"weir/internal/usage"
)

// errKnown is a batch with an id the request log has already. It is not
// expected, so it is looked for only once it has been met.
var errKnown = errors.New("an event with this id is stored already")

// Apply implements usage.Store.
func (s *Store) Apply(ctx context.Context, node string, events []usage.Positioned) error {
	if len(events) == 0 {
		return nil
	}
	if last := events[len(events)-1].Position; last > math.MaxInt64 {
		return fmt.Errorf("apply events of node %s: position %d is beyond what a database holds", node, last)
	}
	err := s.apply(ctx, node, events, false)
	for attempt := 1; errors.Is(err, errKnown) && attempt < 3; attempt++ {
		err = s.apply(ctx, node, events, true)
	}
	if err != nil {
		return fmt.Errorf("apply events of node %s: %w", node, err)
	}
	return nil
}

// apply is one attempt. Without expectKnown it fails with errKnown, and changes
// nothing, where an id is in the request log already.
func (s *Store) apply(ctx context.Context, node string, events []usage.Positioned, expectKnown bool) error {
	var n numbers
	err := s.db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n = numbers{}
		fresh, err := beyondMark(ctx, tx, node, events)
		if err != nil || len(fresh) == 0 {
			return err
		}
		if expectKnown {
			if fresh, err = withoutKnown(ctx, tx, fresh); err != nil {
				return err
			}
		}
		if err := s.insertRequests(ctx, tx, fresh); err != nil {
			return err
		}
		if err := s.insertObjects(ctx, tx, fresh); err != nil {
			return err
		}
		b := newBatch(fresh)
		if n.callers, err = number(ctx, s, tx, insertCallers, &s.callers, b.callers); err != nil {
			return err
		}
		if n.items, err = number(ctx, s, tx, insertItems, &s.items, b.items); err != nil {
			return err
		}
		if err := s.addBatch(ctx, tx, b, n); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE usage_marks SET position = $1 WHERE node = $2`, int64(events[len(events)-1].Position), node)
		return err
	})
	if err == nil {
		s.callers.add(n.callers)
		s.items.add(n.items)
	}
	return err
}

// beyondMark returns the events above the node's mark, the first of each id
// only. It takes the mark's row, so that nobody else applies this node's outbox
// meanwhile.
func beyondMark(ctx context.Context, tx *sql.Tx, node string, events []usage.Positioned) ([]*usage.Event, error) {
	const take = `INSERT INTO usage_marks (node, position) VALUES ($1, 0)
		ON CONFLICT (node) DO UPDATE SET position = usage_marks.position RETURNING position`
	var mark int64
	if err := tx.QueryRowContext(ctx, take, node).Scan(&mark); err != nil {
		return nil, fmt.Errorf("mark: %w", err)
	}
	fresh, ids := make([]*usage.Event, 0, len(events)), make(map[string]bool, len(events))
	for i := range events {
		e := &events[i].Event
		if events[i].Position <= uint64(mark) || ids[e.ID] {
			continue
		}
		ids[e.ID] = true
		fresh = append(fresh, e)
	}
	return fresh, nil
}

// withoutKnown returns the events whose id is not in the request log.
func withoutKnown(ctx context.Context, tx *sql.Tx, events []*usage.Event) ([]*usage.Event, error) {
	known := map[string]bool{}
	for chunk := range slices.Chunk(events, 500) {
		ids := make([]string, len(chunk))
		for i, e := range chunk {
			ids[i] = e.ID
		}
		err := each(ctx, tx, sqldb.NewQuery("SELECT id FROM usage_requests").And("id", sqldb.In(ids)), func(scan func(...any) error) error {
			var id string
			err := scan(&id)
			known[id] = true
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("known ids: %w", err)
		}
	}
	return slices.DeleteFunc(events, func(e *usage.Event) bool { return known[e.ID] }), nil
}

var insertRequests = insert{into: "usage_requests", columns: requestColumns, onConflict: "(id) DO NOTHING"}

func (s *Store) insertRequests(ctx context.Context, tx *sql.Tx, events []*usage.Event) error {
	rows := make([][]any, len(events))
	for i, e := range events {
		var err error
		if rows[i], err = requestValues(e); err != nil {
			return err
		}
	}
	written, err := s.insert(ctx, tx, insertRequests, rows)
	if err == nil && written != int64(len(rows)) {
		return errKnown
	}
	return err
}

// addBatch adds the sums of a batch to the roll-ups.
func (s *Store) addBatch(ctx context.Context, tx *sql.Tx, b *batch, n numbers) error {
	for _, r := range rollups {
		sums := b.usage[r.width]
		// SQLite has one writer. On PostgreSQL two nodes must take the rows in one
		// order, or they could wait for each other: there it is all or none.
		split := s.db.Engine() == sqldb.SQLite || allText(sums)
		var text, all [][]any
		for at, sum := range sums {
			if split && sum.textOnly() {
				text = append(text, sum.row(n.of(at), textQuantities))
			} else {
				all = append(all, sum.row(n.of(at), len(quantities)))
			}
		}
		slices.SortFunc(text, byKeyOrder)
		slices.SortFunc(all, byKeyOrder)
		if _, err := s.insert(ctx, tx, r.text, text); err != nil {
			return err
		}
		if _, err := s.insert(ctx, tx, r.all, all); err != nil {
			return err
		}
	}
	rows := make([][]any, 0, len(b.costs))
	for at, sum := range b.costs {
		rows = append(rows, sum.row(n.of(at)))
	}
	slices.SortFunc(rows, byKeyOrder)
	_, err := s.insert(ctx, tx, insertCosts, rows)
	return err
}
