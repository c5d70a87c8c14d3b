package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// named answers with who it is.
func named(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) })
}

func newServer() *Server {
	return &Server{
		Admin: named("admin"), Native: named("native"), SCIM: named("scim"), Gateway: named("gateway"), Metrics: named("metrics"),
		Health: &Health{}, Logger: slog.New(slog.DiscardHandler),
		HeaderTimeout: 30 * time.Second, ShutdownTimeout: time.Minute,
	}
}

func TestRoutes(t *testing.T) {
	for target, want := range map[string]string{
		"GET /v1/organization/projects":                                  "admin",
		"POST /v1/projects/p/roles":                                      "admin",
		"GET /v1/fine_tuning/checkpoints/ft:m:o::x/permissions":          "admin",
		"POST /v1/fine_tuning/checkpoints/ft%3Am%3Ao%3A%3Ax/permissions": "admin",
		"DELETE /v1/fine_tuning/checkpoints/a%2Fb/permissions/cp_1":      "admin",
		"PUT /v1/fine_tuning/checkpoints/x/permissions/cp_1/more":        "admin", // which knows no such address
		"GET /v1/fine_tuning/checkpoints":                                "gateway",
		"GET /v1/fine_tuning/checkpoints/x":                              "gateway",
		"GET /v1/fine_tuning/checkpoints//permissions":                   "gateway",
		"GET /v1/fine_tuning/checkpoints/x/permissionsx":                 "gateway",
		"GET /v1/fine_tuning/checkpoints/x%2Fpermissions":                "gateway",
		"GET /v1/fine_tuning/jobs/x/checkpoints":                         "gateway",
		"GET /v1/fine_tuning/jobs/checkpoints/permissions":               "gateway",
		"GET /v1/fine_tuning/jobs/x/permissions/checkpoints/permissions": "gateway",
		"GET /v1/fine_tuning":                                            "gateway",
		"POST /v1/fine_tuning/jobs":                                      "gateway",
		"POST /v1/chat/completions":                                      "gateway",
		"POST /default/models/chat/v1/x":                                 "gateway",
		"GET /v1/../weir/v1/me":                                          "gateway", // which knows no address with dots
		"GET /weir/v1/me":                                                "native",
		"GET /weir":                                                      "native",
		"GET /scim/v2/Users":                                             "scim",
		"GET /scim/v2":                                                   "scim",
		"GET /scim/v1/Users":                                             "404",
		"GET /scim":                                                      "404",
		"GET /metrics":                                                   "metrics",
		"HEAD /metrics":                                                  "metrics",
		"GET /healthz":                                                   `{"status":"ok"}`,
		"GET /readyz":                                                    `{"status":"ready","checks":[]}`,
		"GET /":                                                          `{"api":"/v1","description":"/weir/v1/openapi.json","health":"/readyz","name":"weir"}`,
		"POST /":                                                         "405",
		"GET //v1/organization/projects":                                 "404",
		"GET /console":                                                   "404",
		"GET /healthz/":                                                  "404",
		"GET /healthz/x":                                                 "404",
		"GET /readyz/../weir/v1/me":                                      "404",
		"GET /metrics/x":                                                 "404",
		"POST /healthz":                                                  "405",
		"TRACE /metrics":                                                 "405",
		"DELETE /readyz":                                                 "405",
		"GET /" + strings.Repeat("a", 64<<10):                            "400",
		"POST /v1/organizationx":                                         "gateway",
		"OPTIONS *":                                                      "gateway",
		"GET /metrics?x=" + strings.Repeat("a", 100):                     "metrics",
	} {
		method, path, _ := strings.Cut(target, " ")
		r := httptest.NewRequest(method, "/", nil)
		r.RequestURI = path
		var err error
		path, query, _ := strings.Cut(path, "?")
		r.URL.RawQuery = query
		if r.URL.Path, err = url.PathUnescape(path); err != nil {
			t.Fatal(err)
		}
		r.URL.RawPath = path
		w := httptest.NewRecorder()
		newServer().ServeHTTP(w, r)
		got := strings.TrimSpace(w.Body.String())
		if w.Code != http.StatusOK {
			got = fmt.Sprint(w.Code)
			isEnvelope(t, target, w.Result())
		}
		if got != want {
			t.Errorf("%.60s: %.60s, want %s", target, got, want)
		}
	}
}

// isEnvelope fails the test unless resp is an error as OpenAI sends it.
func isEnvelope(t *testing.T, what string, resp *http.Response) {
	t.Helper()
	var body struct {
		Error map[string]any `json:"error"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil || len(body.Error) != 4 {
		t.Errorf("%.60s: the answer is no error envelope: %v %v", what, body.Error, err)
	}
	for _, name := range []string{"X-Request-Id", "Openai-Version", "Openai-Processing-Ms"} {
		if resp.Header.Get(name) == "" {
			t.Errorf("%.60s: the answer has no %s", what, name)
		}
	}
	if got := resp.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("%.60s: content type %q", what, got)
	}
}

func TestHealthCarriesTheHeadersOfEveryAnswer(t *testing.T) {
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		w := httptest.NewRecorder()
		newServer().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Header().Get("X-Request-Id") == "" || w.Header().Get("Openai-Version") == "" {
			t.Errorf("%s: %v", path, w.Header())
		}
	}
}

func TestReadiness(t *testing.T) {
	s := newServer()
	broken := errors.New("the disk is gone")
	s.Health.Checks = []Check{
		{Name: "one", Run: func(context.Context) error { return nil }},
		{Name: "two", Run: func(context.Context) error { return broken }},
	}
	ask := func() (int, readiness) {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		var out readiness
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			t.Fatal(err)
		}
		return w.Code, out
	}
	if status, out := ask(); status != http.StatusServiceUnavailable || out.Status != "not_ready" || out.Checks[1].Error != broken.Error() || !out.Checks[0].OK {
		t.Errorf("with a broken store: %d %+v", status, out)
	}
	broken = nil
	s.Health.Checks[1].Bearable, broken = true, errors.New("the events database is slow")
	if status, out := ask(); status != http.StatusOK || out.Status != "degraded" || out.Checks[1].OK {
		t.Errorf("with something it can do without: %d %+v", status, out)
	}
	broken = nil
	if status, out := ask(); status != http.StatusOK || out.Status != "ready" {
		t.Errorf("with every store well: %d %+v", status, out)
	}
	s.Health.Drain()
	if status, out := ask(); status != http.StatusServiceUnavailable || out.Status != "draining" {
		t.Errorf("while it drains: %d %+v", status, out)
	}
}

// deadlines is an answer whose connection's deadlines a test can see.
type deadlines struct {
	http.ResponseWriter
	read, write time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error  { d.read = t; return nil }
func (d *deadlines) SetWriteDeadline(t time.Time) error { d.write = t; return nil }

// A caller that dribbles holds nothing for ever: what a handler leaves of a
// body, net/http reads on.
func TestEveryExchangeIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := time.Unix(1, 0) // what an earlier request has left
		body, answer := time.Now().Add(bodyTimeout), time.Now().Add(bodyTimeout+answerTimeout)
		for _, tt := range []struct {
			path    string
			body    string
			read    time.Time
			written time.Time
		}{
			{"/v1/organization/projects", "{}", body, answer},
			{"/v1/organization/projects", "", before, answer},
			{"/weir/v1/session", "{}", body, answer},
			{"/healthz", "{}", body, answer},
			{"/nothing", "{}", body, time.Time{}}, // the gateway's answers may run for hours
			{"/v1/chat/completions", "", before, time.Time{}},
		} {
			w := &deadlines{ResponseWriter: httptest.NewRecorder(), read: before, write: before}
			r := httptest.NewRequest(http.MethodPost, tt.path, strings.NewReader(tt.body))
			if tt.body == "" {
				r.Body = http.NoBody
			}
			newServer().ServeHTTP(w, r)
			if !w.read.Equal(tt.read) || !w.write.Equal(tt.written) {
				t.Errorf("%s: read by %v, written by %v; want %v, %v", tt.path, w.read, w.write, tt.read, tt.written)
			}
		}
	})
}

// serve runs s on loopback and returns its address, and what ends it.
func serve(t *testing.T, s *Server) (address string, stop func() error) {
	t.Helper()
	listener, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, listener) }()
	return listener.Addr().String(), func() error { cancel(); return <-ended }
}

func TestRunLetsRequestsEnd(t *testing.T) {
	s := newServer()
	entered, leave := make(chan struct{}), make(chan struct{})
	s.Gateway = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-leave
		_, _ = io.WriteString(w, "whole")
	})
	address, stop := serve(t, s)
	body := make(chan string, 1)
	go func() {
		client := &http.Client{Timeout: time.Minute}
		resp, err := client.Get("http://" + address + "/v1/models")
		if err != nil {
			body <- err.Error()
			return
		}
		defer resp.Body.Close()
		raw, _ := io.ReadAll(resp.Body)
		body <- string(raw)
	}()
	<-entered
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	for !s.Health.draining.Load() {
		select {
		case err := <-ended:
			t.Fatal("ended with a request running:", err)
		default:
		}
	}
	close(leave)
	if got := <-body; got != "whole" {
		t.Errorf("the running request got %q", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A request that runs on after the limit is cut, and Run still waits for it to
// write down what it has cost.
func TestRunWaitsForRequestsItCuts(t *testing.T) {
	s := newServer()
	s.ShutdownTimeout = 0
	entered, cut, settle := make(chan struct{}), make(chan struct{}), make(chan struct{})
	s.Gateway = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "begun")
		_ = http.NewResponseController(w).Flush()
		close(entered)
		<-r.Context().Done()
		close(cut)
		<-settle
	})
	address, stop := serve(t, s)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-entered
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	<-cut
	for range 1000 {
		runtime.Gosched()
		select {
		case err := <-ended:
			t.Fatal("Run returned before the request it cut had ended:", err)
		default:
		}
	}
	close(settle)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestListenSaysWhere(t *testing.T) {
	first, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if _, err := Listen(t.Context(), first.Addr().String()); err == nil || !strings.Contains(err.Error(), first.Addr().String()) {
		t.Errorf("a port in use: %v", err)
	}
}
