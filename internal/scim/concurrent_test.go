package scim

import (
	"net/http"
	"sync"
	"testing"

	"weir/internal/access"
)

// Of two owners who are deactivated at once, one stays; of two changes to one
// version, one is made; of two groups of one name, one is there.
func TestAtOnce(t *testing.T) {
	w := newWorld(t)
	second := w.user("second@example.com")
	w.grant(second, access.OrganizationOwner)
	reader := w.user("reader@example.com")
	version := w.do("GET", "/Users/"+reader, "").header.Get("ETag")
	deactivate := `{"Operations":[{"op":"replace","path":"active","value":false}]}`
	for what, calls := range map[string][]func() answer{
		"owners": {
			func() answer { return w.do("PATCH", "/Users/"+w.Owner.ID, deactivate) },
			func() answer { return w.do("PATCH", "/Users/"+second, deactivate) },
		},
		"versions": {
			func() answer {
				return w.do("PUT", "/Users/"+reader, `{"userName":"a@example.com"}`, "If-Match", version)
			},
			func() answer {
				return w.do("PUT", "/Users/"+reader, `{"userName":"b@example.com"}`, "If-Match", version)
			},
		},
		"names": {
			func() answer { return w.do("POST", "/Groups", `{"displayName":"Staff"}`) },
			func() answer { return w.do("POST", "/Groups", `{"displayName":"Staff"}`) },
		},
		"addresses": {
			func() answer { return w.do("POST", "/Users", `{"userName":"new@example.com"}`) },
			func() answer { return w.do("POST", "/Users", `{"userName":"NEW@example.com"}`) },
		},
	} {
		answers := make([]answer, len(calls))
		var group sync.WaitGroup
		for i, call := range calls {
			group.Go(func() { answers[i] = call() })
		}
		group.Wait()
		made := 0
		for _, a := range answers {
			switch a.status {
			case http.StatusOK, http.StatusCreated:
				made++
			case http.StatusBadRequest, http.StatusConflict, http.StatusPreconditionFailed:
			default:
				t.Errorf("%s: %d %s", what, a.status, a.raw)
			}
		}
		if made != 1 {
			t.Errorf("%s: %d were made", what, made)
		}
	}
}
