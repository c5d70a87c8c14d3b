package adminapi_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/org"
)

// examples are the calls that [world.example] does not find by rule, a table by
// route for each resource.
var examples = []map[string]func(w *world) (path, body string){
	certificateExamples(),
	projectKeyExamples,
	checkpointExamples(),
	externalExamples(),
	rateLimitExamples(),
	inviteExamples(),
	workloadIdentityExamples(),
	roleExamples(),
	memberExamples(),
	settingsExamples(),
}

// example makes what a call of the route needs, anew each time, and returns the
// path and body of a call that succeeds for the organization's owner.
func (w *world) example(route string) (path, body string) {
	w.t.Helper()
	for _, of := range examples {
		if example, ok := of[route]; ok {
			return example(w)
		}
	}
	method, path, _ := strings.Cut(route, " ")
	if strings.HasPrefix(path, "/v1/organization/usage/") || path == "/v1/organization/costs" {
		return path + "?start_time=" + strconv.FormatInt(now.AddDate(0, 0, -2).Unix(), 10), ""
	}
	replace := func(variable, value string) { path = strings.ReplaceAll(path, "{"+variable+"}", value) }
	if strings.Contains(path, "{project_id}") {
		p := w.project("example")
		replace("project_id", p.ID)
		if strings.Contains(path, "{service_account_id}") || strings.Contains(path, "{api_key_id}") || strings.HasSuffix(path, "s") {
			account, _ := w.account(p.ID, access.ProjectMember)
			keys, err := w.Org.APIKeys(w.t.Context(), w.Organization.ID, p.ID, org.APIKeyFilter{Page: org.Page{Limit: 1}})
			must(w.t, keys, err)
			replace("service_account_id", account.ID)
			replace("api_key_id", keys.Items[0].ID)
		}
	}
	if strings.Contains(path, "{key_id}") {
		key, _, err := w.Org.CreateAdminKey(w.t.Context(), w.actor(), org.NewAdminKey{Name: "example", UserID: w.Owner.ID})
		replace("key_id", must(w.t, key, err).ID)
	}
	replace("user_id", w.Owner.ID)
	if method == "POST" {
		body = `{"name": "example"}`
	}
	return path, body
}

// Every row asks for a permission, and what it says it records is what a call
// leaves in the audit log.
func TestRowsAreGuardedAndRecorded(t *testing.T) {
	w := newWorld(t)
	for _, e := range w.api.Endpoints() {
		if e.Open || e.Needs == access.Authenticated {
			t.Errorf("%s asks for no permission", e.Route())
		}
		if changes := e.Method != "GET"; changes != (len(e.Records) > 0) {
			t.Errorf("%s names %d audit actions", e.Route(), len(e.Records))
		}
		path, body := w.example(e.Route())
		before := w.logged()
		if got := w.call(w.AdminKey, e.Method, path, body); got.status != 200 {
			t.Errorf("%s: %d %s", e.Route(), got.status, got.raw)
		}
		var want []string
		for _, action := range e.Records {
			want = append(want, action.Name)
		}
		got := w.logged()[len(before):]
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: recorded %q, and says %q", e.Route(), got, want)
		}
	}
}

// logged returns the actions in the audit log, oldest first.
func (w *world) logged() []string {
	w.t.Helper()
	var names []string
	err := w.Store.View(w.t.Context(), func(r org.Reader) error {
		return r.AuditChain(w.t.Context(), w.Organization.ID, 0, func(e audit.Event) error {
			names = append(names, e.Action)
			return nil
		})
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return names
}

// A caller without permission is refused before anything is looked at: who may
// call what is testdata/matrix*.txt, written by hand from the published table of
// roles.
func TestMatrixOfRolesAndRows(t *testing.T) {
	w := newWorld(t)
	home := w.project("home")
	reader := w.person("reader@example.com", access.OrganizationReader)
	_, projectOwner := w.account(home.ID, access.ProjectOwner)
	_, projectMember := w.account(home.ID, access.ProjectMember)
	keys := map[string]string{
		"owner": w.AdminKey, "reader": w.adminKeyOf(reader.ID),
		"project-owner": projectOwner, "project-member": projectMember,
		"no-key": "", "unknown-key": "sk-admin-" + strings.Repeat("0", 48),
	}
	matrix := readMatrix(t)
	people := w.peopleInProjects()
	for _, e := range w.api.Endpoints() {
		want, ok := matrix[e.Route()]
		if !ok {
			t.Errorf("%s is not in the matrix", e.Route())
			continue
		}
		delete(matrix, e.Route())
		for caller, status := range want {
			key, known := keys[caller]
			person, inProject := people[caller]
			if !known && !inProject {
				t.Fatalf("the matrix names a caller %q", caller)
			}
			if inProject {
				key = person.key
				w.moveIn(person)
			}
			path, body := w.example(e.Route())
			w.home = nil
			if strings.HasPrefix(caller, "project-") { // at home, where its role counts
				path = atHome(e.Path, path, home.ID)
			}
			if got := w.call(key, e.Method, path, body); got.status != status {
				t.Errorf("%s as %s: %d, want %d: %s", e.Route(), caller, got.status, status, got.raw)
			}
		}
	}
	for route := range matrix {
		t.Errorf("the matrix has %s, the table has not", route)
	}
}

// inProject is a person with a role in a project and an admin key, which acts as
// the person.
type inProject struct{ userID, role, key string }

// peopleInProjects are readers of the organization who are somebody in the
// project that a call is about, and one who holds custom roles and nothing else.
func (w *world) peopleInProjects() map[string]inProject {
	w.t.Helper()
	people := map[string]inProject{}
	for _, role := range []string{"owner", "member", "viewer"} {
		u := w.newcomer()
		people["person-"+role] = inProject{u.ID, role, w.adminKeyOf(u.ID)}
	}
	custom := w.person("custom@example.com", "")
	w.assign(org.Assignee{UserID: custom.ID}, w.newRole("", "api.usage.read").ID)
	people["custom"] = inProject{custom.ID, "", w.adminKeyOf(custom.ID)}
	return people
}

// moveIn makes a project for the next example, with the person in it.
func (w *world) moveIn(p inProject) {
	w.t.Helper()
	home := w.project("home of " + p.userID)
	if p.role == "" { // by a custom role
		w.assign(org.Assignee{ProjectID: home.ID, UserID: p.userID}, w.newRole(home.ID, "api.files.read", "api.organization.projects.api_keys.read").ID)
	} else {
		w.enter(home.ID, p.userID, p.role)
	}
	w.home = &home
}

// atHome puts another project into the path of an example.
func atHome(pattern, path, projectID string) string {
	segments := strings.Split(path, "/")
	for i, segment := range strings.Split(pattern, "/") {
		if segment == "{project_id}" {
			segments[i] = projectID
		}
	}
	return strings.Join(segments, "/")
}

// readMatrix returns the status of each caller, by route.
func readMatrix(t *testing.T) map[string]map[string]int {
	t.Helper()
	names, err := filepath.Glob("testdata/matrix*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("no matrix: %v", err)
	}
	rows := map[string]map[string]int{}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var callers []string
		for line := range strings.Lines(string(raw)) {
			words := strings.Fields(line)
			switch {
			case len(words) == 0, strings.HasPrefix(words[0], "#"):
			case callers == nil:
				callers = words[1:]
			case len(words) != len(callers)+2:
				t.Fatalf("%s: %d callers, and %q", name, len(callers), line)
			default:
				statuses := map[string]int{}
				for i, caller := range callers {
					if statuses[caller], err = strconv.Atoi(words[i+2]); err != nil {
						t.Fatal(err)
					}
				}
				rows[words[0]+" "+words[1]] = statuses
			}
		}
	}
	return rows
}
