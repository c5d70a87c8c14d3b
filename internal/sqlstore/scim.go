package sqlstore

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"

	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/org"
	"weir/internal/sqldb"
)

var scimTokens = table[org.SCIMToken]{
	name: "scim_tokens", label: "SCIM token", key: 2, listed: true,
	columns: []string{
		"id", "organization_id", "name", "secret_hash", "redacted", "created_by", "expires_at", "last_used_at", "created_at",
	},
	fields: func(t *org.SCIMToken) []any {
		return []any{
			&t.ID, &t.OrganizationID, &t.Name, hash{&t.Hash}, &t.Redacted, &t.CreatedBy,
			instant{&t.ExpiresAt}, instant{&t.LastUsedAt}, instant{&t.CreatedAt},
		}
	},
}

func (r reader) SCIMToken(ctx context.Context, organizationID, tokenID string) (org.SCIMToken, error) {
	return scimTokens.get(ctx, r, tokenID, organizationID)
}

func (r reader) SCIMTokenByHash(ctx context.Context, hash id.Hash) (org.SCIMToken, error) {
	return scimTokens.find(ctx, r, fault.NotFoundf("SCIM token not found."), `secret_hash = $1`, hash.String())
}

func (r reader) SCIMTokens(ctx context.Context, organizationID string, p org.Page) (org.Rows[org.SCIMToken], error) {
	return scimTokens.page(ctx, r, p, list{organizationID: organizationID, scope: inOrganization(organizationID)})
}

func (w *tx) InsertSCIMToken(ctx context.Context, t org.SCIMToken) error {
	return scimTokens.insert(ctx, w, &t)
}

func (w *tx) DeleteSCIMToken(ctx context.Context, organizationID, tokenID string) error {
	return scimTokens.remove(ctx, w, tokenID, organizationID)
}

func (r reader) DirectoryUsers(ctx context.Context, organizationID string, f org.DirectoryFilter) (org.DirectoryRows[org.User], error) {
	return stretch(ctx, r, &users, f, usersOf(organizationID, f))
}

func usersOf(organizationID string, f org.DirectoryFilter) func(*sqldb.Query) {
	return func(q *sqldb.Query) {
		if f.Mail != "" {
			// Only these two say the organization: said once more outside, SQLite
			// would go through all of its users.
			q.Where("id IN (SELECT id FROM users WHERE organization_id = ? AND email_key = ?"+
				" UNION ALL SELECT id FROM users WHERE organization_id = ? AND mail_key = ? AND mail_key <> '')",
				organizationID, fold(f.Mail), organizationID, fold(f.Mail))
		} else {
			inOrganization(organizationID)(q)
		}
		if f.Email != "" {
			q.And("email_key", sqldb.Equal(fold(f.Email)))
		}
		if f.ExternalID != "" {
			q.And("external_id", sqldb.Equal(f.ExternalID)).Where("external_id <> ''") // the index wants to see that
		}
	}
}

func (r reader) DirectoryGroups(ctx context.Context, organizationID string, f org.DirectoryFilter) (org.DirectoryRows[org.Group], error) {
	return stretch(ctx, r, &groups, f, groupsOf(organizationID, f))
}

func groupsOf(organizationID string, f org.DirectoryFilter) func(*sqldb.Query) {
	return func(q *sqldb.Query) {
		inOrganization(organizationID)(q)
		q.Where("scim_managed = 1")
		if f.Name != "" {
			q.And("name", sqldb.Equal(f.Name))
		}
		if f.ExternalID != "" {
			q.And("external_id", sqldb.Equal(f.ExternalID)).Where("external_id <> ''")
		}
	}
}

// stretch returns the rows of t that narrow leaves, from the offset on, and how
// many there are in all.
func stretch[T any](ctx context.Context, r reader, t *table[T], f org.DirectoryFilter, narrow func(*sqldb.Query)) (org.DirectoryRows[T], error) {
	var out org.DirectoryRows[T]
	count := sqldb.NewQuery("SELECT count(*) FROM " + t.name)
	narrow(count)
	if !storableArgs(count.Args()) {
		return out, nil
	}
	if err := r.sql.QueryRowContext(ctx, count.Text(), count.Args()...).Scan(&out.Total); err != nil {
		return out, fmt.Errorf("counting %s: %w", t.name, err)
	}
	q := sqldb.NewQuery(t.selection())
	narrow(q)
	inOrder(q, f)
	var err error
	out.Items, err = t.all(ctx, r, q)
	return out, err
}

// person is what a provider says of somebody's name, in JSON; empty for
// nothing, as it is for most.
type person struct{ p *org.PersonName }

func (f person) Value() (driver.Value, error) {
	if *f.p == (org.PersonName{}) {
		return "", nil
	}
	raw, err := json.Marshal(*f.p)
	return string(raw), err
}

func (f person) Scan(src any) error {
	*f.p = org.PersonName{}
	s, err := text(src)
	if err != nil || s == "" {
		return err
	}
	return json.Unmarshal([]byte(s), f.p)
}

// inOrder puts the rows of a stretch in the order of their creation. What was
// looked up is sorted, and not found in order: an engine that could have the
// order from the index of the list would walk that index to its end.
func inOrder(q *sqldb.Query, f org.DirectoryFilter) {
	order := sqldb.SQL(" ORDER BY created_at, id LIMIT ? OFFSET ?")
	if f.Email+f.Mail+f.ExternalID+f.Name != "" {
		order = " ORDER BY created_at + 0, id LIMIT ? OFFSET ?"
	}
	q.Add(order, max(f.Limit, 0), max(f.Offset, 0))
}
