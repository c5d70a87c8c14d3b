package audit

// Action is a kind of change: weir's name for it, and the name under which the
// OpenAI-compatible log shows it ("" when it has none there).
type Action struct {
	Name string
	Type string
}

// same is an action that OpenAI's log has under the same name.
func same(name string) Action { return Action{Name: name, Type: name} }

// own is an action only weir's view shows.
func own(name string) Action { return Action{Name: "weir." + name} }

// The actions, named as OpenAI's audit log names them where it does.
var (
	APIKeyCreated = same("api_key.created")
	APIKeyUpdated = same("api_key.updated")
	APIKeyDeleted = same("api_key.deleted")

	CertificateCreated      = same("certificate.created")
	CertificateUpdated      = same("certificate.updated")
	CertificateDeleted      = same("certificate.deleted")
	CertificatesActivated   = same("certificates.activated")
	CertificatesDeactivated = same("certificates.deactivated")

	CheckpointPermissionCreated = same("checkpoint.permission.created")
	CheckpointPermissionDeleted = same("checkpoint.permission.deleted")

	ExternalKeyRegistered     = same("external_key.registered")
	ExternalKeyValidated      = own("external_key.validated")
	ExternalKeyRemoved        = same("external_key.removed")
	ExternalStorageRegistered = same("external_storage.registered")
	ExternalStorageValidated  = own("external_storage.validated")
	ExternalStorageRemoved    = same("external_storage.removed")

	InviteSent        = same("invite.sent")
	InviteAccepted    = same("invite.accepted")
	InviteDeleted     = same("invite.deleted")
	InviteLinkCreated = own("invite.link.created") // a new token

	IPAllowlistCreated              = same("ip_allowlist.created")
	IPAllowlistUpdated              = same("ip_allowlist.updated")
	IPAllowlistDeleted              = same("ip_allowlist.deleted")
	IPAllowlistsActivated           = same("ip_allowlist.config.activated")
	IPAllowlistsDeactivated         = same("ip_allowlist.config.deactivated")
	WorkloadIdentityProviderCreated = same("workload_identity_provider.created")
	WorkloadIdentityProviderUpdated = same("workload_identity_provider.updated")
	WorkloadIdentityProviderDeleted = same("workload_identity_provider.deleted")
	FederationRuleCreated           = same("workload_identity_provider_mapping.created")
	FederationRuleUpdated           = same("workload_identity_provider_mapping.updated")
	FederationRuleDeleted           = same("workload_identity_provider_mapping.deleted")
	WorkloadIdentityTokenExchanged  = own("workload_identity.token.exchanged")

	LoginSucceeded  = same("login.succeeded")
	LoginFailed     = same("login.failed")
	LogoutSucceeded = same("logout.succeeded")

	// AccessDenied are requests refused for who made them, DenialsOmitted the
	// number of those beyond the log's allowance.
	AccessDenied   = own("access.denied")
	DenialsOmitted = own("access.denials_omitted")

	// AuditPruned is the removal of the log's oldest events, by the retention
	// that was configured.
	AuditPruned = own("audit.pruned")

	OrganizationCreated = own("organization.created")
	OrganizationUpdated = same("organization.updated")

	ProjectCreated  = same("project.created")
	ProjectUpdated  = same("project.updated")
	ProjectArchived = same("project.archived")

	RateLimitUpdated = same("rate_limit.updated")
	RateLimitDeleted = same("rate_limit.deleted")

	ServiceAccountCreated = same("service_account.created")
	ServiceAccountUpdated = same("service_account.updated")
	ServiceAccountDeleted = same("service_account.deleted")

	UserAdded   = same("user.added")
	UserUpdated = same("user.updated")
	UserDeleted = same("user.deleted")

	GroupCreated = same("group.created")
	GroupUpdated = same("group.updated") // its name or its members
	GroupDeleted = same("group.deleted")

	RoleCreated           = same("role.created")
	RoleUpdated           = same("role.updated")
	RoleDeleted           = same("role.deleted")
	RoleAssignmentCreated = same("role.assignment.created")
	RoleAssignmentDeleted = same("role.assignment.deleted")

	SCIMEnabled      = same("scim.enabled") // by the first token
	SCIMDisabled     = same("scim.disabled")
	SCIMTokenCreated = own("scim_token.created")
	SCIMTokenDeleted = own("scim_token.deleted")

	SessionRevoked       = own("session.revoked")
	PasswordResetCreated = own("password_reset.created")

	SecondFactorEnrolled = own("user.totp.enrolled") // it counts once it is enabled
	SecondFactorEnabled  = own("user.totp.enabled")
	SecondFactorDisabled = own("user.totp.disabled")
	RecoveryCodesCreated = own("user.recovery_codes.created")
	RecoveryCodeUsed     = own("user.recovery_code.used")
	IdentityLinked       = own("user.identity.linked") // to an identity provider's subject
	IdentityUnlinked     = own("user.identity.unlinked")

	WorkspaceCreated       = own("workspace.created")
	WorkspaceUpdated       = own("workspace.updated")
	WorkspaceDeleted       = own("workspace.deleted")
	WorkspaceMemberAdded   = own("workspace.member.added")
	WorkspaceMemberUpdated = own("workspace.member.updated")
	WorkspaceMemberRemoved = own("workspace.member.removed")

	ConnectionCreated = own("connection.created")
	ConnectionUpdated = own("connection.updated")
	ConnectionDeleted = Action{Name: "weir.connection.deleted", Type: "resource.deleted"}

	NotificationChannelCreated = own("notification_channel.created")
	NotificationChannelUpdated = own("notification_channel.updated")
	NotificationChannelDeleted = own("notification_channel.deleted")
	NotificationChannelTested  = own("notification_channel.tested")

	ModelEndpointCreated = own("model_endpoint.created")
	ModelEndpointUpdated = own("model_endpoint.updated")
	ModelEndpointDeleted = Action{Name: "weir.model_endpoint.deleted", Type: "resource.deleted"}
)
