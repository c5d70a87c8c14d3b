package endpoint_test

import (
	"context"
	"encoding/json"
	"reflect"
	"testing"

	"weir/internal/access"
	"weir/internal/endpoint"
	"weir/internal/org"
)

// letters is a list of five, by the page asked for.
func letters(_ context.Context, _ *endpoint.Call, p org.Page) (org.Rows[string], error) {
	all := []string{"a", "b", "c", "d", "e"}
	if !p.Ascending {
		all = []string{"e", "d", "c", "b", "a"}
	}
	from := 0
	for i, letter := range all {
		if letter == p.After {
			from = i + 1
		}
	}
	to := min(from+p.Limit, len(all))
	return org.Rows[string]{Items: all[from:to], More: to < len(all)}, nil
}

func TestListEnvelopes(t *testing.T) {
	same := func(s string) string { return s }
	row := func(path string, l endpoint.Listing[string, string]) endpoint.Endpoint {
		l.ID, l.Show = same, func(s string) string { return s + s }
		return endpoint.List("GET "+path, access.Authenticated, endpoint.AtOrganization, l, letters).Public()
	}
	url := serve(t,
		row("/v1/by_id", endpoint.Listing[string, string]{Limit: 2, Min: 1, Max: 4}),
		row("/v1/by_cursor", endpoint.Listing[string, string]{Envelope: endpoint.ByCursor, Limit: 5, Min: 0, Max: 5, Ascending: true, Ordered: true}),
		row("/v1/open", endpoint.Listing[string, string]{Limit: 2, Min: 1, Before: true}),
	)
	for path, want := range map[string]string{
		"/v1/by_id":                        `{"object":"list","data":["ee","dd"],"first_id":"e","last_id":"d","has_more":true}`,
		"/v1/by_id?limit=1&after=b":        `{"object":"list","data":["aa"],"first_id":"a","last_id":"a","has_more":false}`,
		"/v1/by_id?after=a":                `{"object":"list","data":[],"first_id":null,"last_id":null,"has_more":false}`,
		"/v1/by_id?order=asc":              `{"object":"list","data":["ee","dd"],"first_id":"e","last_id":"d","has_more":true}`, // takes no order
		"/v1/by_cursor":                    `{"object":"list","data":["aa","bb","cc","dd","ee"],"has_more":false,"next":null}`,
		"/v1/by_cursor?limit=2":            `{"object":"list","data":["aa","bb"],"has_more":true,"next":"b"}`,
		"/v1/by_cursor?limit=2&order=desc": `{"object":"list","data":["ee","dd"],"has_more":true,"next":"d"}`,
		"/v1/by_cursor?limit=0":            `{"object":"list","data":[],"has_more":false,"next":null}`,
		"/v1/open?limit=1000":              `{"object":"list","data":["ee","dd","cc","bb","aa"],"first_id":"e","last_id":"a","has_more":false}`,
	} {
		var got, wanted any
		if err := json.Unmarshal(call(t, "GET", url+path, "", 200), &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(want), &wanted); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, wanted) {
			t.Errorf("%s:\n got %v\nwant %v", path, got, wanted)
		}
	}
	for _, path := range []string{
		"/v1/by_id?limit=0", "/v1/by_id?limit=5", "/v1/by_cursor?order=up", "/v1/by_cursor?limit=-1", "/v1/open?limit=1001", "/v1/open?after=a&before=b",
	} {
		call(t, "GET", url+path, "", 400)
	}
}
