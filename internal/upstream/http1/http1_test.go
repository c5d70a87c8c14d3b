package http1

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func transport(t testing.TB) *Transport {
	tr := &Transport{
		Dial: (&net.Dialer{}).DialContext, HandshakeTimeout: 10 * time.Second,
		IdleTimeout: time.Minute, MaxIdlePerHost: 16, MaxResponseHeader: 64 << 10,
	}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// provider is a server that counts its connections.
func provider(t testing.TB, h http.HandlerFunc) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	var opened atomic.Int32
	s := httptest.NewUnstartedServer(h)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s, &opened
}

// raw is a server that says what it is told to each connection.
func raw(t testing.TB, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serve(c)
			c.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

func request(t testing.TB, ctx context.Context, method, url, body string) *http.Request {
	t.Helper()
	var from io.Reader
	if body != "" {
		from = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, from)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// whole sends a request and reads the answer to its end.
func whole(t testing.TB, rt http.RoundTripper, req *http.Request) (*http.Response, string) {
	t.Helper()
	response, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func TestARequestArrivesAsItIs(t *testing.T) {
	s, _ := provider(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %d %v %q", r.Method, r.RequestURI, r.Host, r.ContentLength, r.Header, body)
	})
	tr := transport(t)
	host := strings.TrimPrefix(s.URL, "http://")
	for _, tt := range []struct{ method, body, want string }{
		{"POST", "hello", "POST /a%2Fb?q=1 " + host + ` 5 map[Content-Length:[5] X-Two:[a b]] "hello"`},
		{"POST", "", "POST /a%2Fb?q=1 " + host + ` 0 map[Content-Length:[0] X-Two:[a b]] ""`},
		{"GET", "", "GET /a%2Fb?q=1 " + host + ` 0 map[X-Two:[a b]] ""`},
		{"DELETE", "", "DELETE /a%2Fb?q=1 " + host + ` 0 map[X-Two:[a b]] ""`},
	} {
		req := request(t, t.Context(), tt.method, s.URL+"/a%2Fb?q=1", tt.body)
		req.Header = http.Header{"X-Two": {"a", "b"}, "Connection": {"close"}, "Content-Length": {"77"}, "Transfer-Encoding": {"chunked"}}
		if _, got := whole(t, tr, req); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func TestWhatCannotBeSentIsRefused(t *testing.T) {
	s, opened := provider(t, func(http.ResponseWriter, *http.Request) {})
	tr := transport(t)
	for name, spoil := range map[string]func(*http.Request){
		"a line break in a value": func(r *http.Request) { r.Header.Set("X", "secret\r\nY: z") },
		"a blank in a name":       func(r *http.Request) { r.Header["X Y"] = []string{"z"} },
		"an unknown length":       func(r *http.Request) { r.ContentLength = -1 },
		"a length and no body":    func(r *http.Request) { r.Body = nil },
		"a body and no length":    func(r *http.Request) { r.ContentLength = 0 },
		"another scheme":          func(r *http.Request) { r.URL.Scheme = "ftp" },
		"no host":                 func(r *http.Request) { r.URL.Host = "" },
	} {
		req := request(t, t.Context(), "POST", s.URL, "hello")
		spoil(req)
		response, err := tr.RoundTrip(req)
		if err == nil {
			response.Body.Close()
			t.Errorf("%s was sent", name)
			continue
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error shows the value: %v", name, err)
		}
	}
	if n := opened.Load(); n != 0 {
		t.Errorf("%d connections were opened", n)
	}
}

func TestAConnectionIsKept(t *testing.T) {
	s, opened := provider(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		switch r.URL.Path {
		case "/none":
			w.WriteHeader(http.StatusNoContent)
		case "/chunks":
			for range 3 {
				io.WriteString(w, "piece")
				w.(http.Flusher).Flush()
			}
		case "/close":
			w.Header().Set("Connection", "close")
		default:
			io.WriteString(w, "whole")
		}
	})
	tr := transport(t)
	for _, step := range []struct {
		method, path, body, want string
		opened                   int32
	}{
		{"POST", "/", "x", "whole", 1},
		{"GET", "/none", "", "", 1},
		{"GET", "/chunks", "", "piecepiecepiece", 1},
		{"HEAD", "/", "", "", 1},
		{"POST", "/", strings.Repeat("x", 3*inline), "whole", 1},
		{"GET", "/close", "", "", 1},
		{"GET", "/", "", "whole", 2},
	} {
		if _, got := whole(t, tr, request(t, t.Context(), step.method, s.URL+step.path, step.body)); got != step.want {
			t.Errorf("%s %s: %q", step.method, step.path, got)
		}
		if n := opened.Load(); n != step.opened {
			t.Fatalf("%s %s: %d connections, want %d", step.method, step.path, n, step.opened)
		}
	}
}

// A provider closes connections that were idle for long. That is no reason to
// fail a call, nor to send it twice.
func TestAConnectionThatWasClosedMeanwhileIsNotUsed(t *testing.T) {
	var served atomic.Int32
	s, opened := provider(t, func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		io.Copy(w, r.Body)
	})
	tr := transport(t)
	whole(t, tr, request(t, t.Context(), "POST", s.URL, "one"))
	kept := tr.idle[place{host: strings.TrimPrefix(s.URL, "http://")}][0]
	s.CloseClientConnections()
	if _, err := kept.in.Peek(1); !errors.Is(err, io.EOF) { // until the end has arrived
		t.Fatal(err)
	}
	kept.in.Reset(kept)
	if _, got := whole(t, tr, request(t, t.Context(), "POST", s.URL, "two")); got != "two" || served.Load() != 2 || opened.Load() != 2 {
		t.Errorf("%q, %d calls served on %d connections", got, served.Load(), opened.Load())
	}
}

// What a provider says unasked is no answer to the next request.
func TestBytesAfterAnAnswerAreNoAnswer(t *testing.T) {
	for _, with := range []string{"at once", "later"} {
		t.Run(with, func(t *testing.T) {
			said, smuggled := make(chan struct{}, 4), make(chan struct{})
			url := raw(t, func(c net.Conn) {
				if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
					return
				}
				const more = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"
				answer := "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright"
				if with == "at once" {
					answer += more
				}
				io.WriteString(c, answer)
				if with == "later" {
					<-smuggled
					io.WriteString(c, more)
				}
				said <- struct{}{}
				_, _ = c.Read(make([]byte, 1)) // the other side closes it
			})
			tr := transport(t)
			for range 2 {
				if _, got := whole(t, tr, request(t, t.Context(), "GET", url, "")); got != "right" {
					t.Errorf("answered %q", got)
				}
				if with == "later" {
					smuggled <- struct{}{}
				}
				<-said
			}
			tr.CloseIdleConnections()
		})
	}
}

func TestABodyThatWasNotReadTakesItsConnectionAlong(t *testing.T) {
	s, opened := provider(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 1<<20)) })
	tr := transport(t)
	for range 2 {
		response, err := tr.RoundTrip(request(t, t.Context(), "GET", s.URL, ""))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if n, err := response.Body.Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, io.EOF) {
			t.Errorf("a closed body is read: %d, %v", n, err)
		}
	}
	if n := opened.Load(); n != 2 {
		t.Errorf("%d connections", n)
	}
}

var errEnough = errors.New("enough")

// Cancelling ends the exchange wherever it stands, and the provider notices.
func TestCancelling(t *testing.T) {
	asked, gone := make(chan struct{}, 2), make(chan struct{}, 2)
	s, _ := provider(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		asked <- struct{}{}
		if r.URL.Path == "/body" {
			io.WriteString(w, "begun")
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
		gone <- struct{}{}
	})
	tr := transport(t)
	t.Run("before the answer", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() {
			<-asked
			cancel(errEnough)
		}()
		response, err := tr.RoundTrip(request(t, ctx, "POST", s.URL+"/", "x"))
		if err == nil {
			response.Body.Close()
		}
		if !errors.Is(err, errEnough) {
			t.Error(err)
		}
		<-gone
	})
	t.Run("within the body", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		response, err := tr.RoundTrip(request(t, ctx, "POST", s.URL+"/body", "x"))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if _, err := io.ReadFull(response.Body, make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
		cancel(errEnough)
		if _, err := response.Body.Read(make([]byte, 1)); !errors.Is(err, errEnough) {
			t.Error(err)
		}
		<-gone
	})
	t.Run("within a large body of the request", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		url := raw(t, func(c net.Conn) {
			_, _ = io.CopyN(io.Discard, c, 10) // and no more
			cancel(errEnough)
			<-gone
		})
		closed := &closing{Reader: strings.NewReader(strings.Repeat("x", 64<<20))}
		req := request(t, ctx, "POST", url, "x")
		req.Body, req.ContentLength, req.GetBody = closed, 64<<20, nil
		response, err := tr.RoundTrip(req)
		if err == nil {
			response.Body.Close()
		}
		if !errors.Is(err, errEnough) || !closed.closed.Load() {
			t.Error(err, closed.closed.Load())
		}
		gone <- struct{}{}
	})
}

type closing struct {
	io.Reader
	closed atomic.Bool
}

func (c *closing) Close() error { c.closed.Store(true); return nil }

// A provider may refuse a large request without reading it.
func TestAnEarlyRefusalIsHeard(t *testing.T) {
	for name, size := range map[string]int{"written inline": inline, "written beside": 32 << 20} {
		t.Run(name, func(t *testing.T) {
			url := raw(t, func(c net.Conn) {
				if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
					t.Error(err)
				}
				io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlarge")
				_ = c.(*net.TCPConn).CloseWrite()
				_, _ = io.CopyN(io.Discard, c, 1<<20) // polite, as servers are, to a degree
			})
			response, got := whole(t, transport(t), request(t, t.Context(), "POST", url, strings.Repeat("x", size)))
			if response.StatusCode != 413 || got != "large" {
				t.Errorf("%d %q", response.StatusCode, got)
			}
		})
	}
}

// A provider that answers while it still reads gets all of the request.
func TestALargeBodyIsWrittenWhileTheAnswerIsRead(t *testing.T) {
	s, _ := provider(t, func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
			t.Error(err)
		}
		io.Copy(w, r.Body)
	})
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	req := request(t, t.Context(), "POST", s.URL, string(sent))
	if _, got := whole(t, transport(t), req); got != string(sent) {
		t.Errorf("%d bytes came back of %d", len(got), len(sent))
	}
}

func TestNothingIsSentTwice(t *testing.T) {
	var served atomic.Int32
	s, _ := provider(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if served.Add(1) > 1 {
			panic(http.ErrAbortHandler)
		}
	})
	tr := transport(t)
	whole(t, tr, request(t, t.Context(), "POST", s.URL, "x"))
	req := request(t, t.Context(), "POST", s.URL, "x")
	req.Header.Set("Idempotency-Key", "1")
	response, err := tr.RoundTrip(req)
	if err == nil {
		response.Body.Close()
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) || served.Load() != 2 {
		t.Errorf("%v, served %d times", err, served.Load())
	}
}

func TestConnectionsThatCannotBeOpened(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }))
	s.Config.ErrorLog = nil
	t.Cleanup(s.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	l.Close()
	tr := transport(t)
	for name, url := range map[string]string{
		"nobody listens": "http://" + nobody, "an unknown certificate": s.URL, "no TLS": strings.Replace(s.URL, "https", "http", 1),
	} {
		response, err := tr.RoundTrip(request(t, t.Context(), "GET", url, ""))
		if name == "no TLS" { // the provider's own words
			if err != nil || response.StatusCode != 400 {
				t.Error(err)
			} else {
				response.Body.Close()
			}
			continue
		}
		if err == nil {
			response.Body.Close()
		}
		var op *net.OpError
		if !errors.As(err, &op) || op.Op != "dial" {
			t.Errorf("%s: %v", name, err)
		}
	}
	var unknown x509.UnknownAuthorityError
	if _, err := tr.RoundTrip(request(t, t.Context(), "GET", s.URL, "")); !errors.As(err, &unknown) {
		t.Error(err)
	}
}

func TestTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %v", r.Proto, r.TLS.ServerName, r.TLS.DidResume)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	tr := transport(t)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	tr.TLS = &tls.Config{RootCAs: pool}
	tr.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, s.Listener.Addr().String())
	}
	for _, want := range []string{"HTTP/1.1 example.com false", "HTTP/1.1 example.com true"} {
		if _, got := whole(t, tr, request(t, t.Context(), "GET", "https://example.com/", "")); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		tr.CloseIdleConnections()
	}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	closed := make(chan struct{}, 8)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	tr := transport(t)
	tr.IdleTimeout = 10 * time.Millisecond
	for range 2 { // the sweeper begins anew
		whole(t, tr, request(t, t.Context(), "GET", s.URL, ""))
		<-closed
	}
	tr = transport(t)
	tr.MaxIdlePerHost = 0
	whole(t, tr, request(t, t.Context(), "GET", s.URL, ""))
	<-closed
}

func TestAHeaderWithoutEnd(t *testing.T) {
	url := raw(t, func(c net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(c))
		_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n")
		for err == nil {
			_, err = io.WriteString(c, "X-Filler: "+strings.Repeat("x", 1000)+"\r\n")
		}
	})
	response, err := transport(t).RoundTrip(request(t, t.Context(), "GET", url, ""))
	if err == nil {
		response.Body.Close()
	}
	if !errors.Is(err, errHeader) {
		t.Error(err)
	}
}
