package access

// OrganizationRole is a predefined role at the organization.
type OrganizationRole string

// ProjectRole is a predefined role in a project.
type ProjectRole string

// WorkspaceRole is a role in a workspace.
type WorkspaceRole string

// The predefined roles. NoRole grants nothing.
const (
	OrganizationOwner  OrganizationRole = "owner"
	OrganizationReader OrganizationRole = "reader"

	ProjectOwner  ProjectRole = "owner"
	ProjectMember ProjectRole = "member"
	ProjectViewer ProjectRole = "viewer"
	NoRole        ProjectRole = "none"

	WorkspaceAdmin  WorkspaceRole = "admin"
	WorkspaceMember WorkspaceRole = "member"
)

// Permissions of the role, by OpenAI's published table of areas and preset
// roles; weir's own areas follow the nearest one (connections are organization
// administration, the request log goes with usage).
func (r OrganizationRole) Permissions() Set {
	switch r {
	case OrganizationOwner:
		return NewSet(
			ManagementRead, ManagementWrite, UsageRead,
			ProjectRead, ProjectWrite,
			ServiceAccountsRead, ServiceAccountsWrite,
			APIKeysRead, APIKeysWrite,
			ModelsRead, ModelsRequest,
			ConnectionsRead, ConnectionsWrite,
			WorkspacesRead, WorkspacesWrite,
			ModelEndpointsRead, ModelEndpointsWrite,
			RequestsRead,
			CertificatesRead, CertificatesWrite, CheckpointsRead, CheckpointsWrite,
			ExternalKeysRead, ExternalKeysWrite, ExternalStorageRead, ExternalStorageWrite,
			IPAllowlistsRead, IPAllowlistsWrite,
			RateLimitsRead, RateLimitsWrite, BillingRead, BillingWrite,
			ProjectModelsRead, ProjectModelsWrite,
		)
	case OrganizationReader:
		return NewSet(ModelsRead)
	}
	return nil
}

// Permissions of the role within its project.
func (r ProjectRole) Permissions() Set {
	switch r {
	case ProjectOwner:
		return NewSet(
			ProjectRead, ProjectWrite,
			ServiceAccountsRead, ServiceAccountsWrite,
			APIKeysRead, APIKeysWrite,
			ModelsRead, ModelsRequest,
			ProjectModelsRead, ProjectModelsWrite,
		)
	case ProjectMember:
		return NewSet(APIKeysRead, APIKeysWrite, ModelsRead, ModelsRequest)
	case ProjectViewer:
		return NewSet(APIKeysRead, ModelsRead)
	}
	return nil
}

// Permissions of the role within its workspace: any member may put model
// endpoints on the workspace's connections, without ever seeing a key.
func (r WorkspaceRole) Permissions() Set {
	switch r {
	case WorkspaceAdmin:
		return NewSet(
			ConnectionsRead, ConnectionsWrite,
			WorkspacesRead, WorkspacesWrite,
			ModelEndpointsRead, ModelEndpointsWrite,
		)
	case WorkspaceMember:
		return NewSet(ConnectionsRead, WorkspacesRead, ModelEndpointsRead, ModelEndpointsWrite)
	}
	return nil
}
