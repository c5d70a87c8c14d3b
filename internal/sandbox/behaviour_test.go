package sandbox

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/openaiwire"
)

func chatBody(model string, stream bool) string {
	body := `{"model":"` + model + `","messages":[{"role":"user","content":"Hi"}]`
	if stream {
		body += `,"stream":true,"stream_options":{"include_usage":true}`
	}
	return body + "}"
}

func TestRefusals(t *testing.T) {
	_, server, _ := serve(t, Options{APIKey: "sk-right"})
	cases := []struct {
		name, path, key, body string
		status                int
		code                  string
	}{
		{"no key", "/v1/chat/completions", "", chatBody("gpt-4o", false), 401, ""},
		{"wrong key", "/v1/chat/completions", "sk-wrong", chatBody("gpt-4o", false), 401, "invalid_api_key"},
		{"unknown model", "/v1/chat/completions", "sk-right", chatBody("gpt-9", false), 404, "model_not_found"},
		{"hostile model", "/v1/chat/completions", "sk-right", chatBody(`ft:gpt-4o:\u0001`, false), 404, "model_not_found"},
		{"embedding model", "/v1/chat/completions", "sk-right", chatBody("text-embedding-3-small", false), 404, ""},
		{"no model", "/v1/chat/completions", "sk-right", `{"messages":[]}`, 400, ""},
		{"no messages", "/v1/chat/completions", "sk-right", `{"model":"gpt-4o"}`, 400, "missing_required_parameter"},
		{"no input", "/v1/responses", "sk-right", `{"model":"gpt-4o"}`, 400, "missing_required_parameter"},
		{"no JSON", "/v1/responses", "sk-right", `model=gpt-4o`, 400, ""},
		{"unknown tier", "/v1/responses", "sk-right", `{"model":"gpt-4o","input":"x","service_tier":"\"gold"}`, 400, "invalid_value"},
		{"unknown option", "/v1/chat/completions", "sk-right", chatBody("gpt-4o+sloww", false), 400, "unknown_sandbox_option"},
		{"bad option", "/v1/chat/completions", "sk-right", chatBody("gpt-4o+cut=x", false), 400, "invalid_sandbox_option"},
		{"asked 500", "/v1/chat/completions", "sk-right", chatBody("gpt-4o+error=500", true), 500, ""},
		{"asked 418", "/v1/chat/completions", "sk-right", chatBody("gpt-4o+error=418", true), 418, ""},
		{"asked 429", "/v1/chat/completions", "sk-right", chatBody("gpt-4o+error=429+retry-after=7", true), 429, "rate_limit_exceeded"},
		{"unknown path", "/v1/nothing", "sk-right", `{}`, 404, ""},
		{"wrong method", "/v1/models", "sk-right", `{}`, 405, "method_not_supported"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			headers := []string{"Authorization", "Bearer " + c.key}
			resp := post(t.Context(), t, server.URL+c.path, c.body, headers...)
			body := decode[openaiwire.ErrorBody](t, read(t, resp))
			code := ""
			if body.Error.Code != nil {
				code = *body.Error.Code
			}
			if resp.StatusCode != c.status || code != c.code || body.Error.Message == "" || body.Error.Type == "" {
				t.Errorf("status %d, %+v", resp.StatusCode, body.Error)
			}
			if resp.Header.Get("X-Weir-Sandbox") != "true" || !strings.HasPrefix(resp.Header.Get("X-Request-Id"), "req_") {
				t.Errorf("headers %v", resp.Header)
			}
			if c.status == 429 && resp.Header.Get("Retry-After") != "7" {
				t.Errorf("retry-after %q", resp.Header.Get("Retry-After"))
			}
		})
	}
}

func TestCut(t *testing.T) {
	for _, stream := range []bool{true, false} {
		p, server, _ := serve(t, Options{})
		resp := post(t.Context(), t, server.URL+"/v1/chat/completions", chatBody("gpt-4o+cut=3", stream))
		body, err := io.ReadAll(resp.Body)
		if err == nil {
			t.Errorf("stream %t: the body ends as if it were whole: %s", stream, body)
		}
		if n := strings.Count(string(body), `"delta":{"content":`); stream && n != 3 {
			t.Errorf("%d chunks before the cut, want 3", n)
		}
		if l := p.Ledger(); l.Cut != 1 || l.Completed != 0 || l.OutputTokens != 0 {
			t.Errorf("stream %t: ledger %+v", stream, l)
		}
	}
}

func TestStallEndsWhenTheCallerHangsUp(t *testing.T) {
	for stream, chunks := range map[bool]int{true: 1, false: 0} {
		synctest.Test(t, func(t *testing.T) {
			p := New(Options{})
			ctx, hangUp := context.WithCancel(t.Context())
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, "/v1/chat/completions", strings.NewReader(chatBody("gpt-4o+stall", stream)))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer sk-test")
			w := &pacedWriter{header: http.Header{}}
			done := make(chan struct{})
			go func() { p.ServeHTTP(w, r); close(done) }()
			synctest.Wait()
			if got := strings.Count(string(w.body), `"delta":{"content":`); got != chunks {
				t.Errorf("stream %t: stalled after %d chunks, want %d", stream, got, chunks)
			}
			hangUp()
			<-done
			if l := p.Ledger(); l.Abandoned != 1 || l.Requests != 1 {
				t.Errorf("stream %t: ledger %+v", stream, l)
			}
		})
	}
}

func TestNoUsage(t *testing.T) {
	_, server, _ := serve(t, Options{})
	for _, stream := range []bool{true, false} {
		body := read(t, post(t.Context(), t, server.URL+"/v1/chat/completions", chatBody("gpt-4o+nousage", stream)))
		if strings.Contains(body, `"usage"`) {
			t.Errorf("stream %t: %s", stream, body)
		}
	}
}

func TestGzipIsAnsweredWhereAccepted(t *testing.T) {
	_, server, _ := serve(t, Options{})
	for _, stream := range []bool{true, false} {
		// The client asks for gzip by itself and undoes it.
		resp := post(t.Context(), t, server.URL+"/v1/chat/completions", chatBody("gpt-4o+gzip", stream))
		if body := read(t, resp); !resp.Uncompressed || !strings.Contains(body, "[sandbox]") {
			t.Errorf("stream %t: uncompressed %t, %s", stream, resp.Uncompressed, body)
		}
		resp = post(t.Context(), t, server.URL+"/v1/chat/completions", chatBody("gpt-4o+gzip", stream), "Accept-Encoding", "identity")
		if body := read(t, resp); resp.Header.Get("Content-Encoding") != "" || !strings.Contains(body, "[sandbox]") {
			t.Errorf("stream %t: headers %v", stream, resp.Header)
		}
	}
}

func TestOptionsOfHeaderAndModel(t *testing.T) {
	p := New(Options{Chunks: 9, Latency: time.Second})
	name, b, err := p.behaviourOf("gpt-4o+chunks=3+slow", "chunks=20, interval=7ms,")
	if err != nil {
		t.Fatal(err)
	}
	want := behaviour{latency: slowLatency, interval: slowInterval, chunks: 3, cut: -1, stall: -1}
	if name != "gpt-4o" || b != want {
		t.Errorf("%q %+v, want %+v", name, b, want)
	}
	if _, b, _ = p.behaviourOf("gpt-4o", ""); b.chunks != 9 || b.latency != time.Second {
		t.Errorf("the provider's own: %+v", b)
	}
}

// TestPace runs on a fake clock: the waits are exactly those asked for.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{})
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/chat/completions", strings.NewReader(chatBody("gpt-4o", true)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer sk-test")
		r.Header.Set(OptionsHeader, "latency=250ms,chunks=5,interval=10ms")
		w := &pacedWriter{header: http.Header{}, began: time.Now()}
		p.ServeHTTP(w, r)
		want := []time.Duration{250, 250, 260, 270, 280, 290, 290} // role, five tokens, the end
		if len(w.flushes) != len(want) {
			t.Fatalf("flushed at %v", w.flushes)
		}
		for i := range want {
			if w.flushes[i] != want[i]*time.Millisecond {
				t.Errorf("flush %d after %v, want %vms", i, w.flushes[i], int(want[i]))
			}
		}
	})
}

// pacedWriter notes what is written and when it is flushed.
type pacedWriter struct {
	header  http.Header
	body    []byte
	began   time.Time
	flushes []time.Duration
}

func (w *pacedWriter) Header() http.Header { return w.header }
func (w *pacedWriter) WriteHeader(int)     {}
func (w *pacedWriter) Flush()              { w.flushes = append(w.flushes, time.Since(w.began)) }
func (w *pacedWriter) Write(p []byte) (int, error) {
	w.body = append(w.body, p...)
	return len(p), nil
}

func TestLedgerOverHTTP(t *testing.T) {
	p, server, client := serve(t, Options{})
	got, err := client.Chat.Completions.New(t.Context(), chatParams("o3"))
	if err != nil {
		t.Fatal(err)
	}
	ledger := func(method string) Totals {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+"/sandbox/ledger", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return decode[Totals](t, read(t, resp))
	}
	l := ledger(http.MethodGet)
	if l.ByModel["o3-2025-04-16"].OutputTokens != got.Usage.CompletionTokens || l.InputTokens != got.Usage.PromptTokens || l.Exchanges[0].ID != got.ID {
		t.Errorf("ledger %+v", l)
	}
	ledger(http.MethodDelete)
	if l := p.Ledger(); l.Requests != 0 || len(l.Exchanges) != 0 {
		t.Errorf("after a reset: %+v", l)
	}
}

func TestLedgerForgetsTheOldest(t *testing.T) {
	var l ledger
	for range keptEntries {
		l.add(Entry{RequestID: "old", Outcome: OutcomeCompleted, OutputTokens: 1})
	}
	l.add(Entry{RequestID: "new", Outcome: OutcomeCompleted, OutputTokens: 1})
	l.replace(Entry{RequestID: "new", Outcome: OutcomeAbandoned, OutputTokens: 1})
	got := l.totals()
	if len(got.Exchanges) != keptEntries || got.Exchanges[keptEntries-1].RequestID != "new" {
		t.Errorf("%d kept, last %+v", len(got.Exchanges), got.Exchanges[len(got.Exchanges)-1])
	}
	if got.Completed != keptEntries || got.Abandoned != 1 || got.OutputTokens != keptEntries {
		t.Errorf("sum %+v", got.Sum)
	}
}
