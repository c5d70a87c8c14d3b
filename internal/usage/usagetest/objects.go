package usagetest

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"weir/internal/usage"
)

// making is an event of a project that made and deleted objects at a connection.
func making(organizationID, projectID, connectionID string, at time.Duration, objects ...usage.Object) usage.Event {
	e := sample(organizationID)
	e.ProjectID, e.ConnectionID, e.Received, e.Objects = projectID, connectionID, epoch.Add(at), objects
	return e
}

// owners is what s knows under ids, as text in one order.
func owners(t *testing.T, s usage.Store, ids ...string) string {
	t.Helper()
	found, err := s.Owners(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(found, func(a, b usage.OwnedObject) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.OrganizationID, b.OrganizationID), cmp.Compare(a.ConnectionID, b.ConnectionID))
	})
	said := ""
	for _, o := range found {
		said += fmt.Sprintf("%s %s of %s/%s at %s after %v", o.Kind, o.ID, o.OrganizationID, o.ProjectID, o.ConnectionID, o.Made.Sub(epoch))
		if !o.Deleted.IsZero() {
			said += fmt.Sprintf(" until %v", o.Deleted.Sub(epoch))
		}
		said += "\n"
	}
	return said
}

// objectOwners: an object belongs to the project that made it first, whatever
// later events say, and after its request has left the log too.
func objectOwners(t *testing.T, s usage.Store) {
	file := func(id string) usage.Object { return usage.Object{Kind: usage.ObjectFile, ID: id} }
	made := making("org-1", "proj_a", "conn_1", time.Minute, file("file-1"), usage.Object{Kind: usage.ObjectBatch, ID: "batch-1"})
	node := positioned(1, []usage.Event{
		made,
		making("org-1", "proj_b", "conn_1", 2*time.Minute, file("file-1"), file("file-2"), file("file-2")),
		making("org-1", "proj_b", "conn_2", 3*time.Minute, file("file-1")), // another provider's
		making("org-2", "proj_c", "conn_3", 4*time.Minute, file("file-1")),
		making("org-1", "proj_a", "conn_1", 5*time.Minute, usage.Object{Kind: usage.ObjectFile, ID: "file-1", Deleted: true}),
		making("org-1", "proj_a", "conn_1", 6*time.Minute, file("file-3"), usage.Object{Kind: usage.ObjectFile, ID: "file-3", Deleted: true}),
	})
	applyAs(t, s, "node", node)
	applyAs(t, s, "node", node) // again, as after a crash
	want := `batch batch-1 of org-1/proj_a at conn_1 after 1m0s
file file-1 of org-1/proj_a at conn_1 after 1m0s until 5m0s
file file-1 of org-1/proj_b at conn_2 after 3m0s
file file-1 of org-2/proj_c at conn_3 after 4m0s
file file-2 of org-1/proj_b at conn_1 after 2m0s
file file-3 of org-1/proj_a at conn_1 after 6m0s until 6m0s
`
	ids := []string{"file-1", "file-2", "file-3", "batch-1", "file-4", "file-\x00"}
	if got := owners(t, s, ids...); got != want {
		t.Errorf("owners:\n%s\nwant:\n%s", got, want)
	}
	if err := s.Prune(t.Context(), epoch.Add(time.Hour), epoch.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Request(t.Context(), "org-1", made.ID); err == nil {
		t.Fatal("the request is still in the log")
	}
	if got := owners(t, s, ids...); got != want {
		t.Errorf("owners after pruning:\n%s\nwant:\n%s", got, want)
	}
	many := make([]usage.Object, 1200)
	names := make([]string, len(many))
	for i := range many {
		names[i] = fmt.Sprintf("vs_%04d", i)
		many[i] = usage.Object{Kind: usage.ObjectVectorStore, ID: names[i]}
	}
	apply(t, s, making("org-1", "proj_a", "conn_1", 0, many...))
	found, err := s.Owners(t.Context(), names)
	if err != nil || len(found) != len(many) {
		t.Errorf("%d of %d found, %v", len(found), len(many), err)
	}
}
