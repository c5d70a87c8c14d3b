package main

import (
	"path/filepath"
	"strings"
	"testing"
)

const settingsFile = `version: 1
owner: me
organization:
  spend_limit_cents: 100000
  spend_alerts:
    - threshold_cents: 90000
      recipients: [b@example.com, a@example.com]
      subject_prefix: "[weir]"
  data_retention: zero_data_retention
  rate_limits:
    - model: gpt-4o-mini
      max_requests_per_1_minute: 500
      max_tokens_per_1_minute: 100000
projects:
  - name: Chat
    spend_limit_cents: 5000
    spend_alerts:
      - threshold_cents: 4000
        recipients: [a@example.com]
    data_retention: none
    rate_limits:
      - model: gpt-4o-mini
        max_requests_per_1_minute: 50
    model_permissions:
      mode: allow_list
      model_ids:
        - gpt-4o-mini
    hosted_tools:
      web_search: false
    service_tiers:
      default: standard
      enabled_tiers: []
`

// Settings are made, changed back, and taken back when the file no longer has
// them; and what is exported makes the same organization elsewhere.
func TestApplySettings(t *testing.T) {
	u := newTown(t)
	u.tenant()
	file := fileWith(t, filepath.Join(t.TempDir(), "org.yaml"), settingsFile)
	if out := u.must("apply", "-f", file, "--yes"); !strings.Contains(out, `+ hosted tools in project "Chat"`) || !strings.Contains(out, "+ spend limit of the organization\n    threshold_amount: 100000\n") {
		t.Error(out)
	}
	if out := u.must("apply", "-f", file, "--plan"); out != "Nothing to change.\n" {
		t.Fatal(out)
	}
	exported := u.must("export", "--owner", "me")
	for _, line := range []string{"spend_limit_cents: 100000", "  data_retention: zero_data_retention", "max_requests_per_1_minute: 50\n", "web_search: false", "mcp: true", "subject_prefix: \"[weir]\"", "threshold_cents: 4000", "enabled_tiers: []"} {
		if !strings.Contains(exported, line) {
			t.Errorf("%q is missing:\n%s", line, exported)
		}
	}
	here := u.env
	u.tenant()
	again := fileWith(t, filepath.Join(t.TempDir(), "again.yaml"), exported)
	u.must("apply", "-f", again, "--yes")
	if out := u.must("export", "--owner", "me"); out != exported {
		t.Errorf("%s\nwant %s", out, exported)
	}
	u.env = here

	u.must("limits", "set-spend", "70", "--project", "Chat")
	if out := u.must("apply", "-f", file, "--yes"); !strings.Contains(out, "threshold_amount: 7000 -> 5000\n") {
		t.Error(out)
	}
	// What is not in the file and was set by hand stays; what was set by it does not.
	fileWith(t, file, "version: 1\nowner: me\norganization:\n  spend_limit_cents: 100000\nprojects:\n  - name: Chat\n")
	if out := u.must("apply", "-f", file, "--yes"); strings.Count(out, "done: delete ") != 10 {
		t.Error(out)
	}
	if out := u.must("export"); out != "version: 1\norganization:\n  spend_limit_cents: 100000\nusers:\n  - email: owner@localhost\n    roles:\n      - owner\nprojects:\n  - name: Chat\n  - name: Default project\nworkspaces:\n  - name: default\n" {
		t.Error(out)
	}
	u.must("limits", "set-spend", "70", "--project", "Chat")
	if out := u.must("apply", "-f", file, "--plan"); out != "Nothing to change.\n" {
		t.Error(out)
	}
	// A setting that the file says and that is the default anyway changes nothing.
	fileWith(t, file, "version: 1\nprojects:\n  - name: Chat\n    data_retention: organization_default\n    hosted_tools:\n      mcp: true\n    service_tiers:\n      enabled_tiers: [all]\n")
	if out := u.must("apply", "-f", file, "--plan"); out != "Nothing to change.\n" {
		t.Error(out)
	}
	for text, want := range map[string]string{
		"organization: {spend_limit_cents: 1.5}":                  "spend_limit_cents is a whole number",
		"projects: [{name: a, hosted_tools: {mcp: enabled}}]":     "mcp is true or false",
		"projects: [{name: a, hosted_tools: {mpc: true}}]":        "Did you mean mcp?",
		"projects: [{name: a, rate_limits: [{}]}]":                "a rate limit without a name",
		"organization: {spend_limit_cents: 99999999999999999999}": "spend_limit_cents is a whole number",
		"organization: {spend_alerts: [{threshold_cents: 5}]}":    "needs threshold_cents and recipients",
		"organization: {rate_limits: [{model: m}, {model: m}]}":   "twice",
	} {
		u.says(2, want, "apply", "-f", fileWith(t, file, "version: 1\n"+text), "--yes")
	}
}
