package sqldb_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"weir/internal/sqldb"
	"weir/internal/sqldb/sqldbtest"
)

func TestQueryNumbersArguments(t *testing.T) {
	q := sqldb.NewQuery("SELECT ? FROM t", 7).
		And("a", sqldb.Equal(1)).
		And("b", sqldb.AnyOf([]string{})).
		And("c", sqldb.In([]string{"x", "y"})).
		Where("d = ? OR e = ?", 2, 3).
		Add(" LIMIT ?", 10)
	const want = "SELECT $1 FROM t WHERE (a = $2) AND (c IN ($3, $4)) AND (d = $5 OR e = $6) LIMIT $7"
	if q.Text() != want || !slices.Equal(q.Args(), []any{7, 1, "x", "y", 2, 3, 10}) {
		t.Errorf("got  %s %v\nwant %s", q.Text(), q.Args(), want)
	}
}

func TestQueryWithArgumentsAstrayPanics(t *testing.T) {
	for text, args := range map[sqldb.SQL][]any{"a = ? AND b = ?": {1}, "a = 1": {1}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s with %d arguments passed", text, len(args))
				}
			}()
			sqldb.NewQuery(text, args...)
		}()
	}
}

const notesSchema = `CREATE TABLE notes (id TEXT NOT NULL PRIMARY KEY, at BIGINT NOT NULL);`

// Walking a list page by page, forwards or backwards, gives the list.
func TestKeysetWalkEqualsList(t *testing.T) {
	type note struct {
		At int64
		ID string
	}
	sqldbtest.Each(t, "notes", files(map[string]string{"0001_notes.sql": notesSchema}), func(t *testing.T, db *sqldb.DB) {
		var all []note
		for i, id := range []string{"Z", "a", "É", "b", "aa", "A", "_", "0", "ab", "-"} {
			n := note{At: int64(i / 3), ID: id}
			all = append(all, n)
			execute(t, db, `INSERT INTO notes (at, id) VALUES ($1, $2)`, n.At, n.ID)
		}
		page := func(t *rapid.T, k sqldb.Keyset) ([]note, bool) {
			q := sqldb.NewQuery("SELECT at, id FROM notes").Page(k)
			rows, err := db.Read().QueryContext(t.Context(), q.Text(), q.Args()...)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			var notes []note
			for rows.Next() {
				var n note
				if err := rows.Scan(&n.At, &n.ID); err != nil {
					t.Fatal(err)
				}
				notes = append(notes, n)
			}
			if err := rows.Err(); err != nil {
				t.Fatal(err)
			}
			return sqldb.PageOf(k, notes)
		}
		slices.SortFunc(all, func(a, b note) int {
			if a.At != b.At {
				return int(a.At - b.At)
			}
			if a.ID < b.ID {
				return -1
			}
			return 1
		})
		rapid.Check(t, func(t *rapid.T) {
			k := sqldb.Keyset{At: "at", ID: "id", Descending: rapid.Bool().Draw(t, "descending"), Limit: rapid.IntRange(1, 12).Draw(t, "limit")}
			want := slices.Clone(all)
			if k.Descending {
				slices.Reverse(want)
			}
			back := rapid.Bool().Draw(t, "back")
			if back {
				k.Before = &sqldb.Cursor{At: want[len(want)-1].At, ID: want[len(want)-1].ID}
				want = want[:len(want)-1]
			}
			var walked []note
			for more := true; more; {
				var rows []note
				rows, more = page(t, k)
				if len(rows) == 0 || len(rows) > k.Limit {
					t.Fatalf("a page of %d", len(rows))
				}
				if back {
					walked = slices.Concat(rows, walked)
					k.Before = &sqldb.Cursor{At: rows[0].At, ID: rows[0].ID}
				} else {
					walked = append(walked, rows...)
					k.After = &sqldb.Cursor{At: rows[len(rows)-1].At, ID: rows[len(rows)-1].ID}
				}
			}
			if !slices.Equal(walked, want) {
				t.Errorf("walked %v, want %v", walked, want)
			}
		})
	})
}
