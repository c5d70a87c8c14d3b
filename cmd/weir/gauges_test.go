package main

import (
	"errors"
	"io"
	"log/slog"
	"net/http/httptest"
	"regexp"
	"strconv"
	"testing"

	"weir/internal/config"
	"weir/internal/usage"
)

// What operators are told to watch moves with the node.
func TestMetricsFollowTheNode(t *testing.T) {
	cfg := config.Default()
	cfg.DataDir = t.TempDir()
	n, err := open(t.Context(), cfg.WithDerived(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}()
	gauge := func(name string) float64 {
		t.Helper()
		w := httptest.NewRecorder()
		n.metrics.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		found := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(w.Body.String())
		if found == nil {
			t.Fatalf("no %s in\n%s", name, w.Body)
		}
		value, err := strconv.ParseFloat(found[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	before := gauge("weir_snapshot_refresh_seconds_count")
	if err := n.bootstrap(t.Context(), io.Discard); err != nil {
		t.Fatal(err)
	}
	if got := gauge("weir_snapshot_version"); got != float64(n.feed.Version()) || got < 1 {
		t.Errorf("snapshot version %v, the feed is at %d", got, n.feed.Version())
	}
	if got := gauge("weir_snapshot_refresh_seconds_count"); got <= before {
		t.Errorf("%v refreshes, %v before", got, before)
	}
	// Nothing ships while the node does not serve.
	event := usage.Event{ID: "req_1", OrganizationID: "org-1", Kind: usage.Completions}
	if err := errors.Join(n.recorder.Open(event), n.recorder.Settle(event)); err != nil {
		t.Fatal(err)
	}
	for _, job := range n.jobs() {
		if job.Name != "usage backlog" {
			continue
		}
		if err := job.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := gauge("weir_usage_log_backlog"); got != 1 {
		t.Errorf("backlog %v, want 1", got)
	}
}
