package access

// Areas of administration that OpenAI's table of roles gives to the owner of an
// organization alone, projects' owners left out.
const (
	CertificatesRead  Permission = "api.mtls.read"
	CertificatesWrite Permission = "api.mtls.write"

	CheckpointsRead  Permission = "api.fine_tuning.checkpoints.read" // who may use a fine-tuned checkpoint
	CheckpointsWrite Permission = "api.fine_tuning.checkpoints.write"

	IPAllowlistsRead  Permission = "api.ip_allowlist.read"
	IPAllowlistsWrite Permission = "api.ip_allowlist.write"

	ExternalKeysRead     Permission = "api.external_keys.read"
	ExternalKeysWrite    Permission = "api.external_keys.write"
	ExternalStorageRead  Permission = "api.external_storage.read"
	ExternalStorageWrite Permission = "api.external_storage.write"

	SCIMRead  Permission = "weir.scim.read" // the tokens of identity providers
	SCIMWrite Permission = "weir.scim.write"

	WorkloadIdentityRead  Permission = "api.workload_identity.read"
	WorkloadIdentityWrite Permission = "api.workload_identity.write"
)
