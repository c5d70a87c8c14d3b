package gateway

import (
	"context"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/internal/upstream/upstreamtest"
)

// working counts the goroutines that a gateway, its connections or those of its
// test have: the runtime's own come and go. The calling one does not count.
func working() (n int) {
	buf := make([]byte, 8<<20)
	stacks := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
	for _, stack := range stacks[1:] {
		for _, ours := range []string{"weir/internal/gateway.", "net/http.(*persistConn)", "net/http.(*conn).serve"} {
			if strings.Contains(stack, ours) && !strings.Contains(stack, "testing.(*T).Run") {
				n++
				break
			}
		}
	}
	return n
}

// descriptors is how many files and sockets the process has open.
func descriptors(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(entries)
}

func TestNothingIsLeftAfterCancelledStreams(t *testing.T) {
	streams := 2000
	if testing.Short() {
		streams = 200
	}
	r := newRig(t, func(g *Gateway) { g.Limits.DrainTimeout = 10 * time.Millisecond })
	held := upstreamtest.NewGate() // never opened
	r.provider.Always(upstreamtest.SSE(upstreamtest.Event(chunk1), upstreamtest.Chunk{Data: []byte("x"), After: held}))
	idle := func() {
		r.client.CloseIdleConnections()
		r.Transport.(interface{ CloseIdleConnections() }).CloseIdleConnections()
	}
	before, files := working(), descriptors(t)

	var wg sync.WaitGroup
	slots := make(chan struct{}, 50)
	for range streams {
		wg.Add(1)
		slots <- struct{}{}
		go func() {
			defer wg.Done()
			defer func() { <-slots }()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			resp, err := r.start(t, call{body: plainStream, ctx: ctx})
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			buf := make([]byte, 16)
			if _, err := resp.Body.Read(buf); err != nil {
				t.Error(err)
			}
		}()
	}
	wg.Wait()
	for range streams {
		r.ledger.next(t)
	}
	r.eventually(t, "goroutines to end", func() bool { idle(); return working() <= before })
	r.eventually(t, "descriptors to close", func() bool { return descriptors(t) <= files })
	r.ledger.balanced(t)
	equal(t, "requests in flight", r.metric(t, "weir_in_flight"), "0")
}
