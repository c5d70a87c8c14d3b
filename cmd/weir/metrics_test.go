package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"weir/internal/endpoint/endpointtest"
	"weir/internal/telemetry"
)

// at is a listener that only says where it is.
type at struct {
	net.Listener
	address net.Addr
}

func (l at) Addr() net.Addr { return l.address }

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
