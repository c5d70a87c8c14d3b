package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"weir/internal/endpoint/endpointtest"
	"weir/internal/peer"
	"weir/internal/server"
	"weir/internal/telemetry"
)

// at is a listener that only says where it is.
type at struct {
	net.Listener
	address net.Addr
}

func (l at) Addr() net.Addr { return l.address }

// Behind a proxy on this machine every connection comes from loopback.
func TestMetricsAreGuardedBehindAProxy(t *testing.T) {
	env := endpointtest.New(t)
	n := &node{identity: env.Identity, metrics: telemetry.NewMetrics("test")}
	h := n.metricsHandler(at{address: &net.TCPAddr{IP: net.ParseIP("127.0.0.1"), Port: 8080}})
	trusted, err := peer.ParseNetwork("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, header, value, key string
		proxies                  peer.Proxies
		want                     int
	}{
		{"direct", "", "", "", nil, http.StatusOK},
		{"through the proxy", "X-Forwarded-For", "192.0.2.1", "", peer.Proxies{trusted}, http.StatusUnauthorized},
		{"through the proxy, as if near", "X-Forwarded-For", "127.0.0.1", "", peer.Proxies{trusted}, http.StatusUnauthorized},
		{"through a proxy that says nothing", "", "", "", peer.Proxies{trusted}, http.StatusUnauthorized},
		{"through a proxy nobody named", "X-Forwarded-For", "192.0.2.1", "", nil, http.StatusUnauthorized},
		{"with another header", "X-Real-Ip", "192.0.2.1", "", nil, http.StatusUnauthorized},
		{"with a key", "X-Forwarded-For", "192.0.2.1", env.AdminKey, peer.Proxies{trusted}, http.StatusOK},
	} {
		srv := &server.Server{Metrics: h, Proxies: tt.proxies}
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.RemoteAddr = "127.0.0.1:40000"
		if tt.header != "" {
			r.Header.Set(tt.header, tt.value)
		}
		if tt.key != "" {
			r.Header.Set("Authorization", "Bearer "+tt.key)
		}
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, w.Code, tt.want)
		}
	}
}

// Metrics tell of models and traffic, so that beyond this machine they are only
// for who administers the organization.
func TestMetricsAreGuardedBeyondLoopback(t *testing.T) {
	env := endpointtest.New(t)
	for _, tt := range []struct {
		listener string
		public   bool
		key      string
		want     int
	}{
		{"127.0.0.1", false, "", http.StatusOK},
		{"127.0.0.2", false, "", http.StatusOK},
		{"::1", false, "", http.StatusOK},
		{"0.0.0.0", false, "", http.StatusUnauthorized},
		{"::", false, "", http.StatusUnauthorized},
		{"192.0.2.1", false, "", http.StatusUnauthorized},
		{"192.0.2.1", false, "sk-admin-wrong-0123456789abcdefghijkl", http.StatusUnauthorized},
		{"192.0.2.1", false, env.AdminKey, http.StatusOK},
		{"192.0.2.1", true, "", http.StatusOK},
	} {
		n := &node{identity: env.Identity, metrics: telemetry.NewMetrics("test")}
		n.cfg.Metrics.Public = tt.public
		h := n.metricsHandler(at{address: &net.TCPAddr{IP: net.ParseIP(tt.listener), Port: 8080}})
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.RemoteAddr = "127.0.0.1:40000" // where the caller is does not count
		if tt.key != "" {
			r.Header.Set("Authorization", "Bearer "+tt.key)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%+v: %d, want %d", tt, w.Code, tt.want)
		}
	}
}
