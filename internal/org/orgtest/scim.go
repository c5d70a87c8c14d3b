package orgtest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"weir/internal/access"
	"weir/internal/id"
	"weir/internal/org"
)

func (n *tenant) newSCIMToken() org.SCIMToken {
	at := n.clock.next()
	token := id.At(id.SCIMToken, at)
	return org.SCIMToken{
		ID: token, OrganizationID: n.org.ID, Name: "Entra ID", Hash: id.HashOf(token), Redacted: "weir-scim-…abcd",
		CreatedBy: n.user.ID, ExpiresAt: at.Add(time.Hour), CreatedAt: at,
	}
}

// newDirectoryUser is somebody whom a provider keeps, with everything it can say.
func (n *tenant) newDirectoryUser() org.User {
	u := n.newUser()
	u.Role = access.OrganizationReader
	u.DeactivatedAt = u.CreatedAt.Add(time.Hour)
	u.Directory = org.DirectoryEntry{
		Managed: true, ExternalID: "Ext-" + u.ID, Mail: "Mail." + u.Email,
		Name: org.PersonName{Formatted: "Dr. Ann Li", Given: "Ann", Family: "Li"}, UpdatedAt: u.CreatedAt.Add(time.Minute),
	}
	return u
}

func (n *tenant) newDirectoryGroup() org.Group {
	at := n.clock.next()
	groupID := id.At(id.Group, at)
	return org.Group{
		ID: groupID, OrganizationID: n.org.ID, Name: "Staff " + groupID, SCIMManaged: true, ExternalID: "Ext-" + groupID,
		UpdatedAt: at.Add(time.Minute), CreatedAt: at,
	}
}

func scimFamily() family {
	return family{
		insert: func(ctx context.Context, tx org.Tx, n *tenant) error {
			n.scimToken, n.scimGroup = n.newSCIMToken(), n.newDirectoryGroup()
			return errors.Join(tx.InsertSCIMToken(ctx, n.scimToken), tx.InsertGroup(ctx, n.scimGroup))
		},
		probes: func(a *tenant) map[string]probe {
			return map[string]probe{
				"SCIMToken": func(ctx context.Context, r org.Reader, o string) (any, error) {
					return r.SCIMToken(ctx, o, a.scimToken.ID)
				},
				"SCIMTokens": lists(a.scimToken, func(ctx context.Context, r org.Reader, o string) (org.Rows[org.SCIMToken], error) {
					return r.SCIMTokens(ctx, o, org.Page{Limit: 100})
				}),
				"DirectoryUsers": func(ctx context.Context, r org.Reader, o string) (any, error) {
					return r.DirectoryUsers(ctx, o, org.DirectoryFilter{Email: a.user.Email, Limit: 10})
				},
				"DirectoryGroups": func(ctx context.Context, r org.Reader, o string) (any, error) {
					return r.DirectoryGroups(ctx, o, org.DirectoryFilter{ExternalID: a.scimGroup.ExternalID, Limit: 10})
				},
			}
		},
		writes: func(ctx context.Context, a *tenant, o string) map[string]func(org.Tx) error {
			return map[string]func(org.Tx) error{
				"DeleteSCIMToken": func(tx org.Tx) error { return tx.DeleteSCIMToken(ctx, o, a.scimToken.ID) },
			}
		},
		lists: []pageable{{
			name: "SCIM tokens",
			insert: func(ctx context.Context, tx org.Tx, n *tenant, at time.Time) (string, error) {
				v := n.newSCIMToken()
				v.CreatedAt = at
				return v.ID, tx.InsertSCIMToken(ctx, v)
			},
			remove: func(ctx context.Context, tx org.Tx, n *tenant, rowID string) error {
				return tx.DeleteSCIMToken(ctx, n.org.ID, rowID)
			},
			list: func(ctx context.Context, r org.Reader, n *tenant, p org.Page) ([]place, bool, error) {
				rows, err := r.SCIMTokens(ctx, n.org.ID, p)
				return places(rows, err, func(v org.SCIMToken) place { return place{v.CreatedAt, v.ID} })
			},
		}},
	}
}

// scim is the life of what an identity provider keeps.
func scim(t *testing.T, s org.Store) {
	ctx, n := t.Context(), newTenant(t, s, &clock{})
	o, kept := n.org.ID, n.newDirectoryUser()
	u := kept
	update(t, s, o, func(tx org.Tx) error { return tx.InsertUser(ctx, kept) })
	userIs := func(want org.User) {
		t.Helper()
		view(t, s, func(r org.Reader) error {
			got, err := r.User(ctx, o, want.ID)
			equal(t, "the user", got, want)
			return err
		})
	}
	userIs(u)
	u.Directory, u.DeactivatedAt = org.DirectoryEntry{Managed: true}, time.Time{}
	update(t, s, o, func(tx org.Tx) error { return tx.UpdateUser(ctx, u) })
	userIs(u)
	update(t, s, o, func(tx org.Tx) error { return tx.UpdateUser(ctx, kept) })

	view(t, s, func(r org.Reader) error {
		got, err := r.SCIMTokenByHash(ctx, n.scimToken.Hash)
		equal(t, "the token by its hash", got, n.scimToken)
		_, err2 := r.SCIMTokenByHash(ctx, id.HashOf("another"))
		wantNotFound(t, err2, "SCIM token not found.")
		for what, f := range map[string]org.DirectoryFilter{
			"by address":        {Email: strings.ToUpper(kept.Email)},
			"by mail":           {Mail: strings.ToUpper(kept.Directory.Mail)},
			"by either":         {Mail: kept.Email},
			"by external id":    {ExternalID: kept.Directory.ExternalID},
			"by several things": {ExternalID: kept.Directory.ExternalID, Email: kept.Email},
		} {
			f.Limit = 10
			rows, err := r.DirectoryUsers(ctx, o, f)
			equal(t, what, rows, org.DirectoryRows[org.User]{Items: []org.User{kept}, Total: 1})
			err2 = errors.Join(err2, err)
		}
		for what, f := range map[string]org.DirectoryFilter{
			"other letters of an external id": {ExternalID: strings.ToUpper(kept.Directory.ExternalID)},
			"nobody":                          {Email: "nobody@example.com"}, "nothing storable": {ExternalID: "a\x00"},
		} {
			f.Limit = 10
			rows, err := r.DirectoryUsers(ctx, o, f)
			equal(t, what, rows, org.DirectoryRows[org.User]{})
			err = errors.Join(err)
			if err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		whole, err3 := r.DirectoryUsers(ctx, o, org.DirectoryFilter{Limit: 100})
		equal(t, "the number of users", whole.Total, len(whole.Items))
		for i := range whole.Items {
			part, err := r.DirectoryUsers(ctx, o, org.DirectoryFilter{Offset: i, Limit: 1})
			equal(t, "one of them", part, org.DirectoryRows[org.User]{Items: whole.Items[i : i+1], Total: whole.Total})
			err3 = errors.Join(err3, err)
		}
		groups, err4 := r.DirectoryGroups(ctx, o, org.DirectoryFilter{Limit: 100})
		equal(t, "the groups that are kept", groups, org.DirectoryRows[org.Group]{Items: []org.Group{n.scimGroup}, Total: 1})
		named, err5 := r.DirectoryGroups(ctx, o, org.DirectoryFilter{Name: n.scimGroup.Name, Limit: 1})
		equal(t, "a group by name", named, groups)
		return errors.Join(err, err3, err4, err5)
	})
	keysOfDeactivated(t, s, n)
	ownersAreActive(t, s)
}

func keysOfDeactivated(t *testing.T, s org.Store, n *tenant) {
	ctx, o := t.Context(), n.org.ID
	before, err := s.Version(ctx)
	if err != nil {
		t.Fatal(err)
	}
	update(t, s, o, func(tx org.Tx) error {
		revoked, err := tx.RevokeKeysOf(ctx, o, n.user.ID)
		equal(t, "the keys that went", revoked, []org.RevokedKey{{ID: n.userKey.ID, ProjectID: n.project.ID}, {ID: n.adminKey.ID}})
		again, err2 := tx.RevokeKeysOf(ctx, o, n.user.ID)
		equal(t, "and went once", len(again), 0)
		return errors.Join(err, err2)
	})
	changes, err := s.Changes(ctx, before, 10)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "what the gateway learns", changes, []org.Change{{Version: before + 1, OrganizationID: o, Kind: org.ChangeAPIKey, ID: n.userKey.ID}})
	view(t, s, func(r org.Reader) error {
		_, err := r.APIKeyByID(ctx, o, n.key.ID) // a service account's
		return err
	})
}

// ownersAreActive: who is deactivated owns nothing, in a group neither.
func ownersAreActive(t *testing.T, s org.Store) {
	ctx, n := t.Context(), newTenant(t, s, &clock{})
	o := n.org.ID
	has := func(want bool) {
		t.Helper()
		view(t, s, func(r org.Reader) error {
			got, err := r.HasOwner(ctx, o)
			equal(t, "there is an owner", got, want)
			return err
		})
	}
	owner := n.newUser()
	owner.Role = access.OrganizationOwner
	member := n.newUser()
	member.Role = access.OrganizationReader
	g := n.newDirectoryGroup()
	update(t, s, o, func(tx org.Tx) error {
		if n.user.Role == access.OrganizationOwner {
			if err := tx.DeleteRoleAssignment(ctx, o, "", n.user.ID, access.OrganizationOwner.ID(o)); err != nil {
				return err
			}
		}
		return errors.Join(tx.InsertUser(ctx, owner), tx.InsertUser(ctx, member), tx.InsertGroup(ctx, g))
	})
	has(true)
	owner.DeactivatedAt = epoch
	update(t, s, o, func(tx org.Tx) error { return tx.UpdateUser(ctx, owner) })
	has(false)
	update(t, s, o, func(tx org.Tx) error {
		return errors.Join(
			tx.InsertGroupMember(ctx, org.GroupMember{OrganizationID: o, GroupID: g.ID, PrincipalID: member.ID, PrincipalKind: org.PrincipalUser, CreatedAt: epoch}),
			tx.InsertRoleAssignment(ctx, org.RoleAssignment{OrganizationID: o, PrincipalID: g.ID, PrincipalKind: org.PrincipalGroup, RoleID: access.OrganizationOwner.ID(o), CreatedAt: epoch}))
	})
	has(true)
	member.DeactivatedAt = epoch
	update(t, s, o, func(tx org.Tx) error { return tx.UpdateUser(ctx, member) })
	has(false)
}
