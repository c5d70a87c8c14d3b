package sqlstore

import (
	"context"
	"strings"

	"weir/internal/org"
	"weir/internal/sqldb"
)

var projectMembers = table[org.ProjectMember]{
	name: "project_members", label: "Project member", key: 3, listed: true, holder: "project_id",
	columns: []string{"principal_id", "organization_id", "project_id", "principal_kind", "created_at"},
	derived: []string{projectRole("project_members", "principal_id")},
	fields: func(m *org.ProjectMember) []any {
		return []any{&m.PrincipalID, &m.OrganizationID, &m.ProjectID, &m.PrincipalKind, instant{&m.CreatedAt}, &m.Role}
	},
}

func (r reader) ProjectMember(ctx context.Context, organizationID, projectID, principalID string) (org.ProjectMember, error) {
	return projectMembers.get(ctx, r, principalID, organizationID, projectID)
}

func (r reader) ProjectMembers(ctx context.Context, organizationID, projectID string, kind org.PrincipalKind, p org.Page) (org.Rows[org.ProjectMember], error) {
	return projectMembers.page(ctx, r, p, list{organizationID: organizationID, holder: projectID, scope: func(q *sqldb.Query) {
		inProject(organizationID, projectID)(q)
		q.And("principal_kind", sqldb.Equal(string(kind)))
	}})
}

// memberships of projects are read with the projects' names.
var projectMemberships = table[org.ProjectMembership]{
	name: "project_members JOIN projects ON projects.id = project_members.project_id",
	derived: []string{
		"project_members.principal_id", "project_members.organization_id", "project_members.project_id", "project_members.principal_kind",
		"project_members.created_at", projectRole("project_members", "principal_id"), "projects.name",
	},
	fields: func(m *org.ProjectMembership) []any {
		return append(projectMembers.fields(&m.ProjectMember), &m.ProjectName)
	},
}

func (r reader) ProjectsOf(ctx context.Context, organizationID string, principalIDs []string) ([]org.ProjectMembership, error) {
	ids := storableOf(principalIDs)
	if len(ids) == 0 {
		return nil, nil
	}
	q := sqldb.NewQuery("SELECT "+sqldb.SQL(strings.Join(projectMemberships.derived, ", "))+" FROM "+projectMemberships.name).
		And("project_members.organization_id", sqldb.Equal(organizationID)).And("project_members.principal_id", sqldb.In(ids)).
		Where("projects.archived_at = 0").
		Add(" ORDER BY project_members.principal_id, project_members.created_at DESC, project_members.project_id DESC")
	return projectMemberships.all(ctx, r, q)
}

func (r reader) UsersByID(ctx context.Context, organizationID string, ids []string) ([]org.User, error) {
	return users.byID(ctx, r, organizationID, ids)
}

func (r reader) ServiceAccountsByID(ctx context.Context, organizationID string, ids []string) ([]org.ServiceAccount, error) {
	return serviceAccounts.byID(ctx, r, organizationID, ids)
}

var lastUsed = table[org.LastUsed]{
	name:   "api_keys",
	fields: func(u *org.LastUsed) []any { return []any{&u.UserID, instant{&u.At}} },
}

func (r reader) KeysLastUsed(ctx context.Context, organizationID string, userIDs []string) ([]org.LastUsed, error) {
	ids := storableOf(userIDs)
	if len(ids) == 0 {
		return nil, nil
	}
	args := []any{organizationID}
	for _, userID := range ids {
		args = append(args, userID)
	}
	some := " WHERE organization_id = ? AND last_used_at > 0 AND user_id IN (?" + sqldb.SQL(strings.Repeat(", ?", len(ids)-1)) + ")"
	q := sqldb.NewQuery("SELECT user_id, MAX(last_used_at) FROM (SELECT user_id, last_used_at FROM api_keys"+some, args...)
	q.Add(" UNION ALL SELECT user_id, last_used_at FROM admin_keys"+some, args...)
	return lastUsed.all(ctx, r, q.Add(") AS used GROUP BY user_id ORDER BY user_id"))
}
