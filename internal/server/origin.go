package server

import (
	"context"
	"net/http"
	"net/netip"

	"weir/internal/peer"
)

// proxied marks the context of a request that came through a trusted proxy.
type proxied struct{}

// origin puts the address of who sent r in the place of the connection's, which
// differ behind a trusted proxy. It is done here, once: whatever asks where a
// request comes from — address lists, the audit log, the access record, the
// throttling of sign-ins — reads RemoteAddr. So it is with the certificate that a
// caller has shown: what remains in TLS and in the header of proxies is the caller's.
func (s *Server) origin(r *http.Request) *http.Request {
	if len(s.Proxies) == 0 {
		delete(r.Header, peer.ForwardedCertificate)
		return r
	}
	address, through := s.Proxies.Origin(r.RemoteAddr, r.Header["X-Forwarded-For"])
	if !through {
		delete(r.Header, peer.ForwardedCertificate)
		return r
	}
	r = r.WithContext(context.WithValue(r.Context(), proxied{}, true))
	r.RemoteAddr = netip.AddrPortFrom(address, 0).String()
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 { // the proxy's own, and not the caller's
		state := *r.TLS
		state.PeerCertificates, state.VerifiedChains = nil, nil
		r.TLS = &state
	}
	return r
}

// Forwarded reports whether somebody stands between weir and who sent r: a
// trusted proxy, or whoever set a header that proxies set. The address of the
// connection then says nothing of how near the sender is.
func Forwarded(r *http.Request) bool {
	if r.Context().Value(proxied{}) != nil {
		return true
	}
	for _, name := range [...]string{"X-Forwarded-For", "X-Real-Ip", "Forwarded", "Via"} {
		if len(r.Header[name]) > 0 {
			return true
		}
	}
	return false
}
