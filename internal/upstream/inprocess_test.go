package upstream

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// answers are handlers whose answers must look the same over a connection and
// in process.
var answers = map[string]http.HandlerFunc{
	"empty": func(http.ResponseWriter, *http.Request) {},
	"small": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Path", r.URL.Path+"?"+r.URL.RawQuery+" "+r.Method+" "+r.Header.Get("X-In"))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusTeapot)
		w.Header().Set("X-Late", "not sent")
		io.WriteString(w, `{"ok":true}`)
	},
	"echo": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.Copy(w, r.Body)
	},
	"large": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, strings.Repeat("0123456789", 10_000))
	},
	"declared": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", "3")
		io.WriteString(w, "abc")
	},
	"stream": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for range 3 {
			io.WriteString(w, "data: x\n\n")
			http.NewResponseController(w).Flush()
		}
	},
	"no content": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
	"cut": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: x\n\n")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	},
	"cut at once": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
}

type answer struct {
	status, body    string
	length          int64
	path, late, typ string
	failed, broken  bool // before, after the header
}

func ask(t *testing.T, rt http.RoundTripper, url string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/a%20b?c=d", strings.NewReader("the body"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-In", "in")
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return answer{failed: true}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{
		status: resp.Status, body: string(body), length: resp.ContentLength, broken: err != nil,
		path: resp.Header.Get("X-Path"), late: resp.Header.Get("X-Late"), typ: resp.Header.Get("Content-Type"),
	}
}

func TestInProcessAnswersAsAConnectionDoes(t *testing.T) {
	for name, handler := range answers {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(handler)
			defer server.Close()
			over := ask(t, transport(t, Options{}), server.URL)
			in := ask(t, transport(t, Options{Sandbox: handler}), "sandbox://")
			if over != in {
				t.Errorf("over a connection %+v\nin process        %+v", over, in)
			}
		})
	}
}

func TestInProcessFlushReachesTheReaderAtOnce(t *testing.T) {
	next := make(chan string)
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.NewResponseController(w).Flush() // the header alone
		for text := range next {
			io.WriteString(w, text)
			http.NewResponseController(w).Flush()
		}
	})
	resp := get(t, InProcess(handler), "sandbox:///v1/x")
	buf := make([]byte, 64)
	for _, text := range []string{"one", "two"} {
		next <- text
		n, err := resp.Body.Read(buf)
		if err != nil || string(buf[:n]) != text {
			t.Fatalf("%q, %v", buf[:n], err)
		}
	}
	close(next)
	if n, err := resp.Body.Read(buf); n != 0 || err != io.EOF {
		t.Fatalf("%d, %v", n, err)
	}
}

// endless streams until its context ends or a write fails, and says so.
func endless(ended chan<- error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := io.WriteString(w, "data: x\n\n"); err != nil {
				ended <- err
				return
			}
			http.NewResponseController(w).Flush()
			if r.Context().Err() != nil {
				ended <- r.Context().Err()
				return
			}
		}
	})
}

func TestInProcessCloseHangsUp(t *testing.T) {
	ended := make(chan error, 1)
	resp := get(t, InProcess(endless(ended)), "sandbox:///v1/x")
	if _, err := resp.Body.Read(make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	<-ended
}

func TestInProcessCancelReachesBothEnds(t *testing.T) {
	ended := make(chan error, 1)
	waiting := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
		ended <- r.Context().Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "sandbox:///v1/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := InProcess(waiting).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	cancel()
	if _, err := resp.Body.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("reader got %v", err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("handler got %v", err)
	}
}

func TestInProcessCancelBeforeTheAnswer(t *testing.T) {
	started, ended := make(chan struct{}), make(chan struct{})
	silent := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(started)
		<-r.Context().Done()
		close(ended)
	})
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "sandbox:///v1/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-started
		cancel()
	}()
	resp, err := InProcess(silent).RoundTrip(req)
	if err == nil {
		resp.Body.Close()
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	<-ended
}

func TestInProcessPanicIsAnError(t *testing.T) {
	broken := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") })
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "sandbox:///v1/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := InProcess(broken).RoundTrip(req)
	if err == nil {
		resp.Body.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "boom") {
		t.Fatal(err)
	}
}

type closeRecorder struct {
	io.Reader
	closed atomic.Bool
}

func (c *closeRecorder) Close() error {
	c.closed.Store(true)
	return nil
}

func TestInProcessClosesTheRequestBodyBeforeTheEnd(t *testing.T) {
	body := &closeRecorder{Reader: bytes.NewReader([]byte("x"))}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "sandbox:///v1/x", body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := InProcess(answers["large"]).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	if !body.closed.Load() {
		t.Fatal("the request body is still open after the end of the answer")
	}
}
