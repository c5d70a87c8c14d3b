package gateway

import (
	"fmt"
	"strings"
	"testing"

	"weir/internal/upstream/upstreamtest"
)

// TestListsOfASharedAccount: each project sees its own, in the account's order
// and bytes, however its pages fall.
func TestListsOfASharedAccount(t *testing.T) {
	r, a, other := shared(t)
	want := map[string][]string{}
	for n := range 120 { // runs of one project's, longer than pages are
		key := r.key
		if n%60 >= 7 {
			key = other
		}
		if n%60 == 3 {
			a.make("files") // nobody's
		}
		id := r.make(t, key, "/v1/files")
		want[key] = append([]string{id}, want[key]...)
	}
	for _, restarted := range []bool{false, true} {
		if restarted {
			r.restart()
		}
		for key, ids := range want {
			for _, limit := range []int{1, 2, 7, 13, 14, 100} {
				var walked []string
				after := ""
				for range 200 {
					l := r.list(t, key, fmt.Sprintf("/v1/files?limit=%d&after=%s", limit, after))
					if len(l.Data) > limit || len(l.Data) == 0 && l.HasMore {
						t.Fatalf("%d of %d, more: %t", len(l.Data), limit, l.HasMore)
					}
					if len(l.Data) > 0 {
						walked = append(walked, l.ids())
						after = l.Data[len(l.Data)-1].ID
						equal(t, "first_id", *l.FirstID, l.Data[0].ID)
						equal(t, "last_id", *l.LastID, after)
					}
					if !l.HasMore {
						break
					}
				}
				equal(t, fmt.Sprintf("walked by %d", limit), strings.Join(walked, " "), strings.Join(ids, " "))
			}
		}
	}
	got := r.do(t, call{method: "GET", path: "/v1/files?limit=2"})
	equal(t, "bytes", got.body, fmt.Sprintf("{\"object\": \"list\",\n \"data\": [{\"id\": %q,  \"object\":\"file\"},{\"id\": %q,  \"object\":\"file\"}],\n \"has_more\": true, \"first_id\": %q, \"last_id\":%q }\n",
		want[r.key][0], want[r.key][1], want[r.key][0], want[r.key][1]))
	got = r.do(t, call{method: "GET", path: "/v1/files?limit=2", key: other})
	equal(t, "untouched bytes", got.body, fmt.Sprintf("{\"object\": \"list\",\n \"data\": [{\"id\": %q,  \"object\":\"file\"}, {\"id\": %q,  \"object\":\"file\"}],\n \"has_more\": true, \"first_id\": %q, \"last_id\":%q }\n",
		want[other][0], want[other][1], want[other][0], want[other][1]))
}

// What cannot be read as a list is not shown: others' objects may be in it.
func TestUnreadableLists(t *testing.T) {
	r := newRig(t)
	r.newProject(t, "other")
	for _, body := range []string{`{"data":"x"}`, `{"data":[{"id":"file-1"}]`, `[{"id":"file-1"}]`, "", `{"data":[` + strings.Repeat(`{"id":"file-1"},`, maxListing/15) + `{}]}`} {
		r.provider.Enqueue(upstreamtest.JSON(200, body))
		envelopeOf(t, r.do(t, call{method: "GET", path: "/v1/files"}), 502, "upstream_list_unreadable", "")
	}
	r.provider.Enqueue(upstreamtest.JSON(200, `{"data":[{"no_id":1},{"id":7}]}`))
	equal(t, "without ids", r.do(t, call{method: "GET", path: "/v1/files"}).body, `{"data":[]}`)
	r.provider.Enqueue(upstreamtest.JSON(200, `{"data":[{"id":"a"}],"has_more":true}`), upstreamtest.JSON(500, `{"error":{}}`))
	envelopeOf(t, r.do(t, call{method: "GET", path: "/v1/files"}), 502, "upstream_list_unreadable", "")
	r.provider.Always(upstreamtest.JSON(200, `{"data":[{"id":"a"}],"has_more":true}`))
	envelopeOf(t, r.do(t, call{method: "GET", path: "/v1/files"}), 400, "list_too_long", "")
	r.provider.Always(upstreamtest.JSON(403, `{"error":{"message":"no"}}`))
	equal(t, "an error", r.do(t, call{method: "GET", path: "/v1/files"}).body, `{"error":{"message":"no"}}`)
}
