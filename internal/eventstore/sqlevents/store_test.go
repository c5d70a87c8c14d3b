package sqlevents_test

import (
	"testing"

	"weir/internal/eventstore/sqlevents"
	"weir/internal/sqldb"
	"weir/internal/sqldb/sqldbtest"
	"weir/internal/usage"
	"weir/internal/usage/usagetest"
)

func TestStore(t *testing.T) {
	sqldbtest.EachEngine(t, func(t *testing.T, open func() *sqldb.DB) {
		usagetest.Run(t, func(t *testing.T) usage.Store { return store(t, open()) })
	})
}

func store(t testing.TB, db *sqldb.DB) *sqlevents.Store {
	t.Helper()
	s, err := sqlevents.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
