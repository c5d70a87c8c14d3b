package limit_test

import (
	"testing"
	"time"

	"weir/internal/limit"
)

// call is what a chat completion takes where the project and the organization
// have set limits of requests, tokens and money.
func call() *limit.Reservation {
	r := &limit.Reservation{OrganizationID: "org-0123456789abcdefghijklmn"}
	for _, holder := range []string{"proj_0123456789abcdefghijklmn", r.OrganizationID} {
		for _, c := range []limit.Counter{
			{Holder: holder, Of: "gpt-4o-mini", Unit: limit.Requests, Window: limit.Minute},
			{Holder: holder, Of: "gpt-4o-mini", Unit: limit.Requests, Window: limit.Day},
			{Holder: holder, Of: "gpt-4o-mini", Unit: limit.Tokens, Window: limit.Minute},
			{Holder: holder, Of: "2026-11", Unit: limit.NanoUSD},
		} {
			r.Lines = append(r.Lines, limit.Line{Counter: c, Limit: 1 << 50, Amount: 1, Actual: 1})
		}
	}
	return r
}

func BenchmarkReserveAndSettle(b *testing.B) {
	for name, lines := range map[string]int{"one-line": 1, "eight-lines": 8} {
		b.Run(name, func(b *testing.B) {
			source := limit.NewMemory(time.Now)
			r := call()
			for _, l := range r.Lines {
				if l.Ledger() {
					if _, err := source.Raise(b.Context(), r.OrganizationID, l.Counter, 0); err != nil {
						b.Fatal(err)
					}
				}
			}
			r.Lines = r.Lines[:lines]
			for i := range r.Lines {
				r.Lines[i].Amount = 2
			}
			b.ReportAllocs()
			for b.Loop() {
				if v, err := source.Reserve(b.Context(), r); v != limit.Admitted || err != nil {
					b.Fatal(v, err)
				}
				if err := source.Settle(b.Context(), r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
