package gateway

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"weir/internal/usage"
)

// canned is a provider in process that answers everything the same way, in
// pieces of its own.
type canned struct {
	kind   string
	pieces [][]byte
}

// RoundTrip implements http.RoundTripper.
func (c *canned) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		_, _ = io.Copy(io.Discard, req.Body) // it is in memory
		req.Body.Close()
	}
	return &http.Response{
		StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, ContentLength: -1, Request: req,
		Header: http.Header{"Content-Type": {c.kind}, "X-Request-Id": {"req_up"}, "Openai-Processing-Ms": {"12"}, "Date": {"Mon, 01 Jan 2024 00:00:00 GMT"}},
		Body:   &piecewise{pieces: c.pieces},
	}, nil
}

// piecewise reads one piece at a time.
type piecewise struct {
	pieces [][]byte
	at     int
}

func (p *piecewise) Read(buf []byte) (int, error) {
	if len(p.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(buf, p.pieces[0][p.at:])
	if p.at += n; p.at == len(p.pieces[0]) {
		p.pieces, p.at = p.pieces[1:], 0
	}
	return n, nil
}

func (p *piecewise) Close() error { return nil }

// sink is a ResponseWriter that keeps nothing, or all of it in keep.
type sink struct {
	header http.Header
	status int
	keep   *bytes.Buffer
	before func() // each write; may be nil
}

func (s *sink) Header() http.Header    { return s.header }
func (s *sink) WriteHeader(status int) { s.status = status }
func (s *sink) FlushError() error      { return nil }
func (s *sink) Flush()                 {}

func (s *sink) SetReadDeadline(time.Time) error  { return nil }
func (s *sink) SetWriteDeadline(time.Time) error { return nil }

func (s *sink) Write(p []byte) (int, error) {
	if s.before != nil {
		s.before()
	}
	if s.keep != nil {
		s.keep.Write(p)
	}
	return len(p), nil
}

// forgetful is a Recorder that keeps nothing.
type forgetful struct{}

func (forgetful) Open(usage.Event) error   { return nil }
func (forgetful) Settle(usage.Event) error { return nil }

// inProcess is a gateway without any network, in front of a canned provider.
func inProcess(tb testing.TB, provider *canned) *rig {
	return newRig(tb, func(g *Gateway) {
		g.Transport, g.Recorder, g.Logger = provider, forgetful{}, slog.New(slog.DiscardHandler)
	})
}

// chatRequest is a request as a server would hand it over.
func chatRequest(key, body string) *http.Request {
	return &http.Request{
		Method: http.MethodPost, URL: &url.URL{Path: "/v1/chat/completions"}, Host: "weir", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{
			"Authorization": {"Bearer " + key}, "Content-Type": {"application/json"}, "Accept": {"application/json"},
			"User-Agent": {"OpenAI/Python 1.2"}, "Accept-Encoding": {"gzip, deflate"}, "X-Stainless-Lang": {"python"}, "X-Stainless-Os": {"Linux"},
		},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), RemoteAddr: "127.0.0.1:1",
	}
}

// relay sends one request through a handler.
func relay(h http.Handler, key, body string, keep *bytes.Buffer) int {
	w := &sink{header: make(http.Header), keep: keep}
	h.ServeHTTP(w, chatRequest(key, body))
	return w.status
}

const streamChunks = 200

func streamOf(n int) *canned {
	c := &canned{kind: "text/event-stream"}
	for range n {
		c.pieces = append(c.pieces, []byte(event(chunk1)))
	}
	c.pieces = append(c.pieces, []byte(event(usageOnly)+event("[DONE]")))
	return c
}

func unaryAnswer() *canned {
	return &canned{kind: "application/json", pieces: [][]byte{[]byte(chatBody)}}
}

// reference is Go's own reverse proxy in front of the same provider.
func reference(provider *canned) http.Handler {
	return &httputil.ReverseProxy{
		Transport: provider, FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: "provider"}) },
	}
}

func BenchmarkUnary(b *testing.B) {
	provider := unaryAnswer()
	r := inProcess(b, provider)
	for name, h := range map[string]http.Handler{"weir": r.Gateway, "ReverseProxy": reference(provider)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if status := relay(h, r.key, chat(""), nil); status != 200 {
					b.Fatal(status)
				}
			}
		})
	}
}

func BenchmarkUnary64K(b *testing.B) {
	provider := unaryAnswer()
	r := inProcess(b, provider)
	body := strings.Replace(chat(""), "hi", strings.Repeat("lorem ipsum ", 64<<10/12), 1)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if status := relay(r.Gateway, r.key, body, nil); status != 200 {
			b.Fatal(status)
		}
	}
}

func BenchmarkStreamChunk(b *testing.B) {
	provider := streamOf(streamChunks)
	r := inProcess(b, provider)
	for name, h := range map[string]http.Handler{"weir": r.Gateway, "ReverseProxy": reference(provider)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if n%streamChunks == 0 {
					if status := relay(h, r.key, asksForUsage, nil); status != 200 {
						b.Fatal(status)
					}
				}
				n++
			}
		})
	}
}

// TestEverySplitOfAStream cuts a stream in two at every byte, with and without
// a usage chunk to hide.
func TestEverySplitOfAStream(t *testing.T) {
	shown, hidden, end := event(chunk1)+": x\n\n"+event(chunk2), event(usageOnly), event("[DONE]")
	for _, lines := range []string{"\n", "\r\n", "\r"} {
		inLines := func(s string) string { return strings.ReplaceAll(s, "\n", lines) }
		stream := inLines(shown + hidden + end)
		provider := &canned{kind: "text/event-stream"}
		r := inProcess(t, provider)
		for i := range len(stream) {
			provider.pieces = [][]byte{[]byte(stream[:i]), []byte(stream[i:])}
			for request, want := range map[string]string{asksForUsage: stream, plainStream: inLines(shown + end)} {
				var got bytes.Buffer
				relay(r.Gateway, r.key, request, &got)
				if got.String() != want {
					t.Fatalf("cut at %d, lines end with %q:\n got %q\nwant %q", i, lines, got.String(), want)
				}
			}
		}
	}
}
