package sqlstore_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/org"
	"weir/internal/org/orgtest"
	"weir/internal/sqldb"
	"weir/internal/sqldb/sqldbtest"
	"weir/internal/sqlstore"
)

var update = flag.Bool("update", false, "write the golden schemas")

func TestConformance(t *testing.T) {
	sqldbtest.EachEngine(t, func(t *testing.T, open func() *sqldb.DB) {
		orgtest.Run(t, func(t *testing.T) org.Store {
			s, err := sqlstore.Open(t.Context(), open())
			if err != nil {
				t.Fatal(err)
			}
			return s
		})
	})
}

func TestSchemaIsGolden(t *testing.T) {
	sqldbtest.Each(t, sqlstore.Name, sqlstore.Migrations(), func(t *testing.T, db *sqldb.DB) {
		got, err := sqldb.Schema(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", "schema."+string(db.Engine())+".sql")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("the schema is not %s; run the test with -update when that is meant:\n%s", file, got)
		}
	})
}

func TestEventsAreDatedByTheClock(t *testing.T) {
	sqldbtest.EachEngine(t, func(t *testing.T, open func() *sqldb.DB) {
		now := time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.UTC)
		s, err := sqlstore.Open(t.Context(), open(), sqlstore.WithClock(func() time.Time { return now }))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Update(t.Context(), audit.System("org-1"), func(tx org.Tx) error {
			tx.Record(audit.Event{Action: "x"})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if err := s.View(t.Context(), func(r org.Reader) error {
			return r.AuditChain(t.Context(), "org-1", 0, func(e audit.Event) error {
				if want := now.Truncate(time.Microsecond); !e.EffectiveAt.Equal(want) {
					t.Errorf("dated %v, want %v", e.EffectiveAt, want)
				}
				return e.Verify("")
			})
		}); err != nil {
			t.Fatal(err)
		}
	})
}

func TestPlacesOfDeletedRowsAreForgotten(t *testing.T) {
	sqldbtest.EachEngine(t, func(t *testing.T, open func() *sqldb.DB) {
		now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		s, err := sqlstore.Open(t.Context(), open(), sqlstore.WithClock(func() time.Time { return now }))
		if err != nil {
			t.Fatal(err)
		}
		write := func(fn func(tx org.Tx) error) {
			t.Helper()
			if _, err := s.Update(t.Context(), audit.System("org-1"), fn); err != nil {
				t.Fatal(err)
			}
		}
		group := func(id string) org.Group {
			return org.Group{ID: id, OrganizationID: "org-1", Name: id, CreatedAt: now}
		}
		write(func(tx org.Tx) error {
			return errors.Join(tx.InsertOrganization(t.Context(), org.Organization{ID: "org-1", CreatedAt: now}),
				tx.InsertGroup(t.Context(), group("group_a")), tx.InsertGroup(t.Context(), group("group_b")))
		})
		after := func(id string) error {
			return s.View(t.Context(), func(r org.Reader) error {
				_, err := r.Groups(t.Context(), "org-1", org.Page{Limit: 1, After: id})
				return err
			})
		}
		write(func(tx org.Tx) error { return tx.DeleteGroup(t.Context(), "org-1", "group_a") })
		now = now.Add(23 * time.Hour)
		write(func(tx org.Tx) error { return tx.DeleteGroup(t.Context(), "org-1", "group_b") })
		if err := after("group_a"); err != nil {
			t.Errorf("after 23 hours: %v", err)
		}
		now = now.Add(2 * time.Hour)
		write(func(tx org.Tx) error {
			return errors.Join(tx.InsertGroup(t.Context(), group("group_c")), tx.DeleteGroup(t.Context(), "org-1", "group_c"))
		})
		if err := after("group_a"); !fault.Is(err, fault.Invalid) {
			t.Errorf("after 25 hours: %v, want it forgotten", err)
		}
		if err := after("group_b"); err != nil {
			t.Errorf("the later one is forgotten too: %v", err)
		}
	})
}

func TestReopenedStoreGoesOn(t *testing.T) {
	file := "sqlite:" + filepath.Join(t.TempDir(), "weir.db")
	var versions [2]int64
	for i := range versions {
		db, err := sqldb.Open(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := sqlstore.Open(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Ping(t.Context()); err != nil {
			t.Error(err)
		}
		o := org.Organization{ID: "org-" + string(rune('a'+i)), CreatedAt: time.Now()}
		versions[i], err = s.Update(t.Context(), audit.System(o.ID), func(tx org.Tx) error { return tx.InsertOrganization(t.Context(), o) })
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if versions != [2]int64{1, 2} {
		t.Errorf("versions %v, want 1 and 2", versions)
	}
}
