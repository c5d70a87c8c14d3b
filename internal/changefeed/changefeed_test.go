package changefeed

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/org"
)

// memory is a change feed in memory: version n changed object "n".
type memory struct {
	mu      sync.Mutex
	changes []org.Change
	err     error
}

func (m *memory) commit(id string) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := int64(len(m.changes) + 1)
	m.changes = append(m.changes, org.Change{Version: v, ID: id})
	return v
}

func (m *memory) Version(context.Context) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return int64(len(m.changes)), m.err
}

func (m *memory) Changes(_ context.Context, after int64, limit int) ([]org.Change, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return nil, m.err
	}
	return append([]org.Change(nil), m.changes[after:min(int(after)+limit, len(m.changes))]...), nil
}

type follower struct {
	mu   sync.Mutex
	seen []string
	err  error
}

func (f *follower) Rebuild(context.Context) error { return nil }

func (f *follower) Apply(_ context.Context, changes []org.Change) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return f.err
	}
	for _, c := range changes {
		f.seen = append(f.seen, c.ID)
	}
	return nil
}

func (f *follower) has(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.seen {
		if s == id {
			return true
		}
	}
	return false
}

func TestCommittedReturnsOnceTheFollowerHoldsTheVersion(t *testing.T) {
	m, fl := &memory{}, &follower{}
	feed, err := Start(t.Context(), m, fl, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel() // the caller has hung up; its change still arrives
	feed.Committed(gone, m.commit("a"))
	if !fl.has("a") {
		t.Fatal("Committed returned before the change was applied")
	}
}

func TestOtherNodesChangesArriveWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, fl := &memory{}, &follower{}
		feed, err := Start(t.Context(), m, fl, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- feed.Run(ctx) }()
		m.commit("elsewhere")
		<-time.After(time.Second)
		if !fl.has("elsewhere") {
			t.Error("another node's change is not here after a second")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestAFailureIsShownAndMadeUpFor(t *testing.T) {
	m, fl := &memory{}, &follower{err: errors.New("disk on fire")}
	feed, err := Start(t.Context(), m, fl, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	feed.Committed(t.Context(), m.commit("a"))
	if feed.Err() == nil || feed.Version() != 0 {
		t.Fatalf("after a failure: error %v, version %d", feed.Err(), feed.Version())
	}
	fl.mu.Lock()
	fl.err = nil
	fl.mu.Unlock()
	feed.Committed(t.Context(), m.commit("b"))
	if feed.Err() != nil || !fl.has("a") || !fl.has("b") {
		t.Fatalf("after the failure passed: error %v, seen %v", feed.Err(), fl.seen)
	}
}

// hanging is a database behind a network that swallows what is sent.
type hanging struct {
	memory
	cut chan struct{} // closed: it answers again
}

func (h *hanging) Version(ctx context.Context) (int64, error) {
	select {
	case <-h.cut:
		return h.memory.Version(ctx)
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func TestADatabaseThatDoesNotAnswerIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &hanging{cut: make(chan struct{})}
		feed := newFeed(source, &follower{}, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- feed.Run(ctx) }()
		<-time.After(pollLimit + time.Second)
		if !errors.Is(feed.Err(), context.DeadlineExceeded) {
			t.Errorf("while the database does not answer: %v", feed.Err())
		}
		close(source.cut)
		<-time.After(time.Second)
		if feed.Err() != nil {
			t.Errorf("once it answers again: %v", feed.Err())
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// stuck is a follower that works until it is let go, whatever its context says.
type stuck struct {
	follower
	begun, letGo chan struct{}
}

func (s *stuck) Apply(ctx context.Context, changes []org.Change) error {
	close(s.begun)
	<-s.letGo
	return s.follower.Apply(ctx, changes)
}

// Who made a change is not held for longer than it says, though another's is stuck.
func TestCommittedDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, fl := &memory{}, &stuck{begun: make(chan struct{}), letGo: make(chan struct{})}
		feed := newFeed(m, fl, slog.New(slog.DiscardHandler))
		var wg sync.WaitGroup
		first := m.commit("a")
		wg.Go(func() { feed.Committed(t.Context(), first) })
		<-fl.begun
		began := time.Now()
		feed.Committed(t.Context(), m.commit("b"))
		if took := time.Since(began); took != waitLimit {
			t.Errorf("waited for %v, want %v", took, waitLimit)
		}
		close(fl.letGo)
		wg.Wait()
		if !fl.has("a") {
			t.Error("the change that was stuck is lost")
		}
	})
}
