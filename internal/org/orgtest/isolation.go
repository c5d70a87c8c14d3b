package orgtest

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/org"
)

func same(a, b any) bool { return reflect.DeepEqual(a, b) }

// isolation asks every method of org.Reader for organization b's view of
// organization a's rows. A method that takes an organization and has no entry
// here fails the test.
func isolation(t *testing.T, s org.Store) {
	c := &clock{}
	a, b := newTenant(t, s, c), newTenant(t, s, c)
	update(t, s, a.org.ID, func(tx org.Tx) error {
		return errors.Join(tx.PutSecondFactor(t.Context(), a.newSecondFactor()),
			tx.InsertExternalIdentity(t.Context(), org.ExternalIdentity{OrganizationID: a.org.ID, Provider: "idp", Subject: "subject", UserID: a.user.ID, CreatedAt: epoch}))
	})
	page := org.Page{Limit: 100}
	probes := map[string]probe{
		"User": func(ctx context.Context, r org.Reader, o string) (any, error) { return r.User(ctx, o, a.user.ID) },
		"UserByEmail": func(ctx context.Context, r org.Reader, o string) (any, error) {
			return r.UserByEmail(ctx, o, a.user.Email)
		},
		"Users": func(ctx context.Context, r org.Reader, o string) (any, error) {
			rows, err := r.Users(ctx, o, org.UserFilter{Page: page, Emails: []string{a.user.Email}})
			return rows.Items, err
		},
		"Project": func(ctx context.Context, r org.Reader, o string) (any, error) { return r.Project(ctx, o, a.project.ID) },
		"Projects": lists(a.project, func(ctx context.Context, r org.Reader, o string) (org.Rows[org.Project], error) {
			return r.Projects(ctx, o, org.ProjectFilter{Page: page})
		}),
		"ServiceAccount": func(ctx context.Context, r org.Reader, o string) (any, error) {
			return r.ServiceAccount(ctx, o, a.project.ID, a.account.ID)
		},
		"ServiceAccountByID": func(ctx context.Context, r org.Reader, o string) (any, error) {
			return r.ServiceAccountByID(ctx, o, a.account.ID)
		},
		"ServiceAccounts": func(ctx context.Context, r org.Reader, o string) (any, error) {
			rows, err := r.ServiceAccounts(ctx, o, a.project.ID, page)
			return rows.Items, err
		},
		"APIKey": func(ctx context.Context, r org.Reader, o string) (any, error) {
			return r.APIKey(ctx, o, a.project.ID, a.key.ID)
		},
		"APIKeyByID": func(ctx context.Context, r org.Reader, o string) (any, error) { return r.APIKeyByID(ctx, o, a.key.ID) },
		"APIKeys": func(ctx context.Context, r org.Reader, o string) (any, error) {
			rows, err := r.APIKeys(ctx, o, a.project.ID, org.APIKeyFilter{Page: page})
			return rows.Items, err
		},
		"AdminKey": func(ctx context.Context, r org.Reader, o string) (any, error) {
			return r.AdminKey(ctx, o, a.adminKey.ID)
		},
		"AdminKeys": lists(a.adminKey, func(ctx context.Context, r org.Reader, o string) (org.Rows[org.AdminKey], error) {
			return r.AdminKeys(ctx, o, page)
		}),
		"ExternalIdentity": func(ctx context.Context, r org.Reader, o string) (any, error) {
			return r.ExternalIdentity(ctx, o, "idp", "subject")
		},
		"ExternalIdentities": func(ctx context.Context, r org.Reader, o string) (any, error) {
			return r.ExternalIdentities(ctx, o, a.user.ID)
		},
		"ExternalIdentityOf": func(ctx context.Context, r org.Reader, o string) (any, error) {
			return r.ExternalIdentityOf(ctx, o, "idp", a.user.ID)
		},
		"SecondFactor": func(ctx context.Context, r org.Reader, o string) (any, error) {
			return r.SecondFactor(ctx, o, a.user.ID)
		},
		"Session": func(ctx context.Context, r org.Reader, o string) (any, error) { return r.Session(ctx, o, a.session.ID) },
		"Sessions": func(ctx context.Context, r org.Reader, o string) (any, error) {
			rows, err := r.Sessions(ctx, o, org.SessionFilter{Page: page, UserID: a.user.ID})
			return rows.Items, err
		},
		"Workspace": func(ctx context.Context, r org.Reader, o string) (any, error) {
			return r.Workspace(ctx, o, a.workspace.ID)
		},
		"WorkspaceByName": func(ctx context.Context, r org.Reader, o string) (any, error) {
			return r.WorkspaceByName(ctx, o, a.workspace.Name)
		},
		"Workspaces": func(ctx context.Context, r org.Reader, o string) (any, error) {
			rows, err := r.Workspaces(ctx, o, []string{a.workspace.ID}, page)
			return rows.Items, err
		},
		"WorkspaceMembership": func(ctx context.Context, r org.Reader, o string) (any, error) {
			return r.WorkspaceMembership(ctx, o, a.workspace.ID, a.user.ID)
		},
		"WorkspaceMemberships": func(ctx context.Context, r org.Reader, o string) (any, error) {
			rows, err := r.WorkspaceMemberships(ctx, o, a.workspace.ID, page)
			return rows.Items, err
		},
		"MembershipsOf": func(ctx context.Context, r org.Reader, o string) (any, error) {
			return r.MembershipsOf(ctx, o, a.user.ID)
		},
		"Connection": func(ctx context.Context, r org.Reader, o string) (any, error) { return r.Connection(ctx, o, a.conn.ID) },
		"Connections": func(ctx context.Context, r org.Reader, o string) (any, error) {
			rows, err := r.Connections(ctx, o, org.ConnectionFilter{Page: page, WorkspaceIDs: []string{a.workspace.ID}})
			return rows.Items, err
		},
		"ModelEndpoint": func(ctx context.Context, r org.Reader, o string) (any, error) {
			return r.ModelEndpoint(ctx, o, a.endpoint.ID)
		},
		"ModelEndpoints": func(ctx context.Context, r org.Reader, o string) (any, error) {
			rows, err := r.ModelEndpoints(ctx, o, org.ModelEndpointFilter{Page: page, WorkspaceIDs: []string{a.workspace.ID}})
			return rows.Items, err
		},
		"ModelEndpointsOn": func(ctx context.Context, r org.Reader, o string) (any, error) {
			return r.ModelEndpointsOn(ctx, o, a.conn.ID)
		},
		"AuditEvents": func(ctx context.Context, r org.Reader, o string) (any, error) {
			rows, err := r.AuditEvents(ctx, o, audit.Query{Limit: 100, ResourceIDs: []string{a.org.ID}})
			return rows.Items, err
		},
		"AuditChain": func(ctx context.Context, r org.Reader, o string) (any, error) {
			var events []audit.Event
			err := r.AuditChain(ctx, o, 0, func(e audit.Event) error {
				if e.OrganizationID == a.org.ID {
					events = append(events, e)
				}
				return nil
			})
			return events, err
		},
	}
	for _, f := range families() {
		if f.probes != nil {
			maps.Copy(probes, f.probes(a))
		}
	}
	reader := reflect.TypeFor[org.Reader]()
	for i := range reader.NumMethod() {
		name := reader.Method(i).Name
		everywhere := strings.HasPrefix(name, "Each") || strings.HasSuffix(name, "ByHash") || strings.HasSuffix(name, "ByToken") ||
			strings.HasPrefix(name, "Organization") || slices.Contains([]string{"UsersByEmail", "HasOwner", "WorkloadIdentityProviderByID"}, name)
		if _, ok := probes[name]; !ok && !everywhere {
			t.Errorf("no probe of %s", name)
		}
	}
	view(t, s, func(r org.Reader) error {
		for name, probe := range probes {
			if rows, err := probe(t.Context(), r, a.org.ID); err != nil || isEmpty(rows) {
				t.Errorf("%s: its own organization gets %+v, %v", name, rows, err)
			}
			rows, err := probe(t.Context(), r, b.org.ID)
			if !isEmpty(rows) || (err != nil && !fault.Is(err, fault.NotFound)) {
				t.Errorf("%s: another organization gets %+v, %v", name, rows, err)
			}
		}
		return nil
	})
	isolatedWrites(t, s, a, b)
}

// lists is a probe for one row of a list that cannot be narrowed to it.
func lists[T any](want T, list func(context.Context, org.Reader, string) (org.Rows[T], error)) probe {
	return func(ctx context.Context, r org.Reader, o string) (any, error) {
		rows, err := list(ctx, r, o)
		return slices.DeleteFunc(rows.Items, func(row T) bool { return !same(row, want) }), err
	}
}

// isEmpty reports whether rows is a zero row or an empty list.
func isEmpty(rows any) bool {
	v := reflect.ValueOf(rows)
	if v.Kind() == reflect.Slice {
		return v.Len() == 0
	}
	return v.IsZero()
}

// isolatedWrites: no write in the name of organization b reaches a's rows.
func isolatedWrites(t *testing.T, s org.Store, a, b *tenant) {
	ctx, o := t.Context(), b.org.ID
	user, project, account, key, adminKey := a.user, a.project, a.account, a.key, a.adminKey
	workspace, conn, endpoint := a.workspace, a.conn, a.endpoint
	user.OrganizationID, project.OrganizationID, account.OrganizationID, key.OrganizationID, adminKey.OrganizationID = o, o, o, o, o
	workspace.OrganizationID, conn.OrganizationID, endpoint.OrganizationID = o, o, o
	writes := map[string]func(org.Tx) error{
		"UpdateUser":                func(tx org.Tx) error { return tx.UpdateUser(ctx, user) },
		"UpdateProject":             func(tx org.Tx) error { return tx.UpdateProject(ctx, project) },
		"UpdateServiceAccount":      func(tx org.Tx) error { return tx.UpdateServiceAccount(ctx, account) },
		"DeleteServiceAccount":      func(tx org.Tx) error { return tx.DeleteServiceAccount(ctx, o, a.project.ID, a.account.ID) },
		"UpdateAPIKey":              func(tx org.Tx) error { return tx.UpdateAPIKey(ctx, key) },
		"DeleteAPIKey":              func(tx org.Tx) error { return tx.DeleteAPIKey(ctx, o, a.project.ID, a.key.ID) },
		"UpdateAdminKey":            func(tx org.Tx) error { return tx.UpdateAdminKey(ctx, adminKey) },
		"DeleteAdminKey":            func(tx org.Tx) error { return tx.DeleteAdminKey(ctx, o, a.adminKey.ID) },
		"UpdateWorkspace":           func(tx org.Tx) error { return tx.UpdateWorkspace(ctx, workspace) },
		"DeleteWorkspace":           func(tx org.Tx) error { return tx.DeleteWorkspace(ctx, o, a.workspace.ID) },
		"DeleteWorkspaceMembership": func(tx org.Tx) error { return tx.DeleteWorkspaceMembership(ctx, o, a.workspace.ID, a.user.ID) },
		"UpdateConnection":          func(tx org.Tx) error { return tx.UpdateConnection(ctx, conn) },
		"DeleteConnection":          func(tx org.Tx) error { return tx.DeleteConnection(ctx, o, a.conn.ID) },
		"UpdateModelEndpoint":       func(tx org.Tx) error { return tx.UpdateModelEndpoint(ctx, endpoint) },
		"DeleteModelEndpoint":       func(tx org.Tx) error { return tx.DeleteModelEndpoint(ctx, o, a.endpoint.ID) },
	}
	for _, f := range families() {
		if f.writes != nil {
			maps.Copy(writes, f.writes(ctx, a, o))
		}
	}
	for name, write := range writes {
		if err := refuse(t, s, o, write); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s of another organization's row: %v, want not found", name, err)
		}
	}
	update(t, s, o, func(tx org.Tx) error {
		keys, err := tx.DeleteAPIKeysOf(ctx, o, a.project.ID, a.account.ID)
		if len(keys) > 0 || err != nil {
			t.Errorf("deleted another organization's %v, %v", keys, err)
		}
		return nil
	})
	view(t, s, func(r org.Reader) error {
		got, err := r.Connection(ctx, a.org.ID, a.conn.ID)
		equal(t, "the connection is untouched", got, a.conn)
		return err
	})
}
