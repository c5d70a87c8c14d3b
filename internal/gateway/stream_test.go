package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"weir/internal/openaiwire"
	"weir/internal/optional"
	"weir/internal/org"
	"weir/internal/upstream/upstreamtest"
	"weir/internal/usage"
)

const (
	chunk1    = `{"id":"c1","object":"chat.completion.chunk","model":"gpt-4o-mini-2024-07-18","service_tier":"default","choices":[{"index":0,"delta":{"role":"assistant","content":"hello"}}],"usage":null}`
	chunk2    = `{"id":"c1","model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`
	usageOnly = `{"id":"c1","model":"gpt-4o-mini-2024-07-18","choices":[],` + chatUsage + `}`
)

var (
	asksForUsage = chat(`,"stream":true,"stream_options":{"include_usage":true}`)
	plainStream  = chat(`,"stream":true`)
)

func event(data string) string { return "data: " + data + "\n\n" }

// pieces cuts a stream into chunks of n bytes.
func pieces(stream string, n int) upstreamtest.Answer {
	var chunks []upstreamtest.Chunk
	for len(stream) > 0 {
		n := min(n, len(stream))
		chunks = append(chunks, upstreamtest.Chunk{Data: []byte(stream[:n])})
		stream = stream[n:]
	}
	return upstreamtest.SSE(chunks...)
}

func TestStreamsGoThroughByteForByte(t *testing.T) {
	hidden := event(usageOnly)
	shown := event(chunk1) + ": a comment\r\n\r\n" + event(chunk2)
	whole := shown + hidden + event("[DONE]")
	for name, stream := range map[string]string{"LF": whole, "CRLF": strings.ReplaceAll(strings.ReplaceAll(whole, "\r\n", "\n"), "\n", "\r\n")} {
		for _, n := range []int{1, 7, 100, 1 << 20} {
			for _, asked := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s %d bytes at a time, asked %v", name, n, asked), func(t *testing.T) {
					r := newRig(t)
					r.provider.Enqueue(pieces(stream, n))
					want, request := stream, asksForUsage
					if !asked {
						request = plainStream
						hiddenHere := hidden
						if name == "CRLF" {
							hiddenHere = strings.ReplaceAll(hidden, "\n", "\r\n")
						}
						want = strings.Replace(stream, hiddenHere, "", 1)
					}
					got := r.do(t, call{body: request, header: http.Header{"Accept-Encoding": {"gzip"}}})
					must(t, got.readErr)
					equal(t, "body", got.body, want)
					up := r.provider.Next(t)
					equal(t, "accept-encoding", up.Header.Get("Accept-Encoding"), "identity")
					if asked {
						equal(t, "what was sent", string(up.Body), asksForUsage)
					} else {
						equal(t, "what was sent", strings.Replace(string(up.Body), `"stream_options":{"include_usage":true},`, "", 1), plainStream)
					}
					ev := r.ledger.next(t)
					equal(t, "quantities", ev.Quantities, chatQuantities)
					equal(t, "source", ev.Source, usage.SourceProvider)
					equal(t, "outcome", ev.Outcome, usage.OutcomeCompleted)
					equal(t, "cost", ev.Cost.String(), chatCost)
					equal(t, "stream", ev.Stream, true)
				})
			}
		}
	}
}

func TestUsageIsNotAskedForWhereUnknown(t *testing.T) {
	r := newRig(t)
	_, _, err := r.org.UpdateConnection(t.Context(), r.actor, r.conn.ID, org.ConnectionFields{NoStreamUsage: optional.Of(true)})
	must(t, err)
	stream := event(chunk1) + event(chunk2) + event("[DONE]")
	r.provider.Enqueue(pieces(stream, 1<<20))
	got := r.do(t, call{body: plainStream})
	equal(t, "body", got.body, stream)
	equal(t, "sent", string(r.provider.Next(t).Body), plainStream)
	ev := r.ledger.next(t)
	equal(t, "source", ev.Source, usage.SourceEstimated)
	equal(t, "output", ev.Quantities.OutputText, openaiwire.EstimateOutput(int64(len("assistanthello")-len("assistant"))))
}

const (
	created   = "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"r1\",\"model\":\"gpt-4o-mini-2024-07-18\"}}\n\n"
	delta     = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":1,\"delta\":\"hello\"}\n\n"
	completed = "event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":2,\"response\":{\"id\":\"r1\",\"model\":\"gpt-4o-mini-2024-07-18\",\"service_tier\":\"default\",\"usage\":{\"input_tokens\":1000,\"input_tokens_details\":{\"cached_tokens\":200},\"output_tokens\":500}}}\n\n"
	responses = `{"model":"gpt-4o-mini","input":"hi","stream":true}`
)

func TestResponsesStream(t *testing.T) {
	r := newRig(t)
	stream := created + delta + completed
	r.provider.Enqueue(pieces(stream, 11))
	got := r.do(t, call{path: "/v1/responses", body: responses})
	equal(t, "body", got.body, stream)
	equal(t, "sent", string(r.provider.Next(t).Body), responses)
	ev := r.ledger.next(t)
	equal(t, "cost", ev.Cost.String(), chatCost)
	equal(t, "outcome", ev.Outcome, usage.OutcomeCompleted)
}

func TestEventsAreNotHeldBack(t *testing.T) {
	r := newRig(t)
	second, end, tail := upstreamtest.NewGate(), upstreamtest.NewGate(), upstreamtest.NewGate()
	r.provider.Enqueue(upstreamtest.SSE(
		upstreamtest.Event(chunk1),
		upstreamtest.Chunk{Data: []byte(event(chunk2)), After: second},
		upstreamtest.Chunk{Data: []byte(event("[DONE]")), After: end},
		upstreamtest.Chunk{Data: []byte(": bye\n\n"), After: tail},
	))
	resp, err := r.start(t, call{body: plainStream})
	must(t, err)
	defer resp.Body.Close()
	in := bufio.NewReader(resp.Body)
	expect := func(want string) {
		t.Helper()
		got := make([]byte, len(want))
		_, err := io.ReadFull(in, got)
		must(t, err)
		equal(t, "event", string(got), want)
	}
	expect(event(chunk1)) // while the provider waits at the gate
	second.Open()
	expect(event(chunk2))
	end.Open()
	expect(event("[DONE]")) // the provider has not closed its stream
	equal(t, "outcome", r.ledger.next(t).Outcome, usage.OutcomeCompleted)
	tail.Open()
	expect(": bye\n\n")
	if _, err := in.ReadByte(); err != io.EOF {
		t.Errorf("after the end: %v", err)
	}
}

func TestHeaderOfAStreamDoesNotWaitForItsFirstEvent(t *testing.T) {
	r := newRig(t)
	gate := upstreamtest.NewGate()
	r.provider.Enqueue(upstreamtest.SSE(upstreamtest.Chunk{}, upstreamtest.Chunk{Data: []byte(event("[DONE]")), After: gate}))
	resp, err := r.start(t, call{body: plainStream})
	must(t, err)
	defer resp.Body.Close()
	equal(t, "status", resp.StatusCode, 200)
	gate.Open()
	raw, err := io.ReadAll(resp.Body)
	must(t, err)
	equal(t, "body", string(raw), event("[DONE]"))
}

func TestTheEndWaitsForTheRecord(t *testing.T) {
	large := embeddings(2 << 20)
	for name, tt := range map[string]struct {
		path, body string
		answer     upstreamtest.Answer
		early      int // bytes that may come before the record
		want       string
	}{
		"stream":    {"", plainStream, pieces(event(chunk1)+event("[DONE]"), 1<<20), len(event(chunk1)), event(chunk1) + event("[DONE]")},
		"responses": {"/v1/responses", responses, pieces(created+completed, 1<<20), len(created), created + completed},
		"unary":     {"", chat(""), upstreamtest.JSON(200, chatBody), 0, chatBody},
		"large":     {"/v1/embeddings", `{"model":"text-embedding-3-small","input":"x"}`, upstreamtest.JSON(200, large), len(large) - 1, large},
		"error":     {"", chat(""), upstreamtest.Error(429, "requests", "rate_limit_exceeded", "slow down"), 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			early := int64(-1)
			r.ledger.onSettle = func() { early = r.wrote.Load() }
			r.provider.Enqueue(tt.answer)
			got := r.do(t, call{path: tt.path, body: tt.body})
			must(t, got.readErr)
			r.ledger.next(t)
			if early < 0 || early > int64(tt.early) {
				t.Errorf("%d bytes were written before the record, %d may be", early, tt.early)
			}
			if tt.want != "" && got.body != tt.want {
				t.Errorf("got %d bytes, want %d", len(got.body), len(tt.want))
			}
		})
	}
}

func TestNoEndWithoutARecord(t *testing.T) {
	large := embeddings(2 << 20)
	for name, tt := range map[string]struct {
		path, body string
		answer     upstreamtest.Answer
		check      func(t *testing.T, got reply)
	}{
		"unary": {"", chat(""), upstreamtest.JSON(200, chatBody), func(t *testing.T, got reply) {
			envelopeOf(t, got, 503, "usage_log_unavailable", "")
			equal(t, "cost", got.Header.Get("X-Weir-Cost"), "")
		}},
		"gzip": {"", chat(""), func() upstreamtest.Answer { a := upstreamtest.JSON(200, chatBody); a.Gzip = true; return a }(), func(t *testing.T, got reply) {
			envelopeOf(t, got, 503, "usage_log_unavailable", "")
		}},
		"error": {"", chat(""), upstreamtest.Error(400, "invalid_request_error", "x", "y"), func(t *testing.T, got reply) {
			envelopeOf(t, got, 503, "usage_log_unavailable", "")
		}},
		"stream": {"", plainStream, pieces(event(chunk1)+event(usageOnly)+event("[DONE]"), 1<<20), func(t *testing.T, got reply) {
			if !strings.HasPrefix(got.body, event(chunk1)+`data: {"error":{`) || strings.Contains(got.body, "[DONE]") || !strings.Contains(got.body, "usage_log_unavailable") {
				t.Errorf("%q", got.body)
			}
		}},
		"responses": {"/v1/responses", responses, pieces(created+completed, 1<<20), func(t *testing.T, got reply) {
			if !strings.HasPrefix(got.body, created+"event: error\ndata: {\"type\":\"error\"") || strings.Contains(got.body, "response.completed") {
				t.Errorf("%q", got.body)
			}
		}},
		"large": {"/v1/embeddings", `{"model":"text-embedding-3-small","input":"x"}`, upstreamtest.JSON(200, large), func(t *testing.T, got reply) {
			if got.readErr == nil || len(got.body) >= len(large) {
				t.Errorf("%d bytes of %d, %v", len(got.body), len(large), got.readErr)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.ledger.failSettle = true
			r.provider.Enqueue(tt.answer)
			tt.check(t, r.do(t, call{path: tt.path, body: tt.body, header: http.Header{"Accept-Encoding": {"gzip"}}}))
		})
	}
}
