package adminapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/optional"
	"weir/internal/org"
)

// externalKey is a registered key of a cloud as the API shows it, with the fields
// that its cloud has.
type externalKey struct {
	Object      string   `json:"object"` // organization.external_key
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Type        string   `json:"type"` // aws, gcp, azure or oci
	Purpose     string   `json:"purpose"`
	ProjectIDs  []string `json:"api_project_ids"`
	WorkspaceID string   `json:"workspace_id"` // of ChatGPT, which weir has none of: ""
	CreatedAt   int64    `json:"created_at"`
	org.ExternalKeyConfig
}

type newExternalKey struct {
	Name    string                 `json:"name" required:"true"`
	Type    string                 `json:"type" required:"true"`
	Purpose optional.Value[string] `json:"purpose"`
	org.ExternalKeyConfig
}

// validation is what a validation found.
type validation struct {
	Status string `json:"status"` // validated or unhealthy
}

const (
	externalKeysPath = "/v1/organization/external_keys"
	externalKeyPath  = externalKeysPath + "/{external_key_id}"
)

func (a *API) externalKeys() []endpoint.Endpoint {
	page := endpoint.Listing[org.ExternalKey, externalKey]{
		Limit: 20, Min: 1, Max: 100, Ordered: true,
		ID: func(k org.ExternalKey) string { return k.ID }, Show: showExternalKey,
	}
	const read, write, at = access.ExternalKeysRead, access.ExternalKeysWrite, endpoint.AtOrganization
	return []endpoint.Endpoint{
		endpoint.List("GET "+externalKeysPath, read, at, page, a.listExternalKeys),
		endpoint.Write("POST "+externalKeysPath, write, at, []audit.Action{audit.ExternalKeyRegistered}, a.registerExternalKey),
		endpoint.Read("GET "+externalKeyPath, read, at, a.externalKey),
		endpoint.Act("DELETE "+externalKeyPath, write, at, []audit.Action{audit.ExternalKeyRemoved}, a.removeExternalKey),
		endpoint.Act("POST "+externalKeyPath+"/validate", write, at, []audit.Action{audit.ExternalKeyValidated}, a.validateExternalKey),
	}
}

func (a *API) listExternalKeys(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[org.ExternalKey], error) {
	filter := org.ExternalKeyFilter{Page: p, Purpose: org.KeyPurpose(c.Query.Enum("purpose", "", org.KeyPurposes()...))}
	if err := c.Query.Err(); err != nil {
		return org.Rows[org.ExternalKey]{}, err
	}
	return a.org.ExternalKeys(ctx, c.OrganizationID(), filter)
}

func (a *API) registerExternalKey(ctx context.Context, c *endpoint.Call, in newExternalKey) (externalKey, error) {
	k, err := a.org.RegisterExternalKey(ctx, c.Actor(), org.NewExternalKey{
		Name: in.Name, Cloud: in.Type, Purpose: in.Purpose.Or(""), Config: in.ExternalKeyConfig,
	})
	return showExternalKey(k), err
}

func (a *API) externalKey(ctx context.Context, c *endpoint.Call) (externalKey, error) {
	k, err := a.org.ExternalKey(ctx, c.OrganizationID(), c.Path("external_key_id"))
	return showExternalKey(k), err
}

// removeExternalKey answers the key that is gone.
func (a *API) removeExternalKey(ctx context.Context, c *endpoint.Call) (externalKey, error) {
	k, err := a.org.RemoveExternalKey(ctx, c.Actor(), c.Path("external_key_id"))
	return showExternalKey(k), err
}

func (a *API) validateExternalKey(ctx context.Context, c *endpoint.Call) (validation, error) {
	status, err := a.org.ValidateExternalKey(ctx, c.Actor(), c.Path("external_key_id"))
	return validation{Status: string(status)}, err
}

func showExternalKey(k org.ExternalKey) externalKey {
	shown := externalKey{
		Object: "organization.external_key", ID: k.ID, Name: k.Name, Type: string(k.Cloud), Purpose: string(k.Purpose),
		ProjectIDs: []string{}, CreatedAt: k.CreatedAt.Unix(), ExternalKeyConfig: k.Config,
	}
	if len(k.ProjectIDs) > 0 {
		shown.ProjectIDs = k.ProjectIDs
	}
	return shown
}
