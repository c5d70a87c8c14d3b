package server

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync/atomic"
)

// connection is one of a TLS listener's. It remembers whether its caller was asked
// for a certificate, which crypto/tls does not tell.
type connection struct {
	net.Conn
	asked atomic.Bool
}

// connections makes them.
type connections struct{ net.Listener }

// Accept implements net.Listener.
func (l connections) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &connection{Conn: c}, nil
}

// connectionKey finds the connection of a request in its context.
type connectionKey struct{}

func withConnection(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		if own, ok := t.NetConn().(*connection); ok {
			return context.WithValue(ctx, connectionKey{}, own)
		}
	}
	return ctx
}

// retire has the connection of r closed behind its answer if its caller was not
// asked for a certificate and should be now. Who uploads one will be next.
func (s *Server) retire(w http.ResponseWriter, r *http.Request) {
	if r.TLS == nil || s.AskCertificates == nil {
		return
	}
	uploads := r.Method == http.MethodPost && r.URL.Path == "/v1/organization/certificates"
	if !uploads && !s.AskCertificates() {
		return
	}
	if c, ok := r.Context().Value(connectionKey{}).(*connection); ok && !c.asked.Load() {
		w.Header().Set("Connection", "close")
	}
}
