package orgtest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/org"
	"weir/internal/routing"
)

// projects: what is asked for under another project of the same organization
// is not found.
func projects(t *testing.T, s org.Store) {
	n := newTenant(t, s, &clock{})
	ctx, o := t.Context(), n.org.ID
	other := n.newProject()
	update(t, s, o, func(tx org.Tx) error { return tx.InsertProject(ctx, other) })
	view(t, s, func(r org.Reader) error {
		_, err := r.APIKey(ctx, o, other.ID, n.key.ID)
		wantNotFound(t, err, "API key with ID '"+n.key.ID+"' not found.")
		_, err = r.ServiceAccount(ctx, o, other.ID, n.account.ID)
		wantNotFound(t, err, "Service account with ID '"+n.account.ID+"' not found.")
		keys, err := r.APIKeys(ctx, o, other.ID, org.APIKeyFilter{Page: org.Page{Limit: 10}})
		accounts, err2 := r.ServiceAccounts(ctx, o, other.ID, org.Page{Limit: 10})
		if len(keys.Items)+len(accounts.Items) > 0 {
			t.Errorf("the other project has %v %v", keys, accounts)
		}
		return errors.Join(err, err2)
	})
	moved := n.key
	moved.ProjectID = other.ID
	for what, write := range map[string]func(org.Tx) error{
		"update": func(tx org.Tx) error { return tx.UpdateAPIKey(ctx, moved) },
		"delete": func(tx org.Tx) error { return tx.DeleteAPIKey(ctx, o, other.ID, n.key.ID) },
	} {
		if err := refuse(t, s, o, write); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s under another project: %v, want not found", what, err)
		}
	}
}

func uniqueness(t *testing.T, s org.Store) {
	c := &clock{}
	a, b := newTenant(t, s, c), newTenant(t, s, c)
	ctx := t.Context()
	refused := func(what, code, param string, write func(org.Tx) error) {
		t.Helper()
		wantFault(t, what, refuse(t, s, a.org.ID, write), fault.Invalid, code, param)
	}

	user := a.newUser()
	user.Email = "pERSON" + a.user.Email[len("Person"):]
	refused("an address in other letters", "email_taken", "email", func(tx org.Tx) error { return tx.InsertUser(ctx, user) })
	user.OrganizationID = b.org.ID
	update(t, s, b.org.ID, func(tx org.Tx) error { return tx.InsertUser(ctx, user) })
	second := a.newUser()
	update(t, s, a.org.ID, func(tx org.Tx) error { return tx.InsertUser(ctx, second) })
	second.Email = a.user.Email
	refused("an address taken later", "email_taken", "email", func(tx org.Tx) error { return tx.UpdateUser(ctx, second) })

	workspace := a.newWorkspace()
	workspace.Name = a.workspace.Name
	refused("a workspace's name", "name_taken", "name", func(tx org.Tx) error { return tx.InsertWorkspace(ctx, workspace) })
	workspace.Name = "other"
	update(t, s, a.org.ID, func(tx org.Tx) error { return tx.InsertWorkspace(ctx, workspace) })
	renamed := workspace
	renamed.Name = a.workspace.Name
	refused("a workspace's new name", "name_taken", "name", func(tx org.Tx) error { return tx.UpdateWorkspace(ctx, renamed) })

	endpoint := a.newModelEndpoint()
	endpoint.Name = a.endpoint.Name
	refused("a model endpoint's name", "name_taken", "name", func(tx org.Tx) error { return tx.InsertModelEndpoint(ctx, endpoint) })
	endpoint.WorkspaceID = workspace.ID
	conn := a.newConnection() // of the same name as a.conn: that is allowed
	update(t, s, a.org.ID, func(tx org.Tx) error {
		return errors.Join(tx.InsertModelEndpoint(ctx, endpoint), tx.InsertConnection(ctx, conn))
	})

	key, adminKey := a.newAPIKey(a.project.ID), a.newAdminKey()
	key.Secret, adminKey.Secret = a.key.Secret, b.adminKey.Secret
	refused("an API key's secret", "secret_taken", "", func(tx org.Tx) error { return tx.InsertAPIKey(ctx, key) })
	refused("an admin key's secret", "secret_taken", "", func(tx org.Tx) error { return tx.InsertAdminKey(ctx, adminKey) })
}

func addresses(t *testing.T, s org.Store) {
	c := &clock{}
	a, b := newTenant(t, s, c), newTenant(t, s, c)
	ctx := t.Context()
	mine, theirs := a.newUser(), b.newUser()
	mine.Email, theirs.Email = "Zoë.ÄRGER@example.com", "zoë.ärger@EXAMPLE.com"
	update(t, s, a.org.ID, func(tx org.Tx) error { return tx.InsertUser(ctx, mine) })
	update(t, s, b.org.ID, func(tx org.Tx) error { return tx.InsertUser(ctx, theirs) })
	view(t, s, func(r org.Reader) error {
		got, err := r.UserByEmail(ctx, a.org.ID, "ZOË.ärger@example.com")
		equal(t, "one organization's", got, mine)
		all, err2 := r.UsersByEmail(ctx, "zoë.ÄRGER@example.com")
		equal(t, "everywhere", all, []org.User{mine, theirs})
		_, none := r.UserByEmail(ctx, a.org.ID, "nobody@example.com")
		wantNotFound(t, none, "User with the email address 'nobody@example.com' not found.")
		empty, err3 := r.UsersByEmail(ctx, "nobody@example.com")
		if len(empty) > 0 {
			t.Errorf("nobody is %v", empty)
		}
		return errors.Join(err, err2, err3)
	})
}

func filters(t *testing.T, s org.Store) {
	n := newTenant(t, s, &clock{})
	ctx, o, page := t.Context(), n.org.ID, org.Page{Limit: 100}
	second, third, archived := n.newUser(), n.newUser(), n.newProject()
	archived.ArchivedAt = n.clock.next()
	other, both := n.newWorkspace(), n.newConnection()
	both.WorkspaceIDs = []string{n.workspace.ID, other.ID}
	slices.Sort(both.WorkspaceIDs)
	nearby := n.newModelEndpoint()
	nearby.WorkspaceID = other.ID
	nearby.Upstreams = []routing.Upstream{{ConnectionID: both.ID, Model: "m"}}
	update(t, s, o, func(tx org.Tx) error {
		return errors.Join(
			tx.InsertUser(ctx, second), tx.InsertUser(ctx, third), tx.InsertProject(ctx, archived),
			tx.InsertWorkspace(ctx, other), tx.InsertConnection(ctx, both), tx.InsertModelEndpoint(ctx, nearby),
		)
	})
	view(t, s, func(r org.Reader) error {
		users := func(what string, emails []string, want ...org.User) error {
			rows, err := r.Users(ctx, o, org.UserFilter{Page: page, Emails: emails})
			equal(t, what, rows.Items, want)
			return err
		}
		active, err := r.Projects(ctx, o, org.ProjectFilter{Page: page})
		equal(t, "active projects", active.Items, []org.Project{n.project})
		all, err2 := r.Projects(ctx, o, org.ProjectFilter{Page: page, IncludeArchived: true})
		equal(t, "all projects", all.Items, []org.Project{archived, n.project})
		next, err3 := r.Projects(ctx, o, org.ProjectFilter{Page: org.Page{Limit: 5, After: archived.ID}})
		equal(t, "active projects after one archived meanwhile", next.Items, []org.Project{n.project})

		for _, of := range []struct {
			ids  []string
			want []org.Project
		}{{[]string{n.project.ID, "other", "\x00"}, []org.Project{n.project}}, {[]string{archived.ID}, nil}, {[]string{}, nil}} {
			some, err := r.Projects(ctx, o, org.ProjectFilter{Page: page, IDs: of.ids})
			equal(t, "projects by id", some.Items, of.want)
			if err != nil {
				return err
			}
		}

		keys, err4 := r.APIKeys(ctx, o, n.project.ID, org.APIKeyFilter{Page: page, ServiceAccountID: n.account.ID})
		equal(t, "a service account's keys", keys.Items, []org.APIKey{n.key})

		workspaces := func(what string, ids []string, want ...routing.Workspace) error {
			rows, err := r.Workspaces(ctx, o, ids, page)
			equal(t, what, rows.Items, want)
			return err
		}
		connections := func(what string, ids []string, want ...routing.Connection) error {
			rows, err := r.Connections(ctx, o, org.ConnectionFilter{Page: page, WorkspaceIDs: ids})
			equal(t, what, rows.Items, want)
			return err
		}
		endpoints := func(what string, ids []string, want ...routing.ModelEndpoint) error {
			rows, err := r.ModelEndpoints(ctx, o, org.ModelEndpointFilter{Page: page, WorkspaceIDs: ids})
			equal(t, what, rows.Items, want)
			return err
		}
		on, err5 := r.ModelEndpointsOn(ctx, o, both.ID)
		equal(t, "endpoints on a connection", on, []routing.ModelEndpoint{nearby})
		on, err6 := r.ModelEndpointsOn(ctx, o, n.conn.ID)
		equal(t, "endpoints with two upstreams on a connection", on, []routing.ModelEndpoint{n.endpoint})
		here := []string{n.workspace.ID, other.ID}
		return errors.Join(
			err, err2, err3, err4, err5, err6,
			users("one address", []string{second.Email}, second),
			users("two addresses", []string{second.Email, n.user.Email, "x@example.com"}, second, n.user),
			users("an address in other letters", []string{"p" + second.Email[1:]}),
			users("no filter", []string{}, third, second, n.user),
			workspaces("all workspaces", nil, other, n.workspace),
			workspaces("some workspaces", []string{n.workspace.ID, "ws_none"}, n.workspace),
			workspaces("no workspaces", []string{}),
			connections("all connections", nil, both, n.conn),
			connections("connections of two workspaces", here, both, n.conn),
			connections("connections of one workspace", []string{other.ID}, both),
			connections("connections of no workspace", []string{}),
			endpoints("all endpoints", nil, nearby, n.endpoint),
			endpoints("endpoints of two workspaces", here, nearby, n.endpoint),
			endpoints("endpoints of one workspace", []string{n.workspace.ID}, n.endpoint),
			endpoints("endpoints of no workspace", []string{}),
		)
	})
	// An endpoint that moves to another connection is found there.
	n.endpoint.Upstreams = []routing.Upstream{{ConnectionID: both.ID, Model: "m"}}
	update(t, s, o, func(tx org.Tx) error { return tx.UpdateModelEndpoint(ctx, n.endpoint) })
	view(t, s, func(r org.Reader) error {
		before, err := r.ModelEndpointsOn(ctx, o, n.conn.ID)
		after, err2 := r.ModelEndpointsOn(ctx, o, both.ID)
		if len(before) != 0 {
			t.Errorf("the former connection still has %v", before)
		}
		equal(t, "endpoints after the move, oldest first", after, []routing.ModelEndpoint{n.endpoint, nearby})
		return errors.Join(err, err2)
	})
}

func secrets(t *testing.T, s org.Store) {
	n := newTenant(t, s, &clock{})
	ctx := t.Context()
	key, adminKey := n.key, n.adminKey
	key.PreviousHash, key.PreviousUntil, key.Hash = key.Hash, n.clock.next(), id.HashOf("next")
	adminKey.PreviousHash, adminKey.PreviousUntil, adminKey.Hash = adminKey.Hash, n.clock.next(), id.HashOf("next")
	view(t, s, func(r org.Reader) error {
		_, err := r.APIKeyByHash(ctx, key.Hash)
		wantNotFound(t, err, "API key not found.")
		_, err = r.AdminKeyByHash(ctx, adminKey.Hash)
		wantNotFound(t, err, "Admin API key not found.")
		_, err = r.APIKeyByHash(ctx, id.Hash{}) // what a key without a previous secret has
		wantNotFound(t, err, "API key not found.")
		return nil
	})
	update(t, s, n.org.ID, func(tx org.Tx) error {
		return errors.Join(tx.UpdateAPIKey(ctx, key), tx.UpdateAdminKey(ctx, adminKey))
	})
	view(t, s, func(r org.Reader) error {
		now, err := r.APIKeyByHash(ctx, key.Hash)
		equal(t, "by its secret", now, key)
		old, err2 := r.APIKeyByHash(ctx, key.PreviousHash)
		equal(t, "by its previous secret", old, key)
		adminNow, err3 := r.AdminKeyByHash(ctx, adminKey.Hash)
		equal(t, "by its secret", adminNow, adminKey)
		adminOld, err4 := r.AdminKeyByHash(ctx, adminKey.PreviousHash)
		equal(t, "by its previous secret", adminOld, adminKey)
		return errors.Join(err, err2, err3, err4)
	})
}

func touch(t *testing.T, s org.Store) {
	n := newTenant(t, s, &clock{})
	ctx := t.Context()
	before, err := s.Version(ctx)
	if err != nil {
		t.Fatal(err)
	}
	fresh := n.newAPIKey(n.project.ID)
	fresh.LastUsedAt = time.Time{}
	update(t, s, n.org.ID, func(tx org.Tx) error { return tx.InsertAPIKey(ctx, fresh) })
	at := epoch.Add(24 * time.Hour)
	for _, step := range []struct {
		used, want time.Time
	}{{at, at}, {at.Add(-time.Hour), at}, {at.Add(time.Microsecond), at.Add(time.Microsecond)}} {
		err := s.TouchKeys(ctx, map[string]time.Time{
			n.key.ID: step.used, fresh.ID: step.used, n.adminKey.ID: step.used, "key_gone": step.used, "key_\x00": step.used,
		})
		if err != nil {
			t.Fatal(err)
		}
		view(t, s, func(r org.Reader) error {
			for _, keyID := range []string{n.key.ID, fresh.ID} {
				k, err := r.APIKeyByID(ctx, n.org.ID, keyID)
				equal(t, "last use", k.LastUsedAt, step.want)
				if err != nil {
					return err
				}
			}
			untouched, err := r.APIKeyByID(ctx, n.org.ID, n.userKey.ID)
			equal(t, "another key", untouched, n.userKey)
			k, err2 := r.AdminKey(ctx, n.org.ID, n.adminKey.ID)
			equal(t, "last use", k.LastUsedAt, step.want)
			return errors.Join(err, err2)
		})
	}
	many := map[string]time.Time{n.userKey.ID: at}
	for range 1200 {
		many[id.New(id.Key)] = at
	}
	if err := errors.Join(s.TouchKeys(ctx, many), s.TouchKeys(ctx, nil)); err != nil {
		t.Fatal(err)
	}
	view(t, s, func(r org.Reader) error {
		k, err := r.APIKeyByID(ctx, n.org.ID, n.userKey.ID)
		equal(t, "one among many", k.LastUsedAt, at)
		return err
	})
	after, err := s.Version(ctx)
	if err != nil || after != before+1 { // the one of the inserted key
		t.Errorf("touching made versions: %d after %d, %v", after, before, err)
	}
}

func sessions(t *testing.T, s org.Store) {
	n := newTenant(t, s, &clock{})
	ctx := t.Context()
	is := func(want org.Session, there bool) {
		t.Helper()
		view(t, s, func(r org.Reader) error {
			got, err := r.SessionByToken(ctx, want.TokenHash)
			if !there {
				wantNotFound(t, err, "Session not found.")
				return nil
			}
			equal(t, "session", got, want)
			return err
		})
	}
	ended, brief := n.newSession(), n.newSession()
	brief.ExpiresAt = n.session.ExpiresAt.Add(-time.Minute)
	before, err := s.Version(ctx)
	if err != nil {
		t.Fatal(err)
	}
	update(t, s, n.org.ID, func(tx org.Tx) error { return errors.Join(tx.InsertSession(ctx, ended), tx.InsertSession(ctx, brief)) })
	is(ended, true)
	update(t, s, n.org.ID, func(tx org.Tx) error { return tx.DeleteSession(ctx, ended.ID) })
	is(ended, false)
	wantNotFound(t, refuse(t, s, n.org.ID, func(tx org.Tx) error { return tx.DeleteSession(ctx, ended.ID) }), "Session with ID '"+ended.ID+"' not found.")
	update(t, s, n.org.ID, func(tx org.Tx) error { return tx.DeleteExpiredSessions(ctx, brief.ExpiresAt) })
	is(brief, true)
	update(t, s, n.org.ID, func(tx org.Tx) error { return tx.DeleteExpiredSessions(ctx, brief.ExpiresAt.Add(time.Microsecond)) })
	is(brief, false)
	is(n.session, true)
	if after, err := s.Version(ctx); err != nil || after != before {
		t.Errorf("sessions made versions: %d after %d, %v", after, before, err)
	}
}
