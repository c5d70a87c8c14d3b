package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// plan is how long and how much a run measures.
type plan struct {
	window time.Duration // of closed loops

	fixed  time.Duration // of the open loop
	settle time.Duration // before it: what the warm-up deferred is not its cost
	tail   time.Duration // behind it: what it deferred is

	streams, chunks int           // at once, and of each
	repeats         int           // of the streams: /proc counts CPU time in steps of 10 ms
	few, many       int           // streams held open
	hold            time.Duration // once all are open
	burst           int           // streams answered at once
}

// full takes some twenty minutes with five rounds of four targets.
func full() plan {
	return plan{
		window: 4 * time.Second,
		fixed:  8 * time.Second, settle: 2 * time.Second, tail: 6 * time.Second,
		streams: 50, chunks: 200, repeats: 3,
		few: 1000, many: 5000, hold: 6 * time.Second,
		burst: 5000,
	}
}

func quick() plan {
	p := full()
	p.window, p.fixed, p.settle, p.tail, p.hold = 1500*time.Millisecond, 3*time.Second, time.Second, 4*time.Second, 2*time.Second
	p.repeats = 2
	return p
}

// fit scales streams down to what files, the limit on open files, allows: the
// proxy needs two for each. It returns what to say about it.
func (p *plan) fit(files int) (notes []string) {
	most := max((files-256)/2, 1)
	for _, n := range []*int{&p.few, &p.many, &p.burst} {
		if *n > most {
			notes = append(notes, fmt.Sprintf("%d streams became %d: the limit on open files is %d", *n, most, files))
			*n = most
		}
	}
	return notes
}

// scenario is one way to load a target.
type scenario struct {
	name     string
	direct   bool            // measured without a proxy too
	upstream upstreamOptions // how the mock answers
	callers  int             // connections warmed up
	body     []byte          // of unary calls, the warm-up's too
	atMost   time.Duration   // warm-up included
	run      func(ctx context.Context, c *client, p process) ([]value, error)
}

// value is one measured figure.
type value struct {
	figure string
	value  float64
	why    error // the first failure, of a figure that counts failures
}

// The fixed rate is what a busy team sends, far from saturation.
const (
	fixedEvery = time.Second / 500
	fixedDelay = 20 * time.Millisecond
	maxCallers = 32
)

// scenarios in the order they are run and reported.
func (p plan) scenarios() []scenario {
	unary, prompt64k := chatBody(200, false), chatBody(64<<10, false)
	answer := upstreamOptions{size: 400, chunks: 1}
	delayed := upstreamOptions{size: 400, chunks: 1, delay: fixedDelay}
	tokens := upstreamOptions{size: 16, chunks: p.chunks, interval: 10 * time.Millisecond}
	slow := upstreamOptions{size: 16, chunks: 3600, interval: time.Second}
	return []scenario{
		{"max", true, answer, maxCallers, unary, p.window + time.Minute, p.saturate("max", unary)},
		{"fixed", true, delayed, maxCallers, unary, p.settle + p.fixed + p.tail + time.Minute, p.pace(unary)},
		{"prompt64k", false, answer, maxCallers, prompt64k, p.window + time.Minute, p.saturate("prompt64k", prompt64k)},
		{"stream", false, tokens, p.streams, unary, time.Duration(p.repeats*p.chunks)*tokens.interval + time.Minute, p.relay},
		{"hold1000", false, slow, maxCallers, unary, p.hold + 2*time.Minute, p.keep("hold1000", p.few)},
		{"hold5000", false, slow, maxCallers, unary, p.hold + 2*time.Minute, p.keep("hold5000", p.many)},
		{"burst", false, upstreamOptions{size: 16, chunks: 8, interval: 5 * time.Millisecond}, maxCallers, unary, 2 * time.Minute, p.flood},
	}
}

// ScenarioNames are those of Options.Scenarios, in order.
func ScenarioNames() []string {
	var names []string
	for _, s := range full().scenarios() {
		names = append(names, s.name)
	}
	return names
}

// chatBody is a chat completion with a prompt of size bytes.
func chatBody(size int, stream bool) []byte {
	words := strings.Repeat("measure twice, ", size/15+1)[:size]
	return fmt.Appendf(nil, `{"model":%q,"messages":[{"role":"system","content":"You answer briefly."},`+
		`{"role":"user","content":%q}],"max_tokens":64,"temperature":0.7,"stream":%t}`, benchModel, words, stream)
}

// saturate is a closed loop over a few kept connections: what a call costs when
// the processor is the limit.
func (p plan) saturate(name string, body []byte) func(context.Context, *client, process) ([]value, error) {
	return func(ctx context.Context, c *client, proc process) ([]value, error) {
		before, err := proc.cpu()
		if err != nil {
			return nil, err
		}
		start := time.Now()
		t := closedLoop(ctx, maxCallers, p.window, func(ctx context.Context) error { return c.unary(ctx, body) })
		took := time.Since(start)
		after, err := proc.cpu()
		if err != nil {
			return nil, err
		}
		return t.figures(value{figure: name + ".cpu", value: micros(after-before) / float64(t.ok)}, value{figure: name + ".rate", value: float64(t.ok) / took.Seconds()})
	}
}

// pace is an open loop at a fixed rate: latency, and what a call costs with all
// that it leaves to be done later.
func (p plan) pace(body []byte) func(context.Context, *client, process) ([]value, error) {
	return func(ctx context.Context, c *client, proc process) ([]value, error) {
		wait(ctx, p.settle)
		before, err := proc.cpu()
		if err != nil {
			return nil, err
		}
		latency, t := openLoop(ctx, int(p.fixed/fixedEvery), fixedEvery, func(ctx context.Context) error { return c.unary(ctx, body) })
		if proc.pid != 0 {
			wait(ctx, p.tail)
		}
		after, err := proc.cpu()
		if err != nil {
			return nil, err
		}
		return t.figures(
			value{figure: "fixed.cpu", value: micros(after-before) / float64(t.ok)},
			value{figure: "fixed.p50", value: percentile(latency, 0.50) / float64(time.Millisecond)},
			value{figure: "fixed.p99", value: percentile(latency, 0.99) / float64(time.Millisecond)},
		)
	}
}

// relay is some streams at the pace of a quick model.
func (p plan) relay(ctx context.Context, c *client, proc process) ([]value, error) {
	body := chatBody(200, true)
	before, err := proc.cpu()
	if err != nil {
		return nil, err
	}
	var t tally
	inParallel(p.streams, func(int) {
		for range p.repeats {
			events, err := c.stream(ctx, body, nil)
			if err == nil && events != p.chunks {
				err = fmt.Errorf("%d chunks came through of %d", events, p.chunks)
			}
			t.add(err)
		}
	})
	after, err := proc.cpu()
	if err != nil {
		return nil, err
	}
	return t.figures(value{figure: "stream.cpu", value: micros(after-before) / float64(t.ok*p.chunks)})
}

// keep is many streams that hardly move: the memory each of them holds, at its
// highest.
func (p plan) keep(name string, n int) func(context.Context, *client, process) ([]value, error) {
	return func(ctx context.Context, c *client, proc process) ([]value, error) {
		before, err := proc.resident()
		if err != nil {
			return nil, err
		}
		h, err := c.hold(ctx, n, 64, chatBody(200, true))
		if err != nil {
			return nil, err
		}
		defer h.close()
		highest := before
		for end := time.Now().Add(p.hold); ; {
			now, err := proc.resident()
			if err != nil {
				return nil, err
			}
			highest = max(highest, now)
			if !time.Now().Before(end) || !wait(ctx, p.hold/8) {
				break
			}
		}
		h.close()
		h.ok = n - h.failed
		return h.figures(value{figure: name + ".memory", value: float64(highest-before) / 1024 / float64(n)})
	}
}

// flood is streams that the upstream answers within microseconds, all at once. A
// proxy that still holds the request's body when the answer comes loses some:
// golang/go#40747.
func (p plan) flood(ctx context.Context, c *client, _ process) ([]value, error) {
	body := chatBody(200, true)
	var t tally
	inParallel(p.burst, func(int) {
		_, err := c.stream(ctx, body, nil)
		t.add(err)
	})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return []value{{"burst.cut", float64(t.failed), t.first}}, nil
}

// figures is what was measured, beside how many calls failed. Without a single
// success there is nothing to measure, and the first failure is the error.
func (t *tally) figures(measured ...value) ([]value, error) {
	if t.ok == 0 {
		return nil, errors.Join(errors.New("no call succeeded"), t.first)
	}
	return append(measured, value{failedFigure, float64(t.failed), t.first}), nil
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
