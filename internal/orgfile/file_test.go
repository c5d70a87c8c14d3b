package orgfile_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/internal/orgfile"
)

const town = `version: 1
owner: platform
roles:
  - name: Accounting
    description: "Sees: what is used"
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
      - owner
projects:
  - name: Search
  - name: Support chat
    residency: EU_STORAGE_PROCESSING
    service_accounts:
      - name: bot
        roles:
          - member
    groups:
      - name: Operators
        roles:
          - viewer
`

// What is written is what was read, in canonical order, and so is what comes of
// its objects.
func TestAFileIsWrittenAsItWasRead(t *testing.T) {
	f, err := orgfile.Parse("org.yaml", []byte("# a comment\n"+town))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(orgfile.Write(f)); got != town {
		t.Errorf("%s\nwant %s", got, town)
	}
	objects, err := f.Objects()
	if err != nil {
		t.Fatal(err)
	}
	again := orgfile.FromObjects(objects)
	again.Owner = f.Owner
	if got := string(orgfile.Write(again)); got != town {
		t.Errorf("from its objects:\n%s\nwant %s", got, town)
	}
}

// Any names survive: quotes, words that mean something in YAML, other scripts,
// characters that move a cursor.
func TestAnyNamesAreWrittenAndRead(t *testing.T) {
	odd := rapid.SampledFrom([]string{
		"true", "null", "~", "yes", "No", "1", "1e3", "0x1f", "1_000", "2026-11-24", "12:30:00", ".inf", "a: b", "a #b", "- a", "&a", "*a", "!a", "%a", "@a", "`a`",
		"'", `"`, `\`, "{", "[a]", "a\tb", "a\nb", " a", "a ", "a  b", "\u00a0", "\u0085", "\u2028", "\ufeff", "\u202e", "𝄞", "\U000e0001", "é", "<<", "=", "|", ">", "---", "...", "?", "null null", "on",
	})
	name := rapid.OneOf(odd, rapid.StringN(1, 20, -1), rapid.StringMatching(`[ -~]{1,12}`))
	rapid.Check(t, func(rt *rapid.T) {
		f := orgfile.File{
			Version: 1, Owner: name.Draw(rt, "owner"),
			Roles:    []orgfile.Role{{Name: name.Draw(rt, "role"), Description: name.Draw(rt, "description"), Permissions: []string{name.Draw(rt, "permission")}}},
			Projects: []orgfile.Project{{Name: name.Draw(rt, "project")}, {Name: name.Draw(rt, "other")}},
		}
		text := orgfile.Write(f)
		got, err := orgfile.Parse("org.yaml", text)
		if err != nil || !reflect.DeepEqual(got, f) {
			rt.Fatalf("%+v, %v\nwant %+v\n%s", got, err, f, text)
		}
	})
}

func TestWhatIsWrongInAFile(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"version: 1\nprojcts: []\n", `org.yaml:2:1: unknown field "projcts". Did you mean projects?`},
		{"version: 1\nprojects:\n  - name: a\n    service_acounts: []\n", `org.yaml:4:5: unknown field "service_acounts". Did you mean service_accounts?`},
		{"version: 1\nprojects:\n  - name: 12\n", "org.yaml:3:11: name is text"},
		{"version: 1\nprojects: a\n", "org.yaml:2:11: projects is a list"},
		{"version: 1\nprojects: [a]\n", "org.yaml:2:12: an entry of projects is a section"},
		{"version: 1\nprojects:\n", "org.yaml:2:1: projects says nothing"},
		{"version: one\n", "org.yaml:1:10: version is a whole number"},
		{"version: 1\nversion: 1\n", "version"},
		{"version: 1\n? [a]\n: b\n", "org.yaml"},
		{"a: [\n", "it is not YAML"},
		{"", "one YAML document"},
		{"version: 1\n---\nversion: 1\n", "one YAML document"},
		{"version: 1\nusers: &a [*a]\n", "users is a list"},
		{"- a\n", "the file is a section"},
		{strings.Repeat(" ", orgfile.MaxSize+1), "larger than"},
	} {
		_, err := orgfile.Parse("org.yaml", []byte(tt.text))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.80q: %v, want %s", tt.text, err, tt.want)
		}
	}
	// All that is wrong is said at once.
	_, err := orgfile.Parse("org.yaml", []byte("version: 1\na: b\nc: d\n"))
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Error(err)
	}
}

func TestWhatAFileCannotAskFor(t *testing.T) {
	for text, want := range map[string]string{
		"roles: []":                          "version: 0 is not known",
		"version: 2":                         "version: 2 is not known",
		"projects: [{name: a}, {name: a}]":   `the file has the project "a" twice`,
		"projects: [{}]":                     "a project without a name",
		"groups: [{name: g, members: [{}]}]": "is either a user",
		"users: [{email: a@b}]":              "has no roles",
		"users: [{roles: [owner]}]":          "a user without an email",
		"users: [{email: a, roles: [x, x]}]": `the file has the role "x" of "a" twice`,
		"users: [{email: a, roles: [x]}, {email: A, roles: [x]}]":       "twice",
		"groups: [{name: g, members: [{service_account: x}]}]":          "is either a user",
		"groups: [{name: g, members: [{user: x, service_account: x}]}]": "is either a user",
		"projects: [{name: a, groups: [{name: g}]}]":                    "has no roles",
	} {
		if !strings.Contains(text, "version") && !strings.HasPrefix(text, "roles") {
			text = "version: 1\n" + text
		}
		f, err := orgfile.Parse("org.yaml", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if _, err := f.Objects(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func objects(t *testing.T, text string) []orgfile.Object {
	t.Helper()
	f, err := orgfile.Parse("org.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	o, err := f.Objects()
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// world is an organization that has the objects, each with its name as its id.
func world(has []orgfile.Object) (orgfile.World, orgfile.Owned) {
	w := orgfile.World{Objects: map[orgfile.Ref]orgfile.Actual{}, IDs: map[orgfile.Ref]string{}, Users: map[string]string{"ada@example.com": "user-1"}}
	var owned orgfile.Owned
	for _, o := range has {
		w.Objects[o.Ref] = orgfile.Actual{Object: o, ID: o.String()}
		w.IDs[o.Ref] = o.String()
		owned = append(owned, orgfile.Entry{Ref: o.Ref, ID: o.String()})
	}
	return w, owned
}

func steps(p orgfile.Plan) (all []string) {
	for i := range p.Changes {
		all = append(all, p.Changes[i].String())
	}
	return all
}

func TestPlans(t *testing.T) {
	full, empty := objects(t, town), objects(t, "version: 1")
	w, owned := world(full)
	nothing, _ := world(nil)
	for _, tt := range []struct {
		name  string
		want  []orgfile.Object
		have  orgfile.World
		owned orgfile.Owned
		prune bool
		plan  []string
		kept  int
	}{
		{name: "what is there", want: full, have: w, owned: owned},
		{name: "what nobody owns", want: empty, have: w},
		{name: "from nothing, in the order of what needs what", want: full, have: nothing, plan: []string{
			`create project "Search"`, `create project "Support chat"`, `create role "Accounting"`, `create service account "bot" in project "Support chat"`,
			`create group "Operators"`, `create member service account "bot" of project "Support chat" of group "Operators"`,
			`create member "ada@example.com" of group "Operators"`,
			`create role "Accounting" of group "Operators"`, `create role "owner" of "ada@example.com"`,
			`create role "viewer" of group "Operators" in project "Support chat"`,
			`create role "member" of service account "bot" of project "Support chat" in project "Support chat"`,
		}},
		{name: "projects stay", want: empty, have: w, owned: owned, kept: 2, plan: []string{
			`delete role "owner" of "ada@example.com"`, `delete group "Operators"`, `delete role "Accounting"`,
		}},
		{name: "unless they need not", want: empty, have: w, owned: owned, prune: true, plan: []string{
			`delete role "owner" of "ada@example.com"`, `delete group "Operators"`, `delete role "Accounting"`,
			`archive project "Support chat"`, `archive project "Search"`,
		}},
		{name: "another role", want: objects(t, strings.Replace(town, "api.usage.read", "api.model.read", 1)), have: w, owned: owned, plan: []string{`update role "Accounting"`}},
	} {
		p, err := orgfile.MakePlan(tt.want, tt.have, tt.owned, tt.prune)
		got := steps(p)
		slices.Sort(got)
		sorted := slices.Sorted(slices.Values(tt.plan))
		if err != nil || !slices.Equal(got, sorted) || len(p.Kept) != tt.kept {
			t.Errorf("%s: %v, %v, kept %v\nwant %v", tt.name, steps(p), err, p.Kept, tt.plan)
		}
	}
	for text, want := range map[string]string{
		"users: [{email: bob@example.com, roles: [owner]}]":                        `there is no user "bob@example.com"`,
		"users: [{email: ada@example.com, roles: [nothing]}]":                      `there is no role "nothing"`,
		"projects: [{name: a, groups: [{name: g, roles: [member]}]}]":              `there is no group "g"`,
		"groups: [{name: g, members: [{service_account: bot, project: nowhere}]}]": `there is no project "nowhere"`,
		"projects: [{name: Support chat, residency: US}]":                          "cannot be changed",
		"projects: [{name: Search, groups: [{name: Operators, roles: [member]}]}]": `the group "Operators" is no longer in the file and would be deleted`,
	} {
		if _, err := orgfile.MakePlan(objects(t, "version: 1\n"+text), w, owned, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
