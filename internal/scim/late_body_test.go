package scim

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"weir/internal/audit"
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

// A body may take a minute to arrive; a token that is deleted meanwhile changes
// nothing any more.
func TestTokensAreKnownWhenTheBodyIsThere(t *testing.T) {
	w := newWorld(t)
	api := New(Options{Org: w.Org, Identity: w.Identity, Logger: slog.New(slog.DiscardHandler)})
	r := httptest.NewRequest(http.MethodPost, root+"/Users", &lateBody{
		before: func() {
			if err := w.Org.DeleteSCIMToken(t.Context(), audit.System(w.Organization.ID), w.known.ID); err != nil {
				t.Error(err)
			}
		},
		Reader: strings.NewReader(`{"userName": "late@example.com"}`),
	})
	r.Header.Set("Authorization", "Bearer "+w.token)
	rec := httptest.NewRecorder()
	api.ServeHTTP(rec, r)
	if rec.Code != http.StatusUnauthorized {
		t.Errorf("a token that was deleted meanwhile: %d %s", rec.Code, rec.Body)
	}
}
