package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"weir/internal/money"
	"weir/internal/usage"
)

func TestLogLines(t *testing.T) {
	var out bytes.Buffer
	log, _, err := NewLogger(&out, FormatAuto, "warn")
	if err != nil {
		t.Fatal(err)
	}
	log.Info("not written")
	log.Warn("slow", FieldRequestID, "req_1", FieldStatus, 200)
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("not on a terminal, yet not one JSON line: %q", out.String())
	}
	if line["msg"] != "slow" || line["level"] != "WARN" || line["request_id"] != "req_1" || line["status"] != 200.0 {
		t.Errorf("%v", line)
	}

	out.Reset()
	log, flush, err := NewLogger(&out, FormatText, "debug")
	if err != nil {
		t.Fatal(err)
	}
	log.Debug("seen")
	if err := flush(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "level=DEBUG msg=seen") {
		t.Error(out.String())
	}
}

// Nobody turns a line of the log round, or breaks it in two where it is shown.
func TestLogShowsWhatCannotBeSeen(t *testing.T) {
	for _, format := range []string{FormatJSON, FormatText} {
		var out bytes.Buffer
		log, _, err := NewLogger(&out, format, "warn")
		if err != nil {
			t.Fatal(err)
		}
		log.Warn("x", FieldPath, "/v1/\u202Efdp\u2066.\u2028\u061C\u00e9\u2026")
		line := out.String()
		if strings.ContainsAny(line, "\u202E\u2066\u2028\u061C") || !strings.Contains(line, `\u202e`) || !strings.Contains(line, "\u00e9\u2026") {
			t.Errorf("%s: %q", format, line)
		}
		var fields map[string]any
		if format == FormatJSON && (json.Unmarshal(out.Bytes(), &fields) != nil || fields["path"] != "/v1/\u202Efdp\u2066.\u2028\u061C\u00e9\u2026") {
			t.Errorf("%v", fields)
		}
	}
}

func TestPipeIsNotATerminal(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if isTerminal(w) {
		t.Error("a pipe counts as a terminal")
	}
}

func TestLoggerRefusesUnknownWords(t *testing.T) {
	if _, _, err := NewLogger(&bytes.Buffer{}, "xml", "info"); err == nil {
		t.Error("format xml")
	}
	if _, _, err := NewLogger(&bytes.Buffer{}, FormatJSON, "loud"); err == nil {
		t.Error("level loud")
	}
}

func TestSecretsAreMaskedWhereverTheyStand(t *testing.T) {
	const secret = "hunter2hunter2hunter2"
	type nested struct{ Header map[string]string }
	for _, format := range []string{FormatJSON, FormatText} {
		var out bytes.Buffer
		log, flush, err := NewLogger(&out, format, "info")
		if err != nil {
			t.Fatal(err)
		}
		log.Info("key sk-admin-"+secret, "a", "x sk-"+secret+".", "b", errors.New("open postgres://weir:"+secret+"@db/weir: refused"))
		log.With("authorization", "Bearer "+secret).WithGroup("g").Info("x", "c", nested{map[string]string{"k": "sk-proj-" + secret}})
		log.Info("x", "d", []string{"bearer " + secret}, "e", json.RawMessage(`{"k":"sk-`+secret+`"}`))
		if err := flush(); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), secret) {
			t.Errorf("%s: %s", format, out.String())
		}
		for _, want := range []string{"key sk-admin-***", "postgres://weir:***@db/weir", "sk-proj-***", "Bearer ***"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: %s\nlacks %s", format, out.String(), want)
			}
		}
		if format == FormatJSON {
			for line := range strings.Lines(out.String()) {
				if !json.Valid([]byte(line)) {
					t.Errorf("masking broke the line: %s", line)
				}
			}
		}
	}
}

func TestHarmlessTextIsLeftAlone(t *testing.T) {
	for _, text := range []string{
		"task-managers-and-risk-assessments", "sk-proj-...wxyz", "sk-abc", "http://127.0.0.1:8080/a@b", "mail owner@localhost",
		"basic authentication", "https://host/v1", "bearer of news", "postgres://weir@db/weir",
	} {
		if got := string(Mask([]byte(text))); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// scrape returns the metrics as Prometheus reads them.
func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestMetrics(t *testing.T) {
	m := NewMetrics("v1.2.3")
	done := m.RequestStarted()
	m.RequestStarted()
	done()
	cost, err := money.Parse("0.25")
	if err != nil {
		t.Fatal(err)
	}
	m.RequestDone(Request{
		Route: "/v1/chat/completions", Status: 200, Outcome: usage.OutcomeCompleted, Duration: 2 * time.Second, FirstByte: 20 * time.Millisecond,
		Kind:       usage.Completions,
		Quantities: usage.Quantities{InputText: 10, InputAudio: 1, CachedText: 5, CacheWrite: 2, OutputText: 7, Reasoning: 3},
		Cost:       &cost,
	})
	m.RequestDone(Request{Route: "/v1/chat/completions", Status: 401, Outcome: usage.OutcomeFailed, Unpriced: true})
	negative := cost.Neg()
	m.RequestDone(Request{Route: "/v1/models", Status: 200, Outcome: usage.OutcomeCompleted, Cost: &negative}) // must not panic
	m.UpstreamAttempt("openai", 429)
	m.UpstreamAttempt("openai", 0)
	m.UsageBacklog(12)
	m.UsageSynced(300 * time.Microsecond)
	m.SnapshotRefreshed(42, time.Millisecond)

	text := scrape(t, m)
	for _, want := range []string{
		`weir_requests_total{outcome="completed",route="/v1/chat/completions",status="200"} 1`,
		`weir_requests_total{outcome="failed",route="/v1/chat/completions",status="401"} 1`,
		`weir_request_duration_seconds_sum{route="/v1/chat/completions"} 2`,
		`weir_request_duration_seconds_count{route="/v1/chat/completions"} 2`,
		`weir_time_to_first_byte_seconds_count{route="/v1/chat/completions"} 1`,
		`weir_tokens_total{direction="input",kind="completions"} 11`,
		`weir_tokens_total{direction="cached_input",kind="completions"} 5`,
		`weir_tokens_total{direction="cache_write",kind="completions"} 2`,
		`weir_tokens_total{direction="output",kind="completions"} 7`,
		`weir_cost_usd_total 0.25`,
		`weir_unpriced_requests_total 1`,
		`weir_upstream_attempts_total{provider="openai",status="429"} 1`,
		`weir_upstream_attempts_total{provider="openai",status="0"} 1`,
		`weir_in_flight 1`,
		`weir_usage_log_backlog 12`,
		`weir_usage_log_sync_seconds_count 1`,
		`weir_snapshot_version 42`,
		`weir_snapshot_refresh_seconds_count 1`,
		`weir_build_info{version="v1.2.3"} 1`,
		`go_goroutines`,
		`process_start_time_seconds`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
}

func TestTwoMetricsInOneProcess(t *testing.T) {
	NewMetrics("a")
	NewMetrics("b") // a global registry would panic
}

func BenchmarkRequestDone(b *testing.B) {
	m := NewMetrics("v0")
	r := Request{Route: "/v1/chat/completions", Status: 200, Outcome: usage.OutcomeCompleted, Duration: time.Second, FirstByte: time.Second, Kind: usage.Completions, Quantities: usage.Quantities{InputText: 1, OutputText: 1}}
	b.ReportAllocs()
	for b.Loop() {
		m.RequestDone(r)
	}
}
