package sqlstore

import (
	"context"

	"weir/internal/access"
	"weir/internal/org"
	"weir/internal/sqldb"
)

var serviceAccounts = table[org.ServiceAccount]{
	name: "service_accounts", label: "Service account", key: 3, listed: true,
	columns: []string{"id", "organization_id", "project_id", "name", "created_at"},
	derived: []string{projectRole("service_accounts", "id")},
	fields: func(s *org.ServiceAccount) []any {
		return []any{&s.ID, &s.OrganizationID, &s.ProjectID, &s.Name, instant{&s.CreatedAt}, &s.Role}
	},
}

func (r reader) ServiceAccount(ctx context.Context, organizationID, projectID, serviceAccountID string) (org.ServiceAccount, error) {
	return serviceAccounts.get(ctx, r, serviceAccountID, organizationID, projectID)
}

func (r reader) ServiceAccountByID(ctx context.Context, organizationID, serviceAccountID string) (org.ServiceAccount, error) {
	return serviceAccounts.find(ctx, r, serviceAccounts.missing(serviceAccountID),
		`id = $1 AND organization_id = $2`, serviceAccountID, organizationID)
}

func (r reader) ServiceAccounts(ctx context.Context, organizationID, projectID string, p org.Page) (org.Rows[org.ServiceAccount], error) {
	return serviceAccounts.page(ctx, r, p, list{organizationID: organizationID, scope: inProject(organizationID, projectID)})
}

// inProject is the scope of a project's lists.
func inProject(organizationID, projectID string) func(*sqldb.Query) {
	return func(q *sqldb.Query) {
		q.And("organization_id", sqldb.Equal(organizationID)).And("project_id", sqldb.Equal(projectID))
	}
}

func (w *tx) InsertServiceAccount(ctx context.Context, s org.ServiceAccount) error {
	if err := serviceAccounts.insert(ctx, w, &s); err != nil {
		return err
	}
	w.change(org.ChangeServiceAccount, s.OrganizationID, s.ID)
	if s.Role == "" || s.Role == access.NoRole {
		return nil
	}
	return w.assign(ctx, org.RoleAssignment{
		OrganizationID: s.OrganizationID, ProjectID: s.ProjectID, PrincipalID: s.ID, PrincipalKind: org.PrincipalServiceAccount,
		RoleID: s.Role.ID(s.ProjectID), CreatedBy: w.actor.PrincipalID(), CreatedAt: s.CreatedAt,
	})
}

func (w *tx) UpdateServiceAccount(ctx context.Context, s org.ServiceAccount) error {
	if err := serviceAccounts.update(ctx, w, &s); err != nil {
		return err
	}
	w.change(org.ChangeServiceAccount, s.OrganizationID, s.ID)
	return nil
}

func (w *tx) DeleteServiceAccount(ctx context.Context, organizationID, projectID, serviceAccountID string) error {
	if err := serviceAccounts.remove(ctx, w, serviceAccountID, organizationID, projectID); err != nil {
		return err
	}
	w.change(org.ChangeServiceAccount, organizationID, serviceAccountID)
	return w.dropStanding(ctx, organizationID, serviceAccountID)
}
