package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/id"
	"weir/internal/org"
)

// person puts somebody into the organization.
func (u *town) person(email, name string) (userID string) {
	u.t.Helper()
	actor := u.system()
	p := org.User{
		ID: id.New(id.User), OrganizationID: actor.OrganizationID, Email: email, Name: name, Role: access.OrganizationReader, CreatedAt: time.Now(),
	}
	if _, err := u.n.store.Update(u.t.Context(), actor, func(tx org.Tx) error { return tx.InsertUser(u.t.Context(), p) }); err != nil {
		u.t.Fatal(err)
	}
	return p.ID
}

func TestUsersCommand(t *testing.T) {
	u := newTown(t)
	if out := u.must("users", "list"); !strings.Contains(out, "\towner@localhost\tOwner\towner\t") {
		t.Errorf("%q", out)
	}
	owner := u.id("users", "get", "owner@localhost")
	if got := u.id("users", "get", "Owner"); got != owner || !strings.HasPrefix(owner, "user-") {
		t.Errorf("%s, %s", owner, got)
	}
	if out := u.must("users", "list", "--email", "a@example.com,b@example.com", "--email", "c@example.com", "--json"); out != "[]\n" {
		t.Errorf("%q", out)
	}
	u.refused(1, `no user "nobody@example.com"`, "users", "get", "nobody@example.com")
	u.tty = true
	if out := u.must("users", "list", "--email", "nobody@example.com"); out != "ID  EMAIL  NAME  ROLE  ADDED\n" {
		t.Errorf("%q", out)
	}
	u.tty = false

	ada, twin := u.person("ada@example.com", "Twin"), u.person("bob@example.com", "Twin")
	u.refused(1, "several are called \"Twin\"", "users", "get", "Twin")
	u.id("projects", "create", "Chat")
	in := func(args ...string) []string { return append(append([]string{"users"}, args...), "--project", "Chat") }
	if out := u.must(in("add", "ada@example.com", "--role", "viewer")...); out != "ada@example.com is now in Chat, as viewer\n" {
		t.Errorf("%q", out)
	}
	u.refused(1, "already exists in project", in("add", "ada@example.com")...)
	if out := u.must(in("list")...); !strings.Contains(out, ada+"\tada@example.com\tTwin\tviewer\t") || strings.Count(out, "\n") != 1 {
		t.Errorf("%q", out)
	}
	u.must(in("update", "ada@example.com", "--role", "owner")...)
	if got := objects[struct{ Role string }](u, in("get", ada)...); got.Role != "owner" {
		t.Errorf("%+v", got)
	}
	if out := u.must("users", "get", ada); !strings.Contains(out, "\nprojects\tChat\n") || !strings.Contains(out, "\nrole\treader\n") {
		t.Errorf("%q", out)
	}
	u.must("users", "update", ada, "--role", "owner")
	u.refused(1, "param role", "users", "update", ada, "--role", "king")
	u.must(in("remove", "ada@example.com")...)
	u.refused(1, "not found", in("get", ada)...)

	u.must("keys", "create", "hers", "--project", "Chat", "--owner", twin, "-q")
	u.refused(2, "delete 2 users, with all of their keys; nobody can be asked here", "users", "delete", ada, twin)
	leaver := u.system()
	leaver.Type, leaver.UserID = audit.ActorSession, ada
	token, _, err := u.n.org.CreateSCIMToken(t.Context(), leaver, org.NewSCIMToken{Name: "Entra ID"})
	if err != nil {
		t.Fatal(err)
	}
	if code, _, errs := u.weir("users", "delete", ada, twin, "--yes"); code != 0 || errs != "The SCIM token "+token.ID+" (Entra ID) is left, which "+ada+" made.\n" {
		t.Errorf("%d %q", code, errs)
	}
	u.refused(1, "not found", "users", "get", ada)
	u.refused(1, "code ", "users", "delete", owner, "--yes") // the last owner
	u.refused(2, "go together", "users", "list", "--email", "a@example.com", "--project", "Chat")
	u.refused(2, "--role is missing", "users", "update", owner)
	u.refused(2, "--project is missing", "users", "remove", owner)
}

// An owner of a project alone does daily work in it: finds it by name, and its
// people.
func TestOwnersOfAProject(t *testing.T) {
	u := newTown(t)
	ada, bob, eve := u.person("ada@example.com", "Ada"), u.person("bob@example.com", "Bob"), u.person("eve@example.com", "Eve")
	u.id("projects", "create", "Chat")
	u.id("projects", "create", "Other")
	u.must("users", "add", "ada@example.com", "--project", "Chat", "--role", "owner")
	u.id("groups", "create", "Operators")
	u.must("groups", "add", "Operators", ada, eve)
	u.must("roles", "assign", "member", "--group", "Operators", "--project", "Chat")
	through := eve + "\teve@example.com\tEve\t\t\tOperators\n"
	if out := u.must("users", "list", "--project", "Chat"); strings.Count(out, "\n") != 2 || !strings.HasSuffix(out, through) || !strings.HasPrefix(out, ada+"\t") {
		t.Errorf("%q", out)
	}
	if out := u.must("users", "list", "--project", "Chat", "--limit", "1", "-q"); out != ada+"\n" {
		t.Errorf("%q", out)
	}
	if got := objects[[]struct {
		ID      string
		Through struct{ Name string } `json:"through_group"`
	}](u, "users", "list", "--project", "Chat"); len(got) != 2 || got[0].Through.Name != "" || got[1].Through.Name != "Operators" {
		t.Errorf("%+v", got)
	}
	u.id("keys", "create", "hers", "--project", "Chat", "--owner", "eve@example.com", "-q")

	u.must("roles", "unassign", "reader", "--user", "ada@example.com") // owner of the project, and nothing else
	secret := strings.TrimSpace(u.must("keys", "create", "laptop", "--admin", "--owner", "ada@example.com", "-q"))
	u.env = append(u.env, "WEIR_ADMIN_KEY="+secret)
	if out := u.must("projects", "list"); strings.Count(out, "\n") != 1 || !strings.Contains(out, "\tChat\t") {
		t.Errorf("%q", out)
	}
	u.refused(1, `no project "Other"`, "users", "list", "--project", "Other")
	u.must("users", "add", "bob@example.com", "--project", "Chat")
	if out := u.must("users", "get", "Bob", "--project", "Chat"); !strings.Contains(out, bob) {
		t.Errorf("%q", out)
	}
	u.must("users", "update", "bob@example.com", "--role", "viewer", "--project", "Chat")
	u.must("roles", "assigned", "--user", "Bob", "--project", "Chat")
	u.must("users", "remove", "bob@example.com", "--project", "Chat")
	u.must("keys", "list", "--project", "Chat")
	code, out, errs := u.weir("users", "list", "--project", "Chat")
	if code != 0 || strings.Contains(out, eve) || !strings.Contains(out, ada) || !strings.Contains(errs, "The group Operators is in the project too") {
		t.Errorf("%d %q %q", code, out, errs)
	}
	u.refused(1, "api.management.read", "users", "list")
}

func TestGroupsCommand(t *testing.T) {
	u := newTown(t)
	ada, bob := u.person("ada@example.com", "Ada"), u.person("bob@example.com", "Bob")
	group := u.id("groups", "create", "Operators")
	if !strings.HasPrefix(group, "group_") {
		t.Errorf("%q", group)
	}
	if out := u.must("groups", "add", "Operators", "ada@example.com", bob); out != ada+" is now in Operators\n"+bob+" is now in Operators\n" {
		t.Errorf("%q", out)
	}
	// The first half is not done when the second cannot be found.
	u.refused(1, `nothing was changed: there is no user "eve@example.com"`, "groups", "remove", "Operators", "ada@example.com", "eve@example.com")
	if out := u.must("groups", "members", "Operators"); strings.Count(out, "\n") != 2 || !strings.Contains(out, ada+"\tada@example.com\tAda\n") {
		t.Errorf("%q", out)
	}
	// What is refused does not keep the rest from being done.
	code, out, errs := u.weir("groups", "add", "Operators", ada, "owner@localhost")
	if code != 1 || !strings.Contains(out, "is now in Operators") || !strings.Contains(errs, ada+": ") {
		t.Errorf("%d %q %q", code, out, errs)
	}
	u.must("groups", "remove", "Operators", "ada@example.com", "owner@localhost")
	if out := u.must("groups", "members", group, "-q"); out != bob+"\n" {
		t.Errorf("%q", out)
	}
	u.must("groups", "rename", "Operators", "On call")
	if got := objects[struct{ ID, Name string }](u, "groups", "get", "On call"); got.ID != group {
		t.Errorf("%+v", got)
	}
	u.id("projects", "create", "Chat")
	if out := u.must("groups", "list", "--project", "Chat"); out != "" {
		t.Errorf("%q", out)
	}
	u.must("roles", "assign", "member", "--group", "On call", "--project", "Chat")
	if out := u.must("groups", "list", "--project", "Chat", "-q"); out != group+"\n" {
		t.Errorf("%q", out)
	}
	u.refused(2, "delete the group On call, with what it gives its members; nobody", "groups", "delete", "On call")
	u.must("groups", "delete", "On call", "--yes")
	if out := u.must("groups", "list"); out != "" {
		t.Errorf("%q", out)
	}
}

func TestRolesCommand(t *testing.T) {
	u := newTown(t)
	ada := u.person("ada@example.com", "Ada")
	role := u.id("roles", "create", "Accounting", "--permission", "api.usage.read", "--description", "Sees what is used")
	if out := u.must("roles", "list"); !strings.Contains(out, role+"\tAccounting\tapi.organization\tfalse\t1\tSees what is used\n") || !strings.Contains(out, "\towner\tapi.organization\ttrue\t") {
		t.Errorf("%q", out)
	}
	u.must("roles", "update", "Accounting", "--permission", "api.usage.read,api.model.read", "--name", "Books")
	if out := u.must("roles", "get", "Books"); !strings.Contains(out, "api.model.read") || !strings.Contains(out, "api.usage.read") || !strings.Contains(out, "description\tSees what is used\n") {
		t.Errorf("%q", out)
	}
	if out := u.must("roles", "assign", "Books", "--user", "ada@example.com"); out != "ada@example.com now holds the role Books\n" {
		t.Errorf("%q", out)
	}
	u.refused(1, "code ", "roles", "assign", "Books", "--user", "ada@example.com") // twice
	if out := u.must("roles", "assigned", "--user", ada); !strings.Contains(out, role+"\tBooks\t") {
		t.Errorf("%q", out)
	}
	u.id("groups", "create", "Operators")
	u.must("groups", "add", "Operators", ada)
	u.must("roles", "assign", "reader", "--group", "Operators")
	if out := u.must("roles", "assigned", "--group", "Operators"); !strings.Contains(out, "\treader\t") {
		t.Errorf("%q", out)
	}

	// Roles of a project, for a service account.
	u.id("projects", "create", "Chat")
	u.id("service-accounts", "create", "bot", "--project", "Chat", "--without-key")
	u.id("roles", "create", "Caller", "--project", "Chat", "--permission", "api.model.request")
	u.must("roles", "assign", "Caller", "--service-account", "bot", "--project", "Chat")
	if out := u.must("roles", "assigned", "--service-account", "bot", "--project", "Chat"); !strings.Contains(out, "\tCaller\tapi.project\t") {
		t.Errorf("%q", out)
	}
	u.must("roles", "unassign", "Caller", "--service-account", "bot", "--project", "Chat")
	if out := u.must("roles", "assigned", "--service-account", "bot", "--project", "Chat"); strings.Contains(out, "Caller") {
		t.Errorf("%q", out)
	}
	u.refused(1, `no role "Caller"`, "roles", "get", "Caller") // of the project, not the organization
	u.refused(1, "code ", "roles", "delete", "--yes", "owner") // predefined
	u.refused(1, "param permissions", "roles", "create", "x", "--permission", "api.nothing")
	u.must("roles", "delete", "Books", "--yes")
	if out := u.must("roles", "assigned", "--user", ada); strings.Contains(out, "Books") {
		t.Errorf("%q", out)
	}
	for says, args := range map[string]string{
		"one of --user, --group":                     "roles assign owner",
		"one of --user, --group and":                 "roles assigned --user a --group b",
		"--service-account needs --project":          "roles unassign owner --service-account bot",
		"--permission is missing":                    "roles create x",
		"say what to change":                         "roles update x",
		"delete the role Caller, with all of its as": "roles delete Caller --project Chat",
	} {
		u.refused(2, says, strings.Fields(args)...)
	}
}

func TestLimitsCommand(t *testing.T) {
	u := newTown(t)
	u.id("projects", "create", "Chat")
	// A model that weir knows of, so that it has limits.
	if status := u.post("/weir/v1/connections", `{"name":"Sandbox","provider":"sandbox"}`); status != http.StatusOK {
		t.Fatal(status)
	}
	in := func(args ...string) []string { return append(append([]string{"limits"}, args...), "--project", "Chat") }
	line := func(out, model string) []string {
		for l := range strings.Lines(out) {
			if strings.HasPrefix(l, model+"\t") {
				return strings.Split(strings.TrimSuffix(l, "\n"), "\t")
			}
		}
		t.Fatalf("no %s in %s", model, out)
		return nil
	}
	was := line(u.must(in("rates")...), "gpt-4o-mini")
	u.must(in("set-rates", "gpt-4o-mini", "--requests", "100")...)
	if now := line(u.must(in("rates")...), "gpt-4o-mini"); now[1] != "100" || now[2] != was[2] {
		t.Errorf("%v, %v", was, now)
	}
	u.must("limits", "set-rates", "gpt-4o-mini", "--requests", "0", "--tokens", "50")
	if now := line(u.must("limits", "rates"), "gpt-4o-mini"); now[1] != "0" || now[2] != "50" {
		t.Errorf("%v", now)
	}
	u.must("limits", "reset-rates", "gpt-4o-mini")
	u.must(in("reset-rates", "gpt-4o-mini")...)
	if now := line(u.must(in("rates")...), "gpt-4o-mini"); now[1] != was[1] {
		t.Errorf("%v, %v", was, now)
	}
	u.refused(1, "not found", in("set-rates", "nothing", "--tokens", "1")...)
	u.refused(2, "less than 0", in("set-rates", "gpt-4o-mini", "--tokens", "-1")...)
	u.refused(2, "say what to set", in("set-rates", "gpt-4o-mini")...)
	u.refused(2, "take back the rate limits of 2 models", in("reset-rates", "a", "b")...)

	for _, scope := range [][]string{nil, {"--project", "Chat"}} {
		in := func(args ...string) []string { return append(append([]string{"limits"}, args...), scope...) }
		u.refused(1, "not_found", in("spend")...)
		if out := u.must(in("set-spend", "99.5")...); !strings.HasPrefix(out, "usd\t99.50\ninterval\tmonth\n") {
			t.Errorf("%q", out)
		}
		if got := objects[struct {
			Threshold int `json:"threshold_amount"`
		}](u, in("spend")...); got.Threshold != 9950 {
			t.Errorf("%+v", got)
		}
		u.must(in("unset-spend")...)
		u.refused(1, "not_found", in("unset-spend")...)

		alert := u.id(in("create-alert", "$400", "--email", "ada@example.com,bob@example.com", "--subject-prefix", "[weir]")...)
		u.must(in("update-alert", alert, "--usd", "450.25")...)
		if out := u.must(in("alerts")...); out != alert+"\t450.25\tmonth\tada@example.com,bob@example.com\t[weir]\n" {
			t.Errorf("%q", out)
		}
		u.must(in("update-alert", alert, "--email", "eve@example.com")...)
		if out := u.must(in("alerts")...); out != alert+"\t450.25\tmonth\teve@example.com\t[weir]\n" {
			t.Errorf("%q", out)
		}
		u.must(in("delete-alert", alert)...)
		if out := u.must(in("alerts")...); out != "" {
			t.Errorf("%q", out)
		}
		u.refused(2, "say what to change", in("update-alert", alert)...)
		u.refused(2, "--email is missing", in("create-alert", "1")...)
		for _, bad := range []string{"0.001", "a lot", "1e30", "--", "€5"} {
			u.refused(2, "", in("set-spend", bad)...)
		}
		u.refused(2, "", append(in("set-spend"), "--", "-5")...)
	}
}
