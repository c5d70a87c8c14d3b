package endpoint_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/endpoint/endpointtest"
	"weir/internal/org"
)

// lateBody tells when it is first read, and goes on when it is told to.
type lateBody struct {
	asked, send chan struct{}
	io.Reader
}

func (b *lateBody) Read(p []byte) (int, error) {
	select {
	case b.asked <- struct{}{}:
		<-b.send
	case <-b.send:
	}
	return b.Reader.Read(p)
}

// A body may take a minute to arrive. Who was let in when the header came is not
// who may still call when the body is there: nobody keeps requests open for the
// day when a key is taken away.
func TestCallersAreKnownWhenTheBodyIsThere(t *testing.T) {
	env := endpointtest.New(t)
	changed := false
	table := endpoint.NewTable(env.Options(), []endpoint.Endpoint{
		endpoint.Write("POST /v1/notes", access.ManagementWrite, endpoint.AtOrganization, nil,
			func(context.Context, *endpoint.Call, struct{}) (struct{}, error) {
				changed = true
				return struct{}{}, nil
			}),
	})
	key, secret, err := env.Org.CreateAdminKey(t.Context(), audit.System(env.Organization.ID), org.NewAdminKey{Name: "leaving", UserID: env.Owner.ID})
	if err != nil {
		t.Fatal(err)
	}
	body := &lateBody{make(chan struct{}), make(chan struct{}), http.NoBody}
	r := httptest.NewRequest(http.MethodPost, "/v1/notes", body)
	r.Header.Set("Authorization", "Bearer "+secret)
	w, done := httptest.NewRecorder(), make(chan struct{})
	go func() {
		defer close(done)
		table.ServeHTTP(w, r)
	}()
	<-body.asked
	if err := env.Org.DeleteAdminKey(t.Context(), audit.System(env.Organization.ID), key.ID); err != nil {
		t.Fatal(err)
	}
	close(body.send)
	<-done
	if w.Code != http.StatusUnauthorized || changed {
		t.Errorf("a key that was deleted meanwhile: %d %s, changed %v", w.Code, w.Body, changed)
	}
}
