package orgtest

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"weir/internal/audit"
	"weir/internal/org"
)

// auditPlaces: the end of a chain, stretches of it, and where it reached a time.
func auditPlaces(t *testing.T, s org.Store) {
	c := &clock{}
	n, other := newTenant(t, s, c), newTenant(t, s, c)
	ctx := t.Context()
	first := len(chain(t, s, n.org.ID)) // dated by the store's clock
	base := time.Now().Add(time.Hour).Truncate(time.Second)
	// Seconds after base; the events at 2 and 1 come late.
	for _, second := range []int{0, 3, 2, 5, 1, 5, 8} {
		update(t, s, n.org.ID, func(tx org.Tx) error {
			tx.Record(audit.Event{Action: "x", EffectiveAt: base.Add(time.Duration(second) * time.Second)})
			return nil
		})
	}
	events := verifyChain(t, s, n.org.ID)
	view(t, s, func(r org.Reader) error {
		head, err := r.AuditHead(ctx, n.org.ID)
		last := events[len(events)-1]
		equal(t, "head", head, audit.Link{Seq: last.Seq, Hash: last.Hash})
		if err != nil {
			return err
		}
		for _, none := range []string{"org-none", "", "\x00"} {
			head, err := r.AuditHead(ctx, none)
			equal(t, "head of nobody", head, audit.Link{})
			if err != nil {
				return err
			}
			checkpoint, err := r.AuditCheckpoint(ctx, none)
			equal(t, "checkpoint of nobody", checkpoint, audit.Checkpoint{})
			if err != nil {
				return err
			}
			stretch, err := r.AuditStretch(ctx, none, 0, 10)
			if len(stretch) > 0 || err != nil {
				t.Errorf("events of nobody: %v, %v", stretch, err)
			}
		}
		ids, err := r.OrganizationsAudited(ctx)
		want := []string{n.org.ID, other.org.ID}
		slices.Sort(want)
		equal(t, "organizations", ids, want)
		if err != nil {
			return err
		}
		var walked []audit.Event
		for {
			after := int64(0)
			if len(walked) > 0 {
				after = walked[len(walked)-1].Seq
			}
			stretch, err := r.AuditStretch(ctx, n.org.ID, after, 2)
			if err != nil {
				return err
			}
			if walked = append(walked, stretch...); len(stretch) < 2 {
				break
			}
		}
		equal(t, "the log in stretches of two", walked, events)
		for second, want := range map[int]int{-1: 1, 0: 1, 1: 2, 2: 2, 3: 2, 4: 4, 5: 4, 6: 7, 8: 7, 9: 0} {
			seq, found, err := r.AuditReached(ctx, n.org.ID, base.Add(time.Duration(second)*time.Second))
			if err != nil {
				return err
			}
			if found != (want > 0) || found && seq != int64(first+want) {
				t.Errorf("the log reached second %d with event %d (%v), want %d", second, seq-int64(first), found, want)
			}
		}
		for at, want := range []int{0, 1, 2, 2, 4, 4, 6, 7} {
			if at == 0 {
				continue
			}
			if seq, err := r.AuditPunctual(ctx, n.org.ID, int64(first+at)); err != nil || seq != int64(first+want) {
				t.Errorf("the last punctual event up to %d is %d, want %d: %v", at, seq-int64(first), want, err)
			}
		}
		return nil
	})
}

func auditFamily() family {
	return family{
		insert: func(ctx context.Context, tx org.Tx, n *tenant) error {
			return tx.PutAuditCheckpoint(ctx, audit.Checkpoint{
				OrganizationID: n.org.ID, Link: audit.Link{Seq: 1, Hash: "abc"}, Through: epoch, Count: 1, At: epoch, KeyID: "k", Signature: "s",
			})
		},
		probes: func(a *tenant) map[string]probe {
			ofA := func(e audit.Event) bool { return e.OrganizationID == a.org.ID }
			return map[string]probe{
				"AuditHead": func(ctx context.Context, r org.Reader, o string) (any, error) {
					head, err := r.AuditHead(ctx, o)
					if err != nil {
						return nil, err
					}
					events, err := r.AuditStretch(ctx, o, head.Seq-1, 1)
					return slices.DeleteFunc(events, func(e audit.Event) bool { return !ofA(e) || e.Hash != head.Hash }), err
				},
				"AuditCheckpoint": func(ctx context.Context, r org.Reader, o string) (any, error) {
					c, err := r.AuditCheckpoint(ctx, o)
					return slices.DeleteFunc([]string{c.OrganizationID}, func(id string) bool { return id != a.org.ID }), err
				},
				"AuditStretch": func(ctx context.Context, r org.Reader, o string) (any, error) {
					events, err := r.AuditStretch(ctx, o, 0, 100)
					return slices.DeleteFunc(events, func(e audit.Event) bool { return !ofA(e) }), err
				},
				"AuditPunctual": func(ctx context.Context, r org.Reader, o string) (any, error) {
					seq, err := r.AuditPunctual(ctx, o, 1<<40)
					if err != nil {
						return nil, err
					}
					events, err := r.AuditStretch(ctx, o, seq-1, 1)
					return slices.DeleteFunc(events, func(e audit.Event) bool { return !ofA(e) }), err
				},
				"AuditReached": func(ctx context.Context, r org.Reader, o string) (any, error) {
					seq, _, err := r.AuditReached(ctx, o, epoch.AddDate(-100, 0, 0))
					if err != nil {
						return nil, err
					}
					events, err := r.AuditStretch(ctx, o, seq-1, 1)
					return slices.DeleteFunc(events, func(e audit.Event) bool { return !ofA(e) }), err
				},
			}
		},
	}
}

// auditPruning: the oldest events make way for a checkpoint, of one organization
// only, and the chain goes on behind it.
func auditPruning(t *testing.T, s org.Store) {
	c := &clock{}
	n, other := newTenant(t, s, c), newTenant(t, s, c)
	ctx := t.Context()
	for range 5 {
		update(t, s, n.org.ID, func(tx org.Tx) error { tx.Record(audit.Event{Action: "x"}); return nil })
	}
	log := chain(t, s, n.org.ID)
	cut := log[2]
	for _, count := range []int64{1, 3} { // the second replaces the first
		want := audit.Checkpoint{
			OrganizationID: n.org.ID, Link: audit.Link{Seq: cut.Seq, Hash: cut.Hash}, Through: cut.EffectiveAt, Count: count,
			At: epoch.Add(time.Hour), KeyID: "0123456789abcdef", Signature: "fedc",
		}
		update(t, s, n.org.ID, func(tx org.Tx) error {
			tx.Record(audit.Event{Action: "pruned", Details: json.RawMessage(`{}`)})
			if err := tx.PutAuditCheckpoint(ctx, want); err != nil {
				return err
			}
			return tx.DeleteAuditEvents(ctx, n.org.ID, cut.Seq+1) // one more than the checkpoint stands for
		})
		view(t, s, func(r org.Reader) error {
			got, err := r.AuditCheckpoint(ctx, n.org.ID)
			equal(t, "checkpoint", got, want)
			return err
		})
	}
	walk := audit.NewWalk(n.org.ID, audit.Link{Seq: cut.Seq, Hash: cut.Hash})
	for _, e := range chain(t, s, n.org.ID) {
		if err := walk.Next(&e); err != nil {
			t.Error(err)
		}
	}
	equal(t, "events left", walk.Events(), int64(len(log)-3+2))
	equal(t, "the other's", len(chain(t, s, other.org.ID)), 1)
	view(t, s, func(r org.Reader) error {
		rows, err := r.AuditEvents(ctx, n.org.ID, audit.Query{Limit: 100})
		equal(t, "listed", len(rows.Items), len(log)-3+2)
		return err
	})
}
