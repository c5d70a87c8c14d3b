package orgtest

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/org"
)

// Values that events have and filters ask for; the last of each is in no event.
var (
	someResources = []string{"r1", "r2", "r3", "r4"}
	someProjects  = []string{"", "p1", "p2", "p3"}
	someActions   = []string{"project.created", "project.updated", "weir.thing.made", "never.done"}
	someActors    = []string{"user-1", "user-2", "svc_1", "key_1", "key_2", "user-9"}
	someEmails    = []string{"a@example.com", "b@example.com", "c@example.com"}
)

// fillLog writes a log in which clocks do not always agree, one transaction
// after the other, and returns it, newest first.
func fillLog(t *testing.T, s org.Store) (organizationID string, log []audit.Event) {
	n := newTenant(t, s, &clock{})
	draw := rapid.Custom(func(rt *rapid.T) audit.Event {
		pick := func(what string, of []string) string { return rapid.SampledFrom(of[:len(of)-1]).Draw(rt, what) }
		e := audit.Event{
			Action: pick("action", someActions), ProjectID: pick("project", someProjects), ResourceID: pick("resource", someResources),
			Actor: audit.Actor{Type: audit.ActorAPIKey},
			// A quarter of a second to a step, and up to three back.
			EffectiveAt: epoch.Add(time.Duration(rapid.IntRange(-12, 0).Draw(rt, "late")) * 250 * time.Millisecond),
		}
		if e.Action[0] != 'w' {
			e.Type = e.Action
		}
		switch rapid.IntRange(0, 3).Draw(rt, "actor") {
		case 0:
			e.Actor.UserID, e.Actor.UserEmail = "user-1", "a@example.com"
		case 1:
			e.Actor.UserID, e.Actor.UserEmail, e.Actor.APIKeyID = "user-2", "b@example.com", "key_2"
		case 2:
			e.Actor.ServiceAccountID, e.Actor.APIKeyID = "svc_1", "key_1"
		case 3:
			e.Actor.Type = audit.ActorSystem
		}
		return e
	})
	for step := range 30 {
		update(t, s, n.org.ID, func(tx org.Tx) error {
			for i := range 4 {
				e := draw.Example(4*step + i)
				e.EffectiveAt = e.EffectiveAt.Add(time.Duration(step) * 500 * time.Millisecond)
				tx.Record(e)
			}
			return nil
		})
	}
	log = verifyChain(t, s, n.org.ID)
	slices.Reverse(log)
	return n.org.ID, log
}

// matches is the plainest reading of audit.Query. An empty project is the
// organization itself; an empty actor or address is nobody's.
func matches(q *audit.Query, e *audit.Event) bool {
	in := func(values []string, of ...string) bool {
		return len(values) == 0 || slices.ContainsFunc(of, func(v string) bool { return slices.Contains(values, v) })
	}
	who := func(values []string, of ...string) bool {
		return len(values) == 0 || slices.ContainsFunc(of, func(v string) bool { return v != "" && slices.Contains(values, v) })
	}
	kind := e.Action
	if q.Compatible {
		kind = e.Type
	}
	at := e.EffectiveAt.Unix()
	return (!q.Compatible || e.Type != "") &&
		(q.EffectiveGT == nil || at > *q.EffectiveGT) && (q.EffectiveGTE == nil || at >= *q.EffectiveGTE) &&
		(q.EffectiveLT == nil || at < *q.EffectiveLT) && (q.EffectiveLTE == nil || at <= *q.EffectiveLTE) &&
		in(q.ProjectIDs, e.ProjectID) && in(q.Types, kind) && in(q.ResourceIDs, e.ResourceID) &&
		who(q.ActorEmails, e.Actor.UserEmail) && who(q.ActorIDs, e.Actor.UserID, e.Actor.ServiceAccountID, e.Actor.APIKeyID)
}

func drawQuery(rt *rapid.T) audit.Query {
	some := func(what string, of []string) []string {
		if !rapid.Bool().Draw(rt, what+"?") {
			return nil
		}
		return rapid.SliceOfN(rapid.SampledFrom(of), 1, 3).Draw(rt, what)
	}
	seconds := func(what string) *int64 {
		if rapid.IntRange(0, 3).Draw(rt, what+"?") > 0 {
			return nil
		}
		v := rapid.OneOf(
			rapid.Int64Range(epoch.Unix()-5, epoch.Unix()+20),
			rapid.SampledFrom([]int64{0, math.MinInt64, math.MaxInt64}),
		).Draw(rt, what)
		return &v
	}
	return audit.Query{
		Compatible:  rapid.Bool().Draw(rt, "compatible"),
		EffectiveGT: seconds("gt"), EffectiveGTE: seconds("gte"), EffectiveLT: seconds("lt"), EffectiveLTE: seconds("lte"),
		ProjectIDs: some("projects", someProjects), Types: some("types", someActions), ResourceIDs: some("resources", someResources),
		ActorIDs: some("actors", someActors), ActorEmails: some("emails", someEmails),
	}
}

func auditFilters(t *testing.T, s org.Store) {
	organizationID, log := fillLog(t, s)
	check := func(t tester, q audit.Query) {
		t.Helper()
		q.Limit = 1000
		var want []string
		for i := range log {
			if matches(&q, &log[i]) {
				want = append(want, log[i].ID)
			}
		}
		view(t, s, func(r org.Reader) error {
			rows, err := r.AuditEvents(t.Context(), organizationID, q)
			if err == nil && (!slices.Equal(eventIDs(rows.Items), want) || rows.More) {
				t.Errorf("%+v: got %d events, want %d (more: %v)", q, len(rows.Items), len(want), rows.More)
			}
			return err
		})
	}
	for i, q := range []audit.Query{
		{}, {Compatible: true},
		{Types: someActions[:1]}, {Types: someActions[:2], Compatible: true}, {Types: someActions[2:3], Compatible: true},
		{ProjectIDs: []string{""}}, {ProjectIDs: someProjects[:2]}, {ResourceIDs: someResources[:2]},
		{ActorIDs: []string{"user-1"}}, {ActorIDs: []string{"svc_1"}}, {ActorIDs: []string{"key_2"}}, {ActorIDs: []string{"user-2", "key_2", ""}},
		{ActorEmails: someEmails}, {ActorEmails: []string{""}}, {ResourceIDs: []string{"r9"}},
	} {
		t.Run(fmt.Sprint("alone ", i), func(t *testing.T) { check(t, q) })
	}
	for at := epoch.Unix() - 4; at < epoch.Unix()+18; at++ {
		check(t, audit.Query{EffectiveGT: &at})
		check(t, audit.Query{EffectiveGTE: &at})
		check(t, audit.Query{EffectiveLT: &at})
		check(t, audit.Query{EffectiveLTE: &at})
	}
	many := make([]string, 300) // more than a statement can have branches for
	for i := range many {
		many[i] = fmt.Sprintf("r%d", i)
	}
	check(t, audit.Query{ResourceIDs: many})
	check(t, audit.Query{ResourceIDs: many, ActorIDs: many, Types: someActions[:1]})
	rapid.Check(t, func(rt *rapid.T) { check(rt, drawQuery(rt)) })
}

func eventIDs(events []audit.Event) []string {
	var ids []string
	for i := range events {
		ids = append(ids, events[i].ID)
	}
	return ids
}

func auditPages(t *testing.T, s org.Store) {
	organizationID, log := fillLog(t, s)
	rapid.Check(t, func(rt *rapid.T) {
		q := drawQuery(rt)
		q.Limit = rapid.IntRange(1, 9).Draw(rt, "limit")
		var whole []string
		for i := range log {
			if matches(&q, &log[i]) {
				whole = append(whole, log[i].ID)
			}
		}
		view(rt, s, func(r org.Reader) error {
			var walked []string
			for {
				rows, err := r.AuditEvents(rt.Context(), organizationID, q)
				if err != nil {
					return err
				}
				walked = append(walked, eventIDs(rows.Items)...)
				if rows.More != (len(walked) < len(whole)) {
					rt.Fatalf("%+v: more is %v after %d of %d", q, rows.More, len(walked), len(whole))
				}
				if !rows.More {
					break
				}
				q.After = walked[len(walked)-1]
			}
			if !slices.Equal(walked, whole) {
				rt.Errorf("%+v: walked %v, want %v", q, walked, whole)
			}
			q.After = ""
			if len(whole) == 0 {
				return nil
			}
			i := rapid.IntRange(0, len(whole)-1).Draw(rt, "before")
			q.Before = whole[i]
			rows, err := r.AuditEvents(rt.Context(), organizationID, q)
			from := max(i-q.Limit, 0)
			if err == nil && (!slices.Equal(eventIDs(rows.Items), whole[from:i]) || rows.More != (from > 0)) {
				rt.Errorf("before %d: got %v (more: %v), want %v", i, eventIDs(rows.Items), rows.More, whole[from:i])
			}
			return err
		})
	})
	other := newTenant(t, s, &clock{n: 1e6})
	view(t, s, func(r org.Reader) error {
		for _, unknown := range []string{"audit_log-none", chain(t, s, other.org.ID)[0].ID} {
			_, err := r.AuditEvents(t.Context(), organizationID, audit.Query{Limit: 1, After: unknown})
			wantFault(t, "after", err, fault.Invalid, "invalid_cursor", "after")
			_, err = r.AuditEvents(t.Context(), organizationID, audit.Query{Limit: 1, Before: unknown})
			wantFault(t, "before", err, fault.Invalid, "invalid_cursor", "before")
		}
		return nil
	})
}
