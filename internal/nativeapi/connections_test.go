package nativeapi

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/access"
	"weir/internal/endpoint"
	"weir/internal/routing"
)

func TestConnection(t *testing.T) {
	f := newFixture(t)
	no := false
	f.Prober.Result = routing.Probe{
		APIKey:   &routing.KeyProbe{OK: true, Models: []string{"gpt-4o", "o3"}},
		AdminKey: &routing.KeyProbe{OK: false, Scopes: nil, CanWrite: &no, Error: "This key may not read costs."},
	}
	made := ok[probedConnection](t, f.owner().post("/connections", map[string]any{
		"name": "OpenAI", "provider": "openai", "api_key": "sk-up-0123456789abcdef", "admin_key": "sk-admin-0123456789abcdefghij",
		"organization": "org-up", "project": "proj_up", "headers": map[string]string{"X-Team": "blue-secret-value"},
	}))
	want := connection{
		Object: "connection", ID: made.ID, Name: "OpenAI", Provider: "openai", BaseURL: "https://api.openai.com/v1",
		Workspaces: []string{f.workspace.ID}, Models: []string{"gpt-4o", "o3"}, ModelsDiscovered: true,
		HeaderNames: []string{"X-Team"}, Status: "ok", CreatedAt: f.clock.Now().Unix(),
	}
	if !strings.HasPrefix(made.ID, "conn_") || made.Name != want.Name || made.BaseURL != want.BaseURL || made.Status != want.Status ||
		!slices.Equal(made.Workspaces, want.Workspaces) || !slices.Equal(made.Models, want.Models) || !made.ModelsDiscovered ||
		!slices.Equal(made.HeaderNames, want.HeaderNames) || made.CreatedAt != want.CreatedAt || *made.ProbedAt != want.CreatedAt {
		t.Errorf("created %+v", made)
	}
	if *made.APIKeyRedacted != "sk-...cdef" || *made.AdminKeyRedacted != "sk-admin-...ghij" || *made.Organization != "org-up" || *made.Project != "proj_up" {
		t.Errorf("created %+v", made)
	}
	if p := made.Probe; !p.APIKey.OK || len(p.APIKey.Models) != 2 || p.APIKey.Error != nil || p.AdminKey.OK || *p.AdminKey.CanWrite || p.AdminKey.Scopes == nil || *p.AdminKey.Error == "" {
		t.Errorf("probe %+v", p)
	}
	if made.Billing.Status != "none" || made.Inference.Status != "ok" || made.Inference.LastError != nil {
		t.Errorf("created %+v", made)
	}

	path := "/connections/" + made.ID
	f.Prober.Result = routing.Probe{APIKey: &routing.KeyProbe{Error: "The key was refused."}}
	changed := ok[probedConnection](t, f.owner().post(path, map[string]any{
		"description": "ours", "api_key": "sk-up-fedcba9876543210", "admin_key": nil, "models": []string{"gpt-4o"}, "project": nil, "provider": "openai",
	}))
	if changed.Description != "ours" || *changed.APIKeyRedacted != "sk-...3210" || changed.AdminKeyRedacted != nil || changed.Project != nil ||
		*changed.Organization != "org-up" || changed.Name != "OpenAI" || changed.ModelsDiscovered || !slices.Equal(changed.Models, []string{"gpt-4o"}) {
		t.Errorf("changed %+v", changed)
	}
	if changed.Status != "error" || *changed.LastError != "The key was refused." || *changed.Inference.LastError != *changed.LastError || changed.Probe.AdminKey != nil {
		t.Errorf("a failed probe: %+v", changed)
	}
	f.Prober.Result = routing.Probe{APIKey: &routing.KeyProbe{OK: true, Models: []string{"gpt-4o"}}}
	if tried := ok[probedConnection](t, f.owner().post(path, `{"name":"Ours"}`)); tried.Name != "Ours" || tried.Status != "ok" || tried.LastError != nil || !tried.Probe.APIKey.OK {
		t.Errorf("any change of a connection in error tries it again: %+v", tried)
	}
	if untouched := ok[probedConnection](t, f.owner().post(path, `{"name":"Ours"}`)); untouched.Status != "ok" || untouched.Probe.APIKey != nil {
		t.Errorf("a change of the name alone: %+v", untouched)
	}
	if got := ok[connection](t, f.owner().get(path)); got.Name != "Ours" {
		t.Errorf("read back %+v", got)
	}
	if got := ok[endpoint.Deleted](t, f.owner().delete(path+"?confirm=true")); got.ID != made.ID || !got.Deleted || got.Object != "connection.deleted" {
		t.Errorf("deleted %+v", got)
	}
	refused(t, f.owner().get(path), http.StatusNotFound, "not_found", "")
	refused(t, f.owner().delete(path), http.StatusNotFound, "not_found", "")
}

func TestConnectionRefusals(t *testing.T) {
	f := newFixture(t)
	existing := f.connection()
	for body, want := range map[string][2]string{
		`{"provider":"openai"}`:                                                       {"missing_required_parameter", "name"},
		`{"name":"x"}`:                                                                {"missing_required_parameter", "provider"},
		`{"name":"","provider":"openai"}`:                                             {"empty_string", "name"},
		`{"name":7,"provider":"openai"}`:                                              {"invalid_type", "name"},
		`{"name":"x","provider":"acme"}`:                                              {"invalid_value", "provider"},
		`{"name":"x","provider":"openai_compatible"}`:                                 {"missing_required_parameter", "base_url"},
		`{"name":"x","provider":"openai","base_url":"here"}`:                          {"invalid_value", "base_url"},
		`{"name":"x","provider":"openai","workspace_ids":[]}`:                         {"empty_array", "workspace_ids"},
		`{"name":"x","provider":"openai","workspace_ids":["ws_none"]}`:                {"invalid_value", "workspace_ids[0]"},
		`{"name":"x","provider":"openai","workspace_ids":[7]}`:                        {"invalid_type", "workspace_ids[0]"},
		`{"name":"x","provider":"openai","models":"gpt-4o"}`:                          {"invalid_type", "models"},
		`{"name":"x","provider":"openai","headers":["a"]}`:                            {"invalid_type", "headers"},
		`{"name":"x","provider":"openai","headers":{"Host":"h"}}`:                     {"invalid_value", "headers"},
		`{"name":"x","provider":"openai","headers":{"a":1}}`:                          {"invalid_type", "headers.a"},
		`{"name":"x","provider":"openai","api_key":"a\nb"}`:                           {"invalid_value", "api_key"},
		`{"name":"x","provider":"openai","api_key":"a","api_key":"b"}`:                {"duplicate_parameter", "api_key"},
		`{"name":"x","provider":"openai"`:                                             {"", ""},
		"{\"name\":\"\xff\",\"provider\":\"openai\"}":                                 {"", ""},
		`{"name":"` + strings.Repeat("é", 257) + `","provider":"openai"}`:             {"string_above_max_length", "name"},
		`{"name":"x","provider":"sandbox","base_url":"https://example.com"}`:          {"invalid_value", "base_url"},
		`{"name":"x","provider":"openai","base_url":"https://u:p@api.openai.com/v1"}`: {"invalid_value", "base_url"},
		`{"name":"x","provider":"openai","no_stream_usage":"yes"}`:                    {"invalid_type", "no_stream_usage"},
	} {
		refused(t, f.owner().post("/connections", body), http.StatusBadRequest, want[0], want[1])
	}
	refused(t, f.owner().post("/connections/"+existing.ID, `{"provider":"sandbox"}`), http.StatusBadRequest, "unchangeable", "provider")
	refused(t, f.owner().delete("/connections/"+existing.ID+"?confirm=maybe"), http.StatusBadRequest, "invalid_type", "confirm")
	refused(t, f.owner().get("/connections?limit=101"), http.StatusBadRequest, "integer_above_max_value", "limit")
	refused(t, f.owner().get("/connections?after=conn_none"), http.StatusBadRequest, "invalid_cursor", "after")
	refused(t, f.owner().post("/connections", `{"name":"`+strings.Repeat("x", 1<<20)+`"}`), http.StatusRequestEntityTooLarge, "request_too_large", "")
	m := f.modelEndpoint(f.workspace.ID)
	refused(t, f.owner().delete("/connections/"+m.Upstreams[0].ConnectionID), http.StatusBadRequest, "connection_in_use", "")
}

// A connection of two workspaces is managed by who manages both, and is there
// for the members of either.
func TestConnectionOfSeveralWorkspaces(t *testing.T) {
	f := newFixture(t)
	a, b := f.newWorkspace(), f.newWorkspace()
	user, key := f.user(access.OrganizationReader)
	f.join(a.ID, user.ID, access.WorkspaceAdmin)
	own, both, foreign := f.connection(a.ID), f.connection(a.ID, b.ID), f.connection(b.ID)
	admin := f.as(key)
	list := ok[page[connection]](t, admin.get("/connections"))
	if len(list.Data) != 2 || list.Data[0].ID != both.ID || list.Data[1].ID != own.ID {
		t.Errorf("sees %+v", list.Data)
	}
	refused(t, admin.get("/connections/"+foreign.ID), http.StatusNotFound, "not_found", "")
	refused(t, admin.delete("/connections/"+foreign.ID), http.StatusNotFound, "not_found", "")
	refused(t, admin.post("/connections/"+both.ID, `{"name":"mine"}`), http.StatusForbidden, "insufficient_permissions", "")
	refused(t, admin.delete("/connections/"+both.ID), http.StatusForbidden, "insufficient_permissions", "")
	refused(t, admin.post("/connections/"+own.ID, map[string]any{"workspace_ids": []string{a.ID, b.ID}}), http.StatusForbidden, "insufficient_permissions", "")
	refused(t, admin.post("/connections", `{"name":"in default","provider":"sandbox"}`), http.StatusForbidden, "insufficient_permissions", "")
	ok[probedConnection](t, admin.post("/connections", map[string]any{"name": "in mine", "provider": "sandbox", "workspace_ids": []string{a.ID}}))
	f.join(b.ID, user.ID, access.WorkspaceAdmin)
	ok[probedConnection](t, admin.post("/connections/"+both.ID, `{"name":"mine"}`))
}

func TestCatalogue(t *testing.T) {
	f := newFixture(t)
	f.Prober.Result = routing.Probe{APIKey: &routing.KeyProbe{OK: true, Models: []string{"o3", "gpt-4o", "house-model", "gpt-4o-mini"}}}
	conn := ok[probedConnection](t, f.owner().post("/connections", `{"name":"x","provider":"openai","api_key":"sk-up-0123456789abcdef"}`))
	serving := ok[modelEndpoint](t, f.owner().post("/model_endpoints", map[string]any{
		"name": "fast", "upstreams": []any{
			map[string]any{"connection_id": conn.ID, "model": "gpt-4o-mini"},
			map[string]any{"connection_id": conn.ID, "model": "gpt-4o-mini", "priority": 2},
			map[string]any{"connection_id": f.connection().ID, "model": "o3"},
		},
	}))
	path := "/connections/" + conn.ID + "/models"
	all := ok[page[catalogueModel]](t, f.owner().get(path))
	var ids []string
	for _, m := range all.Data {
		ids = append(ids, m.ID)
		if m.KnownPrice != (m.ID != "house-model") {
			t.Errorf("%s: known_price %t", m.ID, m.KnownPrice)
		}
		if served := m.ID == "gpt-4o-mini"; served != (len(m.ServedBy) == 1 && m.ServedBy[0] == servedBy{serving.ID, "fast", serving.URL}) {
			t.Errorf("%s: served by %+v", m.ID, m.ServedBy)
		}
	}
	if !slices.Equal(ids, []string{"gpt-4o", "gpt-4o-mini", "house-model", "o3"}) {
		t.Errorf("models %v", ids)
	}
	found := ok[page[catalogueModel]](t, f.owner().get(path+"?q=GPT&limit=1"))
	if len(found.Data) != 1 || found.Data[0].ID != "gpt-4o" || !found.HasMore {
		t.Errorf("q=GPT: %+v", found)
	}
	found = ok[page[catalogueModel]](t, f.owner().get(path+"?q=GPT&limit=1&after=gpt-4o"))
	if len(found.Data) != 1 || found.Data[0].ID != "gpt-4o-mini" || found.HasMore {
		t.Errorf("the rest: %+v", found)
	}
	if none := ok[page[catalogueModel]](t, f.owner().get(path+"?q=claude")); none.Data == nil || len(none.Data) != 0 || none.LastID != nil {
		t.Errorf("nothing found: %+v", none)
	}
	refused(t, f.owner().get(path+"?after=nothing"), http.StatusBadRequest, "invalid_cursor", "after")
	refused(t, f.owner().get("/connections/conn_none/models"), http.StatusNotFound, "not_found", "")
}

type failingUpstreams struct{ of string }

func (u failingUpstreams) Circuits(_, connectionID string) []routing.UpstreamCircuit {
	if connectionID != u.of {
		return nil
	}
	at := time.Unix(1_800_000_000, 0)
	return []routing.UpstreamCircuit{
		{CircuitReport: routing.CircuitReport{State: routing.CircuitHalfOpen, OpenedAt: at, RetryAt: at, Reason: "connection refused"}},
		{Model: "gpt-4o", CircuitReport: routing.CircuitReport{State: routing.CircuitOpen, OpenedAt: at, RetryAt: at.Add(time.Second), Reason: "503 Service Unavailable"}},
	}
}

func TestAConnectionShowsWhichOfItsModelsFail(t *testing.T) {
	f := newFixture(t)
	c := f.connection(f.workspace.ID)
	f.api.upstreams = failingUpstreams{of: c.ID}
	shown := ok[connection](t, f.owner().get("/connections/"+c.ID)).Inference.Circuits
	if len(shown) != 2 || shown[0].Model != nil || *shown[1].Model != "gpt-4o" || shown[1].State != "open" ||
		shown[1].RetryAt != 1_800_000_001 || shown[1].Reason != "503 Service Unavailable" {
		t.Errorf("%+v", shown)
	}
	other := f.connection(f.workspace.ID)
	if shown := ok[connection](t, f.owner().get("/connections/"+other.ID)).Inference.Circuits; shown == nil || len(shown) != 0 {
		t.Errorf("of another connection: %+v", shown)
	}
}
