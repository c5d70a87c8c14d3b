package e2e

import (
	"fmt"
	"net/http"
	"os"
	"testing"
	"time"

	"weir/internal/sqldb/sqldbtest"
)

// TestTwoNodesOnPostgreSQL runs two weirs on one database: what one does holds
// on the other within a second, and both fill the same books.
func TestTwoNodesOnPostgreSQL(t *testing.T) {
	raw := os.Getenv(sqldbtest.URLVariable)
	if raw == "" {
		if os.Getenv("WEIR_CHECK") == "1" {
			t.Fatalf("%s is not set: start the test services with scripts/services.sh", sqldbtest.URLVariable)
		}
		return // outside make check, without the services, there is nothing to run on
	}
	const masterKey = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	env := []string{"WEIR_DATABASE_URL=" + sqldbtest.PostgresURL(t, raw), "WEIR_MASTER_KEY=" + masterKey}
	a := serve(t, t.TempDir(), env...)
	b := serve(t, t.TempDir(), env...)

	must(t, "POST", a.address+"/weir/v1/connections", adminKey, map[string]any{"name": "sandbox", "provider": "sandbox"}, nil)
	projectID, key := project(t, a.address, "shared")
	chat := func(p *process) int {
		status, _ := call(t, "POST", p.address+"/v1/chat/completions", key, map[string]any{
			"model": "gpt-4o-mini", "messages": []map[string]string{{"role": "user", "content": "Hello"}},
		}, nil)
		return status
	}
	if status := chat(a); status != http.StatusOK {
		t.Fatalf("the node that made the key answers %d", status)
	}
	within(t, time.Second, "the other node serves the new key", func() bool { return chat(b) == http.StatusOK })

	var page struct {
		Data []struct {
			Results []struct {
				Requests int `json:"num_model_requests"`
			} `json:"results"`
		} `json:"data"`
	}
	since := time.Now().UTC().Truncate(24 * time.Hour).Unix()
	within(t, 5*time.Second, "both nodes' requests are in the report", func() bool {
		must(t, "GET", fmt.Sprintf("%s/v1/organization/usage/completions?start_time=%d&project_ids=%s", a.address, since, projectID), adminKey, nil, &page)
		n := 0
		for _, bucket := range page.Data {
			for _, r := range bucket.Results {
				n += r.Requests
			}
		}
		return n >= 2
	})

	must(t, "POST", b.address+"/v1/organization/projects/"+projectID+"/archive", adminKey, nil, nil)
	if status := chat(b); status != http.StatusForbidden {
		t.Errorf("the node that archived the project answers %d", status)
	}
	within(t, time.Second, "the other node refuses the archived project", func() bool { return chat(a) == http.StatusForbidden })
	for _, p := range []*process{a, b} {
		if err := p.stop(t); err != nil {
			t.Errorf("SIGTERM ended a node with %v\n%s", err, p.stderr)
		}
	}
}

// within polls until ok, and fails when that takes longer than limit.
func within(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", limit, what)
		}
		<-time.After(20 * time.Millisecond)
	}
}
