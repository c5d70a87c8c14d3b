package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/internal/optional"
	"weir/internal/org"
)

func TestExplainCommand(t *testing.T) {
	u := newTown(t)
	ctx := t.Context()
	p, err := u.n.org.CreateProject(ctx, u.system(), newProjectNamed("Support chat"))
	if err != nil {
		t.Fatal(err)
	}
	_, key, secret, err := u.n.org.CreateServiceAccount(ctx, u.system(), p.ID, org.NewServiceAccount{Name: "bot"})
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := u.n.org.CreateConnection(ctx, u.system(), org.ConnectionFields{
		Name: optional.Of("sandbox"), Provider: optional.Of("sandbox"), Models: optional.Of([]string{"gpt-4o-mini", "gpt-4o"}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.n.org.SetModelPermissions(ctx, u.system(), p.ID, org.ModelPermissions{Mode: org.AllowList, ModelIDs: []string{"gpt-4o-mini"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := u.n.org.SetDataRetention(ctx, u.system(), p.ID, "zero_data_retention"); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	out := u.must("explain", "--key", key.ID, "--model", "gpt-4o-mini")
	for _, want := range []string{"The call would be sent.\n", "model_permissions\tpassed\t" + p.ID, c.ID + "\tgpt-4o-mini\t\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	u.stdin = `{"model":"gpt-4o-mini","input":"hi"}`
	out = u.must("explain", "--key-file", file("secret", secret+"\n"), "--path", "/v1/responses", "--body", "-")
	if !strings.Contains(out, "store\tfalse\n") {
		t.Error(out)
	}
	u.stdin = ""
	code, out, _ := u.weir("explain", "--key", key.ID, "--body", file("body", `{"model":"gpt-4o"}`))
	if code != exitFailed || !strings.HasPrefix(out, "Refused by model_permissions with 403 model_not_found: Project `"+p.ID+"` does not have access to model `gpt-4o`\n") {
		t.Error(code, out)
	}
	code, out, _ = u.weir("explain", "--key", key.ID, "--model", "gpt-4o", "--json")
	if code != exitFailed || !strings.Contains(out, `"allowed": false`) {
		t.Error(code, out)
	}
	u.refused(exitUsage, "--key takes the key's id", "explain", "--key", secret, "--model", "x")
	u.refused(exitUsage, "say whose call it is", "explain", "--model", "x")
	u.refused(exitUsage, "does not hold JSON", "explain", "--key", key.ID, "--body", file("bad", "x"))
	u.refused(exitFailed, "No API key", "explain", "--key", "key_none", "--model", "x")
	if strings.Contains(u.said.String(), secret) {
		t.Error("standard error holds the secret")
	}
}
