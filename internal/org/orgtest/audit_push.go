package orgtest

import (
	"testing"
	"time"

	"weir/internal/audit"
	"weir/internal/org"
)

// auditPushing: what is pending for each sink, who may push to it, and how far
// it has come.
func auditPushing(t *testing.T, s org.Store) {
	c := &clock{}
	a, b := newTenant(t, s, c), newTenant(t, s, c)
	ctx := t.Context()
	if a.org.ID > b.org.ID {
		a, b = b, a
	}
	for range 4 {
		update(t, s, a.org.ID, func(tx org.Tx) error { tx.Record(audit.Event{Action: "x"}); return nil })
	}
	pending := func(sink string, want ...org.AuditPending) {
		t.Helper()
		got, err := s.AuditPending(ctx, sink)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "pending for "+sink, got, append([]org.AuditPending(nil), want...))
	}
	hold := func(sink, holder string, now, until time.Time, want bool) {
		t.Helper()
		if got, err := s.HoldAuditSink(ctx, sink, holder, now, until); got != want || err != nil {
			t.Errorf("%s holds %s: %v, %v, want %v", holder, sink, got, err, want)
		}
	}
	advance := func(holder, organizationID string, seq int64, now time.Time, want bool) {
		t.Helper()
		if got, err := s.AdvanceAuditCursor(ctx, "webhook", holder, organizationID, seq, now); got != want || err != nil {
			t.Errorf("%s advances to %d: %v, %v, want %v", holder, seq, got, err, want)
		}
	}
	ofA, ofB := org.AuditPending{OrganizationID: a.org.ID, Head: 5}, org.AuditPending{OrganizationID: b.org.ID, Head: 1}
	pending("webhook", ofA, ofB)

	advance("node-1", a.org.ID, 3, epoch, false) // nobody holds it
	hold("webhook", "node-1", epoch, epoch.Add(time.Minute), true)
	hold("webhook", "node-1", epoch.Add(time.Second), epoch.Add(time.Minute), true)
	hold("webhook", "node-2", epoch.Add(time.Second), epoch.Add(time.Hour), false)
	hold("syslog", "node-2", epoch.Add(time.Second), epoch.Add(time.Hour), true)
	advance("node-2", a.org.ID, 3, epoch.Add(time.Second), false)
	advance("node-1", a.org.ID, 3, epoch.Add(time.Second), true)
	advance("node-1", a.org.ID, 2, epoch.Add(time.Second), true) // never back
	advance("node-1", b.org.ID, 1, epoch.Add(time.Second), true)
	ofA.Delivered = 3
	pending("webhook", ofA)
	pending("syslog", org.AuditPending{OrganizationID: a.org.ID, Head: 5}, ofB)
	for _, test := range []struct {
		sink, organizationID string
		want                 int64
	}{{"webhook", a.org.ID, 3}, {"webhook", b.org.ID, 1}, {"syslog", a.org.ID, 0}, {"webhook", "org-none", 0}} {
		if got, err := s.AuditDelivered(ctx, test.sink, test.organizationID); got != test.want || err != nil {
			t.Errorf("%s has had %d of %s, %v; want %d", test.sink, got, test.organizationID, err, test.want)
		}
	}
	// Its time has come, and another goes on; the first is too late.
	hold("webhook", "node-2", epoch.Add(time.Minute), epoch.Add(time.Hour), true)
	advance("node-1", a.org.ID, 5, epoch.Add(time.Minute), false)
	advance("node-2", a.org.ID, 5, epoch.Add(time.Minute), true)
	pending("webhook")
	// Letting go makes way at once.
	hold("webhook", "node-2", epoch.Add(time.Minute), epoch.Add(time.Minute), false)
	hold("webhook", "node-1", epoch.Add(time.Minute), epoch.Add(time.Hour), true)
}
