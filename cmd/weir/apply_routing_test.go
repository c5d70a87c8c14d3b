package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// Workspaces, connections and model endpoints are made with secrets from where the
// file says they are, which no output repeats.
func TestApplyRouting(t *testing.T) {
	const secret = "sk-provider-0123456789abcdef"
	provider, got := answering(t, http.StatusOK, `{"object":"list","data":[{"id":"gpt-4o-mini","object":"model"}]}`)
	u := newTown(t)
	u.tenant()
	dir := t.TempDir()
	text := `version: 1
owner: me
users:
  - email: owner@localhost
    roles:
      - owner
projects:
  - name: Chat
  - name: Default project
workspaces:
  - name: closed
    projects: []
  - name: default
  - name: team
    projects:
      - Chat
connections:
  - name: Main account
    description: "Ours: mind it"
    provider: openai
    base_url: "` + provider + `/v1"
    api_key:
      env: MAIN_ACCOUNT_API_KEY
    headers:
      - name: X-Team
        value:
          env: MAIN_ACCOUNT_X_TEAM
    workspaces:
      - default
      - team
    models:
      - gpt-4o-mini
model_endpoints:
  - workspace: team
    name: fast
    upstreams:
      - connection: Main account
        model: gpt-4o-mini
        priority: 1
        weight: 2
    enabled: true
    hangup: drain
    retries: 1
`
	file := fileWith(t, filepath.Join(dir, "org.yaml"), text)
	if code, out, errs := u.weir("apply", "-f", file, "--yes"); code != 1 || !strings.Contains(errs, "is not set") {
		t.Fatalf("without the secrets: %d\n%s%s", code, out, errs)
	}
	if out := u.must("projects", "list"); strings.Contains(out, "Chat") {
		t.Error("it began without having the secrets")
	}
	u.env = append(u.env, "MAIN_ACCOUNT_API_KEY="+secret, "MAIN_ACCOUNT_X_TEAM=team-secret-0123")
	out := u.must("apply", "-f", file, "--yes")
	if strings.Contains(out+u.said.String(), secret) || strings.Contains(out, "team-secret") || len(got.paths) == 0 {
		t.Errorf("%s\n%v", out, got.paths)
	}
	if out := u.must("apply", "-f", file, "--plan"); out != "Nothing to change.\n" {
		t.Error(out)
	}
	exported := u.must("export", "--owner", "me")
	if exported != text {
		t.Errorf("%s\nwant %s", exported, text)
	}
	// A change of one field, then all of it goes.
	fileWith(t, file, strings.ReplaceAll(text, "weight: 2", "weight: 3"))
	if out := u.must("apply", "-f", file, "--yes"); !strings.Contains(out, `~ model endpoint "fast" in workspace "team"`) {
		t.Error(out)
	}
	fileWith(t, file, strings.ReplaceAll(strings.ReplaceAll(text, "weight: 2", "weight: 3"), "description: \"Ours: mind it\"\n    ", ""))
	if out := u.must("apply", "-f", file, "--yes"); !strings.Contains(out, `~ connection "Main account"`) {
		t.Error(out)
	}
	fileWith(t, file, "version: 1\nowner: me\n")
	if out := u.must("apply", "-f", file, "--yes"); strings.Count(out, "done: delete ") != 4 {
		t.Error(out)
	}
	if out := u.must("export"); strings.Contains(out, "connections:") || !strings.Contains(out, "workspaces:\n  - name: default\n") {
		t.Error(out)
	}
	// A key in a file beside the organization file; and what a file cannot say.
	fileWith(t, filepath.Join(dir, "key"), secret+"\n")
	fileWith(t, file, "version: 1\nconnections: [{name: c, provider: openai, base_url: \""+provider+"/v1\", api_key: {file: key}}]\n")
	u.must("apply", "-f", file, "--yes")
	for text, want := range map[string]string{
		"connections: [{name: c, api_key: sk-123}]":            "api_key is a section",
		"connections: [{name: c, api_key: {}}]":                "either in an env or in a file",
		"connections: [{name: c, api_key: {env: A, file: b}}]": "either in an env or in a file",
		"connections: [{name: c, headers: [{name: X}]}]":       "has no value",
		"model_endpoints: [{name: m}]":                         "needs a workspace and upstreams",
	} {
		u.says(2, want, "apply", "-f", fileWith(t, file, "version: 1\n"+text), "--yes")
	}
	for text, want := range map[string]string{
		"connections: [{name: c, workspaces: [nowhere]}]":                                          `there is no workspace "nowhere"`,
		"workspaces: [{name: w, projects: [nowhere]}]":                                             `there is no project "nowhere"`,
		"model_endpoints: [{name: m, workspace: default, upstreams: [{connection: x, model: m}]}]": `there is no connection "x"`,
	} {
		u.says(1, want, "apply", "-f", fileWith(t, file, "version: 1\n"+text), "--yes")
	}
}
