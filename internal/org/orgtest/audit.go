package orgtest

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/org"
)

// chain reads an organization's log from its beginning.
func chain(t tester, s org.Store, organizationID string) []audit.Event {
	t.Helper()
	var events []audit.Event
	view(t, s, func(r org.Reader) error {
		events = nil
		return r.AuditChain(t.Context(), organizationID, 0, func(e audit.Event) error {
			events = append(events, e)
			return nil
		})
	})
	return events
}

// verifyChain wants an organization's log to be whole, and returns it.
func verifyChain(t tester, s org.Store, organizationID string) []audit.Event {
	t.Helper()
	events, hash := chain(t, s, organizationID), ""
	for i := range events {
		e := &events[i]
		if e.Seq != int64(i)+1 {
			t.Errorf("event %d has sequence %d", i+1, e.Seq)
		}
		if err := e.Verify(hash); err != nil {
			t.Error(err)
		}
		hash = e.Hash
	}
	return events
}

func recorded(t *testing.T, s org.Store) {
	n := newTenant(t, s, &clock{})
	ctx := t.Context()
	actor := audit.Actor{
		OrganizationID: n.org.ID, Type: audit.ActorSession, UserID: n.user.ID, UserEmail: n.user.Email, APIKeyID: "key_1",
		ServiceAccountID: "svc_1", SessionID: "sess_1", IPAddress: "192.0.2.7", UserAgent: "Browser/1",
	}
	before := len(chain(t, s, n.org.ID))
	if _, err := s.Update(ctx, actor, func(tx org.Tx) error {
		tx.Record(audit.Event{Action: "a"})
		tx.Record(audit.Event{Action: "b"}, audit.Event{Action: "c"})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	events := verifyChain(t, s, n.org.ID)[before:]
	var actions string
	for _, e := range events {
		actions += e.Action
		if !strings.HasPrefix(e.ID, id.AuditEvent) || e.EffectiveAt.IsZero() || e.OrganizationID != n.org.ID || string(e.Details) != "{}" {
			t.Errorf("not filled in: %+v", e)
		}
		equal(t, "actor", e.Actor, actor)
	}
	equal(t, "events in the order they were recorded", actions, "abc")
	for _, details := range []string{"null", "[]", `"x"`, "{", "", " {}x"} {
		err := refuse(t, s, n.org.ID, func(tx org.Tx) error {
			tx.Record(audit.Event{Action: "a", Details: json.RawMessage(details)})
			return nil
		})
		if fault.KindOf(err) != fault.Internal {
			t.Errorf("details %q: %v, want an internal error", details, err)
		}
	}
}

func eventFields(t *testing.T, s org.Store) {
	n := newTenant(t, s, &clock{})
	want := audit.Event{
		ID: "audit_log-1", OrganizationID: n.org.ID, Action: "weir.x.created", Type: "x.created",
		EffectiveAt: epoch.Add(123456789 * time.Microsecond), ProjectID: n.project.ID, ProjectName: "Projekt „A“",
		Actor: audit.Actor{
			OrganizationID: n.org.ID, Type: audit.ActorAPIKey, UserID: "user-1", UserEmail: "a@example.com", ServiceAccountID: "svc_1",
			APIKeyID: "key_1", SessionID: "sess_1", IPAddress: "::1", UserAgent: "curl",
		},
		ResourceID: "x_1", Details: json.RawMessage(`{ "id":"x_1", "b": 1.0, "a": "\u0000é" }`),
	}
	update(t, s, n.org.ID, func(tx org.Tx) error { tx.Record(want); return nil })
	events := verifyChain(t, s, n.org.ID)
	got := events[len(events)-1]
	want.Seq, want.PrevHash, want.Hash = got.Seq, got.PrevHash, got.Hash
	equal(t, "event", got, want)
	view(t, s, func(r org.Reader) error {
		rows, err := r.AuditEvents(t.Context(), n.org.ID, audit.Query{Limit: 1})
		equal(t, "newest event", rows, org.Rows[audit.Event]{Items: []audit.Event{want}, More: true})
		var rest []audit.Event
		err2 := r.AuditChain(t.Context(), n.org.ID, want.Seq-1, func(e audit.Event) error { rest = append(rest, e); return nil })
		equal(t, "the chain from there", rest, []audit.Event{want})
		return errors.Join(err, err2)
	})
}

// chains: each organization has its own, also when one transaction writes to
// several.
func chains(t *testing.T, s org.Store) {
	c := &clock{}
	a, b := newTenant(t, s, c), newTenant(t, s, c)
	for range 5 {
		update(t, s, a.org.ID, func(tx org.Tx) error {
			tx.Record(audit.Event{Action: "x"}, audit.Event{Action: "y", OrganizationID: b.org.ID, Actor: audit.System(b.org.ID)}, audit.Event{Action: "z"})
			return nil
		})
	}
	if got := len(verifyChain(t, s, a.org.ID)); got != 11 {
		t.Errorf("the first log has %d events", got)
	}
	if got := len(verifyChain(t, s, b.org.ID)); got != 6 {
		t.Errorf("the second log has %d events", got)
	}
	stop, calls := errors.New("stop"), 0
	err := s.View(t.Context(), func(r org.Reader) error {
		return r.AuditChain(t.Context(), a.org.ID, 0, func(audit.Event) error { calls++; return stop })
	})
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("an error of fn: got %v after %d calls", err, calls)
	}
}
