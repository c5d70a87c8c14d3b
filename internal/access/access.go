// Package access holds every permission, the predefined roles, and the one
// function that decides. It is pure: what a caller holds is worked out
// elsewhere and passed in.
package access

import "strings"

// Permission is one thing a caller may do. Names starting with api. are
// OpenAI's; weir. names cover what OpenAI's API has no words for.
type Permission string

// The permissions that endpoints ask for.
const (
	// Authenticated asks for a known caller and nothing more.
	Authenticated Permission = ""

	ManagementRead  Permission = "api.management.read" // users, projects, invites, admin keys, audit log
	ManagementWrite Permission = "api.management.write"
	UsageRead       Permission = "api.usage.read" // usage and costs

	GroupsRead  Permission = "api.groups.read"
	GroupsWrite Permission = "api.groups.write"
	RolesRead   Permission = "api.roles.read" // roles and who they are assigned to
	RolesWrite  Permission = "api.roles.write"

	ProjectRead          Permission = "api.project.read" // one project's administration
	ProjectWrite         Permission = "api.project.write"
	ServiceAccountsRead  Permission = "api.organization.projects.service_accounts.read"
	ServiceAccountsWrite Permission = "api.organization.projects.service_accounts.write"
	APIKeysRead          Permission = "api.organization.projects.api_keys.read"
	APIKeysWrite         Permission = "api.organization.projects.api_keys.write"

	ModelsRead    Permission = "api.model.read"    // list models
	ModelsRequest Permission = "api.model.request" // call them

	ConnectionsRead     Permission = "weir.connections.read"
	ConnectionsWrite    Permission = "weir.connections.write"
	WorkspacesRead      Permission = "weir.workspaces.read"
	WorkspacesWrite     Permission = "weir.workspaces.write" // the workspace and its members
	ModelEndpointsRead  Permission = "weir.model_endpoints.read"
	ModelEndpointsWrite Permission = "weir.model_endpoints.write"
	RequestsRead        Permission = "weir.requests.read" // the request log
)

// Set is a set of permissions. The nil Set is empty.
type Set map[Permission]struct{}

// NewSet returns the set of ps.
func NewSet(ps ...Permission) Set {
	s := make(Set, len(ps))
	for _, p := range ps {
		s[p] = struct{}{}
	}
	return s
}

// Has reports whether p is in s.
func (s Set) Has(p Permission) bool {
	_, ok := s[p]
	return ok
}

// Scope is where a permission is asked for. The zero Scope is the organization.
type Scope struct {
	ProjectID   string
	WorkspaceID string
}

// ValidScope reports whether s can stand in a key's scopes: a permission by
// OpenAI's pattern (api.<area>.<verb>) or one of weir's own. OpenAI publishes
// no closed list, so the pattern decides.
func ValidScope(s string) bool {
	parts := strings.Split(s, ".")
	if len(parts) < 3 || (parts[0] != "api" && parts[0] != "weir") {
		return false
	}
	for _, part := range parts {
		if part == "" || strings.Trim(part, "abcdefghijklmnopqrstuvwxyz_") != "" {
			return false
		}
	}
	switch parts[len(parts)-1] {
	case "read", "write", "request", "use", "manage":
		return true
	}
	return false
}
