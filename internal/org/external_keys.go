package org

import (
	"context"
	"time"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
)

// KeyPurpose says what an external key is for.
type KeyPurpose string

// The purposes: the encryption of what is kept, and the decryption of what comes
// in. The second asks for an exact version of the key.
const (
	PurposeEKM           KeyPurpose = "ekm"
	PurposePSPDecryption KeyPurpose = "psp_decryption"
)

// KeyPurposes are all of them.
func KeyPurposes() []string { return []string{string(PurposeEKM), string(PurposePSPDecryption)} }

// ExternalKey is a key in a cloud's key management. weir keeps the registration;
// what seals secrets is the key-encryption key in the process's configuration.
type ExternalKey struct {
	ID             string
	OrganizationID string
	Name           string
	Cloud          Cloud
	Purpose        KeyPurpose
	Config         ExternalKeyConfig
	ProjectIDs     []string // the active projects that name the key
	CreatedAt      time.Time
}

// ExternalKeyConfig says where a key is and as whom it is asked for, by OpenAI's
// names (SDK 7.57.0). Which fields there are depends on the cloud.
type ExternalKeyConfig struct {
	// AWS
	ExternalID string `json:"external_id,omitempty"`
	KMSARN     string `json:"kms_arn,omitempty"`
	RoleARN    string `json:"role_arn,omitempty"`
	// GCP
	Audience                      string `json:"audience,omitempty"`
	KMSKeyLocation                string `json:"kms_key_location,omitempty"`
	KMSKeyName                    string `json:"kms_key_name,omitempty"`
	KMSKeyRingName                string `json:"kms_key_ring_name,omitempty"`
	KMSKeyVersion                 string `json:"kms_key_version,omitempty"`
	KMSProjectID                  string `json:"kms_project_id,omitempty"`
	WorkloadIdentityPoolID        string `json:"workload_identity_pool_id,omitempty"`
	WorkloadIdentityProjectNumber string `json:"workload_identity_project_number,omitempty"`
	WorkloadIdentityProviderID    string `json:"workload_identity_provider_id,omitempty"`
	// Azure
	KeyName    string `json:"key_name,omitempty"`
	KeyVersion string `json:"key_version,omitempty"`
	TenantID   string `json:"tenant_id,omitempty"`
	VaultURI   string `json:"vault_uri,omitempty"`
	// OCI
	KeyOCID        string `json:"key_ocid,omitempty"`
	KeyVersionOCID string `json:"key_version_ocid,omitempty"`
	Region         string `json:"region,omitempty"`
	VaultOCID      string `json:"vault_ocid,omitempty"`
}

// externalKeyFields are the fields of a key in each cloud.
var externalKeyFields = map[Cloud][]cloudField[ExternalKeyConfig]{
	AWS: {
		{name: "external_id", of: func(c *ExternalKeyConfig) *string { return &c.ExternalID }},
		{name: "kms_arn", of: func(c *ExternalKeyConfig) *string { return &c.KMSARN }, shape: shapeKMSARN},
		{name: "role_arn", of: func(c *ExternalKeyConfig) *string { return &c.RoleARN }, shape: shapeRoleARN, strict: true},
	},
	GCP: {
		{name: "audience", of: func(c *ExternalKeyConfig) *string { return &c.Audience }},
		{name: "kms_key_location", of: func(c *ExternalKeyConfig) *string { return &c.KMSKeyLocation }, shape: shapeGCPRegion},
		{name: "kms_key_name", of: func(c *ExternalKeyConfig) *string { return &c.KMSKeyName }, shape: shapeGCPName},
		{name: "kms_key_ring_name", of: func(c *ExternalKeyConfig) *string { return &c.KMSKeyRingName }, shape: shapeGCPName},
		{name: "kms_project_id", of: func(c *ExternalKeyConfig) *string { return &c.KMSProjectID }, shape: shapeGCPID},
		{name: "workload_identity_pool_id", of: func(c *ExternalKeyConfig) *string { return &c.WorkloadIdentityPoolID }, shape: shapePool},
		{name: "workload_identity_project_number", of: func(c *ExternalKeyConfig) *string { return &c.WorkloadIdentityProjectNumber }, shape: shapeNumber},
		{name: "workload_identity_provider_id", of: func(c *ExternalKeyConfig) *string { return &c.WorkloadIdentityProviderID }, shape: shapePool},
	},
	Azure: {
		{name: "key_name", of: func(c *ExternalKeyConfig) *string { return &c.KeyName }, shape: shapeAzureName},
		{name: "tenant_id", of: func(c *ExternalKeyConfig) *string { return &c.TenantID }, shape: shapeUUID},
		{name: "vault_uri", of: func(c *ExternalKeyConfig) *string { return &c.VaultURI }, shape: shapeVaultURI},
	},
	OCI: {
		{name: "key_ocid", of: func(c *ExternalKeyConfig) *string { return &c.KeyOCID }, shape: shapeOCID},
		{name: "region", of: func(c *ExternalKeyConfig) *string { return &c.Region }, shape: shapeOCIRegion},
		{name: "vault_ocid", of: func(c *ExternalKeyConfig) *string { return &c.VaultOCID }, shape: shapeOCID},
	},
}

// externalKeyVersions are the fields that name a version of a key. An AWS key has
// none: its ciphertext says its version.
var externalKeyVersions = map[Cloud]cloudField[ExternalKeyConfig]{
	GCP:   {name: "kms_key_version", of: func(c *ExternalKeyConfig) *string { return &c.KMSKeyVersion }, shape: shapeNumber},
	Azure: {name: "key_version", of: func(c *ExternalKeyConfig) *string { return &c.KeyVersion }, shape: shapeAzureKey},
	OCI:   {name: "key_version_ocid", of: func(c *ExternalKeyConfig) *string { return &c.KeyVersionOCID }, shape: shapeOCID},
}

// fieldsOf a key of this cloud and purpose.
func fieldsOf(cloud Cloud, purpose KeyPurpose) []cloudField[ExternalKeyConfig] {
	fields := externalKeyFields[cloud]
	if version, ok := externalKeyVersions[cloud]; ok && purpose == PurposePSPDecryption {
		fields = append(fields[:len(fields):len(fields)], version)
	}
	return fields
}

// NewExternalKey is a key to register.
type NewExternalKey struct {
	Name    string
	Cloud   string
	Purpose string // "": ekm
	Config  ExternalKeyConfig
}

// checked returns the key that in describes, without an identity.
func (in NewExternalKey) checked() (ExternalKey, error) {
	if err := checkName("name", in.Name); err != nil {
		return ExternalKey{}, err
	}
	if err := fault.OneOf("type", in.Cloud, clouds); err != nil {
		return ExternalKey{}, err
	}
	k := ExternalKey{Name: in.Name, Cloud: Cloud(in.Cloud), Purpose: PurposeEKM}
	if in.Purpose != "" {
		if err := fault.OneOf("purpose", in.Purpose, KeyPurposes()); err != nil {
			return ExternalKey{}, err
		}
		k.Purpose = KeyPurpose(in.Purpose)
	}
	if version, ok := externalKeyVersions[k.Cloud]; ok && k.Purpose == PurposeEKM && *version.of(&in.Config) != "" {
		return ExternalKey{}, fault.Invalidf("invalid_value", version.name, "A key for '%s' names no version: '%s' is for '%s'.", PurposeEKM, version.name, PurposePSPDecryption)
	}
	var err error
	k.Config, err = checkCloudFields("", in.Config, fieldsOf(k.Cloud, k.Purpose))
	return k, err
}

// checkIntroduction refuses a key that weir would ask for as somebody it is not.
func (k *ExternalKey) checkIntroduction(ctx context.Context, r Reader) error {
	switch k.Cloud {
	case AWS:
		return checkOwnID(ctx, r, k.OrganizationID, "external_id", k.Config.ExternalID)
	case GCP:
		return checkOwnID(ctx, r, k.OrganizationID, "audience", k.Config.Audience)
	case Azure, OCI: // they know whom they trust
	}
	return nil
}

// RegisterExternalKey keeps where a key is. The cloud is not asked.
func (s *Service) RegisterExternalKey(ctx context.Context, actor audit.Actor, in NewExternalKey) (ExternalKey, error) {
	k, err := in.checked()
	if err != nil {
		return ExternalKey{}, err
	}
	k.ID, k.OrganizationID, k.CreatedAt = id.New(id.ExternalKey), actor.OrganizationID, s.Now()
	err = s.update(ctx, actor, func(tx Tx) error {
		if err := k.checkIntroduction(ctx, tx); err != nil {
			return err
		}
		tx.Record(event(audit.ExternalKeyRegistered, nil, details{ID: k.ID, Data: externalKeyData{
			Name: k.Name, Type: k.Cloud, Purpose: k.Purpose, ExternalKeyConfig: k.Config,
		}}))
		return tx.InsertExternalKey(ctx, k)
	})
	return k, err
}

// externalKeyData is a registration in the audit log.
type externalKeyData struct {
	Name    string     `json:"name"`
	Type    Cloud      `json:"type"`
	Purpose KeyPurpose `json:"purpose"`
	ExternalKeyConfig
}

// ExternalStatus is what a validation found.
type ExternalStatus string

// The statuses, by OpenAI's words. Degraded is for a cloud that answers in part,
// which weir does not ask.
const (
	ExternalPending   ExternalStatus = "pending" // not validated yet
	ExternalValidated ExternalStatus = "validated"
	ExternalUnhealthy ExternalStatus = "unhealthy"
)

func statusOf(healthy bool) ExternalStatus {
	if healthy {
		return ExternalValidated
	}
	return ExternalUnhealthy
}

// ValidateExternalKey checks all that can be known of a key without its cloud:
// that every part of the configuration has the form its cloud gives it, and that
// the organization or project it is asked for as is still there.
func (s *Service) ValidateExternalKey(ctx context.Context, actor audit.Actor, externalKeyID string) (ExternalStatus, error) {
	var status ExternalStatus
	err := s.update(ctx, actor, func(tx Tx) error {
		k, err := tx.ExternalKey(ctx, actor.OrganizationID, externalKeyID)
		if err != nil {
			return err
		}
		unknown := k.checkIntroduction(ctx, tx)
		if unknown != nil && !fault.Is(unknown, fault.Invalid) {
			return unknown
		}
		status = statusOf(unknown == nil && wellFormed(k.Config, fieldsOf(k.Cloud, k.Purpose)))
		tx.Record(event(audit.ExternalKeyValidated, nil, details{ID: k.ID, Data: map[string]any{"status": status}}))
		return nil
	})
	return status, err
}

// RemoveExternalKey forgets a key that no active project names, and returns what
// it was.
func (s *Service) RemoveExternalKey(ctx context.Context, actor audit.Actor, externalKeyID string) (ExternalKey, error) {
	var k ExternalKey
	err := s.update(ctx, actor, func(tx Tx) error {
		var err error
		if k, err = tx.ExternalKey(ctx, actor.OrganizationID, externalKeyID); err != nil {
			return err
		}
		if len(k.ProjectIDs) > 0 {
			return fault.Invalidf("external_key_in_use", "", "External key with ID '%s' is the key of project '%s'. Give the project another one first.", k.ID, k.ProjectIDs[0])
		}
		tx.Record(event(audit.ExternalKeyRemoved, nil, details{ID: k.ID}))
		return tx.DeleteExternalKey(ctx, actor.OrganizationID, k.ID)
	})
	return k, err
}

// ExternalKeys of an organization.
func (s *Service) ExternalKeys(ctx context.Context, organizationID string, f ExternalKeyFilter) (Rows[ExternalKey], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[ExternalKey], error) { return r.ExternalKeys(ctx, organizationID, f) })
}

// ExternalKey returns one external key.
func (s *Service) ExternalKey(ctx context.Context, organizationID, externalKeyID string) (ExternalKey, error) {
	return view(ctx, s.Store, func(r Reader) (ExternalKey, error) { return r.ExternalKey(ctx, organizationID, externalKeyID) })
}
