package access

import "maps"

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

// preset gathers what the table of areas gives a role.
func preset(column func(*area) string) Set {
	s := Set{}
	for i := range areas {
		for _, p := range areas[i].permissions(column(&areas[i])) {
			s[p] = struct{}{}
		}
	}
	return s
}

// The presets are made once; nobody changes them.
var (
	ownerPreset         = preset(func(a *area) string { return a.orgOwner })
	readerPreset        = preset(func(a *area) string { return a.orgReader })
	projectOwnerPreset  = preset(func(a *area) string { return a.owner })
	projectMemberPreset = preset(func(a *area) string { return a.member })
	projectViewerPreset = preset(func(a *area) string { return a.viewer })

	readerReach = NewSet(ModelsRead, GroupsRead, RolesRead)
)

// Permissions of the role, by the table of areas.
func (r OrganizationRole) Permissions() Set { return maps.Clone(r.preset()) }

func (r OrganizationRole) preset() Set {
	switch r {
	case OrganizationOwner:
		return ownerPreset
	case OrganizationReader:
		return readerPreset
	}
	return nil
}

// Reach is what of the role's permissions holds in every project too. An
// owner's all do. Everybody in an organization is at least a reader, so of a
// reader's only those do that list what there is: else project membership would
// decide nothing, and a project's viewer could call models.
func (r OrganizationRole) Reach() Set { return maps.Clone(r.reach()) }

func (r OrganizationRole) reach() Set {
	if r == OrganizationReader {
		return readerReach
	}
	return r.preset()
}

// Permissions of the role within its project, by the table of areas.
func (r ProjectRole) Permissions() Set { return maps.Clone(r.preset()) }

func (r ProjectRole) preset() Set {
	switch r {
	case ProjectOwner:
		return projectOwnerPreset
	case ProjectMember:
		return projectMemberPreset
	case ProjectViewer:
		return projectViewerPreset
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
