package adminapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/optional"
	"weir/internal/org"
)

// adminKey is an admin key as the API shows it.
type adminKey struct {
	Object        string        `json:"object"` // organization.admin_api_key
	ID            string        `json:"id"`
	Name          string        `json:"name"`
	RedactedValue string        `json:"redacted_value"`
	CreatedAt     int64         `json:"created_at"`
	ExpiresAt     *int64        `json:"expires_at"`
	LastUsedAt    *int64        `json:"last_used_at"`
	Owner         adminKeyOwner `json:"owner"`
	Value         string        `json:"value,omitempty"` // the secret, on creation only
}

// adminKeyOwner is the user the key acts as.
type adminKeyOwner struct {
	Type      string `json:"type"`   // user
	Object    string `json:"object"` // organization.user
	ID        string `json:"id"`
	Name      string `json:"name"`
	CreatedAt int64  `json:"created_at"`
	Role      string `json:"role"`
}

type newAdminKey struct {
	Name             string                `json:"name" required:"true"`
	ExpiresInSeconds optional.Value[int64] `json:"expires_in_seconds"`
}

const adminKeysPath = "/v1/organization/admin_api_keys"

func (a *API) adminKeys() []endpoint.Endpoint {
	page := endpoint.Listing[adminKey, adminKey]{
		Limit: 20, Min: 1, Ascending: true, Ordered: true,
		ID: func(k adminKey) string { return k.ID }, Show: endpoint.Same[adminKey],
	}
	return []endpoint.Endpoint{
		endpoint.List("GET "+adminKeysPath, access.ManagementRead, endpoint.AtOrganization, page, a.listAdminKeys),
		endpoint.Write("POST "+adminKeysPath, access.ManagementWrite, endpoint.AtOrganization,
			[]audit.Action{audit.APIKeyCreated}, a.createAdminKey),
		endpoint.Read("GET "+adminKeysPath+"/{key_id}", access.ManagementRead, endpoint.AtOrganization, a.adminKey),
		endpoint.Act("DELETE "+adminKeysPath+"/{key_id}", access.ManagementWrite, endpoint.AtOrganization,
			[]audit.Action{audit.APIKeyDeleted}, a.deleteAdminKey),
	}
}

func (a *API) listAdminKeys(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[adminKey], error) {
	keys, err := a.org.AdminKeys(ctx, c.OrganizationID(), p)
	if err != nil {
		return org.Rows[adminKey]{}, err
	}
	owners := a.owners(c.OrganizationID())
	shown := org.Rows[adminKey]{Items: make([]adminKey, len(keys.Items)), More: keys.More}
	for i, key := range keys.Items {
		if shown.Items[i], err = showAdminKey(ctx, key, owners); err != nil {
			return org.Rows[adminKey]{}, err
		}
	}
	return shown, nil
}

// createAdminKey makes a key that acts as the caller.
func (a *API) createAdminKey(ctx context.Context, c *endpoint.Call, in newAdminKey) (adminKey, error) {
	key, secret, err := a.org.CreateAdminKey(ctx, c.Actor(), org.NewAdminKey{
		Name: in.Name, UserID: c.Caller.PrincipalID(), ExpiresInSeconds: in.ExpiresInSeconds, Within: c.Caller.Key,
	})
	if err != nil {
		return adminKey{}, err
	}
	shown, err := showAdminKey(ctx, key, a.owners(c.OrganizationID()))
	shown.Value = secret
	return shown, err
}

func (a *API) adminKey(ctx context.Context, c *endpoint.Call) (adminKey, error) {
	key, err := a.org.AdminKey(ctx, c.OrganizationID(), c.Path("key_id"))
	if err != nil {
		return adminKey{}, err
	}
	return showAdminKey(ctx, key, a.owners(c.OrganizationID()))
}

func (a *API) deleteAdminKey(ctx context.Context, c *endpoint.Call) (endpoint.Deleted, error) {
	keyID := c.Path("key_id")
	return endpoint.Deleted{Object: "organization.admin_api_key.deleted", ID: keyID, Deleted: true}, a.org.DeleteAdminKey(ctx, c.Actor(), keyID)
}

func showAdminKey(ctx context.Context, k org.AdminKey, owners *owners) (adminKey, error) {
	owner, err := owners.user(ctx, k.UserID)
	return adminKey{
		Object: "organization.admin_api_key", ID: k.ID, Name: k.Name, RedactedValue: k.Redacted,
		CreatedAt: k.CreatedAt.Unix(), ExpiresAt: endpoint.SecondsOrNull(k.ExpiresAt), LastUsedAt: endpoint.SecondsOrNull(k.LastUsedAt),
		Owner: adminKeyOwner{
			Type: "user", Object: "organization.user",
			ID: owner.ID, Name: owner.Name, CreatedAt: owner.CreatedAt.Unix(), Role: string(owner.Role),
		},
	}, err
}
