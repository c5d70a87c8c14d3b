package orgtest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"weir/internal/access"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/org"
	"weir/internal/routing"
)

// noun is how one kind of row is written and read. update and remove are nil
// where the store has no such method.
type noun[T any] struct {
	label string // as messages have it
	kind  org.ChangeKind
	id    func(T) string
	// changed is the id under which the change feed has it; nil: its own.
	changed func(T) string
	create  func() T
	change  func(*T)
	get     func(ctx context.Context, r org.Reader, v T) (T, error)
	insert  func(ctx context.Context, tx org.Tx, v T) error
	update  func(ctx context.Context, tx org.Tx, v T) error
	remove  func(ctx context.Context, tx org.Tx, v T) error
}

// check takes a row through its life.
func (n noun[T]) check(t *testing.T, s org.Store, organizationID string) {
	t.Run(n.label, func(t *testing.T) {
		ctx := t.Context()
		v := n.create()
		missing := n.label + " with ID '" + n.id(v) + "' not found."
		is := func(what string, want T) {
			t.Helper()
			view(t, s, func(r org.Reader) error {
				got, err := n.get(ctx, r, want)
				equal(t, what, got, want)
				return err
			})
		}
		gone := func() {
			t.Helper()
			view(t, s, func(r org.Reader) error {
				_, err := n.get(ctx, r, v)
				wantNotFound(t, err, missing)
				return nil
			})
		}
		carried := func(write func(context.Context, org.Tx, T) error, v T) {
			t.Helper()
			before, err := s.Version(ctx)
			if err != nil {
				t.Fatal(err)
			}
			version := update(t, s, organizationID, func(tx org.Tx) error { return write(ctx, tx, v) })
			changes, err := s.Changes(ctx, before, 100)
			if err != nil {
				t.Fatal(err)
			}
			var want []org.Change
			if n.kind != "" {
				want = []org.Change{{Version: before + 1, OrganizationID: organizationID, Kind: n.kind, ID: n.id(v)}}
				if n.changed != nil {
					want[0].ID = n.changed(v)
				}
			}
			equal(t, "change feed", changes, want)
			equal(t, "version", version, before+int64(len(want)))
		}

		gone()
		carried(n.insert, v)
		is("inserted", v)
		if err := refuse(t, s, organizationID, func(tx org.Tx) error { return n.insert(ctx, tx, v) }); !fault.Is(err, fault.Invalid) {
			t.Errorf("inserting it again: %v, want invalid", err)
		}
		if n.update != nil {
			stranger := n.create()
			wantNotFound(t, refuse(t, s, organizationID, func(tx org.Tx) error { return n.update(ctx, tx, stranger) }),
				n.label+" with ID '"+n.id(stranger)+"' not found.")
			n.change(&v)
			carried(n.update, v)
			is("updated", v)
		}
		if n.remove != nil {
			carried(n.remove, v)
			gone()
			wantNotFound(t, refuse(t, s, organizationID, func(tx org.Tx) error { return n.remove(ctx, tx, v) }), missing)
		}
	})
}

func nouns(t *testing.T, s org.Store) {
	c := &clock{}
	n := newTenant(t, s, c)
	o := n.org.ID
	noun[org.User]{
		label: "User", kind: org.ChangeUser, id: func(v org.User) string { return v.ID }, create: n.newUser,
		change: func(v *org.User) {
			v.Email, v.Name, v.PasswordHash = "other@example.com", "", ""
			v.TechnicalLevel, v.DeveloperPersona = "expert", "data"
		},
		get:    func(ctx context.Context, r org.Reader, v org.User) (org.User, error) { return r.User(ctx, o, v.ID) },
		insert: func(ctx context.Context, tx org.Tx, v org.User) error { return tx.InsertUser(ctx, v) },
		update: func(ctx context.Context, tx org.Tx, v org.User) error { return tx.UpdateUser(ctx, v) },
	}.check(t, s, o)
	noun[org.Project]{
		label: "Project", kind: org.ChangeProject, id: func(v org.Project) string { return v.ID }, create: n.newProject,
		change: func(v *org.Project) {
			v.Name, v.ExternalKeyID, v.Residency, v.ArchivedAt = "Renamed", "", "", c.next()
		},
		get: func(ctx context.Context, r org.Reader, v org.Project) (org.Project, error) {
			return r.Project(ctx, o, v.ID)
		},
		insert: func(ctx context.Context, tx org.Tx, v org.Project) error { return tx.InsertProject(ctx, v) },
		update: func(ctx context.Context, tx org.Tx, v org.Project) error { return tx.UpdateProject(ctx, v) },
	}.check(t, s, o)
	noun[org.ServiceAccount]{
		label: "Service account", kind: org.ChangeServiceAccount, id: func(v org.ServiceAccount) string { return v.ID }, create: n.newServiceAccount,
		change: func(v *org.ServiceAccount) { v.Name = "Renamed" },
		get: func(ctx context.Context, r org.Reader, v org.ServiceAccount) (org.ServiceAccount, error) {
			byID, err := r.ServiceAccountByID(ctx, o, v.ID)
			found, err2 := r.ServiceAccount(ctx, o, v.ProjectID, v.ID)
			equal(t, "by id alone", byID, found)
			equal(t, "error by id alone", err, err2)
			return found, err2
		},
		insert: func(ctx context.Context, tx org.Tx, v org.ServiceAccount) error {
			return tx.InsertServiceAccount(ctx, v)
		},
		update: func(ctx context.Context, tx org.Tx, v org.ServiceAccount) error {
			return tx.UpdateServiceAccount(ctx, v)
		},
		remove: func(ctx context.Context, tx org.Tx, v org.ServiceAccount) error {
			return tx.DeleteServiceAccount(ctx, o, v.ProjectID, v.ID)
		},
	}.check(t, s, o)
	noun[org.APIKey]{
		label: "API key", kind: org.ChangeAPIKey, id: func(v org.APIKey) string { return v.ID },
		create: func() org.APIKey { return n.newAPIKey(n.project.ID) },
		change: func(v *org.APIKey) {
			v.Name, v.UserID, v.ServiceAccountID, v.Scopes = "", "", n.account.ID, []string{"api.model.read", "api.model.request"}
			v.PreviousHash, v.PreviousUntil, v.Secret.Hash, v.Redacted = v.Hash, c.next(), id.HashOf("new"), "sk-...new"
			v.ExpiresAt, v.LastUsedAt = time.Time{}, time.Time{}
		},
		get: func(ctx context.Context, r org.Reader, v org.APIKey) (org.APIKey, error) {
			byID, err := r.APIKeyByID(ctx, o, v.ID)
			found, err2 := r.APIKey(ctx, o, v.ProjectID, v.ID)
			equal(t, "by id alone", byID, found)
			equal(t, "error by id alone", err, err2)
			return found, err2
		},
		insert: func(ctx context.Context, tx org.Tx, v org.APIKey) error { return tx.InsertAPIKey(ctx, v) },
		update: func(ctx context.Context, tx org.Tx, v org.APIKey) error { return tx.UpdateAPIKey(ctx, v) },
		remove: func(ctx context.Context, tx org.Tx, v org.APIKey) error {
			return tx.DeleteAPIKey(ctx, o, v.ProjectID, v.ID)
		},
	}.check(t, s, o)
	noun[org.AdminKey]{
		label: "Admin API key", id: func(v org.AdminKey) string { return v.ID }, create: n.newAdminKey,
		change: func(v *org.AdminKey) {
			v.Name = "Renamed"
			v.PreviousHash, v.PreviousUntil, v.Secret.Hash, v.Redacted = v.Hash, c.next(), id.HashOf("new"), "sk-admin-...new"
			v.ExpiresAt, v.LastUsedAt = time.Time{}, time.Time{}
		},
		get: func(ctx context.Context, r org.Reader, v org.AdminKey) (org.AdminKey, error) {
			return r.AdminKey(ctx, o, v.ID)
		},
		insert: func(ctx context.Context, tx org.Tx, v org.AdminKey) error { return tx.InsertAdminKey(ctx, v) },
		update: func(ctx context.Context, tx org.Tx, v org.AdminKey) error { return tx.UpdateAdminKey(ctx, v) },
		remove: func(ctx context.Context, tx org.Tx, v org.AdminKey) error { return tx.DeleteAdminKey(ctx, o, v.ID) },
	}.check(t, s, o)
	noun[routing.Workspace]{
		label: "Workspace", kind: org.ChangeWorkspace, id: func(v routing.Workspace) string { return v.ID }, create: n.newWorkspace,
		change: func(v *routing.Workspace) { v.Name, v.ProjectIDs = "renamed", nil },
		get: func(ctx context.Context, r org.Reader, v routing.Workspace) (routing.Workspace, error) {
			return r.Workspace(ctx, o, v.ID)
		},
		insert: func(ctx context.Context, tx org.Tx, v routing.Workspace) error { return tx.InsertWorkspace(ctx, v) },
		update: func(ctx context.Context, tx org.Tx, v routing.Workspace) error { return tx.UpdateWorkspace(ctx, v) },
		remove: func(ctx context.Context, tx org.Tx, v routing.Workspace) error {
			return tx.DeleteWorkspace(ctx, o, v.ID)
		},
	}.check(t, s, o)
	noun[routing.Connection]{
		label: "Connection", kind: org.ChangeConnection, id: func(v routing.Connection) string { return v.ID }, create: n.newConnection,
		change: func(v *routing.Connection) {
			other := n.newWorkspace()
			update(t, s, o, func(tx org.Tx) error { return tx.InsertWorkspace(t.Context(), other) })
			*v = routing.Connection{
				ID: v.ID, OrganizationID: o, Name: "Other", Provider: routing.AzureOpenAI, BaseURL: "https://x.example/v1",
				WorkspaceIDs: []string{n.workspace.ID, other.ID}, Status: routing.StatusNone, CreatedAt: v.CreatedAt,
			}
		},
		get: func(ctx context.Context, r org.Reader, v routing.Connection) (routing.Connection, error) {
			c, err := r.Connection(ctx, o, v.ID)
			slices.Sort(c.WorkspaceIDs) // their order means nothing
			return c, err
		},
		insert: func(ctx context.Context, tx org.Tx, v routing.Connection) error { return tx.InsertConnection(ctx, v) },
		update: func(ctx context.Context, tx org.Tx, v routing.Connection) error { return tx.UpdateConnection(ctx, v) },
		remove: func(ctx context.Context, tx org.Tx, v routing.Connection) error {
			return tx.DeleteConnection(ctx, o, v.ID)
		},
	}.check(t, s, o)
	noun[routing.ModelEndpoint]{
		label: "Model endpoint", kind: org.ChangeModelEndpoint, id: func(v routing.ModelEndpoint) string { return v.ID }, create: n.newModelEndpoint,
		change: func(v *routing.ModelEndpoint) {
			*v = routing.ModelEndpoint{
				ID: v.ID, OrganizationID: o, WorkspaceID: v.WorkspaceID, Name: "renamed", Hangup: routing.HangupDrain,
				Upstreams: []routing.Upstream{{ConnectionID: n.conn.ID, Model: "o"}}, CreatedAt: v.CreatedAt,
			}
		},
		get: func(ctx context.Context, r org.Reader, v routing.ModelEndpoint) (routing.ModelEndpoint, error) {
			return r.ModelEndpoint(ctx, o, v.ID)
		},
		insert: func(ctx context.Context, tx org.Tx, v routing.ModelEndpoint) error {
			return tx.InsertModelEndpoint(ctx, v)
		},
		update: func(ctx context.Context, tx org.Tx, v routing.ModelEndpoint) error {
			return tx.UpdateModelEndpoint(ctx, v)
		},
		remove: func(ctx context.Context, tx org.Tx, v routing.ModelEndpoint) error {
			return tx.DeleteModelEndpoint(ctx, o, v.ID)
		},
	}.check(t, s, o)
	memberships(t, s, n)
	organizations(t, s, n)
}

func organizations(t *testing.T, s org.Store, n *tenant) {
	second := newTenant(t, s, n.clock)
	ctx := t.Context()
	view(t, s, func(r org.Reader) error {
		got, err := r.Organization(ctx, n.org.ID)
		equal(t, "organization", got, n.org)
		all, err2 := r.Organizations(ctx)
		equal(t, "organizations, oldest first", all, []org.Organization{n.org, second.org})
		_, none := r.Organization(ctx, "org-none")
		wantNotFound(t, none, "Organization with ID 'org-none' not found.")
		return errors.Join(err, err2)
	})
}

func memberships(t *testing.T, s org.Store, n *tenant) {
	ctx := t.Context()
	m := n.newMembership(n.workspace.ID, n.account.ID)
	m.PrincipalKind = org.PrincipalServiceAccount
	is := func(want ...org.WorkspaceMembership) {
		t.Helper()
		view(t, s, func(r org.Reader) error {
			of, err := r.MembershipsOf(ctx, n.org.ID, m.PrincipalID)
			equal(t, "memberships of the principal", of, want)
			got, err2 := r.WorkspaceMembership(ctx, n.org.ID, m.WorkspaceID, m.PrincipalID)
			if len(want) == 0 {
				wantNotFound(t, err2, "Workspace member with ID '"+m.PrincipalID+"' not found.")
				return err
			}
			equal(t, "membership", got, want[0])
			return errors.Join(err, err2)
		})
	}
	carries := func(write func(org.Tx) error) {
		t.Helper()
		version := update(t, s, n.org.ID, write)
		changes, err := s.Changes(ctx, version-1, 10)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "change feed", changes, []org.Change{{Version: version, OrganizationID: n.org.ID, Kind: org.ChangeWorkspace, ID: m.WorkspaceID}})
	}
	put := func(tx org.Tx) error { return tx.PutWorkspaceMembership(ctx, m) }
	is()
	carries(put)
	is(m)
	m.Role = access.WorkspaceMember
	carries(put)
	is(m)
	carries(func(tx org.Tx) error {
		return tx.DeleteWorkspaceMembership(ctx, n.org.ID, m.WorkspaceID, m.PrincipalID)
	})
	is()
	wantNotFound(t, refuse(t, s, n.org.ID, func(tx org.Tx) error {
		return tx.DeleteWorkspaceMembership(ctx, n.org.ID, m.WorkspaceID, m.PrincipalID)
	}), "Workspace member with ID '"+m.PrincipalID+"' not found.")
}

// absence: nil lists mean something else than empty ones.
func absence(t *testing.T, s org.Store) {
	n := newTenant(t, s, &clock{})
	ctx := t.Context()
	for what, list := range map[string][]string{"nil": nil, "empty": {}} {
		key, workspace, conn := n.newAPIKey(n.project.ID), n.newWorkspace(), n.newConnection()
		key.Scopes, workspace.ProjectIDs = list, list
		conn.Models, conn.Discovered, conn.HeaderNames = list, list, list
		conn.APIKey, conn.AdminKey, conn.Headers = nil, nil, nil
		update(t, s, n.org.ID, func(tx org.Tx) error {
			return errors.Join(tx.InsertAPIKey(ctx, key), tx.InsertWorkspace(ctx, workspace), tx.InsertConnection(ctx, conn))
		})
		view(t, s, func(r org.Reader) error {
			gotKey, err := r.APIKeyByID(ctx, n.org.ID, key.ID)
			equal(t, what+" scopes", gotKey, key)
			gotWorkspace, err2 := r.Workspace(ctx, n.org.ID, workspace.ID)
			equal(t, what+" projects", gotWorkspace, workspace)
			gotConn, err3 := r.Connection(ctx, n.org.ID, conn.ID)
			equal(t, what+" models", gotConn, conn)
			return errors.Join(err, err2, err3)
		})
	}
}

// eachRow: the Each methods give every organization's rows, and stop on an error.
func eachRow(t *testing.T, s org.Store) {
	c := &clock{}
	a, b := newTenant(t, s, c), newTenant(t, s, c)
	view(t, s, func(r org.Reader) error {
		ctx := t.Context()
		return errors.Join(
			each(ctx, t, r.EachProject, a.project, b.project),
			each(ctx, t, r.EachAPIKey, a.userKey, a.key, b.userKey, b.key),
			each(ctx, t, r.EachConnection, a.conn, b.conn),
			each(ctx, t, r.EachSettings, a.settings(""), a.settings(a.project.ID), b.settings(""), b.settings(b.project.ID)),
		)
	})
}

func each[T any](ctx context.Context, t *testing.T, method func(context.Context, func(T) error) error, want ...T) error {
	t.Helper()
	var got []T
	if err := method(ctx, func(v T) error { got = append(got, v); return nil }); err != nil {
		return err
	}
	if len(got) != len(want) {
		t.Errorf("%T: got %d rows, want %d", want[0], len(got), len(want))
	}
	for _, w := range want {
		if !slices.ContainsFunc(got, func(v T) bool { return same(v, w) }) {
			t.Errorf("%T: %+v is not among %+v", w, w, got)
		}
	}
	stop, calls := errors.New("stop"), 0
	if err := method(ctx, func(T) error { calls++; return stop }); !errors.Is(err, stop) || calls != 1 {
		t.Errorf("%T: an error of fn: got %v after %d calls", want[0], err, calls)
	}
	return nil
}
