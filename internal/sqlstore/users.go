package sqlstore

import (
	"context"
	"database/sql/driver"
	"strings"

	"weir/internal/fault"
	"weir/internal/org"
	"weir/internal/sqldb"
)

var users = table[org.User]{
	name: "users", label: "User", key: 2, listed: true,
	columns: []string{
		"id", "organization_id", "email", "email_key", "name", "password_hash", "technical_level", "developer_persona", "created_at",
		"deactivated_at", "scim_managed", "external_id", "mail", "mail_key", "person", "updated_at",
	},
	derived: []string{organizationRole()},
	fields: func(u *org.User) []any {
		return []any{
			&u.ID, &u.OrganizationID, &u.Email, emailKey{&u.Email}, &u.Name, &u.PasswordHash, &u.TechnicalLevel, &u.DeveloperPersona,
			instant{&u.CreatedAt}, instant{&u.DeactivatedAt}, truth{&u.Directory.Managed}, &u.Directory.ExternalID,
			&u.Directory.Mail, emailKey{&u.Directory.Mail}, person{&u.Directory.Name}, instant{&u.Directory.UpdatedAt}, &u.Role,
		}
	},
	taken: func(u *org.User) error {
		return fault.Invalidf("email_taken", "email", "User with the email address '%s' exists already.", u.Email)
	},
}

// emailKey is an address as it is compared. It is folded here and not by the
// engines, which differ beyond ASCII.
type emailKey struct{ email *string }

func fold(email string) string { return strings.ToLower(email) }

func (f emailKey) Value() (driver.Value, error) { return fold(*f.email), nil }

// Scan does nothing: the address itself is in another column.
func (f emailKey) Scan(any) error { return nil }

func (r reader) User(ctx context.Context, organizationID, userID string) (org.User, error) {
	return users.get(ctx, r, userID, organizationID)
}

func (r reader) UserByEmail(ctx context.Context, organizationID, email string) (org.User, error) {
	missing := fault.NotFoundf("User with the email address '%s' not found.", legible(email))
	return users.find(ctx, r, missing, `email_key = $1 AND organization_id = $2`, fold(email), organizationID)
}

func (r reader) UsersByEmail(ctx context.Context, email string) ([]org.User, error) {
	return users.all(ctx, r, sqldb.NewQuery(users.selection()+" WHERE email_key = ? ORDER BY created_at, id", fold(email)))
}

func (r reader) Users(ctx context.Context, organizationID string, f org.UserFilter) (org.Rows[org.User], error) {
	return users.page(ctx, r, f.Page, list{
		organizationID: organizationID,
		scope:          inOrganization(organizationID),
		filter: func(q *sqldb.Query) {
			if len(f.Emails) == 0 {
				return
			}
			emails := storableOf(f.Emails)
			keys := make([]string, len(emails))
			for i, email := range emails {
				keys[i] = fold(email)
			}
			q.And("email_key", sqldb.In(keys)).And("email", sqldb.In(emails))
		},
	})
}

func (w *tx) InsertUser(ctx context.Context, u org.User) error {
	if err := users.insert(ctx, w, &u); err != nil {
		return err
	}
	w.change(org.ChangeUser, u.OrganizationID, u.ID)
	if u.Role == "" {
		return nil
	}
	return w.assign(ctx, org.RoleAssignment{
		OrganizationID: u.OrganizationID, PrincipalID: u.ID, PrincipalKind: org.PrincipalUser,
		RoleID: u.Role.ID(u.OrganizationID), CreatedBy: w.actor.PrincipalID(), CreatedAt: u.CreatedAt,
	})
}

func (w *tx) UpdateUser(ctx context.Context, u org.User) error {
	if err := users.update(ctx, w, &u); err != nil {
		return err
	}
	w.change(org.ChangeUser, u.OrganizationID, u.ID)
	return nil
}
