package bench

import (
	"bytes"
	"context"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestPercentile(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(i + 1)
	}
	cases := []struct {
		values []float64
		p      float64
		want   float64
	}{
		{hundred, 0.5, 50},
		{hundred, 0.99, 99},
		{hundred, 1, 100},
		{hundred, 0, 1},
		{[]float64{7}, 0.99, 7},
		{[]float64{1, 2, 3}, 0.5, 2},
	}
	for _, c := range cases {
		if got := percentile(c.values, c.p); got != c.want {
			t.Errorf("p%v of %d values is %v, want %v", c.p*100, len(c.values), got, c.want)
		}
	}
	if got := percentile([]time.Duration(nil), 0.5); !math.IsNaN(got) {
		t.Errorf("p50 of nothing is %v", got)
	}
}

// One call that stalls the only worker makes the calls behind it late, and they
// say so: latency counts from when they were due.
func TestOpenLoopMeasuresFromTheDueTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const every = 10 * time.Millisecond
		worker := make(chan struct{}, 1)
		var calls atomic.Int32
		start := time.Now()
		latency, tally := openLoop(t.Context(), 10, every, func(ctx context.Context) error {
			worker <- struct{}{}
			defer func() { <-worker }()
			took := time.Millisecond
			if calls.Add(1) == 3 {
				took = 50 * time.Millisecond // due at 20 ms: done at 70 ms
			}
			wait(ctx, took)
			return nil
		})
		if tally.ok != 10 || tally.failed != 0 {
			t.Fatalf("%d calls succeeded, %d failed", tally.ok, tally.failed)
		}
		if got := time.Since(start); got != 9*every+time.Millisecond {
			t.Errorf("took %v: the rate gave way to the stall", got)
		}
		// Due at 30, 40, 50, 60 ms and answered, one after the other, at 71 … 74.
		var late int
		for _, l := range latency {
			if l > 2*time.Millisecond {
				late++
			}
		}
		if late != 6 || time.Duration(percentile(latency, 1)) != 50*time.Millisecond {
			t.Errorf("latencies %v do not show the stall", latency)
		}
	})
}

func TestOpenLoopEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Millisecond)
		defer cancel()
		latency, tally := openLoop(ctx, 1000, 10*time.Millisecond, func(context.Context) error { return nil })
		if tally.ok != 3 || tally.failed != 1 || !errors.Is(tally.first, context.DeadlineExceeded) {
			t.Errorf("%d calls succeeded, %d failed: %v", tally.ok, tally.failed, tally.first)
		}
		if len(latency) > 3 {
			t.Errorf("%d latencies", len(latency))
		}
	})
}

func TestClosedLoopCountsFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		broken := errors.New("broken")
		tally := closedLoop(t.Context(), 2, 95*time.Millisecond, func(ctx context.Context) error {
			wait(ctx, 10*time.Millisecond)
			if calls.Add(1) == 5 {
				return broken
			}
			return nil
		})
		if tally.ok != 19 || tally.failed != 1 || !errors.Is(tally.first, broken) {
			t.Errorf("%d succeeded, %d failed: %v", tally.ok, tally.failed, tally.first)
		}
	})
}

func TestReadStream(t *testing.T) {
	cases := []struct {
		name   string
		stream string
		events int
		cut    bool
		bad    bool
	}{
		{name: "whole", stream: "data: {}\n\ndata: {}\n\ndata: [DONE]\n\n", events: 2},
		{name: "comments, other fields, CRLF", stream: ": hi\r\nevent: x\r\ndata: {}\r\n\r\ndata: [DONE]\r\n\r\n", events: 1},
		{name: "no space", stream: "data:{}\n\ndata:[DONE]\n\n", events: 1},
		{name: "empty", stream: "", cut: true},
		{name: "ends before its terminal event", stream: "data: {}\n\ndata: {}\n\n", events: 2, cut: true},
		{name: "ends within its terminal event", stream: "data: {}\n\ndata: [DON", events: 2, cut: true},
		{name: "an error event is no end", stream: "data: {}\n\ndata: {\"error\":{}}\n\n", events: 2, cut: true},
		{name: "goes on behind its end", stream: "data: [DONE]\n\ndata: {}\n\n", bad: true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			seen := 0
			events, err := readStream(strings.NewReader(c.stream), func(n int) { seen = n })
			if events != c.events || seen != c.events {
				t.Errorf("%d events, %d seen, want %d", events, seen, c.events)
			}
			if errors.Is(err, errCut) != c.cut || (err != nil) != (c.cut || c.bad) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// A stream that the upstream breaks is cut, a held one that ends is noticed, and
// an answer that is not 200 is an error that quotes it.
func TestClientSeesWhatBreaks(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer right" {
			http.Error(w, "who are you", http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte("data: {}\n\n"))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()
	c := newClient(server.URL, "right")
	defer c.close()
	if events, err := c.stream(t.Context(), chatBody(10, true), nil); events != 1 || !errors.Is(err, errCut) {
		t.Errorf("%d events, %v", events, err)
	}
	h, err := c.hold(t.Context(), 3, 2, chatBody(10, true))
	if err != nil {
		t.Fatal(err)
	}
	h.ended.Wait()
	h.close()
	if h.failed != 3 || !errors.Is(h.first, errCut) {
		t.Errorf("%d held streams failed: %v", h.failed, h.first)
	}
	stranger := newClient(server.URL, "wrong")
	defer stranger.close()
	if err := stranger.unary(t.Context(), chatBody(10, false)); err == nil || !strings.Contains(err.Error(), "who are you") {
		t.Errorf("error %v", err)
	}
}

// The mock answers as the API does: usage in a unary answer, and in a stream
// only where it was asked for.
func TestMock(t *testing.T) {
	server := httptest.NewServer(newMock(upstreamOptions{chunks: 3, size: 5}))
	defer server.Close()
	c := newClient(server.URL, "any")
	defer c.close()
	ask := func(body string) string {
		t.Helper()
		res, err := c.send(t.Context(), []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var text bytes.Buffer
		if _, err := text.ReadFrom(res.Body); err != nil {
			t.Fatal(err)
		}
		return text.String()
	}
	if got := ask(`{"model":"bench-model"}`); !strings.Contains(got, `"total_tokens":40`) || !strings.Contains(got, "xxxxx") {
		t.Errorf("unary: %s", got)
	}
	if got := ask(`{"stream":true}`); strings.Contains(got, "usage") || strings.Count(got, "data: ") != 4 {
		t.Errorf("stream: %s", got)
	}
	withUsage := ask(`{"stream":true,"stream_options":{"include_usage":true}}`)
	if strings.Count(withUsage, `"usage":{`) != 1 || strings.Count(withUsage, "data: ") != 5 || !strings.HasSuffix(withUsage, "data: [DONE]\n\n") {
		t.Errorf("stream with usage: %s", withUsage)
	}
}

func TestChatBodyHasItsSize(t *testing.T) {
	if got := len(chatBody(64<<10, false)) - len(chatBody(0, false)); got != 64<<10 {
		t.Errorf("the prompt has %d bytes", got)
	}
}
