package upstreamtest

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func send(t *testing.T, ctx context.Context, s *Server, body io.Reader) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL()+"/chat/completions?a=b", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer sk-1")
	tr := &http.Transport{DisableCompression: true}
	t.Cleanup(tr.CloseIdleConnections)
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func TestQueueThenRoutesThenFallback(t *testing.T) {
	s := New(t)
	s.Enqueue(JSON(201, `1`))
	s.Handle("POST", "/v1/chat/completions", JSON(202, `2`))
	s.Always(JSON(203, `3`))
	if got := send(t, t.Context(), s, strings.NewReader("x")).StatusCode; got != 201 {
		t.Error(got)
	}
	if got := send(t, t.Context(), s, strings.NewReader("x")).StatusCode; got != 202 {
		t.Error(got)
	}
	r := s.Next(t)
	if r.Method != "POST" || r.Path != "/v1/chat/completions" || r.RawQuery != "a=b" || string(r.Body) != "x" || r.Credential() != "sk-1" {
		t.Errorf("%+v", r)
	}
	if r.Ended(t) {
		t.Error("a whole exchange counts as hung up")
	}
}

func TestGatesHoldChunksBack(t *testing.T) {
	s := New(t)
	gate := NewGate()
	s.Always(SSE(Event("1"), Chunk{Data: Event("2").Data, After: gate}, Event(Done)))
	resp := send(t, t.Context(), s, nil)
	lines := bufio.NewReader(resp.Body)
	if line, err := lines.ReadString('\n'); err != nil || line != "data: 1\n" {
		t.Fatalf("%q, %v", line, err)
	}
	gate.Reached(t)
	gate.Open()
	rest, err := io.ReadAll(lines)
	if err != nil || string(rest) != "\ndata: 2\n\ndata: [DONE]\n\n" {
		t.Fatalf("%q, %v", rest, err)
	}
}

func TestHangUpIsSeen(t *testing.T) {
	s := New(t)
	s.Always(SSE(Event("1"), Chunk{Data: Event("2").Data, After: NewGate()}))
	ctx, cancel := context.WithCancel(t.Context())
	send(t, ctx, s, strings.NewReader("x"))
	r := s.Next(t)
	cancel()
	if !r.Ended(t) {
		t.Error("the hang-up was not noticed")
	}
}

func TestCutIsNotACleanEnd(t *testing.T) {
	s := New(t)
	a := SSE(Event("1"))
	a.Cut = true
	s.Always(a)
	resp := send(t, t.Context(), s, nil)
	body, err := io.ReadAll(resp.Body)
	if !errors.Is(err, io.ErrUnexpectedEOF) || string(body) != "data: 1\n\n" {
		t.Fatalf("%q, %v", body, err)
	}
}

func TestImmediateAnswersBeforeTheBody(t *testing.T) {
	s := New(t)
	a := SSE(Event("1"), Event(Done))
	a.Immediate = true
	s.Always(a)
	body, feed := io.Pipe()
	resp := send(t, t.Context(), s, body) // returns although no byte of the body was sent
	first := make([]byte, len("data: 1\n\n"))
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "data: 1\n\n" {
		t.Fatalf("%q, %v", first, err)
	}
	if _, err := feed.Write([]byte("late")); err != nil {
		t.Fatal(err)
	}
	if err := feed.Close(); err != nil {
		t.Fatal(err)
	}
	r := s.Next(t)
	r.Ended(t)
	if string(r.Body) != "late" || r.BodyErr != nil {
		t.Errorf("%q, %v", r.Body, r.BodyErr)
	}
}

func TestGzipFlushesChunkByChunkAndTrailersFollow(t *testing.T) {
	s := New(t)
	a := SSE(Event("1"), Event(Done))
	a.Gzip = true
	a.Trailer = http.Header{"X-End": {"yes"}}
	s.Always(a)
	resp := send(t, t.Context(), s, nil)
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(Gunzip(t, body)); got != Text(a.Chunks) {
		t.Errorf("%q", got)
	}
	if resp.Trailer.Get("X-End") != "yes" {
		t.Errorf("trailer %v", resp.Trailer)
	}
}
