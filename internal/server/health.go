package server

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"weir/internal/envelope"
	"weir/internal/id"
)

// Check is one thing that must work for this node to serve.
type Check struct {
	Name string
	Run  func(ctx context.Context) error
	// Bearable says that this node serves all the same when the check fails: it is
	// degraded, and ready.
	Bearable bool
}

// Health answers whether the process lives and whether it should get requests.
type Health struct {
	Checks   []Check
	draining atomic.Bool
}

// Drain makes the node not ready: it is about to stop.
func (h *Health) Drain() { h.draining.Store(true) }

type checkResult struct {
	Name  string `json:"name"`
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

type readiness struct {
	Status string        `json:"status"` // ready, degraded, not_ready, draining
	Checks []checkResult `json:"checks"`
}

func (h *Health) live(w http.ResponseWriter, _ *http.Request) {
	envelope.Begin(w.Header(), id.Request())
	envelope.Processed(w.Header(), time.Now())
	_ = envelope.JSON(w, http.StatusOK, map[string]string{"status": "ok"}) // a map of strings encodes
}

// ready answers 200 when every check passes that must, else 503, with what does not. The
// errors are for operators and name no secret.
func (h *Health) ready(w http.ResponseWriter, r *http.Request) {
	received := time.Now()
	envelope.Begin(w.Header(), id.Request())
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	out, status := readiness{Status: "ready", Checks: []checkResult{}}, http.StatusOK
	for _, c := range h.Checks {
		result := checkResult{Name: c.Name, OK: true}
		if err := c.Run(ctx); err != nil {
			result.OK, result.Error = false, err.Error()
			switch {
			case !c.Bearable:
				out.Status, status = "not_ready", http.StatusServiceUnavailable
			case out.Status == "ready":
				out.Status = "degraded"
			}
		}
		out.Checks = append(out.Checks, result)
	}
	if h.draining.Load() {
		out.Status, status = "draining", http.StatusServiceUnavailable
	}
	envelope.Processed(w.Header(), received)
	_ = envelope.JSON(w, status, out) // strings and booleans encode
}
