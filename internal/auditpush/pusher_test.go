package auditpush

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"weir/internal/audit"
	"weir/internal/org"
	"weir/internal/sqldb/sqldbtest"
	"weir/internal/sqlstore"
)

// meter keeps what it is told.
type meter struct {
	pending        int64
	pushed, failed int
}

func (m *meter) AuditPending(_ string, events int64) { m.pending = events }
func (m *meter) AuditPushed(_ string, events int)    { m.pushed += events }
func (m *meter) AuditPushFailed(string)              { m.failed++ }

// record is a sink that takes what answer lets it.
type record struct {
	answer func(organizationID string) error
	got    map[string][]int64
}

func (r *record) Name() string { return "record" }
func (r *record) Close() error { return nil }
func (r *record) Send(_ context.Context, organizationID string, events []audit.Event) error {
	if r.answer != nil {
		if err := r.answer(organizationID); err != nil {
			return err
		}
	}
	if r.got == nil {
		r.got = map[string][]int64{}
	}
	for _, e := range events {
		r.got[organizationID] = append(r.got[organizationID], e.Seq)
	}
	return nil
}

// log is a store with the audit logs of organizations.
type log struct {
	*sqlstore.Store
	t *testing.T
}

func newLog(t *testing.T) log {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), sqldbtest.SQLite(t))
	if err != nil {
		t.Fatal(err)
	}
	return log{s, t}
}

func (l log) add(organizationID string, events int, details string) {
	l.t.Helper()
	_, err := l.Update(l.t.Context(), audit.System(organizationID), func(tx org.Tx) error {
		for range events {
			tx.Record(audit.Event{Action: "project.created", Type: "project.created", Details: []byte(details)})
		}
		return nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
}

// clock stands still until it is moved.
type clock struct{ now time.Time }

func newPusher(l log, sink Sink, c *clock, holder string) (*Pusher, *meter) {
	m := &meter{}
	return &Pusher{Store: l, Sink: sink, Meter: m, Logger: slog.New(slog.DiscardHandler), Holder: holder, Now: func() time.Time { return c.now }}, m
}

// turns lets p work until it rests.
func turns(t *testing.T, p *Pusher) {
	t.Helper()
	for range 1000 {
		more, err := p.turn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			return
		}
	}
	t.Fatal("it does not come to rest")
}

func upTo(n int64) (all []int64) {
	for i := range n {
		all = append(all, i+1)
	}
	return all
}

func TestEveryEventIsPushedInOrder(t *testing.T) {
	l, c, sink := newLog(t), &clock{time.Now()}, &record{}
	l.add("org-a", 250, "{}")
	l.add("org-b", 3, "{}")
	p, m := newPusher(l, sink, c, "node")
	turns(t, p)
	l.add("org-b", 2, "{}")
	turns(t, p)
	if !slices.Equal(sink.got["org-a"], upTo(250)) || !slices.Equal(sink.got["org-b"], upTo(5)) {
		t.Errorf("pushed %v", sink.got)
	}
	if m.pushed != 255 || m.failed != 0 || m.pending != 0 {
		t.Errorf("%+v", m)
	}
	// The next process goes on behind.
	l.add("org-a", 1, "{}")
	p.letGo(t.Context())
	next := &record{}
	p, _ = newPusher(l, next, c, "another node")
	turns(t, p)
	if len(next.got) != 1 || !slices.Equal(next.got["org-a"], []int64{251}) {
		t.Errorf("pushed after a restart: %v", next.got)
	}
}

func TestASinkThatFailsIsLeftAloneEverLonger(t *testing.T) {
	l, c := newLog(t), &clock{time.Now()}
	l.add("org-a", 3, "{}")
	l.add("org-b", 3, "{}")
	tries, down := 0, errors.New("down")
	sink := &record{answer: func(string) error { tries++; return down }}
	p, m := newPusher(l, sink, c, "node")
	const hours = 1
	for range hours * 3600 {
		turns(t, p)
		c.now = c.now.Add(time.Second)
	}
	if tries < hours*60/5 || tries > hours*60/5*2+20 {
		t.Errorf("%d tries in %d hours", tries, hours)
	}
	if m.failed != tries || m.pushed != 0 || m.pending != 6 {
		t.Errorf("%+v", m)
	}
	down = nil
	c.now = c.now.Add(mostPause)
	turns(t, p)
	if !slices.Equal(sink.got["org-a"], upTo(3)) || !slices.Equal(sink.got["org-b"], upTo(3)) {
		t.Errorf("pushed %v", sink.got)
	}
}

// A batch that a sink refuses holds up its own organization's, and no other's.
func TestARefusedBatchHoldsUpItsOrganizationOnly(t *testing.T) {
	l, c := newLog(t), &clock{time.Now()}
	refuse := true
	sink := &record{answer: func(organizationID string) error {
		if organizationID == "org-a" && refuse {
			return &RefusedError{"status 400"}
		}
		return nil
	}}
	p, _ := newPusher(l, sink, c, "node")
	for range 5 {
		l.add("org-a", 1, "{}")
		l.add("org-b", 1, "{}")
		turns(t, p)
		c.now = c.now.Add(time.Second)
	}
	if len(sink.got["org-a"]) != 0 || !slices.Equal(sink.got["org-b"], upTo(5)) {
		t.Errorf("pushed %v", sink.got)
	}
	refuse = false
	c.now = c.now.Add(mostPause)
	turns(t, p)
	if !slices.Equal(sink.got["org-a"], upTo(5)) {
		t.Errorf("pushed %v", sink.got)
	}
}

// A node that dies between sending and noting it leaves the batch to be sent
// again; meanwhile no other node pushes.
func TestOneNodePushesAtATime(t *testing.T) {
	l, c := newLog(t), &clock{time.Now()}
	l.add("org-a", 3, "{}")
	first, second := &record{}, &record{}
	dying, _ := newPusher(l, first, c, "node-1")
	ctx, die := context.WithCancel(t.Context())
	first.answer = func(string) error { die(); return nil }
	if _, err := dying.turn(ctx); err == nil {
		t.Fatal("noted it although it died")
	}
	p, _ := newPusher(l, second, c, "node-2")
	turns(t, p)
	if len(second.got) != 0 {
		t.Errorf("pushed beside another node: %v", second.got)
	}
	c.now = c.now.Add(hold)
	turns(t, p)
	if !slices.Equal(first.got["org-a"], upTo(3)) || !slices.Equal(second.got["org-a"], upTo(3)) {
		t.Errorf("pushed %v, then %v", first.got, second.got)
	}
	// The first was only slow. What it notes now counts no more.
	l.add("org-a", 1, "{}")
	first.answer = nil
	turns(t, dying)
	if len(first.got["org-a"]) != 3 {
		t.Errorf("pushed without holding the sink: %v", first.got)
	}
}

func TestBatchesAreBounded(t *testing.T) {
	large := make([]audit.Event, 10)
	for i := range large {
		large[i].Details = make([]byte, batchBytes/3)
	}
	for n, want := range map[int]int{0: 0, 1: 1, 2: 2, 10: 3} {
		if got := batchOf(large[:n]); len(got) != want {
			t.Errorf("%d large events make a batch of %d, want %d", n, len(got), want)
		}
	}
	if got := batchOf([]audit.Event{{Details: make([]byte, 10*batchBytes)}}); len(got) != 1 {
		t.Error("an event larger than a batch is never sent")
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	l, c := newLog(t), &clock{time.Now()}
	l.add("org-a", 3, "{}")
	ctx, cancel := context.WithCancel(t.Context())
	sink := &record{answer: func(string) error { return nil }}
	p, m := newPusher(l, sink, c, "node")
	done := make(chan struct{})
	sink.answer = func(string) error { cancel(); return fmt.Errorf("too late: %w", ctx.Err()) }
	go func() { p.Run(ctx); close(done) }()
	<-done
	if m.failed != 0 {
		t.Error("the end of the process is counted as the sink's failure")
	}
	// It has let go, so that another can go on at once.
	other, _ := newPusher(l, &record{}, c, "another")
	if held, err := other.holds(t.Context(), c.now); !held || err != nil {
		t.Errorf("%v, %v", held, err)
	}
}

// A log that somebody has cut short holds up no other.
func TestABrokenLogHoldsUpItsOrganizationOnly(t *testing.T) {
	db := sqldbtest.SQLite(t)
	s, err := sqlstore.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	l, c, sink := log{s, t}, &clock{time.Now()}, &record{}
	l.add("org-a", 3, "{}")
	l.add("org-b", 3, "{}")
	if err := db.Write(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM audit_events WHERE organization_id = 'org-a' AND seq > 1`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	p, m := newPusher(l, sink, c, "node")
	turns(t, p)
	turns(t, p)
	if !slices.Equal(sink.got["org-a"], upTo(1)) || !slices.Equal(sink.got["org-b"], upTo(3)) || m.failed != 1 {
		t.Errorf("pushed %v, %+v", sink.got, m)
	}
}

// However two nodes, a sink that comes and goes, and deaths in the middle of a
// batch fall together: no event of an organization arrives before the one in
// front of it, and in the end all have.
func TestNothingIsLostNorOvertaken(t *testing.T) {
	l := newLog(t)
	organizations := 0
	rapid.Check(t, func(rt *rapid.T) {
		organizations++
		a := fmt.Sprintf("org-%d", organizations)
		c := &clock{time.Now()}
		var answer func() error
		arrived := int64(0)
		sink := &watched{take: func(organizationID string, events []audit.Event) error {
			if organizationID != a { // of an earlier round
				return nil
			}
			if answer != nil {
				if err := answer(); err != nil {
					return err
				}
			}
			for _, e := range events {
				if e.Seq > arrived+1 {
					rt.Fatalf("event %d arrives behind %d", e.Seq, arrived)
				}
				arrived = max(arrived, e.Seq)
			}
			return nil
		}}
		nodes := make([]*Pusher, 2)
		for i := range nodes {
			nodes[i], _ = newPusher(l, sink, c, fmt.Sprint("node-", i))
		}
		total := int64(0)
		turn := func(i int) {
			ctx, die := context.WithCancel(t.Context())
			defer die()
			switch rapid.IntRange(0, 5).Draw(rt, "the sink") {
			case 0:
				answer = func() error { return errors.New("down") }
			case 1:
				answer = func() error { return &RefusedError{"status 400"} }
			case 2:
				answer = func() error { die(); return nil } // taken, and not noted
			default:
				answer = nil
			}
			if _, err := nodes[i].turn(ctx); err != nil && ctx.Err() == nil {
				rt.Fatal(err)
			}
			if ctx.Err() != nil { // another process in its place
				nodes[i], _ = newPusher(l, sink, c, nodes[i].Holder)
			}
		}
		for range rapid.IntRange(1, 20).Draw(rt, "steps") {
			switch rapid.IntRange(0, 3).Draw(rt, "step") {
			case 0:
				n := rapid.IntRange(1, 150).Draw(rt, "events")
				l.add(a, n, "{}")
				total += int64(n)
			case 1:
				c.now = c.now.Add(time.Duration(rapid.IntRange(0, int(2*hold)).Draw(rt, "later")))
			case 2, 3:
				turn(rapid.IntRange(0, 1).Draw(rt, "node"))
			}
		}
		answer = nil
		c.now = c.now.Add(hold + mostPause)
		turns(t, nodes[0])
		if arrived != total {
			rt.Errorf("%d of %d events have arrived", arrived, total)
		}
	})
}

// watched is a sink that is one function.
type watched struct {
	take func(organizationID string, events []audit.Event) error
}

func (w *watched) Name() string { return "watched" }
func (w *watched) Close() error { return nil }
func (w *watched) Send(_ context.Context, organizationID string, events []audit.Event) error {
	return w.take(organizationID, events)
}
