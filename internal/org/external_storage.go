package org

import (
	"context"
	"strings"
	"time"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
)

// ExternalStorage is storage in a cloud that a project's data is to lie in. weir
// keeps the registration and writes nothing there.
type ExternalStorage struct {
	ID             string
	OrganizationID string
	ProjectID      string
	Cloud          Cloud
	Provider       StorageProvider
	Geography      string // where the project's data is to stay, by its residency
	Status         ExternalStatus
	CreatedAt      time.Time
}

// StorageProvider says where storage is and as whom it is asked for, by OpenAI's
// names (SDK 7.57.0). Which fields there are depends on the cloud.
type StorageProvider struct {
	Bucket                        string `json:"bucket,omitempty"`
	RoleARN                       string `json:"role_arn,omitempty"`
	AccountName                   string `json:"account_name,omitempty"`
	Container                     string `json:"container,omitempty"`
	ResourceGroup                 string `json:"resource_group,omitempty"`
	SubscriptionID                string `json:"subscription_id,omitempty"`
	TenantID                      string `json:"tenant_id,omitempty"`
	WorkloadIdentityPoolID        string `json:"workload_identity_pool_id,omitempty"`
	WorkloadIdentityProjectNumber string `json:"workload_identity_project_number,omitempty"`
	WorkloadIdentityProviderID    string `json:"workload_identity_provider_id,omitempty"`
	Region                        string `json:"region,omitempty"` // OCI only; of other clouds it is not asked for
	TenancyOCID                   string `json:"tenancy_ocid,omitempty"`
}

// storageFields are the fields of storage in each cloud.
var storageFields = map[Cloud][]cloudField[StorageProvider]{
	AWS: {
		{name: "bucket", of: func(p *StorageProvider) *string { return &p.Bucket }, shape: shapeBucket},
		{name: "role_arn", of: func(p *StorageProvider) *string { return &p.RoleARN }, shape: shapeRoleARN},
	},
	Azure: {
		{name: "account_name", of: func(p *StorageProvider) *string { return &p.AccountName }, shape: shapeAccount},
		{name: "container", of: func(p *StorageProvider) *string { return &p.Container }, shape: shapeBucket},
		{name: "resource_group", of: func(p *StorageProvider) *string { return &p.ResourceGroup }, shape: shapeGroup},
		{name: "subscription_id", of: func(p *StorageProvider) *string { return &p.SubscriptionID }, shape: shapeUUID},
		{name: "tenant_id", of: func(p *StorageProvider) *string { return &p.TenantID }, shape: shapeUUID},
	},
	GCP: {
		{name: "bucket", of: func(p *StorageProvider) *string { return &p.Bucket }, shape: shapeBucket},
		{name: "workload_identity_pool_id", of: func(p *StorageProvider) *string { return &p.WorkloadIdentityPoolID }, shape: shapePool},
		{name: "workload_identity_project_number", of: func(p *StorageProvider) *string { return &p.WorkloadIdentityProjectNumber }, shape: shapeNumber},
		{name: "workload_identity_provider_id", of: func(p *StorageProvider) *string { return &p.WorkloadIdentityProviderID }, shape: shapePool},
	},
	OCI: {
		{name: "bucket", of: func(p *StorageProvider) *string { return &p.Bucket }, shape: shapeOCIBucket},
		{name: "region", of: func(p *StorageProvider) *string { return &p.Region }, shape: shapeOCIRegion},
		{name: "tenancy_ocid", of: func(p *StorageProvider) *string { return &p.TenancyOCID }, shape: shapeOCID},
	},
}

// Shown is the provider with all its cloud's fields, by OpenAI's names: those
// that were registered and those that follow. weir introduces itself to a cloud
// as the project. The region is "" where only the cloud knows it.
func (e *ExternalStorage) Shown() map[string]string {
	shown := map[string]string{"type": string(e.Cloud), "region": e.Provider.Region}
	for _, f := range storageFields[e.Cloud] {
		shown[f.name] = *f.of(&e.Provider)
	}
	switch e.Cloud {
	case AWS:
		shown["external_id"], shown["account_id"] = e.ProjectID, ""
		if parts := strings.Split(e.Provider.RoleARN, ":"); len(parts) > 4 {
			shown["account_id"] = parts[4]
		}
	case GCP:
		shown["audience"] = e.ProjectID
	case Azure, OCI: // nothing follows
	}
	return shown
}

// NewExternalStorage is storage to register.
type NewExternalStorage struct {
	ProjectID string
	Cloud     string
	Provider  StorageProvider
}

// checked returns the storage that in describes, without an identity.
func (in NewExternalStorage) checked() (ExternalStorage, error) {
	if err := fault.OneOf("provider.type", in.Cloud, clouds); err != nil {
		return ExternalStorage{}, err
	}
	e := ExternalStorage{ProjectID: in.ProjectID, Cloud: Cloud(in.Cloud), Status: ExternalPending}
	var err error
	e.Provider, err = checkCloudFields("provider.", in.Provider, storageFields[e.Cloud])
	return e, err
}

// RegisterExternalStorage keeps where a project's storage is. The cloud is not
// asked.
func (s *Service) RegisterExternalStorage(ctx context.Context, actor audit.Actor, in NewExternalStorage) (ExternalStorage, error) {
	e, err := in.checked()
	if err != nil {
		return ExternalStorage{}, err
	}
	e.ID, e.OrganizationID, e.CreatedAt = id.New(id.ExternalStorage), actor.OrganizationID, s.Now()
	err = s.update(ctx, actor, func(tx Tx) error {
		project, err := tx.Project(ctx, actor.OrganizationID, in.ProjectID)
		if err != nil {
			return notFoundAsInvalid(err, "project_id")
		}
		if project.Archived() {
			return fault.Invalidf("project_archived", "project_id", "Project with ID '%s' is archived and keeps nothing.", project.ID)
		}
		e.Geography = geographyOf(project)
		tx.Record(event(audit.ExternalStorageRegistered, &project, details{
			ID: e.ID, Data: map[string]any{"geography": e.Geography, "provider": e.Shown()},
		}))
		return tx.InsertExternalStorage(ctx, e)
	})
	return e, err
}

// geographyOf is the first word of a residency: EU of EU_STORAGE_PROCESSING.
func geographyOf(p Project) string {
	geography, _, _ := strings.Cut(p.Residency, "_")
	if geography == "" {
		return "GLOBAL"
	}
	return geography
}

// ValidateExternalStorage checks, and keeps the result of, all that can be known
// of storage without its cloud: that every part of the configuration has the form
// its cloud gives it, and that the project is not archived.
func (s *Service) ValidateExternalStorage(ctx context.Context, actor audit.Actor, storageID string) (ExternalStorage, error) {
	var e ExternalStorage
	err := s.update(ctx, actor, func(tx Tx) error {
		var err error
		if e, err = tx.ExternalStorage(ctx, actor.OrganizationID, storageID); err != nil {
			return err
		}
		project, err := tx.Project(ctx, actor.OrganizationID, e.ProjectID)
		if err != nil {
			return err
		}
		e.Status = statusOf(!project.Archived() && wellFormed(e.Provider, storageFields[e.Cloud]))
		tx.Record(event(audit.ExternalStorageValidated, &project, details{ID: e.ID, Data: map[string]any{"status": e.Status}}))
		return tx.UpdateExternalStorage(ctx, e)
	})
	return e, err
}

// RemoveExternalStorage forgets storage. What lies in the cloud stays there.
func (s *Service) RemoveExternalStorage(ctx context.Context, actor audit.Actor, storageID string) error {
	return s.update(ctx, actor, func(tx Tx) error {
		e, err := tx.ExternalStorage(ctx, actor.OrganizationID, storageID)
		if err != nil {
			return err
		}
		project, err := tx.Project(ctx, actor.OrganizationID, e.ProjectID)
		if err != nil {
			return err
		}
		tx.Record(event(audit.ExternalStorageRemoved, &project, details{ID: e.ID}))
		return tx.DeleteExternalStorage(ctx, actor.OrganizationID, e.ID)
	})
}

// ExternalStorages of an organization.
func (s *Service) ExternalStorages(ctx context.Context, organizationID string, f ExternalStorageFilter) (Rows[ExternalStorage], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[ExternalStorage], error) {
		return r.ExternalStorages(ctx, organizationID, f)
	})
}

// ExternalStorage returns one registration of storage.
func (s *Service) ExternalStorage(ctx context.Context, organizationID, storageID string) (ExternalStorage, error) {
	return view(ctx, s.Store, func(r Reader) (ExternalStorage, error) { return r.ExternalStorage(ctx, organizationID, storageID) })
}
