package sqldb_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"weir/internal/sqldb"
	"weir/internal/sqldb/sqldbtest"
)

func TestOpenRefuses(t *testing.T) {
	for _, rawURL := range []string{"", "weir.db", "sqlite:", "mysql://x/y", "postgres://127.0.0.1:1/none?connect_timeout=1"} {
		if db, err := sqldb.Open(t.Context(), rawURL); err == nil {
			t.Errorf("Open(%q) succeeded", rawURL)
			db.Close()
		}
	}
}

func TestSQLiteFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data #1", "100% weir?.db")
	db, err := sqldb.Open(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Read().ExecContext(t.Context(), `CREATE TABLE x (id BIGINT)`); err == nil {
		t.Error("the reading pool wrote")
	}
	execute(t, db, `CREATE TABLE x (id BIGINT)`)
	for name, want := range map[string]os.FileMode{path: 0o600, path + "-wal": 0o600, filepath.Dir(path): 0o700} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want mode %o", name, info, err, want)
		}
	}
	var mode string
	var synchronous, foreignKeys int
	err = db.Write(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		return errors.Join(tx.QueryRowContext(ctx, `PRAGMA journal_mode`).Scan(&mode),
			tx.QueryRowContext(ctx, `PRAGMA synchronous`).Scan(&synchronous),
			tx.QueryRowContext(ctx, `PRAGMA foreign_keys`).Scan(&foreignKeys))
	})
	if err != nil || mode != "wal" || synchronous != 2 || foreignKeys != 1 {
		t.Errorf("journal %s, synchronous %d, foreign keys %d, %v; want wal, 2 (FULL), 1", mode, synchronous, foreignKeys, err)
	}
}

func TestWriteKeepsNothingOnErrorOrPanic(t *testing.T) {
	sqldbtest.Each(t, "store", join(first, second), func(t *testing.T, db *sqldb.DB) {
		insert := func(name string, end func() error) error {
			return db.Write(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				if _, err := tx.ExecContext(ctx, `INSERT INTO fish (name) VALUES ($1)`, name); err != nil {
					return err
				}
				return end()
			})
		}
		oops := errors.New("oops")
		if err := insert("eel", func() error { return oops }); !errors.Is(err, oops) {
			t.Errorf("err = %v", err)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_ = insert("eel", func() error { panic("oops") })
		}()
		if err := insert("eel", func() error { return nil }); err != nil {
			t.Fatalf("after an error and a panic: %v", err)
		}
		err := insert("eel", func() error { return nil })
		if !sqldb.IsUniqueViolation(err) || sqldb.IsForeignKeyViolation(err) {
			t.Errorf("the same name twice: %v, want a unique violation", err)
		}
		err = db.Write(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO pond (fish_id, day) VALUES ($1, $2)`, 999, 1)
			return err
		})
		if !sqldb.IsForeignKeyViolation(err) || sqldb.IsUniqueViolation(err) {
			t.Errorf("a fish that is not there: %v, want a foreign key violation", err)
		}
	})
}

// Two transactions that take two rows in opposite order deadlock on PostgreSQL;
// Write sees both through.
func TestWriteSurvivesDeadlock(t *testing.T) {
	sqldbtest.Each(t, "store", join(first), func(t *testing.T, db *sqldb.DB) {
		execute(t, db, `INSERT INTO fish (id, name) VALUES (1, 'a'), (2, 'b')`)
		if db.Engine() == sqldb.SQLite {
			return // one writer
		}
		var wg, bothHold sync.WaitGroup
		bothHold.Add(2)
		for _, order := range [][2]int{{1, 2}, {2, 1}} {
			var once sync.Once
			wg.Go(func() {
				err := db.Write(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
					for i, id := range order {
						if _, err := tx.ExecContext(ctx, `UPDATE fish SET name = name || 'x' WHERE id = $1`, id); err != nil {
							return err
						}
						if i == 0 {
							once.Do(func() { bothHold.Done(); bothHold.Wait() })
						}
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		var n int
		if err := db.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM fish WHERE name IN ('axx', 'bxx')`).Scan(&n); err != nil || n != 2 {
			t.Errorf("%d rows got both updates, %v; want 2", n, err)
		}
	})
}

func TestSnapshotSeesOneState(t *testing.T) {
	sqldbtest.Each(t, "store", join(first), func(t *testing.T, db *sqldb.DB) {
		err := db.Snapshot(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			count := func() (n int) {
				if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM fish`).Scan(&n); err != nil {
					t.Error(err)
				}
				return n
			}
			before := count()
			execute(t, db, `INSERT INTO fish (name) VALUES ('pike')`)
			if after := count(); before != 0 || after != 0 {
				t.Errorf("snapshot counts %d, then %d; want 0 twice", before, after)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
