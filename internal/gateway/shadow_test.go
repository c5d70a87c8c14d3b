package gateway

import (
	"testing"

	"weir/internal/optional"
	"weir/internal/org"
	"weir/internal/routing"
	"weir/internal/upstream/upstreamtest"
)

// Whoever manages a workspace decides what is served there, and nothing of what
// the default workspace serves: a name taken there, or a connection that claims a
// model, gets no call that is meant for the organization's own.
func TestNobodyTakesAModelOfTheDefaultWorkspace(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	w, err := r.org.CreateWorkspace(ctx, r.actor, org.NewWorkspace{Name: "team"})
	must(t, err)
	theirs := upstreamtest.New(t)
	theirs.Always(upstreamtest.JSON(200, chatBody))
	c := r.connect(t, "theirs", org.ConnectionFields{
		BaseURL: optional.Of(theirs.URL()), APIKey: optional.Of(providerKey), Models: optional.Of([]string{chatModel, "their-own"}),
		WorkspaceIDs: optional.Of([]string{w.ID}),
	})
	r.endpoint(t, chatModel, org.ModelEndpointFields{
		WorkspaceID: optional.Of(w.ID), Upstreams: optional.Of([]routing.Upstream{{ConnectionID: c.ID, Model: chatModel, Priority: 1, Weight: 1}}),
	})

	r.provider.Always(upstreamtest.JSON(200, chatBody))
	equal(t, "a call", r.status(t, r.key, chatModel), 200)
	equal(t, "served by", r.ledger.next(t).ConnectionID, r.conn.ID)
	r.pointTo(t, "http://127.0.0.1:1/v1") // where nobody answers
	if got := r.status(t, r.key, chatModel); got == 200 {
		t.Error("what the organization's own connection could not take went elsewhere")
	}
	r.ledger.next(t)

	equal(t, "what only the team serves", r.status(t, r.key, "their-own"), 200)
	equal(t, "served by", r.ledger.next(t).ConnectionID, c.ID)
	equal(t, "the team's address", r.do(t, call{path: "/team/models/" + chatModel + "/chat/completions", body: chat("")}).StatusCode, 200)
}
