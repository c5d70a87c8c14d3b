package scim

import (
	"net/http"
	"slices"
	"testing"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint/endpointtest"
	"weir/internal/fault"
	"weir/internal/identity"
	"weir/internal/org"
)

// Who is deactivated is out at once and for good: keys and sessions are gone,
// new ones are refused, and being active again brings none back.
func TestDeactivation(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	userID := w.user("ann@example.com")
	by, o := audit.System(w.Organization.ID), w.Organization
	groupID := w.group("Staff", userID)
	_, adminSecret, err := w.Org.CreateAdminKey(ctx, by, org.NewAdminKey{Name: "admin", UserID: userID})
	if err != nil {
		t.Fatal(err)
	}
	_, projectSecret, err := w.Org.CreateAPIKey(ctx, by, o.DefaultProjectID, org.NewAPIKey{UserID: userID})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := identity.HashPassword(endpointtest.Password)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Org.SetPassword(ctx, by, userID, hash, ""); err != nil {
		t.Fatal(err)
	}
	signIn := func() (identity.SignedIn, error) {
		return w.Identity.SignIn(ctx, identity.Credentials{Email: "ann@example.com", Password: endpointtest.Password}, identity.From{IPAddress: "192.0.2.1"})
	}
	in, err := signIn()
	if err != nil {
		t.Fatal(err)
	}

	before := w.seq()
	w.is(w.want(w.do("PATCH", "/Users/"+userID, `{"Operations":[{"op":"replace","path":"active","value":false}]}`), http.StatusOK), false, "active")
	want := []string{"user.updated", "api_key.deleted", "api_key.deleted", "weir.session.revoked"}
	if got := w.events(before); !slices.Equal(got, want) {
		t.Errorf("recorded %v, want %v", got, want)
	}
	out := func(what string, err error, kind fault.Kind) {
		t.Helper()
		if !fault.Is(err, kind) {
			t.Errorf("%s: %v", what, err)
		}
	}
	shut := func() {
		t.Helper()
		_, err := w.Identity.ByKey(ctx, adminSecret, identity.From{})
		out("the admin key", err, fault.Unauthenticated)
		_, err = w.Identity.ByKey(ctx, projectSecret, identity.From{})
		out("the project key", err, fault.Unauthenticated)
		_, err = w.Identity.BySession(ctx, in.Token, in.CSRF, false, identity.From{})
		out("the session", err, fault.Unauthenticated)
	}
	shut()
	_, err = signIn()
	out("signing in", err, fault.Forbidden)
	_, _, err = w.Org.CreateAPIKey(ctx, by, o.DefaultProjectID, org.NewAPIKey{UserID: userID})
	out("a new project key", err, fault.Invalid)
	_, _, err = w.Org.CreateAdminKey(ctx, by, org.NewAdminKey{Name: "x", UserID: userID})
	out("a new admin key", err, fault.Invalid)
	if got := w.members(groupID); !slices.Equal(got, []string{userID}) {
		t.Errorf("the group has %v", got)
	}

	again := w.seq()
	w.want(w.do("PATCH", "/Users/"+userID, `{"Operations":[{"op":"replace","path":"active","value":"false"}]}`), http.StatusOK)
	if got := w.events(again); len(got) > 0 {
		t.Errorf("deactivating once more recorded %v", got)
	}
	w.is(w.want(w.do("PATCH", "/Users/"+userID, `{"Operations":[{"op":"replace","value":{"active":true}}]}`), http.StatusOK), true, "active")
	shut()
	if _, err := signIn(); err != nil {
		t.Errorf("signing in again: %v", err)
	}
}

// Nothing that a provider does takes away the organization's last owner.
func TestLastOwnerStays(t *testing.T) {
	w := newWorld(t)
	owner := "/Users/" + w.Owner.ID
	deactivate := `{"Operations":[{"op":"replace","path":"active","value":false}]}`
	before := w.seq()
	w.refused(w.do("PATCH", owner, deactivate), http.StatusBadRequest, typeMutability)
	w.refused(w.do("DELETE", owner, ""), http.StatusBadRequest, typeMutability)
	if got := w.events(before); len(got) > 0 {
		t.Errorf("refused and recorded %v", got)
	}
	if _, err := w.Identity.ByKey(t.Context(), w.AdminKey, identity.From{}); err != nil {
		t.Errorf("the owner's key: %v", err)
	}
	// With a group that owns the organization there is another owner, as long as
	// somebody active is in it.
	userID := w.user("second@example.com")
	groupID := w.group("Owners", userID)
	w.grant(groupID, access.OrganizationOwner)
	w.want(w.do("PATCH", owner, deactivate), http.StatusOK)
	w.refused(w.do("PATCH", "/Users/"+userID, deactivate), http.StatusBadRequest, typeMutability)
	w.refused(w.do("PATCH", "/Groups/"+groupID, `{"Operations":[{"op":"remove","path":"members"}]}`), http.StatusBadRequest, typeMutability)
	w.refused(w.do("PUT", "/Groups/"+groupID, `{"displayName":"Owners"}`), http.StatusBadRequest, typeMutability)
	w.refused(w.do("DELETE", "/Groups/"+groupID, ""), http.StatusBadRequest, typeMutability)
	if got := w.members(groupID); !slices.Equal(got, []string{userID}) {
		t.Errorf("the group has %v", got)
	}
}

// A group that a provider keeps is changed by nobody else, and no other group by
// a provider.
func TestGroupsAreKeptByOne(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	userID := w.user("ann@example.com")
	kept := w.group("Staff")
	by := org.SystemGrantor(w.Organization.ID)
	_, rename := w.Org.RenameGroup(ctx, by.Actor, kept, "Mine")
	_, join := w.Org.AddGroupMember(ctx, by, kept, userID)
	for what, err := range map[string]error{
		"rename": rename, "join": join, "leave": w.Org.RemoveGroupMember(ctx, by.Actor, kept, userID), "delete": w.Org.DeleteGroup(ctx, by.Actor, kept),
	} {
		if f := fault.Of(err); f == nil || f.Code != "scim_managed" {
			t.Errorf("%s: %v", what, err)
		}
	}
	own, err := w.Org.CreateGroup(ctx, by.Actor, "Owners")
	if err != nil {
		t.Fatal(err)
	}
	for method, body := range map[string]string{
		"GET": "", "DELETE": "", "PUT": `{"displayName":"Mine","members":[{"value":"` + userID + `"}]}`,
		"PATCH": `{"Operations":[{"op":"add","path":"members","value":[{"value":"` + userID + `"}]}]}`,
	} {
		w.refused(w.do(method, "/Groups/"+own.ID, body), http.StatusNotFound, "")
	}
	w.is(w.want(w.do("GET", "/Groups", ""), http.StatusOK), float64(1), "totalResults")
	w.group("Owners") // one of its own, which holds nothing
}

// Users and groups of another organization are not there.
func TestOrganizationsAreApart(t *testing.T) {
	w := newWorld(t)
	userID, groupID := w.user("ann@example.com"), w.group("Staff")
	other, stranger, _ := w.NewOrganization(t, "else@example.com")
	mine := w.token
	_, w.token = w.newToken(other.ID)
	for _, at := range []string{"/Users/" + userID, "/Groups/" + groupID} {
		for method, body := range map[string]string{
			"GET": "", "DELETE": "", "PUT": `{"userName":"x@example.com","displayName":"x"}`,
			"PATCH": `{"Operations":[{"op":"replace","path":"displayName","value":"x"}]}`,
		} {
			w.refused(w.do(method, at, body), http.StatusNotFound, "")
		}
	}
	w.refused(w.do("POST", "/Groups", `{"displayName":"x","members":[{"value":"`+userID+`"}]}`), http.StatusBadRequest, typeInvalidValue)
	list := w.want(w.do("GET", "/Users", ""), http.StatusOK)
	w.is(list, float64(1), "totalResults")
	w.is(list, stranger.ID, "Resources", 0, "id")
	w.is(w.want(w.do("GET", "/Groups", ""), http.StatusOK), float64(0), "totalResults")
	w.token = mine
	w.is(w.want(w.do("GET", "/Users/"+userID, ""), http.StatusOK), "ann@example.com", "userName")
}

// Where the organization may be called from holds for its provider too.
func TestAddressesOfProviders(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	by := audit.System(w.Organization.ID)
	list, err := w.Org.CreateIPAllowlist(ctx, by, org.NewIPAllowlist{Name: "office", AllowedIPs: []string{"192.0.2.0/24"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Org.ToggleIPAllowlist(ctx, by, list.ID, true); err != nil {
		t.Fatal(err)
	}
	w.refused(w.do("GET", "/Users", ""), http.StatusForbidden, "")
}
