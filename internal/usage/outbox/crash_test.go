package outbox

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"weir/internal/usage"
)

// model is what the world outside knows of a log, through crashes.
type model struct {
	t    *rapid.T
	root string
	log  *Log
	disk *testDisk
	opts Options
	n    int

	written  map[string]usage.Event // as last passed to the log
	open     map[string]bool        // AppendOpen returned nil, not settled
	synced   map[string]bool        // of open: a sync has returned since
	settled  map[string]bool        // AppendSettled returned nil
	unsure   map[string]bool        // was being settled when the process died
	highest  uint64                 // position an AppendSettled returned
	mark     uint64                 // of the events store
	inStore  map[string]bool        // what it counted
	position map[string]uint64
}

func (m *model) event(id string, outcome usage.Outcome) usage.Event {
	m.n++
	ev := usage.Event{ID: id, OrganizationID: "org-1", Outcome: outcome, RequestBytes: int64(m.n)}
	ev.Path = "/v1/" + string(make([]byte, rapid.IntRange(0, 300).Draw(m.t, "path length")))
	m.written[id] = ev
	return ev
}

func (m *model) newID() string { return fmt.Sprintf("req_%04d", m.n) }

func (m *model) pickOpen() (string, bool) {
	ids := slices.Sorted(maps.Keys(m.open))
	if len(ids) == 0 {
		return "", false
	}
	return rapid.SampledFrom(ids).Draw(m.t, "request"), true
}

func (m *model) allSynced() {
	for id := range m.open {
		m.synced[id] = true
	}
}

func (m *model) appendOpen(t *rapid.T) {
	id := m.newID()
	must(t, m.log.AppendOpen(m.event(id, usage.OutcomeOpen)))
	m.open[id] = true
}

// ids are up to n requests to settle: open ones, and ones never opened.
func (m *model) ids(n int) []string {
	var ids []string
	for range n {
		if id, ok := m.pickOpen(); ok && !slices.Contains(ids, id) {
			ids = append(ids, id)
		} else {
			ids = append(ids, m.newID()+fmt.Sprint("_", len(ids)))
		}
	}
	return ids
}

func (m *model) settle(t *rapid.T) {
	var wg sync.WaitGroup
	ids := m.ids(rapid.IntRange(1, 5).Draw(t, "settlers"))
	positions, errs := make([]uint64, len(ids)), make([]error, len(ids))
	before := m.highest
	for i, id := range ids {
		ev := m.event(id, usage.OutcomeCompleted)
		wg.Go(func() { positions[i], errs[i] = m.log.AppendSettled(ev) })
	}
	wg.Wait()
	for i, id := range ids {
		must(t, errs[i])
		if positions[i] <= before {
			t.Fatalf("position %d was given out before (highest %d)", positions[i], before)
		}
		m.acknowledged(id)
		m.highest = max(m.highest, positions[i])
		m.position[id] = positions[i]
	}
	m.allSynced()
}

func (m *model) acknowledged(id string) {
	m.settled[id] = true
	delete(m.open, id)
	delete(m.synced, id)
}

// fault makes a few of the next disk operations fail; fewer than the log's
// patience, so that nobody is told.
func (m *model) fault(t *rapid.T) {
	var f faults
	n := rapid.IntRange(1, patience-1).Draw(t, "failures")
	switch rapid.IntRange(0, 5).Draw(t, "operation") {
	case 0:
		f.create = n
	case 1:
		f.short = 1
	case 2:
		f.sync = n
	case 3:
		f.rename = n
	case 4:
		f.syncDir = n
	case 5:
		f.write = n
	}
	m.disk.set(f)
	m.settle(t)
	m.disk.set(faults{})
	m.settle(t) // the failures may have met the change of segments after the first
}

// ship is what the recorder does.
func (m *model) ship(t *rapid.T) {
	events, err := m.log.ReadFrom(m.mark, rapid.IntRange(1, 8).Draw(t, "batch"))
	must(t, err)
	m.count(t, events)
	if rapid.Bool().Draw(t, "release") {
		must(t, m.log.Release(m.mark))
	}
}

func (m *model) count(t *rapid.T, events []usage.Positioned) {
	for _, p := range events {
		if p.Position <= m.mark {
			t.Fatalf("position %d came after %d", p.Position, m.mark)
		}
		id := p.Event.ID
		if m.inStore[id] {
			t.Fatalf("%s was counted twice", id)
		}
		if want := m.written[id]; !reflect.DeepEqual(p.Event, want) {
			t.Fatalf("read %+v\nwrote %+v", p.Event, want)
		}
		if want, known := m.position[id]; known && want != p.Position {
			t.Fatalf("%s was said to be at %d and is at %d", id, want, p.Position)
		}
		m.mark = p.Position
		m.inStore[id] = true
	}
}

// crash kills the process or cuts the power, often while requests are being
// settled, and starts again from what is left.
func (m *model) crash(t *rapid.T) {
	dir := tempDir(t, m.root)
	var wg sync.WaitGroup
	release := func() {}
	if rapid.Bool().Draw(t, "while settling") {
		select {
		case <-m.disk.inSync:
		default:
		}
		release = m.disk.hold()
		for _, id := range m.ids(rapid.IntRange(1, 8).Draw(t, "settlers")) {
			ev := m.event(id, usage.OutcomeCompleted)
			m.unsure[id] = true
			wg.Go(func() { _, _ = m.log.AppendSettled(ev) })
		}
		<-m.disk.inSync
		for range rapid.IntRange(0, 3).Draw(t, "opens meanwhile") {
			m.appendOpen(t) // also writes what the settlers left to the committer
		}
	}
	var left *testDisk
	power := rapid.Bool().Draw(t, "power cut")
	if power {
		m.disk.cutPower(t, dir)
	} else {
		left = m.disk.kill(t, dir)
	}
	release()
	wg.Wait()
	must(t, m.log.Close())
	m.start(t, dir, left)

	// What was being settled is either settled or still open.
	events, err := m.log.ReadFrom(m.mark, 1<<20)
	must(t, err)
	for _, p := range events {
		if m.unsure[p.Event.ID] {
			m.acknowledged(p.Event.ID)
		}
	}
	found := map[string]bool{}
	for _, ev := range m.log.Interrupted() {
		found[ev.ID] = true
		if !m.open[ev.ID] {
			t.Fatalf("%s is open again", ev.ID)
		}
		if ev.Outcome != usage.OutcomeOpen || ev.OrganizationID != "org-1" {
			t.Fatalf("%s was opened otherwise: %+v", ev.ID, ev)
		}
	}
	for id := range m.open {
		if !found[id] && (!power || m.synced[id]) {
			t.Fatalf("%s was open and is forgotten (power cut: %v)", id, power)
		}
	}
	m.open, m.unsure = found, map[string]bool{}
	m.allSynced()
}

// start opens the log in dir. After a death of the process alone, left is the
// disk it left behind.
func (m *model) start(t *rapid.T, dir string, left *testDisk) {
	m.disk = newTestDisk(dir)
	if left != nil {
		m.disk.unsyncedAs(left)
	}
	m.opts.FS = m.disk
	log, err := Open(dir, m.opts)
	must(t, err)
	m.log = log
	must(t, log.Advance(m.mark))
	m.check(t)
}

// check holds what must be true at any time.
func (m *model) check(t *rapid.T) {
	mark := m.mark
	known := maps.Clone(m.inStore)
	events, err := m.log.ReadFrom(mark, 1<<20)
	must(t, err)
	for _, p := range events {
		if p.Position <= mark || known[p.Event.ID] {
			t.Fatalf("%s at %d counts twice or out of order", p.Event.ID, p.Position)
		}
		if !m.settled[p.Event.ID] && !m.unsure[p.Event.ID] {
			t.Fatalf("%s was never settled", p.Event.ID)
		}
		mark, known[p.Event.ID] = p.Position, true
	}
	for id := range m.settled {
		if !known[id] {
			t.Fatalf("%s was settled and is lost", id)
		}
	}
	n, err := m.log.CountFrom(m.mark)
	must(t, err)
	if int(n) != len(events) {
		t.Fatalf("CountFrom says %d, ReadFrom has %d", n, len(events))
	}
}

// Whatever is appended, shipped and released, and however the process ends:
// every settled request counts once, and every open one is found again.
func TestNothingIsLostOrCountedTwice(t *testing.T) {
	root := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		m := &model{
			t: t, root: root,
			opts: Options{
				SegmentSize: rapid.SampledFrom([]int64{1, 2000, 10_000}).Draw(t, "segment size"),
				Recent:      rapid.SampledFrom([]int{-1, 2, 100}).Draw(t, "recent"),
				RetryDelay:  1,
			},
			written: map[string]usage.Event{}, open: map[string]bool{}, synced: map[string]bool{}, settled: map[string]bool{},
			unsure: map[string]bool{}, inStore: map[string]bool{}, position: map[string]uint64{},
		}
		m.start(t, tempDir(t, root), nil)
		t.Repeat(map[string]func(*rapid.T){
			"open":   m.appendOpen,
			"settle": m.settle,
			"fault":  m.fault,
			"ship":   m.ship,
			"crash":  m.crash,
			"":       m.check,
		})
		must(t, m.log.Close())
	})
}
