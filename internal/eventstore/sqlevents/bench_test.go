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
// busier than others, three models a key, three cost lines a request, one in a
// hundred refused.
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
	e := usage.Event{
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
	if g.rand.IntN(100) == 0 {
		e.Status, e.Outcome, e.ErrorCode = 429, usage.OutcomeFailed, "rate_limit_exceeded"
		e.Source, e.Quantities, e.Lines, e.FirstByte = "", usage.Quantities{}, nil, time.Time{}
	}
	return e
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
	for _, c := range []struct{ keys, projects, size int }{
		{50, 10, 250}, {20, 5, 1}, {20, 5, 16}, {20, 5, 128}, {20, 5, 512}, {2_000, 200, 512}, {100_000, 10_000, 512},
	} {
		size := c.size
		b.Run(fmt.Sprintf("keys=%d/batch=%d", c.keys, size), func(b *testing.B) {
			s := store(b, sqldbtest.SQLite(b))
			g, position := newTraffic(c.keys, c.projects, 2000), uint64(1)
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

// BenchmarkReport reads the reports people look at most, from thirty days of an
// organization with 100,000 keys in 10,000 projects.
func BenchmarkReport(b *testing.B) {
	const events, days = 200_000, 30
	s := store(b, sqldbtest.SQLite(b))
	g := newTraffic(100_000, 10_000, days*24*3600*1e6/events)
	start := g.at
	for position := uint64(1); position <= events; position += 512 {
		if err := s.Apply(b.Context(), "node", g.batch(position, 512)); err != nil {
			b.Fatal(err)
		}
	}
	end := start.Add(days * 24 * time.Hour)
	one := map[usage.Dimension][]string{usage.ByProject: {fmt.Sprintf("proj_%024d", 3)}}
	for _, c := range []struct {
		name    string
		width   usage.Width
		start   time.Time
		by      []usage.Dimension
		filters map[usage.Dimension][]string
	}{
		{"organization by day and model", usage.Day, start, []usage.Dimension{usage.ByModel}, nil},
		{"organization by hour and model", usage.Hour, end.Add(-168 * time.Hour), []usage.Dimension{usage.ByModel}, nil},
		{"organization by minute", usage.Minute, end.Add(-24 * time.Hour), nil, nil},
		{"organization by day and project", usage.Day, start, []usage.Dimension{usage.ByProject}, nil},
		{"organization by day and key", usage.Day, start, []usage.Dimension{usage.ByAPIKey}, nil},
		{"project by day and model", usage.Day, start, []usage.Dimension{usage.ByModel}, one},
		{"project by day, key and model", usage.Day, start, []usage.Dimension{usage.ByAPIKey, usage.ByModel}, one},
		{"project by hour", usage.Hour, end.Add(-168 * time.Hour), nil, one},
		{"project by minute", usage.Minute, end.Add(-24 * time.Hour), nil, one},
		{"key by day", usage.Day, start, nil, map[usage.Dimension][]string{usage.ByAPIKey: {fmt.Sprintf("key_%024d", 3)}}},
	} {
		q := usage.Query{OrganizationID: "org-aaaaaaaaaaaaaaaaaaaaaaaa", Kind: usage.Completions, Width: c.width, Start: c.start, End: end, GroupBy: c.by, Filters: c.filters}
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Report(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for name, by := range map[string][]usage.Dimension{"line item": {usage.ByLineItem}, "project": {usage.ByProject}} {
		q := usage.Query{OrganizationID: "org-aaaaaaaaaaaaaaaaaaaaaaaa", Width: usage.Day, Start: start, End: end, GroupBy: by}
		b.Run("costs by day and "+name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Costs(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("newest 50 requests of a project", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := s.Requests(b.Context(), usage.RequestFilter{OrganizationID: "org-aaaaaaaaaaaaaaaaaaaaaaaa", ProjectIDs: one[usage.ByProject], Limit: 50}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// cpuTime is the user and system time of this process.
func cpuTime(b testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
