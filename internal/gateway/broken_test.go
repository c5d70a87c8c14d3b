package gateway

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"weir/internal/openaiwire"
	"weir/internal/optional"
	"weir/internal/org"
	"weir/internal/routing"
	"weir/internal/upstream/upstreamtest"
	"weir/internal/usage"
)

// cut is an answer whose connection breaks at its end.
func cut(a upstreamtest.Answer) upstreamtest.Answer {
	a.Cut = true
	return a
}

func TestACutStreamNeverLooksComplete(t *testing.T) {
	failed := `event: response.failed` + "\n" + `data: {"type":"response.failed","sequence_number":2,"response":{"id":"r1","error":{"code":"server_error"}}}` + "\n\n"
	providersError := event(`{"error":{"message":"overloaded","type":"server_error","param":null,"code":null}}`)
	for name, tt := range map[string]struct {
		path, body string
		answer     upstreamtest.Answer
		begins     string // what comes through
		error      string // what follows begins with; "": nothing follows
		outcome    usage.Outcome
		code       string
		source     usage.Source
	}{
		"cut":               {"", plainStream, cut(pieces(event(chunk1), 1<<20)), event(chunk1), `data: {"error":{"message":`, usage.OutcomeTruncated, "upstream_stream_cut", usage.SourceEstimated},
		"orderly, no DONE":  {"", plainStream, pieces(event(chunk1)+event(usageOnly), 1<<20), event(chunk1), `data: {"error":{"message":`, usage.OutcomeTruncated, "upstream_stream_cut", usage.SourceProvider},
		"within an event":   {"", plainStream, cut(pieces(event(chunk1)+"data: {\"id\"", 1<<20)), event(chunk1), `data: {"error":{"message":`, usage.OutcomeTruncated, "upstream_stream_cut", usage.SourceEstimated},
		"within DONE":       {"", plainStream, pieces(event(chunk1)+"data: [DON", 1<<20), event(chunk1), `data: {"error":{"message":`, usage.OutcomeTruncated, "upstream_stream_cut", usage.SourceEstimated},
		"no blank line":     {"", plainStream, pieces(event(chunk1)+"data: [DONE]", 1<<20), event(chunk1) + "data: [DONE]", "", usage.OutcomeCompleted, "", usage.SourceEstimated},
		"empty":             {"", plainStream, pieces("", 1), "", `data: {"error":{"message":`, usage.OutcomeTruncated, "upstream_stream_cut", usage.SourceEstimated},
		"cut after DONE":    {"", plainStream, cut(pieces(event(chunk1)+event("[DONE]"), 1<<20)), event(chunk1) + event("[DONE]"), "", usage.OutcomeCompleted, "", usage.SourceEstimated},
		"responses":         {"/v1/responses", responses, cut(pieces(created+delta, 1<<20)), created + delta, "event: error\ndata: {\"type\":\"error\",\"code\":\"upstream_stream_cut\"", usage.OutcomeTruncated, "upstream_stream_cut", usage.SourceEstimated},
		"responses failed":  {"/v1/responses", responses, pieces(created+failed, 1<<20), created + failed, "", usage.OutcomeFailed, "upstream_stream_failed", usage.SourceEstimated},
		"provider's error":  {"", plainStream, pieces(event(chunk1)+providersError, 1<<20), event(chunk1) + providersError, "", usage.OutcomeFailed, "upstream_stream_failed", usage.SourceEstimated},
		"error, then a cut": {"", plainStream, cut(pieces(event(chunk1)+providersError, 1<<20)), event(chunk1) + providersError, `data: {"error":{"message":`, usage.OutcomeTruncated, "upstream_stream_cut", usage.SourceEstimated},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.provider.Enqueue(tt.answer)
			got := r.do(t, call{path: tt.path, body: tt.body})
			must(t, got.readErr)
			rest, ok := strings.CutPrefix(got.body, tt.begins)
			if !ok || !strings.HasPrefix(rest, tt.error) || (tt.error == "") != (rest == "") {
				t.Errorf("got %q", got.body)
			}
			if tt.error != "" {
				if strings.Contains(rest, "[DONE]") || !strings.HasSuffix(rest, "}\n\n") || !strings.Contains(rest, got.Header.Get("X-Request-Id")) {
					t.Errorf("the error event: %q", rest)
				}
			}
			if strings.HasPrefix(name, "responses") && tt.error != "" && !strings.Contains(rest, `"sequence_number":2`) {
				t.Errorf("the error event: %q", rest)
			}
			ev := r.ledger.next(t)
			equal(t, "outcome", ev.Outcome, tt.outcome)
			equal(t, "code", ev.ErrorCode, tt.code)
			equal(t, "source", ev.Source, tt.source)
			equal(t, "status", ev.Status, 200)
			if ev.Source == usage.SourceEstimated && (ev.Quantities.InputText == 0 || ev.Cost == nil) {
				t.Errorf("no estimate: %+v", ev)
			}
			if name == "cut" {
				equal(t, "output", ev.Quantities.OutputText, openaiwire.EstimateOutput(5))
			}
			r.ledger.none(t)
		})
	}
}

func TestACutBodyIsAnError(t *testing.T) {
	r := newRig(t)
	short := upstreamtest.JSON(200, chatBody[:40])
	short.Header.Set("Content-Length", "400")
	for name, a := range map[string]upstreamtest.Answer{"chunked": cut(upstreamtest.JSON(200, chatBody)), "short": cut(short)} {
		r.provider.Enqueue(a)
		got := r.do(t, call{body: chat("")})
		envelopeOf(t, got, 502, "upstream_body_cut", "")
		ev := r.ledger.next(t)
		equal(t, name+" outcome", ev.Outcome, usage.OutcomeTruncated)
		equal(t, name+" status", ev.Status, 502)
		equal(t, name+" source", ev.Source, usage.SourceEstimated)
	}
}

func TestACutLargeBodyNeverEndsWell(t *testing.T) {
	r := newRig(t)
	body := embeddings(2 << 20)
	r.provider.Enqueue(cut(upstreamtest.JSON(200, body[:len(body)/4*3])))
	got := r.do(t, call{path: "/v1/embeddings", body: `{"model":"text-embedding-3-small","input":"x"}`})
	if got.StatusCode != 200 || got.readErr == nil || !strings.HasPrefix(body, got.body) {
		t.Fatalf("%d, %d bytes, %v", got.StatusCode, len(got.body), got.readErr)
	}
	ev := r.ledger.next(t)
	equal(t, "outcome", ev.Outcome, usage.OutcomeTruncated)
	equal(t, "code", ev.ErrorCode, "upstream_body_cut")
	equal(t, "source", ev.Source, usage.SourceEstimated)
	r.eventually(t, "the access record", func() bool { return strings.Contains(r.log.String(), ev.ID) })
}

func TestUnreadStreams(t *testing.T) {
	r := newRig(t)
	stream := "event: image_generation.completed\ndata: {\"type\":\"image_generation.completed\"}\n\n"
	r.provider.Enqueue(pieces(stream, 13), cut(pieces(stream, 13)))
	body := `{"prompt":"x","stream":true}`
	got := r.do(t, call{path: "/v1/new_pictures", body: body})
	must(t, got.readErr)
	equal(t, "body", got.body, stream)
	equal(t, "sent", string(r.provider.Next(t).Body), body)
	ev := r.ledger.next(t)
	equal(t, "kind", ev.Kind, usage.Unmetered)
	equal(t, "outcome", ev.Outcome, usage.OutcomeCompleted)

	got = r.do(t, call{path: "/v1/new_pictures", body: body})
	if got.readErr == nil || !strings.HasPrefix(got.body, stream+`data: {"error"`) {
		t.Errorf("a cut stream: %v %q", got.readErr, got.body)
	}
	equal(t, "outcome", r.ledger.next(t).Outcome, usage.OutcomeTruncated)
}

func TestOversizedEvents(t *testing.T) {
	r := newRig(t)
	big := event(`{"choices":[{"index":0,"delta":{"content":"` + strings.Repeat("x", openaiwire.DefaultEventLimit+10) + `"}}]}`)
	stream := big + event(usageOnly) + event("[DONE]")
	r.provider.Enqueue(pieces(stream, 1<<20), cut(pieces(big[:len(big)-2], 1<<20)))
	got := r.do(t, call{body: asksForUsage})
	if got.body != stream {
		t.Errorf("%d bytes of %d", len(got.body), len(stream))
	}
	equal(t, "source", r.ledger.next(t).Source, usage.SourceProvider)
	got = r.do(t, call{body: asksForUsage})
	if _, end, _ := strings.Cut(got.body, "\n\ndata: {\"error\""); end == "" {
		t.Errorf("the error event is part of the event that was cut: …%q", got.body[len(got.body)-300:])
	}
	equal(t, "outcome", r.ledger.next(t).Outcome, usage.OutcomeTruncated)
}

func TestTimeouts(t *testing.T) {
	held := func() *upstreamtest.Gate { return upstreamtest.NewGate() }
	beforeAll := upstreamtest.JSON(200, chatBody)
	beforeAll.Before = held()
	noBody := upstreamtest.SSE(upstreamtest.Chunk{}, upstreamtest.Chunk{Data: []byte("x"), After: held()})
	within := upstreamtest.SSE(upstreamtest.Event(chunk1), upstreamtest.Chunk{Data: []byte("x"), After: held()})
	jsonWithin := within
	jsonWithin.Header = http.Header{"Content-Type": {"application/json"}}
	for name, tt := range map[string]struct {
		timeouts routing.Timeouts
		body     string
		answer   upstreamtest.Answer
		status   int
		stream   bool
	}{
		"first byte":        {routing.Timeouts{FirstByteMS: 30}, "", beforeAll, 504, false},
		"first body byte":   {routing.Timeouts{IdleMS: 30}, `,"stream":true`, noBody, 200, true},
		"idle, stream":      {routing.Timeouts{IdleMS: 30}, `,"stream":true`, within, 200, true},
		"idle, unary":       {routing.Timeouts{IdleMS: 30}, "", jsonWithin, 504, false},
		"total":             {routing.Timeouts{TotalMS: 30}, "", beforeAll, 504, false},
		"total, stream":     {routing.Timeouts{TotalMS: 400}, `,"stream":true`, within, 200, true},
		"total, unary body": {routing.Timeouts{TotalMS: 400}, "", jsonWithin, 504, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.endpoint(t, "timed", org.ModelEndpointFields{Timeouts: optional.Of(tt.timeouts)})
			r.provider.Enqueue(tt.answer)
			got := r.do(t, call{body: `{"model":"timed","messages":[]` + tt.body + `}`})
			equal(t, "status", got.StatusCode, tt.status)
			if tt.stream {
				if !strings.Contains(got.body, `data: {"error":{`) || strings.Contains(got.body, "[DONE]") {
					t.Errorf("%q", got.body)
				}
			} else {
				envelopeOf(t, got, 504, "upstream_timeout", "")
			}
			if gone := r.provider.Next(t).Ended(t); !gone {
				t.Error("the provider was left to work on")
			}
			ev := r.ledger.next(t)
			equal(t, "source", ev.Source, usage.SourceEstimated)
			equal(t, "recorded", ev.Status, tt.status)
		})
	}
}

// closedPort is an address where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, l.Close())
	return "http://" + l.Addr().String() + "/v1"
}

func TestUnreachableProviders(t *testing.T) {
	r := newRig(t)
	dead := r.connect(t, "dead", org.ConnectionFields{BaseURL: optional.Of(closedPort(t)), Models: optional.Of([]string{"dead-model"}), APIKey: optional.Of(providerKey)})
	got := r.do(t, call{body: `{"model":"dead-model"}`})
	envelopeOf(t, got, 502, "upstream_unreachable", "")
	if !strings.Contains(got.body, dead.ID) || !strings.Contains(got.body, "connection refused") || !strings.Contains(got.body, got.Header.Get("X-Request-Id")) {
		t.Errorf("the message names neither upstream nor request: %s", got.body)
	}
	ev := r.ledger.next(t)
	equal(t, "outcome", ev.Outcome, usage.OutcomeFailed)
	equal(t, "source", ev.Source, "") // nothing was sent: nothing was consumed
	equal(t, "attempt", ev.Attempts[0].Error, "connection refused")

	r.endpoint(t, "two", org.ModelEndpointFields{Upstreams: optional.Of([]routing.Upstream{
		{ConnectionID: dead.ID, Model: "a", Priority: 1, Weight: 1}, {ConnectionID: r.conn.ID, Model: chatModel, Priority: 2, Weight: 1},
	})})
	r.provider.Enqueue(upstreamtest.JSON(200, chatBody))
	got = r.do(t, call{body: `{"model":"two"}`})
	equal(t, "body", got.body, chatBody)
	equal(t, "sent", string(r.provider.Next(t).Body), `{"model":"gpt-4o-mini"}`)
	ev = r.ledger.next(t)
	if len(ev.Attempts) != 2 || ev.Attempts[0].ConnectionID != dead.ID || ev.Attempts[0].Model != "a" || ev.Attempts[1].Status != 200 || ev.ConnectionID != r.conn.ID {
		t.Errorf("attempts: %+v", ev.Attempts)
	}
}

func TestNothingIsSentTwice(t *testing.T) {
	r := newRig(t)
	other := r.connect(t, "other", org.ConnectionFields{Models: optional.Of([]string{"other"})})
	r.endpoint(t, "two", org.ModelEndpointFields{Retries: optional.Of[int64](0), Upstreams: optional.Of([]routing.Upstream{
		{ConnectionID: r.conn.ID, Model: chatModel, Priority: 1, Weight: 1}, {ConnectionID: other.ID, Model: chatModel, Priority: 2, Weight: 1},
	})})
	header := http.Header{"Idempotency-Key": {"k"}}
	// The connection is reused: the transport would send again what it takes
	// for safe to.
	r.provider.Enqueue(upstreamtest.JSON(200, chatBody))
	r.do(t, call{body: `{"model":"two"}`, header: header})
	r.ledger.next(t)
	for name, a := range map[string]upstreamtest.Answer{
		"cut": {Cut: true}, "500": upstreamtest.Error(500, "server_error", "x", "y"), "429": upstreamtest.Error(429, "requests", "x", "y"),
	} {
		before := len(r.provider.Requests())
		r.provider.Enqueue(a)
		got := r.do(t, call{body: `{"model":"two"}`, header: header})
		ev := r.ledger.next(t)
		equal(t, name+" requests", len(r.provider.Requests())-before, 1)
		equal(t, name+" attempts", len(ev.Attempts), 1)
		if name == "cut" {
			envelopeOf(t, got, 502, "upstream_unreachable", "")
			equal(t, "source", ev.Source, usage.SourceEstimated) // it may have worked
		} else {
			equal(t, "source", ev.Source, "") // it refused
		}
	}
}

func TestRedirectsAreNotPassedOn(t *testing.T) {
	r := newRig(t)
	for _, status := range []int{301, 302, 303, 307, 308} {
		r.provider.Enqueue(upstreamtest.Answer{Status: status, Header: http.Header{"Location": {"https://elsewhere.example/"}}})
		got := r.do(t, call{body: chat("")})
		envelopeOf(t, got, 502, "upstream_redirect", "")
		equal(t, "location", got.Header.Get("Location"), "")
		equal(t, "outcome", r.ledger.next(t).Outcome, usage.OutcomeFailed)
	}
	equal(t, "requests", len(r.provider.Requests()), 5)
}

func TestAnUnusableConnection(t *testing.T) {
	r := newRig(t)
	r.Vault = openerFunc(func(routing.Sealed, string) ([]byte, error) { return nil, errDisk })
	got := r.do(t, call{body: chat("")})
	envelopeOf(t, got, 503, "connection_unusable", "")
	if strings.Contains(got.body, errDisk.Error()) || !strings.Contains(r.log.String(), errDisk.Error()) {
		t.Errorf("the cause belongs in the log, not in %s", got.body)
	}
	equal(t, "outcome", r.ledger.next(t).Outcome, usage.OutcomeFailed)
	r.ledger.balanced(t)
}

type openerFunc func(routing.Sealed, string) ([]byte, error)

func (f openerFunc) Open(sealed routing.Sealed, place string) ([]byte, error) {
	return f(sealed, place)
}

// eventually waits until something that happens after an answer has happened.
func (r *rig) eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
