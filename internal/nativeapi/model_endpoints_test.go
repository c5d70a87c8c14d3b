package nativeapi

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"weir/internal/endpoint"
	"weir/internal/routing"
)

func TestModelEndpoint(t *testing.T) {
	f := newFixture(t)
	conn, spare := f.connection(), f.connection()
	made := ok[modelEndpoint](t, f.owner().post("/model_endpoints", map[string]any{
		"name": "chat", "max_output_tokens": 4096, "hangup": "cancel", "retries": 2, "timeouts": map[string]any{"total_ms": 60_000, "idle_ms": 500},
		"upstreams": []any{
			map[string]any{"connection_id": conn.ID, "model": "gpt-4o-mini"},
			map[string]any{"connection_id": spare.ID, "model": "gpt-4o", "priority": 2, "weight": 0},
		},
	}))
	if made.URL != "/default/models/chat" || made.WorkspaceID != f.workspace.ID || !made.Enabled || *made.MaxOutputTokens != 4096 || made.Hangup != "cancel" ||
		made.Retries != 2 || *made.Timeouts.TotalMS != 60_000 || made.Timeouts.ConnectMS != nil || *made.CreatedBy != f.Owner.ID {
		t.Errorf("created %+v", made)
	}
	want := []routing.Upstream{
		{ConnectionID: conn.ID, Model: "gpt-4o-mini", Priority: 1, Weight: 1},
		{ConnectionID: spare.ID, Model: "gpt-4o", Priority: 2, Weight: 0},
	}
	if fmt.Sprint(made.Upstreams) != fmt.Sprint(want) {
		t.Errorf("upstreams %+v", made.Upstreams)
	}
	path := "/model_endpoints/" + made.ID
	changed := ok[modelEndpoint](t, f.owner().post(path, map[string]any{"enabled": false, "max_output_tokens": nil, "timeouts": map[string]any{"idle_ms": nil, "connect_ms": 9}}))
	if changed.Enabled || changed.MaxOutputTokens != nil || *changed.Timeouts.TotalMS != 60_000 || changed.Timeouts.IdleMS != nil || *changed.Timeouts.ConnectMS != 9 ||
		changed.Hangup != "cancel" || len(changed.Upstreams) != 2 {
		t.Errorf("changed %+v", changed)
	}
	if got := ok[modelEndpoint](t, f.owner().post(path, `{"timeouts":null,"name":"talk"}`)); got.Timeouts.TotalMS != nil || got.URL != "/default/models/talk" {
		t.Errorf("without timeouts: %+v", got)
	}
	if got := ok[page[modelEndpoint]](t, f.owner().get("/model_endpoints")); len(got.Data) != 1 || got.Data[0].URL != "/default/models/talk" {
		t.Errorf("listed %+v", got)
	}
	ok[endpoint.Deleted](t, f.owner().delete(path))
	refused(t, f.owner().delete(path), http.StatusNotFound, "not_found", "")
	refused(t, f.owner().get(path), http.StatusNotFound, "not_found", "")
}

func TestModelEndpointRefusals(t *testing.T) {
	f := newFixture(t)
	taken := f.modelEndpoint(f.workspace.ID)
	conn := f.connection()
	up := `[{"connection_id":"` + conn.ID + `","model":"m"}]`
	for body, want := range map[string][2]string{
		`{"upstreams":` + up + `}`:                                                                                  {"missing_required_parameter", "name"},
		`{"name":"x"}`:                                                                                              {"missing_required_parameter", "upstreams"},
		`{"name":"x","upstreams":[]}`:                                                                               {"empty_array", "upstreams"},
		`{"name":"x","upstreams":{}}`:                                                                               {"invalid_type", "upstreams"},
		`{"name":"x","upstreams":[{"model":"m"}]}`:                                                                  {"missing_required_parameter", "upstreams[0].connection_id"},
		`{"name":"x","upstreams":[{"connection_id":"c"}]}`:                                                          {"missing_required_parameter", "upstreams[0].model"},
		`{"name":"X","upstreams":` + up + `}`:                                                                       {"invalid_value", "name"},
		`{"name":"a.b","upstreams":` + up + `}`:                                                                     {"invalid_value", "name"},
		`{"name":"` + taken.Name + `","upstreams":` + up + `}`:                                                      {"name_taken", "name"},
		`{"name":"` + strings.Repeat("a", 50) + `","upstreams":` + up + `}`:                                         {"string_above_max_length", "name"},
		`{"name":"x","workspace_id":"ws_none","upstreams":` + up + `}`:                                              {"invalid_value", "workspace_id"},
		`{"name":"x","upstreams":[{"connection_id":"conn_none","model":"m"}]}`:                                      {"invalid_value", "upstreams[0].connection_id"},
		`{"name":"x","hangup":"wait","upstreams":` + up + `}`:                                                       {"invalid_value", "hangup"},
		`{"name":"x","enabled":1,"upstreams":` + up + `}`:                                                           {"invalid_type", "enabled"},
		`{"name":"x","retries":11,"upstreams":` + up + `}`:                                                          {"integer_above_max_value", "retries"},
		`{"name":"x","retries":1.5,"upstreams":` + up + `}`:                                                         {"invalid_type", "retries"},
		`{"name":"x","max_output_tokens":-1,"upstreams":` + up + `}`:                                                {"integer_below_min_value", "max_output_tokens"},
		`{"name":"x","max_output_tokens":1e400,"upstreams":` + up + `}`:                                             {"invalid_type", "max_output_tokens"},
		`{"name":"x","timeouts":{"idle_ms":-5},"upstreams":` + up + `}`:                                             {"integer_below_min_value", "timeouts.idle_ms"},
		`{"name":"x","timeouts":{"idle_ms":"5s"},"upstreams":` + up + `}`:                                           {"invalid_type", "timeouts.idle_ms"},
		`{"name":"x","timeouts":{"total_ms":86400001},"upstreams":` + up + `}`:                                      {"integer_above_max_value", "timeouts.total_ms"},
		`{"name":"x","upstreams":[{"connection_id":"` + conn.ID + `","model":"m","weight":-1}]}`:                    {"integer_below_min_value", "upstreams[0].weight"},
		`{"name":"x","upstreams":[{"connection_id":"` + conn.ID + `","model":"m","priority":"high"}]}`:              {"invalid_type", "upstreams[0].priority"},
		`{"name":"x","upstreams":[{"connection_id":"` + conn.ID + `","model":"m","priority":9223372036854775807}]}`: {"integer_above_max_value", "upstreams[0].priority"},
	} {
		refused(t, f.owner().post("/model_endpoints", body), http.StatusBadRequest, want[0], want[1])
	}
	other := f.newWorkspace()
	refused(t, f.owner().post("/model_endpoints/"+taken.ID, map[string]any{"workspace_id": other.ID}), http.StatusBadRequest, "unchangeable", "workspace_id")
	// The same name in another workspace is another address.
	inOther := f.connection(other.ID)
	ok[modelEndpoint](t, f.owner().post("/model_endpoints", map[string]any{
		"name": taken.Name, "workspace_id": other.ID, "upstreams": []any{map[string]any{"connection_id": inOther.ID, "model": "m"}},
	}))
}
