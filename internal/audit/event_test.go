package audit

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func chain(t *testing.T, n int) []Event {
	t.Helper()
	events := make([]Event, n)
	var seq int64
	hash := ""
	for i := range events {
		events[i] = Event{
			ID: "audit_log-" + string(rune('a'+i)), OrganizationID: "org-1", Action: "project.created",
			Type: "project.created", EffectiveAt: time.UnixMicro(int64(i)), Actor: System("org-1"),
			ResourceID: "proj_1", Details: json.RawMessage(`{"id":"proj_1"}`),
		}
		if err := events[i].Seal(seq, hash); err != nil {
			t.Fatal(err)
		}
		seq, hash = events[i].Seq, events[i].Hash
	}
	return events
}

func verify(events []Event) error {
	hash := ""
	for i := range events {
		if err := events[i].Verify(hash); err != nil {
			return err
		}
		hash = events[i].Hash
	}
	return nil
}

func TestChainVerifiesAndShowsAnyChange(t *testing.T) {
	if err := verify(chain(t, 5)); err != nil {
		t.Fatalf("an untouched chain: %v", err)
	}
	tamper := map[string]func(*Event){
		"action":   func(e *Event) { e.Action = "project.updated" },
		"type":     func(e *Event) { e.Type = "" },
		"time":     func(e *Event) { e.EffectiveAt = e.EffectiveAt.Add(time.Microsecond) },
		"actor":    func(e *Event) { e.Actor.UserID = "user-x" },
		"resource": func(e *Event) { e.ResourceID = "proj_2" },
		"details":  func(e *Event) { e.Details = json.RawMessage(`{"id":"proj_1" }`) },
		"project":  func(e *Event) { e.ProjectID = "proj_9" },
		"sequence": func(e *Event) { e.Seq++ },
		"tenant":   func(e *Event) { e.OrganizationID = "org-2" },
	}
	for what, change := range tamper {
		events := chain(t, 5)
		change(&events[2])
		if verify(events) == nil {
			t.Errorf("a changed %s goes unnoticed", what)
		}
	}
}

func TestChainShowsRemovedAndSwappedEvents(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		events := chain(t, 6)
		i := rapid.IntRange(0, 4).Draw(rt, "i")
		if rapid.Bool().Draw(rt, "swap") {
			events[i], events[i+1] = events[i+1], events[i]
		} else {
			events = append(events[:i], events[i+1:]...)
		}
		if verify(events) == nil {
			rt.Error("the chain verifies although an event is missing or out of place")
		}
	})
}
