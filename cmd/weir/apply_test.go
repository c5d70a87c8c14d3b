package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/id"
	"weir/internal/org"
	"weir/internal/orgfile"
)

const townFile = `version: 1
owner: platform
roles:
  - name: Accounting
    description: Sees what is used
    permissions:
      - api.usage.read
groups:
  - name: Operators
    members:
      - service_account: bot
        project: Support chat
      - user: ada@example.com
    roles:
      - Accounting
users:
  - email: ada@example.com
    roles:
      - reader
  - email: owner@localhost
    roles:
      - owner
projects:
  - name: Default project
  - name: Support chat
    residency: EU_STORAGE_PROCESSING
    roles:
      - name: Filer
        permissions:
          - api.files.read
          - api.files.write
    service_accounts:
      - name: bot
        roles:
          - member
    users:
      - email: ada@example.com
        roles:
          - Filer
          - viewer
    groups:
      - name: Operators
        roles:
          - member
workspaces:
  - name: default
`

// fileWith puts an organization file on disk.
func fileWith(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestApply(t *testing.T) {
	u := newTown(t)
	u.person("Ada@Example.com", "Ada")
	file := fileWith(t, filepath.Join(t.TempDir(), "org.yaml"), townFile)

	code, out, _ := u.weir("apply", "-f", file, "--plan")
	if code != 3 || !strings.Contains(out, `+ project "Support chat"`) || !strings.Contains(out, "12 to create, 0 to update, 0 to delete.\n") {
		t.Fatalf("exit code %d\n%s", code, out)
	}
	if out := u.must("projects", "list"); strings.Contains(out, "Support chat") {
		t.Error("a plan changed something")
	}
	code, out, errs := u.weir("apply", "-f", file)
	if code != 2 || !strings.Contains(errs, "say --yes") {
		t.Errorf("without asking: exit code %d\n%s%s", code, out, errs)
	}
	u.tty, u.stdin = true, "no\n"
	if code, _, errs := u.weir("apply", "-f", file); code != 1 || !strings.Contains(errs, "nothing was changed") {
		t.Errorf("refused: exit code %d, %s", code, errs)
	}
	u.stdin = "yes\n"
	if out := u.must("apply", "-f", file); strings.Count(out, "done: create ") != 12 {
		t.Errorf("%s", out)
	}
	u.tty = false
	for _, more := range [][]string{{"--plan"}, {"--yes"}, {"--plan", "--prune"}} {
		if out := u.must(append([]string{"apply", "-f", file}, more...)...); out != "Nothing to change.\n" {
			t.Errorf("again, %v: %s", more, out)
		}
	}
	if out := u.must("export", "--owner", "platform"); out != townFile {
		t.Errorf("%s\nwant %s", out, townFile)
	}
	if out := u.must("keys", "list", "--project", "Support chat", "-q"); out != "" {
		t.Errorf("keys were made: %s", out)
	}

	// What is changed by hand is changed back, and what others made stays.
	u.must("roles", "update", "Accounting", "--permission", "api.model.read")
	u.must("groups", "create", "Theirs")
	plan := objects[struct {
		Changes []struct {
			Action, Kind, Name, Status string
			Fields                     []struct{ Name string }
		}
	}](u, "apply", "-f", file, "--yes")
	if len(plan.Changes) != 1 || plan.Changes[0].Action != "update" || plan.Changes[0].Name != "Accounting" || plan.Changes[0].Status != "done" || plan.Changes[0].Fields[0].Name != "permissions" {
		t.Errorf("%+v", plan)
	}
	if out := u.must("roles", "get", "Accounting"); !strings.Contains(out, "api.usage.read") {
		t.Error(out)
	}

	// Whatever is no longer in the file goes if it is owned; projects when they are named.
	fileWith(t, file, "version: 1\nowner: platform\n")
	if out := u.must("apply", "-f", file, "--yes"); !strings.Contains(out, "archives it") || strings.Contains(out, `"Filer"`) {
		t.Errorf("%s", out)
	}
	if out := u.must("groups", "list"); strings.Contains(out, "Operators") || !strings.Contains(out, "Theirs") {
		t.Error(out)
	}
	if out := u.must("users", "list"); !strings.Contains(out, "owner@localhost\tOwner\towner") {
		t.Error("what was there before the first apply was taken away")
	}
	u.says(2, "name it with --archive", "apply", "-f", file, "--prune", "--yes")
	u.says(2, "name it with --archive", "apply", "-f", file, "--prune", "--archive", "Support", "--yes")
	u.tty, u.stdin = true, "yes\n"
	u.says(1, "nothing was changed", "apply", "-f", file, "--prune")
	u.stdin = "Support chat\nyes\n"
	u.must("apply", "-f", file, "--prune")
	if out := u.must("projects", "list", "-q"); strings.Count(out, "\n") != 1 {
		t.Error(out)
	}
	if out := u.must("apply", "-f", file, "--prune", "--plan"); out != "Nothing to change.\n" {
		t.Error(out)
	}
}

// says runs a command that has to fail with a code and say why, whatever it
// printed.
func (u *town) says(code int, says string, args ...string) {
	u.t.Helper()
	if got, out, errs := u.weir(args...); got != code || !strings.Contains(errs, says) {
		u.t.Errorf("weir %s: exit code %d, want %d and %q\nstdout: %s\nstderr: %s", strings.Join(args, " "), got, code, says, out, errs)
	}
}

func TestApplyRefuses(t *testing.T) {
	u := newTown(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "org.yaml")
	for text, want := range map[string]string{
		"version: 1\nprojcts: []\n": `org.yaml:2:1: unknown field "projcts". Did you mean projects?`,
		"version: 2\n":              "version: 2 is not known",
	} {
		u.says(2, want, "apply", "-f", fileWith(t, file, text), "--yes")
	}
	for text, want := range map[string]string{
		"users: [{email: nobody@example.com, roles: [reader]}]": `there is no user "nobody@example.com"`,
		"users: [{email: owner@localhost, roles: [king]}]":      `there is no role "king"`,
	} {
		u.says(1, want, "apply", "-f", fileWith(t, file, "version: 1\nprojects: [{name: New}]\n"+text), "--yes")
	}
	u.says(2, "-f FILE is missing", "apply", "--yes")
	u.says(2, "no such file", "apply", "-f", filepath.Join(dir, "none.yaml"), "--yes")
	u.says(2, "is YAML", "export", "--json")
	fileWith(t, filepath.Join(dir, "org.state.json"), "[]")
	u.says(1, "does not say what is owned", "apply", "-f", fileWith(t, file, "version: 1\nprojects: [{name: New}]\n"), "--yes")
	u.must("projects", "create", "Twin")
	u.must("projects", "create", "Twin")
	u.says(1, `there are 2 of the name of project "Twin"`, "export")
	u.says(1, `there are 2 of the name of project "Twin"`, "apply", "--state", filepath.Join(dir, "s.json"), "-f", fileWith(t, file, "version: 1\nprojects: [{name: Twin}]\n"), "--yes")
	if out := u.must("projects", "list"); strings.Contains(out, "New") {
		t.Error("something was made of a file that was refused")
	}
}

// A failure stops there, says what was done and what was not, and the next apply
// goes on.
func TestApplyStopsAndGoesOn(t *testing.T) {
	u := newTown(t)
	dir := t.TempDir()
	bad := "version: 1\nowner: me\nprojects: [{name: A}]\nroles: [{name: R, permissions: [api.nothing.read]}]\ngroups: [{name: G}]\n"
	file := fileWith(t, filepath.Join(dir, "org.yaml"), bad)
	code, out, errs := u.weir("apply", "-f", file, "--yes")
	if code != 1 || !strings.Contains(errs, "1 of 3 changes were made, then it stopped: create role \"R\": ") || !strings.Contains(errs, "api.nothing.read") ||
		!strings.HasSuffix(out, "done: create project \"A\"\nnot done: create role \"R\"\nnot done: create group \"G\"\n") {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	fileWith(t, file, strings.ReplaceAll(bad, "api.nothing.read", "api.usage.read"))
	if out := u.must("apply", "-f", file, "--yes"); !strings.HasSuffix(out, "done: create role \"R\"\ndone: create group \"G\"\n") {
		t.Error(out)
	}
	// Under another owner's name nothing of it is owned, nor without the state.
	for _, text := range []string{"version: 1\nowner: other\n", "version: 1\n"} {
		if out := u.must("apply", "-f", fileWith(t, file, text), "--plan"); out != "Nothing to change.\n" {
			t.Error(out)
		}
	}
	fileWith(t, file, "version: 1\nowner: me\n")
	if out := u.must("apply", "-f", file, "--plan", "--state", filepath.Join(dir, "lost.json")); out != "Nothing to change.\n" {
		t.Error(out)
	}
	if code, out, _ := u.weir("apply", "-f", file, "--plan"); code != 3 || !strings.Contains(out, `- group "G"`) {
		t.Errorf("%d, %s", code, out)
	}
}

// What somebody changes between the plan and its steps is not overwritten.
func TestApplyAgainstOthers(t *testing.T) {
	u := newTown(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "org.yaml")
	text := "version: 1\nowner: me\nprojects: [{name: A}]\nroles: [{name: R, permissions: [api.usage.read]}]\ngroups: [{name: G}]\n"
	u.must("apply", "-f", fileWith(t, file, text), "--yes")
	var to connection
	r, err := to.connect(&cli{env: u.env})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		text    string
		between []string
	}{
		"updated": {strings.Replace(text, "usage", "model", 1), []string{"roles", "update", "R", "--description", "another"}},
		"created": {text + "users: [{email: owner@localhost, roles: [R]}]\n", []string{"roles", "assign", "R", "--user", "owner@localhost"}},
		"deleted": {strings.Replace(text, "groups: [{name: G}]", "", 1), []string{"groups", "delete", "G", "--yes"}},
	} {
		a := application{file: fileWith(t, file, tt.text), state: orgfile.StatePath(file), remote: r}
		if err := a.makePlan(t.Context()); err != nil || len(a.changes.Changes) == 0 {
			t.Fatal(name, err, a.changes)
		}
		u.must(tt.between...)
		run := orgfile.Run{API: r.api, World: a.world, State: a.ownedBefore, Owner: a.owner, Done: func(orgfile.Change) {}}
		if _, err := run.Apply(t.Context(), a.changes); err == nil || !strings.Contains(err.Error(), "has changed since the plan") {
			t.Errorf("%s: %v", name, err)
		}
		u.must("apply", "-f", file, "--yes")
	}
}

// tenant makes another organization on the same weir, with the same people, and
// becomes its administrator.
func (u *town) tenant(people ...string) {
	u.t.Helper()
	secret := id.Secret(id.AdminSecret)
	o, err := u.n.org.CreateOrganization(u.t.Context(), org.NewOrganization{Name: "Tenant", OwnerEmail: "owner@localhost", OwnerName: "Owner", AdminSecret: secret})
	if err != nil {
		u.t.Fatal(err)
	}
	for _, email := range people {
		p := org.User{ID: id.New(id.User), OrganizationID: o.ID, Email: email, Name: "Somebody", Role: access.OrganizationReader, CreatedAt: time.Now()}
		if _, err := u.n.store.Update(u.t.Context(), audit.System(o.ID), func(tx org.Tx) error { return tx.InsertUser(u.t.Context(), p) }); err != nil {
			u.t.Fatal(err)
		}
	}
	u.env = []string{"WEIR_URL=" + u.url, "WEIR_ADMIN_KEY=" + secret}
}

// settle builds an organization of random names, by the commands.
func (u *town) settle(rt *rapid.T, people []string) {
	name := rapid.SampledFrom([]string{"true", "12", "a: b", "- x", "né", "it's", `"q"`, " lead", "x #y", "a/b", "A", "a", "owner", "~", "2026-11-24", "𝄞", "{x}", "*", "Ops team"})
	names := func(what string) []string { return rapid.SliceOfNDistinct(name, 0, 3, rapid.ID).Draw(rt, what) }
	maybe := func(what string) bool { return rapid.Bool().Draw(rt, what) }
	permissions := rapid.SampledFrom([]string{"api.model.read", "api.files.read", "api.files.write,api.model.read"})
	var holders [][]string
	for _, p := range people {
		holders = append(holders, []string{"--user", p})
	}
	var groups []string
	for _, n := range names("groups") {
		group := u.named("groups", "create", n)
		groups = append(groups, group)
		holders = append(holders, []string{"--group", group})
		if maybe("member") {
			u.must("groups", "add", group, rapid.SampledFrom(people).Draw(rt, "person"))
		}
	}
	assign := func(roles []string, holders [][]string, at ...string) {
		for _, r := range roles {
			for _, h := range holders {
				if maybe("assigned") {
					u.must(slices.Concat([]string{"roles", "assign", r}, h, at)...)
				}
			}
		}
	}
	roles := func(at ...string) (ids []string) {
		for _, n := range names("roles") {
			if n == "owner" {
				continue // is predefined
			}
			ids = append(ids, u.named("roles", "create", n, append([]string{"--permission", permissions.Draw(rt, "permissions"), "--description=" + name.Draw(rt, "description")}, at...)...))
		}
		return ids
	}
	assign(roles(), holders)
	for _, n := range names("projects") {
		project := u.named("projects", "create", n)
		if maybe("settings") {
			u.must("limits", "set-spend", fmt.Sprint(rapid.IntRange(1, 9000).Draw(rt, "usd")), "--project", project)
			u.must("limits", "create-alert", "4", "--email", rapid.SampledFrom(people).Draw(rt, "recipient"), "--project", project)
			u.must("limits", "set-rates", "gpt-4o-mini", "--requests", fmt.Sprint(rapid.IntRange(0, 9).Draw(rt, "requests")), "--project", project)
		}
		here := slices.Clone(holders)
		for _, a := range names("accounts") {
			account := u.named("service-accounts", "create", a, "--project", project, "--without-key")
			here = append(here, []string{"--service-account", account})
			if len(groups) > 0 && maybe("account in group") {
				u.must("groups", "add", groups[0], account)
			}
		}
		assign(append(roles("--project", project), "member", "viewer"), here, "--project", project)
	}
}

// named makes something of any name and returns its id.
func (u *town) named(noun, verb, name string, flags ...string) string {
	u.t.Helper()
	return strings.TrimSpace(u.must(slices.Concat([]string{noun, verb}, flags, []string{"-q", "--", name})...))
}

// An organization, exported, applied to an empty one and exported again, is the
// same to the byte, and neither has anything left to change.
func TestExportAndApplyRoundTrip(t *testing.T) {
	u := newTown(t)
	people := []string{"ada@example.com", "Bob@Example.com"}
	build := rapid.Custom(func(rt *rapid.T) int {
		u.tenant(people...)
		u.settle(rt, people)
		return 0
	})
	longest := 0
	for seed := range 12 {
		build.Example(seed)
		exported := u.must("export")
		longest = max(longest, len(exported))
		file := fileWith(t, filepath.Join(t.TempDir(), fmt.Sprint(seed, ".yaml")), exported)
		if out := u.must("apply", "-f", file, "--plan"); out != "Nothing to change.\n" {
			t.Fatalf("an exported organization differs from itself: %s\n%s", out, exported)
		}
		u.tenant(people...)
		u.must("apply", "-f", file, "--yes")
		if again := u.must("export"); again != exported {
			t.Fatalf("seed %d:\n%s\nwant %s", seed, again, exported)
		}
		if out := u.must("apply", "-f", file, "--plan"); out != "Nothing to change.\n" {
			t.Fatalf("applied, and still different: %s", out)
		}
	}
	if longest < 2000 {
		t.Errorf("the largest organization was %d bytes: too little to prove anything", longest)
	}
}
