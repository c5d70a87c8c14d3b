package upstreamtest

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// Answer is one scripted response. The zero Answer is an empty 200.
type Answer struct {
	Status  int // 0: 200
	Header  http.Header
	Body    []byte  // sent first, in one piece; with a Content-Length when it is all there is
	Chunks  []Chunk // sent one by one, each flushed
	Trailer http.Header

	Gzip      bool // compress what is sent, flushing after every chunk
	Immediate bool // answer before reading the request body
	Cut       bool // drop the connection at the end; with nothing else set, before any answer

	Before  *Gate // held before the status line
	Finally *Gate // held after the last chunk, before the clean end or the cut
}

// Chunk is one piece of a streamed answer.
type Chunk struct {
	Data  []byte
	After *Gate // held before this chunk; nil: at once
}

// Gate is a point in an answer where the server waits until the test opens it.
type Gate struct {
	once    sync.Once
	reached sync.Once
	open    chan struct{}
	there   chan struct{}
}

// NewGate returns a closed gate.
func NewGate() *Gate { return &Gate{open: make(chan struct{}), there: make(chan struct{})} }

// Open lets the answer go on, now and for every later answer at this gate.
func (g *Gate) Open() { g.once.Do(func() { close(g.open) }) }

// Reached waits until an answer has come to the gate: everything before it was
// flushed.
func (g *Gate) Reached(tb testing.TB) {
	tb.Helper()
	await(tb, g.there, "an answer to reach the gate")
}

// wait reports whether the gate was opened; false when the caller hung up or
// the server stopped first.
func (g *Gate) wait(ctx context.Context) bool {
	if g == nil {
		return true
	}
	g.reached.Do(func() { close(g.there) })
	select {
	case <-g.open:
		return true
	case <-ctx.Done():
		return false
	}
}

// JSON is a whole JSON answer.
func JSON(status int, body string) Answer {
	return Answer{
		Status: status,
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   []byte(body),
	}
}

// Error is a refusal in OpenAI's envelope.
func Error(status int, kind, code, message string) Answer {
	body, err := json.Marshal(map[string]any{
		"error": map[string]any{"message": message, "type": kind, "param": nil, "code": code},
	})
	if err != nil {
		panic(err) // strings always marshal
	}
	return JSON(status, string(body))
}

// Models is the answer to GET /v1/models.
func Models(ids ...string) Answer {
	type model struct {
		ID      string `json:"id"`
		Object  string `json:"object"`
		Created int64  `json:"created"`
		OwnedBy string `json:"owned_by"`
	}
	list := struct {
		Object string  `json:"object"`
		Data   []model `json:"data"`
	}{Object: "list", Data: make([]model, 0, len(ids))}
	for _, id := range ids {
		list.Data = append(list.Data, model{id, "model", 1_700_000_000, "upstreamtest"})
	}
	body, err := json.Marshal(list)
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	return JSON(http.StatusOK, string(body))
}

// Done is the event that ends a chat completion's stream.
const Done = "[DONE]"

// Event is one server-sent event without a name, as chat completions stream
// them.
func Event(data string) Chunk { return Chunk{Data: []byte("data: " + data + "\n\n")} }

// NamedEvent is one server-sent event with a name, as responses stream them.
func NamedEvent(name, data string) Chunk {
	return Chunk{Data: []byte("event: " + name + "\ndata: " + data + "\n\n")}
}

// SSE is a streamed answer of these chunks. Nothing is added: a stream that is
// to end well ends with Event(Done).
func SSE(chunks ...Chunk) Answer {
	return Answer{Header: http.Header{"Content-Type": {"text/event-stream; charset=utf-8"}}, Chunks: chunks}
}

// Text is everything the chunks say, for comparison with what arrived.
func Text(chunks []Chunk) string {
	var b strings.Builder
	for _, chunk := range chunks {
		b.Write(chunk.Data)
	}
	return b.String()
}
