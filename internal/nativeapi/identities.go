package nativeapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/org"
)

// externalIdentity is whom an identity provider knows a user as.
type externalIdentity struct {
	Object    string `json:"object"` // user.identity
	ID        string `json:"id"`     // the provider's name: a user has one of each
	Subject   string `json:"subject"`
	CreatedAt int64  `json:"created_at"`
}

type externalIdentities struct {
	Object string             `json:"object"` // list
	Data   []externalIdentity `json:"data"`
}

func (a *API) identities() []endpoint.Endpoint {
	const path = root + "/users/{user_id}/identities"
	return []endpoint.Endpoint{
		endpoint.Read("GET "+path, access.ManagementRead, endpoint.AtOrganization, a.listIdentities),
		endpoint.Act("DELETE "+path+"/{provider}", access.ManagementWrite, endpoint.AtOrganization, []audit.Action{audit.IdentityUnlinked}, a.unlinkIdentity),
	}
}

// listIdentities answers all at once: there are no more than providers.
func (a *API) listIdentities(ctx context.Context, c *endpoint.Call) (externalIdentities, error) {
	all, err := a.org.ExternalIdentities(ctx, c.OrganizationID(), c.Path("user_id"))
	shown := externalIdentities{Object: "list", Data: make([]externalIdentity, len(all))}
	for i, e := range all {
		shown.Data[i] = showIdentity(e)
	}
	return shown, err
}

func showIdentity(e org.ExternalIdentity) externalIdentity {
	return externalIdentity{Object: "user.identity", ID: e.Provider, Subject: e.Subject, CreatedAt: e.CreatedAt.Unix()}
}

// unlinkIdentity makes the next sign-in through the provider find the user by
// address again.
func (a *API) unlinkIdentity(ctx context.Context, c *endpoint.Call) (endpoint.Deleted, error) {
	provider := c.Path("provider")
	err := a.identity.UnlinkIdentity(ctx, &c.Caller, c.Path("user_id"), provider)
	return endpoint.Deleted{Object: "user.identity.deleted", ID: provider, Deleted: true}, err
}
