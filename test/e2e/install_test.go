package e2e

import (
	"bytes"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFirstStartGeneratesWhatIsNotGiven(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	p := start(t, []string{"WEIR_LISTEN=127.0.0.1:0", "WEIR_DATA_DIR=" + dir}, "serve")
	key := regexp.MustCompile(`sk-admin-\w+`).FindString(p.stderr.String())
	password := regexp.MustCompile(`password:\s+(\S+)`).FindStringSubmatch(p.stderr.String())
	if key == "" || password == nil {
		t.Fatalf("the first start prints no admin key or password:\n%s", p.stderr)
	}
	var me struct {
		Object string `json:"object"`
	}
	must(t, "GET", p.address+"/weir/v1/me", key, nil, &me)
	must(t, "POST", p.address+"/weir/v1/session", "", map[string]any{"email": "owner@localhost", "password": password[1]}, nil)
	for name, mode := range map[string]fs.FileMode{"": 0o700, "bootstrap-admin-key": 0o600, "master-key": 0o600, "weir.db": 0o600, "events.db": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%q: %v, %v; want mode %04o", name, info.Mode().Perm(), err, mode)
		}
	}
	if err := p.stop(t); err != nil {
		t.Fatalf("SIGTERM ended weir with %v\n%s", err, p.stderr)
	}

	again := start(t, []string{"WEIR_LISTEN=127.0.0.1:0", "WEIR_DATA_DIR=" + dir}, "serve")
	if strings.Contains(again.stderr.String(), key) {
		t.Error("the second start prints the admin key again")
	}
	must(t, "GET", again.address+"/weir/v1/me", key, nil, nil)
}

func TestWrongMasterKeyIsRefused(t *testing.T) {
	dir := t.TempDir()
	p := serve(t, dir)
	must(t, "POST", p.address+"/weir/v1/connections", adminKey, map[string]any{
		"name": "x", "provider": "openai_compatible", "base_url": "http://127.0.0.1:1/v1", "api_key": "sk-x",
	}, nil)
	if err := p.stop(t); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "master-key")); err != nil {
		t.Fatal(err)
	}
	code, out := run(t, []string{"WEIR_DATA_DIR=" + dir, "WEIR_LISTEN=127.0.0.1:0"}, "serve")
	if code != 1 || !strings.Contains(out, "master-key is missing") {
		t.Fatalf("without the master key: exit code %d:\n%s", code, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "master-key")); err == nil {
		t.Error("a fresh master key lies where the lost one belongs")
	}
	code, out = run(t, []string{"WEIR_DATA_DIR=" + dir}, "doctor")
	if code != 1 || !strings.Contains(out, "WRONG  the master key") {
		t.Errorf("the doctor without the master key: exit code %d:\n%s", code, out)
	}
	other := "WEIR_MASTER_KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	code, out = run(t, []string{"WEIR_DATA_DIR=" + dir, "WEIR_LISTEN=127.0.0.1:0", other}, "serve")
	if code != 1 || !strings.Contains(out, "master key does not open") {
		t.Fatalf("with another master key: exit code %d:\n%s", code, out)
	}

	// The key is lost for good: weir starts once the secrets are forgotten.
	code, out = run(t, []string{"WEIR_DATA_DIR=" + dir}, "forget-secrets")
	if code != 0 || !strings.Contains(out, "1 connections. Nothing was changed") {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	code, out = run(t, []string{"WEIR_DATA_DIR=" + dir}, "forget-secrets", "--yes")
	if code != 0 || !strings.Contains(out, "1 connections were removed") {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	p = serve(t, dir)
	var list struct {
		Data []struct {
			ID     string  `json:"id"`
			APIKey *string `json:"api_key_redacted"`
		} `json:"data"`
	}
	must(t, "GET", p.address+"/weir/v1/connections", adminKey, nil, &list)
	if len(list.Data) != 1 || list.Data[0].APIKey != nil {
		t.Errorf("after the secrets were forgotten: %+v", list.Data)
	}
	must(t, "POST", p.address+"/weir/v1/connections/"+list.Data[0].ID, adminKey, map[string]any{"api_key": "sk-y"}, nil)
	if code, out := run(t, []string{"WEIR_DATA_DIR=" + dir}, "forget-secrets", "--yes"); code != 1 || !strings.Contains(out, "another weir serves") {
		t.Errorf("beside a running weir: exit code %d:\n%s", code, out)
	}
	if err := p.stop(t); err != nil {
		t.Fatal(err)
	}
	if code, out := run(t, []string{"WEIR_DATA_DIR=" + dir}, "forget-secrets", "--yes"); code != 0 || !strings.Contains(out, "0 connections") {
		t.Errorf("with the master key: exit code %d:\n%s", code, out)
	}
	for _, actions := range auditLog(t, dir) {
		if got := actions[len(actions)-3:]; !slices.Equal(got, []string{"weir.connection.created", "weir.connection.updated", "weir.connection.updated"}) {
			t.Errorf("the log ends with %v", got)
		}
	}
}

func TestExitCodes(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		env  []string
		code int
		says string
	}{
		"version":          {args: []string{"version"}, code: 0, says: "weir "},
		"--version":        {args: []string{"--version"}, code: 0, says: "weir "},
		"help":             {args: []string{"help"}, code: 0, says: "organizations"},
		"serve --help":     {args: []string{"serve", "--help"}, code: 0, says: "WEIR_MASTER_KEY_FILE"},
		"nothing":          {args: nil, code: 2, says: "Usage"},
		"unknown command":  {args: []string{"sevre"}, code: 2, says: "sevre"},
		"unknown flag":     {args: []string{"serve", "--lisen", "x"}, code: 2, says: "lisen"},
		"unknown variable": {args: []string{"serve"}, env: []string{"WEIR_LISEN=x"}, code: 2, says: "WEIR_LISTEN"},
		"bad value":        {args: []string{"check-config"}, env: []string{"WEIR_LISTEN=nowhere"}, code: 2, says: "WEIR_LISTEN"},
		"check-config":     {args: []string{"check-config"}, code: 0, says: `listen: "127.0.0.1:8080"`},
		"doctor":           {args: []string{"doctor"}, code: 0, says: "does not exist yet"},
		"bad master key":   {args: []string{"check-config"}, env: []string{"WEIR_MASTER_KEY=c2hvcnQ="}, code: 2, says: "WEIR_MASTER_KEY"},
		"no organization":  {args: []string{"organizations", "create", "--name", "x", "--owner-email", "a@b.example"}, code: 1, says: "there is no install"},
		"short admin key":  {args: []string{"serve"}, env: []string{"WEIR_BOOTSTRAP_ADMIN_KEY=sk-admin-short"}, code: 2, says: "32"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out := run(t, tt.env, tt.args...)
			if code != tt.code || !strings.Contains(out, tt.says) {
				t.Errorf("exit code %d, want %d with %q:\n%s", code, tt.code, tt.says, out)
			}
		})
	}
}

func TestATakenAddressLeavesNoInstall(t *testing.T) {
	taken := serve(t, t.TempDir())
	dir := filepath.Join(t.TempDir(), "new")
	code, out := run(t, []string{"WEIR_DATA_DIR=" + dir, "WEIR_LISTEN=" + strings.TrimPrefix(taken.address, "http://")}, "serve")
	if code != 1 || !strings.Contains(out, "cannot listen on") || !strings.Contains(out, "WEIR_LISTEN") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a start that could not listen began an install")
	}
}

func TestDemoCallWorksAsPrintedAndAgainAfterARestart(t *testing.T) {
	dir := t.TempDir()
	env := []string{"WEIR_LISTEN=127.0.0.1:0", "WEIR_DATA_DIR=" + dir}
	printed := regexp.MustCompile(`project keys (\S+)`)
	var keys []string
	for range 2 {
		p := start(t, env, "demo")
		out := p.waitFor(t, "Ctrl-C")
		m := printed.FindStringSubmatch(out)
		if m == nil {
			t.Fatalf("the demo prints no key:\n%s", out)
		}
		keys = append(keys, m[1])
		var answer struct {
			Choices []struct {
				Message struct {
					Content string `json:"content"`
				} `json:"message"`
			} `json:"choices"`
		}
		must(t, "POST", p.address+"/v1/chat/completions", m[1], map[string]any{
			"model": "gpt-4o-mini", "messages": []map[string]string{{"role": "user", "content": "Hello"}},
		}, &answer)
		if len(answer.Choices) != 1 || !strings.Contains(answer.Choices[0].Message.Content, "sandbox") {
			t.Errorf("the demo's answer does not say that it is a sandbox: %+v", answer)
		}
		if err := p.stop(t); err != nil {
			t.Fatalf("the demo ended with %v\n%s", err, p.stderr)
		}
	}
	if keys[0] != keys[1] {
		t.Error("the second run of the demo has other keys")
	}
}

// A demo that was killed while it was filled goes on at the next start.
func TestDemoKilledWhileItIsFilled(t *testing.T) {
	for i := range 6 {
		dir := t.TempDir()
		env := []string{"WEIR_LISTEN=127.0.0.1:0", "WEIR_DATA_DIR=" + dir}
		p := spawn(t, env, "demo")
		select {
		case <-p.exited:
			t.Fatalf("ended by itself:\n%s", p.stderr)
		case <-time.After(60*time.Millisecond + time.Duration(i)*30*time.Millisecond): // the moment is the experiment
		}
		p.kill()
		again := start(t, env, "demo")
		again.waitFor(t, "Ctrl-C")
		if err := again.stop(t); err != nil {
			t.Fatalf("the demo ended with %v\n%s", err, again.stderr)
		}
	}
}

func TestDemoLeavesInstallsAlone(t *testing.T) {
	dir := t.TempDir()
	p := serve(t, dir)
	if err := p.stop(t); err != nil {
		t.Fatal(err)
	}
	code, out := run(t, []string{"WEIR_DATA_DIR=" + dir, "WEIR_LISTEN=127.0.0.1:0"}, "demo")
	if code != 2 || !strings.Contains(out, "is no demo") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}

// TestSecretsAppearNowhere looks for every secret of an install in its files,
// its logs and its answers.
func TestSecretsAppearNowhere(t *testing.T) {
	provider := start(t, nil, "sandbox", "--listen", "127.0.0.1:0")
	dir := t.TempDir()
	p := serve(t, dir, "WEIR_LOG_LEVEL=debug")
	secrets := map[string]string{
		"provider key": "sk-provider-0123456789abcdef", "provider admin key": "sk-admin-provider-0123456789abcdef0123456789",
		"header value": "header-value-0123456789", "password": "e2e-password", "admin key": adminKey,
	}
	var connection struct {
		ID string `json:"id"`
	}
	body := map[string]any{
		"name": "sandbox", "provider": "openai_compatible", "base_url": provider.address + "/v1",
		"api_key": secrets["provider key"], "admin_key": secrets["provider admin key"],
		"headers": map[string]string{"X-Team": secrets["header value"]}, "models": []string{"gpt-4o-mini"},
	}
	must(t, "POST", p.address+"/weir/v1/connections", adminKey, body, &connection)
	_, key := project(t, p.address, "secrets")
	secrets["project key"] = key
	must(t, "POST", p.address+"/v1/chat/completions", key, map[string]any{
		"model": "gpt-4o-mini", "messages": []map[string]string{{"role": "user", "content": "Hello"}},
	}, nil)
	var answers bytes.Buffer
	for _, path := range []string{
		"/weir/v1/connections", "/weir/v1/connections/" + connection.ID, "/weir/v1/audit_events?limit=100", "/v1/organization/audit_logs?limit=100",
		"/weir/v1/requests", "/v1/organization/admin_api_keys", "/v1/organization/projects", "/weir/v1/me", "/metrics", "/readyz",
	} {
		status, raw := call(t, "GET", p.address+path, adminKey, nil, nil)
		if status != http.StatusOK {
			t.Errorf("GET %s: %d %s", path, status, raw)
		}
		answers.Write(raw)
	}
	status, raw := call(t, "POST", p.address+"/v1/chat/completions", secrets["provider key"], map[string]any{}, nil)
	if status != http.StatusUnauthorized {
		t.Errorf("a provider's key is let in: %d %s", status, raw)
	}
	answers.Write(raw)
	if err := p.stop(t); err != nil {
		t.Fatal(err)
	}
	places := map[string][]byte{"the answers": answers.Bytes(), "the log": []byte(p.stderr.String())}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == "bootstrap-admin-key" {
			return err
		}
		places[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(places) < 6 {
		t.Fatalf("only %d places to look into", len(places))
	}
	for name, secret := range secrets {
		for place, content := range places {
			if bytes.Contains(content, []byte(secret)) {
				t.Errorf("the %s stands in %s", name, place)
			}
		}
	}
}

// run runs a command to its end.
func run(t *testing.T, env []string, args ...string) (code int, out string) {
	t.Helper()
	p := spawn(t, env, args...)
	select {
	case <-p.exited:
	case <-time.After(time.Minute):
		t.Fatalf("weir %v does not end\n%s", args, p.stderr)
	}
	return p.cmd.ProcessState.ExitCode(), p.stderr.String()
}
