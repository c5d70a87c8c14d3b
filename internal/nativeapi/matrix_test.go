package nativeapi

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"weir/internal/access"
)

// principal is a member of the workspaces that calls of the matrix are about.
type principal struct {
	id   string
	role access.WorkspaceRole
}

// callers of the matrix, in the order of its columns.
func (f *fixture) callers() map[string]client {
	_, reader := f.user(access.OrganizationReader)
	adminUser, workspaceAdmin := f.user(access.OrganizationReader)
	project := f.Organization.DefaultProjectID
	member, _, workspaceMember := f.serviceAccount(project, access.ProjectMember)
	_, _, projectOwner := f.serviceAccount(project, access.ProjectOwner)
	_, _, projectMember := f.serviceAccount(project, access.ProjectMember)
	f.principals = []principal{{adminUser.ID, access.WorkspaceAdmin}, {member.ID, access.WorkspaceMember}}
	for _, p := range f.principals {
		f.join(f.workspace.ID, p.id, p.role)
	}
	return map[string]client{
		"owner": f.owner(), "reader": f.as(reader),
		"ws_admin": f.as(workspaceAdmin), "ws_member": f.as(workspaceMember),
		"proj_owner": f.as(projectOwner), "proj_member": f.as(projectMember),
		"no_key": f.as(""), "unknown": f.as("sk-admin-unknown-0123456789"),
	}
}

// Who may call what is written down in testdata/matrix.txt, by hand. The lines
// and the table are the same set.
func TestMatrix(t *testing.T) {
	f := newFixture(t)
	callers := f.callers()
	raw, err := os.ReadFile("testdata/matrix.txt")
	if err != nil {
		t.Fatal(err)
	}
	var columns []string
	rows := map[string][]string{}
	for line := range strings.Lines(string(raw)) {
		cells := strings.Fields(line)
		switch {
		case len(cells) == 0 || strings.HasPrefix(line, "#"):
		case columns == nil:
			columns = cells
		case len(cells) != len(columns)+2:
			t.Fatalf("%d columns in %q", len(cells), line)
		default:
			rows[cells[0]+" "+cells[1]] = cells[2:]
		}
	}
	if len(columns) != len(callers) {
		t.Fatalf("columns %v, callers %v", columns, callers)
	}
	for _, e := range f.api.Endpoints() {
		want, ok := rows[e.Route()]
		if !ok {
			t.Errorf("%s is not in the matrix", e.Route())
			continue
		}
		delete(rows, e.Route())
		t.Run(e.Route(), func(t *testing.T) {
			for i, who := range columns {
				path, body := f.target(e.Route())
				if a := f.carrying(callers[who], e.Path).call(e.Method, path, body); strconv.Itoa(a.status) != want[i] {
					t.Errorf("%s: %s: %d %s; want %s", who, a.call, a.status, a.body, want[i])
				}
			}
		})
	}
	for route := range rows {
		t.Errorf("%s is in the matrix and not in the table", route)
	}
}
