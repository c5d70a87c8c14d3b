package orgtest

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/org"
)

func (n *tenant) newWorkloadIdentityProvider() org.WorkloadIdentityProvider {
	at := n.clock.next()
	return org.WorkloadIdentityProvider{
		ID: id.At(id.WorkloadIdentityProvider, at), OrganizationID: n.org.ID, Name: "CI", Description: "the pipelines",
		Issuer: "https://token.example.com", Audience: "weir", Enabled: true,
		Verification:    org.TokenVerification{Type: org.VerifyByJWKS, JWKS: json.RawMessage(`{"keys":[{"kty":"EC"}]}`)},
		Transformations: []org.AttributeTransformation{{Attribute: "repo", Expression: "assertion.repository"}},
		CreatedAt:       at, UpdatedAt: at,
	}
}

func (n *tenant) newFederationRule(serviceAccountID string) org.FederationRule {
	at := n.clock.next()
	return org.FederationRule{
		ID: id.At(id.FederationRule, at), OrganizationID: n.org.ID, ProviderID: n.provider.ID, ProjectID: n.project.ID, ServiceAccountID: serviceAccountID,
		Name: "main", Description: "of the main branch", Enabled: true,
		Matchers: map[string]json.RawMessage{"sub": json.RawMessage(`"repo:a/b"`), "run": json.RawMessage(`12345678901234567890`)},
		Scopes:   []string{"api.model.request"}, CreatedAt: at, UpdatedAt: at,
	}
}

func workloadIdentityFamily() family {
	return family{
		insert: func(ctx context.Context, tx org.Tx, n *tenant) error {
			n.provider = n.newWorkloadIdentityProvider()
			n.rule = n.newFederationRule(n.workload().ID)
			return errors.Join(tx.InsertServiceAccount(ctx, n.workload()), tx.InsertWorkloadIdentityProvider(ctx, n.provider), tx.InsertFederationRule(ctx, n.rule))
		},
		probes: func(a *tenant) map[string]probe {
			page := org.Page{Limit: 100}
			return map[string]probe{
				"WorkloadIdentityProvider": func(ctx context.Context, r org.Reader, o string) (any, error) {
					return r.WorkloadIdentityProvider(ctx, o, a.provider.ID)
				},
				"WorkloadIdentityProviders": lists(a.provider, func(ctx context.Context, r org.Reader, o string) (org.Rows[org.WorkloadIdentityProvider], error) {
					return r.WorkloadIdentityProviders(ctx, o, page)
				}),
				"FederationRule": func(ctx context.Context, r org.Reader, o string) (any, error) {
					return r.FederationRule(ctx, o, a.provider.ID, a.rule.ID)
				},
				"FederationRules": func(ctx context.Context, r org.Reader, o string) (any, error) {
					rows, err := r.FederationRules(ctx, o, a.provider.ID, org.FederationRuleFilter{Page: page})
					return rows.Items, err
				},
			}
		},
		writes: func(ctx context.Context, a *tenant, o string) map[string]func(org.Tx) error {
			provider, rule := a.provider, a.rule
			provider.OrganizationID, rule.OrganizationID = o, o
			return map[string]func(org.Tx) error{
				"UpdateWorkloadIdentityProvider": func(tx org.Tx) error { return tx.UpdateWorkloadIdentityProvider(ctx, provider) },
				"DeleteWorkloadIdentityProvider": func(tx org.Tx) error { return tx.DeleteWorkloadIdentityProvider(ctx, o, provider.ID) },
				"UpdateFederationRule":           func(tx org.Tx) error { return tx.UpdateFederationRule(ctx, rule) },
				"DeleteFederationRule":           func(tx org.Tx) error { return tx.DeleteFederationRule(ctx, o, provider.ID, rule.ID) },
			}
		},
		lists: []pageable{{
			name: "workload identity providers",
			insert: func(ctx context.Context, tx org.Tx, n *tenant, at time.Time) (string, error) {
				v := n.newWorkloadIdentityProvider()
				v.CreatedAt = at
				return v.ID, tx.InsertWorkloadIdentityProvider(ctx, v)
			},
			remove: func(ctx context.Context, tx org.Tx, n *tenant, rowID string) error {
				return tx.DeleteWorkloadIdentityProvider(ctx, n.org.ID, rowID)
			},
			list: func(ctx context.Context, r org.Reader, n *tenant, p org.Page) ([]place, bool, error) {
				rows, err := r.WorkloadIdentityProviders(ctx, n.org.ID, p)
				return places(rows, err, func(v org.WorkloadIdentityProvider) place { return place{v.CreatedAt, v.ID} })
			},
		}, {
			name: "federation rules",
			insert: func(ctx context.Context, tx org.Tx, n *tenant, at time.Time) (string, error) {
				v := n.newFederationRule(n.workload().ID)
				v.CreatedAt = at
				return v.ID, tx.InsertFederationRule(ctx, v)
			},
			remove: func(ctx context.Context, tx org.Tx, n *tenant, rowID string) error {
				return tx.DeleteFederationRule(ctx, n.org.ID, n.provider.ID, rowID)
			},
			list: func(ctx context.Context, r org.Reader, n *tenant, p org.Page) ([]place, bool, error) {
				rows, err := r.FederationRules(ctx, n.org.ID, n.provider.ID, org.FederationRuleFilter{Page: p})
				return places(rows, err, func(v org.FederationRule) place { return place{v.CreatedAt, v.ID} })
			},
		}},
	}
}

// workload is the account of the tenant's rule.
func (n *tenant) workload() org.ServiceAccount {
	account := n.account
	account.ID, account.Name = n.account.ID+"w", "Workload"
	return account
}

func workloadIdentity(t *testing.T, s org.Store) {
	n := newTenant(t, s, &clock{})
	ctx, o := t.Context(), n.org.ID
	noun[org.WorkloadIdentityProvider]{
		label: "Workload identity provider", id: func(v org.WorkloadIdentityProvider) string { return v.ID }, create: n.newWorkloadIdentityProvider,
		change: func(v *org.WorkloadIdentityProvider) {
			v.Name, v.Description, v.Issuer, v.Audience, v.Enabled = "renamed", "", "https://other.example.com/x", "other", false
			v.Verification, v.Transformations = org.TokenVerification{Type: org.VerifyByDiscovery, DiscoveryURL: "https://a.b/c"}, nil
			v.UpdatedAt = n.clock.next()
		},
		get: func(ctx context.Context, r org.Reader, v org.WorkloadIdentityProvider) (org.WorkloadIdentityProvider, error) {
			anywhere, err := r.WorkloadIdentityProviderByID(ctx, v.ID)
			found, err2 := r.WorkloadIdentityProvider(ctx, o, v.ID)
			equal(t, "by id alone", anywhere, found)
			equal(t, "error by id alone", err, err2)
			return found, err2
		},
		insert: func(ctx context.Context, tx org.Tx, v org.WorkloadIdentityProvider) error {
			return tx.InsertWorkloadIdentityProvider(ctx, v)
		},
		update: func(ctx context.Context, tx org.Tx, v org.WorkloadIdentityProvider) error {
			return tx.UpdateWorkloadIdentityProvider(ctx, v)
		},
		remove: func(ctx context.Context, tx org.Tx, v org.WorkloadIdentityProvider) error {
			return tx.DeleteWorkloadIdentityProvider(ctx, o, v.ID)
		},
	}.check(t, s, o)
	noun[org.FederationRule]{
		label: "Federation rule", id: func(v org.FederationRule) string { return v.ID },
		create: func() org.FederationRule { return n.newFederationRule(n.account.ID) },
		change: func(v *org.FederationRule) {
			v.Name, v.Description, v.Enabled, v.Scopes = "", "", false, nil
			v.Matchers, v.UpdatedAt = map[string]json.RawMessage{"ok": json.RawMessage(`true`)}, n.clock.next()
		},
		get: func(ctx context.Context, r org.Reader, v org.FederationRule) (org.FederationRule, error) {
			return r.FederationRule(ctx, o, v.ProviderID, v.ID)
		},
		insert: func(ctx context.Context, tx org.Tx, v org.FederationRule) error {
			return tx.InsertFederationRule(ctx, v)
		},
		update: func(ctx context.Context, tx org.Tx, v org.FederationRule) error {
			return tx.UpdateFederationRule(ctx, v)
		},
		remove: func(ctx context.Context, tx org.Tx, v org.FederationRule) error {
			return tx.DeleteFederationRule(ctx, o, v.ProviderID, v.ID)
		},
	}.check(t, s, o)

	second, elsewhere, third := n.newWorkloadIdentityProvider(), n.newFederationRule(n.account.ID), n.newFederationRule(n.account.ID)
	elsewhere.ProviderID = second.ID
	update(t, s, o, func(tx org.Tx) error {
		return errors.Join(tx.InsertWorkloadIdentityProvider(ctx, second), tx.InsertFederationRule(ctx, elsewhere), tx.InsertFederationRule(ctx, third))
	})
	if err := refuse(t, s, o, func(tx org.Tx) error { return tx.DeleteWorkloadIdentityProvider(ctx, o, second.ID) }); fault.KindOf(err) != fault.Internal {
		t.Errorf("a provider with rules: %v, want an internal error", err)
	}
	rules := func(what, providerID, accountID string, want ...org.FederationRule) {
		t.Helper()
		view(t, s, func(r org.Reader) error {
			rows, err := r.FederationRules(ctx, o, providerID, org.FederationRuleFilter{Page: org.Page{Limit: 9}, ServiceAccountID: accountID})
			equal(t, what, rows.Items, want)
			return err
		})
	}
	rules("of a provider", n.provider.ID, "", third, n.rule)
	rules("of a provider for an account", n.provider.ID, n.account.ID, third)
	rules("of another provider", second.ID, "", elsewhere)
	wantNotFound(t, refuse(t, s, o, func(tx org.Tx) error { return tx.DeleteFederationRule(ctx, o, second.ID, third.ID) }),
		"Federation rule with ID '"+third.ID+"' not found.")
	update(t, s, o, func(tx org.Tx) error {
		none, err := tx.DeleteFederationRulesOf(ctx, n.newOrganizationID(), n.account.ID)
		equal(t, "rules of another organization", len(none), 0)
		gone, err2 := tx.DeleteFederationRulesOf(ctx, o, n.account.ID)
		equal(t, "rules of an account", gone, []org.FederationRule{elsewhere, third})
		return errors.Join(err, err2)
	})
	rules("what is left", n.provider.ID, "", n.rule)
	rules("nothing is left", second.ID, "")
}

func expiredKeys(t *testing.T, s org.Store) {
	n := newTenant(t, s, &clock{})
	ctx, o := t.Context(), n.org.ID
	end := epoch.Add(48 * time.Hour)
	made := func(change func(*org.APIKey)) org.APIKey {
		key := n.newAPIKey(n.project.ID)
		key.UserID, key.ServiceAccountID, key.Name, key.ExpiresAt = "", n.account.ID, "Workload identity", end.Add(-time.Second)
		change(&key)
		return key
	}
	first, second, third := made(func(*org.APIKey) {}), made(func(*org.APIKey) {}), made(func(*org.APIKey) {})
	kept := []org.APIKey{
		made(func(k *org.APIKey) { k.ExpiresAt = end }),
		made(func(k *org.APIKey) { k.ExpiresAt = time.Time{} }), // never
		made(func(k *org.APIKey) { k.Name = "Another" }),
		made(func(k *org.APIKey) { k.ServiceAccountID = n.workload().ID }),
	}
	update(t, s, o, func(tx org.Tx) error {
		for _, key := range append([]org.APIKey{first, second, third}, kept...) {
			if err := tx.InsertAPIKey(ctx, key); err != nil {
				return err
			}
		}
		return nil
	})
	which := org.ExpiredAPIKeys{
		OrganizationID: o, ProjectID: n.project.ID, ServiceAccountID: n.account.ID, Name: "Workload identity", Before: end, Limit: 2,
	}
	sweep := func(which org.ExpiredAPIKeys, want ...string) {
		t.Helper()
		update(t, s, o, func(tx org.Tx) error {
			got, err := tx.DeleteExpiredAPIKeys(ctx, which)
			equal(t, "swept", append([]string{}, got...), append([]string{}, want...))
			return err
		})
	}
	stranger := which
	stranger.OrganizationID = n.newOrganizationID()
	sweep(stranger)
	sweep(which, first.ID, second.ID)
	sweep(which, third.ID)
	sweep(which)
	view(t, s, func(r org.Reader) error {
		for _, key := range kept {
			if got, err := r.APIKeyByID(ctx, o, key.ID); err != nil {
				return err
			} else if got.ID != key.ID {
				t.Errorf("%s is gone", key.ID)
			}
		}
		return nil
	})
}

// newOrganizationID is that of no organization.
func (n *tenant) newOrganizationID() string { return id.At(id.Organization, n.clock.next()) }
