package nativeapi

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"weir/internal/access"
	"weir/internal/endpoint"
	"weir/internal/endpoint/endpointtest"
)

// event is an audit event as a client reads it, with what stands under the
// name of its type.
type event struct {
	auditEvent
	named json.RawMessage
}

func (e *event) UnmarshalJSON(raw []byte) error {
	type fields auditEvent
	if err := json.Unmarshal(raw, (*fields)(&e.auditEvent)); err != nil {
		return err
	}
	all := map[string]json.RawMessage{}
	if err := json.Unmarshal(raw, &all); err != nil {
		return err
	}
	e.named = all[e.Type]
	return nil
}

func TestAuditEvents(t *testing.T) {
	f := newFixture(t)
	account, saKey, secret := f.serviceAccount(f.Organization.DefaultProjectID, access.ProjectMember)
	f.join(f.workspace.ID, account.ID, access.WorkspaceMember)
	conn := f.connection()
	made := ok[modelEndpoint](t, f.as(secret).with("User-Agent", "terraform/1.9").post("/model_endpoints", map[string]any{
		"name": "chat", "upstreams": []any{map[string]any{"connection_id": conn.ID, "model": "gpt-4o-mini"}},
	}))
	browser, s := f.signIn()
	ok[endpoint.Deleted](t, browser.delete("/connections/"+f.connection().ID))

	list := ok[page[event]](t, f.owner().get("/audit_events?limit=100"))
	byType := map[string]event{}
	for i, e := range list.Data {
		byType[e.Type] = e
		if string(e.named) != string(e.Details) {
			t.Errorf("%s: details %s, under its type %s", e.Type, e.Details, e.named)
		}
		if i > 0 && (e.Seq != list.Data[i-1].Seq-1 || list.Data[i-1].PrevHash == nil || *list.Data[i-1].PrevHash != e.Hash) {
			t.Errorf("%s does not precede %s in the chain", e.Type, list.Data[i-1].Type)
		}
	}
	if first := list.Data[len(list.Data)-1]; first.Type != "weir.organization.created" || first.Seq != 1 || first.PrevHash != nil || first.Actor.Type != "system" {
		t.Errorf("first %+v", first)
	}
	if e := byType["weir.model_endpoint.created"]; *e.ResourceID != made.ID || e.Actor.APIKey == nil || e.Actor.APIKey.ID != saKey.ID ||
		e.Actor.APIKey.ServiceAccount.ID != account.ID || e.Actor.APIKey.UserAgent != "terraform/1.9" || e.Actor.APIKey.IPAddress != "127.0.0.1" ||
		e.Project.ID != f.Organization.DefaultProjectID || !strings.Contains(string(e.Details), `"chat"`) {
		t.Errorf("by a service account: %+v", e.auditEvent)
	}
	if e := byType["weir.connection.deleted"]; e.Actor.Session == nil || *e.Actor.Session.ID != s.ID || e.Actor.Session.User.Email != f.Owner.Email {
		t.Errorf("by a session: %+v", e.auditEvent)
	}
	if e := byType["login.succeeded"]; string(e.Details) != "{}" || e.ResourceID != nil {
		t.Errorf("sign-in: %+v", e.auditEvent)
	}
}

func TestAuditEventFilters(t *testing.T) {
	f := newFixture(t)
	project := f.project()
	_, key, _ := f.serviceAccount(project.ID, access.ProjectMember)
	f.as("").post("/session", map[string]string{"email": f.Owner.Email, "password": endpointtest.Password})
	for query, want := range map[string]string{
		"project_ids[]=" + project.ID:                                                      "service_account.updated api_key.created service_account.created",
		"event_types[]=api_key.created&project_ids[]=" + project.ID:                        "api_key.created",
		"event_types=login.succeeded&event_types=weir.workspace.created":                   "login.succeeded weir.workspace.created",
		"event_types[]=login.succeeded&project_ids[]=" + f.Organization.DefaultProjectID:   "login.succeeded",
		"resource_ids[]=" + key.ID:                                                         "api_key.created",
		"actor_emails[]=" + url.QueryEscape(f.Owner.Email) + "&event_types[]=login.failed": "",
		"actor_ids[]=" + f.Owner.ID + "&event_types[]=login.succeeded":                     "login.succeeded",
		"effective_at[gt]=253402300799":                                                    "",
		"event_types[]=login.succeeded&effective_at[gte]=1&effective_at[lte]=253402300799": "login.succeeded",
		"event_types[]=login.succeeded&effective_at[lt]=1":                                 "",
		"event_types[]=login.succeeded&tenant_only=false&limit=1":                          "login.succeeded",
	} {
		var got []string
		for _, e := range ok[page[event]](t, f.owner().get("/audit_events?"+query)).Data {
			got = append(got, e.Type)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", query, got, want)
		}
	}
	for query, want := range map[string][2]string{
		"limit=101":                  {"integer_above_max_value", "limit"},
		"limit=0":                    {"integer_below_min_value", "limit"},
		"after=audit_log-none":       {"invalid_cursor", "after"},
		"before=audit_log-none":      {"invalid_cursor", "before"},
		"effective_at[gte]=soon":     {"invalid_type", "effective_at[gte]"},
		"tenant_only=true":           {"invalid_value", "tenant_only"},
		"tenant_only=perhaps":        {"invalid_type", "tenant_only"},
		"actor_id=" + f.Owner.ID:     {"unknown_parameter", "actor_id"},
		"after=audit_log-a&before=b": {"invalid_cursor", "before"},
	} {
		refused(t, f.owner().get("/audit_events?"+query), http.StatusBadRequest, want[0], want[1])
	}
}
