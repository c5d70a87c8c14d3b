package upstream

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"weir/internal/upstream/upstreamtest"
)

func transport(t *testing.T, o Options) *Transport {
	t.Helper()
	tr := NewTransport(o)
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

func get(t *testing.T, rt http.RoundTripper, url string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func TestCompressedBodiesArriveAsSent(t *testing.T) {
	s := upstreamtest.New(t)
	a := upstreamtest.JSON(200, `{"ok":true}`)
	a.Gzip = true
	s.Always(a)
	resp := get(t, transport(t, Options{}), s.URL()+"/x")
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Header.Get("Content-Encoding") != "gzip" || string(upstreamtest.Gunzip(t, body)) != `{"ok":true}` {
		t.Fatalf("%v %q", resp.Header, body)
	}
	if asked := s.Next(t).Header["Accept-Encoding"]; asked != nil {
		t.Errorf("the transport asked for %q by itself", asked)
	}
}

func TestRedirectsAreAnswers(t *testing.T) {
	s := upstreamtest.New(t)
	s.Always(upstreamtest.Answer{Status: 307, Header: http.Header{"Location": {"/elsewhere"}}})
	if resp := get(t, transport(t, Options{}), s.URL()+"/x"); resp.StatusCode != 307 {
		t.Fatal(resp.Status)
	}
	if n := len(s.Requests()); n != 1 {
		t.Fatalf("%d requests", n)
	}
}

func TestHTTP1OverTLS(t *testing.T) {
	s := upstreamtest.NewTLS(t)
	s.Always(upstreamtest.SSE(upstreamtest.Event("1"), upstreamtest.Event(upstreamtest.Done)))
	roots := x509.NewCertPool()
	roots.AddCert(s.HTTP().Certificate())
	resp := get(t, transport(t, Options{TLS: &tls.Config{RootCAs: roots}}), s.URL()+"/x")
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.ProtoMajor != 1 || string(body) != "data: 1\n\ndata: [DONE]\n\n" {
		t.Fatalf("%s %q %v", resp.Proto, body, err)
	}
}

// A POST that the caller marked as idempotent must not be sent twice by the
// transport when a kept-alive connection dies under it.
func TestBrokenConnectionIsNotReplayed(t *testing.T) {
	s := upstreamtest.New(t)
	s.Enqueue(upstreamtest.JSON(200, `{}`), upstreamtest.Answer{Cut: true})
	s.Always(upstreamtest.JSON(200, `{"second":true}`))
	tr := transport(t, Options{})
	post := func() (*http.Response, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/x", bytes.NewReader([]byte(`{}`)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Idempotency-Key", "stainless-retry-1")
		Identify(openAI{}, req.Header, Identity{Key: "sk-1"})
		return tr.RoundTrip(req)
	}
	resp, err := post()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp, err := post(); err == nil {
		resp.Body.Close()
		t.Fatalf("answered %s", resp.Status)
	}
	requests := s.Requests()
	if len(requests) != 2 {
		t.Fatalf("%d requests reached the provider", len(requests))
	}
	if got := requests[1].Header.Get("Idempotency-Key"); got != "stainless-retry-1" {
		t.Errorf("Idempotency-Key on the wire = %q", got)
	}
}

func TestConnectTimeoutBoundsTheDial(t *testing.T) {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done() // an address that never answers
		return nil, ctx.Err()
	}
	tr := transport(t, Options{Dial: dial, DialTimeout: time.Hour})
	ctx := WithConnectTimeout(t.Context(), time.Millisecond)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://provider.invalid/v1/models", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := tr.RoundTrip(req)
	if err == nil {
		resp.Body.Close()
	}
	if !errors.Is(err, context.DeadlineExceeded) || t.Context().Err() != nil {
		t.Fatal(err)
	}
}
