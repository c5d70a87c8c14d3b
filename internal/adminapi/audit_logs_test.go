package adminapi_test

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/org"
)

// auditWorld has a log of a known order: the bootstrap's events, then one of
// each sort of actor, an hour apart.
func auditWorld(t *testing.T) (w *world, home org.Project, account org.ServiceAccount) {
	t.Helper()
	w = newWorld(t)
	home = w.project("home")
	account, _ = w.account(home.ID, access.ProjectMember)
	actors := []audit.Actor{
		{Type: audit.ActorAPIKey, UserID: w.Owner.ID, UserEmail: w.Owner.Email, APIKeyID: "key_person"},
		{Type: audit.ActorAPIKey, ServiceAccountID: account.ID, APIKeyID: "key_robot"},
		{Type: audit.ActorSession, UserID: w.Owner.ID, UserEmail: w.Owner.Email, SessionID: "sess_1", IPAddress: "192.0.2.7", UserAgent: "Firefox"},
	}
	for i, actor := range actors {
		actor.OrganizationID = w.Organization.ID
		_, err := w.Store.Update(t.Context(), actor, func(tx org.Tx) error {
			tx.Record(audit.Event{
				Action: audit.ProjectUpdated.Name, Type: audit.ProjectUpdated.Type, EffectiveAt: time.Now().Add(time.Duration(i+1) * time.Hour),
				ProjectID: home.ID, ProjectName: home.Name, ResourceID: home.ID,
				Details: []byte(`{"id":"` + home.ID + `","changes_requested":{"title":"home"}}`),
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return w, home, account
}

func TestAuditLogShapes(t *testing.T) {
	w, home, account := auditWorld(t)
	list, err := w.client.Admin.Organization.AuditLogs.List(t.Context(), openai.AdminOrganizationAuditLogListParams{
		EventTypes: []string{"project.updated"},
	})
	if err != nil || len(list.Data) != 3 {
		t.Fatalf("%v %+v", err, list)
	}
	session, robot, person := list.Data[0], list.Data[1], list.Data[2]
	for _, e := range list.Data {
		if e.ProjectUpdated.ID != home.ID || e.ProjectUpdated.ChangesRequested.Title != "home" || e.Project.ID != home.ID || e.Project.Name != "home" {
			t.Errorf("details of %s", e.RawJSON())
		}
	}
	if a := session.Actor; a.Type != "session" || a.Session.User.ID != w.Owner.ID || a.Session.User.Email != w.Owner.Email || a.Session.IPAddress != "192.0.2.7" {
		t.Errorf("session actor: %s", session.RawJSON())
	}
	if a := robot.Actor; a.Type != "api_key" || a.APIKey.ID != "key_robot" || a.APIKey.Type != "service_account" || a.APIKey.ServiceAccount.ID != account.ID {
		t.Errorf("service account actor: %s", robot.RawJSON())
	}
	if a := person.Actor; a.Type != "api_key" || a.APIKey.ID != "key_person" || a.APIKey.Type != "user" || a.APIKey.User.Email != w.Owner.Email {
		t.Errorf("user actor: %s", person.RawJSON())
	}
	if session.EffectiveAt-robot.EffectiveAt != 3600 {
		t.Errorf("not newest first: %d, %d", session.EffectiveAt, robot.EffectiveAt)
	}
}

// What names no project is the default project's, and what weir did itself has
// no actor.
func TestAuditLogOfTheOrganizationItself(t *testing.T) {
	w := newWorld(t)
	events := w.get("/v1/organization/audit_logs?event_types[]=user.added&project_ids[]=" + w.Organization.DefaultProjectID)["data"].([]any)
	if len(events) != 1 {
		t.Fatalf("%v", events)
	}
	e := events[0].(map[string]any)
	project := e["project"].(map[string]any)
	if project["id"] != w.Organization.DefaultProjectID || project["name"] != "Default project" || e["actor"] != nil {
		t.Errorf("%v", e)
	}
	if details := e["user.added"].(map[string]any); details["id"] != w.Owner.ID {
		t.Errorf("%v", e)
	}
	// weir's own kinds of event have no place in this log.
	for _, e := range w.get("/v1/organization/audit_logs?limit=100")["data"].([]any) {
		if kind := e.(map[string]any)["type"].(string); strings.HasPrefix(kind, "weir.") || kind == "" {
			t.Errorf("the log shows %v", e)
		}
	}
}

func TestAuditFilters(t *testing.T) {
	w, home, account := auditWorld(t)
	all := w.get("/v1/organization/audit_logs?limit=100")["data"].([]any)
	// Each filter, and the same said of an event as shown.
	of := func(e map[string]any, path ...string) string {
		for _, name := range path[:len(path)-1] {
			e, _ = e[name].(map[string]any)
		}
		s, _ := e[path[len(path)-1]].(string)
		return s
	}
	at := func(i int) int64 { return int64(all[i].(map[string]any)["effective_at"].(float64)) }
	actorIDs := func(e map[string]any) []string {
		return []string{
			of(e, "actor", "session", "user", "id"), of(e, "actor", "api_key", "user", "id"),
			of(e, "actor", "api_key", "service_account", "id"), of(e, "actor", "api_key", "id"),
		}
	}
	time64 := func(e map[string]any) int64 { return int64(e["effective_at"].(float64)) }
	tests := []struct {
		name  string
		query url.Values
		want  func(e map[string]any) bool
	}{
		{"project", url.Values{"project_ids[]": {home.ID}}, func(e map[string]any) bool { return of(e, "project", "id") == home.ID }},
		{"two projects", url.Values{"project_ids": {home.ID, w.Organization.DefaultProjectID}}, func(map[string]any) bool { return true }},
		{"unknown project", url.Values{"project_ids[]": {"proj_none"}}, func(map[string]any) bool { return false }},
		{"type", url.Values{"event_types[]": {"api_key.created"}}, func(e map[string]any) bool { return e["type"] == "api_key.created" }},
		{"two types", url.Values{"event_types[0]": {"api_key.created"}, "event_types[1]": {"user.added"}}, func(e map[string]any) bool {
			return e["type"] == "api_key.created" || e["type"] == "user.added"
		}},
		{"a type weir never records", url.Values{"event_types[]": {"scim.enabled"}}, func(map[string]any) bool { return false }},
		{"actor by user", url.Values{"actor_ids[]": {w.Owner.ID}}, func(e map[string]any) bool { return slices.Contains(actorIDs(e), w.Owner.ID) }},
		{"actor by account", url.Values{"actor_ids[]": {account.ID}}, func(e map[string]any) bool { return slices.Contains(actorIDs(e), account.ID) }},
		{"actor by key", url.Values{"actor_ids[]": {"key_person", "key_robot"}}, func(e map[string]any) bool {
			return slices.Contains(actorIDs(e), "key_person") || slices.Contains(actorIDs(e), "key_robot")
		}},
		{"actor by address", url.Values{"actor_emails[]": {w.Owner.Email}}, func(e map[string]any) bool {
			return of(e, "actor", "session", "user", "email")+of(e, "actor", "api_key", "user", "email") == w.Owner.Email
		}},
		{"resource", url.Values{"resource_ids[]": {account.ID}}, func(e map[string]any) bool { return of(e, e["type"].(string), "id") == account.ID }},
		{"gt", url.Values{"effective_at[gt]": {strconv.FormatInt(at(1), 10)}}, func(e map[string]any) bool { return time64(e) > at(1) }},
		{"gte", url.Values{"effective_at[gte]": {strconv.FormatInt(at(1), 10)}}, func(e map[string]any) bool { return time64(e) >= at(1) }},
		{"lt", url.Values{"effective_at[lt]": {strconv.FormatInt(at(1), 10)}}, func(e map[string]any) bool { return time64(e) < at(1) }},
		{"lte", url.Values{"effective_at[lte]": {strconv.FormatInt(at(1), 10)}}, func(e map[string]any) bool { return time64(e) <= at(1) }},
		{"between", url.Values{"effective_at[gt]": {strconv.FormatInt(at(2), 10)}, "effective_at[lt]": {strconv.FormatInt(at(0), 10)}}, func(e map[string]any) bool {
			return time64(e) > at(2) && time64(e) < at(0)
		}},
		{"type and actor", url.Values{"event_types[]": {"project.updated"}, "actor_ids[]": {account.ID}}, func(e map[string]any) bool {
			return e["type"] == "project.updated" && slices.Contains(actorIDs(e), account.ID)
		}},
		{"tenant only", url.Values{"tenant_only": {"true"}}, func(map[string]any) bool { return false }},
		{"tenant types", url.Values{"tenant_only": {"true"}, "event_types[]": {"role.bound_to_resource", "tenant.user.added"}}, func(map[string]any) bool { return false }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var want, got []string
			for _, e := range all {
				if e := e.(map[string]any); test.want(e) {
					want = append(want, e["id"].(string))
				}
			}
			after := ""
			for { // by two, so that the filter and the cursor meet
				page := w.get("/v1/organization/audit_logs?limit=2&" + test.query.Encode() + after)
				for _, e := range page["data"].([]any) {
					got = append(got, e.(map[string]any)["id"].(string))
				}
				if page["has_more"] != true {
					break
				}
				after = "&after=" + page["last_id"].(string)
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %d events, want %d:\n%q\n%q", len(got), len(want), got, want)
			}
		})
	}
}

func TestAuditBefore(t *testing.T) {
	w, _, _ := auditWorld(t)
	var ids []string
	for _, e := range w.get("/v1/organization/audit_logs?limit=100")["data"].([]any) {
		ids = append(ids, e.(map[string]any)["id"].(string))
	}
	for at := range ids {
		page := w.get(fmt.Sprintf("/v1/organization/audit_logs?limit=2&before=%s", ids[at]))
		var got []string
		for _, e := range page["data"].([]any) {
			got = append(got, e.(map[string]any)["id"].(string))
		}
		if want := ids[max(0, at-2):at]; !slices.Equal(got, want) || page["has_more"] != (at > 2) {
			t.Errorf("before the event %d: %q (more: %v), want %q", at, got, page["has_more"], want)
		}
	}
}
