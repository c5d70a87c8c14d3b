package identity

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/fault"
)

func TestGuessesAtOnceAreNoMoreThanOneAfterAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a attempts
		var checked atomic.Int64
		var all sync.WaitGroup
		for i := range 90 {
			email := "owner@example.com"
			if i%2 == 0 {
				email = "OWNER@example.com" // the same mailbox
			}
			all.Go(func() {
				try, err := a.begin(t.Context(), email, time.Now)
				if err != nil {
					if !fault.Is(err, fault.RateLimited) {
						t.Error(err)
					}
					return
				}
				time.Sleep(20 * time.Millisecond) // the check; the bubble's clock
				checked.Add(1)
				try.end()
			})
		}
		all.Wait()
		if checked.Load() != maxFailures {
			t.Errorf("%d guesses were checked, want %d", checked.Load(), maxFailures)
		}
		time.Sleep(failureWindow)
		try, err := a.begin(t.Context(), "owner@example.com", time.Now)
		if err != nil {
			t.Fatal("after a rest:", err)
		}
		try.succeeded()
		try.end()
		if len(a.wrong) != 0 {
			t.Error("success leaves failures behind")
		}
	})
}

func TestSignInsWaitInABoundedQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a attempts
		ctx, cancel := context.WithCancel(t.Context())
		var held []*attempt
		for i := range maxParallel {
			try, err := a.begin(ctx, fmt.Sprint(i), time.Now)
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, try)
		}
		var all sync.WaitGroup
		for i := range maxWaiting {
			all.Go(func() {
				if _, err := a.begin(ctx, fmt.Sprint("waiting", i), time.Now); !fault.Is(err, fault.Unavailable) {
					t.Errorf("given up: %v", err)
				}
			})
		}
		synctest.Wait()
		if _, err := a.begin(ctx, "one more", time.Now); !fault.Is(err, fault.RateLimited) {
			t.Errorf("with a full queue: %v", err)
		}
		cancel()
		all.Wait()
		for _, try := range held {
			try.end()
		}
		try, err := a.begin(t.Context(), "one more", time.Now)
		if err != nil {
			t.Fatal("with an empty queue:", err)
		}
		try.end()
	})
}

// The map must not grow without bound, and failing at other addresses must not
// make weir forget the one that is being guessed at.
func TestFailuresOfManyAddressesAreBounded(t *testing.T) {
	var a attempts
	now := time.Unix(1_800_000_000, 0)
	clock := func() time.Time { return now }
	fail := func(email string) error {
		try, err := a.begin(t.Context(), email, clock)
		if err == nil {
			try.end()
		}
		return err
	}
	for range maxFailures {
		if err := fail("victim@example.com"); err != nil {
			t.Fatal(err)
		}
	}
	for i := range maxTracked + 50 {
		now = now.Add(time.Millisecond)
		if err := fail(fmt.Sprintf("%d@example.com", i)); err != nil {
			t.Fatal(err)
		}
	}
	if len(a.wrong) > maxTracked {
		t.Errorf("%d addresses are kept, want at most %d", len(a.wrong), maxTracked)
	}
	if err := fail("victim@example.com"); !fault.Is(err, fault.RateLimited) {
		t.Errorf("the address that is being guessed at was forgotten: %v", err)
	}
	now = now.Add(failureWindow)
	if err := fail("victim@example.com"); err != nil {
		t.Errorf("after a rest: %v", err)
	}
	if err := fail("new@example.com"); err != nil || len(a.wrong) != 2 {
		t.Errorf("addresses that have rested are kept: %d, %v", len(a.wrong), err)
	}
}

func TestWhatCouldNotBeDecidedIsNoFailure(t *testing.T) {
	var a attempts
	for range 2 * maxFailures {
		try, err := a.begin(t.Context(), "owner@example.com", time.Now)
		if err != nil {
			t.Fatal(err)
		}
		try.withdraw()
		try.end()
	}
}
