package sqldb_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"weir/internal/fault"
	"weir/internal/sqldb"
	"weir/internal/sqldb/sqldbtest"
)

func files(texts map[string]string) fstest.MapFS {
	f := fstest.MapFS{}
	for name, text := range texts {
		f[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return f
}

var (
	first  = map[string]string{"0001_fish.sql": "CREATE TABLE fish (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);\nCREATE INDEX fish_name ON fish (name, id);"}
	second = map[string]string{"0002_pond.sql": "CREATE TABLE pond (fish_id BIGINT NOT NULL REFERENCES fish (id), day BIGINT NOT NULL, PRIMARY KEY (day, fish_id)) WITHOUT ROWID;\nINSERT INTO fish (name) VALUES ('carp');"}
	broken = map[string]string{"0003_broken.sql": "CREATE TABLE reed (id BIGINT);\nCREATE TABLE reed (id BIGINT);"}
)

func join(parts ...map[string]string) fstest.MapFS {
	all := map[string]string{}
	for _, p := range parts {
		maps.Copy(all, p)
	}
	return files(all)
}

func TestMigrateStepByStep(t *testing.T) {
	sqldbtest.EachEngine(t, func(t *testing.T, open func() *sqldb.DB) {
		ctx, db := t.Context(), open()
		status(t, db, join(first, second), 0, 2)
		migrate(t, db, join(first))
		status(t, db, join(first), 1, 1)
		status(t, db, join(first, second), 1, 2)
		migrate(t, db, join(first, second))
		migrate(t, db, join(first, second)) // nothing left to do
		status(t, db, join(first, second), 2, 2)

		var name string
		if err := db.Read().QueryRowContext(ctx, `SELECT name FROM fish WHERE id = $1`, 1).Scan(&name); err != nil || name != "carp" {
			t.Errorf("fish 1 = %q, %v; want carp, numbered by the database", name, err)
		}
		if err := sqldb.Migrate(ctx, db, "other", files(map[string]string{"0001_x.sql": "CREATE TABLE x (id BIGINT);"})); err != nil {
			t.Errorf("a second store in the same database: %v", err)
		}
	})
}

func TestMigrateRefusesForeignSchema(t *testing.T) {
	altered := map[string]string{"0001_fish.sql": first["0001_fish.sql"] + "\n-- and a pike"}
	early := map[string]string{"0001_early.sql": "CREATE TABLE early (id BIGINT);"}
	late := map[string]string{"0002_fish.sql": first["0001_fish.sql"]}
	tests := []struct {
		name      string
		had, have fstest.MapFS
		says      string
	}{
		{"newer than the binary", join(first, second), join(first), "install the newer weir"},
		{"migration unknown to the binary", join(first, second), join(first, map[string]string{"0003_x.sql": "SELECT 1;"}), "migration 2"},
		{"migration altered", join(first), join(altered), "other contents"},
		{"migration missed", join(late), join(early, late), "never had migration 0001_early.sql"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sqldbtest.EachEngine(t, func(t *testing.T, open func() *sqldb.DB) {
				db := open()
				migrate(t, db, test.had)
				_, _, statusErr := sqldb.Status(t.Context(), db, "store", test.have)
				for _, err := range []error{sqldb.Migrate(t.Context(), db, "store", test.have), statusErr} {
					if !errors.Is(err, sqldb.ErrSchemaMismatch) || !strings.Contains(err.Error(), test.says) {
						t.Errorf("err = %v, want ErrSchemaMismatch that says %q", err, test.says)
					}
				}
			})
		})
	}
}

func TestMigrateKeepsNothingOfABrokenStep(t *testing.T) {
	sqldbtest.EachEngine(t, func(t *testing.T, open func() *sqldb.DB) {
		db := open()
		migrate(t, db, join(first, second))
		if err := sqldb.Migrate(t.Context(), db, "store", join(first, second, broken)); err == nil {
			t.Fatal("a broken migration passed")
		}
		status(t, db, join(first, second, broken), 2, 3)
		if text := schema(t, db); strings.Contains(text, "reed") {
			t.Errorf("schema after a failed migration:\n%s", text)
		}
		if db.Engine() == sqldb.SQLite {
			if _, err := os.Stat(db.Path() + ".before-3"); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the copy of an unchanged database was kept: %v", err)
			}
		}
	})
}

func TestMigrateCopiesTheFileBefore(t *testing.T) {
	db := sqldbtest.SQLite(t)
	migrate(t, db, join(first))
	execute(t, db, `INSERT INTO fish (name) VALUES ('pike')`)
	kept := db.Path() + ".before-2"
	if err := os.WriteFile(kept, []byte("somebody's"), 0o600); err != nil {
		t.Fatal(err)
	}
	migrate(t, db, join(first, second))
	if b, err := os.ReadFile(kept); err != nil || string(b) != "somebody's" {
		t.Errorf("existing file overwritten: %q, %v", b, err)
	}
	before, err := sqldb.Open(t.Context(), "sqlite:"+kept+".2")
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	status(t, before, join(first), 1, 1)
	var n int
	if err := before.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM fish WHERE name = 'pike'`).Scan(&n); err != nil || n != 1 {
		t.Errorf("the copy holds %d pike, %v; want 1", n, err)
	}
	if info, err := os.Stat(before.Path()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the copy: %v, %v", info.Mode(), err)
	}
}

func TestMigrateFromTwoNodesAtOnce(t *testing.T) {
	sqldbtest.EachEngine(t, func(t *testing.T, open func() *sqldb.DB) {
		db := open()
		if db.Engine() == sqldb.SQLite {
			return // one process owns the file
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if err := sqldb.Migrate(t.Context(), db, "store", join(first, second)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		status(t, db, join(first, second), 2, 2)
	})
}

func TestSchemaNamesEveryTableAndIndex(t *testing.T) {
	sqldbtest.EachEngine(t, func(t *testing.T, open func() *sqldb.DB) {
		db := open()
		migrate(t, db, join(first, second))
		text := schema(t, db)
		for _, want := range []string{"fish_name", "pond", "name"} {
			if !strings.Contains(text, want) {
				t.Errorf("schema lacks %q:\n%s", want, text)
			}
		}
		if strings.Contains(text, "schema_versions") || strings.Contains(text, "test_") {
			t.Errorf("schema shows its books or where it lives:\n%s", text)
		}
		if db.Engine() == sqldb.Postgres && !strings.Contains(text, "name text COLLATE C NOT NULL") {
			t.Errorf("text does not compare byte by byte:\n%s", text)
		}
	})
}

func migrate(t *testing.T, db *sqldb.DB, f fstest.MapFS) {
	t.Helper()
	if err := sqldb.Migrate(t.Context(), db, "store", f); err != nil {
		t.Fatal(err)
	}
}

func status(t *testing.T, db *sqldb.DB, f fstest.MapFS, wantCurrent, wantLatest int64) {
	t.Helper()
	current, latest, err := sqldb.Status(t.Context(), db, "store", f)
	if err != nil || current != wantCurrent || latest != wantLatest {
		t.Errorf("Status = %d of %d, %v; want %d of %d", current, latest, err, wantCurrent, wantLatest)
	}
}

func schema(t *testing.T, db *sqldb.DB) string {
	t.Helper()
	text, err := sqldb.Schema(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func execute(t *testing.T, db *sqldb.DB, statement string, args ...any) {
	t.Helper()
	err := db.Write(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Two nodes may have one file and data directories of their own, and be started for
// the first time at once.
func TestTwoFirstStartsOnOneFile(t *testing.T) {
	for range 5 {
		url := "sqlite:" + filepath.Join(t.TempDir(), "weir.db")
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				db, err := sqldb.Open(t.Context(), url)
				if err != nil {
					t.Error("opening:", err)
					return
				}
				defer db.Close()
				if err := sqldb.Migrate(t.Context(), db, "store", join(first, second)); err != nil {
					t.Error("migrating:", err)
				}
			})
		}
		wg.Wait()
	}
}

// What the engine cannot store is nobody's mistake, and says what is wrong.
func TestAFullDiskIsUnavailable(t *testing.T) {
	db := sqldbtest.SQLite(t)
	migrate(t, db, join(first))
	execute(t, db, `PRAGMA max_page_count = 20`)
	err := db.Write(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		for i := range 1000 {
			if _, err := tx.ExecContext(ctx, `INSERT INTO fish (name) VALUES ($1)`, strings.Repeat("x", 1000)+strconv.Itoa(i)); err != nil {
				return fmt.Errorf("inserting: %w", err)
			}
		}
		return nil
	})
	if f := fault.Of(err); f == nil || f.Kind != fault.Unavailable || f.Code != "storage_full" {
		t.Errorf("a full disk: %v", err)
	}
}
