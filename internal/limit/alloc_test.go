//go:build !race

package limit_test

import (
	"testing"
	"time"

	"weir/internal/limit"
)

func TestAllocationsOfReserveAndSettle(t *testing.T) {
	source := limit.NewMemory(time.Now)
	r := call()
	for _, l := range r.Lines {
		if l.Ledger() {
			if _, err := source.Raise(t.Context(), r.OrganizationID, l.Counter, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	ctx := t.Context()
	once := func() {
		if v, err := source.Reserve(ctx, r); v != limit.Admitted || err != nil {
			t.Fatal(v, err)
		}
		if err := source.Settle(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	once() // the buckets are there now
	if n := testing.AllocsPerRun(1000, once); n > 0 {
		t.Errorf("%v allocations for a call, want none", n)
	}
}
