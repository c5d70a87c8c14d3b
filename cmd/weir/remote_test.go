package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"weir/internal/config"
)

// town is a weir that serves, and a person with an admin key who types commands.
type town struct {
	t     *testing.T
	n     *node
	url   string
	env   []string
	stdin string
	tty   bool
	said  bytes.Buffer // all that was ever written to standard error
}

const townKey = "sk-admin-town-0123456789abcdefghijklmnopqrstuvwxyz"

func newTown(t *testing.T) *town {
	t.Helper()
	cfg := config.Default()
	cfg.DataDir = t.TempDir()
	cfg.Bootstrap.AdminKey = townKey
	n, err := open(t.Context(), cfg.WithDerived(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := n.bootstrap(t.Context(), io.Discard); err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	served := make(chan error, 1)
	go func() { served <- n.Serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	u := &town{t: t, n: n, url: "http://" + listener.Addr().String()}
	u.env = []string{"WEIR_URL=" + u.url, "WEIR_ADMIN_KEY=" + townKey}
	return u
}

// weir runs a command.
func (u *town) weir(args ...string) (code int, stdout, stderr string) {
	u.t.Helper()
	var out, errs bytes.Buffer
	code = run(u.t.Context(), &cli{
		stdin: strings.NewReader(u.stdin), stdout: &out, stderr: &errs, env: u.env,
		stdinTerminal: u.tty, stdoutTerminal: u.tty,
	}, args)
	u.said.Write(errs.Bytes())
	return code, out.String(), errs.String()
}

// must runs a command that has to go well, and returns what it printed.
func (u *town) must(args ...string) string {
	u.t.Helper()
	code, out, errs := u.weir(args...)
	if code != 0 {
		u.t.Fatalf("weir %s: exit code %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// refused runs a command that has to fail with a code, print nothing, and say
// why.
func (u *town) refused(code int, says string, args ...string) {
	u.t.Helper()
	got, out, errs := u.weir(args...)
	if got != code || out != "" || !strings.Contains(errs, says) || !strings.HasPrefix(errs, "weir: ") && !strings.HasPrefix(errs, "This will ") {
		u.t.Errorf("weir %s: exit code %d, want %d and %q\nstdout: %s\nstderr: %s", strings.Join(args, " "), got, code, says, out, errs)
	}
}

// objects reads what a command printed with --json.
func objects[T any](u *town, args ...string) (v T) {
	u.t.Helper()
	at := slices.Index(args, "--")
	if at < 0 {
		at = len(args)
	}
	out := u.must(slices.Insert(slices.Clone(args), at, "--json")...)
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		u.t.Fatalf("weir %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return v
}

// id runs a command with -q and returns the one line it printed.
func (u *town) id(args ...string) string {
	u.t.Helper()
	out := u.must(append(args, "-q")...)
	line, rest, ended := strings.Cut(out, "\n")
	if !ended || rest != "" || line == "" {
		u.t.Fatalf("weir %s -q printed %q", strings.Join(args, " "), out)
	}
	return line
}

// calls are the requests that a stand-in for weir was sent.
type calls struct{ paths []string }

// answering is a server that is no weir; it tells what it was asked.
func answering(t *testing.T, status int, body string) (url string, got *calls) {
	t.Helper()
	got = &calls{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got.paths = append(got.paths, r.Method+" "+r.URL.Path)
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, got
}

func TestWhereCommandsCall(t *testing.T) {
	u := newTown(t)
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(townKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	other, asked := answering(t, http.StatusOK, `{"object":"list","data":[],"has_more":false}`)
	for _, tt := range []struct {
		name string
		env  []string
		args []string
	}{
		{"variables", []string{"WEIR_URL=" + u.url, "WEIR_ADMIN_KEY=" + townKey}, nil},
		{"a key file in the environment", []string{"WEIR_URL=" + u.url, "WEIR_ADMIN_KEY_FILE=" + file}, nil},
		{"a slash at the end", []string{"WEIR_URL=" + u.url + "/", "WEIR_ADMIN_KEY=" + townKey}, nil},
		{"flags win", []string{"WEIR_URL=" + other, "WEIR_ADMIN_KEY=sk-admin-wrong"}, []string{"--url", u.url, "--admin-key-file", file}},
		{"the variables of OpenAI's SDKs", []string{"OPENAI_BASE_URL=" + u.url + "/v1", "OPENAI_ADMIN_KEY=" + townKey}, nil},
		{"weir's variables win over those", []string{"WEIR_URL=" + u.url, "WEIR_ADMIN_KEY=" + townKey, "OPENAI_BASE_URL=" + other, "OPENAI_ADMIN_KEY=sk-admin-openai"}, nil},
	} {
		u.env = tt.env
		if out := u.must(append([]string{"projects", "list"}, tt.args...)...); !strings.Contains(out, "proj_") {
			t.Errorf("%s: %q", tt.name, out)
		}
	}
	// What reads a configuration does not mind these variables.
	u.env = []string{"WEIR_URL=" + u.url, "WEIR_ADMIN_KEY=" + townKey, "WEIR_ADMIN_KEY_FILE=" + file}
	if out := u.must("check-config"); strings.Contains(out, townKey) {
		t.Error(out)
	}
	if len(asked.paths) != 0 {
		t.Errorf("the wrong server was asked for %v", asked.paths)
	}
}

func TestCommandsThatCannotCall(t *testing.T) {
	u := newTown(t)
	long := filepath.Join(t.TempDir(), "long")
	if err := os.WriteFile(long, bytes.Repeat([]byte("x"), 5000), 0o600); err != nil {
		t.Fatal(err)
	}
	page, _ := answering(t, http.StatusOK, "<html>")
	moved, asked := answering(t, http.StatusTemporaryRedirect, "")
	broken, _ := answering(t, http.StatusInternalServerError, `{"error":{"message":"It broke.","type":"server_error","param":null,"code":null}}`)
	closed := httptest.NewServer(nil)
	closed.Close()
	at := func(url string) string { return "WEIR_URL=" + url }
	const key = "WEIR_ADMIN_KEY=" + townKey
	for _, tt := range []struct {
		code int
		says string
		env  []string
	}{
		{2, "there is no admin key", []string{at(u.url)}},
		{2, "calls models and manages nothing", []string{at(u.url), "WEIR_ADMIN_KEY=sk-proj-secret0123456789"}},
		{2, "calls models and manages nothing", []string{at(u.url), "OPENAI_ADMIN_KEY=sk-svcacct-secret0123456789"}},
		{2, "no key has", []string{at(u.url), "WEIR_ADMIN_KEY=sk-admin-secret0123\nX-Evil: 1"}},
		{2, "no such file", []string{at(u.url), "WEIR_ADMIN_KEY_FILE=/nowhere/key"}},
		{2, "longer than", []string{at(u.url), "WEIR_ADMIN_KEY_FILE=" + long}},
		{2, "empty", []string{at(u.url), "WEIR_ADMIN_KEY_FILE=/dev/null"}},
		{2, "begins with http", []string{at("localhost:8080"), key}},
		{2, "no user", []string{at("http://ada:secret0123456789@127.0.0.1"), key}},
		{2, "cannot be read", []string{at("http://[secret0123456789"), key}},
		{2, "OpenAI itself", []string{"OPENAI_BASE_URL=https://api.openai.com/v1", key}},
		{1, "request id req_", []string{at(u.url), "WEIR_ADMIN_KEY=sk-admin-secret0123456789abcdefghijklmnop"}},
		{1, "weir at " + closed.URL + " cannot be reached", []string{at(closed.URL), key}},
		{1, "did not answer as weir does", []string{at(page), key}},
		{1, "307 Temporary Redirect", []string{at(moved), key}},
		{1, "It broke.", []string{at(broken), key}},
	} {
		u.env = tt.env
		u.refused(tt.code, tt.says, "projects", "list")
	}
	if len(asked.paths) != 1 {
		t.Errorf("a redirect was followed: %v", asked.paths)
	}
	if said := u.said.String(); strings.Contains(said, "secret0123456789") || strings.Contains(said, townKey) {
		t.Errorf("a secret was written to standard error:\n%s", said)
	}
}

// Ctrl-C ends a command, at the prompt as in a call.
func TestInterruptedCommands(t *testing.T) {
	u := newTown(t)
	u.id("projects", "create", "A")
	ctx, cancel := context.WithCancel(t.Context())
	in, typed := io.Pipe()
	t.Cleanup(func() { _ = typed.Close() })
	errs := newLine(cancel)
	code := run(ctx, &cli{stdin: in, stdout: io.Discard, stderr: errs, env: u.env, stdinTerminal: true}, []string{"projects", "archive", "A"})
	if code != 1 || !strings.HasSuffix(errs.String(), "to go on: \nweir: interrupted; nothing was changed\n") {
		t.Errorf("%d %q", code, errs.String())
	}
	errs = newLine(func() {})
	if code := run(ctx, &cli{stdout: io.Discard, stderr: errs, env: u.env}, []string{"projects", "list"}); code != 1 || errs.String() != "weir: interrupted\n" {
		t.Errorf("%d %q", code, errs.String())
	}
}

// line calls somebody when something is written for the first time.
type line struct {
	bytes.Buffer
	first func()
}

func newLine(first func()) *line { return &line{first: first} }

// Write implements io.Writer.
func (l *line) Write(p []byte) (int, error) {
	l.first()
	return l.Buffer.Write(p)
}

func TestBadUsageOfCommands(t *testing.T) {
	u := newTown(t)
	for _, args := range []string{
		"projects", "projects look", "projects get", "projects get a b", "projects list --limit x", "projects list --limit -1",
		"projects list --json -q", "projects list --nope", "projects get .", "projects archive Default\x00project",
		"keys list", "keys list --admin --project x", "keys create a --admin --scope x", "keys create a --project x --owner a --service-account b",
		"keys create a --admin --expires soon", "keys create a --admin --expires 0d", "keys update a --project x",
		"keys update a --project x --scope a --all-scopes", "keys create a --admin --expires 1.5ms",
		"service-accounts list", "service-accounts update bot --project x", "service-accounts create a --project x --without-key --expires 1d",
	} {
		words := strings.Fields(args)
		if strings.Contains(args, "\x00") {
			words = []string{"projects", "get", ".."}
		}
		u.refused(2, "", words...)
	}
	for _, chapter := range chapters() {
		for _, cmd := range chapter.commands {
			if out := u.must("help"); !strings.Contains(out, "  "+cmd.name+" ") || !strings.Contains(out, chapter.title) {
				t.Errorf("'weir help' does not list %s", cmd.name)
			}
		}
	}
}

// Every verb has an example, and takes the flags its examples show.
func TestExamplesOfCommands(t *testing.T) {
	u := newTown(t)
	u.env = nil // so that what parses ends with there being no key
	for _, res := range remotes() {
		for _, v := range res.verbs {
			words := []string{res.name}
			if v.name != "" {
				words = append(words, v.name)
			}
			help := u.must(append(words, "--help")...)
			if !strings.HasPrefix(help, "Usage: weir "+strings.Join(words, " ")) || !strings.Contains(help, "Examples:") || !strings.Contains(help, "--admin-key-file FILE") {
				t.Errorf("weir %s --help: %s", strings.Join(words, " "), help)
			}
			for _, example := range v.examples {
				line := regexp.MustCompile(`weir [^|>)]*`).FindAllString(example, -1)
				args := shellWords(line[len(line)-1])[1:]
				if strings.Contains(example, "xargs") {
					args = append(args, "key_1")
				}
				u.refused(2, "there is no admin key", args...)
			}
		}
		if out := u.must(res.name, "--help"); !strings.HasPrefix(out, "Usage: weir "+res.name) {
			t.Error(out)
		}
		if out := u.must("help", res.name); !strings.HasPrefix(out, "Usage: weir "+res.name) {
			t.Error(out)
		}
	}
}

// shellWords splits a command line at spaces outside of single quotes.
func shellWords(line string) (words []string) {
	for _, w := range regexp.MustCompile(`'[^']*'|[^ ]+`).FindAllString(line, -1) {
		words = append(words, strings.Trim(w, "'"))
	}
	return words
}

func TestProjectsCommand(t *testing.T) {
	u := newTown(t)
	for i := range 120 { // more than a page
		if _, err := u.n.org.CreateProject(t.Context(), u.system(), newProjectNamed(fmt.Sprint("Project ", i))); err != nil {
			t.Fatal(err)
		}
	}
	chat := u.id("projects", "create", "Support chat")
	all := objects[[]struct{ ID, Name, Status string }](u, "projects", "list")
	if len(all) != 122 || all[0].Name != "Support chat" || all[0].ID != chat {
		t.Errorf("%d projects, %v", len(all), all[:1])
	}
	if out := u.must("projects", "list", "-q"); strings.Count(out, "\n") != 122 || !strings.HasPrefix(out, chat+"\n") {
		t.Errorf("ids: %s", out)
	}
	if out := u.must("projects", "list", "--limit", "101", "-q"); strings.Count(out, "\n") != 101 {
		t.Errorf("%d of 101 ids", strings.Count(out, "\n"))
	}
	one := regexp.MustCompile(`^` + chat + "\tSupport chat\tactive\t" + `20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ\n$`)
	if out := u.must("projects", "list", "--limit", "1"); !one.MatchString(out) {
		t.Errorf("piped: %q", out)
	}
	u.tty = true
	table := regexp.MustCompile(`^ID +NAME +STATUS +CREATED\n` + chat + ` +Support chat +active +20\S+Z\n$`)
	if out := u.must("projects", "list", "--limit", "1"); !table.MatchString(out) {
		t.Errorf("on a terminal: %q", out)
	}
	if out := u.must("projects", "get", "Support chat"); !strings.HasPrefix(out, "id            "+chat+"\nname          Support chat\n") || !strings.Contains(out, "archived      -\n") {
		t.Errorf("get on a terminal:\n%s", out)
	}
	u.tty = false
	if out := u.must("projects", "get", chat); !strings.HasPrefix(out, "id\t"+chat+"\nname\tSupport chat\n") || !strings.Contains(out, "archived\t\n") {
		t.Errorf("get: %q", out)
	}
	if out := u.must("projects", "rename", "Support chat", "-q", "--", "--help"); out != chat+"\n" {
		t.Errorf("rename: %q", out)
	}
	if got := objects[struct{ ID, Name, Object string }](u, "projects", "get", "--", "--help"); got.ID != chat || got.Object != "organization.project" {
		t.Errorf("a project named like a flag: %+v", got)
	}
}

func TestNamesOfProjects(t *testing.T) {
	u := newTown(t)
	a, b := u.id("projects", "create", "Twin"), u.id("projects", "create", "Twin")
	u.refused(1, "several are called \"Twin\"; give the id of the project that is meant: "+b+", "+a, "projects", "get", "Twin")
	u.refused(1, "several are called", "projects", "archive", "--yes", "Twin")
	u.refused(1, `there is no project "Nobody"`, "projects", "get", "Nobody")
	u.refused(1, "code not_found, request id req_", "projects", "get", "proj_nobody")
	u.refused(1, "Invalid URL", "keys", "list", "--project", "proj_../../users")
	u.must("projects", "archive", a, "--yes")
	if got := u.id("projects", "get", "Twin"); got != b {
		t.Errorf("%s, and the other one is archived", got)
	}
	// The name of a project that is no longer there says which it was.
	u.must("projects", "archive", b, "--yes")
	u.refused(1, "several are called", "projects", "get", "Twin")
	if out := u.must("projects", "list", "--archived"); strings.Count(out, "\tTwin\tarchived\t") != 2 {
		t.Error(out)
	}
}

// What people may call things must not end a line, move a cursor or turn the
// text around.
func TestNamesThatPlayTricks(t *testing.T) {
	name, _ := json.Marshal("x\ty\x1b[2J\u202ez\u0085\nnext")
	object := `{"object":"organization.project","id":"proj_1","name":` + string(name) + `,"status":"active","created_at":1795000000}`
	list, _ := answering(t, http.StatusOK, `{"object":"list","data":[`+object+`],"has_more":false}`)
	one, _ := answering(t, http.StatusOK, object)
	u := &town{t: t, env: []string{"WEIR_ADMIN_KEY=" + townKey}}
	for _, u.tty = range []bool{false, true} {
		for _, out := range []string{
			u.must("projects", "list", "--url", list), u.must("projects", "get", "proj_1", "--url", one),
			u.must("projects", "archive", "proj_1", "--yes", "--url", one),
		} {
			if strings.ContainsAny(out, "\x1b\u202e\u0085") || !strings.Contains(out, `x\ty\x1b[2J\u202ez\u0085\nnext`) {
				t.Errorf("%q", out)
			}
		}
	}
	if out := u.must("projects", "get", "proj_1", "--url", one, "--json"); !strings.Contains(out, string(name)) {
		t.Errorf("%q", out)
	}
}

func TestAskingBeforeProjectsAreArchived(t *testing.T) {
	u := newTown(t)
	a, b := u.id("projects", "create", "A"), u.id("projects", "create", "B")
	u.refused(2, "archive the project A for good; nobody can be asked here, so say --yes", "projects", "archive", "A")
	u.tty = true
	for _, answer := range []string{"", "\n", "no\n", "yesterday\n", strings.Repeat("y", 1000)} {
		u.stdin = answer
		u.refused(1, "nothing was changed", "projects", "archive", "A", "B")
	}
	u.refused(1, `no project "C"`, "projects", "archive", "A", "C", "--yes") // not the first half
	if out := u.must("projects", "list", "-q"); !strings.Contains(out, a) {
		t.Fatal("archived all the same")
	}
	u.stdin = "yes\n"
	if out := u.must("projects", "archive", "A", "B"); out != fmt.Sprintf("archived %s (A)\narchived %s (B)\n", a, b) {
		t.Errorf("%q", out)
	}
	u.refused(1, "code ", "projects", "archive", a, "--yes") // twice
}
