package adminapi_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"

	"weir/internal/access"
	"weir/internal/org"
)

func TestInvitesThroughSDK(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	invites := w.client.Admin.Organization.Invites
	p, other := w.project("home"), w.project("other")

	// Left out, projects are the default project.
	plain, err := invites.New(ctx, openai.AdminOrganizationInviteNewParams{Email: "Ann@Example.com", Role: "reader"})
	if err != nil {
		t.Fatal(err)
	}
	if plain.Email != "Ann@Example.com" || plain.Role != "reader" || plain.Status != "pending" || !strings.HasPrefix(plain.ID, "invite-") ||
		plain.JSON.AcceptedAt.Raw() != "null" || plain.ExpiresAt-plain.CreatedAt != int64(org.InviteLifetime/time.Second) {
		t.Errorf("invited %s", plain.RawJSON())
	}
	if len(plain.Projects) != 1 || plain.Projects[0].ID != w.Organization.DefaultProjectID || plain.Projects[0].Role != "member" {
		t.Errorf("invited to %+v", plain.Projects)
	}
	if raw := w.get(invitesPath + "/" + plain.ID); raw["invited_at"] != raw["created_at"] || raw["invited_at"] == nil {
		t.Errorf("older clients read %v", raw)
	}
	kind, projectID, details := w.lastEvent()
	data, _ := details["data"].(map[string]any)
	if kind != "invite.sent" || projectID != w.Organization.DefaultProjectID || details["id"] != plain.ID || data["email"] != "Ann@Example.com" || data["role"] != "reader" || len(data) != 2 {
		t.Errorf("recorded %s %v", kind, details)
	}

	// An empty list is none at all; null is left out.
	none := w.post(invitesPath, map[string]any{"email": "none@example.com", "role": "reader", "projects": []any{}})
	if projects := none["projects"].([]any); len(projects) != 0 {
		t.Errorf("invited to %v", projects)
	}
	null := w.post(invitesPath, map[string]any{"email": "null@example.com", "role": "reader", "projects": nil, "id": "invite-mine", "object": "x", "status": "accepted", "accepted_at": 1})
	if len(null["projects"].([]any)) != 1 || null["id"] == "invite-mine" || null["status"] != "pending" || null["accepted_at"] != nil {
		t.Errorf("invited %v", null)
	}

	two, err := invites.New(ctx, openai.AdminOrganizationInviteNewParams{
		Email: "bob@example.com", Role: "owner",
		Projects: []openai.AdminOrganizationInviteNewParamsProject{{ID: p.ID, Role: "member"}, {ID: other.ID, Role: "owner"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := invites.Get(ctx, two.ID)
	if err != nil || got.RawJSON() != two.RawJSON() || len(got.Projects) != 2 || got.Projects[1].ID != other.ID || got.Projects[1].Role != "owner" {
		t.Errorf("got %s, %v", got.RawJSON(), err)
	}

	// What was accepted is granted, shown, and stays.
	joined := w.accept(two.ID)
	got, err = invites.Get(ctx, two.ID)
	if err != nil || got.Status != "accepted" || got.AcceptedAt < got.CreatedAt {
		t.Errorf("accepted %s, %v", got.RawJSON(), err)
	}
	member := w.get("/v1/organization/projects/" + other.ID + "/users/" + joined.ID)
	if u := w.get("/v1/organization/users/" + joined.ID); u["role"] != "owner" || u["email"] != "bob@example.com" || member["role"] != "owner" {
		t.Errorf("joined as %v, %v", u, member)
	}
	w.refuse([]refusal{{"DELETE", invitesPath + "/" + two.ID, "", 400, "", "invite_accepted"}})

	deleted, err := invites.Delete(ctx, plain.ID)
	if err != nil || !deleted.Deleted || deleted.ID != plain.ID || deleted.Object != "organization.invite.deleted" {
		t.Errorf("deleted %+v, %v", deleted, err)
	}
	if kind, _, details := w.lastEvent(); kind != "invite.deleted" || details["id"] != plain.ID || len(details) != 1 {
		t.Errorf("recorded %s %v", kind, details)
	}
	w.refuse([]refusal{{"GET", invitesPath + "/" + plain.ID, "", 404, "", "not_found"}, {"DELETE", invitesPath + "/" + plain.ID, "", 404, "", "not_found"}})
	// Whoever was taken back or has left can be invited anew.
	w.post(invitesPath, map[string]any{"email": "ann@example.com", "role": "reader"})
	if err := w.Org.DeleteUser(ctx, w.actor(), joined.ID); err != nil {
		t.Fatal(err)
	}
	w.post(invitesPath, map[string]any{"email": "bob@example.com", "role": "reader"})
}

func TestInvitesExpire(t *testing.T) {
	w := newWorld(t)
	sent := w.invite()
	began := time.Now()
	w.Org.Now = func() time.Time { return began.Add(org.InviteLifetime + time.Second) }
	if got := w.get(invitesPath + "/" + sent.ID); got["status"] != "expired" || got["accepted_at"] != nil {
		t.Errorf("a week later %v", got)
	}
	// It stands in nobody's way, and can be cleared up.
	w.post(invitesPath, map[string]any{"email": sent.Email, "role": "reader"})
	if got := w.call(w.AdminKey, "DELETE", invitesPath+"/"+sent.ID, ""); got.status != 200 {
		t.Errorf("%d %s", got.status, got.raw)
	}
}

func TestInvitesWalkedByOne(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	for range 4 {
		w.invite()
	}
	w.accept(w.invite().ID)
	walkBy := func(limit int64) []string {
		return walk(t, w.client.Admin.Organization.Invites.ListAutoPaging(ctx, openai.AdminOrganizationInviteListParams{Limit: openai.Int(limit)}),
			func(i openai.Invite) string { return i.ID })
	}
	whole, one := walkBy(100), walkBy(1)
	if len(whole) != 5 || !slices.Equal(whole, one) || !slices.IsSortedFunc(whole, func(a, b string) int { return strings.Compare(b, a) }) {
		t.Errorf("whole %v\none by one %v", whole, one)
	}
}

func TestInviteRefusals(t *testing.T) {
	w := newWorld(t)
	p, archived := w.project("home"), w.project("old")
	if _, err := w.Org.ArchiveProject(t.Context(), w.actor(), archived.ID); err != nil {
		t.Fatal(err)
	}
	pending := w.invite()
	foreign, owner, _ := w.NewOrganization(t, "owner@elsewhere.example")
	theirs, err := w.Org.CreateInvite(t.Context(), org.SystemGrantor(foreign.ID), org.NewInvite{Email: "x@elsewhere.example", Role: "reader"})
	must(t, theirs, err)
	body := func(email string, rest ...string) string {
		return `{"email": "` + email + `", "role": "reader"` + strings.Join(rest, "") + `}`
	}
	projects := func(list string) string { return body("new@example.com", `, "projects": `, list) }
	post := func(body, param, code string) refusal { return refusal{"POST", invitesPath, body, 400, param, code} }
	w.refuse([]refusal{
		post(`{"role": "reader"}`, "email", "missing_required_parameter"),
		post(`{"email": "a@example.com"}`, "role", "missing_required_parameter"),
		post(`{"email": ["a@example.com"], "role": "reader"}`, "email", "invalid_type"),
		post(`{"email": "a@example.com", "role": "member"}`, "role", "invalid_value"),
		post(`{"email": "a@example.com", "role": "reader", "email": "b@example.com"}`, "email", "duplicate_parameter"),
		post(body(""), "email", "invalid_value"),
		post(body("nobody"), "email", "invalid_value"),
		post(body("Ann <ann@example.com>"), "email", "invalid_value"),
		post(body("a@example.com, b@example.com"), "email", "invalid_value"),
		post(body(`a@example.com\r\nBcc: b@example.com`), "email", "invalid_value"),
		post(body(`a@example.com\u0000`), "email", "invalid_value"),
		post(body(`a\u202e@example.com`), "email", "invalid_value"),
		post(body(`a\u2028@example.com`), "email", "invalid_value"),
		post(body(`a\u200b@example.com`), "email", "invalid_value"),
		post(body(strings.Repeat("a", 250)+"@b.example"), "email", "string_above_max_length"),
		post(body(strings.ToUpper(w.Owner.Email)), "email", "already_member"),
		post(body(strings.ToUpper(pending.Email)), "email", "invite_pending"),
		post(projects(`{}`), "projects", "invalid_type"),
		post(projects(`["`+p.ID+`"]`), "projects[0]", "invalid_type"),
		post(projects(`[{"role": "member"}]`), "projects[0].id", "missing_required_parameter"),
		post(projects(`[{"id": "`+p.ID+`"}]`), "projects[0].role", "missing_required_parameter"),
		post(projects(`[{"id": "`+p.ID+`", "role": "viewer"}]`), "projects[0].role", "invalid_value"),
		post(projects(`[{"id": "`+p.ID+`", "role": "member"}, {"id": "proj_none", "role": "member"}]`), "projects[1].id", "invalid_value"),
		post(projects(`[{"id": "\u0000", "role": "member"}]`), "projects[0].id", "invalid_value"),
		post(projects(`[{"id": "`+foreign.DefaultProjectID+`", "role": "member"}]`), "projects[0].id", "invalid_value"),
		post(projects(`[{"id": "`+archived.ID+`", "role": "member"}]`), "projects[0].id", "project_archived"),
		post(projects(`[{"id": "`+p.ID+`", "role": "member"}, {"id": "`+p.ID+`", "role": "owner"}]`), "projects[1].id", "invalid_value"),
		post(projects(`[`+strings.Repeat(`{"id": "proj_x", "role": "member"},`, 1000)+`{"id": "p", "role": "member"}]`), "projects", "array_above_max_length"),
		{"GET", invitesPath + "?after=invite-none", "", 400, "after", "invalid_cursor"},
		{"GET", invitesPath + "?after=" + theirs.ID, "", 400, "after", "invalid_cursor"},
		{"GET", invitesPath + "?limit=101", "", 400, "limit", "integer_above_max_value"},
		{"GET", invitesPath + "?limit=0", "", 400, "limit", "integer_below_min_value"},
		{"GET", invitesPath + "/" + theirs.ID, "", 404, "", "not_found"},
		{"DELETE", invitesPath + "/" + theirs.ID, "", 404, "", "not_found"},
		{"GET", invitesPath + "/%00", "", 404, "", "not_found"},
	})
	if list := w.get(invitesPath)["data"].([]any); len(list) != 1 {
		t.Errorf("after refusals there are %v", list)
	}
	// The same address may belong to two organizations.
	w.post(invitesPath, map[string]any{"email": owner.Email, "role": "reader"})
}

// Nobody invites to what they do not hold: whoever may manage the organization,
// and no more, can make no owner.
func TestNobodyInvitesBeyondThemselves(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	reader := access.OrganizationReader.Permissions()
	reader[access.ManagementWrite] = struct{}{}
	by := org.Grantor{Actor: w.actor()}
	by.Holds.AddOrganizationRole(reader)
	before := len(w.logged())
	for name, in := range map[string]org.NewInvite{
		"an owner": {Email: "a@example.com", Role: "owner"},
		"a member": {Email: "a@example.com", Role: "reader"}, // of the default project
	} {
		if _, err := w.Org.CreateInvite(ctx, by, in); err == nil || len(w.logged()) != before {
			t.Errorf("%s is invited: %v", name, err)
		}
	}
	sent := w.post(invitesPath, map[string]any{"email": "b@example.com", "role": "owner"})
	if _, _, err := w.Org.CreateInviteLink(ctx, by, sent["id"].(string)); err == nil {
		t.Error("a link to more than its maker holds")
	}
}
