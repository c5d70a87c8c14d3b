package adminapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/org"
)

// externalStorage is registered storage of a cloud as the API shows it.
type externalStorage struct {
	Object    string            `json:"object"` // organization.external_storage
	ID        string            `json:"id"`
	ProjectID string            `json:"project_id"`
	Provider  map[string]string `json:"provider"` // type, and what storage of that type has
	Geography string            `json:"geography"`
	Status    string            `json:"status"` // pending, validated or unhealthy
	CreatedAt int64             `json:"created_at"`
}

type newExternalStorage struct {
	ProjectID string             `json:"project_id" required:"true"`
	Provider  newStorageProvider `json:"provider" required:"true"`
}

type newStorageProvider struct {
	Type string `json:"type" required:"true"`
	org.StorageProvider
}

const (
	externalStoragesPath = "/v1/organization/external_storage"
	externalStoragePath  = externalStoragesPath + "/{external_storage_id}"
)

func (a *API) externalStorages() []endpoint.Endpoint {
	page := endpoint.Listing[org.ExternalStorage, externalStorage]{
		Limit: 20, Min: 1, Max: 100, Ordered: true,
		ID: func(e org.ExternalStorage) string { return e.ID }, Show: showExternalStorage,
	}
	const read, write, at = access.ExternalStorageRead, access.ExternalStorageWrite, endpoint.AtOrganization
	return []endpoint.Endpoint{
		endpoint.List("GET "+externalStoragesPath, read, at, page, a.listExternalStorage),
		endpoint.Write("POST "+externalStoragesPath, write, at, []audit.Action{audit.ExternalStorageRegistered}, a.registerExternalStorage),
		endpoint.Read("GET "+externalStoragePath, read, at, a.externalStorage),
		endpoint.Act("DELETE "+externalStoragePath, write, at, []audit.Action{audit.ExternalStorageRemoved}, a.removeExternalStorage),
		endpoint.Act("POST "+externalStoragePath+"/validate", write, at, []audit.Action{audit.ExternalStorageValidated}, a.validateExternalStorage),
	}
}

func (a *API) listExternalStorage(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[org.ExternalStorage], error) {
	return a.org.ExternalStorages(ctx, c.OrganizationID(), org.ExternalStorageFilter{Page: p, ProjectID: c.Query.String("project_id")})
}

func (a *API) registerExternalStorage(ctx context.Context, c *endpoint.Call, in newExternalStorage) (externalStorage, error) {
	e, err := a.org.RegisterExternalStorage(ctx, c.Actor(), org.NewExternalStorage{
		ProjectID: in.ProjectID, Cloud: in.Provider.Type, Provider: in.Provider.StorageProvider,
	})
	return showExternalStorage(e), err
}

func (a *API) externalStorage(ctx context.Context, c *endpoint.Call) (externalStorage, error) {
	e, err := a.org.ExternalStorage(ctx, c.OrganizationID(), c.Path("external_storage_id"))
	return showExternalStorage(e), err
}

func (a *API) removeExternalStorage(ctx context.Context, c *endpoint.Call) (endpoint.Deleted, error) {
	storageID := c.Path("external_storage_id")
	return endpoint.Deleted{Object: "organization.external_storage.deleted", ID: storageID, Deleted: true},
		a.org.RemoveExternalStorage(ctx, c.Actor(), storageID)
}

func (a *API) validateExternalStorage(ctx context.Context, c *endpoint.Call) (externalStorage, error) {
	e, err := a.org.ValidateExternalStorage(ctx, c.Actor(), c.Path("external_storage_id"))
	return showExternalStorage(e), err
}

func showExternalStorage(e org.ExternalStorage) externalStorage {
	return externalStorage{
		Object: "organization.external_storage", ID: e.ID, ProjectID: e.ProjectID, Provider: e.Shown(),
		Geography: e.Geography, Status: string(e.Status), CreatedAt: e.CreatedAt.Unix(),
	}
}
