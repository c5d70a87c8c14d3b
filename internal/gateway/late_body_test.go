package gateway

import (
	"io"
	"net/http/httptest"
	"sync"
	"testing"

	"weir/internal/access"
	"weir/internal/org"
	"weir/internal/upstream/upstreamtest"
)

// lateBody lets something happen before the first of it is read.
type lateBody struct {
	once   sync.Once
	before func()
	io.Reader
}

func (b *lateBody) Read(p []byte) (int, error) {
	b.once.Do(b.before)
	return b.Reader.Read(p)
}

// A body may dribble in for hours. What counts is what the key may do when the
// request is whole: nobody keeps calls open for the day when a key is taken away.
func TestWhatKeysMayDoIsKnownWhenTheBodyIsThere(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(*testing.T, *rig)
		want    int
	}{
		"the key is deleted": {func(t *testing.T, r *rig) {
			must(t, r.org.DeleteAPIKey(t.Context(), r.actor, r.project.ID, r.keyID))
		}, 401},
		"the owner leaves": {func(t *testing.T, r *rig) {
			_, err := r.org.UnassignRole(t.Context(), r.grantor(), org.Assignee{ProjectID: r.project.ID, UserID: r.account.ID}, access.ProjectMember.ID(r.project.ID))
			must(t, err)
		}, 403},
		"the project is archived": {func(t *testing.T, r *rig) {
			_, err := r.org.ArchiveProject(t.Context(), r.actor, r.project.ID)
			must(t, err)
		}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.provider.Always(upstreamtest.JSON(200, chatBody))
			req := chatRequest(r.key, chat(""))
			req.Body = io.NopCloser(&lateBody{before: func() { c.happens(t, r) }, Reader: req.Body})
			w := httptest.NewRecorder()
			r.Gateway.ServeHTTP(w, req)
			equal(t, "status", w.Code, c.want)
		})
	}
}
