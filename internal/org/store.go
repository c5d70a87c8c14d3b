package org

import (
	"context"
	"time"

	"weir/internal/audit"
	"weir/internal/id"
	"weir/internal/mail"
	"weir/internal/notify"
	"weir/internal/routing"
)

// Store keeps the control plane. Implementations pass the orgtest suite.
//
// Errors: an id that does not resolve within its organization (and project,
// where one is given) is a fault of kind NotFound that names it; a broken
// uniqueness rule is a fault of kind Invalid; anything else is internal.
type Store interface {
	// View runs fn on a consistent reading of the store.
	View(ctx context.Context, fn func(Reader) error) error

	// Update runs fn in one transaction on behalf of actor and returns the
	// change-feed version it committed as. The audit events given to
	// Tx.Record are sealed into the organization's chain and committed with the
	// rows. When fn returns an error nothing is kept. Writers are serialised
	// per store, so versions commit in their order. A transaction that changed
	// nothing the feed carries commits without a version of its own and
	// returns the latest.
	Update(ctx context.Context, actor audit.Actor, fn func(Tx) error) (version int64, err error)

	// Version returns the latest committed change-feed version.
	Version(ctx context.Context) (int64, error)
	// Changes returns the changes after version, oldest first, whole versions
	// only, and at least one version when there is one.
	Changes(ctx context.Context, after int64, limit int) ([]Change, error)

	// TouchKeys sets the last use of project keys, admin keys, SCIM tokens and sessions, by
	// id, where it is later than what is known. It is not a change of the control plane:
	// no audit, no version.
	TouchKeys(ctx context.Context, used map[string]time.Time) error

	AuditPushStore
	mail.Store
	notify.Store

	Ping(ctx context.Context) error
	Close() error
}

// ChangeKind says what sort of object a change is about.
type ChangeKind string

// The objects the change feed carries: all that the gateway and identity look up.
const (
	ChangeOrganization   ChangeKind = "organization"
	ChangeUser           ChangeKind = "user"
	ChangeProject        ChangeKind = "project"
	ChangeServiceAccount ChangeKind = "service_account"
	ChangeAPIKey         ChangeKind = "api_key"
	ChangeWorkspace      ChangeKind = "workspace" // the workspace or its members
	ChangeConnection     ChangeKind = "connection"
	ChangeModelEndpoint  ChangeKind = "model_endpoint"
	ChangeRole           ChangeKind = "role"     // a custom role
	ChangeStanding       ChangeKind = "standing" // of a principal: what it is assigned, and its groups
)

// Change says that an object was inserted, updated or deleted; its reader looks
// up what it is now.
type Change struct {
	Version        int64
	OrganizationID string
	Kind           ChangeKind
	ID             string
}

// Rows is one page of a list. More is exact: there is at least one row beyond.
type Rows[T any] struct {
	Items []T
	More  bool
}

// Page says which part of a list is wanted. Lists are ordered by (created_at,
// id), newest first unless Ascending. After is the id of the last row seen, or
// Before that of the first; an id the list does not have is a fault of kind
// Invalid with param "after" or "before". Limit is at least 1.
type Page struct {
	After     string
	Before    string
	Limit     int
	Ascending bool
}

// ProjectFilter selects projects.
type ProjectFilter struct {
	Page
	IncludeArchived bool
	IDs             []string // nil: every project
}

// UserFilter selects users. Emails are exact matches; several are OR.
type UserFilter struct {
	Page
	Emails []string
}

// APIKeyFilter selects keys of a project.
type APIKeyFilter struct {
	Page
	ServiceAccountID string // only keys of this service account
	UserID           string // only keys of this user
}

// ModelEndpointFilter selects model endpoints; nil WorkspaceIDs means all.
type ModelEndpointFilter struct {
	Page
	WorkspaceIDs []string
}

// ConnectionFilter selects connections; nil WorkspaceIDs means all.
type ConnectionFilter struct {
	Page
	WorkspaceIDs []string
}

// Reader reads the control plane. Methods with an organization never answer
// rows of another.
type Reader interface {
	AccessReader

	Organization(ctx context.Context, organizationID string) (Organization, error)
	// Organizations returns all of them, oldest first.
	Organizations(ctx context.Context) ([]Organization, error)

	User(ctx context.Context, organizationID, userID string) (User, error)
	// UserByEmail ignores the letters' case.
	UserByEmail(ctx context.Context, organizationID, email string) (User, error)
	// UsersByEmail finds the users of that address in every organization: a
	// sign-in does not name one.
	UsersByEmail(ctx context.Context, email string) ([]User, error)
	Users(ctx context.Context, organizationID string, f UserFilter) (Rows[User], error)

	Project(ctx context.Context, organizationID, projectID string) (Project, error)
	Projects(ctx context.Context, organizationID string, f ProjectFilter) (Rows[Project], error)

	ServiceAccount(ctx context.Context, organizationID, projectID, serviceAccountID string) (ServiceAccount, error)
	// ServiceAccountByID finds it in whichever project it is.
	ServiceAccountByID(ctx context.Context, organizationID, serviceAccountID string) (ServiceAccount, error)
	ServiceAccounts(ctx context.Context, organizationID, projectID string, p Page) (Rows[ServiceAccount], error)

	APIKey(ctx context.Context, organizationID, projectID, keyID string) (APIKey, error)
	// APIKeyByID finds it in whichever project it is.
	APIKeyByID(ctx context.Context, organizationID, keyID string) (APIKey, error)
	// APIKeyByHash finds the key by its present or previous secret.
	APIKeyByHash(ctx context.Context, hash id.Hash) (APIKey, error)
	APIKeys(ctx context.Context, organizationID, projectID string, f APIKeyFilter) (Rows[APIKey], error)

	AdminKey(ctx context.Context, organizationID, keyID string) (AdminKey, error)
	// AdminKeyByHash finds the key by its present or previous secret.
	AdminKeyByHash(ctx context.Context, hash id.Hash) (AdminKey, error)
	AdminKeys(ctx context.Context, organizationID string, p Page) (Rows[AdminKey], error)

	SessionReader
	PasswordResetReader
	SecondFactorReader
	ExternalIdentityReader

	Workspace(ctx context.Context, organizationID, workspaceID string) (routing.Workspace, error)
	WorkspaceByName(ctx context.Context, organizationID, name string) (routing.Workspace, error)
	// Workspaces lists those with the ids, or all when ids is nil.
	Workspaces(ctx context.Context, organizationID string, ids []string, p Page) (Rows[routing.Workspace], error)
	WorkspaceMembership(ctx context.Context, organizationID, workspaceID, principalID string) (WorkspaceMembership, error)
	// WorkspaceMemberships lists a workspace's members; Page.After is a principal id.
	WorkspaceMemberships(ctx context.Context, organizationID, workspaceID string, p Page) (Rows[WorkspaceMembership], error)
	// MembershipsOf returns every workspace membership of a principal, its own
	// and its groups'.
	MembershipsOf(ctx context.Context, organizationID, principalID string) ([]WorkspaceMembership, error)

	Connection(ctx context.Context, organizationID, connectionID string) (routing.Connection, error)
	Connections(ctx context.Context, organizationID string, f ConnectionFilter) (Rows[routing.Connection], error)

	ModelEndpoint(ctx context.Context, organizationID, modelEndpointID string) (routing.ModelEndpoint, error)
	ModelEndpoints(ctx context.Context, organizationID string, f ModelEndpointFilter) (Rows[routing.ModelEndpoint], error)
	// ModelEndpointsOn returns those with an upstream on the connection.
	ModelEndpointsOn(ctx context.Context, organizationID, connectionID string) ([]routing.ModelEndpoint, error)

	CertificateReader
	CheckpointPermissionReader
	ExternalReader
	IPAllowlistReader
	InviteReader
	RateLimitReader
	WorkloadIdentityReader
	SettingsReader
	NotificationReader
	SCIMReader

	AuditReader
	// AuditEvents answers newest first.
	AuditEvents(ctx context.Context, organizationID string, q audit.Query) (Rows[audit.Event], error)
	// AuditChain calls fn with every event after sequence, oldest first. As in
	// the Each methods, rows arrive while fn runs: it must not use the Reader,
	// and an error it returns ends the reading and is returned. So does an
	// *audit.BrokenError when what the store keeps beside an event does not fit it.
	AuditChain(ctx context.Context, organizationID string, after int64, fn func(audit.Event) error) error

	// The Each methods call fn with every row of every organization: the
	// gateway's snapshot is built from them.
	EachProject(ctx context.Context, fn func(Project) error) error
	EachAPIKey(ctx context.Context, fn func(APIKey) error) error
	EachConnection(ctx context.Context, fn func(routing.Connection) error) error
}

// Tx reads and writes within one unit of work. Every write registers itself
// with the change feed. Update methods replace the row with that id; updating
// or deleting a row that is not there is a fault of kind NotFound.
type Tx interface {
	Reader
	AuditTx
	AccessTx

	// Record adds audit events to what is committed. ID, EffectiveAt and Actor
	// are filled in where empty.
	Record(events ...audit.Event)

	InsertOrganization(ctx context.Context, o Organization) error

	InsertUser(ctx context.Context, u User) error
	UpdateUser(ctx context.Context, u User) error

	InsertProject(ctx context.Context, p Project) error
	UpdateProject(ctx context.Context, p Project) error

	InsertServiceAccount(ctx context.Context, s ServiceAccount) error
	UpdateServiceAccount(ctx context.Context, s ServiceAccount) error
	// DeleteServiceAccount removes its assignments and memberships too; its keys
	// and federation rules must be gone.
	DeleteServiceAccount(ctx context.Context, organizationID, projectID, serviceAccountID string) error

	InsertAPIKey(ctx context.Context, k APIKey) error
	UpdateAPIKey(ctx context.Context, k APIKey) error
	DeleteAPIKey(ctx context.Context, organizationID, projectID, keyID string) error
	// DeleteAPIKeysOf removes the keys of a service account and returns their ids.
	DeleteAPIKeysOf(ctx context.Context, organizationID, projectID, serviceAccountID string) ([]string, error)

	InsertAdminKey(ctx context.Context, k AdminKey) error
	UpdateAdminKey(ctx context.Context, k AdminKey) error
	DeleteAdminKey(ctx context.Context, organizationID, keyID string) error

	SessionWriter
	PasswordResetWriter
	SecondFactorWriter
	ExternalIdentityWriter

	InsertWorkspace(ctx context.Context, w routing.Workspace) error
	UpdateWorkspace(ctx context.Context, w routing.Workspace) error
	// DeleteWorkspace removes its memberships too; nothing may live in it.
	DeleteWorkspace(ctx context.Context, organizationID, workspaceID string) error
	// PutWorkspaceMembership inserts or replaces.
	PutWorkspaceMembership(ctx context.Context, m WorkspaceMembership) error
	DeleteWorkspaceMembership(ctx context.Context, organizationID, workspaceID, principalID string) error

	InsertConnection(ctx context.Context, c routing.Connection) error
	UpdateConnection(ctx context.Context, c routing.Connection) error
	DeleteConnection(ctx context.Context, organizationID, connectionID string) error

	InsertModelEndpoint(ctx context.Context, m routing.ModelEndpoint) error
	UpdateModelEndpoint(ctx context.Context, m routing.ModelEndpoint) error
	DeleteModelEndpoint(ctx context.Context, organizationID, modelEndpointID string) error

	CertificateWriter
	CheckpointPermissionWriter
	ExternalWriter
	IPAllowlistWriter
	InviteWriter
	MailWriter
	RateLimitWriter
	WorkloadIdentityWriter
	SettingsWriter
	NotificationWriter
	SpendAlertFirings
	SCIMWriter
}
