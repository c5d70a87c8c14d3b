package bench

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// The names of the targets that the report treats apart.
const (
	Direct    = "direct"    // no proxy: the base of added latency
	Reference = "reference" // what ratios refer to
	Weir      = "weir"      // what the musts are about
)

// Target is something to send calls to.
type Target interface {
	// Name is its column in the report.
	Name() string
	// Present says why it cannot run on this machine, nil where it can.
	Present() error
	// Start starts a process that relays to upstream ("http://127.0.0.1:port",
	// without path), ready to answer POST /v1/chat/completions.
	Start(ctx context.Context, upstream string) (*Instance, error)
}

// Instance is a target that runs.
type Instance struct {
	URL string // without path
	PID int    // of the process whose CPU and memory count; 0 where there is none
	Key string // the bearer token of calls

	stop func() error
}

// Stop ends the process and removes what it left. It may be called twice.
func (i *Instance) Stop() error {
	if i.stop == nil {
		return nil
	}
	stop := i.stop
	i.stop = nil
	return stop()
}

// DefaultTargets is direct calls, the reference, nginx and weir.
func DefaultTargets(o Options) []Target {
	return []Target{direct{}, reference{exe: o.Executable}, nginx{dir: o.Dir}, weir{exe: o.WeirExecutable, dir: o.Dir, env: o.WeirEnv}}
}

// direct is no proxy at all.
type direct struct{}

func (direct) Name() string   { return Direct }
func (direct) Present() error { return nil }
func (direct) Start(_ context.Context, upstream string) (*Instance, error) {
	return &Instance{URL: upstream, Key: "none"}, nil
}

// child is a process of the benchmark. Its stdin is a pipe that closes with this
// process, which is how our own children notice that they are orphans.
type child struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	line   chan string // the first on stdout
	stderr *os.File
	exited chan struct{} // closed once err is set
	err    error
}

// spawn starts cmd and sees to it that it does not outlive this process.
func spawn(cmd *exec.Cmd) (*child, error) {
	tether(cmd)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe to %s: %w", cmd.Path, err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe from %s: %w", cmd.Path, err)
	}
	stderr, err := logFile()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", cmd.Path, err), stderr.Close())
	}
	c := &child{cmd: cmd, stdin: stdin, stderr: stderr, line: make(chan string, 1), exited: make(chan struct{})}
	go c.attend(stdout)
	return c, nil
}

// attend reads what the child says, so that it never waits for a reader, and
// waits for its end.
func (c *child) attend(stdout io.Reader) {
	lines := bufio.NewReader(stdout)
	if line, err := lines.ReadString('\n'); err == nil {
		c.line <- strings.TrimSpace(line)
	}
	_, _ = io.Copy(io.Discard, lines) // ends with the child, and so never fails for long
	c.err = c.cmd.Wait()
	close(c.exited)
}

// firstLine is what the child says first: where it listens.
func (c *child) firstLine(ctx context.Context) (string, error) {
	select {
	case line := <-c.line:
		return line, nil
	case <-c.exited:
		return "", c.died()
	case <-ctx.Done():
		return "", fmt.Errorf("%s does not say where it listens: %w", c.cmd.Path, ctx.Err())
	}
}

// stop asks the process to end, and ends it if it is not gone within grace.
func (c *child) stop(grace time.Duration) error {
	_ = c.stdin.Close()
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("ending %s: %w", c.cmd.Path, err)
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-c.exited:
	case <-timer.C:
		_ = c.cmd.Process.Kill() // fails only where it is gone by now
		<-c.exited
	}
	return c.stderr.Close()
}

// died is nil while the process runs, else how it ended.
func (c *child) died() error {
	select {
	case <-c.exited:
		return fmt.Errorf("%s ended: %w%s", c.cmd.Path, cmp.Or(c.err, errors.New("of its own accord")), c.said())
	default:
		return nil
	}
}

// startOwn runs this benchmark's own binary as a child server.
func startOwn(ctx context.Context, exe string, args ...string) (*Instance, error) {
	cmd := exec.CommandContext(ctx, exe, append([]string{"bench", "child"}, args...)...)
	cmd.Env = []string{} // nothing of the caller's, GOGC included
	c, err := spawn(cmd)
	if err != nil {
		return nil, err
	}
	stop := func() error { return c.stop(time.Second) }
	address, err := c.firstLine(ctx)
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	return &Instance{URL: address, PID: cmd.Process.Pid, Key: "none", stop: stop}, nil
}

// logFile is where a process writes its stderr: a file, as in production, rather
// than a pipe that this process would have to keep empty. It has no name any
// more and goes away when it is closed.
func logFile() (*os.File, error) {
	f, err := os.CreateTemp("", "weir-bench-log-")
	if err != nil {
		return nil, fmt.Errorf("making a log file: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("unlinking a log file: %w", err), f.Close())
	}
	return f, nil
}

// said is the end of what the process wrote to stderr, to append to an error.
func (c *child) said() string {
	const quoted = 2 << 10
	info, err := c.stderr.Stat()
	if err != nil {
		return ""
	}
	text, err := io.ReadAll(io.NewSectionReader(c.stderr, max(0, info.Size()-quoted), quoted))
	text = bytes.TrimSpace(text)
	if err != nil || len(text) == 0 {
		return ""
	}
	return "; its last words: " + string(text)
}
