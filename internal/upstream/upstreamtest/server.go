// Package upstreamtest is a provider that does as it is told: tests script its
// answers, down to when each chunk goes out, and read every request it got.
//
// Nothing here sleeps. A test that needs to be between two chunks uses a Gate.
package upstreamtest

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds every wait of the test's side: a test that would hang fails.
const patience = 20 * time.Second

// Request is one request as it arrived.
type Request struct {
	Method   string
	Path     string // escaped, with the /v1 of Server.URL
	RawQuery string
	Header   http.Header
	Host     string
	Body     []byte // raw; what was read, if the answer was Immediate or the caller broke off
	BodyErr  error  // why reading the body stopped early; nil when it was read whole

	ended chan struct{}
	gone  bool // valid once ended is closed
}

// Ended waits until the exchange is over and reports whether the caller hung
// up before the script was through.
func (r *Request) Ended(tb testing.TB) (gone bool) {
	tb.Helper()
	await(tb, r.ended, "the end of "+r.Method+" "+r.Path)
	return r.gone
}

// Server is the fake provider. Its answers come from, in this order: the queue
// (Enqueue), the routes (Handle), the fallback (Always), else 404.
type Server struct {
	http *httptest.Server
	stop context.CancelFunc // releases every gate that is still waited at

	mu       sync.Mutex
	queue    []Answer
	routes   map[string]Answer
	fallback *Answer
	requests []*Request
	arrived  chan struct{} // closed and replaced when a request arrives
	taken    int           // requests handed out by Next
}

// New starts a server on a free loopback port. It is stopped when the test
// ends, which also hangs up on exchanges that still run.
func New(tb testing.TB) *Server {
	tb.Helper()
	s := start()
	s.http.Start()
	tb.Cleanup(s.close)
	return s
}

// NewTLS is New with TLS and HTTP/2. Clients trust HTTP().Certificate().
func NewTLS(tb testing.TB) *Server {
	tb.Helper()
	s := start()
	s.http.EnableHTTP2 = true
	s.http.StartTLS()
	tb.Cleanup(s.close)
	return s
}

func start() *Server {
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{stop: stop, routes: make(map[string]Answer), arrived: make(chan struct{})}
	s.http = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	s.http.Config.BaseContext = func(net.Listener) context.Context { return ctx }
	return s
}

func (s *Server) close() {
	s.stop()
	s.http.CloseClientConnections()
	s.http.Close()
}

// URL is the base URL of the provider; it ends in /v1.
func (s *Server) URL() string { return s.http.URL + "/v1" }

// HTTP is the server itself: its certificate, its listener.
func (s *Server) HTTP() *httptest.Server { return s.http }

// Enqueue adds answers for the next requests, whatever they ask.
func (s *Server) Enqueue(answers ...Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, answers...)
}

// Handle answers every request of method and path ("/v1/models") with a.
func (s *Server) Handle(method, path string, a Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.routes[method+" "+path] = a
}

// Always answers everything that nothing else answers.
func (s *Server) Always(a Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fallback = &a
}

// Requests returns the requests so far, in order of arrival. A request is
// listed once its body was read (Immediate: once its head was).
func (s *Server) Requests() []*Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*Request(nil), s.requests...)
}

// Next returns the first request not yet returned by Next, waiting for it.
func (s *Server) Next(tb testing.TB) *Request {
	tb.Helper()
	for {
		s.mu.Lock()
		if s.taken < len(s.requests) {
			r := s.requests[s.taken]
			s.taken++
			s.mu.Unlock()
			return r
		}
		arrived := s.arrived
		s.mu.Unlock()
		await(tb, arrived, "a request")
	}
}

func (s *Server) record(r *Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
	close(s.arrived)
	s.arrived = make(chan struct{})
}

func (s *Server) answerTo(r *http.Request) Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) > 0 {
		a := s.queue[0]
		s.queue = s.queue[1:]
		return a
	}
	if a, ok := s.routes[r.Method+" "+r.URL.Path]; ok {
		return a
	}
	if s.fallback != nil {
		return *s.fallback
	}
	return Error(http.StatusNotFound, "invalid_request_error", "unknown_url", "Nothing is scripted for "+r.Method+" "+r.URL.Path+".")
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	rec := &Request{
		Method: r.Method, Path: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery,
		Header: r.Header.Clone(), Host: r.Host, ended: make(chan struct{}),
	}
	a := s.answerTo(r)
	if !a.Immediate {
		rec.Body, rec.BodyErr = io.ReadAll(r.Body)
	}
	s.record(rec)
	defer func() {
		rec.gone = rec.gone || r.Context().Err() != nil
		close(rec.ended)
	}()
	rec.gone = !a.write(w, r)
	if a.Cut {
		panic(http.ErrAbortHandler)
	}
	if a.Immediate {
		rec.Body, rec.BodyErr = io.ReadAll(r.Body)
	}
}

// write sends the scripted answer and reports whether all of it went out.
func (a Answer) write(w http.ResponseWriter, r *http.Request) bool {
	control := http.NewResponseController(w)
	if a.Immediate {
		// HTTP/1 would otherwise read the body before it answers; HTTP/2
		// always could, and says it does not need to be told.
		_ = control.EnableFullDuplex()
	}
	if !a.Before.wait(r.Context()) {
		return false
	}
	chunks := a.Chunks
	if a.Body != nil {
		chunks = append([]Chunk{{Data: a.Body}}, chunks...)
	}
	if a.Cut && len(chunks) == 0 && a.Status == 0 {
		return true // cut before anything was said
	}
	header := w.Header()
	for name, values := range a.Header {
		header[http.CanonicalHeaderKey(name)] = values
	}
	for name := range a.Trailer {
		header.Add("Trailer", name)
	}
	if a.Gzip {
		header.Set("Content-Encoding", "gzip")
	}
	if a.Body != nil && len(a.Chunks) == 0 && !a.Gzip && !a.Cut && len(a.Trailer) == 0 {
		header.Set("Content-Length", strconv.Itoa(len(a.Body)))
	}
	w.WriteHeader(max(a.Status, http.StatusOK))

	out, flush := io.Writer(w), control.Flush
	if a.Gzip {
		zip := gzip.NewWriter(w)
		out = zip
		flush = func() error {
			if err := zip.Flush(); err != nil {
				return err
			}
			return control.Flush()
		}
		defer func() {
			if !a.Cut {
				_ = zip.Close() // the caller being gone is reported by the chunks
			}
		}()
	}
	if len(chunks) == 0 && (a.Cut || a.Immediate) {
		if control.Flush() != nil {
			return false
		}
	}
	for _, chunk := range chunks {
		if !chunk.After.wait(r.Context()) {
			return false
		}
		if _, err := out.Write(chunk.Data); err != nil {
			return false
		}
		if flush() != nil {
			return false
		}
	}
	for name, values := range a.Trailer {
		header[http.CanonicalHeaderKey(name)] = values
	}
	return a.Finally.wait(r.Context())
}

// Gunzip returns the content of a gzip body that went through unchanged.
func Gunzip(tb testing.TB, body []byte) []byte {
	tb.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		tb.Fatalf("not gzip: %v", err)
	}
	plain, err := io.ReadAll(zip)
	if err != nil {
		tb.Fatalf("gzip: %v", err)
	}
	return plain
}

// Credential is the key a request came with: its bearer token or api-key.
func (r *Request) Credential() string {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return token
	}
	return r.Header.Get("Api-Key")
}

func await(tb testing.TB, done <-chan struct{}, what string) {
	tb.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		tb.Fatalf("upstreamtest: waited %s for %s", patience, what)
	}
}
