// Command weir is a gateway for OpenAI-compatible APIs with an organization
// behind it: projects, keys, usage and cost, in one binary.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"
)

// version is set by the linker.
var version = "dev"

// The exit codes of every command.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2 // bad usage or configuration
	// exitPending is `weir apply --plan` that would change something.
	exitPending = 3
)

// command is one word after weir.
type command struct {
	name    string
	args    string // shown in the usage line
	summary string
	run     func(ctx context.Context, c *cli, args []string) error
}

// cli is what a command may use of the process.
type cli struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	env    []string

	// Whether somebody sits at the other end: who can be asked, and who reads
	// better in columns.
	stdinTerminal, stdoutTerminal bool
}

// usageError is a mistake in how the command was called: exit code 2.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// errPending ends a command that has shown what it would change.
var errPending = errors.New("changes are pending")

// errReported ends a command that has already said what is wrong.
var errReported = errors.New("reported")

func commands() []command {
	var all []command
	for _, chapter := range chapters() {
		all = append(all, chapter.commands...)
	}
	return all
}

// chapter is a part of the list of commands.
type chapter struct {
	title    string
	commands []command
}

func chapters() []chapter {
	return []chapter{
		{"Serving", []command{
			{"serve", "[flags]", "serve the gateway, the Admin API and weir's own API", runServe},
			{"demo", "[flags]", "serve a demo: sandbox provider, projects, keys, some days of traffic", runDemo},
			{"sandbox", "[flags]", "serve the sandbox provider alone, for tests of applications", runSandbox},
		}},
		{"A running weir, over its API", remoteCommands()},
		{"This install: its files and databases", []command{
			{"organizations", "create [flags]", "add an organization to this install", runOrganizations},
			{"ip-allowlists", "deactivate [flags]", "let in who is locked out by the organization's IP allowlists", runIPAllowlists},
			{"audit", "list|verify|export [flags]", "list the audit log over the API; check its chain and write it out from the database", runAudit},
			{"check-config", "[flags]", "read the configuration and show what is in force, without secrets", runCheckConfig},
			{"forget-secrets", "[--yes] [flags]", "remove the secrets that a lost master key has sealed", runForgetSecrets},
			{"doctor", "[flags]", "say what is wrong with this install, in sentences", runDoctor},
		}},
		{"Other", []command{
			{"bench", "[flags]", "measure weir beside direct calls and other proxies", runBench},
			{"version", "", "print the version", runVersion},
			{"help", "[command]", "print this, or what a command takes", runHelp},
		}},
	}
}

func main() {
	ctx := untilSignal(context.Background())
	c := &cli{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, env: os.Environ(),
		stdinTerminal: isatty.IsTerminal(os.Stdin.Fd()), stdoutTerminal: isatty.IsTerminal(os.Stdout.Fd()),
	}
	os.Exit(run(ctx, c, os.Args[1:]))
}

// signalEcho is how soon after a signal another is the same one: supervisors
// such as timeout(1) signal the process, and then its group with it.
const signalEcho = 500 * time.Millisecond

// untilSignal returns a context that ends with the first SIGINT or SIGTERM,
// which asks for an orderly end. The second ends the process at once.
func untilSignal(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		first := time.Now()
		cancel()
		for range signals {
			if time.Since(first) >= signalEcho {
				os.Exit(exitFailed)
			}
		}
	}()
	return ctx
}

func run(ctx context.Context, c *cli, args []string) int {
	if len(args) == 0 {
		printCommands(c.stderr)
		return exitUsage
	}
	name := args[0]
	switch name {
	case "-h", "--help":
		name = "help"
	case "--version":
		name = "version"
	}
	for _, cmd := range commands() {
		if cmd.name == name {
			return exitCode(c, cmd.run(ctx, c, args[1:]))
		}
	}
	_, _ = fmt.Fprintf(c.stderr, "weir: there is no command %q. Run 'weir help'.\n", name)
	return exitUsage
}

func exitCode(c *cli, err error) int {
	var bad usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errPending):
		return exitPending
	case errors.Is(err, errReported):
		return exitFailed
	case errors.As(err, &bad):
		_, _ = fmt.Fprintf(c.stderr, "weir: %v\n", err)
		return exitUsage
	}
	_, _ = fmt.Fprintf(c.stderr, "weir: %v\n", err)
	return exitFailed
}

func printCommands(w io.Writer) {
	_, _ = fmt.Fprint(w, "weir regulates and measures AI traffic.\n\nUsage: weir COMMAND\n")
	width := 0
	for _, cmd := range commands() {
		width = max(width, len(cmd.name))
	}
	for _, chapter := range chapters() {
		_, _ = fmt.Fprintf(w, "\n%s\n", chapter.title)
		for _, cmd := range chapter.commands {
			_, _ = fmt.Fprintf(w, "  %-*s  %s\n", width, cmd.name, cmd.summary)
		}
	}
	_, _ = fmt.Fprint(w, "\n'weir COMMAND --help' says what a command takes.\n")
}

func runVersion(_ context.Context, c *cli, _ []string) error {
	_, err := fmt.Fprintln(c.stdout, "weir", version)
	return err
}

func runHelp(ctx context.Context, c *cli, args []string) error {
	if len(args) > 0 && args[0] != "help" {
		for _, cmd := range commands() {
			if cmd.name == args[0] {
				return cmd.run(ctx, c, []string{"--help"})
			}
		}
		return usageError{fmt.Errorf("there is no command %q", args[0])}
	}
	printCommands(c.stdout)
	return nil
}
