package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"weir/internal/peer"
)

// What a handler is told of where a request comes from: a trusted proxy is
// believed, anybody else is not.
func TestOriginOfRequests(t *testing.T) {
	trusted, err := peer.ParseNetwork("10.0.0.0/8")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, remote, forwarded string
		proxies                 peer.Proxies
		want                    string
		through                 bool
	}{
		{"direct", "192.0.2.1:4000", "", peer.Proxies{trusted}, "192.0.2.1:4000", false},
		{"spoofed by a stranger", "192.0.2.1:4000", "10.0.0.1", peer.Proxies{trusted}, "192.0.2.1:4000", true},
		{"spoofed where nobody is trusted", "10.0.0.1:4000", "127.0.0.1", nil, "10.0.0.1:4000", true},
		{"through the proxy", "10.0.0.1:4000", "192.0.2.1", peer.Proxies{trusted}, "192.0.2.1:0", true},
		{"spoofed through the proxy", "10.0.0.1:4000", "127.0.0.1, 192.0.2.1", peer.Proxies{trusted}, "192.0.2.1:0", true},
		{"IPv6 through the proxy", "10.0.0.1:4000", "2001:db8::1", peer.Proxies{trusted}, "[2001:db8::1]:0", true},
		{"the proxy itself", "10.0.0.1:4000", "", peer.Proxies{trusted}, "10.0.0.1:0", true},
	} {
		s := newServer()
		s.Proxies = c.proxies
		through := false
		s.Gateway = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			through = Forwarded(r)
			_, _ = io.WriteString(w, r.RemoteAddr)
		})
		r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", nil)
		r.RemoteAddr = c.remote
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if got := w.Body.String(); got != c.want || through != c.through {
			t.Errorf("%s: %s, forwarded %v; want %s, %v", c.name, got, through, c.want, c.through)
		}
	}
}
