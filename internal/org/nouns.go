package org

import (
	"time"

	"weir/internal/access"
	"weir/internal/id"
)

// Organization is the tenant. Its default project takes what is scoped to no
// other project; it can be neither changed nor archived.
type Organization struct {
	ID               string
	Name             string
	DefaultProjectID string
	CreatedAt        time.Time
}

// User is a person of an organization.
//
// Role is the strongest predefined role the user is assigned itself; "" when
// only custom ones are, or groups give the rest. Inserting a user assigns Role;
// from then on it follows the assignments, and an update passes over it.
type User struct {
	ID               string
	OrganizationID   string
	Email            string
	Name             string
	Role             access.OrganizationRole
	PasswordHash     string // argon2id; "" when the user cannot sign in by password
	TechnicalLevel   string // as a client noted it; "": nothing
	DeveloperPersona string // as a client noted it; "": nothing
	CreatedAt        time.Time

	DeactivatedAt time.Time // zero: active; else what it holds is kept and of no use
	Directory     DirectoryEntry
}

// Active reports whether the user may sign in and have keys.
func (u *User) Active() bool { return u.DeactivatedAt.IsZero() }

// Project is who calls.
type Project struct {
	ID             string
	OrganizationID string
	Name           string
	ExternalKeyID  string    // "": none
	Residency      string    // "": none stated
	ArchivedAt     time.Time // zero: active
	CreatedAt      time.Time
}

// Archived reports whether the project can no longer be used or changed.
func (p *Project) Archived() bool { return !p.ArchivedAt.IsZero() }

// ServiceAccount is a caller that is not a person. It belongs to one project.
// Role is as a User's is, in that project; NoRole when there is none.
type ServiceAccount struct {
	ID             string
	OrganizationID string
	ProjectID      string
	Name           string
	Role           access.ProjectRole
	CreatedAt      time.Time
}

// Secret is what weir keeps of a key's secret: enough to recognise it, not
// enough to use it. While a rotation overlaps, the previous secret still works
// until PreviousUntil.
type Secret struct {
	Hash          id.Hash
	Redacted      string
	PreviousHash  id.Hash   // zero: none
	PreviousUntil time.Time // zero: none
}

// APIKey is a project's key. Exactly one of UserID and ServiceAccountID is set.
type APIKey struct {
	ID               string // tracking id; survives rotation
	OrganizationID   string
	ProjectID        string
	Name             string
	UserID           string
	ServiceAccountID string
	Scopes           []string // empty: everything its owner may do
	Secret
	ExpiresAt  time.Time // zero: never
	LastUsedAt time.Time // zero: never
	CreatedAt  time.Time
}

// AdminKey is a key for the Admin API. It acts as the user who owns it.
type AdminKey struct {
	ID             string
	OrganizationID string
	Name           string
	UserID         string
	Secret
	ExpiresAt  time.Time // zero: never
	LastUsedAt time.Time // zero: never
	CreatedAt  time.Time
}

// Session is a signed-in person. Only the hash of its cookie is kept.
type Session struct {
	ID             string
	OrganizationID string
	UserID         string
	TokenHash      id.Hash
	CSRFHash       id.Hash
	IPAddress      string
	UserAgent      string
	ExpiresAt      time.Time // however much it is used
	LastUsedAt     time.Time
	CreatedAt      time.Time
}

// PrincipalKind says what a principal is.
type PrincipalKind string

// The principals.
const (
	PrincipalUser           PrincipalKind = "user"
	PrincipalServiceAccount PrincipalKind = "service_account"
	PrincipalGroup          PrincipalKind = "group"
)

// WorkspaceMembership lets a principal use a workspace.
type WorkspaceMembership struct {
	OrganizationID string
	WorkspaceID    string
	PrincipalID    string
	PrincipalKind  PrincipalKind
	Role           access.WorkspaceRole
	CreatedAt      time.Time
}
