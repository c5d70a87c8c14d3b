package org

import "context"

// ExternalKeyFilter selects external keys.
type ExternalKeyFilter struct {
	Page
	Purpose KeyPurpose // "": any
}

// ExternalStorageFilter selects external storage.
type ExternalStorageFilter struct {
	Page
	ProjectID string // "": of every project
}

// ExternalReader reads what is registered of clouds.
type ExternalReader interface {
	ExternalKey(ctx context.Context, organizationID, externalKeyID string) (ExternalKey, error)
	ExternalKeys(ctx context.Context, organizationID string, f ExternalKeyFilter) (Rows[ExternalKey], error)

	ExternalStorage(ctx context.Context, organizationID, storageID string) (ExternalStorage, error)
	ExternalStorages(ctx context.Context, organizationID string, f ExternalStorageFilter) (Rows[ExternalStorage], error)
}

// ExternalWriter writes what is registered of clouds. Nothing of it is in the
// change feed: neither the gateway nor identity looks it up.
type ExternalWriter interface {
	InsertExternalKey(ctx context.Context, k ExternalKey) error
	DeleteExternalKey(ctx context.Context, organizationID, externalKeyID string) error

	InsertExternalStorage(ctx context.Context, e ExternalStorage) error
	UpdateExternalStorage(ctx context.Context, e ExternalStorage) error
	DeleteExternalStorage(ctx context.Context, organizationID, storageID string) error
}
