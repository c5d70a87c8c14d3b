package sqlstore

import (
	"context"
	"fmt"
	"strings"

	"weir/internal/access"
	"weir/internal/fault"
	"weir/internal/org"
	"weir/internal/sqldb"
)

var roleAssignments = table[org.RoleAssignment]{
	name: "role_assignments", label: "Role assignment", key: 4, listed: true, holder: "project_id || '/' || principal_id",
	columns: []string{"role_id", "organization_id", "project_id", "principal_id", "principal_kind", "created_by", "created_at"},
	fields: func(a *org.RoleAssignment) []any {
		return []any{&a.RoleID, &a.OrganizationID, &a.ProjectID, &a.PrincipalID, &a.PrincipalKind, &a.CreatedBy, instant{&a.CreatedAt}}
	},
	taken: func(a *org.RoleAssignment) error {
		return fault.Invalidf("role_already_assigned", "role_id", "The role '%s' is assigned to '%s' already.", a.RoleID, a.PrincipalID)
	},
}

// holds is the condition that a row's principal has the predefined role whose id
// begins so in what the columns name. It counts what is one row or none: for
// EXISTS, PostgreSQL may choose to read all assignments into memory first.
func holds(prefix string, organization, project, principal, resource sqldb.SQL) string {
	return `(SELECT COUNT(*) FROM role_assignments a WHERE a.organization_id = ` + string(organization) +
		` AND a.principal_id = ` + string(principal) + ` AND a.project_id = ` + string(project) +
		` AND a.role_id = '` + prefix + `' || ` + string(resource) + `) = 1`
}

// organizationRole is an expression for the strongest predefined role of a row
// of users.
func organizationRole() string {
	text := "CASE"
	for _, role := range []access.OrganizationRole{access.OrganizationOwner, access.OrganizationReader} {
		text += " WHEN " + holds(role.ID(""), "users.organization_id", "''", "users.id", "users.organization_id") + " THEN '" + string(role) + "'"
	}
	return text + " ELSE '' END"
}

// projectRole is an expression for the strongest predefined role of a row of a
// table with a project.
func projectRole(table, principal string) string {
	text := "CASE"
	for _, role := range []access.ProjectRole{access.ProjectOwner, access.ProjectMember, access.ProjectViewer} {
		project := sqldb.SQL(table + ".project_id")
		text += " WHEN " + holds(role.ID(""), sqldb.SQL(table+".organization_id"), project, sqldb.SQL(table+"."+principal), project) +
			" THEN '" + string(role) + "'"
	}
	return text + " ELSE '" + string(access.NoRole) + "' END"
}

// ofPrincipal is the scope of what a principal is assigned in one place.
func ofPrincipal(organizationID, projectID, principalID string) func(*sqldb.Query) {
	return func(q *sqldb.Query) {
		inProject(organizationID, projectID)(q)
		q.And("principal_id", sqldb.Equal(principalID))
	}
}

func (r reader) RoleAssignment(ctx context.Context, organizationID, projectID, principalID, roleID string) (org.RoleAssignment, error) {
	return roleAssignments.get(ctx, r, roleID, organizationID, projectID, principalID)
}

func (r reader) RoleAssignments(ctx context.Context, organizationID, projectID, principalID string, p org.Page) (org.Rows[org.RoleAssignment], error) {
	return roleAssignments.page(ctx, r, p, list{organizationID: organizationID, holder: projectID + "/" + principalID, scope: ofPrincipal(organizationID, projectID, principalID)})
}

func (r reader) AssignmentsOf(ctx context.Context, organizationID, principalID string) ([]org.RoleAssignment, error) {
	q := sqldb.NewQuery(roleAssignments.selection()).
		And("organization_id", sqldb.Equal(organizationID)).And("principal_id", sqldb.Equal(principalID)).
		Add(" ORDER BY project_id, role_id")
	return roleAssignments.all(ctx, r, q)
}

// roleHeld reads the holdings of a principal.
var roleHeld = table[org.Holding]{
	name: "role_assignments",
	fields: func(h *org.Holding) []any {
		return []any{&h.ProjectID, &h.RoleID, jsonText[[]access.Permission]{&h.Permissions}}
	},
}

func (r reader) Holdings(ctx context.Context, organizationID, principalID string) ([]org.Holding, error) {
	const columns = "SELECT a.project_id, a.role_id, COALESCE(r.permissions, 'null') FROM "
	const custom = " LEFT JOIN roles r ON r.id = a.role_id"
	q := sqldb.NewQuery(columns+"role_assignments a"+custom+" WHERE a.organization_id = ? AND a.principal_id = ?", organizationID, principalID)
	// SQLite takes the tables of a CROSS JOIN in their order: the groups of one
	// principal are few, the assignments of an organization are not.
	q.Add(" UNION ALL "+columns+"group_members m CROSS JOIN role_assignments a"+custom+
		" WHERE m.organization_id = ? AND m.principal_id = ? AND a.organization_id = m.organization_id AND a.principal_id = m.group_id",
		organizationID, principalID)
	return roleHeld.all(ctx, r, q)
}

func (r reader) SourcesOf(ctx context.Context, organizationID, projectID, principalID string) (map[string][]string, error) {
	if !storableArgs([]any{organizationID, projectID, principalID}) {
		return nil, nil
	}
	rows, err := r.sql.QueryContext(ctx, `
		SELECT a.role_id, m.group_id FROM group_members m CROSS JOIN role_assignments a
		WHERE m.organization_id = $1 AND m.principal_id = $2
		AND a.organization_id = m.organization_id AND a.principal_id = m.group_id AND a.project_id = $3
		ORDER BY a.role_id, m.group_id`, organizationID, principalID, projectID)
	if err != nil {
		return nil, fmt.Errorf("reading the groups that give roles: %w", err)
	}
	defer rows.Close()
	var sources map[string][]string
	for rows.Next() {
		var roleID, groupID string
		if err := rows.Scan(&roleID, &groupID); err != nil {
			return nil, fmt.Errorf("reading the groups that give roles: %w", err)
		}
		if sources == nil {
			sources = map[string][]string{}
		}
		sources[roleID] = append(sources[roleID], groupID)
	}
	return sources, rows.Err()
}

func (r reader) HasOwner(ctx context.Context, organizationID string) (bool, error) {
	var has bool
	err := r.sql.QueryRowContext(ctx, `
		SELECT EXISTS (
			SELECT 1 FROM role_assignments a JOIN users u ON u.id = a.principal_id AND u.deactivated_at = 0
			WHERE a.organization_id = $1 AND a.role_id = $2 AND a.principal_kind = 'user')
		OR EXISTS (
			SELECT 1 FROM role_assignments a JOIN group_members m ON m.organization_id = a.organization_id AND m.group_id = a.principal_id
			JOIN users u ON u.id = m.principal_id AND u.deactivated_at = 0
			WHERE a.organization_id = $3 AND a.role_id = $4 AND a.principal_kind = 'group' AND m.principal_kind = 'user')`,
		organizationID, access.OrganizationOwner.ID(organizationID), organizationID, access.OrganizationOwner.ID(organizationID)).Scan(&has)
	if err != nil {
		return false, fmt.Errorf("looking for an owner of %s: %w", organizationID, err)
	}
	return has, nil
}

// held reads the rows of t whose principal is one the gateway looks up: the
// owner of an API key, or a group. They are looked up from those principals, who
// are fewer than the rows.
func (t *table[T]) held() *sqldb.Query {
	const holders = "(SELECT organization_id, user_id AS holder FROM api_keys WHERE user_id IS NOT NULL" +
		" UNION SELECT organization_id, service_account_id FROM api_keys WHERE service_account_id IS NOT NULL" +
		" UNION SELECT organization_id, id FROM groups)"
	columns := make([]string, len(t.columns))
	for i, column := range t.columns {
		columns[i] = "t." + column
	}
	return sqldb.NewQuery("SELECT " + sqldb.SQL(strings.Join(columns, ", ")) + " FROM " + holders + " h CROSS JOIN " + t.name +
		" t WHERE t.organization_id = h.organization_id AND t.principal_id = h.holder")
}

func (r reader) EachHeldRole(ctx context.Context, fn func(org.RoleAssignment) error) error {
	return roleAssignments.each(ctx, r, roleAssignments.held(), fn)
}

func (w *tx) InsertRoleAssignment(ctx context.Context, a org.RoleAssignment) error {
	if err := w.assign(ctx, a); err != nil {
		return err
	}
	w.change(org.ChangeStanding, a.OrganizationID, a.PrincipalID)
	return nil
}

// assign writes the assignment and puts its principal into the project.
func (w *tx) assign(ctx context.Context, a org.RoleAssignment) error {
	if err := roleAssignments.insert(ctx, w, &a); err != nil {
		return err
	}
	if a.ProjectID == "" || a.PrincipalKind == org.PrincipalServiceAccount { // an account is in its project anyway
		return nil
	}
	if _, err := w.exec(ctx, `
		INSERT INTO project_members (organization_id, project_id, principal_id, principal_kind, created_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (organization_id, project_id, principal_id) DO NOTHING`,
		a.OrganizationID, a.ProjectID, a.PrincipalID, string(a.PrincipalKind), micros(a.CreatedAt)); err != nil {
		return fmt.Errorf("putting %s into project %s: %w", a.PrincipalID, a.ProjectID, err)
	}
	return nil
}

func (w *tx) DeleteRoleAssignment(ctx context.Context, organizationID, projectID, principalID, roleID string) error {
	if err := roleAssignments.remove(ctx, w, roleID, organizationID, projectID, principalID); err != nil {
		return err
	}
	w.change(org.ChangeStanding, organizationID, principalID)
	return w.leaveProject(ctx, organizationID, projectID, principalID)
}

// leaveProject takes those out of a project who are assigned nothing there any
// more: the principal, or all of whom that is so where it is "".
func (w *tx) leaveProject(ctx context.Context, organizationID, projectID, principalID string) error {
	return projectMembers.removeWhere(ctx, w, func(q *sqldb.Query) {
		inProject(organizationID, projectID)(q)
		if principalID != "" {
			q.And("principal_id", sqldb.Equal(principalID))
		}
		q.Where("NOT EXISTS (SELECT 1 FROM role_assignments a WHERE a.organization_id = project_members.organization_id" +
			" AND a.principal_id = project_members.principal_id AND a.project_id = project_members.project_id)")
	})
}

// standingTable holds something of what principals are given.
type standingTable interface {
	removeWhere(ctx context.Context, w *tx, where func(*sqldb.Query)) error
}

func (w *tx) DeleteRoleAssignmentsOf(ctx context.Context, organizationID, projectID, principalID string) error {
	for _, standing := range []standingTable{&roleAssignments, &projectMembers} {
		if err := standing.removeWhere(ctx, w, ofPrincipal(organizationID, projectID, principalID)); err != nil {
			return err
		}
	}
	w.change(org.ChangeStanding, organizationID, principalID)
	return nil
}

// dropStanding removes all that a principal that goes was assigned and was a
// member of.
func (w *tx) dropStanding(ctx context.Context, organizationID, principalID string) error {
	for _, standing := range []standingTable{&roleAssignments, &projectMembers, &groupMembers} {
		err := standing.removeWhere(ctx, w, func(q *sqldb.Query) {
			q.And("organization_id", sqldb.Equal(organizationID)).And("principal_id", sqldb.Equal(principalID))
		})
		if err != nil {
			return err
		}
	}
	return w.leaveWorkspaces(ctx, organizationID, principalID)
}
