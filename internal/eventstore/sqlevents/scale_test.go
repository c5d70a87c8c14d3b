//go:build scale

package sqlevents_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/internal/eventstore/sqlevents"
	"weir/internal/sqldb"
	"weir/internal/sqldb/sqldbtest"
	"weir/internal/usage"
)

const (
	scaleKeys, scaleProjects = 100_000, 10_000
	scaleDays                = 90
	// Events in one Apply of the fill. The recorder brings at most 512, but with
	// keys this many every batch touches pages all over the file, and ten million
	// requests would take 40 minutes. Batches change no report.
	scaleBatch = 8192

	organizationBound = 200 * time.Millisecond // 95th percentiles, on the reference machine
	projectBound      = 100 * time.Millisecond
	pageBound         = 50 * time.Millisecond
	applyBound        = 50 * time.Millisecond // what a step of Prune may add to an Apply
)

// scaleRequests is how many requests the store is filled with: WEIR_SCALE_REQUESTS,
// or ten million.
func scaleRequests(t *testing.T) int {
	text := os.Getenv("WEIR_SCALE_REQUESTS")
	if text == "" {
		return 10_000_000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 200_000 {
		t.Fatalf("WEIR_SCALE_REQUESTS=%s: want a number from 200000 on", text)
	}
	return n
}

// TestScaleUsage fills a SQLite file with ninety days of an organization of
// 100,000 keys in 10,000 projects that use 30 models, a tenth of its keys making
// most of the requests, and asks for what people look at: first as an
// organization, then as projects of all sizes, then page by page.
func TestScaleUsage(t *testing.T) {
	requests := scaleRequests(t)
	db := sqldbtest.SQLite(t)
	s := store(t, db)
	g := newTraffic(scaleKeys, scaleProjects, int(scaleDays*24*time.Hour/time.Microsecond)/requests)
	w := scaleWorld{start: g.at, end: g.at.Add(scaleDays * 24 * time.Hour)}
	fill(t, db, s, g, requests)
	t.Run("reports", func(t *testing.T) { scaleReports(t, s, w) })
	t.Run("costs", func(t *testing.T) { scaleCosts(t, s, w) })
	t.Run("request log", func(t *testing.T) { scalePages(t, s, w) })
	t.Run("prune", func(t *testing.T) { scalePrune(t, s, g, w, requests) })
}

// fill applies requests in the order of time and prints what that cost.
func fill(t *testing.T, db *sqldb.DB, s *sqlevents.Store, g *traffic, requests int) {
	t.Helper()
	var applying, cpu time.Duration
	for done := 0; done < requests; done += scaleBatch {
		batch := g.batch(uint64(done+1), min(scaleBatch, requests-done))
		start, before := time.Now(), cpuTime(t)
		if err := s.Apply(t.Context(), "node", batch); err != nil {
			t.Fatal(err)
		}
		applying += time.Since(start)
		cpu += cpuTime(t) - before
		if million := (done + scaleBatch) / 1_000_000; million > done/1_000_000 {
			t.Logf("%d million applied after %v", million, applying.Round(time.Second))
		}
	}
	file, err := os.Stat(db.Path())
	if err != nil {
		t.Fatal(err)
	}
	n := time.Duration(requests)
	t.Logf("%d requests applied in %v: %v and %v CPU each, %d bytes each in a file of %.1f GB",
		requests, applying.Round(time.Second), (applying / n).Round(time.Microsecond), (cpu / n).Round(time.Microsecond),
		file.Size()/int64(requests), float64(file.Size())/1e9)
}

// scaleWorld is when the requests were, and who made them.
type scaleWorld struct{ start, end time.Time }

// project is a project for round i: the busiest, then quieter and quieter ones.
func (scaleWorld) project(i int) string { return fmt.Sprintf("proj_%024d", i*i) }

// key is likewise a key.
func (scaleWorld) key(i int) string { return fmt.Sprintf("key_%024d", i*i) }

func (w scaleWorld) last(days int) time.Time { return w.end.Add(-time.Duration(days) * 24 * time.Hour) }

func (w scaleWorld) query(width usage.Width, days int, by ...usage.Dimension) usage.Query {
	return usage.Query{
		OrganizationID: "org-aaaaaaaaaaaaaaaaaaaaaaaa", Kind: usage.Completions, Width: width,
		Start: w.last(days), End: w.end, GroupBy: by,
	}
}

func where(q usage.Query, d usage.Dimension, value string) usage.Query {
	q.Filters = map[usage.Dimension][]string{d: {value}}
	return q
}

// figures measures and prints a table of them.
type figures struct {
	t     *testing.T
	lines strings.Builder
}

func newFigures(t *testing.T) *figures {
	f := &figures{t: t}
	t.Cleanup(func() { t.Logf("\n%-52s %9s %9s %9s\n%s", "", "p50", "p95", "bound", f.lines.String()) })
	return f
}

// p95 runs fn in rounds, after one that fills the caches.
func (f *figures) p95(what string, bound time.Duration, fn func(i int) error) {
	f.t.Helper()
	rounds := 40
	if bound == 0 { // it may take its time
		rounds = 5
	}
	took := make([]time.Duration, 0, rounds)
	for i := range rounds + 1 {
		start := time.Now()
		if err := fn(i); err != nil {
			f.t.Fatalf("%s: %v", what, err)
		}
		if i > 0 {
			took = append(took, time.Since(start))
		}
	}
	f.add(what, bound, took)
}

func (f *figures) add(what string, bound time.Duration, took []time.Duration) {
	f.t.Helper()
	slices.Sort(took)
	ms := func(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1000) }
	p50, p95 := took[len(took)/2], took[len(took)*95/100]
	limit := "-"
	if bound > 0 {
		limit = ms(bound)
	}
	fmt.Fprintf(&f.lines, "%-52s %9s %9s %9s\n", what, ms(p50), ms(p95), limit)
	if bound > 0 && p95 > bound {
		f.t.Errorf("%s takes %v, more than %v", what, p95, bound)
	}
}

func scaleReports(t *testing.T, s *sqlevents.Store, w scaleWorld) {
	f := newFigures(t)
	report := func(what string, bound time.Duration, query func(i int) usage.Query) {
		f.p95(what, bound, func(i int) error {
			buckets, err := s.Report(t.Context(), query(i))
			return someResult(buckets, err)
		})
	}
	const day, hour, minute, model = usage.Day, usage.Hour, usage.Minute, usage.ByModel
	report("organization, 90 days by model", organizationBound, func(int) usage.Query { return w.query(day, 90, model) })
	report("organization, 31 days by model", organizationBound, func(int) usage.Query { return w.query(day, 31, model) })
	report("organization, 168 hours by model", organizationBound, func(int) usage.Query { return w.query(hour, 7, model) })
	// Without a bound: what has tens of thousands of results.
	report("organization, 1440 minutes by model", 0, func(int) usage.Query { return w.query(minute, 1, model) })
	report("organization, 7 days by project", 0, func(int) usage.Query { return w.query(day, 7, usage.ByProject) })
	report("organization, 7 days by key", 0, func(int) usage.Query { return w.query(day, 7, usage.ByAPIKey) })
	project := func(i int, q usage.Query) usage.Query { return where(q, usage.ByProject, w.project(i%20)) }
	report("a project, 90 days by model", projectBound, func(i int) usage.Query { return project(i, w.query(day, 90, model)) })
	report("a project, 31 days by model and key", projectBound, func(i int) usage.Query { return project(i, w.query(day, 31, model, usage.ByAPIKey)) })
	report("a project, 168 hours by model", projectBound, func(i int) usage.Query { return project(i, w.query(hour, 7, model)) })
	report("a project, 1440 minutes", projectBound, func(i int) usage.Query { return project(i%4, w.query(minute, 1)) })
	report("a key, 90 days by model", projectBound, func(i int) usage.Query { return where(w.query(day, 90, model), usage.ByAPIKey, w.key(i)) })
}

func scaleCosts(t *testing.T, s *sqlevents.Store, w scaleWorld) {
	f := newFigures(t)
	costs := func(what string, bound time.Duration, query func(i int) usage.Query) {
		f.p95(what, bound, func(i int) error {
			buckets, err := s.Costs(t.Context(), query(i))
			return someResult(buckets, err)
		})
	}
	const line = usage.ByLineItem
	costs("organization, costs of 90 days by line item", organizationBound, func(int) usage.Query { return w.query(usage.Day, 90, line) })
	costs("organization, costs of 31 days", organizationBound, func(int) usage.Query { return w.query(usage.Day, 31) })
	costs("organization, costs of 7 days by project", 0, func(int) usage.Query { return w.query(usage.Day, 7, usage.ByProject) })
	costs("a project, costs of 90 days by line item", projectBound, func(i int) usage.Query {
		return where(w.query(usage.Day, 90, line), usage.ByProject, w.project(i))
	})
	costs("a key, costs of 90 days by line item", projectBound, func(i int) usage.Query {
		return where(w.query(usage.Day, 90, line), usage.ByAPIKey, w.key(i))
	})
}

// someResult fails a report that found nothing: it would be fast for the wrong reason.
func someResult[R any](buckets []usage.Bucket[R], err error) error {
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(buckets, func(b usage.Bucket[R]) bool { return len(b.Results) > 0 }) {
		return fmt.Errorf("no results in %d buckets", len(buckets))
	}
	return nil
}

func scalePages(t *testing.T, s *sqlevents.Store, w scaleWorld) {
	f := newFigures(t)
	page := func(what string, bound time.Duration, filter func(i int) usage.RequestFilter) {
		f.p95(what, bound, func(i int) error {
			q := filter(i)
			q.OrganizationID, q.Limit = "org-aaaaaaaaaaaaaaaaaaaaaaaa", 100
			rows, _, err := s.Requests(t.Context(), q)
			if err == nil && len(rows) == 0 {
				err = fmt.Errorf("no requests of %+v", q)
			}
			return err
		})
	}
	page("requests, newest 100", pageBound, func(int) usage.RequestFilter { return usage.RequestFilter{} })
	page("requests, 100 before a moment", pageBound, func(i int) usage.RequestFilter {
		return usage.RequestFilter{End: w.last(i + 1)}
	})
	after := ""
	page("requests, the next 100 after a page", pageBound, func(i int) usage.RequestFilter {
		if i%10 == 0 {
			after = requestAt(t, s, w.last(2*i))
		}
		return usage.RequestFilter{After: after}
	})
	page("requests of a project, newest 100", pageBound, func(i int) usage.RequestFilter {
		return usage.RequestFilter{ProjectIDs: []string{w.project(i)}}
	})
	page("requests of a project, 100 before a moment", pageBound, func(i int) usage.RequestFilter {
		return usage.RequestFilter{ProjectIDs: []string{w.project(i)}, End: w.last(30)}
	})
	page("requests of three projects, newest 100", pageBound, func(i int) usage.RequestFilter {
		return usage.RequestFilter{ProjectIDs: []string{w.project(i), w.project(i + 1), w.project(i + 2)}}
	})
	page("requests of a key, newest 100", pageBound, func(i int) usage.RequestFilter {
		return usage.RequestFilter{APIKeyIDs: []string{w.key(i)}}
	})
	page("requests that failed, newest 100", pageBound, func(int) usage.RequestFilter {
		return usage.RequestFilter{Outcomes: []usage.Outcome{usage.OutcomeFailed}}
	})
	page("requests with an error code, newest 100", pageBound, func(int) usage.RequestFilter {
		return usage.RequestFilter{ErrorCodes: []string{"rate_limit_exceeded"}}
	})
	page("requests of a key in its project, newest 100", pageBound, func(i int) usage.RequestFilter {
		return usage.RequestFilter{ProjectIDs: []string{w.project(i)}, APIKeyIDs: []string{w.key(i)}}
	})
}

// requestAt is the id of the newest request before a moment.
func requestAt(t *testing.T, s *sqlevents.Store, before time.Time) string {
	t.Helper()
	rows, _, err := s.Requests(t.Context(), usage.RequestFilter{OrganizationID: "org-aaaaaaaaaaaaaaaaaaaaaaaa", End: before, Limit: 1})
	if err != nil || len(rows) != 1 {
		t.Fatalf("request before %v: %d, %v", before, len(rows), err)
	}
	return rows[0].ID
}

// scalePrune applies what the gateway's recorder would, 250 at a time, first
// alone and then while a day of requests and all minutes before it are pruned.
func scalePrune(t *testing.T, s *sqlevents.Store, g *traffic, w scaleWorld, requests int) {
	f := newFigures(t)
	position := uint64(requests + 1)
	apply := func() (took time.Duration) {
		batch := g.batch(position, 250)
		position += 250
		start := time.Now()
		if err := s.Apply(t.Context(), "node", batch); err != nil {
			t.Fatal(err)
		}
		return time.Since(start)
	}
	var alone, beside []time.Duration
	before := cpuTime(t)
	for range 60 {
		alone = append(alone, apply())
	}
	t.Logf("a batch of 250 costs %v CPU an event", ((cpuTime(t) - before) / (60 * 250)).Round(time.Microsecond))
	f.add("apply 250 events", 0, alone) // which sorts them
	pruned := make(chan error, 1)
	start := time.Now()
	cut := w.start.Add(24 * time.Hour)
	go func() { pruned <- s.Prune(t.Context(), cut, cut) }()
	for running := true; running; {
		select {
		case err := <-pruned:
			if err != nil {
				t.Fatal(err)
			}
			running = false
		default:
			beside = append(beside, apply())
		}
	}
	t.Logf("a day pruned in %v", time.Since(start).Round(time.Millisecond))
	f.add("apply 250 events beside a prune", 0, beside)
	// Each waits for a step. The slowest are those that copy the log into the
	// file, with a prune and without.
	if wait := beside[len(beside)/2] - alone[len(alone)/2]; wait > applyBound {
		t.Errorf("a prune holds up events for %v, more than %v", wait, applyBound)
	}
	if rows, _, err := s.Requests(t.Context(), usage.RequestFilter{OrganizationID: "org-aaaaaaaaaaaaaaaaaaaaaaaa", End: cut, Limit: 1}); err != nil || len(rows) > 0 {
		t.Errorf("after pruning: %d requests, %v", len(rows), err)
	}
}
