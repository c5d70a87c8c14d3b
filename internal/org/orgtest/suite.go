// Package orgtest says in tests what an org.Store must do, for every store to
// run.
package orgtest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/notify"
	"weir/internal/org"
	"weir/internal/routing"
)

// Run runs the suite. open returns an empty store; the suite closes none of
// them, so open leaves that to t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) org.Store) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s org.Store)
	}{
		{"every noun is kept as it was given", nouns},
		{"empty and absent stay apart", absence},
		{"every row comes to the snapshot", eachRow},
		{"organizations see their own", isolation},
		{"ids are of one project", projects},
		{"unique names are unique", uniqueness},
		{"users are found by address", addresses},
		{"filters of lists", filters},
		{"lists walk as they lie whole", paging},
		{"lists are walked while rows come and go", pagingMeanwhile},
		{"an unknown cursor is refused", cursors},
		{"keys are found by both secrets", secrets},
		{"the last use moves forward", touch},
		{"sessions end", sessions},
		{"sessions of a person", sessionsOfUser},
		{"a person has one password reset", passwordResets},
		{"a person has one second factor", secondFactors},
		{"a subject is one person", externalIdentities},
		{"groups are found by name", groupsByName},
		{"a sign-in's state is spent once", signInStates},
		{"deleting takes what belongs to it", cascades},
		{"what is in use stays", references},
		{"certificates are active where they were activated", certificates},
		{"IP allowlists are kept, and active ones found", ipAllowlists},
		{"invites are kept, and pending ones found", invites},
		{"what an identity provider keeps", scim},
		{"letters wait, and are claimed once", waitingLetters},
		{"notices wait, and are claimed once", notices},
		{"an alert is sent once", spendAlertFirings},
		{"checkpoints are for the projects they were given to", checkpointPermissions},
		{"what is registered of clouds is kept", external},
		{"rate limits are of an organization or a project", rateLimits},
		{"workload identity is kept", workloadIdentity},
		{"settings are of an organization or a project", settings},
		{"expired keys of one name go", expiredKeys},
		{"text no database keeps is refused or replaced", hostileText},
		{"an error leaves nothing", rollback},
		{"a refused statement cannot be overlooked", refused},
		{"a transaction reads its own writes", ownWrites},
		{"a view does not move", snapshot},
		{"versions count changes", versions},
		{"changes come in whole versions", wholeVersions},
		{"writers take turns", concurrentWriters},
		{"recorded events are complete", recorded},
		{"roles and groups are kept as they were given", accessNouns},
		{"roles that are shown follow assignments", rolesFollowAssignments},
		{"what is held is one's own and one's groups'", holdings},
		{"a user goes with all that is its own", userDeletion},
		{"the snapshot is given what owners of keys hold", heldRows},
		{"the chain verifies, each organization's", chains},
		{"events keep what was recorded", eventFields},
		{"the chain has an end, stretches and times", auditPlaces},
		{"the oldest events make way for a checkpoint", auditPruning},
		{"sinks come on in the log, one holder each", auditPushing},
		{"events are found by each filter, alone and combined", auditFilters},
		{"event pages add up to the log", auditPages},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

// tester is a *testing.T or a *rapid.T.
type tester interface {
	rapid.TB
	Context() context.Context
}

// epoch is when the suite's rows begin.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// clock hands out times that differ, in microseconds.
type clock struct{ n int64 }

func (c *clock) next() time.Time {
	c.n++
	return epoch.Add(time.Duration(c.n) * time.Microsecond)
}

// update runs fn as weir itself in an organization and wants it to commit.
func update(t tester, s org.Store, organizationID string, fn func(org.Tx) error) int64 {
	t.Helper()
	version, err := s.Update(t.Context(), audit.System(organizationID), fn)
	if err != nil {
		t.Fatalf("update: %v", err)
	}
	return version
}

// refuse wants fn not to commit and returns why.
func refuse(t tester, s org.Store, organizationID string, fn func(org.Tx) error) error {
	t.Helper()
	_, err := s.Update(t.Context(), audit.System(organizationID), fn)
	if err == nil {
		t.Fatal("the update commits")
	}
	return err
}

// view runs fn on the store.
func view(t tester, s org.Store, fn func(org.Reader) error) {
	t.Helper()
	if err := s.View(t.Context(), fn); err != nil {
		t.Fatalf("view: %v", err)
	}
}

func equal(t tester, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// wantFault wants err to be a fault with this kind, code and param.
func wantFault(t tester, what string, err error, kind fault.Kind, code, param string) {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != kind || f.Code != code || f.Param != param {
		t.Errorf("%s: got %v (%+v), want kind %d, code %q, param %q", what, err, f, kind, code, param)
	}
}

// wantNotFound wants err to be a fault of kind NotFound that says message.
func wantNotFound(t tester, err error, message string) {
	t.Helper()
	if !fault.Is(err, fault.NotFound) || err.Error() != message {
		t.Errorf("got %v, want not found: %s", err, message)
	}
}

// tenant is an organization with one of everything.
type tenant struct {
	clock     *clock
	org       org.Organization
	project   org.Project
	user      org.User
	account   org.ServiceAccount
	userKey   org.APIKey
	key       org.APIKey // the service account's
	adminKey  org.AdminKey
	session   org.Session
	workspace routing.Workspace
	member    org.WorkspaceMembership
	conn      routing.Connection
	endpoint  routing.ModelEndpoint

	certificate org.Certificate // active in project
	checkpoint  org.CheckpointPermission
	alert       org.SpendAlert // of project
	externalKey org.ExternalKey
	storage     org.ExternalStorage
	allowlist   org.IPAllowlist // of project
	invite      org.Invite
	scimToken   org.SCIMToken
	scimGroup   org.Group // without members
	provider    org.WorkloadIdentityProvider
	rule        org.FederationRule // for workload()
	channel     org.NotificationChannel
	delivery    notify.Delivery // to channel
}

// newTenant writes an organization with one of everything.
func newTenant(t tester, s org.Store, c *clock) *tenant {
	t.Helper()
	n := &tenant{clock: c}
	at := c.next()
	n.org = org.Organization{ID: id.At(id.Organization, at), Name: "Acme", CreatedAt: at}
	n.project = n.newProject()
	n.org.DefaultProjectID = n.project.ID
	n.user = n.newUser()
	n.account = n.newServiceAccount()
	n.userKey = n.newAPIKey(n.project.ID)
	n.key = n.newAPIKey(n.project.ID)
	n.key.UserID, n.key.ServiceAccountID = "", n.account.ID
	n.adminKey = n.newAdminKey()
	n.session = n.newSession()
	n.workspace = n.newWorkspace()
	n.member = n.newMembership(n.workspace.ID, n.user.ID)
	n.conn = n.newConnection()
	n.endpoint = n.newModelEndpoint()
	ctx := t.Context()
	update(t, s, n.org.ID, func(tx org.Tx) error {
		tx.Record(audit.Event{Action: "organization.created", Type: "organization.created", ResourceID: n.org.ID})
		return errors.Join(
			tx.InsertOrganization(ctx, n.org),
			tx.InsertProject(ctx, n.project),
			tx.InsertUser(ctx, n.user),
			tx.InsertServiceAccount(ctx, n.account),
			tx.InsertAPIKey(ctx, n.userKey),
			tx.InsertAPIKey(ctx, n.key),
			tx.InsertAdminKey(ctx, n.adminKey),
			tx.InsertSession(ctx, n.session),
			tx.InsertWorkspace(ctx, n.workspace),
			tx.PutWorkspaceMembership(ctx, n.member),
			tx.InsertConnection(ctx, n.conn),
			tx.InsertModelEndpoint(ctx, n.endpoint),
			n.insertFamilies(ctx, tx),
		)
	})
	return n
}

func (n *tenant) newProject() org.Project {
	at := n.clock.next()
	return org.Project{ID: id.At(id.Project, at), OrganizationID: n.org.ID, Name: "Project", ExternalKeyID: "ext-1", Residency: "GLOBAL", CreatedAt: at}
}

func (n *tenant) newUser() org.User {
	at := n.clock.next()
	return org.User{
		ID: id.At(id.User, at), OrganizationID: n.org.ID, Email: fmt.Sprintf("Person.%d@example.com", n.clock.n), Name: "Pérez",
		Role: access.OrganizationOwner, PasswordHash: "$argon2id$…", CreatedAt: at,
	}
}

func (n *tenant) newServiceAccount() org.ServiceAccount {
	at := n.clock.next()
	return org.ServiceAccount{
		ID: id.At(id.ServiceAccount, at), OrganizationID: n.org.ID, ProjectID: n.project.ID,
		Name: "Robot", Role: access.ProjectMember, CreatedAt: at,
	}
}

func newSecret() org.Secret {
	plain := id.Secret(id.ProjectSecret)
	return org.Secret{Hash: id.HashOf(plain), Redacted: id.Redact(plain)}
}

func (n *tenant) newAPIKey(projectID string) org.APIKey {
	at := n.clock.next()
	return org.APIKey{
		ID: id.At(id.Key, at), OrganizationID: n.org.ID, ProjectID: projectID, Name: "Key", UserID: n.user.ID,
		Scopes: []string{"api.model.request"}, Secret: newSecret(), ExpiresAt: at.Add(time.Hour), LastUsedAt: at.Add(time.Minute), CreatedAt: at,
	}
}

func (n *tenant) newAdminKey() org.AdminKey {
	at := n.clock.next()
	return org.AdminKey{
		ID: id.At(id.Key, at), OrganizationID: n.org.ID, Name: "Admin key", UserID: n.user.ID,
		Secret: newSecret(), ExpiresAt: at.Add(time.Hour), LastUsedAt: at.Add(time.Minute), CreatedAt: at,
	}
}

func (n *tenant) newSession() org.Session {
	at := n.clock.next()
	return org.Session{
		ID: id.At(id.Session, at), OrganizationID: n.org.ID, UserID: n.user.ID,
		TokenHash: id.HashOf(id.Secret("")), CSRFHash: id.HashOf(id.Secret("")),
		IPAddress: "192.0.2.1", UserAgent: "Browser/1", ExpiresAt: at.Add(time.Hour), LastUsedAt: at.Add(time.Minute), CreatedAt: at,
	}
}

func (n *tenant) newWorkspace() routing.Workspace {
	at := n.clock.next()
	return routing.Workspace{
		ID: id.At(id.Workspace, at), OrganizationID: n.org.ID, Name: fmt.Sprintf("workspace-%d", n.clock.n),
		ProjectIDs: []string{n.project.ID}, CreatedAt: at,
	}
}

func (n *tenant) newMembership(workspaceID, principalID string) org.WorkspaceMembership {
	return org.WorkspaceMembership{
		OrganizationID: n.org.ID, WorkspaceID: workspaceID, PrincipalID: principalID,
		PrincipalKind: org.PrincipalUser, Role: access.WorkspaceAdmin, CreatedAt: n.clock.next(),
	}
}

func (n *tenant) newConnection() routing.Connection {
	at := n.clock.next()
	return routing.Connection{
		ID: id.At(id.Connection, at), OrganizationID: n.org.ID, Name: "OpenAI", Description: "the account of sales",
		Provider: routing.OpenAI, BaseURL: "https://api.openai.com/v1",
		APIKey: routing.Sealed{0, 1, 254, 255}, APIKeyRedacted: "sk-...1234",
		AdminKey: routing.Sealed("admin"), AdminKeyRedacted: "sk-admin-...5678",
		Headers: routing.Sealed("headers"), HeaderNames: []string{"X-B", "X-A"},
		UpstreamOrganization: "org-up", UpstreamProject: "proj_up",
		WorkspaceIDs: []string{n.workspace.ID}, Models: []string{"gpt-z", "gpt-a"}, Discovered: []string{"gpt-a"},
		NoStreamUsage: true, Status: routing.StatusError, LastError: "no such key", ProbedAt: at.Add(time.Second), CreatedAt: at,
	}
}

func (n *tenant) newModelEndpoint() routing.ModelEndpoint {
	at := n.clock.next()
	return routing.ModelEndpoint{
		ID: id.At(id.ModelEndpoint, at), OrganizationID: n.org.ID, WorkspaceID: n.workspace.ID, Name: fmt.Sprintf("chat-%d", n.clock.n),
		Upstreams: []routing.Upstream{
			{ConnectionID: n.conn.ID, Model: "gpt-z", Priority: 1, Weight: 3}, {ConnectionID: n.conn.ID, Model: "gpt-a", Weight: 1},
		},
		Enabled: true, MaxOutputTokens: 1 << 40, Hangup: routing.HangupCancel,
		Timeouts: routing.Timeouts{ConnectMS: 1, FirstByteMS: 2, IdleMS: 3, TotalMS: 4}, Retries: 2, CreatedBy: n.user.ID, CreatedAt: at,
	}
}
