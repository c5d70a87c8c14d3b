package gateway

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/optional"
	"weir/internal/org"
	"weir/internal/upstream/upstreamtest"
	"weir/internal/usage"
)

// hangUp starts a stream, reads its first event, and hangs up.
func (r *rig) hangUp(t testing.TB, body string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	resp, err := r.start(t, call{body: body, ctx: ctx})
	must(t, err)
	defer resp.Body.Close()
	first := make([]byte, len(event(chunk1)))
	_, err = io.ReadFull(resp.Body, first)
	must(t, err)
}

func TestHangUpsAreDrained(t *testing.T) {
	r := newRig(t)
	rest := upstreamtest.NewGate()
	r.provider.Enqueue(upstreamtest.SSE(
		upstreamtest.Event(chunk1), upstreamtest.Chunk{Data: []byte(event(chunk2) + event(usageOnly)), After: rest}, upstreamtest.Event("[DONE]"),
	))
	r.hangUp(t, plainStream)
	<-r.left
	rest.Open()
	if gone := r.provider.Next(t).Ended(t); gone {
		t.Error("the provider was cut off")
	}
	ev := r.ledger.next(t)
	equal(t, "quantities", ev.Quantities, chatQuantities)
	equal(t, "source", ev.Source, usage.SourceProvider)
	equal(t, "cost", ev.Cost.String(), chatCost)
	equal(t, "outcome", ev.Outcome, usage.OutcomeClientGone)
}

func TestHangUpCancels(t *testing.T) {
	r := newRig(t)
	r.endpoint(t, "hasty", org.ModelEndpointFields{Hangup: optional.Of("cancel")})
	rest := upstreamtest.NewGate()
	r.provider.Enqueue(upstreamtest.SSE(upstreamtest.Event(chunk1), upstreamtest.Chunk{Data: []byte(event("[DONE]")), After: rest}))
	r.hangUp(t, `{"model":"hasty","stream":true}`)
	if gone := r.provider.Next(t).Ended(t); !gone {
		t.Error("the provider was read on")
	}
	ev := r.ledger.next(t)
	equal(t, "outcome", ev.Outcome, usage.OutcomeClientGone)
	equal(t, "source", ev.Source, usage.SourceEstimated)
	equal(t, "status", ev.Status, 200) // which the caller saw
	equal(t, "code", ev.ErrorCode, "client_gone")
	if ev.Quantities.OutputText == 0 || ev.Cost == nil {
		t.Errorf("no estimate: %+v", ev)
	}
}

func TestDrainIsBounded(t *testing.T) {
	held := upstreamtest.NewGate()
	for name, tt := range map[string]struct {
		limit func(*Gateway)
		open  bool
	}{
		"time":  {func(g *Gateway) { g.Limits.DrainTimeout = 20 * time.Millisecond }, false},
		"bytes": {func(g *Gateway) { g.Limits.DrainBytes = 100 }, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, tt.limit)
			rest := upstreamtest.NewGate()
			r.provider.Enqueue(upstreamtest.SSE(
				upstreamtest.Event(chunk1), upstreamtest.Chunk{Data: []byte(event(chunk2)), After: rest}, upstreamtest.Chunk{Data: []byte("x"), After: held},
			))
			r.hangUp(t, plainStream)
			<-r.left
			if tt.open {
				rest.Open()
			}
			if gone := r.provider.Next(t).Ended(t); !gone {
				t.Error("the provider was read to its end")
			}
			ev := r.ledger.next(t)
			equal(t, "outcome", ev.Outcome, usage.OutcomeClientGone)
			equal(t, "source", ev.Source, usage.SourceEstimated)
		})
	}
}

func TestHangUpBeforeAnyAnswer(t *testing.T) {
	for _, policy := range []string{"drain", "cancel"} {
		t.Run(policy, func(t *testing.T) {
			r := newRig(t)
			r.endpoint(t, "m", org.ModelEndpointFields{Hangup: optional.Of(policy)})
			a := upstreamtest.JSON(200, chatBody)
			a.Before = upstreamtest.NewGate()
			r.provider.Enqueue(a)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() {
				resp, err := r.start(t, call{body: `{"model":"m"}`, ctx: ctx})
				if err == nil {
					err = fmt.Errorf("answered with %d", resp.StatusCode)
					resp.Body.Close()
				}
				done <- err
			}()
			a.Before.Reached(t)
			cancel()
			if err := <-done; err == nil || strings.Contains(err.Error(), "answered") {
				t.Fatal(err)
			}
			up := r.provider.Next(t)
			if policy == "cancel" {
				if !up.Ended(t) {
					t.Error("the provider was left to work on")
				}
			} else {
				<-r.left
				a.Before.Open()
			}
			ev := r.ledger.next(t)
			if policy == "cancel" {
				equal(t, "source", ev.Source, usage.SourceEstimated)
			} else {
				equal(t, "quantities", ev.Quantities, chatQuantities)
				equal(t, "source", ev.Source, usage.SourceProvider)
			}
			equal(t, "outcome", ev.Outcome, usage.OutcomeClientGone)
			equal(t, "status", ev.Status, 499)
			r.ledger.balanced(t)
		})
	}
}

// What was not sent yet need not be, and costs nothing.
func TestHangUpBeforeAnythingIsSent(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	r.ledger.onOpen = func() { cancel(); <-r.left }
	if resp, err := r.start(t, call{body: chat(""), ctx: ctx}); err == nil {
		resp.Body.Close()
		t.Error("answered")
	}
	ev := r.ledger.next(t)
	equal(t, "outcome", ev.Outcome, usage.OutcomeClientGone)
	equal(t, "source", ev.Source, "")
	equal(t, "requests", len(r.provider.Requests()), 0)
	r.ledger.balanced(t)
}

// A caller that closes its sending side counts as gone; were the connection
// ended in good order, it would take an empty body for the answer.
func TestAHalfClosedCallerIsNotAnsweredEmptily(t *testing.T) {
	r := newRig(t)
	r.endpoint(t, "m", org.ModelEndpointFields{Hangup: optional.Of("cancel")})
	a := upstreamtest.JSON(200, chatBody)
	a.Before = upstreamtest.NewGate()
	r.provider.Enqueue(a)
	conn := r.dial(t)
	_, err := fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 13\r\n\r\n{\"model\":\"m\"}", r.key)
	must(t, err)
	a.Before.Reached(t)
	must(t, conn.(interface{ CloseWrite() error }).CloseWrite())
	if raw, _ := io.ReadAll(conn); len(raw) > 0 {
		t.Errorf("got %q", raw)
	}
	equal(t, "status", r.ledger.next(t).Status, 499)
}

func TestABodyThatDribblesIsCut(t *testing.T) {
	r := newRig(t, func(g *Gateway) { g.Limits.BodyIdle = 30 * time.Millisecond })
	conn := r.dial(t)
	_, err := fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 100\r\n\r\n{\"model\"", r.key)
	must(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	raw, err := io.ReadAll(resp.Body)
	must(t, err)
	envelopeOf(t, reply{Response: resp, body: string(raw)}, 400, "request_timeout", "")
	equal(t, "outcome", r.ledger.next(t).Outcome, usage.OutcomeFailed)
	equal(t, "requests", len(r.provider.Requests()), 0)
}

func TestACallerWhoStopsReading(t *testing.T) {
	r := newRig(t, func(g *Gateway) {
		g.Limits.WriteIdle, g.Limits.DrainTimeout = 50*time.Millisecond, 50*time.Millisecond
	})
	big := []byte(event(strings.Replace(chunk2, "stop", strings.Repeat("x", 1<<20), 1)))
	var chunks []upstreamtest.Chunk
	for range 64 {
		chunks = append(chunks, upstreamtest.Chunk{Data: big})
	}
	r.provider.Enqueue(upstreamtest.SSE(chunks...))
	conn := r.dial(t)
	_, err := fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s", r.key, len(plainStream), plainStream)
	must(t, err)
	if gone := r.provider.Next(t).Ended(t); !gone {
		t.Error("the provider was kept waiting for a caller who takes nothing")
	}
	equal(t, "outcome", r.ledger.next(t).Outcome, usage.OutcomeClientGone)
}

// The time a slow caller takes is not the provider's silence.
func TestASlowCallerIsNotTheProvidersFault(t *testing.T) {
	r := inProcess(t, streamOf(20))
	r.Limits.Idle, r.Limits.WriteIdle = time.Second, time.Hour
	synctest.Test(t, func(t *testing.T) {
		var got bytes.Buffer
		w := &sink{header: make(http.Header), keep: &got, before: func() { time.Sleep(time.Minute) }}
		r.ServeHTTP(w, chatRequest(r.key, asksForUsage))
		equal(t, "body", got.String(), strings.Repeat(event(chunk1), 20)+event(usageOnly)+event("[DONE]"))
	})
}
