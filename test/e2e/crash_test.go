package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// tokens are what an answer says it consumed.
type tokens struct{ input, output int64 }

// answered are the calls whose answer a client got whole, by request id.
type answered struct {
	mu    sync.Mutex
	calls map[string]tokens
}

func (a *answered) add(id string, t tokens) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls[id] = t
}

// record is a row of weir's request log.
type record struct {
	ID       string `json:"id"`
	Outcome  string `json:"outcome"`
	Attempts []struct {
		UpstreamRequestID string `json:"upstream_request_id"`
	} `json:"attempts"`
	Usage struct {
		Input  int64 `json:"input_tokens"`
		Output int64 `json:"output_tokens"`
	} `json:"usage"`
}

// compare holds weir's books against what the clients saw and against the
// provider's own. It returns what is wrong: calls lost, calls counted twice,
// numbers that differ.
func compare(calls map[string]tokens, records []record, provider []string) []string {
	var wrong []string
	seen := map[string]record{}
	recorded := map[string]string{} // provider's request id -> weir's
	interrupted := 0
	for _, r := range records {
		if _, twice := seen[r.ID]; twice {
			wrong = append(wrong, "counted twice: "+r.ID)
		}
		seen[r.ID] = r
		if r.Outcome == "interrupted" {
			interrupted++
		}
		for _, a := range r.Attempts {
			if a.UpstreamRequestID == "" {
				continue
			}
			if other, twice := recorded[a.UpstreamRequestID]; twice {
				wrong = append(wrong, fmt.Sprintf("one provider call in two records: %s and %s", other, r.ID))
			}
			recorded[a.UpstreamRequestID] = r.ID
		}
	}
	for id, t := range calls {
		r, ok := seen[id]
		switch {
		case !ok:
			wrong = append(wrong, "answered and lost: "+id)
		case r.Outcome != "completed":
			wrong = append(wrong, fmt.Sprintf("answered whole and recorded as %s: %s", r.Outcome, id))
		case r.Usage.Input != t.input || r.Usage.Output != t.output:
			wrong = append(wrong, fmt.Sprintf("%s: answered %v, recorded %v", id, t, r.Usage))
		}
	}
	// What the provider worked on without leaving its id in a record was cut by
	// a crash: there must be an interrupted record for each.
	unknown := 0
	for _, id := range provider {
		if _, ok := recorded[id]; !ok {
			unknown++
		}
	}
	if unknown > interrupted {
		wrong = append(wrong, fmt.Sprintf("the provider worked on %d calls that no record names, and only %d were interrupted", unknown, interrupted))
	}
	return wrong
}

func TestCrashCompareTurnsRed(t *testing.T) {
	books := func() (map[string]tokens, []record, []string) {
		calls := map[string]tokens{"req_a": {1, 2}, "req_b": {3, 4}}
		var records []record
		raw := `[{"id":"req_a","outcome":"completed","attempts":[{"upstream_request_id":"up_a"}],"usage":{"input_tokens":1,"output_tokens":2}},
			{"id":"req_b","outcome":"completed","attempts":[{"upstream_request_id":"up_b"}],"usage":{"input_tokens":3,"output_tokens":4}},
			{"id":"req_c","outcome":"interrupted"}]`
		if err := json.Unmarshal([]byte(raw), &records); err != nil {
			t.Fatal(err)
		}
		return calls, records, []string{"up_a", "up_b", "up_c"}
	}
	if wrong := compare(books()); len(wrong) > 0 {
		t.Fatalf("books that agree: %v", wrong)
	}
	for name, injure := range map[string]func(map[string]tokens, []record, []string) (map[string]tokens, []record, []string){
		"a loss": func(c map[string]tokens, r []record, p []string) (map[string]tokens, []record, []string) {
			return c, r[1:], p
		},
		"a double": func(c map[string]tokens, r []record, p []string) (map[string]tokens, []record, []string) {
			return c, append(r, r[0]), p
		},
		"a lost interruption": func(c map[string]tokens, r []record, p []string) (map[string]tokens, []record, []string) {
			return c, r[:2], p
		},
		"a double by other id": func(c map[string]tokens, r []record, p []string) (map[string]tokens, []record, []string) {
			d := r[0]
			d.ID = "req_d"
			return c, append(r, d), p
		},
		"a wrong count": func(c map[string]tokens, r []record, p []string) (map[string]tokens, []record, []string) {
			r[1].Usage.Output++
			return c, r, p
		},
		"a completed one moved": func(c map[string]tokens, r []record, p []string) (map[string]tokens, []record, []string) {
			r[0].Outcome = "interrupted"
			return c, r, p
		},
	} {
		if wrong := compare(injure(books())); len(wrong) == 0 {
			t.Errorf("%s goes unnoticed", name)
		}
	}
}

// TestCrash kills weir under load, again and again, and then holds its books
// against the clients' and the provider's.
func TestCrash(t *testing.T) {
	rounds := 5
	if n, err := strconv.Atoi(os.Getenv("WEIR_CRASH_ROUNDS")); err == nil {
		rounds = n
	}
	provider := start(t, nil, "sandbox", "--listen", "127.0.0.1:0")
	dir := t.TempDir()
	weir := serve(t, dir)
	must(t, "POST", weir.address+"/weir/v1/connections", adminKey, map[string]any{
		"name": "sandbox", "provider": "openai_compatible", "base_url": provider.address + "/v1", "api_key": "sk-provider",
		"models": []string{"gpt-4o-mini+latency=5ms", "gpt-4o-mini+interval=2ms+chunks=8"},
	}, nil)
	_, key := project(t, weir.address, "load")

	got := &answered{calls: map[string]tokens{}}
	for round := range rounds {
		ctx, cancel := context.WithCancel(t.Context())
		done := load(ctx, weir.address, key, got)
		// The moment is part of the experiment: anywhere in the life of requests.
		<-time.After(150*time.Millisecond + rand.N(350*time.Millisecond))
		weir.kill()
		cancel()
		<-done
		weir = serve(t, dir)
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
	records := settledRecords(t, weir.address)
	if wrong := compare(got.calls, records, ledger(t, provider.address)); len(wrong) > 0 {
		t.Errorf("%d differences, among them:\n%s", len(wrong), strings.Join(wrong[:min(len(wrong), 10)], "\n"))
	}
	if len(got.calls) < rounds {
		t.Fatalf("only %d calls were answered in %d rounds: the test proves nothing", len(got.calls), rounds)
	}
	if sum := reported(t, weir.address); sum != total(records) {
		t.Errorf("the usage report says %v, the request log adds up to %v", sum, total(records))
	}
	t.Logf("%d rounds, %d calls answered, %d records", rounds, len(got.calls), len(records))
}

// load calls weir from 16 clients until ctx ends.
func load(ctx context.Context, address, key string, got *answered) (done <-chan struct{}) {
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for n := 0; ctx.Err() == nil; n++ {
				if (i+n)%2 == 0 {
					unary(ctx, client, address, key, got)
				} else {
					stream(ctx, client, address, key, got)
				}
			}
		})
	}
	finished := make(chan struct{})
	go func() { group.Wait(); close(finished) }()
	return finished
}

func post(ctx context.Context, client *http.Client, address, key, body string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	return client.Do(req)
}

type usageBlock struct {
	Usage *struct {
		Prompt     int64 `json:"prompt_tokens"`
		Completion int64 `json:"completion_tokens"`
	} `json:"usage"`
}

func unary(ctx context.Context, client *http.Client, address, key string, got *answered) {
	resp, err := post(ctx, client, address, key, `{"model":"gpt-4o-mini+latency=5ms","messages":[{"role":"user","content":"Hello"}]}`)
	if err != nil {
		return // weir is down: that is the experiment
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	var u usageBlock
	if err == nil && resp.StatusCode == http.StatusOK && json.Unmarshal(raw, &u) == nil && u.Usage != nil {
		got.add(resp.Header.Get("X-Request-Id"), tokens{u.Usage.Prompt, u.Usage.Completion})
	}
}

func stream(ctx context.Context, client *http.Client, address, key string, got *answered) {
	resp, err := post(ctx, client, address, key, `{"model":"gpt-4o-mini+interval=2ms+chunks=8","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Hello"}]}`)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	var last usageBlock
	whole := false
	for scanner := bufio.NewScanner(resp.Body); scanner.Scan(); {
		data, ok := strings.CutPrefix(scanner.Text(), "data: ")
		switch {
		case !ok:
		case data == "[DONE]":
			whole = true
		case strings.Contains(data, `"usage"`):
			var u usageBlock
			if json.Unmarshal([]byte(data), &u) == nil && u.Usage != nil {
				last = u
			}
		}
	}
	if whole && last.Usage != nil {
		got.add(resp.Header.Get("X-Request-Id"), tokens{last.Usage.Prompt, last.Usage.Completion})
	}
}

// settledRecords returns the whole request log. A restarted weir settles what
// was open before it serves; what was settled arrives within the second, so the
// log is read until it stays the same.
func settledRecords(t *testing.T, address string) []record {
	t.Helper()
	var before []record
	deadline := time.Now().Add(30 * time.Second)
	for {
		records := readRecords(t, address)
		if before != nil && len(records) == len(before) {
			return records
		}
		if time.Now().After(deadline) {
			t.Fatal("the request log keeps growing without any traffic")
		}
		before = records
		<-time.After(time.Second)
	}
}

func readRecords(t *testing.T, address string) []record {
	t.Helper()
	var all []record
	after := ""
	for {
		var page struct {
			Data    []record `json:"data"`
			HasMore bool     `json:"has_more"`
			LastID  string   `json:"last_id"`
		}
		must(t, "GET", address+"/weir/v1/requests?limit=1000&after="+after, adminKey, nil, &page)
		all = append(all, page.Data...)
		if !page.HasMore {
			return all
		}
		after = page.LastID
	}
}

// ledger returns the ids of all exchanges the provider has begun to answer.
func ledger(t *testing.T, address string) []string {
	t.Helper()
	var book struct {
		Exchanges []struct {
			RequestID string `json:"request_id"`
		} `json:"exchanges"`
	}
	must(t, "GET", address+"/sandbox/ledger", "", nil, &book)
	ids := map[string]bool{}
	for _, e := range book.Exchanges {
		ids[e.RequestID] = true
	}
	return slices.Collect(maps.Keys(ids))
}

func total(records []record) tokens {
	var sum tokens
	for _, r := range records {
		sum.input += r.Usage.Input
		sum.output += r.Usage.Output
	}
	return sum
}

// reported is what the usage report says of the last days.
func reported(t *testing.T, address string) tokens {
	t.Helper()
	var page struct {
		Data []struct {
			Results []struct {
				Input  int64 `json:"input_tokens"`
				Output int64 `json:"output_tokens"`
			} `json:"results"`
		} `json:"data"`
	}
	since := time.Now().Add(-48 * time.Hour).Unix()
	must(t, "GET", fmt.Sprintf("%s/v1/organization/usage/completions?start_time=%d&limit=31", address, since), adminKey, nil, &page)
	var sum tokens
	for _, bucket := range page.Data {
		for _, r := range bucket.Results {
			sum.input += r.Input
			sum.output += r.Output
		}
	}
	return sum
}
