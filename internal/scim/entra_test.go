package scim

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
)

// What Entra ID's provisioning service sends, in the order in which it does: see
// its tutorial on developing a SCIM endpoint.
func TestEntraIDUsers(t *testing.T) {
	w := newWorld(t)
	// The test of the connection asks for a user who is not there.
	none := w.want(w.do("GET", "/Users?filter="+url.QueryEscape(`userName eq "7d0f0a2e-0000-4000-8000-5c8a1b6d0001"`), ""), http.StatusOK)
	w.is(none, float64(0), "totalResults")
	w.is(none, listSchema, "schemas", 0)

	before := w.seq()
	made := w.want(w.do("POST", "/Users", `{
		"schemas": ["`+userSchema+`", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
		"externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef", "userName": "Ann.Li@example.com", "active": true, "displayName": "Ann Li",
		"emails": [{"primary": true, "type": "work", "value": "ann@mail.example.com"}],
		"meta": {"resourceType": "User"},
		"name": {"formatted": "Ann Mei Li", "familyName": "Li", "givenName": "Ann"},
		"roles": [], "title": "Engineer",
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "R&D"}}`), http.StatusCreated)
	userID := made.body["id"].(string)
	w.is(made, "Ann.Li@example.com", "userName")
	w.is(made, "ann@mail.example.com", "emails", 0, "value")
	w.is(made, "Ann Mei Li", "name", "formatted")
	w.is(made, "Ann Li", "displayName")
	w.is(made, true, "active")
	w.is(made, "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef", "externalId")
	w.is(made, "https://weir.example.com/scim/v2/Users/"+userID, "meta", "location")
	if made.header.Get("Location") != at(made.body, "meta", "location") || made.header.Get("ETag") != at(made.body, "meta", "version") {
		t.Errorf("headers %v", made.header)
	}
	w.refused(w.do("POST", "/Users", `{"userName": "ann.li@EXAMPLE.com"}`), http.StatusConflict, typeUniqueness)

	for _, filter := range []string{
		`userName eq "ann.li@example.com"`, `externalId eq "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"`, `emails[type eq "work"].value eq "ANN@mail.example.com"`,
		`id eq "` + userID + `"`, `emails.value eq "ann@mail.example.com" and active eq true`,
	} {
		found := w.want(w.do("GET", "/Users?filter="+url.QueryEscape(filter), ""), http.StatusOK)
		w.is(found, float64(1), "totalResults")
		w.is(found, userID, "Resources", 0, "id")
	}

	patch := func(operations string) answer {
		return w.want(w.do("PATCH", "/Users/"+userID, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":`+operations+`}`), http.StatusOK)
	}
	changed := patch(`[
		{"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "ann.li@mail.example.com"},
		{"op": "Add", "path": "name.familyName", "value": "Li-Weber"},
		{"op": "Replace", "path": "displayName", "value": "Ann Li-Weber"},
		{"op": "Add", "path": "title", "value": "Lead"},
		{"op": "Add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "value": "Ops"}]`)
	w.is(changed, "ann.li@mail.example.com", "emails", 0, "value")
	w.is(changed, "Li-Weber", "name", "familyName")
	w.is(changed, "Ann Li-Weber", "displayName")
	w.is(patch(`[{"op":"Add","value":{"name.givenName":"Anna","externalId":"e-2"}}]`), "Anna", "name", "givenName")
	w.is(patch(`[{"op":"Replace","path":"active","value":"False"}]`), false, "active")
	w.is(patch(`[{"op":"Replace","path":"active","value":"True"}]`), true, "active")
	w.is(patch(`[{"op":"Replace","path":"userName","value":"anna@example.com"}]`), "anna@example.com", "userName")
	w.want(w.do("DELETE", "/Users/"+userID, ""), http.StatusNoContent)
	w.refused(w.do("GET", "/Users/"+userID, ""), http.StatusNotFound, "")
	w.refused(w.do("DELETE", "/Users/"+userID, ""), http.StatusNotFound, "")
	want := []string{"user.added", "user.updated", "user.updated", "user.updated", "user.updated", "user.updated", "user.deleted"}
	if got := w.events(before); !slices.Equal(got, want) {
		t.Errorf("recorded %v, want %v", got, want)
	}
}

func TestEntraIDGroups(t *testing.T) {
	w := newWorld(t)
	a, b := w.user("a@example.com"), w.user("b@example.com")
	before := w.seq()
	made := w.want(w.do("POST", "/Groups", `{"schemas":["`+groupSchema+`"],"externalId":"8aa1a0c0","displayName":"Staff","meta":{"resourceType":"Group"}}`), http.StatusCreated)
	groupID := made.body["id"].(string)
	w.refused(w.do("POST", "/Groups", `{"displayName":"Staff"}`), http.StatusConflict, typeUniqueness)
	w.want(w.do("GET", "/Groups/"+groupID+"?excludedAttributes=members", ""), http.StatusOK)
	found := w.want(w.do("GET", "/Groups?excludedAttributes=members&filter="+url.QueryEscape(`displayName eq "Staff"`), ""), http.StatusOK)
	w.is(found, groupID, "Resources", 0, "id")
	w.is(found, nil, "Resources", 0, "members")

	patch := func(operations string, want ...string) {
		t.Helper()
		w.want(w.do("PATCH", "/Groups/"+groupID, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":`+operations+`}`), http.StatusNoContent)
		if got := w.members(groupID); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
			t.Errorf("after %s the members are %v, want %v", operations, got, want)
		}
	}
	patch(`[{"op":"Add","path":"members","value":[{"value":"`+a+`"},{"value":"`+b+`"}]}]`, a, b)
	isIn := func(userID string, want float64) {
		t.Helper()
		for _, filter := range []string{`id eq "` + groupID + `" and members.value eq "` + userID + `"`, `members[value eq "` + userID + `"]`, `members eq "` + userID + `"`} {
			w.is(w.want(w.do("GET", "/Groups?excludedAttributes=members&filter="+url.QueryEscape(filter), ""), http.StatusOK), want, "totalResults")
		}
	}
	isIn(b, 1)
	patch(`[{"op":"Add","path":"members","value":[{"value":"`+a+`"}]}]`, a, b) // in already
	patch(`[{"op":"Remove","path":"members","value":[{"value":"`+b+`"}]}]`, a) // as it does without the flag
	isIn(b, 0)
	patch(`[{"op":"Remove","path":"members[value eq \"` + a + `\"]"}]`) // as it does with it
	patch(`[{"op":"Replace","path":"displayName","value":"Everybody"}]`)
	w.is(w.want(w.do("GET", "/Groups/"+groupID, ""), http.StatusOK), "Everybody", "displayName")
	w.want(w.do("DELETE", "/Groups/"+groupID, ""), http.StatusNoContent)
	want := []string{"group.created", "group.updated", "group.updated", "group.updated", "group.updated", "group.deleted"}
	if got := w.events(before); !slices.Equal(got, want) {
		t.Errorf("recorded %v, want %v", got, want)
	}
}
