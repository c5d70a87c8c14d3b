package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"weir/internal/sqldb"
)

// placesKept is how long the place of a deleted row is remembered: longer than
// anybody takes to walk a list.
const placesKept = 24 * time.Hour

// placesForgotten is how many old places one transaction forgets at most, so
// that none waits for what a large deletion left a day ago.
const placesForgotten = 1000

// vacate remembers the places of the rows that where takes, which are about to
// be deleted.
func (t *table[T]) vacate(ctx context.Context, w *tx, where func(*sqldb.Query)) error {
	if !t.listed {
		return nil
	}
	holder := t.holder
	if holder == "" {
		holder = "''"
	}
	q := sqldb.NewQuery("INSERT INTO vacated_places (organization_id, list, holder, id, created_at, vacated_at)"+
		" SELECT organization_id, '"+t.name+"', "+holder+", "+t.cursorColumn()+", created_at, CAST(? AS BIGINT) FROM "+t.name, micros(w.now))
	where(q)
	// A member that comes back and leaves again leaves its last place.
	q.Add(" ON CONFLICT (organization_id, list, holder, id) DO UPDATE SET created_at = excluded.created_at, vacated_at = excluded.vacated_at")
	if _, err := w.exec(ctx, q.Text(), q.Args()...); err != nil {
		return fmt.Errorf("remembering places in %s: %w", t.name, err)
	}
	if w.vacated {
		return nil
	}
	w.vacated = true
	return w.forgetPlaces(ctx)
}

// forgetPlaces removes old places, of every organization's.
func (w *tx) forgetPlaces(ctx context.Context) error {
	_, err := w.exec(ctx, `DELETE FROM vacated_places WHERE (organization_id, list, holder, id) IN (
		SELECT organization_id, list, holder, id FROM vacated_places WHERE vacated_at < $1 ORDER BY vacated_at LIMIT $2)`,
		micros(w.now.Add(-placesKept)), placesForgotten)
	if err != nil {
		return fmt.Errorf("forgetting old places: %w", err)
	}
	return nil
}

// vacatedPlace is the place that the row id had in l until it was deleted.
func (t *table[T]) vacatedPlace(ctx context.Context, r reader, id string, l list) (c sqldb.Cursor, ok bool, err error) {
	c.ID = id
	err = r.sql.QueryRowContext(ctx, `SELECT created_at FROM vacated_places WHERE organization_id = $1 AND list = $2 AND holder = $3 AND id = $4`,
		l.organizationID, string(t.name), l.holder, id).Scan(&c.At)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return c, false, nil
	case err != nil:
		return c, false, fmt.Errorf("reading a place in %s: %w", t.name, err)
	}
	return c, true, nil
}

// removeWhere deletes the rows that where takes.
func (t *table[T]) removeWhere(ctx context.Context, w *tx, where func(*sqldb.Query)) error {
	if err := t.vacate(ctx, w, where); err != nil {
		return err
	}
	q := sqldb.NewQuery("DELETE FROM " + t.name)
	where(q)
	if _, err := w.exec(ctx, q.Text(), q.Args()...); err != nil {
		return fmt.Errorf("deleting from %s: %w", t.name, err)
	}
	return nil
}

// removeReturning is removeWhere, and returns the ids of the rows in order.
func (t *table[T]) removeReturning(ctx context.Context, w *tx, where func(*sqldb.Query)) ([]string, error) {
	if err := t.vacate(ctx, w, where); err != nil {
		return nil, err
	}
	q := sqldb.NewQuery("DELETE FROM " + t.name)
	where(q)
	ids, err := w.execReturning(ctx, q.Add(" RETURNING "+t.cursorColumn()).Text(), q.Args()...)
	slices.Sort(ids)
	return ids, err
}
