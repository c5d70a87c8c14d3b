package adminapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/fault"
	"weir/internal/optional"
	"weir/internal/org"
)

// projectKey is a project's API key as the API shows it.
type projectKey struct {
	Object             string          `json:"object"` // organization.project.api_key
	ID                 string          `json:"id"`
	Name               string          `json:"name"`
	RedactedValue      string          `json:"redacted_value"`
	CreatedAt          int64           `json:"created_at"`
	LastUsedAt         *int64          `json:"last_used_at"`
	ExpiresAt          *int64          `json:"expires_at"`
	OwnerProjectAccess string          `json:"owner_project_access"` // active or inactive
	Scopes             []string        `json:"scopes"`               // empty: all that the owner may do
	Owner              projectKeyOwner `json:"owner"`
}

// projectKeyOwner holds a user or a service account, as type says.
type projectKeyOwner struct {
	Type           string              `json:"type"`
	User           *userOwner          `json:"user,omitempty"`
	ServiceAccount *serviceAccountSlim `json:"service_account,omitempty"`
}

type userOwner struct {
	ID        string `json:"id"`
	Email     string `json:"email"`
	Name      string `json:"name"`
	CreatedAt int64  `json:"created_at"`
	Role      string `json:"role"`
}

type serviceAccountSlim struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	CreatedAt int64  `json:"created_at"`
	Role      string `json:"role"`
}

type projectKeyChange struct {
	Scopes           optional.Value[[]string] `json:"scopes"`
	ExpiresInSeconds optional.Value[int64]    `json:"expires_in_seconds"`
}

const (
	projectKeysPath = projectPath + "/api_keys"
	projectKeyPath  = projectKeysPath + "/{api_key_id}"
)

func (a *API) projectKeys() []endpoint.Endpoint {
	page := endpoint.Listing[org.OwnedAPIKey, projectKey]{
		Limit: 20, Min: 1, Max: 100,
		ID: func(k org.OwnedAPIKey) string { return k.ID }, Show: showProjectKey,
	}
	return []endpoint.Endpoint{
		endpoint.List("GET "+projectKeysPath, access.APIKeysRead, endpoint.AtProject, page, a.listProjectKeys),
		endpoint.Read("GET "+projectKeyPath, access.APIKeysRead, endpoint.AtProject, a.projectKey),
		endpoint.Write("POST "+projectKeyPath, access.APIKeysWrite, endpoint.AtProject,
			[]audit.Action{audit.APIKeyUpdated}, a.updateProjectKey),
		endpoint.Act("DELETE "+projectKeyPath, access.APIKeysWrite, endpoint.AtProject,
			[]audit.Action{audit.APIKeyDeleted}, a.deleteProjectKey),
	}
}

// listProjectKeys shows, when not asked otherwise, the keys of those who are in
// the project.
func (a *API) listProjectKeys(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[org.OwnedAPIKey], error) {
	wanted := c.Query.Enum("owner_project_access", string(org.OwnerActive),
		string(org.OwnerActive), string(org.OwnerInactive), string(org.OwnerAny))
	if err := c.Query.Err(); err != nil {
		return org.Rows[org.OwnedAPIKey]{}, err
	}
	return a.org.OwnedAPIKeys(ctx, c.OrganizationID(), c.Path("project_id"), org.OwnedAPIKeyFilter{
		Page: p, Access: org.OwnerAccess(wanted), UserID: onlyOwner(c, access.ProjectRead),
	})
}

// onlyOwner is whose keys alone the caller has to do with: its own, unless it
// holds the project's administration. "" is everybody's.
func onlyOwner(c *endpoint.Call, administration access.Permission) string {
	if c.Caller.Grants.Allows(administration, access.Scope{ProjectID: c.Path("project_id")}) {
		return ""
	}
	return c.Caller.PrincipalID()
}

// checkOwner hides the keys of others from callers who have to do with their own
// alone.
func (a *API) checkOwner(ctx context.Context, c *endpoint.Call, administration access.Permission) error {
	only := onlyOwner(c, administration)
	if only == "" {
		return nil
	}
	key, err := a.org.APIKey(ctx, c.OrganizationID(), c.Path("project_id"), c.Path("api_key_id"))
	if err == nil && key.UserID != only {
		err = fault.NotFoundf("API key with ID '%s' not found.", key.ID)
	}
	return err
}

func (a *API) projectKey(ctx context.Context, c *endpoint.Call) (projectKey, error) {
	if err := a.checkOwner(ctx, c, access.ProjectRead); err != nil {
		return projectKey{}, err
	}
	key, err := a.org.OwnedAPIKey(ctx, c.OrganizationID(), c.Path("project_id"), c.Path("api_key_id"))
	if err != nil {
		return projectKey{}, err
	}
	return showProjectKey(key), nil
}

func (a *API) updateProjectKey(ctx context.Context, c *endpoint.Call, in projectKeyChange) (projectKey, error) {
	if err := a.checkOwner(ctx, c, access.ProjectWrite); err != nil {
		return projectKey{}, err
	}
	if in.Scopes.Given() && len(in.Scopes.V) == 0 {
		key, err := a.org.APIKey(ctx, c.OrganizationID(), c.Path("project_id"), c.Path("api_key_id"))
		if err == nil {
			err = a.requireWorkspacesOf(ctx, c, key.UserID+key.ServiceAccountID) // one of them is empty
		}
		if err != nil {
			return projectKey{}, err
		}
	}
	err := a.org.UpdateAPIKey(ctx, c.Actor(), c.Path("project_id"), c.Path("api_key_id"), org.APIKeyChange{
		Scopes: in.Scopes, ExpiresInSeconds: in.ExpiresInSeconds, Within: c.Caller.Key,
	})
	if err != nil {
		return projectKey{}, err
	}
	return a.projectKey(ctx, c)
}

// requireWorkspacesOf refuses callers who hold less in workspaces than the owner
// of a key: a key without scopes acts in them too.
func (a *API) requireWorkspacesOf(ctx context.Context, c *endpoint.Call, ownerID string) error {
	if ownerID == c.Caller.PrincipalID() {
		return nil
	}
	memberships, err := a.org.WorkspaceMembershipsOf(ctx, c.OrganizationID(), ownerID)
	if err != nil {
		return err
	}
	return c.RequireWorkspaces(memberships)
}

func (a *API) deleteProjectKey(ctx context.Context, c *endpoint.Call) (endpoint.Deleted, error) {
	if err := a.checkOwner(ctx, c, access.ProjectWrite); err != nil {
		return endpoint.Deleted{}, err
	}
	keyID := c.Path("api_key_id")
	return endpoint.Deleted{Object: "organization.project.api_key.deleted", ID: keyID, Deleted: true},
		a.org.DeleteAPIKey(ctx, c.Actor(), c.Path("project_id"), keyID)
}

func showProjectKey(k org.OwnedAPIKey) projectKey {
	shown := projectKey{
		Object: "organization.project.api_key", ID: k.ID, Name: k.Name, RedactedValue: k.Redacted,
		CreatedAt: k.CreatedAt.Unix(), LastUsedAt: endpoint.SecondsOrNull(k.LastUsedAt), ExpiresAt: endpoint.SecondsOrNull(k.ExpiresAt),
		OwnerProjectAccess: string(k.Access), Scopes: append([]string{}, k.Scopes...), // never null
	}
	if u := k.User; u != nil {
		shown.Owner = projectKeyOwner{Type: "user", User: &userOwner{
			ID: u.ID, Email: u.Email, Name: u.Name, CreatedAt: u.CreatedAt.Unix(), Role: string(k.Role),
		}}
	}
	if s := k.Account; s != nil {
		shown.Owner = projectKeyOwner{Type: "service_account", ServiceAccount: &serviceAccountSlim{
			ID: s.ID, Name: s.Name, CreatedAt: s.CreatedAt.Unix(), Role: string(k.Role),
		}}
	}
	return shown
}
