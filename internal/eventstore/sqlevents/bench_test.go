package sqlevents_test

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"weir/internal/id"
	"weir/internal/money"
	"weir/internal/sqldb/sqldbtest"
	"weir/internal/usage"
)

// traffic makes events as a large organization sends them: some keys much
// busier than others, three models a key, three cost lines a request.
type traffic struct {
	rand           *rand.Rand
	keys           *rand.Zipf
	projects, step int
	at             time.Time
}

// newTraffic has events step microseconds apart.
func newTraffic(keys, projects, step int) *traffic {
	r := rand.New(rand.NewPCG(1, 2))
	return &traffic{rand: r, keys: rand.NewZipf(r, 1.05, 20, uint64(keys-1)), projects: projects, step: step, at: time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)}
}

func (g *traffic) event() usage.Event {
	g.at = g.at.Add(time.Duration(g.step) * time.Microsecond)
	key := int(g.keys.Uint64())
	model := fmt.Sprintf("gpt-%d-2026-01-01", (key*7+g.rand.IntN(3))%30)
	lines := make([]usage.CostLine, 3)
	for i, what := range []string{", input", ", cached input", ", output"} {
		amount := money.FromParts(int64(g.rand.IntN(1_000_000)), int64(g.rand.IntN(1_000_000_000)))
		lines[i] = usage.CostLine{LineItem: model + what, Meter: "input", Quantity: int64(g.rand.IntN(5000)), Unit: "tokens", Amount: &amount}
	}
	return usage.Event{
		ID: id.Request(), OrganizationID: "org-aaaaaaaaaaaaaaaaaaaaaaaa",
		ProjectID: fmt.Sprintf("proj_%024d", key%g.projects), APIKeyID: fmt.Sprintf("key_%024d", key), UserID: fmt.Sprintf("user-%024d", key%(g.projects*3)),
		Kind: usage.Completions, Method: "POST", Path: "/v1/chat/completions", ModelAsked: model, Model: model, ServiceTier: "default",
		ConnectionID: "conn_aaaaaaaaaaaaaaaaaaaaaaaa", Received: g.at, FirstByte: g.at.Add(400 * time.Millisecond), Done: g.at.Add(2 * time.Second),
		Status: 200, Outcome: usage.OutcomeCompleted, Source: usage.SourceProvider,
		Attempts:     []usage.Attempt{{ConnectionID: "conn_aaaaaaaaaaaaaaaaaaaaaaaa", Model: model, Status: 200, UpstreamRequestID: "req_aaaaaaaaaaaaaaaa", DurationMicros: 2_000_000}},
		Quantities:   usage.Quantities{InputText: 1200, CachedText: 800, OutputText: int64(g.rand.IntN(900)), Choices: 1},
		Lines:        lines,
		RequestBytes: 9000, ResponseBytes: 4000,
	}
}

func (g *traffic) batch(first uint64, n int) []usage.Positioned {
	all := make([]usage.Positioned, n)
	for i := range all {
		all[i] = usage.Positioned{Position: first + uint64(i), Event: g.event()}
	}
	return all
}

// BenchmarkApply reports the CPU of this process per event, its own garbage
// collection included, for batches as small as light traffic makes them and as
// large as the recorder lets them grow.
func BenchmarkApply(b *testing.B) {
	for _, size := range []int{1, 16, 128, 512} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			s := store(b, sqldbtest.SQLite(b))
			g, position := newTraffic(100_000, 10_000, 2000), uint64(1)
			warm := g.batch(position, 512)
			for range 20 { // series, page cache and statements as they are after a while
				if err := s.Apply(b.Context(), "node", warm); err != nil {
					b.Fatal(err)
				}
				position += 512
				warm = g.batch(position, 512)
			}
			b.ReportAllocs()
			var cpu time.Duration
			events := 0
			for b.Loop() {
				b.StopTimer()
				batch := g.batch(position, size)
				position += uint64(size)
				before := cpuTime(b)
				b.StartTimer()
				if err := s.Apply(b.Context(), "node", batch); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				cpu += cpuTime(b) - before
				events += size
				b.StartTimer()
			}
			b.ReportMetric(float64(cpu.Microseconds())/float64(events), "cpu-µs/event")
		})
	}
}

// cpuTime is the user and system time of this process.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
