package e2e

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// A shell does the daily work with the binary alone: what a command prints is
// what the next one takes, and secrets go where they were asked for.
func TestCommandsOfARunningWeir(t *testing.T) {
	p := serve(t, t.TempDir())
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	weir := func(stdin string, args ...string) (code int, stdout, stderr string) {
		t.Helper()
		var out, errs strings.Builder
		cmd := exec.CommandContext(t.Context(), path, args...)
		cmd.Env = []string{"WEIR_URL=" + p.address, "WEIR_ADMIN_KEY=" + adminKey, "WEIR_DATA_DIR=" + t.TempDir()}
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
		_ = cmd.Run() // its exit code says it
		return cmd.ProcessState.ExitCode(), out.String(), errs.String()
	}
	must := func(args ...string) string {
		t.Helper()
		code, out, errs := weir("", args...)
		if code != 0 || strings.Contains(errs, "sk-") {
			t.Fatalf("weir %v: exit code %d\n%s%s", args, code, out, errs)
		}
		return strings.TrimSuffix(out, "\n")
	}
	projectID := must("projects", "create", "Chat", "-q")
	secret := must("service-accounts", "create", "bot", "--project", projectID, "-q")
	if status, raw := call(t, http.MethodGet, p.address+"/v1/models", secret, nil, nil); status != http.StatusOK {
		t.Errorf("a call with the key: %d %s", status, raw)
	}
	var projects []struct{ ID string }
	if err := json.Unmarshal([]byte(must("projects", "list", "--json")), &projects); err != nil || len(projects) != 2 || projects[0].ID != projectID {
		t.Errorf("%v, %v", projects, err)
	}
	// Nobody is asked in a pipe, whatever stands in it.
	if code, out, errs := weir("yes\n", "projects", "archive", "Chat"); code != 2 || out != "" || !strings.Contains(errs, "--yes") {
		t.Errorf("%d %q %q", code, out, errs)
	}
	must("projects", "archive", "Chat", "--yes")
	if status, _ := call(t, http.MethodGet, p.address+"/v1/models", secret, nil, nil); status == http.StatusOK {
		t.Error("a key of an archived project works")
	}
	must("check-config") // does not mind the variables of the commands
	p.kill()
	if code, _, errs := weir("", "projects", "list"); code != 1 || !strings.Contains(errs, "cannot be reached") {
		t.Errorf("%d %q", code, errs)
	}
}
