// Package server listens: it hands each request to the edge that its first path
// segment names, answers for the process's health, and ends in an order that
// loses nothing.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/internal/envelope"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/peer"
)

// Server serves one listener.
type Server struct {
	Admin   http.Handler // /v1/organization, /v1/projects, permissions of checkpoints
	Native  http.Handler // /weir
	SCIM    http.Handler // /scim/v2
	Gateway http.Handler // everything else
	Health  *Health
	Metrics http.Handler // /metrics
	Logger  *slog.Logger
	Proxies peer.Proxies // whose X-Forwarded-For is believed

	HeaderTimeout   time.Duration // for the header of a request to arrive
	ShutdownTimeout time.Duration // for running requests to end
	KeyPair         *KeyPair      // to serve TLS with; nil: plain HTTP
	AskCertificates func() bool   // whether callers are asked for a certificate; nil: never

	running running
}

// maxHeader bounds the header of a request, in bytes. net/http's own answer to
// a header that is too large is not the envelope, so its bound is far above.
const (
	maxHeader     = 64 << 10
	hardMaxHeader = 1 << 20
)

// How long the body of a request may take to arrive, and how long after that
// the answer may take to be made and taken away. The gateway has bounds of its
// own: its bodies are larger and its answers may run for hours.
const (
	bodyTimeout   = time.Minute
	answerTimeout = time.Minute
)

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.running.begin()
	defer s.running.end()
	s.retire(w, r)
	r = s.origin(r)
	control := http.NewResponseController(w)
	if h := s.own(r); h != nil {
		if r.Body != http.NoBody {
			within(control.SetReadDeadline, bodyTimeout)
		}
		within(control.SetWriteDeadline, bodyTimeout+answerTimeout)
		h.ServeHTTP(w, r)
		return
	}
	lift(control.SetWriteDeadline) // of an earlier request on this connection
	s.Gateway.ServeHTTP(w, r)
	if r.Body != http.NoBody {
		within(control.SetReadDeadline, bodyTimeout)
	}
}

// within sets a deadline. net/http reads on what a handler left of a body,
// before it answers and after, and without a deadline a caller that dribbles
// would hold the connection for ever.
func within(set func(time.Time) error, timeout time.Duration) {
	_ = set(time.Now().Add(timeout)) // only what is no connection, as in a test, has no deadlines
}

func lift(set func(time.Time) error) { _ = set(time.Time{}) }

// own returns what answers r; nil says that the gateway does. The first segment
// decides before any pattern does, so that no name of a workspace can stand in
// the way of weir's own addresses.
func (s *Server) own(r *http.Request) http.Handler {
	if headerBytes(r) > maxHeader {
		return http.HandlerFunc(headersTooLarge)
	}
	first, rest, deeper := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch first {
	case "v1":
		if isAdmin(rest, r.URL) {
			return s.Admin
		}
		return nil
	case "weir":
		return s.Native
	case "healthz", "readyz", "metrics":
		if deeper {
			return http.HandlerFunc(unknown)
		}
		return s.operation(first, r.Method)
	case "":
		if r.URL.Path == "/" {
			return s.operation(first, r.Method)
		}
		return http.HandlerFunc(unknown)
	case "scim":
		if version, _, _ := strings.Cut(rest, "/"); version == "v2" {
			return s.SCIM
		}
		return http.HandlerFunc(unknown)
	case "console", "assets":
		return http.HandlerFunc(unknown)
	}
	return nil
}

// operation returns what answers an address that is there for whoever operates
// this node to read.
func (s *Server) operation(name, method string) http.Handler {
	switch {
	case method != http.MethodGet && method != http.MethodHead:
		return http.HandlerFunc(onlyRead)
	case name == "":
		return http.HandlerFunc(front)
	case name == "healthz":
		return http.HandlerFunc(s.Health.live)
	case name == "readyz":
		return http.HandlerFunc(s.Health.ready)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		envelope.Begin(w.Header(), id.Request())
		s.Metrics.ServeHTTP(w, r)
	})
}

// front tells whoever opens the bare address where they are.
func front(w http.ResponseWriter, _ *http.Request) {
	envelope.Begin(w.Header(), id.Request())
	envelope.Processed(w.Header(), time.Now())
	_ = envelope.JSON(w, http.StatusOK, map[string]string{ // strings encode
		"name": "weir", "api": "/v1", "description": "/weir/v1/openapi.json", "health": "/readyz",
	})
}

func headersTooLarge(w http.ResponseWriter, _ *http.Request) {
	refuse(w, fault.Invalidf("headers_too_large", "", "The header of the request is larger than %d bytes.", maxHeader))
}

func unknown(w http.ResponseWriter, r *http.Request) {
	refuse(w, fault.New(fault.NotFound, "", "", "Invalid URL (%s %s)", r.Method, r.URL.Path))
}

func onlyRead(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Allow", "GET, HEAD")
	refuse(w, fault.New(fault.MethodNotSupported, "method_not_supported", "", "Not allowed to %s on %s .", r.Method, r.URL.Path))
}

// isAdmin reports whether what follows /v1/ belongs to the Admin API. Of
// fine-tuning, that is who may use a checkpoint and nothing else: the rest goes
// to the provider. A checkpoint's name may be escaped in the address.
func isAdmin(rest string, address *url.URL) bool {
	segment, _, _ := strings.Cut(rest, "/")
	switch segment {
	case "organization", "projects":
		return true
	case "fine_tuning":
		segments := strings.Split(address.EscapedPath(), "/") // "", v1, fine_tuning, checkpoints, a name, permissions
		return len(segments) > 5 && segments[3] == "checkpoints" && segments[4] != "" && segments[5] == "permissions"
	}
	return false
}

func headerBytes(r *http.Request) int {
	n := len(r.RequestURI)
	for name, values := range r.Header {
		for _, v := range values {
			n += len(name) + len(v) + 4
		}
	}
	return n
}

func refuse(w http.ResponseWriter, err error) {
	envelope.Begin(w.Header(), id.Request())
	envelope.Processed(w.Header(), time.Now())
	envelope.Error(w, err)
}

// Listen opens the address. Its errors name it once.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		err = op.Err
	}
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", address, err)
	}
	return listener, nil
}

// settleTimeout is how long requests that were cut may take to write down what
// they have cost.
const settleTimeout = 5 * time.Second

// settle returns when every request that was cut has ended: http.Server.Close
// does not wait for that, and next the usage log is closed. One that does not
// end in time is not lost: the next start finds it in the usage log and records
// it as interrupted.
func (s *Server) settle() {
	late := time.NewTimer(settleTimeout)
	defer late.Stop()
	select {
	case <-s.running.idle():
	case <-late.C:
		s.Logger.Warn("requests that were cut have not ended; the next start records them as interrupted")
	}
}

// Run serves listener until ctx ends, then drains: no new requests, running
// ones up to ShutdownTimeout.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	srv := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: s.HeaderTimeout,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    hardMaxHeader,
		// OPTIONS * is answered here, as any other address that is not ours.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(s.Logger.Handler(), slog.LevelDebug), // broken handshakes and the like
	}
	if s.KeyPair != nil {
		listener = connections{listener}
		srv.TLSConfig = s.KeyPair.config(s.AskCertificates)
		srv.ConnContext = withConnection
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		var err error
		if s.KeyPair != nil {
			err = srv.ServeTLS(listener, "", "")
		} else {
			err = srv.Serve(listener)
		}
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return fmt.Errorf("serving: %w", err)
	})
	group.Go(func() error {
		<-ctx.Done()
		s.Health.Drain()
		s.Logger.Info("shutting down: no new requests, running ones may end", "limit", s.ShutdownTimeout)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.ShutdownTimeout)
		defer cancel()
		if err := srv.Shutdown(grace); err != nil {
			s.Logger.Warn("requests were cut because they ran on after the limit", "error", err)
			closed := srv.Close()
			s.settle()
			return closed
		}
		return nil
	})
	return group.Wait()
}
