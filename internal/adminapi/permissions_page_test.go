package adminapi_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"weir/internal/access"
	"weir/internal/endpoint"
)

var updatePages = flag.Bool("update", false, "write the tables in docs/operate/permissions.md")

const permissionsPage = "../../docs/operate/permissions.md"

// The page that says who may do what is made of the matrix, which is held against
// the API, and of the table of permissions.
func TestPermissionsPage(t *testing.T) {
	raw, err := os.ReadFile(permissionsPage)
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	for table, text := range map[string]string{"calls": callsTable(t), "permissions": permissionsTable()} {
		page = replaceTable(t, page, table, text)
	}
	if *updatePages {
		if err := os.WriteFile(permissionsPage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if page != string(raw) {
		t.Errorf("%s is not what the matrix and package access say: run go test ./internal/adminapi -run PermissionsPage -update", permissionsPage)
	}
}

// replaceTable puts text between the marks of a table.
func replaceTable(t *testing.T, page, table, text string) string {
	t.Helper()
	before, rest, ok := strings.Cut(page, "<!-- "+table+":")
	mark, rest, ok2 := strings.Cut(rest, "-->\n")
	_, after, ok3 := strings.Cut(rest, "<!-- end -->")
	if !ok || !ok2 || !ok3 {
		t.Fatalf("the page has no place for the table of %s", table)
	}
	return before + "<!-- " + table + ":" + mark + "-->\n" + text + "<!-- end -->" + after
}

// callsTable has a line for each path and permission.
func callsTable(t *testing.T) string {
	t.Helper()
	matrix := readMatrix(t)
	ownKeys := map[string]bool{"person-member": true, "person-viewer": true} // whose list holds theirs alone
	people := []string{"owner", "reader", "person-owner", "person-member", "person-viewer"}
	type line struct{ path, needs, cells string }
	methods := map[line][]string{}
	var lines []line
	for _, e := range newWorld(t).api.Endpoints() {
		row := matrix[e.Route()]
		cells := ""
		for _, who := range people {
			status, known := row[who]
			if !known { // the matrix of a resource may leave people in projects out
				status = 403
				if holdsByPreset(who, e.Needs, e.Scope == endpoint.AtProject) {
					status = 200
				}
			}
			word := map[int]string{200: "yes", 404: "own", 403: ""}[status]
			if word == "yes" && ownKeys[who] && e.Path == "/v1/organization/projects/{project_id}/api_keys" ||
				word == "yes" && who == "person-owner" && e.Path == "/v1/organization/projects" {
				word = "own"
			}
			cells += " " + word + " |"
		}
		l := line{e.Path, string(e.Needs), cells}
		if methods[l] == nil {
			lines = append(lines, l)
		}
		methods[l] = append(methods[l], e.Method)
	}
	slices.SortStableFunc(lines, func(a, b line) int { return strings.Compare(a.path, b.path) })
	text := "| call | needs | owner | reader | project owner | member | viewer |\n|---|---|---|---|---|---|---|\n"
	for _, l := range lines {
		text += fmt.Sprintf("| %s `%s` | `%s` |%s\n", strings.Join(methods[l], ", "), l.path, l.needs, l.cells)
	}
	return text
}

// holdsByPreset reports whether the caller of a column holds p by predefined
// roles, in its project or at the organization.
func holdsByPreset(who string, p access.Permission, inProject bool) bool {
	var grants access.Grants
	at := access.Scope{}
	organization, project := access.OrganizationReader, access.ProjectRole(strings.TrimPrefix(who, "person-"))
	if who == "owner" {
		organization = access.OrganizationOwner
	}
	grants.AddPredefined(access.Predefined{Organization: organization})
	if strings.HasPrefix(who, "person-") {
		grants.AddPredefined(access.Predefined{Project: project, Resource: "p"})
	}
	if inProject {
		at.ProjectID = "p"
	}
	return grants.Allows(p, at)
}

// permissionsTable has a line for each permission.
func permissionsTable() string {
	roles := []access.Set{
		access.OrganizationOwner.Permissions(), access.OrganizationReader.Permissions(),
		access.ProjectOwner.Permissions(), access.ProjectMember.Permissions(), access.ProjectViewer.Permissions(),
	}
	text := "| permission | owner | reader | project owner | member | viewer | custom roles |\n|---|---|---|---|---|---|---|\n"
	for _, p := range access.All() {
		text += "| `" + string(p) + "` |"
		for _, held := range roles {
			if held.Has(p) {
				text += " yes |"
			} else {
				text += "  |"
			}
		}
		switch {
		case access.InCustomRoles(p, access.OfProject):
			text += " organization, project |\n"
		case access.InCustomRoles(p, access.OfOrganization):
			text += " organization |\n"
		default:
			text += "  |\n"
		}
	}
	return text
}
