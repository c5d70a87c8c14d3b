package nativeapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint/endpointtest"
	"weir/internal/optional"
	"weir/internal/org"
)

// near holds the address that calls of these tests come from.
const near = "127.0.0.0/8"

// allowlist keeps a list, past the API.
func (f *fixture) allowlist(projectID string, active bool, allowed ...string) org.IPAllowlist {
	f.t.Helper()
	who := audit.System(f.Organization.ID)
	l := must[org.IPAllowlist](f.t)(f.Org.CreateIPAllowlist(f.t.Context(), who, org.NewIPAllowlist{Name: f.name(), ProjectID: projectID, AllowedIPs: allowed}))
	if active {
		l = must[org.IPAllowlist](f.t)(f.Org.ToggleIPAllowlist(f.t.Context(), who, l.ID, true))
	}
	return l
}

// ipAllowlistTarget makes the lists that a call of the pattern is about, after
// removing those of earlier calls: there is room for 50.
func (f *fixture) ipAllowlistTarget(method, pattern string) (path string, body any) {
	f.t.Helper()
	kept := must[org.Rows[org.IPAllowlist]](f.t)(f.Org.IPAllowlists(f.t.Context(), f.Organization.ID, org.Page{Limit: 100}))
	for _, l := range kept.Items {
		if err := f.Org.DeleteIPAllowlist(f.t.Context(), audit.System(f.Organization.ID), l.ID); err != nil {
			f.t.Fatal(err)
		}
	}
	l := f.allowlist("", strings.HasSuffix(pattern, "/deactivate"), near)
	path = strings.Replace(pattern, "{ip_allowlist_id}", l.ID, 1)
	switch {
	case method != http.MethodPost:
	case pattern == "/ip_allowlists":
		body = map[string]any{"name": "office", "allowed_ips": []string{"192.0.2.0/24"}}
	case pattern == "/ip_allowlists/{ip_allowlist_id}":
		body = map[string]any{"name": "office"}
	case !strings.Contains(pattern, "{"):
		body = map[string]any{"ip_allowlist_ids": []string{l.ID}}
	}
	return path, body
}

func TestIPAllowlists(t *testing.T) {
	f := newFixture(t)
	before := f.lastSeq()
	project := f.project()
	made := ok[ipAllowlist](t, f.owner().post("/ip_allowlists", map[string]any{
		"name": "office", "allowed_ips": []string{"192.0.2.77/24", "2001:DB8::1", "192.0.2.0/24", "198.51.100.7"}, "scope": "organization",
	}))
	if made.Scope != "organization" || made.ProjectID != nil || made.Active || !slices.Equal(made.AllowedIPs, []string{"192.0.2.0/24", "2001:db8::1", "198.51.100.7"}) {
		t.Errorf("made %+v", made)
	}
	ofProject := ok[ipAllowlist](t, f.owner().post("/ip_allowlists", map[string]any{"name": "servers", "allowed_ips": []string{near}, "project_id": project.ID}))
	if ofProject.Scope != "project" || *ofProject.ProjectID != project.ID {
		t.Errorf("made %+v", ofProject)
	}
	changed := ok[ipAllowlist](t, f.owner().post("/ip_allowlists/"+made.ID, map[string]any{"allowed_ips": []string{near, "::1"}}))
	if changed.Name != "office" || !slices.Equal(changed.AllowedIPs, []string{near, "::1"}) {
		t.Errorf("changed %+v", changed)
	}
	on := ok[toggledIPAllowlists](t, f.owner().post("/ip_allowlists/activate", map[string]any{"ip_allowlist_ids": []string{ofProject.ID, made.ID, ofProject.ID}}))
	if on.Object != "ip_allowlist.activation" || len(on.Data) != 2 || on.Data[0].ID != ofProject.ID || !on.Data[0].Active || !on.Data[1].Active {
		t.Errorf("activated %+v", on)
	}
	again := ok[ipAllowlist](t, f.owner().post("/ip_allowlists/"+made.ID+"/activate", nil)) // changes nothing, and leaves no event
	if again.ID != made.ID || !again.Active {
		t.Errorf("activated twice %+v", again)
	}
	if got := ok[ipAllowlist](t, f.owner().get("/ip_allowlists/"+made.ID)); !got.Active || got.CreatedAt != made.CreatedAt {
		t.Errorf("shown %+v", got)
	}
	ok[ipAllowlist](t, f.owner().post("/ip_allowlists/"+ofProject.ID+"/deactivate", nil))
	off := ok[toggledIPAllowlists](t, f.owner().post("/ip_allowlists/deactivate", map[string]any{"ip_allowlist_ids": []string{made.ID}}))
	if off.Object != "ip_allowlist.deactivation" || off.Data[0].Active {
		t.Errorf("deactivated %+v", off)
	}
	ok[struct{}](t, f.owner().delete("/ip_allowlists/"+made.ID))
	refused(t, f.owner().get("/ip_allowlists/"+made.ID), http.StatusNotFound, "not_found", "")

	var got []string
	for _, e := range f.events(before) {
		if strings.HasPrefix(e.Type, "ip_allowlist") {
			got = append(got, e.Type+" "+e.ProjectID+" "+string(e.Details))
		}
	}
	named := func(l ipAllowlist, allowed string) string {
		if allowed != "" {
			allowed = `,"allowed_ips":[` + allowed + `]`
		}
		return `{"id":"` + l.ID + `","name":"` + l.Name + `"` + allowed + `}`
	}
	want := []string{
		`ip_allowlist.created  ` + named(made, `"192.0.2.0/24","2001:db8::1","198.51.100.7"`),
		`ip_allowlist.created ` + project.ID + ` ` + named(ofProject, `"127.0.0.0/8"`),
		`ip_allowlist.updated  ` + named(made, `"127.0.0.0/8","::1"`),
		`ip_allowlist.config.activated ` + project.ID + ` {"configs":[` + named(ofProject, "") + `]}`,
		`ip_allowlist.config.activated  {"configs":[` + named(made, "") + `]}`,
		`ip_allowlist.config.deactivated ` + project.ID + ` {"configs":[` + named(ofProject, "") + `]}`,
		`ip_allowlist.config.deactivated  {"configs":[` + named(made, "") + `]}`,
		`ip_allowlist.deleted  ` + named(made, `"127.0.0.0/8","::1"`),
	}
	if !slices.Equal(got, want) {
		t.Errorf("recorded\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestIPAllowlistRefusals(t *testing.T) {
	f := newFixture(t)
	many := strings.Repeat(`"192.0.2.1",`, 200) + `"192.0.2.1"`
	foreign, _, foreignKey := f.NewOrganization(t, "stranger@example.com")
	for _, c := range []struct{ body, code, param string }{
		{`{}`, "missing_required_parameter", "name"},
		{`{"name":"x"}`, "missing_required_parameter", "allowed_ips"},
		{`{"name":"","allowed_ips":["::1"]}`, "empty_string", "name"},
		{`{"name":"x","allowed_ips":[]}`, "empty_array", "allowed_ips"},
		{`{"name":"x","allowed_ips":"::1"}`, "invalid_type", "allowed_ips"},
		{`{"name":"x","allowed_ips":[7]}`, "invalid_type", "allowed_ips[0]"},
		{`{"name":"x","allowed_ips":["::1",""]}`, "empty_string", "allowed_ips[1]"},
		{`{"name":"x","allowed_ips":["::1","office"]}`, "invalid_value", "allowed_ips[1]"},
		{`{"name":"x","allowed_ips":["192.0.2.1/33"]}`, "invalid_value", "allowed_ips[0]"},
		{`{"name":"x","allowed_ips":["192.0.2.1-192.0.2.9"]}`, "invalid_value", "allowed_ips[0]"},
		{`{"name":"x","allowed_ips":["fe80::1%eth0"]}`, "invalid_value", "allowed_ips[0]"},
		{`{"name":"x","allowed_ips":["\u0000"]}`, "invalid_value", "allowed_ips[0]"},
		{`{"name":"x","allowed_ips":[` + many + `]}`, "array_above_max_length", "allowed_ips"},
		{`{"name":"x","allowed_ips":["::1"],"scope":"everything"}`, "invalid_value", "scope"},
		{`{"name":"x","allowed_ips":["::1"],"scope":"project"}`, "missing_required_parameter", "project_id"},
		{`{"name":"x","allowed_ips":["::1"],"scope":"organization","project_id":"` + f.Organization.DefaultProjectID + `"}`, "invalid_value", "scope"},
		{`{"name":"x","allowed_ips":["::1"],"project_id":""}`, "empty_string", "project_id"},
		{`{"name":"x","allowed_ips":["::1"],"project_id":"proj_none"}`, "invalid_value", "project_id"},
		{`{"name":"x","allowed_ips":["::1"],"project_id":"` + foreign.DefaultProjectID + `"}`, "invalid_value", "project_id"},
		{`{"name":"x","allowed_ips":["::1"],"active":true}`, "unknown_parameter", "active"},
		{`{"name":"x","allowed_ips":["::1"],"id":"ipal_x"}`, "unknown_parameter", "id"},
	} {
		refused(t, f.owner().post("/ip_allowlists", c.body), http.StatusBadRequest, c.code, c.param)
	}
	l := f.allowlist("", false, near)
	for _, c := range []struct{ path, body, code, param string }{
		{"/" + l.ID, `{"allowed_ips":[]}`, "empty_array", "allowed_ips"},
		{"/" + l.ID, `{"name":" "}`, "invalid_value", "name"},
		{"/" + l.ID, `{"project_id":"` + f.Organization.DefaultProjectID + `"}`, "unknown_parameter", "project_id"},
		{"/activate", `{}`, "missing_required_parameter", "ip_allowlist_ids"},
		{"/activate", `{"ip_allowlist_ids":[]}`, "empty_array", "ip_allowlist_ids"},
		{"/activate", `{"ip_allowlist_ids":["` + l.ID + `","ipal_none"]}`, "invalid_value", "ip_allowlist_ids[1]"},
		{"/activate", `{"ip_allowlist_ids":[` + strings.Repeat(`"a",`, 10) + `"a"]}`, "array_above_max_length", "ip_allowlist_ids"},
	} {
		refused(t, f.owner().post("/ip_allowlists"+c.path, c.body), http.StatusBadRequest, c.code, c.param)
	}
	for _, path := range []string{"", "/activate", "/deactivate"} {
		refused(t, f.owner().post("/ip_allowlists/ipal_none"+path, nil), http.StatusNotFound, "not_found", "")
		refused(t, f.as(foreignKey).post("/ip_allowlists/"+l.ID+path, nil), http.StatusNotFound, "not_found", "")
	}
	refused(t, f.as(foreignKey).delete("/ip_allowlists/"+l.ID), http.StatusNotFound, "not_found", "")
	refused(t, f.as(foreignKey).post("/ip_allowlists/activate", map[string]any{"ip_allowlist_ids": []string{l.ID}}), http.StatusBadRequest, "invalid_value", "ip_allowlist_ids[0]")

	project := f.project()
	ofProject := f.allowlist(project.ID, false, near)
	if _, err := f.Org.ArchiveProject(t.Context(), f.actor(), project.ID); err != nil {
		t.Fatal(err)
	}
	refused(t, f.owner().post("/ip_allowlists", map[string]any{"name": "x", "allowed_ips": []string{near}, "project_id": project.ID}), http.StatusBadRequest, "project_archived", "")
	refused(t, f.owner().post("/ip_allowlists/"+ofProject.ID+"/activate", nil), http.StatusBadRequest, "project_archived", "")
	ok[struct{}](t, f.owner().delete("/ip_allowlists/"+ofProject.ID))

	for i := range 49 {
		f.allowlist("", false, fmt.Sprintf("192.0.2.%d", i))
	}
	refused(t, f.owner().post("/ip_allowlists", map[string]any{"name": "x", "allowed_ips": []string{near}}), http.StatusBadRequest, "ip_allowlist_limit_reached", "")
}

// Nobody can shut the door behind which they stand, in whatever way, and a
// refused attempt changes nothing.
func TestIPAllowlistsDoNotLockTheirAuthorOut(t *testing.T) {
	f := newFixture(t)
	here, there := f.allowlist("", false, near), f.allowlist("", false, "192.0.2.0/24")
	const lockout = "ip_allowlist_lockout"
	before := f.lastSeq()
	refused(t, f.owner().post("/ip_allowlists/"+there.ID+"/activate", nil), http.StatusBadRequest, lockout, "")
	refused(t, f.owner().post("/ip_allowlists/activate", map[string]any{"ip_allowlist_ids": []string{there.ID}}), http.StatusBadRequest, lockout, "")
	if len(f.events(before)) != 0 || ok[ipAllowlist](t, f.owner().get("/ip_allowlists/"+there.ID)).Active {
		t.Error("a refused activation left something")
	}
	ok[toggledIPAllowlists](t, f.owner().post("/ip_allowlists/activate", map[string]any{"ip_allowlist_ids": []string{there.ID, here.ID}}))
	refused(t, f.owner().post("/ip_allowlists/"+here.ID+"/deactivate", nil), http.StatusBadRequest, lockout, "")
	refused(t, f.owner().post("/ip_allowlists/"+here.ID, map[string]any{"allowed_ips": []string{"198.51.100.0/24"}}), http.StatusBadRequest, lockout, "")
	refused(t, f.owner().delete("/ip_allowlists/"+here.ID), http.StatusBadRequest, lockout, "")
	ok[me](t, f.owner().get("/me"))

	// With both at once nothing is left that keeps anybody out.
	ok[toggledIPAllowlists](t, f.owner().post("/ip_allowlists/deactivate", map[string]any{"ip_allowlist_ids": []string{here.ID, there.ID}}))
	ok[ipAllowlist](t, f.owner().post("/ip_allowlists/"+here.ID+"/activate", nil))
	ok[struct{}](t, f.owner().delete("/ip_allowlists/"+here.ID)) // the last active one
	ok[me](t, f.owner().get("/me"))

	// A project's list is for the project's keys.
	ofProject := f.allowlist(f.Organization.DefaultProjectID, false, "192.0.2.0/24")
	ok[ipAllowlist](t, f.owner().post("/ip_allowlists/"+ofProject.ID+"/activate", nil))
	ok[me](t, f.owner().get("/me"))
}

// Who calls from elsewhere is refused whatever it shows, and that is on record.
func TestCallsFromElsewhereAreRefused(t *testing.T) {
	f := newFixture(t)
	project, other := f.project(), f.project()
	_, _, key := f.serviceAccount(project.ID, access.ProjectMember)
	_, _, otherKey := f.serviceAccount(other.ID, access.ProjectMember)
	session, _ := f.signIn()
	const code = org.CodeAddressRefused

	ofProject := f.allowlist(project.ID, true, "192.0.2.0/24")
	refused(t, f.as(key).get("/me"), http.StatusForbidden, code, "")
	ok[me](t, f.as(otherKey).get("/me"))
	ok[me](t, f.owner().get("/me"))
	ok[me](t, session.get("/me"))

	whole := f.allowlist("", true, "2001:db8::/32", "192.0.2.0/24")
	for _, c := range []client{f.owner(), f.as(otherKey), session} {
		refused(t, c.get("/me"), http.StatusForbidden, code, "")
		refused(t, c.post("/ip_allowlists/"+whole.ID+"/deactivate", nil), http.StatusForbidden, code, "")
	}
	refused(t, f.owner().with("X-Forwarded-For", "192.0.2.1").get("/me"), http.StatusForbidden, code, "")
	before := f.lastSeq()
	// A sign-in does not tell whether the password was right; the log tells why it failed.
	for _, password := range []string{endpointtest.Password, "wrong wrong"} {
		refused(t, f.as("").post("/session", map[string]any{"email": f.Owner.Email, "password": password}), http.StatusUnauthorized, "invalid_credentials", "")
	}
	events := f.events(before)
	if len(events) != 2 {
		t.Errorf("the sign-ins left %+v", events)
	}
	for _, e := range events {
		if e.Type != "login.failed" || !strings.Contains(string(e.Details), code) {
			t.Errorf("a sign-in left %+v", e)
		}
	}

	if err := f.Identity.Denials.Flush(t.Context(), time.Time{}, f.Org.RecordDenials); err != nil {
		t.Fatal(err)
	}
	denied := 0
	for _, e := range f.events(before) {
		var d struct{ Code string }
		if err := json.Unmarshal(e.Details, &d); err == nil && e.Type == "" && d.Code == code && e.Actor.IPAddress == "127.0.0.1" && e.Actor.UserID+e.Actor.ServiceAccountID != "" {
			denied++
		}
	}
	if denied == 0 {
		t.Error("no refusal is on record")
	}

	who := audit.System(f.Organization.ID)
	must[org.IPAllowlist](t)(f.Org.UpdateIPAllowlist(t.Context(), who, whole.ID, org.IPAllowlistChange{AllowedIPs: optional.Of([]string{near})}))
	ok[me](t, f.owner().get("/me"))
	ok[me](t, session.get("/me"))
	refused(t, f.as(key).get("/me"), http.StatusForbidden, code, "") // the project's list does not hold it
	must[org.IPAllowlist](t)(f.Org.ToggleIPAllowlist(t.Context(), who, ofProject.ID, false))
	ok[me](t, f.as(key).get("/me"))
}
