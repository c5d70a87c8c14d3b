package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"weir/internal/fault"
	"weir/internal/org"
	"weir/internal/sqldb"
)

// table says how a noun lies in its table.
type table[T any] struct {
	name  sqldb.SQL
	label string // what messages call a row
	// columns that are written. The first ones, key of them, identify a row;
	// the very first is its id.
	columns []string
	key     int
	// derived are expressions that are read only, after the columns.
	derived []string
	// fields of v in the order of columns and derived, as arguments and as
	// targets of Scan.
	fields func(v *T) []any
	// taken is the complaint when a unique value is; nil where only the id is.
	taken func(v *T) error
	// listed says that clients page through rows by id, so that the place of one
	// is remembered when it goes. holder is an expression for what such a list
	// belongs to, in the organization, where the id alone does not say the place.
	listed bool
	holder sqldb.SQL
}

// cursorColumn is the column that cursors name.
func (t *table[T]) cursorColumn() sqldb.SQL { return sqldb.SQL(t.columns[0]) }

func (t *table[T]) missing(id string) error {
	return fault.NotFoundf("%s with ID '%s' not found.", t.label, legible(id))
}

// selection is SELECT … FROM.
func (t *table[T]) selection() sqldb.SQL {
	list := strings.Join(t.columns, ", ")
	for _, expression := range t.derived {
		list += ", " + expression
	}
	return "SELECT " + sqldb.SQL(list) + " FROM " + t.name
}

// args are the values of v's columns.
func (t *table[T]) args(v *T) []any { return t.fields(v)[:len(t.columns)] }

func (t *table[T]) insert(ctx context.Context, w *tx, v *T) error {
	return t.explain("inserting", v, t.insertRows(ctx, w, []*T{v}))
}

// insertBatch is how many rows one statement of insertAll writes: enough to save
// PostgreSQL most round trips, and not too many arguments for SQLite (see
// changeBatch).
const insertBatch = 10

// insertAll is insert for many rows, of which each has a place of its own.
func (t *table[T]) insertAll(ctx context.Context, w *tx, rows []*T) error {
	for batch := range slices.Chunk(rows, insertBatch) {
		if err := t.insertRows(ctx, w, batch); err != nil {
			return t.explain("inserting", batch[0], err)
		}
	}
	return nil
}

func (t *table[T]) insertRows(ctx context.Context, w *tx, rows []*T) error {
	q := sqldb.NewQuery("INSERT INTO " + t.name + " (" + sqldb.SQL(strings.Join(t.columns, ", ")) + ") VALUES ")
	for i, v := range rows {
		if i > 0 {
			q.Add(", ")
		}
		q.Add("(?"+sqldb.SQL(strings.Repeat(", ?", len(t.columns)-1))+")", t.args(v)...)
	}
	_, err := w.exec(ctx, q.Text(), q.Args()...)
	return err
}

func (t *table[T]) update(ctx context.Context, w *tx, v *T) error {
	q := sqldb.NewQuery("UPDATE " + t.name + " SET ")
	args := t.args(v)
	for i := t.key; i < len(args); i++ {
		if i > t.key {
			q.Add(", ")
		}
		q.Add(sqldb.SQL(t.columns[i])+" = ?", args[i])
	}
	for i, arg := range args[:t.key] {
		q.Where(sqldb.SQL(t.columns[i])+" = ?", arg)
	}
	n, err := w.exec(ctx, q.Text(), q.Args()...)
	if err != nil {
		return t.explain("updating", v, err)
	}
	if n == 0 {
		return t.missing(t.id(v))
	}
	return nil
}

// remove deletes the row with this key.
func (t *table[T]) remove(ctx context.Context, w *tx, key ...any) error {
	id := key[0].(string)
	if !storableArgs(key) {
		return t.missing(id)
	}
	err := t.vacate(ctx, w, func(q *sqldb.Query) {
		for i, column := range t.columns[:t.key] {
			q.Where(sqldb.SQL(column)+" = ?", key[i])
		}
	})
	if err != nil {
		return err
	}
	n, err := w.exec(ctx, "DELETE FROM "+string(t.name)+" WHERE "+t.matching(), key...)
	if err != nil {
		return fmt.Errorf("deleting %s %s: %w", t.name, id, err)
	}
	if n == 0 {
		return t.missing(id)
	}
	return nil
}

// matching is the condition that the key columns have the values $1, $2, ….
func (t *table[T]) matching() string {
	terms := make([]string, t.key)
	for i, column := range t.columns[:t.key] {
		terms[i] = column + " = $" + strconv.Itoa(i+1)
	}
	return strings.Join(terms, " AND ")
}

// id of v, for messages.
func (t *table[T]) id(v *T) string {
	s, _ := stringOf(t.fields(v)[0])
	return s
}

// explain turns a refused row into what the caller can act on.
func (t *table[T]) explain(doing string, v *T, err error) error {
	switch {
	case err == nil:
		return nil
	case !sqldb.IsUniqueViolation(err):
		return fmt.Errorf("%s %s %s: %w", doing, t.name, t.id(v), err)
	case t.taken != nil:
		return t.taken(v)
	}
	return fault.Invalidf("id_taken", "id", "%s with ID '%s' exists already.", t.label, t.id(v))
}

// get returns the row with this key.
func (t *table[T]) get(ctx context.Context, r reader, key ...any) (T, error) {
	return t.find(ctx, r, t.missing(key[0].(string)), t.matching(), key...)
}

// find returns the row that matches, or missing.
func (t *table[T]) find(ctx context.Context, r reader, missing error, where string, args ...any) (T, error) {
	var v T
	if !storableArgs(args) {
		return v, missing
	}
	err := r.sql.QueryRowContext(ctx, string(t.selection())+" WHERE "+where, args...).Scan(t.fields(&v)...)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		var none T
		return none, missing
	case err != nil:
		var none T
		return none, fmt.Errorf("reading %s: %w", t.name, err)
	}
	return v, nil
}

// each calls fn with every row of q, which starts with the selection, as they
// come in.
func (t *table[T]) each(ctx context.Context, r reader, q *sqldb.Query, fn func(T) error) error {
	rows, err := r.sql.QueryContext(ctx, q.Text(), q.Args()...)
	if err != nil {
		return fmt.Errorf("reading %s: %w", t.name, err)
	}
	defer rows.Close()
	var v T
	fields := t.fields(&v) // Scan replaces every one, lists included
	for rows.Next() {
		if err := rows.Scan(fields...); err != nil {
			return fmt.Errorf("reading %s: %w", t.name, err)
		}
		if err := fn(v); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("reading %s: %w", t.name, err)
	}
	return nil
}

// all returns every row of q.
func (t *table[T]) all(ctx context.Context, r reader, q *sqldb.Query) ([]T, error) {
	if !storableArgs(q.Args()) {
		return nil, nil
	}
	var rows []T
	err := t.each(ctx, r, q, func(v T) error { rows = append(rows, v); return nil })
	return rows, err
}

// list is what a page is cut from: the rows of scope, of which filter, when it
// is there, takes some. A cursor has to be in scope only, so that a row that
// drops out of the filter between two pages does not end the walk; nor does one
// that is deleted.
type list struct {
	organizationID string
	holder         string // the value of the table's holder
	scope, filter  func(*sqldb.Query)
}

// inOrganization is the scope of most lists.
func inOrganization(organizationID string) func(*sqldb.Query) {
	return func(q *sqldb.Query) { q.And("organization_id", sqldb.Equal(organizationID)) }
}

// page returns the page p of l.
func (t *table[T]) page(ctx context.Context, r reader, p org.Page, l list) (org.Rows[T], error) {
	k := sqldb.Keyset{At: "created_at", ID: t.cursorColumn(), Descending: !p.Ascending, Limit: max(p.Limit, 0)}
	if p.After != "" && p.Before != "" {
		return org.Rows[T]{}, fault.Invalidf("invalid_cursor", "before", "'after' and 'before' cannot be combined.")
	}
	var err error
	if k.After, err = t.cursor(ctx, r, "after", p.After, l); err != nil {
		return org.Rows[T]{}, err
	}
	if k.Before, err = t.cursor(ctx, r, "before", p.Before, l); err != nil {
		return org.Rows[T]{}, err
	}
	q := sqldb.NewQuery(t.selection())
	l.scope(q)
	if l.filter != nil {
		l.filter(q)
	}
	rows, err := t.all(ctx, r, q.Page(k))
	if err != nil {
		return org.Rows[T]{}, err
	}
	items, more := sqldb.PageOf(k, rows)
	return org.Rows[T]{Items: items, More: more}, nil
}

// cursor finds the place of the row id in l, which may be gone since; nil for no id.
func (t *table[T]) cursor(ctx context.Context, r reader, param, id string, l list) (*sqldb.Cursor, error) {
	if id == "" {
		return nil, nil
	}
	unknown := fault.Invalidf("invalid_cursor", param, "Invalid '%s': there is no '%s' in this list.", param, legible(id))
	q := sqldb.NewQuery("SELECT created_at FROM " + t.name)
	l.scope(q)
	q.And(t.cursorColumn(), sqldb.Equal(id))
	if !storableArgs(q.Args()) {
		return nil, unknown
	}
	c := sqldb.Cursor{ID: id}
	err := r.sql.QueryRowContext(ctx, q.Text(), q.Args()...).Scan(&c.At)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		vacated, known, err := t.vacatedPlace(ctx, r, id, l)
		if err == nil && !known {
			err = unknown
		}
		return &vacated, err
	case err != nil:
		return nil, fmt.Errorf("reading the cursor in %s: %w", t.name, err)
	}
	return &c, nil
}

// whereIn narrows q to rows whose column is selected for one of values;
// selection ends in the column the values are of.
func whereIn(q *sqldb.Query, column, selection sqldb.SQL, values []string) {
	if len(values) == 0 {
		q.Where("1 = 0")
		return
	}
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	q.Where(column+" IN ("+selection+" IN (?"+sqldb.SQL(strings.Repeat(", ?", len(args)-1))+"))", args...)
}

// storableOf leaves out what nothing in the store can equal.
func storableOf(values []string) []string {
	kept := make([]string, 0, len(values))
	for _, v := range values {
		if storable(v) {
			kept = append(kept, v)
		}
	}
	return kept
}

// nameTaken is the complaint about a name that must be unique.
func nameTaken(label, name string) error {
	return fault.Invalidf("name_taken", "name", "%s with the name '%s' exists already.", label, name)
}
