package outbox

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"weir/internal/fault"
)

func isUnavailable(err error) bool { return fault.Is(err, fault.Unavailable) }

const always = 1 << 30

var brokenDisks = []struct {
	name string
	faults
}{
	{"no space to write", faults{write: always, create: always}},
	{"no space to write the whole", faults{short: always}},
	{"sync fails", faults{sync: always}},
	{"no new segment: create", faults{sync: 1, create: always}},
	{"no new segment: rename", faults{sync: 1, rename: always}},
	{"no new segment: folder", faults{sync: 1, syncDir: always}},
}

func TestWhileTheDiskIsBrokenNothingIsServedAndNothingForgotten(t *testing.T) {
	for _, c := range brokenDisks {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			d := newTestDisk(dir)
			log := open(t, dir, Options{FS: d, RetryDelay: 1})
			must(t, log.AppendOpen(typicalEvent("req_1")))
			must(t, log.AppendOpen(typicalEvent("req_still_open")))
			settle(t, log, "req_0")

			d.set(c.faults)
			if _, err := log.AppendSettled(typicalEvent("req_1")); !isUnavailable(err) {
				t.Fatalf("AppendSettled: %v", err)
			}
			if err := log.AppendOpen(typicalEvent("req_refused")); !isUnavailable(err) {
				t.Errorf("AppendOpen: %v", err)
			}
			if log.Err() == nil {
				t.Error("Err is nil")
			}
			if got := pending(t, log, 0); !slices.Equal(got, []string{"req_0"}) {
				t.Errorf("readable before they are durable: %v", got)
			}

			d.set(faults{})
			settle(t, log, "req_2")
			if err := log.Err(); err != nil {
				t.Errorf("Err after the disk was mended: %v", err)
			}
			must(t, log.AppendOpen(typicalEvent("req_late_open")))
			want := []string{"req_0", "req_1", "req_2"}
			if got := pending(t, log, 0); !slices.Equal(got, want) {
				t.Errorf("pending %v, want %v", got, want)
			}
			must(t, log.Close())
			log = open(t, dir, Options{})
			if got := pending(t, log, 0); !slices.Equal(got, want) {
				t.Errorf("pending after another start %v, want %v", got, want)
			}
			if got := interrupted(log); !slices.Equal(got, []string{"req_still_open", "req_late_open"}) {
				t.Errorf("interrupted %v", got)
			}
		})
	}
}

// An open record that meets the broken disk first is refused; the ones before
// it stand.
func TestAnOpenThatFailsLeavesNoRecord(t *testing.T) {
	for _, c := range brokenDisks[:2] {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			d := newTestDisk(dir)
			log := open(t, dir, Options{FS: d, RetryDelay: 1})
			must(t, log.AppendOpen(typicalEvent("req_1")))
			d.set(c.faults)
			if err := log.AppendOpen(typicalEvent("req_refused")); !isUnavailable(err) {
				t.Fatalf("AppendOpen: %v", err)
			}
			d.set(faults{})
			settle(t, log, "req_2")
			must(t, log.Close())
			if got := interrupted(open(t, dir, Options{})); !slices.Equal(got, []string{"req_1"}) {
				t.Errorf("interrupted %v", got)
			}
		})
	}
}

func TestWhatWaitsForTheDiskIsBounded(t *testing.T) {
	dir := t.TempDir()
	d := newTestDisk(dir)
	log := open(t, dir, Options{FS: d, RetryDelay: 1, MaxUnsynced: 4000})
	d.set(faults{write: always})
	accepted := 0
	for i := range 10 {
		if _, err := log.AppendSettled(typicalEvent(fmt.Sprint("req_", i))); !isUnavailable(err) {
			t.Fatalf("AppendSettled: %v", err)
		}
	}
	log.mu.Lock()
	accepted = len(log.records)
	log.mu.Unlock()
	d.set(faults{})
	must(t, log.Close()) // the last chance of those that wait
	if got := pending(t, open(t, dir, Options{}), 0); len(got) != accepted || accepted == 0 || accepted > 4 {
		t.Errorf("%d accepted, found %v", accepted, got)
	}
}

func TestManySettleAtOnce(t *testing.T) {
	dir := t.TempDir()
	log := open(t, dir, Options{SegmentSize: 50_000, Recent: 100})
	const workers, each = 64, 20
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				id := fmt.Sprintf("req_%d_%d", w, i)
				if err := log.AppendOpen(typicalEvent(id)); err != nil {
					t.Error(err)
				}
				if _, err := log.AppendSettled(typicalEvent(id)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	seen, mark := map[string]bool{}, uint64(0)
	ship := func() {
		events, err := log.ReadFrom(mark, 64)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range events {
			if p.Position <= mark || seen[p.Event.ID] {
				t.Fatalf("%s at %d after %d", p.Event.ID, p.Position, mark)
			}
			mark, seen[p.Event.ID] = p.Position, true
		}
		must(t, log.Release(mark))
	}
	for len(seen) < workers*each {
		if mark == log.LastSettled() {
			<-log.Arrived()
		}
		ship()
	}
	wg.Wait()
	must(t, log.Close())
	log = open(t, dir, Options{})
	if got := interrupted(log); got != nil {
		t.Errorf("interrupted: %v", got)
	}
	if got := pending(t, log, mark); got != nil {
		t.Errorf("pending: %v", got)
	}
}
