// Package http1 sends HTTP/1.1 requests from the goroutine that asks.
//
// net/http's Transport hands every exchange through two goroutines of its
// connection, which costs a gateway more than all it does itself. Here one
// goroutine writes the request, waits for the answer's header and reads the body.
// What HTTP means stays net/http's affair: heads and bodies of answers are read
// by http.ReadResponse.
package http1

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Transport is an http.RoundTripper for http and https. Every field but TLS and
// the state must be set. It is safe for concurrent use.
//
//   - Requests are of a known length (ContentLength), and their bodies are read in
//     one go: they are not to wait for anything but a disk.
//   - Nothing is sent a second time, unless a kept connection turns out to be
//     closed before a byte of the request was written to it.
//   - Nothing is added to a request's header but its length; bodies arrive as they
//     were sent; redirects are answers.
//   - HTTP/2, protocol upgrades and proxies are not supported.
type Transport struct {
	Dial              func(ctx context.Context, network, address string) (net.Conn, error)
	TLS               *tls.Config // nil: Go's defaults
	HandshakeTimeout  time.Duration
	IdleTimeout       time.Duration // after which a connection nobody uses is closed
	MaxIdlePerHost    int
	MaxResponseHeader int64 // bytes, informational answers included

	mu      sync.Mutex
	idle    map[place][]*conn // the one used last at the end
	sweeper *time.Timer       // nil: nothing is idle
	config  *tls.Config       // made of TLS with the first connection that needs it
}

// place is where a connection leads.
type place struct {
	secure bool
	host   string // with the port, if the address has one
}

// Errors of requests that are not for this transport.
var (
	errLength  = errors.New("http1: the length of the request's body is not known")
	errAddress = errors.New("http1: the address has no host, or a scheme that is neither http nor https")
)

// RoundTrip implements http.RoundTripper. What fails before a connection stands
// is a *net.OpError of the operation "dial"; of what fails later while the
// request's context is done, the error is the context's cause.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := check(req); err != nil {
		closeBody(req)
		return nil, err
	}
	to := place{secure: req.URL.Scheme == "https", host: req.URL.Host}
	for {
		c, err := t.take(req.Context(), to)
		if err != nil {
			closeBody(req)
			return nil, err
		}
		response, err := c.exchange(req)
		if err == nil {
			return response, nil
		}
		if c.used == 0 || c.written > 0 || req.Context().Err() != nil {
			return nil, err
		}
		if req, err = again(req, err); err != nil {
			return nil, err
		}
	}
}

// check refuses what would be sent as something else than it is.
func check(req *http.Request) error {
	if req.URL == nil || req.URL.Host == "" || req.URL.Scheme != "http" && req.URL.Scheme != "https" {
		return errAddress
	}
	hasBody := req.Body != nil && req.Body != http.NoBody
	if req.ContentLength < 0 || hasBody != (req.ContentLength > 0) {
		return errLength
	}
	for name, values := range req.Header {
		if !httpguts.ValidHeaderFieldName(name) {
			return fmt.Errorf("http1: %q is no name of a header", name)
		}
		for _, value := range values {
			if !httpguts.ValidHeaderFieldValue(value) {
				return fmt.Errorf("http1: the value of header %s cannot be sent", name) // it may be a secret
			}
		}
	}
	return nil
}

// again is req for another connection, after cause kept it from this one.
func again(req *http.Request, cause error) (*http.Request, error) {
	if req.Body == nil {
		return req, nil
	}
	if req.GetBody == nil {
		return nil, cause
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	next := *req
	next.Body = body
	return &next, nil
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close() // it is only read
	}
}

// take returns a kept connection, or else a new one.
func (t *Transport) take(ctx context.Context, to place) (*conn, error) {
	for {
		c := t.kept(to)
		if c == nil {
			return t.connect(ctx, to)
		}
		if c.alive() {
			return c, nil
		}
		c.close()
	}
}

// connect opens a connection.
func (t *Transport) connect(ctx context.Context, to place) (*conn, error) {
	address, name := to.address()
	tcp, err := t.Dial(ctx, "tcp", address)
	if err != nil {
		return nil, connecting(err)
	}
	c := newConn(t, to, tcp)
	if !to.secure {
		return c, nil
	}
	ctx, cancel := context.WithTimeout(ctx, t.HandshakeTimeout)
	defer cancel()
	if err := c.secure(ctx, t.tlsConfig(), name); err != nil {
		c.close()
		return nil, connecting(err)
	}
	return c, nil
}

// connecting is err, of the time before a connection stood, in the form that
// tells so.
func connecting(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return err
	}
	return &net.OpError{Op: "dial", Net: "tcp", Err: err}
}

// address returns what to dial, and the host's name for its certificate.
func (p place) address() (address, name string) {
	u := url.URL{Host: p.host}
	name = u.Hostname()
	port := u.Port()
	switch {
	case port != "":
	case p.secure:
		port = "443"
	default:
		port = "80"
	}
	return net.JoinHostPort(name, port), name
}

// sessions is for how many hosts a TLS session is kept: the next connection to
// one of them costs half.
const sessions = 256

// tlsConfig is the configuration of all connections, but for the host's name.
func (t *Transport) tlsConfig() *tls.Config {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.config == nil {
		t.config = t.TLS.Clone()
		if t.config == nil {
			t.config = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		t.config.NextProtos = []string{"http/1.1"}
		if t.config.ClientSessionCache == nil {
			t.config.ClientSessionCache = tls.NewLRUClientSessionCache(sessions)
		}
	}
	return t.config
}
