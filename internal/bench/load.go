package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// client sends chat completions to one target over connections it keeps.
type client struct {
	http *http.Client
	url  string
	key  string
}

func newClient(target, key string) *client {
	return &client{http: newHTTPClient(), url: target + "/v1/chat/completions", key: key}
}

// newHTTPClient keeps a connection per call in flight. It has no timeout: every
// scenario has one.
func newHTTPClient() *http.Client {
	return &http.Client{Transport: &http.Transport{
		MaxIdleConns:        20_000,
		MaxIdleConnsPerHost: 20_000,
		DisableCompression:  true,
	}}
}

func (c *client) close() { c.http.CloseIdleConnections() }

// send posts a body and returns the answer, which is a 200.
func (c *client) send(ctx context.Context, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("Content-Type", "application/json")
	res, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		defer res.Body.Close()
		said, err := io.ReadAll(io.LimitReader(res.Body, 512))
		return nil, errors.Join(fmt.Errorf("answered %s: %s", res.Status, said), err)
	}
	return res, nil
}

// unary calls and reads the answer to its end.
func (c *client) unary(ctx context.Context, body []byte) error {
	res, err := c.send(ctx, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return fmt.Errorf("reading an answer: %w", err)
	}
	return nil
}

// stream calls and reads the stream to its end, calling each (if not nil) with
// the number of every event. A stream that ends without its terminal event is
// errCut.
func (c *client) stream(ctx context.Context, body []byte, each func(n int)) (events int, err error) {
	res, err := c.send(ctx, body)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	return readStream(res.Body, each)
}

// errCut is a stream without its terminal event, however it ended.
var errCut = errors.New("the stream ended without its terminal event")

// readStream reads server-sent events up to `data: [DONE]` and the end behind
// it. The count leaves the terminal event out.
func readStream(r io.Reader, each func(n int)) (events int, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 1<<10), 1<<20)
	done := false
	for lines.Scan() {
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data:"))
		switch {
		case !ok: // empty, a comment, or a field we do not need
		case done:
			return events, errors.New("an event came after the terminal one")
		case bytes.Equal(bytes.TrimSpace(data), []byte("[DONE]")):
			done = true
		default:
			events++
			if each != nil {
				each(events)
			}
		}
	}
	switch err := lines.Err(); {
	case !done && err != nil:
		return events, fmt.Errorf("%w: %w", errCut, err)
	case !done:
		return events, errCut
	case err != nil:
		return events, fmt.Errorf("reading a stream: %w", err)
	}
	return events, nil
}

// warmUp opens n connections and lets the target see its first calls. All of
// them have to succeed.
func (c *client) warmUp(ctx context.Context, n int, body []byte) error {
	var t tally
	inParallel(n, func(int) {
		for range 4 {
			t.add(c.unary(ctx, body))
		}
	})
	if t.failed > 0 {
		return fmt.Errorf("warming up: %w", t.first)
	}
	return nil
}

// tally counts calls. The zero value is ready.
type tally struct {
	mu     sync.Mutex
	ok     int
	failed int
	first  error // of the failed
}

func (t *tally) add(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.ok++
		return
	}
	t.failed++
	if t.first == nil {
		t.first = err
	}
}

// inParallel calls f with 0 … n-1 at once and waits for all.
func inParallel(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// closedLoop has workers that each call again as soon as they are answered, for
// d. A call begun in time is waited for and counts.
func closedLoop(ctx context.Context, workers int, d time.Duration, call func(context.Context) error) *tally {
	var t tally
	end := time.Now().Add(d)
	inParallel(workers, func(int) {
		for time.Now().Before(end) && ctx.Err() == nil {
			t.add(call(ctx))
		}
	})
	return &t
}

// openLoop starts n calls at a fixed rate, answered or not, and returns the
// latencies of those that succeeded, sorted. It is measured from when a call was due: a
// target, or this client, that falls behind shows it, instead of hiding it by
// asking less (the "coordinated omission" of closed loops).
func openLoop(ctx context.Context, n int, every time.Duration, call func(context.Context) error) ([]time.Duration, *tally) {
	var t tally
	latency := make([]time.Duration, n)
	var wg sync.WaitGroup
	start := time.Now()
	for i := range n {
		due := start.Add(time.Duration(i) * every)
		if !wait(ctx, time.Until(due)) {
			t.add(ctx.Err())
			break
		}
		wg.Go(func() {
			err := call(ctx)
			if err == nil {
				latency[i] = time.Since(due)
			}
			t.add(err)
		})
	}
	wg.Wait()
	latency = slices.DeleteFunc(latency, func(d time.Duration) bool { return d == 0 })
	slices.Sort(latency)
	return latency, &t
}

// held is streams kept open at the same time.
type held struct {
	tally
	begun  chan struct{} // one per stream, at its first event or at its end
	stop   context.CancelFunc
	ended  sync.WaitGroup
	closed atomic.Bool // by us: a stream that ends before is a failed call
}

// hold opens n streams, width at a time, and returns when all have begun.
func (c *client) hold(ctx context.Context, n, width int, body []byte) (*held, error) {
	ctx, stop := context.WithCancel(ctx)
	h := &held{begun: make(chan struct{}, n), stop: stop}
	opening := make(chan struct{}, width)
	for range n {
		opening <- struct{}{}
		h.ended.Go(func() {
			begun := sync.OnceFunc(func() { <-opening; h.begun <- struct{}{} })
			defer begun()
			_, err := c.stream(ctx, body, func(int) { begun() })
			if !h.closed.Load() {
				h.add(errors.Join(errors.New("a held stream ended early"), err))
			}
		})
	}
	for range n {
		select {
		case <-h.begun:
		case <-ctx.Done():
			h.close()
			return nil, fmt.Errorf("opening %d streams: %w", n, ctx.Err())
		}
	}
	return h, nil
}

// close hangs up on every stream.
func (h *held) close() {
	h.closed.Store(true)
	h.stop()
	h.ended.Wait()
}

// percentile is the value below which a share p of the values lies, by nearest
// rank. It is NaN for no values, and wants them sorted.
func percentile[T ~int64 | ~float64](sorted []T, p float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	rank := int(math.Ceil(p * float64(len(sorted))))
	return float64(sorted[min(max(rank, 1), len(sorted))-1])
}
