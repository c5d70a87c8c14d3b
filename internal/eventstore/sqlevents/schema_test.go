package sqlevents_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"weir/internal/eventstore/sqlevents"
	"weir/internal/sqldb"
	"weir/internal/sqldb/sqldbtest"
)

var update = flag.Bool("update", false, "rewrite testdata/schema.*.sql from the migrations")

// The schema changes only together with its golden file, where a reviewer sees
// what a migration makes of the tables.
func TestSchemaIsGolden(t *testing.T) {
	sqldbtest.Each(t, sqlevents.MigrationsName, sqlevents.Migrations(), func(t *testing.T, db *sqldb.DB) {
		got, err := sqldb.Schema(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", "schema."+string(db.Engine())+".sql")
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs; after a deliberate change run go test -update.\ngot:\n%s", golden, got)
		}
	})
}
