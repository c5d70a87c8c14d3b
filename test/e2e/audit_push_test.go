package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// collector is a webhook that keeps what it gets.
type collector struct {
	mu   sync.Mutex
	seqs []int64
	down bool
	more chan struct{}
}

// ServeHTTP implements http.Handler.
func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var batch struct {
		Data []struct {
			Seq int64 `json:"seq"`
		} `json:"data"`
	}
	raw, err := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down || err != nil || json.Unmarshal(raw, &batch) != nil || r.Header.Get("Webhook-Signature") == "" {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	for _, e := range batch.Data {
		c.seqs = append(c.seqs, e.Seq)
	}
	close(c.more)
	c.more = make(chan struct{})
}

func (c *collector) set(down bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = down
}

// waitFor waits until the event seq is there, and returns all.
func (c *collector) waitFor(t *testing.T, seq int64) []int64 {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		c.mu.Lock()
		seqs, more := slices.Clone(c.seqs), c.more
		c.mu.Unlock()
		if slices.Contains(seqs, seq) {
			return seqs
		}
		select {
		case <-more:
		case <-deadline:
			t.Fatalf("event %d has not arrived; these have: %v", seq, seqs)
		}
	}
}

// Audit events reach a webhook through kills of weir and absences of the
// webhook, each at least once and in order, and nobody waits for it.
func TestAuditEventsArePushed(t *testing.T) {
	dir := t.TempDir()
	c := &collector{more: make(chan struct{})}
	receiver := httptest.NewServer(c)
	defer receiver.Close()
	env := []string{"WEIR_AUDIT_WEBHOOK_URL=" + receiver.URL, "WEIR_AUDIT_WEBHOOK_SECRET=0123456789abcdef", "WEIR_WEBHOOK_ALLOW_PRIVATE=true"}
	p := serve(t, dir, env...)
	c.waitFor(t, 5)
	c.set(true)
	project(t, p.address, "while nobody takes events") // three events
	if status, raw := call(t, "GET", p.address+"/readyz", "", nil, nil); status != http.StatusOK {
		t.Errorf("not ready without the webhook: %d %s", status, raw)
	}
	p.kill()
	c.set(false)
	p = serve(t, dir, env...)
	must(t, "POST", p.address+"/v1/organization/projects", adminKey, map[string]any{"name": "after"}, nil)
	last := int64(9)
	seqs := c.waitFor(t, last)
	seen := int64(0)
	for _, seq := range seqs {
		if seq > seen+1 {
			t.Errorf("event %d comes before %d: %v", seq, seen+1, seqs)
		}
		seen = max(seen, seq)
	}
	_, raw := call(t, "GET", p.address+"/metrics", "", nil, nil)
	if !strings.Contains(string(raw), `weir_audit_push_events_total{sink="webhook"}`) {
		t.Errorf("metrics:\n%s", raw)
	}
	if err := p.stop(t); err != nil {
		t.Fatal(err)
	}
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), path, "audit", "verify", "--data-dir", dir).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
