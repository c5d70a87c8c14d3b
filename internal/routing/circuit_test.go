package routing

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// trip opens a circuit.
func trip(t *testing.T, c *Circuit, now time.Time) {
	t.Helper()
	for i := range openAfter {
		e := c.Enter(now)
		if e != Admitted {
			t.Fatalf("after %d failures: %v", i, e)
		}
		if opened := c.Failed(e, now, 0, "500"); opened != (i == openAfter-1) {
			t.Fatalf("failure %d opened: %v", i+1, opened)
		}
	}
}

func TestACircuitOpensAndIsProbedByOneCall(t *testing.T) {
	var c Circuit
	trip(t, &c, noon)
	if e := c.Enter(noon.Add(shortestPause - 1)); e != Refused {
		t.Fatalf("open: %v", e)
	}
	if r := c.Report(noon); r.State != CircuitOpen || r.Reason != "500" || !r.OpenedAt.Equal(noon) {
		t.Fatalf("%+v", r)
	}
	later := noon.Add(2 * shortestPause)
	if r := c.Report(later); r.State != CircuitHalfOpen {
		t.Fatalf("%+v", r)
	}
	var probes atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if c.Enter(later) == Probing {
				probes.Add(1)
			}
		})
	}
	all.Wait()
	if probes.Load() != 1 {
		t.Fatalf("%d probes at once", probes.Load())
	}
	// A failed probe is repeated after a longer pause.
	c.Failed(Probing, later, 0, "503")
	if e := c.Enter(later.Add(shortestPause + shortestPause/2)); e != Refused {
		t.Fatalf("after a failed probe: %v", e)
	}
	later = later.Add(3 * shortestPause)
	if e := c.Enter(later); e != Probing {
		t.Fatalf("the second probe: %v", e)
	}
	// One whose caller hung up tells nothing: the next call probes.
	c.Left(Probing)
	if e := c.Enter(later); e != Probing {
		t.Fatalf("the third probe: %v", e)
	}
	c.Succeeded(Probing)
	if e := c.Enter(later); e != Admitted {
		t.Fatalf("well again: %v", e)
	}
	if r := c.Report(later); r != (CircuitReport{State: CircuitClosed}) {
		t.Fatalf("%+v", r)
	}
}

func TestACircuitOpensWhenHalfOfTheCallsFail(t *testing.T) {
	var c Circuit
	for i := range ratioSample {
		now := noon.Add(time.Duration(i) * time.Millisecond)
		e := c.Enter(now)
		if e != Admitted {
			t.Fatalf("call %d: %v", i, e)
		}
		if i%2 == 1 {
			c.Succeeded(e)
		} else {
			c.Failed(e, now, 0, "500")
		}
	}
	if c.Failed(Admitted, noon.Add(time.Second), 0, "500"); c.Enter(noon.Add(time.Second)) != Refused {
		t.Fatal("every other call failed, and the circuit is closed")
	}
	var rare Circuit
	for i := range 100 { // as many failures, with time in between
		now := noon.Add(time.Duration(i) * ratioWindow)
		if rare.Failed(rare.Enter(now), now, 0, "500"); i%2 == 0 {
			rare.Succeeded(Admitted)
		}
		if e := rare.Enter(now); e != Admitted {
			t.Fatalf("a failure now and then opened the circuit: %v", e)
		}
	}
}

func TestACircuitRestsAsLongAsTheProviderAsks(t *testing.T) {
	var c Circuit
	for range openAfter {
		c.Failed(Admitted, noon, 30*time.Second, "429")
	}
	if e := c.Enter(noon.Add(29 * time.Second)); e != Refused {
		t.Fatalf("within the provider's retry-after: %v", e)
	}
	if e := c.Enter(noon.Add(31 * time.Second)); e != Probing {
		t.Fatalf("after it: %v", e)
	}
	// A call that had nowhere else to go closes it when it succeeds.
	c.Succeeded(Admitted)
	if e := c.Enter(noon); e != Admitted {
		t.Fatalf("%v", e)
	}
}

func TestABudgetIsAFifthAndAReserve(t *testing.T) {
	b := NewBudget()
	const requests = 1000
	retries := 0
	for range requests { // within no time at all
		b.Deposit()
		for b.Spend(noon) {
			retries++
		}
	}
	if want := requests/5 + reserve/oneRetry; retries != want {
		t.Fatalf("%d retries of %d requests, want %d", retries, requests, want)
	}
	if !b.Spend(noon.Add(time.Second)) || b.Spend(noon.Add(time.Second)) {
		t.Fatal("the reserve refills by one per second")
	}
	for range 10 * requests {
		b.Deposit()
	}
	retries = 0
	for b.Spend(noon.Add(time.Second)) {
		retries++
	}
	if retries > ceiling/oneRetry {
		t.Fatalf("quiet times saved up %d retries", retries)
	}
}
