// Package server listens: it hands each request to the edge that its first path
// segment names, answers for the process's health, and ends in an order that
// loses nothing.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/internal/envelope"
	"weir/internal/fault"
	"weir/internal/id"
)

// Server serves one listener.
type Server struct {
	Admin   http.Handler // /v1/organization, /v1/projects
	Native  http.Handler // /weir
	Gateway http.Handler // everything else
	Health  *Health
	Metrics http.Handler // /metrics
	Logger  *slog.Logger

	HeaderTimeout   time.Duration // for the header of a request to arrive
	ShutdownTimeout time.Duration // for running requests to end
	TLS             *tls.Config   // nil: plain HTTP
}

// maxHeader bounds the header of a request, in bytes. net/http's own answer to
// a header that is too large is not the envelope, so its bound is far above.
const (
	maxHeader     = 64 << 10
	hardMaxHeader = 1 << 20
)

// ServeHTTP implements http.Handler. The first segment decides before any
// pattern does, so that no name of a workspace can stand in the way of weir's
// own addresses.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if headerBytes(r) > maxHeader {
		refuse(w, fault.Invalidf("headers_too_large", "", "The header of the request is larger than %d bytes.", maxHeader))
		return
	}
	first, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch first {
	case "v1":
		if isAdmin(rest) {
			s.Admin.ServeHTTP(w, r)
			return
		}
		s.Gateway.ServeHTTP(w, r)
	case "weir":
		s.Native.ServeHTTP(w, r)
	case "healthz":
		s.Health.live(w, r)
	case "readyz":
		s.Health.ready(w, r)
	case "metrics":
		s.Metrics.ServeHTTP(w, r)
	case "", "scim", "console", "assets":
		refuse(w, fault.New(fault.NotFound, "", "", "Invalid URL (%s %s)", r.Method, r.URL.Path))
	default:
		s.Gateway.ServeHTTP(w, r)
	}
}

// isAdmin reports whether what follows /v1/ belongs to the Admin API.
func isAdmin(rest string) bool {
	segment, deeper, _ := strings.Cut(rest, "/")
	switch segment {
	case "organization", "projects":
		return true
	case "fine_tuning":
		return strings.HasPrefix(deeper, "checkpoints/")
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

// Listen opens the address.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", address, err)
	}
	return listener, nil
}

// Run serves listener until ctx ends, then drains: no new requests, running
// ones up to ShutdownTimeout.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	srv := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: s.HeaderTimeout,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    hardMaxHeader,
		TLSConfig:         s.TLS,
		ErrorLog:          slog.NewLogLogger(s.Logger.Handler(), slog.LevelDebug), // broken handshakes and the like
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		var err error
		if s.TLS != nil {
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
			return srv.Close()
		}
		return nil
	})
	return group.Wait()
}
