package upstream

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"weir/internal/upstream/http1"
)

// Options of a transport. The zero value is right for production.
type Options struct {
	Sandbox     http.Handler  // answers sandbox:// addresses in process; nil: they fail
	DialTimeout time.Duration // for one connection attempt; 0: 10 s. See WithConnectTimeout
	TLS         *tls.Config   // nil: the system's roots
	// Dial replaces the dialer, for tests and unusual networks; nil: TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// What the transport keeps and how long it waits.
const (
	defaultDialTimeout  = 10 * time.Second
	tlsHandshakeTimeout = 10 * time.Second
	// idlePerHost is generous because a gateway talks to few hosts: with Go's
	// default of 2, every burst would open and close its connections anew.
	idlePerHost = 1024
	// idleTimeout is shorter than what load balancers in front of providers
	// commonly allow, so that weir closes first and a request does not meet a
	// dying connection.
	idleTimeout = 55 * time.Second
	// maxResponseHeader is far beyond any provider's and far below Go's 10 MB.
	maxResponseHeader = 256 << 10
)

// Transport is what every request to a provider travels on.
//
//   - Bodies arrive as the provider sent them: nothing is decompressed.
//   - Redirects are an http.Client's affair; whoever uses the transport by
//     itself, as weir does, sees them as answers and never follows one.
//   - How long a provider may take to answer is the request context's affair:
//     a reasoning model may think for minutes.
//   - HTTP/1.1, over TLS too (docs/decisions/0031-http1-to-providers.md).
//   - Proxies come from the environment (HTTPS_PROXY, NO_PROXY). Requests through
//     one travel on net/http's transport, and so do protocol upgrades.
type Transport struct {
	direct  *http1.Transport
	other   *http.Transport
	sandbox http.RoundTripper // nil: there is none in this process
}

// NewTransport returns a transport. It keeps connections until
// CloseIdleConnections.
func NewTransport(o Options) *Transport {
	dial := o.Dial
	if dial == nil {
		dial = (&net.Dialer{KeepAlive: 30 * time.Second}).DialContext
	}
	timeout := o.DialTimeout
	if timeout <= 0 {
		timeout = defaultDialTimeout
	}
	dial = dialWithin(timeout, dial)
	t := &Transport{
		direct: &http1.Transport{
			Dial: dial, TLS: o.TLS, HandshakeTimeout: tlsHandshakeTimeout,
			IdleTimeout: idleTimeout, MaxIdlePerHost: idlePerHost, MaxResponseHeader: maxResponseHeader,
		},
		other: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            dial,
			TLSClientConfig:        o.TLS,
			TLSHandshakeTimeout:    tlsHandshakeTimeout,
			DisableCompression:     true,
			MaxIdleConns:           0, // no limit over all hosts
			MaxIdleConnsPerHost:    idlePerHost,
			IdleConnTimeout:        idleTimeout,
			MaxResponseHeaderBytes: maxResponseHeader,
			ExpectContinueTimeout:  time.Second,
		},
	}
	if o.Sandbox != nil {
		t.sandbox = InProcess(o.Sandbox)
	}
	return t
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme == "sandbox" && t.sandbox != nil {
		return t.sandbox.RoundTrip(req)
	}
	if req.ContentLength < 0 || req.Header["Upgrade"] != nil {
		return t.other.RoundTrip(req)
	}
	if proxy, err := t.other.Proxy(req); err != nil || proxy != nil {
		return t.other.RoundTrip(req) // which has the words for a proxy that cannot be used
	}
	return t.direct.RoundTrip(req)
}

// CloseIdleConnections closes the connections that serve no request.
func (t *Transport) CloseIdleConnections() {
	t.direct.CloseIdleConnections()
	t.other.CloseIdleConnections()
}

type connectTimeoutKey struct{}

// WithConnectTimeout bounds the opening of a connection for the request that
// carries ctx, in place of Options.DialTimeout. A request that finds an idle
// connection has nothing to open.
func WithConnectTimeout(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, connectTimeoutKey{}, d)
}

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// dialWithin bounds each attempt. The context a Transport dials with has the
// request's values but not its cancellation, since another request may end up
// with the connection: so the bound travels as a value.
func dialWithin(timeout time.Duration, dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		limit := timeout
		if d, ok := ctx.Value(connectTimeoutKey{}).(time.Duration); ok && d > 0 {
			limit = d
		}
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		return dial(ctx, network, address)
	}
}
