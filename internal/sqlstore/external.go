package sqlstore

import (
	"context"

	"weir/internal/org"
	"weir/internal/sqldb"
)

var externalKeys = table[org.ExternalKey]{
	name: "external_keys", label: "External key", key: 2, listed: true,
	columns: []string{"id", "organization_id", "name", "cloud", "purpose", "config", "created_at"},
	derived: []string{`(SELECT STRING_AGG(p.id, ',' ORDER BY p.id) FROM projects p WHERE p.external_key_id = external_keys.id AND p.external_key_id <> '' AND p.organization_id = external_keys.organization_id AND p.archived_at = 0)`},
	fields: func(k *org.ExternalKey) []any {
		return []any{
			&k.ID, &k.OrganizationID, &k.Name, &k.Cloud, &k.Purpose, jsonText[org.ExternalKeyConfig]{&k.Config}, instant{&k.CreatedAt},
			idList{&k.ProjectIDs},
		}
	},
}

var externalStorage = table[org.ExternalStorage]{
	name: "external_storage", label: "External storage", key: 2, listed: true,
	columns: []string{"id", "organization_id", "project_id", "cloud", "provider", "geography", "status", "created_at"},
	fields: func(e *org.ExternalStorage) []any {
		return []any{
			&e.ID, &e.OrganizationID, &e.ProjectID, &e.Cloud, jsonText[org.StorageProvider]{&e.Provider}, &e.Geography, &e.Status, instant{&e.CreatedAt},
		}
	},
}

func (r reader) ExternalKey(ctx context.Context, organizationID, externalKeyID string) (org.ExternalKey, error) {
	return externalKeys.get(ctx, r, externalKeyID, organizationID)
}

func (r reader) ExternalKeys(ctx context.Context, organizationID string, f org.ExternalKeyFilter) (org.Rows[org.ExternalKey], error) {
	return externalKeys.page(ctx, r, f.Page, list{
		organizationID: organizationID,
		scope:          inOrganization(organizationID),
		filter: func(q *sqldb.Query) {
			if f.Purpose != "" {
				q.And("purpose", sqldb.Equal(string(f.Purpose)))
			}
		},
	})
}

func (w *tx) InsertExternalKey(ctx context.Context, k org.ExternalKey) error {
	return externalKeys.insert(ctx, w, &k)
}

func (w *tx) DeleteExternalKey(ctx context.Context, organizationID, externalKeyID string) error {
	return externalKeys.remove(ctx, w, externalKeyID, organizationID)
}

func (r reader) ExternalStorage(ctx context.Context, organizationID, storageID string) (org.ExternalStorage, error) {
	return externalStorage.get(ctx, r, storageID, organizationID)
}

func (r reader) ExternalStorages(ctx context.Context, organizationID string, f org.ExternalStorageFilter) (org.Rows[org.ExternalStorage], error) {
	return externalStorage.page(ctx, r, f.Page, list{
		organizationID: organizationID,
		scope:          inOrganization(organizationID),
		filter: func(q *sqldb.Query) {
			if f.ProjectID != "" {
				q.And("project_id", sqldb.Equal(f.ProjectID))
			}
		},
	})
}

func (w *tx) InsertExternalStorage(ctx context.Context, e org.ExternalStorage) error {
	return externalStorage.insert(ctx, w, &e)
}

func (w *tx) UpdateExternalStorage(ctx context.Context, e org.ExternalStorage) error {
	return externalStorage.update(ctx, w, &e)
}

func (w *tx) DeleteExternalStorage(ctx context.Context, organizationID, storageID string) error {
	return externalStorage.remove(ctx, w, storageID, organizationID)
}
