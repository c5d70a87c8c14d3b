package access

import "strings"

// Predefined names one of the predefined roles of an organization or project.
// Exactly one of Organization and Project is set.
type Predefined struct {
	Organization OrganizationRole
	Project      ProjectRole
	Resource     string // the id of the organization or project
}

const (
	organizationRolePrefix = "role-api-organization-"
	organizationRoleInfix  = "__api-organization__"
	projectRolePrefix      = "role-api-project-"
	projectRoleInfix       = "__api-project__"
)

// ID is the id of the role in an organization, in the form OpenAI gives it.
func (r OrganizationRole) ID(organizationID string) string {
	return organizationRolePrefix + string(r) + organizationRoleInfix + organizationID
}

// ID is the id of the role in a project, in the form OpenAI gives it.
func (r ProjectRole) ID(projectID string) string {
	return projectRolePrefix + string(r) + projectRoleInfix + projectID
}

// ParseRoleID reads the id of a predefined role; ok is false for a custom one's.
func ParseRoleID(id string) (role Predefined, ok bool) {
	if rest, found := strings.CutPrefix(id, organizationRolePrefix); found {
		name, resource, cut := strings.Cut(rest, organizationRoleInfix)
		role = Predefined{Organization: OrganizationRole(name), Resource: resource}
		return role, cut && role.Organization.strength() > 0
	}
	rest, found := strings.CutPrefix(id, projectRolePrefix)
	name, resource, cut := strings.Cut(rest, projectRoleInfix)
	role = Predefined{Project: ProjectRole(name), Resource: resource}
	return role, found && cut && role.Project.strength() > 0
}

// Permissions of the role in its organization or project.
func (p Predefined) Permissions() Set {
	if p.Organization != "" {
		return p.Organization.Permissions()
	}
	return p.Project.Permissions()
}

// Mask of the role's permissions.
func (p Predefined) Mask() Mask {
	if p.Organization != "" {
		return MaskOf(p.Organization.preset())
	}
	return MaskOf(p.Project.preset())
}

// strength orders the roles; 0 is no role.
func (r OrganizationRole) strength() int {
	switch r {
	case OrganizationOwner:
		return 2
	case OrganizationReader:
		return 1
	}
	return 0
}

func (r ProjectRole) strength() int {
	switch r {
	case ProjectOwner:
		return 3
	case ProjectMember:
		return 2
	case ProjectViewer:
		return 1
	}
	return 0
}

// Stronger returns the stronger of two roles. "" and NoRole are weaker than any.
func (r ProjectRole) Stronger(other ProjectRole) ProjectRole {
	if other.strength() > r.strength() {
		return other
	}
	return r
}

// Stronger returns the stronger of two roles; "" is weaker than any.
func (r OrganizationRole) Stronger(other OrganizationRole) OrganizationRole {
	if other.strength() > r.strength() {
		return other
	}
	return r
}
