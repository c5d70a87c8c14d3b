package nativeapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/fault"
	"weir/internal/optional"
	"weir/internal/org"
)

// projectKey is a project's API key with its secret, which is shown once.
type projectKey struct {
	Object             string          `json:"object"` // organization.project.api_key
	ID                 string          `json:"id"`
	ProjectID          string          `json:"project_id"`
	Name               string          `json:"name"`
	RedactedValue      string          `json:"redacted_value"`
	Value              string          `json:"value"`
	Scopes             []string        `json:"scopes"` // empty: everything its owner may do
	OwnerProjectAccess string          `json:"owner_project_access"`
	Owner              projectKeyOwner `json:"owner"`
	ExpiresAt          *int64          `json:"expires_at"`
	LastUsedAt         *int64          `json:"last_used_at"`
	CreatedAt          int64           `json:"created_at"`
	PreviousUntil      *int64          `json:"previous_value_until"` // until then the old secret works too
}

// projectKeyOwner holds a user or a service account, as type says.
type projectKeyOwner struct {
	Type           string    `json:"type"`
	User           *keyOwner `json:"user,omitempty"`
	ServiceAccount *keyOwner `json:"service_account,omitempty"`
}

type keyOwner struct {
	ID        string `json:"id"`
	Email     string `json:"email,omitempty"` // of a user
	Name      string `json:"name"`
	Role      string `json:"role"` // in the project
	CreatedAt int64  `json:"created_at"`
}

// adminKey is an admin key with its new secret, which is shown once.
type adminKey struct {
	Object        string        `json:"object"` // organization.admin_api_key
	ID            string        `json:"id"`
	Name          string        `json:"name"`
	RedactedValue string        `json:"redacted_value"`
	Value         string        `json:"value"`
	Owner         adminKeyOwner `json:"owner"`
	ExpiresAt     *int64        `json:"expires_at"`
	LastUsedAt    *int64        `json:"last_used_at"`
	CreatedAt     int64         `json:"created_at"`
	PreviousUntil *int64        `json:"previous_value_until"`
}

// adminKeyOwner is the user the key acts as.
type adminKeyOwner struct {
	Type      string `json:"type"`   // user
	Object    string `json:"object"` // organization.user
	ID        string `json:"id"`
	Name      string `json:"name"`
	Role      string `json:"role"` // in the organization
	CreatedAt int64  `json:"created_at"`
}

type newProjectKey struct {
	Name             string                   `json:"name" required:"true"`
	OwnerUserID      optional.Value[string]   `json:"owner_user_id"`
	Scopes           optional.Value[[]string] `json:"scopes"`
	ExpiresInSeconds optional.Value[int64]    `json:"expires_in_seconds"`
}

type newAdminKey struct {
	Name             string                `json:"name" required:"true"`
	OwnerUserID      string                `json:"owner_user_id" required:"true"`
	ExpiresInSeconds optional.Value[int64] `json:"expires_in_seconds"`
}

type rotation struct {
	OverlapSeconds int64 `json:"overlap_seconds"`
}

func (a *API) keys() []endpoint.Endpoint {
	const keys = root + "/projects/{project_id}/api_keys"
	return []endpoint.Endpoint{
		endpoint.Write("POST "+keys, access.APIKeysWrite, endpoint.AtProject,
			[]audit.Action{audit.APIKeyCreated}, a.createProjectKey),
		endpoint.Write("POST "+keys+"/{api_key_id}/rotate", access.APIKeysWrite, endpoint.AtProject,
			[]audit.Action{audit.APIKeyUpdated}, a.rotateProjectKey),
		endpoint.Write("POST "+root+"/admin_api_keys", access.ManagementWrite, endpoint.AtOrganization,
			[]audit.Action{audit.APIKeyCreated}, a.createAdminKey),
		endpoint.Write("POST "+root+"/admin_api_keys/{key_id}/rotate", access.ManagementWrite, endpoint.AtOrganization,
			[]audit.Action{audit.APIKeyUpdated}, a.rotateAdminKey),
	}
}

// createProjectKey makes a key for the caller. A key for somebody else brings
// along what that person may do in workspaces, so it takes the right to manage
// the organization.
func (a *API) createProjectKey(ctx context.Context, c *endpoint.Call, in newProjectKey) (projectKey, error) {
	if in.Name == "" {
		return projectKey{}, fault.EmptyString("name")
	}
	key := org.NewAPIKey{Name: in.Name, Scopes: in.Scopes.V, ExpiresInSeconds: in.ExpiresInSeconds, Within: c.Caller.Key}
	switch owner := in.OwnerUserID.Or(c.Caller.PrincipalID()); {
	case owner != c.Caller.PrincipalID():
		if err := c.Require(access.ManagementWrite, access.Scope{}); err != nil {
			return projectKey{}, err
		}
		key.UserID = owner
	case c.Caller.Account != nil:
		key.ServiceAccountID = owner
	default:
		key.UserID = owner
	}
	made, secret, err := a.org.CreateAPIKey(ctx, c.Actor(), c.Path("project_id"), key)
	if err != nil {
		return projectKey{}, err
	}
	return a.showProjectKey(ctx, c, made, secret)
}

// rotateProjectKey gives a key a new secret. Whoever reads it can act as the
// key's owner, so only the owner may, and who manages such owners and holds
// what they hold; what the caller's own key holds is looked at besides.
func (a *API) rotateProjectKey(ctx context.Context, c *endpoint.Call, in rotation) (projectKey, error) {
	key, err := a.org.APIKey(ctx, c.OrganizationID(), c.Path("project_id"), c.Path("api_key_id"))
	if err != nil {
		return projectKey{}, err
	}
	switch {
	case key.UserID+key.ServiceAccountID == c.Caller.PrincipalID(): // one of them is empty
	case key.UserID != "":
		err = c.Require(access.ManagementWrite, access.Scope{})
	default:
		if err = c.Require(access.ServiceAccountsWrite, access.Scope{ProjectID: key.ProjectID}); err == nil {
			err = a.requireWorkspacesOf(ctx, c, key.ServiceAccountID)
		}
	}
	if err != nil {
		return projectKey{}, err
	}
	rotated, secret, err := a.org.RotateAPIKey(ctx, c.Actor(), key.ProjectID, key.ID, org.Rotation{OverlapSeconds: in.OverlapSeconds, Within: c.Caller.Key})
	if err != nil {
		return projectKey{}, err
	}
	return a.showProjectKey(ctx, c, rotated, secret)
}

// requireWorkspacesOf refuses callers who hold less in workspaces than the
// account does.
func (a *API) requireWorkspacesOf(ctx context.Context, c *endpoint.Call, accountID string) error {
	memberships, err := a.org.WorkspaceMembershipsOf(ctx, c.OrganizationID(), accountID)
	if err != nil {
		return err
	}
	return c.RequireWorkspaces(memberships)
}

// createAdminKey makes a key that acts as somebody who may not make one, such as
// the owner of a project. OpenAI's call makes them for the caller alone.
func (a *API) createAdminKey(ctx context.Context, c *endpoint.Call, in newAdminKey) (adminKey, error) {
	key, secret, err := a.org.CreateAdminKey(ctx, c.Actor(), org.NewAdminKey{
		Name: in.Name, UserID: in.OwnerUserID, ExpiresInSeconds: in.ExpiresInSeconds, Within: c.Caller.Key,
	})
	if err != nil {
		return adminKey{}, err
	}
	return a.showAdminKey(ctx, c, key, secret)
}

func (a *API) rotateAdminKey(ctx context.Context, c *endpoint.Call, in rotation) (adminKey, error) {
	key, secret, err := a.org.RotateAdminKey(ctx, c.Actor(), c.Path("key_id"), org.Rotation{OverlapSeconds: in.OverlapSeconds, Within: c.Caller.Key})
	if err != nil {
		return adminKey{}, err
	}
	return a.showAdminKey(ctx, c, key, secret)
}

func (a *API) showAdminKey(ctx context.Context, c *endpoint.Call, key org.AdminKey, secret string) (adminKey, error) {
	owner, err := a.org.User(ctx, c.OrganizationID(), key.UserID)
	c.Header.Set("Cache-Control", "no-store")
	return adminKey{
		Object: "organization.admin_api_key", ID: key.ID, Name: key.Name, RedactedValue: key.Redacted, Value: secret,
		Owner: adminKeyOwner{
			Type: "user", Object: "organization.user", ID: owner.ID, Name: owner.Name,
			Role: string(owner.Role), CreatedAt: owner.CreatedAt.Unix(),
		},
		ExpiresAt: endpoint.SecondsOrNull(key.ExpiresAt), LastUsedAt: endpoint.SecondsOrNull(key.LastUsedAt), CreatedAt: key.CreatedAt.Unix(),
		PreviousUntil: endpoint.SecondsOrNull(key.PreviousUntil),
	}, err
}

func (a *API) showProjectKey(ctx context.Context, c *endpoint.Call, key org.APIKey, secret string) (projectKey, error) {
	owned, err := a.org.OwnedAPIKey(ctx, key.OrganizationID, key.ProjectID, key.ID)
	if err != nil {
		return projectKey{}, err
	}
	c.Header.Set("Cache-Control", "no-store")
	shown := projectKey{
		Object: "organization.project.api_key", ID: key.ID, ProjectID: key.ProjectID, Name: key.Name,
		RedactedValue: key.Redacted, Value: secret, Scopes: listed(key.Scopes), OwnerProjectAccess: string(owned.Access),
		ExpiresAt: endpoint.SecondsOrNull(key.ExpiresAt), LastUsedAt: endpoint.SecondsOrNull(key.LastUsedAt), CreatedAt: key.CreatedAt.Unix(),
		PreviousUntil: endpoint.SecondsOrNull(key.PreviousUntil),
	}
	if u := owned.User; u != nil {
		shown.Owner = projectKeyOwner{Type: "user", User: &keyOwner{
			ID: u.ID, Email: u.Email, Name: u.Name, Role: string(owned.Role), CreatedAt: u.CreatedAt.Unix(),
		}}
	}
	if s := owned.Account; s != nil {
		shown.Owner = projectKeyOwner{Type: "service_account", ServiceAccount: &keyOwner{
			ID: s.ID, Name: s.Name, Role: string(owned.Role), CreatedAt: s.CreatedAt.Unix(),
		}}
	}
	return shown, nil
}
