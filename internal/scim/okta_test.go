package scim

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"
)

// What Okta sends: its guide to preparing a SCIM 2.0 service.
func TestOktaUsers(t *testing.T) {
	w := newWorld(t)
	w.is(w.want(w.do("GET", "/Users?startIndex=1&count=2", ""), http.StatusOK), w.Owner.ID, "Resources", 0, "id")
	found := w.want(w.do("GET", "/Users?filter="+url.QueryEscape(`userName eq "bo@example.com"`)+"&startIndex=1&count=100", ""), http.StatusOK)
	w.is(found, float64(0), "totalResults")
	made := w.want(w.do("POST", "/Users", `{"schemas":["`+userSchema+`"],"userName":"bo@example.com","name":{"givenName":"Bo","familyName":"Ek"},
		"emails":[{"primary":true,"value":"bo@example.com","type":"work"}],"displayName":"Bo Ek","locale":"en-US","externalId":"00ujl29u0le5T6Aj10h7",
		"groups":[],"password":"1mz050nq","active":true}`), http.StatusCreated)
	userID := made.body["id"].(string)
	if _, shown := made.body["password"]; shown {
		t.Error("the password is shown")
	}
	w.want(w.do("GET", "/Users/"+userID, ""), http.StatusOK)
	put := func(active bool, family string) answer {
		return w.want(w.do("PUT", "/Users/"+userID, fmt.Sprintf(`{"schemas":["%s"],"id":"%s","userName":"bo@example.com","name":{"givenName":"Bo","familyName":"%s"},
			"emails":[{"primary":true,"value":"bo@example.com","type":"work"}],"active":%t,"meta":{"resourceType":"User"}}`, userSchema, userID, family, active)), http.StatusOK)
	}
	changed := put(true, "Berg")
	w.is(changed, "Bo Berg", "displayName")
	w.is(changed, nil, "externalId") // a PUT leaves nothing of what was
	w.is(put(false, "Berg"), false, "active")
	patched := w.want(w.do("PATCH", "/Users/"+userID, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","value":{"active":true}}]}`), http.StatusOK)
	w.is(patched, true, "active")
	patched = w.want(w.do("PATCH", "/Users/"+userID, `{"Operations":[{"op":"replace","value":{"active":false}}]}`), http.StatusOK)
	w.is(patched, false, "active")
}

func TestOktaGroups(t *testing.T) {
	w := newWorld(t)
	a, b := w.user("a@example.com"), w.user("b@example.com")
	groupID := w.group("Developers")
	body := func(members string) string {
		return `{"schemas":["` + groupSchema + `"],"id":"` + groupID + `","displayName":"Developers","members":[` + members + `]}`
	}
	is := func(want ...string) {
		t.Helper()
		if got := w.members(groupID); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
			t.Errorf("the members are %v, want %v", got, want)
		}
	}
	put := w.want(w.do("PUT", "/Groups/"+groupID, body(`{"value":"`+a+`","display":"a@example.com"},{"value":"`+b+`"}`)), http.StatusOK)
	w.is(put, a, "members", 0, "value")
	is(a, b)
	w.want(w.do("PUT", "/Groups/"+groupID, body(`{"value":"`+b+`"}`)), http.StatusOK)
	is(b)
	patch := func(operations string) {
		t.Helper()
		w.want(w.do("PATCH", "/Groups/"+groupID, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":`+operations+`}`), http.StatusNoContent)
	}
	patch(`[{"op":"replace","value":{"id":"` + groupID + `","displayName":"Engineers"}}]`)
	patch(`[{"op":"remove","path":"members[value eq \"` + b + `\"]"},{"op":"add","path":"members","value":[{"value":"` + a + `","display":"a@example.com"}]}]`)
	is(a)
	patch(`[{"op":"replace","path":"members","value":[{"value":"` + a + `"},{"value":"` + b + `"}]}]`)
	is(a, b)
	patch(`[{"op":"remove","path":"members"}]`)
	is()
	w.is(w.want(w.do("GET", "/Groups/"+groupID, ""), http.StatusOK), "Engineers", "displayName")
	w.want(w.do("PUT", "/Groups/"+groupID, body("")), http.StatusOK)
}

// An import walks all pages.
func TestOktaImport(t *testing.T) {
	w := newWorld(t)
	for i := range 6 {
		w.user(fmt.Sprintf("p%d@example.com", i))
		w.group(fmt.Sprintf("Group %d", i))
	}
	for _, list := range []string{"/Users?", "/Groups?", "/Users?filter=" + url.QueryEscape(`userName co "example"`) + "&"} {
		ids := func(start, count int) (ids []string, total float64) {
			page := w.want(w.do("GET", fmt.Sprintf("%sstartIndex=%d&count=%d&sortBy=userName", list, start, count), ""), http.StatusOK)
			resources, _ := page.body["Resources"].([]any)
			w.is(page, float64(len(resources)), "itemsPerPage")
			for _, r := range resources {
				ids = append(ids, at(r, "id").(string))
			}
			return ids, page.body["totalResults"].(float64)
		}
		whole, total := ids(1, 100)
		if int(total) != len(whole) || total < 6 {
			t.Errorf("%s: %d of %v", list, len(whole), total)
		}
		var walked []string
		for start := 1; start <= int(total); start++ {
			one, again := ids(start, 1)
			if walked = append(walked, one...); again != total {
				t.Errorf("%s: the total is %v", list, again)
			}
		}
		if !slices.Equal(walked, whole) {
			t.Errorf("%s: walked %v, whole %v", list, walked, whole)
		}
		if none, again := ids(1, 0); len(none) > 0 || again != total {
			t.Errorf("%s: count=0 is %v of %v", list, none, again)
		}
	}
}
