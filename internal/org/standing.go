package org

import (
	"context"
	"time"

	"weir/internal/access"
)

// Role is a named set of permissions that can be assigned.
type Role struct {
	ID             string
	OrganizationID string
	ProjectID      string // "": a role of the organization
	Name           string
	Description    string              // "": none
	Permissions    []access.Permission // sorted
	Predefined     bool
	CreatedBy      string    // a principal; "" for predefined roles and weir itself
	CreatedAt      time.Time // zero for predefined roles
	UpdatedAt      time.Time
}

// ResourceType is what the role is of.
func (r *Role) ResourceType() access.ResourceType {
	if r.ProjectID != "" {
		return access.OfProject
	}
	return access.OfOrganization
}

// ResourceID is the organization or project the role is of.
func (r *Role) ResourceID() string {
	if r.ProjectID != "" {
		return r.ProjectID
	}
	return r.OrganizationID
}

// RoleAssignment gives a principal a role at the organization or in a project.
// All that anybody may do comes from these and from workspace memberships.
type RoleAssignment struct {
	OrganizationID string
	ProjectID      string // "": at the organization
	PrincipalID    string
	PrincipalKind  PrincipalKind
	RoleID         string
	CreatedBy      string // a principal; "" for weir itself
	CreatedAt      time.Time
}

// Holding is a role that a principal holds. Permissions are a custom role's;
// what a predefined one gives, its id says.
type Holding struct {
	ProjectID   string // "": at the organization
	RoleID      string
	Permissions []access.Permission
}

// Group is a set of users and service accounts that roles are assigned to
// together.
type Group struct {
	ID             string
	OrganizationID string
	Name           string
	SCIMManaged    bool      // an identity provider keeps it; it refuses edits elsewhere
	ExternalID     string    // what the provider calls it; "": nothing
	UpdatedAt      time.Time // when the provider changed it or its members last; zero: never
	CreatedAt      time.Time
}

// GroupMember is a user or service account in a group.
type GroupMember struct {
	OrganizationID string
	GroupID        string
	PrincipalID    string
	PrincipalKind  PrincipalKind
	CreatedAt      time.Time
}

// ProjectMember is a user or a group with at least one assignment of its own in
// a project, since the first of them.
type ProjectMember struct {
	OrganizationID string
	ProjectID      string
	PrincipalID    string
	PrincipalKind  PrincipalKind
	CreatedAt      time.Time
	Role           access.ProjectRole // the strongest predefined one; NoRole: custom ones only
}

// ProjectMembership is a project that a principal is in.
type ProjectMembership struct {
	ProjectMember
	ProjectName string
}

// LastUsed is when any of a user's keys was used last.
type LastUsed struct {
	UserID string
	At     time.Time
}

// RevokedKey is a key that went with its owner. ProjectID is "" for an admin key.
type RevokedKey struct {
	ID        string
	ProjectID string
}

// GrantsOf works out what a principal may do, from what it is assigned itself
// and through groups.
func GrantsOf(ctx context.Context, r Reader, organizationID, principalID string) (access.Grants, error) {
	var grants access.Grants
	holdings, err := r.Holdings(ctx, organizationID, principalID)
	for _, h := range holdings {
		h.addTo(&grants)
	}
	return grants, err
}

func (h *Holding) addTo(grants *access.Grants) {
	if role, ok := access.ParseRoleID(h.RoleID); ok {
		grants.AddPredefined(role)
		return
	}
	holds := access.NewSet(h.Permissions...)
	if h.ProjectID == "" {
		grants.AddOrganizationRole(holds)
	} else {
		grants.AddProjectRole(h.ProjectID, holds)
	}
}
