package orgtest

import (
	"context"

	"weir/internal/org"
)

// probe asks for rows of one organization in the name of the organization o.
type probe func(ctx context.Context, r org.Reader, o string) (rows any, err error)

// family is what the tests that go over every noun know of those with a file of
// their own here. Each field may be nil.
type family struct {
	// insert gives a new tenant its rows.
	insert func(ctx context.Context, tx org.Tx, n *tenant) error
	// probes has an entry for each method of org.Reader that takes an
	// organization, and asks for rows of a.
	probes func(a *tenant) map[string]probe
	// writes has an entry for each method of org.Tx that updates or deletes a
	// row of a, in the name of the organization o, which is not a's.
	writes func(ctx context.Context, a *tenant, o string) map[string]func(org.Tx) error
	lists  []pageable
}

func families() []family {
	return []family{
		certificateFamily(),
		checkpointFamily(),
		ipAllowlistFamily(),
		inviteFamily(),
		scimFamily(),
		rateLimitFamily(),
		settingsFamily(),
		notificationFamily(),
		auditFamily(),
		externalFamily(),
		accessFamily(),
		workloadIdentityFamily(),
	}
}

func (n *tenant) insertFamilies(ctx context.Context, tx org.Tx) error {
	for _, f := range families() {
		if f.insert == nil {
			continue
		}
		if err := f.insert(ctx, tx, n); err != nil {
			return err
		}
	}
	return nil
}
