package sqlevents

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"weir/internal/sqldb"
)

// insert is a statement that writes rows.
type insert struct {
	into       string
	columns    []string
	onConflict string
}

// chunks are the numbers of rows one statement takes, largest first: parsing
// and crossing into the engine is paid once for all of them.
var chunks = []int{32, 4, 1}

// text is the statement for n rows.
func (i insert) text(e sqldb.Engine, n int) string {
	rows := make([]string, n)
	for row := range rows {
		rows[row] = "(" + placeholders(e, row*len(i.columns), len(i.columns)) + ")"
	}
	var b strings.Builder
	b.WriteString("INSERT ")
	if e == sqldb.SQLite {
		// Without this a copy of every page is kept to undo the statement alone.
		// Nothing needs that: an error undoes the transaction.
		b.WriteString("OR FAIL ")
	}
	b.WriteString("INTO " + i.into + " (" + strings.Join(i.columns, ", ") + ") VALUES " + strings.Join(rows, ", "))
	b.WriteString(" ON CONFLICT " + i.onConflict)
	return b.String()
}

// placeholders are n of them after the first skip. SQLite takes $1 for a name
// and its driver seeks names one by one, which for a thousand parameters costs
// more than the insert: there they are anonymous.
func placeholders(e sqldb.Engine, skip, n int) string {
	all := make([]string, n)
	for i := range all {
		if all[i] = "?"; e == sqldb.Postgres {
			all[i] = "$" + strconv.Itoa(skip+i+1)
		}
	}
	return strings.Join(all, ", ")
}

// prepare prepares an insert in every chunk size.
func (s *Store) prepare(ctx context.Context, inserts ...insert) error {
	for _, i := range inserts {
		for _, n := range chunks {
			stmt, err := s.db.Prepare(ctx, i.text(s.db.Engine(), n))
			if err != nil {
				return fmt.Errorf("prepare insert into %s: %w", i.into, err)
			}
			s.writes[write{i.into, len(i.columns), n}] = stmt
		}
	}
	return nil
}

// prepareLookUps prepares the reading of dictionaries in every chunk size.
func (s *Store) prepareLookUps(ctx context.Context, tables ...string) error {
	for _, table := range tables {
		for _, n := range chunks {
			text := "SELECT digest, id FROM " + table + " WHERE digest IN (" + placeholders(s.db.Engine(), 0, n) + ")"
			stmt, err := s.db.Prepare(ctx, text)
			if err != nil {
				return fmt.Errorf("prepare look-up in %s: %w", table, err)
			}
			s.lookUps[lookUp{table, n}] = stmt
		}
	}
	return nil
}

// write names a prepared insert: a table, how many of its columns, how many rows.
type write struct {
	into          string
	columns, rows int
}

// lookUp names a prepared read: a dictionary and how many digests.
type lookUp struct {
	table string
	names int
}

// insert writes rows and returns how many were not left out for a conflict.
func (s *Store) insert(ctx context.Context, tx *sql.Tx, i insert, rows [][]any) (written int64, err error) {
	args := make([]any, 0, min(len(rows), chunks[0])*len(i.columns))
	for _, n := range chunks {
		if len(rows) < n {
			continue
		}
		stmt := tx.StmtContext(ctx, s.writes[write{i.into, len(i.columns), n}])
		for ; len(rows) >= n; rows = rows[n:] {
			args = args[:0]
			for _, row := range rows[:n] {
				for _, v := range row {
					args = append(args, storable(v))
				}
			}
			result, err := stmt.ExecContext(ctx, args...)
			if err != nil {
				return written, fmt.Errorf("insert into %s: %w", i.into, err)
			}
			affected, err := result.RowsAffected()
			if err != nil {
				return written, fmt.Errorf("insert into %s: %w", i.into, err)
			}
			written += affected
		}
	}
	return written, nil
}

// storable is v as a database takes it. Model names and the like come from
// callers and providers as they please, and PostgreSQL refuses text with zero
// bytes or that is not UTF-8: one such event would hold up all that follow.
func storable(v any) any {
	if s, ok := v.(string); ok && (!utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0) {
		return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	}
	return v
}

func storables(values []any) []any {
	all := make([]any, len(values))
	for i, v := range values {
		all[i] = storable(v)
	}
	return all
}

// each runs q and calls fn for every row.
func each(ctx context.Context, from interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}, q *sqldb.Query, fn func(scan func(...any) error) error) error {
	rows, err := from.QueryContext(ctx, q.Text(), storables(q.Args())...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
