package orgtest

import (
	"context"
	"errors"
	"testing"

	"weir/internal/fault"
	"weir/internal/org"
)

func (n *tenant) rateLimit(projectID string) org.RateLimitOverride {
	return org.RateLimitOverride{
		Model: "own/gpt-4o", ProjectID: projectID, OrganizationID: n.org.ID,
		Rates: org.Rates{org.RequestsPerMinute: 0, org.BatchInputTokensPerDay: 1 << 53},
	}
}

func rateLimitFamily() family {
	return family{
		insert: func(ctx context.Context, tx org.Tx, n *tenant) error {
			return errors.Join(tx.PutRateLimitOverride(ctx, n.rateLimit("")), tx.PutRateLimitOverride(ctx, n.rateLimit(n.project.ID)))
		},
		probes: func(a *tenant) map[string]probe {
			return map[string]probe{
				"RateLimitOverrides": func(ctx context.Context, r org.Reader, o string) (any, error) {
					return r.RateLimitOverrides(ctx, o, a.project.ID)
				},
			}
		},
		writes: func(ctx context.Context, a *tenant, o string) map[string]func(org.Tx) error {
			return map[string]func(org.Tx) error{
				"DeleteRateLimitOverride": func(tx org.Tx) error {
					return tx.DeleteRateLimitOverride(ctx, o, a.project.ID, a.rateLimit("").Model)
				},
			}
		},
	}
}

// rateLimits are of an organization or of one of its projects, one for each
// model.
func rateLimits(t *testing.T, s org.Store) {
	c := &clock{}
	n := newTenant(t, s, c)
	newTenant(t, s, c) // whose rows are not to be seen
	ctx, o := t.Context(), n.org.ID
	is := func(what, projectID string, want ...org.RateLimitOverride) {
		t.Helper()
		view(t, s, func(r org.Reader) error {
			rows, err := r.RateLimitOverrides(ctx, o, projectID)
			equal(t, what, rows, want)
			return err
		})
	}
	carried := func(objectID string, write func(org.Tx) error) {
		t.Helper()
		before, err := s.Version(ctx)
		if err != nil {
			t.Fatal(err)
		}
		update(t, s, o, write)
		changes, err := s.Changes(ctx, before, 10)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "change feed", changes, []org.Change{{Version: before + 1, OrganizationID: o, Kind: org.ChangeRateLimits, ID: objectID}})
	}
	is("the organization's", "", n.rateLimit(""))
	is("the project's", n.project.ID, n.rateLimit(n.project.ID))
	is("a project's that has none", "proj_none")
	is("a project's that cannot be", "proj_\x00")

	changed := n.rateLimit("")
	changed.Rates = org.Rates{org.TokensPerMinute: 1}
	carried(o, func(tx org.Tx) error { return tx.PutRateLimitOverride(ctx, changed) })
	is("replaced", "", changed)
	is("the project's is untouched", n.project.ID, n.rateLimit(n.project.ID))
	carried(n.project.ID, func(tx org.Tx) error {
		return tx.DeleteRateLimitOverride(ctx, o, n.project.ID, changed.Model)
	})
	is("deleted", n.project.ID)
	for _, model := range []string{changed.Model, "\x00"} {
		if err := refuse(t, s, o, func(tx org.Tx) error { return tx.DeleteRateLimitOverride(ctx, o, n.project.ID, model) }); !fault.Is(err, fault.NotFound) {
			t.Errorf("deleting what is not there: %v", err)
		}
	}
}
