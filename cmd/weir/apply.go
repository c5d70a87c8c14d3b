package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"weir/internal/orgfile"
)

func applyCommand() resource {
	return resource{
		name: "apply", summary: "make the organization what a file says, after showing the plan",
		verbs: []verb{{
			"", "", "make the organization what a file says, after showing the plan",
			[]string{"weir apply -f org.yaml --plan", "weir apply -f org.yaml --yes", "weir apply -f org.yaml --prune --archive 'Old project' --yes"},
			applyFile,
		}},
	}
}

// application is one run of weir apply.
type application struct {
	file, state string
	plan, yes   bool
	prune       bool
	archive     exact
	remote      *remote
	changes     orgfile.Plan
	done        int
	owner       string
	world       orgfile.World
	ownedBefore *orgfile.State
}

// exact is a flag that may be given several times, each a value as it stands:
// names may hold commas.
type exact []string

// String implements flag.Value.
func (e *exact) String() string { return strings.Join(*e, ",") }

// Set implements flag.Value.
func (e *exact) Set(s string) error {
	*e = append(*e, s)
	return nil
}

func applyFile(fs *flag.FlagSet) action {
	var a application
	fs.StringVar(&a.file, "f", "", "the `FILE`, as docs/formats/organization-file.md describes it")
	fs.StringVar(&a.state, "state", "", "the `FILE` that keeps what was created, else FILE.state.json beside it")
	fs.BoolVar(&a.plan, "plan", false, "show the plan and end: with exit code 3 when something would change, else 0")
	fs.BoolVar(&a.yes, "yes", false, "do not ask")
	fs.BoolVar(&a.prune, "prune", false, "archive projects that an apply created and that are no longer in the file")
	fs.Var(&a.archive, "archive", "the `NAME` of a project that --prune may archive without asking")
	return func(ctx context.Context, r *remote, _ []string) error {
		a.remote = r
		if a.file == "" {
			return usageError{errors.New("-f FILE is missing")}
		}
		if a.state == "" {
			a.state = orgfile.StatePath(a.file)
		}
		if err := a.makePlan(ctx); err != nil {
			return err
		}
		if len(a.changes.Changes) == 0 {
			return a.show("")
		}
		if a.plan {
			if err := a.show("planned"); err != nil {
				return err
			}
			return errPending
		}
		return a.apply(ctx)
	}
}

// readOrganizationFile reads a bounded file: a path to something else should say
// so.
func readOrganizationFile(path string) (orgfile.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return orgfile.File{}, usageError{err}
	}
	defer func() { _ = f.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, orgfile.MaxSize+1))
	if err != nil {
		return orgfile.File{}, usageError{err}
	}
	file, err := orgfile.Parse(filepath.Base(path), text)
	if err != nil {
		return file, usageError{err}
	}
	return file, nil
}

func (a *application) makePlan(ctx context.Context) error {
	file, err := readOrganizationFile(a.file)
	if err != nil {
		return err
	}
	want, err := file.Objects()
	if err != nil {
		return usageError{fmt.Errorf("%s: %w", plain(a.file), err)}
	}
	a.owner = file.Owner
	if a.ownedBefore, err = orgfile.OpenState(a.state); err != nil {
		return err
	}
	organizationID, err := orgfile.OrganizationID(ctx, a.remote.api)
	if err != nil {
		return err
	}
	owned := a.ownedBefore.Owned(organizationID, a.owner)
	if a.world, err = orgfile.ReadFor(ctx, a.remote.api, want, owned); err != nil {
		return err
	}
	a.changes, err = orgfile.MakePlan(want, a.world, owned, a.prune)
	return err
}

func (a *application) apply(ctx context.Context) error {
	if !a.remote.json {
		if err := a.show(""); err != nil {
			return err
		}
	}
	if err := a.ask(ctx); err != nil {
		return err
	}
	run := orgfile.Run{
		API: a.remote.api, World: a.world, State: a.ownedBefore, Owner: a.owner,
		Secret: a.secret,
		Done: func(c orgfile.Change) {
			if !a.remote.json {
				_, _ = fmt.Fprintf(a.remote.c.stdout, "done: %s\n", c.String()) // what was done stands, whoever listens
			}
		},
	}
	done, err := run.Apply(ctx, a.changes)
	a.done = done
	if a.remote.json {
		return errors.Join(a.show("not done"), err)
	}
	if err == nil {
		return nil
	}
	var out strings.Builder
	for _, c := range a.changes.Changes[done:] {
		fmt.Fprintf(&out, "not done: %s\n", c.String())
	}
	_, writeErr := io.WriteString(a.remote.c.stdout, out.String())
	return errors.Join(fmt.Errorf("%d of %d changes were made, then it stopped: %w", done, len(a.changes.Changes), err), writeErr)
}

// secret reads a secret that the file names. Files are found from where the
// organization file is.
func (a *application) secret(at orgfile.Secret) (string, error) {
	if at.Env != "" {
		value := a.remote.c.getenv(at.Env)
		if value == "" {
			return "", fmt.Errorf("the variable %s is not set", plain(at.Env))
		}
		return value, nil
	}
	path := at.File
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(a.file), path)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(raw), "\r\n"), nil
}

// ask has the plan confirmed, and each project that it archives by its name.
func (a *application) ask(ctx context.Context) error {
	r := a.remote
	left := archivesLeft(a.changes, a.archive)
	if len(left) > 0 && (a.yes || !r.c.stdinTerminal) {
		return usageError{fmt.Errorf("this would archive the project %s for good; name it with --archive to have that done unasked", plain(left[0]))}
	}
	for _, name := range left {
		if _, err := fmt.Fprintf(r.c.stderr, "This will archive the project %s for good. Type its name to go on: ", plain(name)); err != nil {
			return err
		}
		if readLine(r.c.stdin) != strings.ToLower(strings.TrimSpace(name)) {
			return errors.New("nothing was changed")
		}
	}
	return r.confirm(ctx, a.yes, fmt.Sprintf("make %d changes", len(a.changes.Changes)))
}

// show prints the plan; with --json, each step with what became of it: done, or
// what is said of the rest.
func (a *application) show(rest string) error {
	if a.remote.quiet {
		return nil
	}
	if !a.remote.json {
		return a.changes.Write(a.remote.c.stdout)
	}
	type step struct {
		orgfile.Change
		Status string `json:"status"` // planned, done or not done
	}
	shown := struct {
		Changes []step        `json:"changes"`
		Kept    []orgfile.Ref `json:"kept"`
	}{[]step{}, a.changes.Kept}
	for i, c := range a.changes.Changes {
		status := rest
		if i < a.done {
			status = "done"
		}
		shown.Changes = append(shown.Changes, step{c, status})
	}
	return json.NewEncoder(a.remote.c.stdout).Encode(shown)
}
