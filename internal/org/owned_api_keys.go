package org

import (
	"context"

	"weir/internal/access"
)

// OwnerAccess says whether a key's owner has access to the key's project now.
// As a filter it also knows OwnerAny.
type OwnerAccess string

// The values of OwnerAccess.
const (
	OwnerActive   OwnerAccess = "active"
	OwnerInactive OwnerAccess = "inactive"
	OwnerAny      OwnerAccess = "any"
)

// OwnedAPIKey is a key with its owner: one of User and Account.
type OwnedAPIKey struct {
	APIKey
	User    *User
	Account *ServiceAccount
	Role    access.ProjectRole // of the owner in the project
	Access  OwnerAccess        // OwnerActive or OwnerInactive
}

// OwnedAPIKeyFilter selects keys of a project by their owner.
type OwnedAPIKeyFilter struct {
	Page
	Access OwnerAccess
	UserID string // only keys of this user
}

// OwnedAPIKeys of an active project, newest first.
func (s *Service) OwnedAPIKeys(ctx context.Context, organizationID, projectID string, f OwnedAPIKeyFilter) (Rows[OwnedAPIKey], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[OwnedAPIKey], error) {
		if _, err := activeProject(ctx, r, organizationID, projectID); err != nil {
			return Rows[OwnedAPIKey]{}, err
		}
		return ownedAPIKeys(ctx, r, organizationID, projectID, f)
	})
}

// ownedAPIKeys reads on until a page of matching keys is full. What an owner
// may do is worked out here, not stored, so the store cannot filter by it.
func ownedAPIKeys(ctx context.Context, r Reader, organizationID, projectID string, f OwnedAPIKeyFilter) (Rows[OwnedAPIKey], error) {
	const scan = 200 // keys read at once after a page that many did not match
	owners := keyOwners{Reader: r, seen: map[string]OwnedAPIKey{}}
	page := f.Page
	page.Limit++ // one beyond the page, for More
	var out Rows[OwnedAPIKey]
	for {
		rows, err := r.APIKeys(ctx, organizationID, projectID, APIKeyFilter{Page: page, UserID: f.UserID})
		if err != nil {
			return Rows[OwnedAPIKey]{}, err
		}
		for _, key := range rows.Items {
			owned, err := owners.of(ctx, key)
			if err != nil {
				return Rows[OwnedAPIKey]{}, err
			}
			if f.Access != OwnerAny && f.Access != owned.Access {
				continue
			}
			if len(out.Items) == f.Limit {
				out.More = true
				return out, nil
			}
			out.Items = append(out.Items, owned)
		}
		if !rows.More {
			return out, nil
		}
		page.After, page.Limit = rows.Items[len(rows.Items)-1].ID, scan
	}
}

// OwnedAPIKey returns one key of a project with its owner.
func (s *Service) OwnedAPIKey(ctx context.Context, organizationID, projectID, keyID string) (OwnedAPIKey, error) {
	return view(ctx, s.Store, func(r Reader) (OwnedAPIKey, error) {
		if _, err := r.Project(ctx, organizationID, projectID); err != nil {
			return OwnedAPIKey{}, err
		}
		key, err := r.APIKey(ctx, organizationID, projectID, keyID)
		if err != nil {
			return OwnedAPIKey{}, err
		}
		owners := keyOwners{Reader: r, seen: map[string]OwnedAPIKey{}}
		return owners.of(ctx, key)
	})
}

// keyOwners looks owners up, each once.
type keyOwners struct {
	Reader
	seen map[string]OwnedAPIKey // by owner, without the key
}

func (o *keyOwners) of(ctx context.Context, key APIKey) (OwnedAPIKey, error) {
	ownerID := key.UserID + key.ServiceAccountID // one of them is empty
	owned, ok := o.seen[ownerID]
	if !ok {
		var err error
		if owned, err = o.find(ctx, key); err != nil {
			return OwnedAPIKey{}, err
		}
		o.seen[ownerID] = owned
	}
	owned.APIKey = key
	return owned, nil
}

// find works out what the owner may do in the project as package identity does
// when the key is used.
func (o *keyOwners) find(ctx context.Context, key APIKey) (OwnedAPIKey, error) {
	owned := OwnedAPIKey{Access: OwnerInactive, Role: access.NoRole}
	principalID := key.UserID
	if key.ServiceAccountID != "" {
		account, err := o.ServiceAccount(ctx, key.OrganizationID, key.ProjectID, key.ServiceAccountID)
		if err != nil {
			return owned, err
		}
		owned.Account, principalID = &account, account.ID
	} else {
		user, err := o.User(ctx, key.OrganizationID, key.UserID)
		if err != nil {
			return owned, err
		}
		owned.User = &user
	}
	holdings, err := o.Holdings(ctx, key.OrganizationID, principalID)
	if err != nil {
		return owned, err
	}
	var grants access.Grants
	for _, h := range holdings {
		h.addTo(&grants)
		switch role, _ := access.ParseRoleID(h.RoleID); {
		case role.Project != "" && role.Resource == key.ProjectID:
			owned.Role = owned.Role.Stronger(role.Project)
		case role.Organization == access.OrganizationOwner: // who owns every project
			owned.Role = access.ProjectOwner
		}
	}
	if grants.Enters(key.ProjectID) {
		owned.Access = OwnerActive
	}
	return owned, nil
}
