package adminapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/optional"
	"weir/internal/org"
)

// serviceAccount is a service account as the API shows it.
type serviceAccount struct {
	Object    string `json:"object"` // organization.project.service_account
	ID        string `json:"id"`
	Name      string `json:"name"`
	Role      string `json:"role"` // owner, member or none
	CreatedAt int64  `json:"created_at"`
}

// createdServiceAccount adds the account's first key, null when none was asked
// for.
type createdServiceAccount struct {
	serviceAccount
	APIKey *serviceAccountKey `json:"api_key"`
}

// serviceAccountKey is a new key of a service account, with its secret.
type serviceAccountKey struct {
	Object    string `json:"object"` // organization.project.service_account.api_key
	ID        string `json:"id"`
	Name      string `json:"name"`
	Value     string `json:"value"`
	CreatedAt int64  `json:"created_at"`
	ExpiresAt *int64 `json:"expires_at"`
}

type newServiceAccount struct {
	Name             string                `json:"name" required:"true"`
	AccountOnly      optional.Value[bool]  `json:"create_service_account_only"`
	ExpiresInSeconds optional.Value[int64] `json:"expires_in_seconds"`
}

type serviceAccountChange struct {
	Name optional.Value[string] `json:"name"`
	Role optional.Value[string] `json:"role"`
}

type newServiceAccountKey struct {
	Name             optional.Value[string] `json:"name"`
	Scopes           []string               `json:"scopes"` // none: all that the account may do
	ExpiresInSeconds optional.Value[int64]  `json:"expires_in_seconds"`
}

const (
	serviceAccountsPath = projectPath + "/service_accounts"
	serviceAccountPath  = serviceAccountsPath + "/{service_account_id}"
)

func (a *API) serviceAccounts() []endpoint.Endpoint {
	page := endpoint.Listing[org.ServiceAccount, serviceAccount]{
		Limit: 20, Min: 1, Max: 100,
		ID: func(s org.ServiceAccount) string { return s.ID }, Show: showServiceAccount,
	}
	const at = endpoint.AtProject
	return []endpoint.Endpoint{
		endpoint.List("GET "+serviceAccountsPath, access.ServiceAccountsRead, at, page, a.listServiceAccounts),
		endpoint.Write("POST "+serviceAccountsPath, access.ServiceAccountsWrite, at,
			[]audit.Action{audit.ServiceAccountCreated, audit.APIKeyCreated}, a.createServiceAccount),
		endpoint.Read("GET "+serviceAccountPath, access.ServiceAccountsRead, at, a.serviceAccount),
		endpoint.Write("POST "+serviceAccountPath, access.ServiceAccountsWrite, at,
			[]audit.Action{audit.ServiceAccountUpdated}, a.updateServiceAccount),
		endpoint.Act("DELETE "+serviceAccountPath, access.ServiceAccountsWrite, at,
			[]audit.Action{audit.ServiceAccountDeleted, audit.APIKeyDeleted}, a.deleteServiceAccount),
		endpoint.Write("POST "+serviceAccountPath+"/api_keys", access.ServiceAccountsWrite, at,
			[]audit.Action{audit.APIKeyCreated}, a.createServiceAccountKey),
	}
}

func (a *API) listServiceAccounts(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[org.ServiceAccount], error) {
	return a.org.ServiceAccounts(ctx, c.OrganizationID(), c.Path("project_id"), p)
}

func (a *API) createServiceAccount(ctx context.Context, c *endpoint.Call, in newServiceAccount) (createdServiceAccount, error) {
	account, key, secret, err := a.org.CreateServiceAccount(ctx, c.Actor(), c.Path("project_id"), org.NewServiceAccount{
		Name: in.Name, AccountOnly: in.AccountOnly.V, ExpiresInSeconds: in.ExpiresInSeconds, Within: c.Caller.Key,
	})
	created := createdServiceAccount{serviceAccount: showServiceAccount(account)}
	if key != nil {
		shown := showServiceAccountKey(*key, secret)
		created.APIKey = &shown
	}
	return created, err
}

func (a *API) serviceAccount(ctx context.Context, c *endpoint.Call) (serviceAccount, error) {
	account, err := a.org.ServiceAccount(ctx, c.OrganizationID(), c.Path("project_id"), c.Path("service_account_id"))
	return showServiceAccount(account), err
}

func (a *API) updateServiceAccount(ctx context.Context, c *endpoint.Call, in serviceAccountChange) (serviceAccount, error) {
	account, err := a.org.UpdateServiceAccount(ctx, c.Actor(), c.Path("project_id"), c.Path("service_account_id"), org.ServiceAccountChange(in))
	return showServiceAccount(account), err
}

func (a *API) deleteServiceAccount(ctx context.Context, c *endpoint.Call) (endpoint.Deleted, error) {
	accountID := c.Path("service_account_id")
	return endpoint.Deleted{Object: "organization.project.service_account.deleted", ID: accountID, Deleted: true},
		a.org.DeleteServiceAccount(ctx, c.Actor(), c.Path("project_id"), accountID)
}

func (a *API) createServiceAccountKey(ctx context.Context, c *endpoint.Call, in newServiceAccountKey) (serviceAccountKey, error) {
	if len(in.Scopes) == 0 {
		if err := a.requireWorkspacesOf(ctx, c, c.Path("service_account_id")); err != nil {
			return serviceAccountKey{}, err
		}
	}
	key, secret, err := a.org.CreateAPIKey(ctx, c.Actor(), c.Path("project_id"), org.NewAPIKey{
		Name: in.Name.Or(""), ServiceAccountID: c.Path("service_account_id"),
		Scopes: in.Scopes, ExpiresInSeconds: in.ExpiresInSeconds, Within: c.Caller.Key,
	})
	return showServiceAccountKey(key, secret), err
}

func showServiceAccount(s org.ServiceAccount) serviceAccount {
	return serviceAccount{
		Object: "organization.project.service_account", ID: s.ID, Name: s.Name,
		Role: string(s.Role), CreatedAt: s.CreatedAt.Unix(),
	}
}

func showServiceAccountKey(k org.APIKey, secret string) serviceAccountKey {
	return serviceAccountKey{
		Object: "organization.project.service_account.api_key", ID: k.ID, Name: k.Name,
		Value: secret, CreatedAt: k.CreatedAt.Unix(), ExpiresAt: endpoint.SecondsOrNull(k.ExpiresAt),
	}
}
