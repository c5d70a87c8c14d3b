package gateway

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/internal/optional"
	"weir/internal/org"
	"weir/internal/routing"
	"weir/internal/upstream/upstreamtest"
	"weir/internal/usage"
)

// quick has pauses before retries that a test can wait for.
func quick(g *Gateway) { g.Limits.Backoff = time.Millisecond }

// standby makes the model endpoint "two" on the rig's connection and, behind it,
// on a second provider.
func (r *rig) standby(t testing.TB, retries int64) (second *upstreamtest.Server, conn routing.Connection) {
	t.Helper()
	second = upstreamtest.New(t)
	conn = r.connect(t, "second", org.ConnectionFields{BaseURL: optional.Of(second.URL()), APIKey: optional.Of(providerKey), Models: optional.Of([]string{"b"})})
	r.endpoint(t, "two", org.ModelEndpointFields{Retries: optional.Of(retries), Upstreams: optional.Of([]routing.Upstream{
		{ConnectionID: conn.ID, Model: "b", Priority: 2, Weight: 1}, {ConnectionID: r.conn.ID, Model: chatModel, Priority: 1, Weight: 1},
	})})
	return second, conn
}

const two = `{"model":"two"}`

func TestRefusalsOfAProviderAreSentAgain(t *testing.T) {
	r := newRig(t, quick)
	second, conn := r.standby(t, 1)
	for _, tt := range []struct {
		status int
		again  bool
	}{
		{408, true}, {409, true}, {429, true}, {500, true}, {502, true}, {503, true}, {504, true}, {520, true}, {529, true},
		{400, false}, {401, false}, {403, false}, {404, false}, {413, false}, {422, false}, {501, false}, {505, false},
	} {
		refusal := upstreamtest.Error(tt.status, "some_error", "some_code", "No.")
		r.provider.Enqueue(refusal)
		second.Enqueue(upstreamtest.JSON(200, chatBody))
		got := r.do(t, call{body: two})
		ev := r.ledger.next(t)
		if !tt.again {
			equal(t, "status", got.StatusCode, tt.status)
			equal(t, "body", got.body, string(refusal.Body))
			equal(t, "attempts", len(ev.Attempts), 1)
			second.Always(upstreamtest.JSON(200, chatBody))
			continue
		}
		equal(t, "body", got.body, chatBody)
		if len(ev.Attempts) != 2 || ev.Attempts[0].Status != tt.status || ev.Attempts[0].ConnectionID != r.conn.ID ||
			ev.Attempts[1].Status != 200 || ev.Attempts[1].ConnectionID != conn.ID || ev.Attempts[1].StartMicros == 0 {
			t.Errorf("%d: attempts %+v", tt.status, ev.Attempts)
		}
		// It counts once, as what answered consumed.
		equal(t, "connection", ev.ConnectionID, conn.ID)
		equal(t, "quantities", ev.Quantities, chatQuantities)
		equal(t, "outcome", ev.Outcome, usage.OutcomeCompleted)
		r.provider.Enqueue(upstreamtest.JSON(200, chatBody)) // closes the circuit's count
		r.do(t, call{body: two})
		r.ledger.next(t)
	}
	r.ledger.balanced(t)
}

func TestTheLastRefusalIsPassedOn(t *testing.T) {
	r := newRig(t, quick)
	second, conn := r.standby(t, 2)
	a := upstreamtest.Error(500, "server_error", "one", "One.")
	b := upstreamtest.Error(429, "tokens", "two", "Two, with the key "+providerKey+".")
	b.Header.Set("Retry-After-Ms", "2")
	b.Header.Set("X-Request-Id", "req_last")
	r.provider.Enqueue(a, b)
	second.Enqueue(a)
	got := r.do(t, call{body: two})
	equal(t, "status", got.StatusCode, 429)
	equal(t, "its request id", got.Header.Get(headerUpstreamID), "req_last")
	equal(t, "retry-after", got.Header.Get("Retry-After-Ms"), "2")
	equal(t, "body", got.body, strings.ReplaceAll(string(b.Body), providerKey, strings.Repeat("*", len(providerKey))))
	ev := r.ledger.next(t)
	equal(t, "attempts", len(ev.Attempts), 3)
	equal(t, "code", ev.ErrorCode, "two")
	equal(t, "outcome", ev.Outcome, usage.OutcomeFailed)
	equal(t, "source", ev.Source, "")

	// Where nobody is there to be asked any more, the refusal says more.
	_, _, err := r.org.UpdateConnection(t.Context(), r.actor, conn.ID, org.ConnectionFields{BaseURL: optional.Of(closedPort(t)), APIKey: optional.Of(providerKey)})
	must(t, err)
	r.provider.Enqueue(a, a)
	got = r.do(t, call{body: two})
	equal(t, "body", got.body, string(a.Body))
	ev = r.ledger.next(t)
	equal(t, "attempts", len(ev.Attempts), 3)
	equal(t, "connection", ev.ConnectionID, r.conn.ID)
}

func TestALostAnswerIsNotAskedForAgain(t *testing.T) {
	r := newRig(t, quick)
	second, _ := r.standby(t, 5)
	second.Always(upstreamtest.JSON(200, chatBody))
	r.provider.Enqueue(upstreamtest.Answer{Cut: true})
	got := r.do(t, call{body: two})
	envelopeOf(t, got, 502, "upstream_unreachable", "")
	equal(t, "source", r.ledger.next(t).Source, usage.SourceEstimated)
	// What only reads is.
	r.provider.Enqueue(upstreamtest.Answer{Cut: true})
	got = r.do(t, call{method: "GET", path: "/default/models/two/v1/engines"})
	equal(t, "status", got.StatusCode, 200)
	equal(t, "attempts", len(r.ledger.next(t).Attempts), 2)
	// And what may have made something is not, unless the provider took none of it.
	for status, attempts := range map[int]int{500: 1, 504: 1, 409: 1, 429: 2, 503: 2} {
		r.provider.Enqueue(upstreamtest.Error(status, "x", "y", "z"))
		r.do(t, call{path: "/default/models/two/v1/vector_stores", body: `{}`})
		equal(t, "attempts", len(r.ledger.next(t).Attempts), attempts)
		r.provider.Enqueue(upstreamtest.JSON(200, chatBody))
		r.do(t, call{body: two})
		r.ledger.next(t)
	}
}

func TestStreamsAreSentAgainBeforeTheyBegin(t *testing.T) {
	r := newRig(t, quick)
	second, _ := r.standby(t, 1)
	r.provider.Enqueue(upstreamtest.Error(503, "x", "overloaded", "z"))
	second.Enqueue(pieces(event(chunk1)+event("[DONE]"), 1<<20))
	got := r.do(t, call{body: `{"model":"two","stream":true}`})
	equal(t, "body", got.body, event(chunk1)+event("[DONE]"))
	equal(t, "attempts", len(r.ledger.next(t).Attempts), 2)
	// Once a byte is out there is no other attempt.
	r.provider.Enqueue(cut(pieces(event(chunk1), 1<<20)))
	got = r.do(t, call{body: `{"model":"two","stream":true}`})
	if !strings.Contains(got.body, "upstream_stream_cut") {
		t.Errorf("%q", got.body)
	}
	equal(t, "attempts", len(r.ledger.next(t).Attempts), 1)
}

func TestRetryAfterIsRespected(t *testing.T) {
	r := newRig(t, quick)
	r.endpoint(t, "one", org.ModelEndpointFields{Retries: optional.Of[int64](3), Timeouts: optional.Of(routing.Timeouts{TotalMS: 5000})})
	wait := upstreamtest.Error(429, "tokens", "x", "y")
	wait.Header.Set("Retry-After-Ms", "120")
	r.provider.Enqueue(wait, upstreamtest.JSON(200, chatBody))
	got := r.do(t, call{body: `{"model":"one"}`})
	equal(t, "status", got.StatusCode, 200)
	a := r.ledger.next(t).Attempts
	if len(a) != 2 || a[1].StartMicros-a[0].DurationMicros < 110_000 {
		t.Errorf("attempts %+v", a)
	}
	// One that is longer than the whole request may take is the caller's to wait for.
	for name, change := range map[string]func(http.Header){
		"beyond the total":  func(h http.Header) { h.Set("Retry-After", "6") },
		"beyond any":        func(h http.Header) { h.Set("Retry-After", "1e300") },
		"as a date":         func(h http.Header) { h.Set("Retry-After", time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)) },
		"told not to retry": func(h http.Header) { h.Set("X-Should-Retry", "false") },
	} {
		a := upstreamtest.Error(429, "tokens", "x", "y")
		change(a.Header)
		r.provider.Enqueue(a)
		got := r.do(t, call{body: `{"model":"one"}`})
		equal(t, name, got.StatusCode, 429)
		equal(t, "attempts", len(r.ledger.next(t).Attempts), 1)
	}
	// An account out of money is not asked again.
	r.provider.Enqueue(upstreamtest.Error(429, "insufficient_quota", "insufficient_quota", "y"))
	r.do(t, call{body: `{"model":"one"}`})
	equal(t, "attempts", len(r.ledger.next(t).Attempts), 1)
}

func TestACallerWhoLeavesEndsThePause(t *testing.T) {
	r := newRig(t, quick)
	r.endpoint(t, "one", org.ModelEndpointFields{Retries: optional.Of[int64](3)})
	wait := upstreamtest.Error(503, "tokens", "x", "y")
	wait.Header.Set("Retry-After", "20")
	r.provider.Always(wait)
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		resp, err := r.start(t, call{body: `{"model":"one"}`, ctx: ctx})
		if err == nil {
			resp.Body.Close()
		}
		done <- err
	}()
	r.provider.Next(t).Ended(t)
	leave()
	if err := <-done; err == nil {
		t.Error("it was answered")
	}
	ev := r.ledger.next(t)
	equal(t, "outcome", ev.Outcome, usage.OutcomeClientGone)
	equal(t, "source", ev.Source, "") // it was refused: nothing was consumed
	equal(t, "attempts", len(ev.Attempts), 1)
}

// TestAStormIsNotMultiplied is what a budget is for: everything fails, everybody
// retries, and the providers see hardly more than a fifth on top.
func TestAStormIsNotMultiplied(t *testing.T) {
	r := newRig(t, quick)
	r.endpoint(t, "one", org.ModelEndpointFields{Retries: optional.Of[int64](10)})
	body := upstreamtest.Error(429, "requests", "rate_limit_exceeded", "Slow down.")
	r.provider.Always(body)
	const requests = 300
	var all sync.WaitGroup
	began := time.Now()
	for range 10 {
		all.Go(func() {
			for range requests / 10 {
				got := r.do(t, call{body: `{"model":"one"}`})
				if got.StatusCode != 429 || got.body != string(body.Body) {
					t.Errorf("%d %s", got.StatusCode, got.body)
				}
			}
		})
	}
	all.Wait()
	reserve := 10 + int(time.Since(began)/time.Second) + 1
	sent := len(r.provider.Requests())
	if most := requests + requests/5 + reserve; sent > most || sent < requests+requests/5 {
		t.Errorf("%d requests became %d, want about %d", requests, sent, most)
	}
	attempts := 0
	for range requests {
		attempts += len(r.ledger.next(t).Attempts)
	}
	equal(t, "attempts in the records", attempts, sent)
	r.ledger.balanced(t)
}

func TestAnUpstreamThatFailsIsLeftAlone(t *testing.T) {
	r := newRig(t, quick)
	second, conn := r.standby(t, 1)
	second.Always(upstreamtest.JSON(200, chatBody))
	r.provider.Always(upstreamtest.Error(500, "server_error", "x", "y"))
	for range 12 {
		equal(t, "status", r.do(t, call{body: two}).StatusCode, 200)
	}
	equal(t, "calls to the one that fails", len(r.provider.Requests()), 5)
	for i := range 12 {
		want := 1
		if i < 5 {
			want = 2
		}
		equal(t, "attempts", len(r.ledger.next(t).Attempts), want)
	}
	open := r.Snapshot.Circuits(r.actor.OrganizationID, r.conn.ID)
	if len(open) != 1 || open[0].Model != chatModel || open[0].State != routing.CircuitOpen || open[0].Reason != "500 Internal Server Error" {
		t.Errorf("%+v", open)
	}
	equal(t, "open", r.Snapshot.OpenCircuits(), 1)
	// A change of the control plane forgets nothing of it.
	r.endpoint(t, "another", org.ModelEndpointFields{})
	equal(t, "open", r.Snapshot.OpenCircuits(), 1)
	// It is a last resort when the other fails as well, and when that works again
	// it is back.
	r.provider.Always(upstreamtest.JSON(200, chatBody))
	second.Always(upstreamtest.Error(503, "server_error", "x", "y"))
	equal(t, "last resort", r.do(t, call{body: two}).StatusCode, 200)
	ev := r.ledger.next(t)
	if len(ev.Attempts) != 2 || ev.Attempts[0].ConnectionID != conn.ID || ev.Attempts[1].ConnectionID != r.conn.ID {
		t.Errorf("%+v", ev.Attempts)
	}
	equal(t, "open", r.Snapshot.OpenCircuits(), 0)
}

func TestTheOnlyUpstreamIsAlwaysTried(t *testing.T) {
	r := newRig(t)
	refusal := upstreamtest.Error(503, "server_error", "overloaded", "y")
	r.provider.Always(refusal)
	for range 8 {
		equal(t, "body", r.do(t, call{body: chat("")}).body, string(refusal.Body))
	}
	equal(t, "calls", len(r.provider.Requests()), 8)
	equal(t, "open", r.Snapshot.OpenCircuits(), 1)
}

func TestConnectionsThatServeAModelStandInForEachOther(t *testing.T) {
	r := newRig(t)
	r.connect(t, "dead", org.ConnectionFields{BaseURL: optional.Of(closedPort(t)), Models: optional.Of([]string{"m"})})
	r.connect(t, "alive", org.ConnectionFields{Models: optional.Of([]string{"m"})})
	r.provider.Always(upstreamtest.JSON(200, chatBody))
	for i := range 8 {
		equal(t, "status", r.do(t, call{body: `{"model":"m"}`}).StatusCode, 200)
		if n := len(r.ledger.next(t).Attempts); (n == 2) != (i < 5) {
			t.Errorf("call %d took %d attempts", i, n)
		}
	}
}
