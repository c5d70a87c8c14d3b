// Package e2e drives the whole binary as its users do: processes, signals,
// HTTP.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is bin/weir as this test run built it.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "weir-e2e-*")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "weir")
	build := exec.Command("go", "build", "-o", path, "weir/cmd/weir")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building weir: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// adminKey is the first admin key of every install the tests make.
const adminKey = "sk-admin-e2e-0123456789abcdefghijklmnopqrstuvwxyz"

// process is a running weir.
type process struct {
	cmd     *exec.Cmd
	address string
	stderr  *lines
	exited  chan struct{}
	err     error // valid once exited is closed
}

// lines keeps what a process prints and tells when there is more.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func newLines() *lines { return &lines{more: make(chan struct{})} }

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.more)
	l.more = make(chan struct{})
	return l.text.Write(p)
}

// now returns what was printed, and what is closed when there is more.
func (l *lines) now() (string, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String(), l.more
}

func (l *lines) String() string {
	text, _ := l.now()
	return text
}

// spawn runs weir in an empty folder with nothing but env. It is killed when
// the test ends.
func spawn(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.Command(path, args...), stderr: newLines(), exited: make(chan struct{})}
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, env...)
	p.cmd.Dir = t.TempDir()
	// Whatever ends this test ends the child.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.cmd.Stdout, p.cmd.Stderr = p.stderr, p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(p.kill)
	return p
}

var addressPattern = regexp.MustCompile(`https?://127\.0\.0\.1:\d+`)

// start is spawn for a server: it returns once that says where it serves.
func start(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := spawn(t, env, args...)
	p.address = addressPattern.FindString(p.waitFor(t, "://127.0.0.1:"))
	return p
}

// waitFor returns what was printed once it contains text and the line is whole.
func (p *process) waitFor(t *testing.T, text string) string {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		out, more := p.stderr.now()
		if at := strings.Index(out, text); at >= 0 && strings.Contains(out[at:], "\n") {
			return out
		}
		select {
		case <-more:
		case <-p.exited:
			t.Fatalf("weir %v ended before it printed %q: %v\n%s", p.cmd.Args[1:], text, p.err, p.stderr)
		case <-deadline:
			t.Fatalf("weir %v does not print %q\n%s", p.cmd.Args[1:], text, p.stderr)
		}
	}
}

// serve runs weir serve on a data directory.
func serve(t *testing.T, dir string, env ...string) *process {
	t.Helper()
	return start(t, append([]string{
		"WEIR_LISTEN=127.0.0.1:0", "WEIR_DATA_DIR=" + dir, "WEIR_LOG_FORMAT=json",
		"WEIR_BOOTSTRAP_ADMIN_KEY=" + adminKey, "WEIR_BOOTSTRAP_OWNER_PASSWORD=e2e-password",
	}, env...), "serve")
}

// kill ends the process at once, as a crash would.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended already
	<-p.exited
}

// stop asks the process to end and returns its exit error.
func (p *process) stop(t *testing.T) error {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.exited:
		return p.err
	case <-time.After(time.Minute):
		t.Fatalf("weir does not end after SIGTERM\n%s", p.stderr)
		return nil
	}
}

// call makes one request and decodes its answer into out, which may be nil.
func call(t *testing.T, method, url, key string, body, out any) (status int, raw []byte) {
	t.Helper()
	var reader io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		reader = bytes.NewReader(encoded)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, reader)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if raw, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	if out != nil && resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal(raw, out); err != nil {
			t.Fatalf("%s %s: %v\n%s", method, url, err, raw)
		}
	}
	return resp.StatusCode, raw
}

// must is call for an answer that has to be 200.
func must(t *testing.T, method, url, key string, body, out any) {
	t.Helper()
	if status, raw := call(t, method, url, key, body, out); status != http.StatusOK {
		t.Fatalf("%s %s: %d %s", method, url, status, raw)
	}
}

// project makes a project with a service account and returns its key.
func project(t *testing.T, address, name string) (projectID, key string) {
	t.Helper()
	var made struct {
		ID string `json:"id"`
	}
	must(t, "POST", address+"/v1/organization/projects", adminKey, map[string]any{"name": name}, &made)
	var account struct {
		APIKey struct {
			Value string `json:"value"`
		} `json:"api_key"`
	}
	must(t, "POST", address+"/v1/organization/projects/"+made.ID+"/service_accounts", adminKey, map[string]any{"name": "bot"}, &account)
	if !strings.HasPrefix(account.APIKey.Value, "sk-svcacct-") {
		t.Fatalf("the service account's key is %q", account.APIKey.Value)
	}
	return made.ID, account.APIKey.Value
}
