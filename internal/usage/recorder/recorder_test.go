package recorder

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"weir/internal/fault"
	"weir/internal/money"
	"weir/internal/usage"
	"weir/internal/usage/outbox"
)

// memory is an events store that keeps its promise about marks, and counts how
// often it was given each event beyond that.
type memory struct {
	usage.Store // reports are not asked for here

	mu      sync.Mutex
	marks   map[string]uint64
	counted map[string]int
	events  map[string]usage.Event
	batches []int
	failing int  // how many of the next Applies fail
	after   bool // they fail after they have committed: the answer was lost
	tried   chan struct{}
	block   chan struct{} // while not nil, Apply waits for it
}

func newMemory() *memory {
	return &memory{marks: map[string]uint64{}, counted: map[string]int{}, events: map[string]usage.Event{}, tried: make(chan struct{}, 1)}
}

var errAway = errors.New("the database is away")

func (m *memory) Mark(_ context.Context, node string) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.marks[node], nil
}

func (m *memory) Apply(ctx context.Context, node string, events []usage.Positioned) error {
	m.mu.Lock()
	block := m.block
	m.mu.Unlock()
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	defer func() {
		select {
		case m.tried <- struct{}{}:
		default:
		}
	}()
	fail := m.failing > 0
	if fail {
		m.failing--
		if !m.after {
			return errAway
		}
	}
	m.batches = append(m.batches, len(events))
	for _, p := range events {
		if p.Position > m.marks[node] {
			m.marks[node] = p.Position
			m.counted[p.Event.ID]++
			m.events[p.Event.ID] = p.Event
		}
	}
	if fail {
		return errAway
	}
	return nil
}

func (m *memory) fail(n int, after bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failing, m.after = n, after
}

// each checks that exactly these events were counted, each once.
func (m *memory) each(t *testing.T, ids ...string) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		if m.counted[id] != 1 {
			t.Errorf("%s was counted %d times", id, m.counted[id])
		}
	}
	if len(m.counted) != len(ids) {
		t.Errorf("%d events were counted, want %d: %v", len(m.counted), len(ids), m.counted)
	}
}

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func event(id string) usage.Event {
	return usage.Event{
		ID: id, OrganizationID: "org-1", Kind: usage.Completions, Received: now.Add(-time.Minute), Outcome: usage.OutcomeCompleted,
		Quantities: usage.Quantities{InputText: 100, OutputText: 50}, Source: usage.SourceProvider,
	}
}

func start(t *testing.T, dir string, store usage.Store, opts Options) *Recorder {
	t.Helper()
	log, err := outbox.Open(dir, outbox.Options{SegmentSize: 4000})
	must(t, err)
	opts.Now = func() time.Time { return now }
	opts.RetryDelay = 1
	r, err := Start(t.Context(), log, store, opts)
	must(t, err)
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func run(t *testing.T, r *Recorder) {
	done := make(chan error, 1)
	go func() { done <- r.Run(context.Background()) }()
	t.Cleanup(func() {
		_ = r.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func flush(t *testing.T, r *Recorder) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	must(t, r.Flush(ctx))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSettledEventsReachTheStoreOnce(t *testing.T) {
	store, dir := newMemory(), t.TempDir()
	r := start(t, dir, store, Options{Batch: 10})
	run(t, r)
	var ids []string
	var wg sync.WaitGroup
	for i := range 200 {
		id := fmt.Sprint("req_", i)
		ids = append(ids, id)
		wg.Go(func() {
			if err := errors.Join(r.Open(event(id)), r.Settle(event(id))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	flush(t, r)
	store.each(t, ids...)
	if n := r.Backlog(); n != 0 {
		t.Errorf("backlog %d", n)
	}
	if slices.Max(store.batches) > 10 {
		t.Errorf("batches %v", store.batches)
	}
	must(t, r.Close())
	// What the store has is gone from the log, but for the last segments.
	if left, _ := filepath.Glob(filepath.Join(dir, "*.log")); len(left) > 2 {
		t.Errorf("%d segments are left", len(left))
	}
}

func TestAStoreThatFailsLosesNothing(t *testing.T) {
	for name, after := range map[string]bool{"before the commit": false, "after the commit": true} {
		t.Run(name, func(t *testing.T) {
			store := newMemory()
			store.fail(5, after)
			r := start(t, t.TempDir(), store, Options{Delay: 1})
			run(t, r)
			must(t, r.Settle(event("req_1")))
			<-store.tried
			must(t, r.Settle(event("req_2"))) // nobody waits for the store
			flush(t, r)
			store.each(t, "req_1", "req_2")
		})
	}
}

func TestBehindSaysWhyTheStoreIsNotReached(t *testing.T) {
	store := newMemory()
	store.fail(1<<30, false)
	r := start(t, t.TempDir(), store, Options{Delay: 1})
	run(t, r)
	must(t, r.Settle(event("req_1")))
	for r.Behind() == nil {
		<-store.tried
	}
	if err := r.Behind(); !errors.Is(err, errAway) {
		t.Errorf("Behind: %v", err)
	}
	must(t, r.Healthy()) // requests are served all the same
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Flush(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Flush: %v", err)
	}
	store.fail(0, false)
	flush(t, r)
	store.each(t, "req_1")
}

func TestWhatWasNotShippedIsShippedByTheNextStart(t *testing.T) {
	store, dir := newMemory(), t.TempDir()
	r := start(t, dir, store, Options{})
	var ids []string
	for i := range 20 {
		ids = append(ids, fmt.Sprint("req_", i))
		must(t, r.Settle(event(ids[i])))
	}
	must(t, r.Close()) // never ran

	r = start(t, dir, store, Options{})
	if n := r.Backlog(); n != 20 {
		t.Errorf("backlog %d", n)
	}
	run(t, r)
	must(t, r.Settle(event("req_new")))
	flush(t, r)
	store.each(t, append(ids, "req_new")...)
	must(t, r.Close())

	// A store that took a batch just before the crash sees it again.
	r = start(t, dir, store, Options{})
	if n := r.Backlog(); n != 0 {
		t.Errorf("backlog %d after all was stored", n)
	}
	run(t, r)
	flush(t, r)
	store.each(t, append(ids, "req_new")...)
}

func TestInterruptedRequestsCountOnceWithTheirEstimate(t *testing.T) {
	store, dir := newMemory(), t.TempDir()
	r := start(t, dir, store, Options{})
	opened := event("req_cut")
	opened.Source = usage.SourceEstimated
	must(t, r.Open(opened))
	must(t, r.Open(event("req_done")))
	must(t, r.Settle(event("req_done")))
	must(t, r.Close())

	price := func(ev *usage.Event) { ev.Cost = new(money.FromParts(ev.Quantities.Output(), 0)) }
	r = start(t, dir, store, Options{Price: price})
	must(t, r.Close()) // died again, before anything was shipped
	for range 2 {
		r = start(t, dir, store, Options{Price: price})
		run(t, r)
		flush(t, r)
		must(t, r.Close())
	}
	store.each(t, "req_cut", "req_done")
	got := store.events["req_cut"]
	if got.Outcome != usage.OutcomeInterrupted || got.Source != usage.SourceEstimated || !got.Done.Equal(now) ||
		got.Quantities != opened.Quantities || got.Cost == nil || *got.Cost != money.FromParts(50, 0) {
		t.Errorf("interrupted: %+v", got)
	}
	if got := store.events["req_done"]; got.Outcome != usage.OutcomeCompleted {
		t.Errorf("settled: %+v", got)
	}
}

func TestAFullBacklogRefusesRequestsButSettlesRunningOnes(t *testing.T) {
	store := newMemory()
	store.block = make(chan struct{})
	r := start(t, t.TempDir(), store, Options{MaxBacklog: 2})
	run(t, r)
	must(t, r.Settle(event("req_1")))
	must(t, r.Open(event("req_2")))
	must(t, r.Settle(event("req_2")))
	if err := r.Open(event("req_3")); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Open: %v", err)
	}
	if err := r.Healthy(); err == nil {
		t.Error("a node that refuses requests says it is healthy")
	}
	must(t, r.Settle(event("req_running")))
	close(store.block)
	flush(t, r)
	must(t, r.Healthy())
	must(t, r.Open(event("req_3")))
	store.each(t, "req_1", "req_2", "req_running")
}

// A log whose folder was lost, under a name the store knows, must not hand out
// positions that the store takes for old ones.
func TestALostLogDoesNotHideNewEvents(t *testing.T) {
	store := newMemory()
	store.marks["node-1"] = 5000
	r := start(t, t.TempDir(), store, Options{Node: "node-1"})
	run(t, r)
	must(t, r.Settle(event("req_1")))
	flush(t, r)
	store.each(t, "req_1")
}

// Two nodes without a name do not share one.
func TestNodesAreToldApartByTheirLogs(t *testing.T) {
	store := newMemory()
	for i := range 2 {
		r := start(t, t.TempDir(), store, Options{})
		run(t, r)
		must(t, r.Settle(event(fmt.Sprint("req_", i))))
		flush(t, r)
	}
	store.each(t, "req_0", "req_1")
}

func TestCloseDoesNotWaitForAStoreThatHangs(t *testing.T) {
	store, dir := newMemory(), t.TempDir()
	store.block = make(chan struct{})
	r := start(t, dir, store, Options{Delay: 1})
	run(t, r)
	must(t, r.Settle(event("req_1")))
	flushed := make(chan error, 1)
	go func() { flushed <- r.Flush(context.Background()) }()
	must(t, r.Close())
	if err := <-flushed; !errors.Is(err, errStopped) {
		t.Errorf("Flush: %v", err)
	}
	if err := r.Settle(event("req_2")); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Settle after Close: %v", err)
	}
	store.block = nil
	r = start(t, dir, store, Options{})
	run(t, r)
	flush(t, r)
	store.each(t, "req_1")
}
