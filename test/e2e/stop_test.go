package e2e

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func bootstrapKey(t *testing.T, dir string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "bootstrap-admin-key"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(raw))
}

// streaming is a weir that answers a stream.
type streaming struct {
	*process
	dir  string
	env  []string
	resp *http.Response
	body *bufio.Scanner
}

// startStream starts weir on a sandbox provider and reads the beginning of a
// stream of chunks that take interval each.
func startStream(t *testing.T, interval, chunks string, env ...string) *streaming {
	t.Helper()
	provider := start(t, nil, "sandbox", "--listen", "127.0.0.1:0")
	s := &streaming{dir: t.TempDir(), env: env}
	s.process = serve(t, s.dir, env...)
	model := "gpt-4o-mini+interval=" + interval + "+chunks=" + chunks
	must(t, "POST", s.address+"/weir/v1/connections", adminKey, map[string]any{
		"name": "sandbox", "provider": "openai_compatible", "base_url": provider.address + "/v1", "api_key": "sk-x", "models": []string{model},
	}, nil)
	_, key := project(t, s.address, "streams")
	s.resp = send(t, "POST", s.address+"/v1/chat/completions",
		`{"model":"`+model+`","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Hello"}]}`,
		map[string]string{"Authorization": "Bearer " + key, "Content-Type": "application/json"})
	t.Cleanup(func() { _ = s.resp.Body.Close() })
	if s.resp.StatusCode != http.StatusOK {
		t.Fatalf("the stream begins with %d", s.resp.StatusCode)
	}
	s.body = bufio.NewScanner(s.resp.Body)
	if !s.body.Scan() {
		t.Fatal("the stream has no first line:", s.body.Err())
	}
	return s
}

// rest reads the stream to its end and reports whether it ended as complete.
func (s *streaming) rest() (whole bool) {
	for s.body.Scan() {
		whole = whole || s.body.Text() == "data: [DONE]"
	}
	return whole
}

// records starts weir again and returns its request log.
func (s *streaming) records(t *testing.T) []record {
	t.Helper()
	again := serve(t, s.dir, s.env...)
	return settledRecords(t, again.address)
}

func TestStopLetsStreamsEnd(t *testing.T) {
	s := startStream(t, "20ms", "40")
	for range 2 { // as timeout(1) does: the process, then its group
		if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	s.waitFor(t, "shutting down")
	within(t, time.Second, "new callers are turned away", func() bool {
		conn, err := net.DialTimeout("tcp", strings.TrimPrefix(s.address, "http://"), time.Second)
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
	if !s.rest() {
		t.Error("the stream that ran was cut")
	}
	<-s.exited
	if s.err != nil {
		t.Errorf("weir ended with %v\n%s", s.err, s.stderr)
	}
	if got := s.records(t); len(got) != 1 || got[0].Outcome != "completed" || got[0].Usage.Output == 0 {
		t.Errorf("the request log: %+v", got)
	}
}

// A stream that runs on after the limit is cut, and never looks complete; what
// it has cost is written down before weir ends.
func TestStopCutsStreamsThatRunOn(t *testing.T) {
	s := startStream(t, "100ms", "600", "WEIR_SHUTDOWN_TIMEOUT=200ms", "WEIR_GATEWAY_DRAIN_TIMEOUT=200ms")
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if s.rest() {
		t.Error("a stream that was cut ends with [DONE]")
	}
	select {
	case <-s.exited:
	case <-time.After(10 * time.Second):
		t.Fatal("weir does not end\n", s.stderr)
	}
	if s.err != nil {
		t.Errorf("weir ended with %v\n%s", s.err, s.stderr)
	}
	if strings.Contains(s.stderr.String(), `"level":"ERROR"`) {
		t.Errorf("an orderly end logs errors:\n%s", s.stderr)
	}
	got := s.records(t)
	if len(got) != 1 || got[0].Outcome == "completed" || got[0].Outcome == "interrupted" || got[0].Usage.Output == 0 {
		t.Errorf("the request log: %+v", got)
	}
}

// TestRestartsUnderLoad stops weir in an orderly way while 16 clients call it,
// again and again: no call that runs is cut, and the books agree.
func TestRestartsUnderLoad(t *testing.T) {
	provider := start(t, nil, "sandbox", "--listen", "127.0.0.1:0")
	dir := t.TempDir()
	weir := serve(t, dir)
	must(t, "POST", weir.address+"/weir/v1/connections", adminKey, map[string]any{
		"name": "sandbox", "provider": "openai_compatible", "base_url": provider.address + "/v1", "api_key": "sk-provider",
		"models": []string{"gpt-4o-mini+latency=5ms", "gpt-4o-mini+interval=2ms+chunks=8"},
	}, nil)
	_, key := project(t, weir.address, "load")
	got := &answered{calls: map[string]tokens{}}
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		done := load(ctx, weir.address, key, got)
		<-time.After(300 * time.Millisecond)
		if err := weir.stop(t); err != nil {
			t.Fatalf("weir ended with %v\n%s", err, weir.stderr)
		}
		cancel()
		<-done
		if strings.Contains(weir.stderr.String(), `"level":"ERROR"`) {
			t.Errorf("an orderly end under load logs errors:\n%s", weir.stderr)
		}
		weir = serve(t, dir)
	}
	records := settledRecords(t, weir.address)
	if wrong := compare(got.calls, records, ledger(t, provider.address)); len(wrong) > 0 {
		t.Errorf("%d differences, among them:\n%s", len(wrong), strings.Join(wrong[:min(len(wrong), 10)], "\n"))
	}
	for _, r := range records {
		if r.Outcome != "completed" {
			t.Errorf("%s was cut: %s", r.ID, r.Outcome)
		}
	}
	if len(got.calls) < 50 || len(got.calls) != len(records) {
		t.Errorf("%d calls were answered whole, %d are recorded", len(got.calls), len(records))
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	s := startStream(t, "100ms", "600")
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	within(t, 5*time.Second, "another signal ends weir", func() bool {
		_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		select {
		case <-s.exited:
			return true
		default:
			return false
		}
	})
	if code := s.cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	if s.rest() {
		t.Error("a stream that was cut ends with [DONE]")
	}
	if got := s.records(t); len(got) != 1 || got[0].Outcome != "interrupted" {
		t.Errorf("the request log: %+v", got)
	}
}
