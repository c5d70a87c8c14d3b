package endpoint

import (
	"net/http"
	"time"

	"weir/internal/access"
	"weir/internal/envelope"
	"weir/internal/id"
	"weir/internal/identity"
)

// Guarded puts a handler that is no row of a table behind an admin key or a
// session with a permission at the organization. Who has neither is answered in
// the error envelope and h is not called; project keys never pass.
// at names it for the log: GET /metrics.
func Guarded(identity *identity.Service, at string, needs access.Permission, h http.Handler) http.Handler {
	door := &Table{identity: identity, refuseProjectKeys: true}
	row := &Endpoint{Needs: needs, Scope: AtOrganization}
	row.Method, row.Path = route(at)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		received := time.Now()
		envelope.Begin(w.Header(), id.Request())
		caller, err := door.caller(r.Context(), r)
		if err == nil {
			err = door.permit(row, caller, r)
		}
		if err != nil {
			envelope.Processed(w.Header(), received)
			envelope.Error(w, err)
			door.deny(row, r, caller, err)
			return
		}
		h.ServeHTTP(w, r)
	})
}
