package scim

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"weir/internal/audit"
	"weir/internal/optional"
	"weir/internal/org"
)

func TestWhoMayCall(t *testing.T) {
	w := newWorld(t)
	token := w.token
	expired, short, err := w.Org.CreateSCIMToken(t.Context(), audit.System(w.Organization.ID), org.NewSCIMToken{Name: "x", ExpiresInSeconds: optional.Of(int64(1))})
	if err != nil {
		t.Fatal(err)
	}
	gone, deleted := w.newToken(w.Organization.ID)
	if err := w.Org.DeleteSCIMToken(t.Context(), audit.System(w.Organization.ID), gone.ID); err != nil {
		t.Fatal(err)
	}
	w.Identity.Now = func() time.Time { return expired.ExpiresAt }
	for what, secret := range map[string]string{
		"nobody's": "weir-scim-unknown", "an admin key": w.AdminKey, "expired": short, "deleted": deleted, "nothing": "", "a space": " ",
	} {
		w.token = secret
		for _, path := range []string{"/Users", "/Groups", "/ServiceProviderConfig", "/nothing"} {
			a := w.do("GET", path, "")
			w.refused(a, http.StatusUnauthorized, "")
			if a.header.Get("WWW-Authenticate") == "" || strings.Contains(a.raw, "totalResults") {
				t.Errorf("%s: %s", what, a.raw)
			}
		}
	}
	w.token = token
	w.want(w.do("GET", "/Users", ""), http.StatusOK)
	w.refused(w.do("GET", "/nothing", ""), http.StatusNotFound, "")
	w.refused(w.do("GET", "/Users/../Groups", ""), http.StatusNotFound, "")
	w.refused(w.do("POST", "/Users/x", "{}"), http.StatusNotFound, "")
	if w.Identity.Used.Last(w.known.ID).IsZero() {
		t.Error("the use of the token is not noted")
	}
}

func TestVersions(t *testing.T) {
	w := newWorld(t)
	userID := w.user("ann@example.com")
	groupID := w.group("Staff")
	for _, at := range []string{"/Users/" + userID, "/Groups/" + groupID} {
		first := w.want(w.do("GET", at, ""), http.StatusOK).header.Get("ETag")
		if !strings.HasPrefix(first, `W/"`) {
			t.Errorf("the version is %s", first)
		}
		w.want(w.do("GET", at, "", "If-None-Match", `W/"x", `+first), http.StatusNotModified)
		patch := `{"Operations":[{"op":"replace","path":"displayName","value":"New"}]}`
		second := w.do("PATCH", at, patch, "If-Match", first).header.Get("ETag")
		if second == first || second == "" {
			t.Errorf("%s: the version is still %s", at, second)
		}
		w.want(w.do("GET", at, "", "If-None-Match", first), http.StatusOK)
		w.refused(w.do("PATCH", at, `{"Operations":[{"op":"replace","path":"displayName","value":"Newer"}]}`, "If-Match", first), http.StatusPreconditionFailed, "")
		w.refused(w.do("PUT", at, `{"userName":"ann@example.com","displayName":"Newer"}`, "If-Match", first), http.StatusPreconditionFailed, "")
		w.refused(w.do("DELETE", at, "", "If-Match", first), http.StatusPreconditionFailed, "")
		w.is(w.want(w.do("GET", at, ""), http.StatusOK), "New", "displayName")
		w.want(w.do("DELETE", at, "", "If-Match", second), http.StatusNoContent)
	}
}

func TestAttributesThatAreShown(t *testing.T) {
	w := newWorld(t)
	userID := w.user("ann@example.com")
	groupID := w.group("Staff", userID)
	whole := w.want(w.do("GET", "/Users/"+userID, ""), http.StatusOK)
	w.is(whole, groupID, "groups", 0, "value")
	w.is(whole, "https://weir.example.com/scim/v2/Groups/"+groupID, "groups", 0, "$ref")
	for query, want := range map[string]string{
		"?attributes=userName,emails.value":                         "emails id schemas userName",
		"?attributes=" + url.QueryEscape(userSchema+":displayName"): "displayName id schemas",
		"?excludedAttributes=groups,meta,emails,name,active,id":     "displayName externalId id schemas userName",
	} {
		a := w.want(w.do("GET", "/Users/"+userID+query, ""), http.StatusOK)
		var keys []string
		for _, key := range []string{"active", "displayName", "emails", "externalId", "groups", "id", "meta", "name", "schemas", "userName"} {
			if _, ok := a.body[key]; ok {
				keys = append(keys, key)
			}
		}
		if got := strings.Join(keys, " "); got != want {
			t.Errorf("%s shows %s, want %s", query, got, want)
		}
		w.is(a, nil, "emails", 0, "type")
	}
	w.refused(w.do("GET", "/Users/"+userID+"?attributes=id&excludedAttributes=id", ""), http.StatusBadRequest, typeInvalidValue)
	w.refused(w.do("GET", "/Users/"+userID+"?attributes=a%5B", ""), http.StatusBadRequest, typeInvalidPath)
}

func TestDescriptions(t *testing.T) {
	w := newWorld(t)
	config := w.want(w.do("GET", "/ServiceProviderConfig", ""), http.StatusOK)
	w.is(config, true, "patch", "supported")
	w.is(config, false, "bulk", "supported")
	w.is(w.want(w.do("GET", "/ResourceTypes", ""), http.StatusOK), "/Users", "Resources", 0, "endpoint")
	w.is(w.want(w.do("GET", "/ResourceTypes/Group", ""), http.StatusOK), groupSchema, "schema")
	w.is(w.want(w.do("GET", "/Schemas", ""), http.StatusOK), float64(2), "totalResults")
	w.is(w.want(w.do("GET", "/Schemas/"+userSchema, ""), http.StatusOK), "userName", "attributes", 0, "name")
	w.refused(w.do("GET", "/Schemas/urn:nothing", ""), http.StatusNotFound, "")
	w.refused(w.do("GET", "/Schemas?filter=x", ""), http.StatusForbidden, "")
}

// What breaks a rule is refused in SCIM's words, and changes nothing.
func TestRefusals(t *testing.T) {
	w := newWorld(t)
	userID, groupID := w.user("ann@example.com"), w.group("Staff")
	user, group := "/Users/"+userID, "/Groups/"+groupID
	before := w.seq()
	long := strings.Repeat("a", 300)
	op := func(op string) string { return `{"Operations":[` + op + `]}` }
	for _, c := range []struct {
		method, path, body string
		status             int
		scimType           string
	}{
		{"POST", "/Users", `{`, 400, typeInvalidSyntax},
		{"POST", "/Users", `[]`, 400, typeInvalidSyntax},
		{"POST", "/Users", `null`, 400, typeInvalidSyntax},
		{"POST", "/Users", `{}`, 400, typeInvalidValue},
		{"POST", "/Users", `{"userName":"not an address"}`, 400, typeInvalidValue},
		{"POST", "/Users", `{"userName":5}`, 400, typeInvalidValue},
		{"POST", "/Users", `{"userName":"a\u0000@example.com"}`, 400, typeInvalidValue},
		{"POST", "/Users", `{"userName":"` + long + `@example.com"}`, 400, typeInvalidValue},
		{"POST", "/Users", `{"userName":"b@example.com","displayName":"` + long + `"}`, 400, typeInvalidValue},
		{"POST", "/Users", `{"userName":"b@example.com","displayName":"a\u202eb"}`, 400, typeInvalidValue},
		{"POST", "/Users", `{"userName":"b@example.com","externalId":"a\u0000"}`, 400, typeInvalidValue},
		{"POST", "/Users", `{"userName":"b@example.com","emails":[{"value":7}]}`, 400, typeInvalidValue},
		{"POST", "/Users", `{"userName":"b@example.com","emails":[{"value":"nowhere"}]}`, 400, typeInvalidValue},
		{"POST", "/Users", `{"userName":"b@example.com","active":"maybe"}`, 400, typeInvalidValue},
		{"POST", "/Users", `{"userName":"b@example.com","name":"b"}`, 400, typeInvalidValue},
		{"PATCH", user, op(""), 400, typeInvalidSyntax},
		{"PATCH", user, `{"Operations":{}}`, 400, typeInvalidSyntax},
		{"PATCH", user, op(`{"op":"move","path":"userName"}`), 400, typeInvalidSyntax},
		{"PATCH", user, op(`{"op":"remove"}`), 400, typeNoTarget},
		{"PATCH", user, op(`{"op":"add","value":"x"}`), 400, typeInvalidValue},
		{"PATCH", user, op(`{"op":"replace","path":"emails[","value":"x"}`), 400, typeInvalidPath},
		{"PATCH", user, op(`{"op":"replace","path":"nonsense","value":"x"}`), 400, typeInvalidPath},
		{"PATCH", user, op(`{"op":"replace","path":"displayName[value eq \"x\"]","value":"x"}`), 400, typeInvalidPath},
		{"PATCH", user, op(`{"op":"replace","path":"id","value":"user-1"}`), 400, typeMutability},
		{"PATCH", user, op(`{"op":"add","path":"groups","value":[{"value":"` + groupID + `"}]}`), 400, typeMutability},
		{"PATCH", user, op(`{"op":"remove","path":"userName"}`), 400, typeMutability},
		{"PATCH", user, op(`{"op":"replace","path":"displayName","value":"New"},{"op":"replace","path":"userName","value":"owner@example.com"}`), 409, typeUniqueness},
		{"PUT", user, `{"displayName":"x"}`, 400, typeInvalidValue},
		{"POST", "/Groups", `{}`, 400, typeInvalidValue},
		{"POST", "/Groups", `{"displayName":"` + long + `"}`, 400, typeInvalidValue},
		{"POST", "/Groups", `{"displayName":"x","members":[{"value":"user-nobody"}]}`, 400, typeInvalidValue},
		{"POST", "/Groups", `{"displayName":"x","members":[{"value":"` + groupID + `"}]}`, 400, typeInvalidValue},
		{"POST", "/Groups", `{"displayName":"x","members":[7]}`, 400, typeInvalidValue},
		{"POST", "/Groups", `{"displayName":"x","members":[{"display":"Ann"}]}`, 400, typeInvalidValue},
		{"PUT", group, `{"members":[]}`, 400, typeInvalidValue},
		{"PATCH", group, op(`{"op":"remove","path":"displayName"}`), 400, typeMutability},
		{"PATCH", group, op(`{"op":"remove","path":"members[display eq \"Ann\"]"}`), 400, typeInvalidFilter},
		{"PATCH", group, op(`{"op":"add","path":"members","value":[{"value":"` + userID + `"}]},{"op":"add","path":"members","value":[{"value":"user-x"}]}`), 400, typeInvalidValue},
		{"GET", "/Users?filter=userName", "", 400, typeInvalidFilter},
		{"GET", "/Users?filter=" + url.QueryEscape(`userName is "x"`), "", 400, typeInvalidFilter},
		{"GET", "/Users?startIndex=one", "", 400, typeInvalidValue},
	} {
		w.refused(w.do(c.method, c.path, c.body), c.status, c.scimType)
		if t.Failed() {
			t.Logf("the body was %s", c.body)
			t.FailNow()
		}
	}
	w.refused(w.do("POST", "/Users", `{"userName":"b@example.com"}`, "Content-Type", "text/plain"), http.StatusUnsupportedMediaType, "")
	w.refused(w.do("POST", "/Users", strings.Repeat(" ", maxBody+1)), http.StatusRequestEntityTooLarge, "")
	if got := w.events(before); len(got) > 0 {
		t.Errorf("refused and recorded %v", got)
	}
	w.is(w.want(w.do("GET", user, ""), http.StatusOK), "ann@example.com", "displayName")
}

// A provider cannot say more of somebody than their name, address and whether
// they are active.
func TestNothingIsAssignedByTheWay(t *testing.T) {
	w := newWorld(t)
	made := w.want(w.do("POST", "/Users", `{"id":"user-mine","userName":"ann@example.com","role":"owner","roles":[{"value":"owner"}],
		"organization_id":"org-x","groups":[{"value":"g"}],"meta":{"version":"W/\"1\""},"password":"x"}`), http.StatusCreated)
	userID := made.body["id"].(string)
	u, err := w.Org.UserProfile(t.Context(), w.Organization.ID, userID)
	if err != nil || u.Role != "reader" || u.PasswordHash != "" || userID == "user-mine" || !u.Directory.Managed {
		t.Errorf("made %+v, %v", u.User, err)
	}
	kept := w.user("bo@example.com")
	w.is(w.want(w.do("PUT", "/Users/"+kept, `{"id":"`+userID+`","userName":"bo@example.com"}`), http.StatusOK), kept, "id")
}
