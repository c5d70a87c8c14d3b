package orgtest

import (
	"errors"
	"slices"
	"testing"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/org"
)

// cascades: members leave with what they are members of, or with themselves.
func cascades(t *testing.T, s org.Store) {
	n := newTenant(t, s, &clock{})
	ctx, o := t.Context(), n.org.ID
	second, other := n.newServiceAccount(), n.newServiceAccount()
	elsewhere := n.newProject()
	other.ProjectID = elsewhere.ID
	workspace := n.newWorkspace()
	key, otherKey, keep := n.newAPIKey(n.project.ID), n.newAPIKey(elsewhere.ID), n.newAPIKey(n.project.ID)
	key.UserID, key.ServiceAccountID = "", second.ID
	otherKey.UserID, otherKey.ServiceAccountID = "", other.ID
	update(t, s, o, func(tx org.Tx) error {
		return errors.Join(
			tx.InsertProject(ctx, elsewhere), tx.InsertWorkspace(ctx, workspace),
			tx.InsertServiceAccount(ctx, second), tx.InsertServiceAccount(ctx, other),
			tx.InsertAPIKey(ctx, key), tx.InsertAPIKey(ctx, otherKey), tx.InsertAPIKey(ctx, keep),
			tx.PutWorkspaceMembership(ctx, n.newMembership(n.workspace.ID, second.ID)),
			tx.PutWorkspaceMembership(ctx, n.newMembership(workspace.ID, second.ID)),
			tx.PutWorkspaceMembership(ctx, n.newMembership(n.workspace.ID, n.account.ID)),
			tx.PutWorkspaceMembership(ctx, n.newMembership(n.workspace.ID, other.ID)),
			tx.PutWorkspaceMembership(ctx, n.newMembership(workspace.ID, n.user.ID)),
		)
	})
	change := func(version int64, kind org.ChangeKind, objectID string) org.Change {
		return org.Change{Version: version, OrganizationID: o, Kind: kind, ID: objectID}
	}
	changed := func(version int64, want ...org.Change) {
		t.Helper()
		got, err := s.Changes(ctx, version-1, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !slices.Contains(got, w) {
				t.Errorf("no %+v among %+v", w, got)
			}
		}
		if len(got) != len(want) {
			t.Errorf("got %d changes, want %d: %+v", len(got), len(want), got)
		}
	}

	version := update(t, s, o, func(tx org.Tx) error {
		keys, err := tx.DeleteAPIKeysOf(ctx, o, n.project.ID, second.ID)
		equal(t, "keys of a service account", keys, []string{key.ID})
		return errors.Join(err, tx.DeleteServiceAccount(ctx, o, n.project.ID, second.ID))
	})
	changed(version,
		change(version, org.ChangeAPIKey, key.ID), change(version, org.ChangeServiceAccount, second.ID),
		change(version, org.ChangeWorkspace, n.workspace.ID), change(version, org.ChangeWorkspace, workspace.ID))
	wantMembers(t, s, o, n.workspace.ID, n.user.ID, n.account.ID, other.ID)
	wantMembers(t, s, o, workspace.ID, n.user.ID)

	version = update(t, s, o, func(tx org.Tx) error {
		none, err := tx.DeleteAPIKeysOf(ctx, o, n.project.ID, "")
		equal(t, "keys of no service account", len(none), 0) // those of people
		keys, err2 := tx.DeleteAPIKeysOf(ctx, o, n.project.ID, n.account.ID)
		equal(t, "keys of the other service account", keys, []string{n.key.ID})
		return errors.Join(err, err2, tx.DeleteServiceAccount(ctx, o, n.project.ID, n.account.ID))
	})
	changed(version,
		change(version, org.ChangeAPIKey, n.key.ID),
		change(version, org.ChangeServiceAccount, n.account.ID), change(version, org.ChangeWorkspace, n.workspace.ID))
	wantMembers(t, s, o, n.workspace.ID, n.user.ID, other.ID)
	view(t, s, func(r org.Reader) error {
		_, err := r.APIKeyByID(ctx, o, otherKey.ID)
		_, err2 := r.ServiceAccountByID(ctx, o, other.ID)
		_, err3 := r.APIKeyByID(ctx, o, keep.ID)
		_, err4 := r.APIKeyByID(ctx, o, n.userKey.ID)
		return errors.Join(err, err2, err3, err4) // the other project and people keep their own
	})

	update(t, s, o, func(tx org.Tx) error { return tx.DeleteWorkspace(ctx, o, workspace.ID) })
	view(t, s, func(r org.Reader) error {
		of, err := r.MembershipsOf(ctx, o, n.user.ID)
		equal(t, "memberships left", of, []org.WorkspaceMembership{n.member})
		return err
	})
}

func wantMembers(t *testing.T, s org.Store, organizationID, workspaceID string, want ...string) {
	t.Helper()
	view(t, s, func(r org.Reader) error {
		rows, err := r.WorkspaceMemberships(t.Context(), organizationID, workspaceID, org.Page{Limit: 100})
		var got []string
		for _, m := range rows.Items {
			got = append(got, m.PrincipalID)
		}
		slices.Sort(got)
		slices.Sort(want)
		equal(t, "members of "+workspaceID, got, want)
		return err
	})
}

// references: rows that others stand on cannot go, and rows cannot stand on
// nothing. The rules above the store say so in kinder words.
func references(t *testing.T, s org.Store) {
	n := newTenant(t, s, &clock{})
	ctx, o := t.Context(), n.org.ID
	key, account, conn, endpoint := n.newAPIKey("proj_none"), n.newServiceAccount(), n.newConnection(), n.newModelEndpoint()
	account.ProjectID, conn.WorkspaceIDs, endpoint.WorkspaceID = "proj_none", []string{"ws_none"}, "ws_none"
	ownerless := n.newAPIKey(n.project.ID)
	ownerless.UserID = ""
	for what, write := range map[string]func(org.Tx) error{
		"a service account with keys":       func(tx org.Tx) error { return tx.DeleteServiceAccount(ctx, o, n.project.ID, n.account.ID) },
		"a workspace with connections":      func(tx org.Tx) error { return tx.DeleteWorkspace(ctx, o, n.workspace.ID) },
		"a connection with endpoints":       func(tx org.Tx) error { return tx.DeleteConnection(ctx, o, n.conn.ID) },
		"a key in no project":               func(tx org.Tx) error { return tx.InsertAPIKey(ctx, key) },
		"a key of nobody":                   func(tx org.Tx) error { return tx.InsertAPIKey(ctx, ownerless) },
		"a service account in no project":   func(tx org.Tx) error { return tx.InsertServiceAccount(ctx, account) },
		"a connection in no such workspace": func(tx org.Tx) error { return tx.InsertConnection(ctx, conn) },
		"an endpoint in no such workspace":  func(tx org.Tx) error { return tx.InsertModelEndpoint(ctx, endpoint) },
	} {
		if err := refuse(t, s, o, write); fault.KindOf(err) != fault.Internal {
			t.Errorf("%s: %v, want an internal error", what, err)
		}
	}
	wantMembers(t, s, o, n.workspace.ID, n.user.ID)
}

// hostileText: ids, names and headers come from outside, and PostgreSQL keeps
// neither NUL nor broken UTF-8.
func hostileText(t *testing.T, s org.Store) {
	n := newTenant(t, s, &clock{})
	ctx, o := t.Context(), n.org.ID
	for _, bad := range []string{"proj_\x00", "proj_\xff"} {
		view(t, s, func(r org.Reader) error {
			_, err := r.Project(ctx, o, bad)
			_, err2 := r.Project(ctx, bad, n.project.ID)
			_, err3 := r.APIKey(ctx, o, bad, n.key.ID)
			_, err4 := r.UserByEmail(ctx, o, bad)
			_, err5 := r.WorkspaceByName(ctx, o, bad)
			for _, err := range []error{err, err2, err3, err4, err5} {
				if !fault.Is(err, fault.NotFound) {
					t.Errorf("%q: %v, want not found", bad, err)
				}
			}
			_, err = r.Users(ctx, o, org.UserFilter{Page: org.Page{Limit: 1, After: bad}})
			wantFault(t, "cursor", err, fault.Invalid, "invalid_cursor", "after")
			_, err = r.AuditEvents(ctx, o, audit.Query{Limit: 1, Before: bad})
			wantFault(t, "cursor", err, fault.Invalid, "invalid_cursor", "before")
			users, err := r.Users(ctx, o, org.UserFilter{Page: org.Page{Limit: 9}, Emails: []string{bad}})
			some, err2 := r.Users(ctx, o, org.UserFilter{Page: org.Page{Limit: 9}, Emails: []string{bad, n.user.Email}})
			keys, err3 := r.APIKeys(ctx, o, bad, org.APIKeyFilter{Page: org.Page{Limit: 9}})
			conns, err4 := r.Connections(ctx, o, org.ConnectionFilter{Page: org.Page{Limit: 9}, WorkspaceIDs: []string{bad}})
			events, err5 := r.AuditEvents(ctx, o, audit.Query{Limit: 9, Types: []string{bad}})
			if len(users.Items)+len(keys.Items)+len(conns.Items)+len(events.Items) != 0 || len(some.Items) != 1 {
				t.Errorf("%q: found %v %v %v %v %v", bad, users, keys, conns, events, some)
			}
			return errors.Join(err, err2, err3, err4, err5)
		})
		project := n.newProject()
		project.Name = bad
		wantFault(t, "a name", refuse(t, s, o, func(tx org.Tx) error { return tx.InsertProject(ctx, project) }), fault.Invalid, "invalid_value", "")
		if err := refuse(t, s, o, func(tx org.Tx) error { return tx.DeleteConnection(ctx, o, bad) }); !fault.Is(err, fault.NotFound) {
			t.Errorf("deleting %q: %v, want not found", bad, err)
		}

		session := n.newSession()
		session.UserAgent = "Browser " + bad
		actor := audit.Actor{OrganizationID: o, Type: audit.ActorSession, UserID: n.user.ID, UserAgent: session.UserAgent}
		if _, err := s.Update(ctx, actor, func(tx org.Tx) error {
			tx.Record(audit.Event{Action: "login.succeeded"})
			return tx.InsertSession(ctx, session)
		}); err != nil {
			t.Errorf("a user agent keeps %s from signing in: %v", access.OrganizationOwner, err)
		}
		view(t, s, func(r org.Reader) error {
			got, err := r.SessionByToken(ctx, session.TokenHash)
			equal(t, "user agent", got.UserAgent, "Browser proj_\uFFFD")
			return err
		})
	}
	verifyChain(t, s, o)
}
