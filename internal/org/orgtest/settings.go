package orgtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"weir/internal/id"
	"weir/internal/org"
)

// newSpendAlert is a project's, or with "" the organization's, which the caller
// inserts.
func (n *tenant) newSpendAlert(projectID string) org.SpendAlert {
	at := n.clock.next()
	return org.SpendAlert{
		ID: id.At(id.SpendAlert, at), ProjectID: projectID, OrganizationID: n.org.ID, Threshold: 920_000_000_000,
		Recipients: []string{"b@example.com", "a@example.com"}, SubjectPrefix: "Aufwände", CreatedAt: at,
	}
}

func (n *tenant) settings(projectID string) org.Settings {
	return org.Settings{
		ProjectID: projectID, OrganizationID: n.org.ID, SpendLimit: 920_000_000_000,
		Models:        &org.ModelPermissions{Mode: org.DenyList, ModelIDs: []string{"o3", "gpt-4o"}},
		DisabledTools: []org.HostedTool{org.MCP, org.WebSearch},
		ServiceTier:   "fast", ServiceTiers: []string{"flex"}, DataRetention: "zero_data_retention",
	}
}

func settingsFamily() family {
	return family{
		insert: func(ctx context.Context, tx org.Tx, n *tenant) error {
			n.alert = n.newSpendAlert(n.project.ID)
			return errors.Join(
				tx.PutSettings(ctx, n.settings("")), tx.PutSettings(ctx, n.settings(n.project.ID)), tx.InsertSpendAlert(ctx, n.alert),
			)
		},
		probes: func(a *tenant) map[string]probe {
			return map[string]probe{
				"Settings": func(ctx context.Context, r org.Reader, o string) (any, error) {
					return r.Settings(ctx, o, a.project.ID)
				},
				"SpendAlert": func(ctx context.Context, r org.Reader, o string) (any, error) {
					return r.SpendAlert(ctx, o, a.project.ID, a.alert.ID)
				},
				"SpendAlerts": lists(a.alert, func(ctx context.Context, r org.Reader, o string) (org.Rows[org.SpendAlert], error) {
					return r.SpendAlerts(ctx, o, a.project.ID, org.Page{Limit: 100})
				}),
			}
		},
		writes: func(ctx context.Context, a *tenant, o string) map[string]func(org.Tx) error {
			alert := a.alert
			alert.OrganizationID = o
			return map[string]func(org.Tx) error{
				"UpdateSpendAlert": func(tx org.Tx) error { return tx.UpdateSpendAlert(ctx, alert) },
				"DeleteSpendAlert": func(tx org.Tx) error { return tx.DeleteSpendAlert(ctx, o, a.project.ID, alert.ID) },
			}
		},
		lists: []pageable{spendAlertsOf("the organization", false), spendAlertsOf("a project", true)},
	}
}

func spendAlertsOf(holder string, ofProject bool) pageable {
	projectOf := func(n *tenant) string {
		if ofProject {
			return n.project.ID
		}
		return ""
	}
	return pageable{
		name: "spend alerts of " + holder,
		insert: func(ctx context.Context, tx org.Tx, n *tenant, at time.Time) (string, error) {
			v := n.newSpendAlert(projectOf(n))
			v.CreatedAt = at
			return v.ID, tx.InsertSpendAlert(ctx, v)
		},
		remove: func(ctx context.Context, tx org.Tx, n *tenant, rowID string) error {
			return tx.DeleteSpendAlert(ctx, n.org.ID, projectOf(n), rowID)
		},
		list: func(ctx context.Context, r org.Reader, n *tenant, p org.Page) ([]place, bool, error) {
			rows, err := r.SpendAlerts(ctx, n.org.ID, projectOf(n), p)
			return places(rows, err, func(v org.SpendAlert) place { return place{v.CreatedAt, v.ID} })
		},
	}
}

// settings and spend alerts are of an organization or of one of its projects.
func settings(t *testing.T, s org.Store) {
	c := &clock{}
	n := newTenant(t, s, c)
	newTenant(t, s, c) // whose rows are not to be seen
	ctx, o := t.Context(), n.org.ID
	for _, holder := range []struct{ projectID, objectID string }{{"", o}, {n.project.ID, n.project.ID}} {
		noun[org.SpendAlert]{
			label: "Spend alert", kind: org.ChangeSpendAlerts, id: func(v org.SpendAlert) string { return v.ID },
			changed: func(org.SpendAlert) string { return holder.objectID },
			create:  func() org.SpendAlert { return n.newSpendAlert(holder.projectID) },
			change: func(v *org.SpendAlert) {
				v.Threshold, v.Recipients, v.SubjectPrefix = 0, []string{"c@example.com"}, ""
			},
			get: func(ctx context.Context, r org.Reader, v org.SpendAlert) (org.SpendAlert, error) {
				return r.SpendAlert(ctx, o, v.ProjectID, v.ID)
			},
			insert: func(ctx context.Context, tx org.Tx, v org.SpendAlert) error { return tx.InsertSpendAlert(ctx, v) },
			update: func(ctx context.Context, tx org.Tx, v org.SpendAlert) error { return tx.UpdateSpendAlert(ctx, v) },
			remove: func(ctx context.Context, tx org.Tx, v org.SpendAlert) error {
				return tx.DeleteSpendAlert(ctx, o, v.ProjectID, v.ID)
			},
		}.check(t, s, o)

		// Every field, its zero, and a list that is empty and yet there.
		for _, v := range []org.Settings{
			n.settings(holder.projectID),
			{ProjectID: holder.projectID, OrganizationID: o},
			{ProjectID: holder.projectID, OrganizationID: o, Models: &org.ModelPermissions{Mode: org.AllowList, ModelIDs: []string{}}, ServiceTiers: []string{}},
		} {
			before, err := s.Version(ctx)
			if err != nil {
				t.Fatal(err)
			}
			update(t, s, o, func(tx org.Tx) error { return tx.PutSettings(ctx, v) })
			changes, err := s.Changes(ctx, before, 10)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "change feed", changes, []org.Change{{Version: before + 1, OrganizationID: o, Kind: org.ChangeSettings, ID: holder.objectID}})
			view(t, s, func(r org.Reader) error {
				got, err := r.Settings(ctx, o, holder.projectID)
				equal(t, "settings", got, v)
				return err
			})
		}
	}
	view(t, s, func(r org.Reader) error {
		_, err := r.Settings(ctx, o, "proj_none")
		wantNotFound(t, err, "Settings with ID 'proj_none' not found.")
		_, err = r.SpendAlert(ctx, o, "", n.alert.ID)
		wantNotFound(t, err, "Spend alert with ID '"+n.alert.ID+"' not found.")
		return nil
	})
}
