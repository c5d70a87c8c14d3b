package adminapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/shared/constant"
)

func TestModelPermissionsThroughSDK(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	p := w.project("home")
	permissions := w.client.Admin.Organization.Projects.ModelPermissions
	if _, err := permissions.Get(ctx, p.ID); statusOf(t, err) != http.StatusNotFound {
		t.Errorf("none yet: %v", err)
	}
	if _, err := permissions.Delete(ctx, p.ID); statusOf(t, err) != http.StatusNotFound {
		t.Errorf("deleting none: %v", err)
	}
	set, err := permissions.Update(ctx, p.ID, openai.AdminOrganizationProjectModelPermissionUpdateParams{Mode: "allow_list", ModelIDs: []string{"o3", "not-there-yet"}})
	if err != nil || set.Object != "project.model_permissions" || set.Mode != "allow_list" || !slices.Equal(set.ModelIDs, []string{"o3", "not-there-yet"}) {
		t.Fatalf("set: %+v %v", set, err)
	}
	kind, projectID, details := w.lastEvent()
	want := fmt.Sprintf(`{"changes_requested":{"model_permissions":{"mode":"allow_list","model_ids":["o3","not-there-yet"]}},"id":%q}`, p.ID)
	if kind != "project.updated" || projectID != p.ID || mustJSON(t, details) != want {
		t.Errorf("recorded %s %s %v", kind, projectID, details)
	}
	// A list without models is one all the same.
	if set, err = permissions.Update(ctx, p.ID, openai.AdminOrganizationProjectModelPermissionUpdateParams{Mode: "allow_list", ModelIDs: []string{}}); err != nil {
		t.Error(err)
	}
	if got, err := permissions.Get(ctx, p.ID); err != nil || got.RawJSON() != set.RawJSON() || !strings.Contains(got.RawJSON(), `"model_ids":[]`) {
		t.Errorf("got %s %v", got.RawJSON(), err)
	}
	gone, err := permissions.Delete(ctx, p.ID)
	if err != nil || !gone.Deleted || gone.Object != "project.model_permissions.deleted" {
		t.Errorf("deleted: %+v %v", gone, err)
	}
	if _, err := permissions.Get(ctx, p.ID); statusOf(t, err) != http.StatusNotFound {
		t.Errorf("deleted and there: %v", err)
	}
}

func TestHostedToolsThroughSDK(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	p := w.project("home")
	tools := w.client.Admin.Organization.Projects.HostedToolPermissions
	all, err := tools.Get(ctx, p.ID)
	if err != nil || !all.FileSearch.Enabled || !all.WebSearch.Enabled || !all.ImageGeneration.Enabled || !all.Mcp.Enabled || !all.CodeInterpreter.Enabled {
		t.Errorf("at first: %s %v", all.RawJSON(), err)
	}
	path := "/v1/organization/projects/" + p.ID + "/hosted_tool_permissions"
	for _, step := range []struct{ body, off string }{
		{`{"mcp": {"enabled": false}, "web_search": {"enabled": false}, "file_search": {"enabled": true}}`, "mcp web_search"},
		{`{"web_search": null, "code_interpreter": {"enabled": false}}`, "code_interpreter mcp web_search"},
		{`{}`, "code_interpreter mcp web_search"},
		{`{"mcp": {"enabled": false}, "web_search": {"enabled": true}}`, "code_interpreter mcp"},
	} {
		set := w.call(w.AdminKey, "POST", path, step.body)
		var off []string
		for tool, state := range set.json(t) {
			if !state.(map[string]any)["enabled"].(bool) {
				off = append(off, tool)
			}
		}
		slices.Sort(off)
		if strings.Join(off, " ") != step.off || mustJSON(t, w.get(path)) != mustJSON(t, set.json(t)) {
			t.Errorf("%s: %s", step.body, set.raw)
		}
	}
	kind, projectID, details := w.lastEvent()
	want := fmt.Sprintf(`{"changes_requested":{"hosted_tool_permissions":{"mcp":{"enabled":false},"web_search":{"enabled":true}}},"id":%q}`, p.ID)
	if kind != "project.updated" || projectID != p.ID || mustJSON(t, details) != want {
		t.Errorf("recorded %s %s %v", kind, projectID, details)
	}
}

func TestServiceTiersThroughSDK(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	p := w.project("home")
	tiers := w.client.Admin.Organization.Projects.ServiceTierSettings
	got, err := tiers.Get(ctx, p.ID)
	if err != nil || got.Object != "project.service_tier_settings" || got.Default != "standard" || got.EnabledTiers.OfAll != "all" {
		t.Errorf("at first: %s %v", got.RawJSON(), err)
	}
	type enabled = openai.AdminOrganizationProjectServiceTierSettingUpdateParamsEnabledTiersUnion
	got, err = tiers.Update(ctx, p.ID, openai.AdminOrganizationProjectServiceTierSettingUpdateParams{
		EnabledTiers: enabled{OfProjectOptionalServiceTierArray: []openai.ProjectOptionalServiceTier{"ultrafast", "flex"}},
	})
	if err != nil || got.Default != "standard" || !slices.Equal(got.EnabledTiers.AsProjectServiceTierSettingsEnabledTiers(), []openai.ProjectOptionalServiceTier{"ultrafast", "flex"}) {
		t.Errorf("two: %s %v", got.RawJSON(), err)
	}
	got, err = tiers.Update(ctx, p.ID, openai.AdminOrganizationProjectServiceTierSettingUpdateParams{Default: "scale"})
	if err != nil || got.Default != "scale" || len(got.EnabledTiers.OfProjectServiceTierSettingsEnabledTiers) != 2 {
		t.Errorf("another default: %s %v", got.RawJSON(), err)
	}
	path := "/v1/organization/projects/" + p.ID + "/service_tier_settings"
	if none := w.call(w.AdminKey, "POST", path, `{"enabled_tiers": []}`).json(t); len(none["enabled_tiers"].([]any)) != 0 || none["default"] != "scale" {
		t.Errorf("none: %v", none)
	}
	kind, projectID, details := w.lastEvent()
	want := fmt.Sprintf(`{"changes_requested":{"service_tier_settings":{"enabled_tiers":[]}},"id":%q}`, p.ID)
	if kind != "project.updated" || projectID != p.ID || mustJSON(t, details) != want {
		t.Errorf("recorded %s %s %v", kind, projectID, details)
	}
	got, err = tiers.Update(ctx, p.ID, openai.AdminOrganizationProjectServiceTierSettingUpdateParams{EnabledTiers: enabled{OfAll: constant.ValueOf[constant.All]()}})
	if err != nil || got.EnabledTiers.OfAll != "all" || got.Default != "scale" {
		t.Errorf("all: %s %v", got.RawJSON(), err)
	}
}

func TestDataRetentionThroughSDK(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	o, p := w.client.Admin.Organization, w.project("home")
	first, err := o.DataRetention.Get(ctx)
	if err != nil || first.Object != "organization.data_retention" || first.Type != "modified_abuse_monitoring" {
		t.Errorf("at first: %+v %v", first, err)
	}
	if own, err := o.Projects.DataRetention.Get(ctx, p.ID); err != nil || own.Object != "project.data_retention" || own.Type != "organization_default" {
		t.Errorf("the project's at first: %+v %v", own, err)
	}
	set, err := o.DataRetention.Update(ctx, openai.AdminOrganizationDataRetentionUpdateParams{RetentionType: "zero_data_retention"})
	if err != nil || set.Type != "zero_data_retention" {
		t.Errorf("set: %+v %v", set, err)
	}
	kind, _, details := w.lastEvent()
	if want := fmt.Sprintf(`{"changes_requested":{"retention_type":"zero_data_retention"},"id":%q}`, w.Organization.ID); kind != "organization.updated" || mustJSON(t, details) != want {
		t.Errorf("recorded %s %v", kind, details)
	}
	if own, err := o.Projects.DataRetention.Get(ctx, p.ID); err != nil || own.Type != "organization_default" {
		t.Errorf("the project's after: %+v %v", own, err)
	}
	for _, retention := range []openai.AdminOrganizationProjectDataRetentionUpdateParamsRetentionType{"none", "enhanced_modified_abuse_monitoring", "organization_default"} {
		own, err := o.Projects.DataRetention.Update(ctx, p.ID, openai.AdminOrganizationProjectDataRetentionUpdateParams{RetentionType: retention})
		if err != nil || string(own.Type) != string(retention) {
			t.Errorf("the project's: %+v %v", own, err)
		}
	}
	if kind, projectID, _ := w.lastEvent(); kind != "project.updated" || projectID != p.ID {
		t.Errorf("recorded %s %s", kind, projectID)
	}
}

func TestProjectPermissionRefusals(t *testing.T) {
	w := newWorld(t)
	p, archived := w.project("home"), w.project("archived")
	gone, err := w.Org.ArchiveProject(t.Context(), w.actor(), archived.ID)
	must(t, gone, err)
	stranger, _, _ := w.NewOrganization(t, "stranger@example.com")
	const projects = "/v1/organization/projects/"
	home := projects + p.ID
	models, tools, tiers, retention := home+"/model_permissions", home+"/hosted_tool_permissions", home+"/service_tier_settings", home+"/data_retention"
	list := func(ids ...string) string { return mustJSON(t, map[string]any{"mode": "allow_list", "model_ids": ids}) }
	refusals := []refusal{
		{"POST", models, `{"model_ids": []}`, 400, "mode", "missing_required_parameter"},
		{"POST", models, `{"mode": "allow_list"}`, 400, "model_ids", "missing_required_parameter"},
		{"POST", models, `{"mode": "allow", "model_ids": []}`, 400, "mode", "invalid_value"},
		{"POST", models, `{"mode": "allow_list", "model_ids": "o3"}`, 400, "model_ids", "invalid_type"},
		{"POST", models, `{"mode": "allow_list", "model_ids": ["o3", null]}`, 400, "model_ids[1]", "invalid_type"},
		{"POST", models, list("o3", ""), 400, "model_ids[1]", "empty_string"},
		{"POST", models, list("o3", "a\x00b"), 400, "model_ids[1]", "invalid_value"},
		{"POST", models, list(strings.Repeat("x", 257)), 400, "model_ids[0]", "string_above_max_length"},
		{"POST", models, list(slices.Repeat([]string{"o3"}, 5001)...), 400, "model_ids", "array_above_max_length"},
		{"GET", models, ``, 404, "", "not_found"},

		{"POST", tools, `{"mcp": true}`, 400, "mcp", "invalid_type"},
		{"POST", tools, `{"mcp": {}}`, 400, "mcp.enabled", "missing_required_parameter"},
		{"POST", tools, `{"file_search": {"enabled": false}, "mcp": {"enabled": "no"}}`, 400, "mcp.enabled", "invalid_type"},

		{"POST", tiers, ``, 400, "", "missing_required_parameter"},
		{"POST", tiers, `{"default": null, "enabled_tiers": null}`, 400, "", "missing_required_parameter"},
		{"POST", tiers, `{"default": "flex"}`, 400, "default", "invalid_value"},
		{"POST", tiers, `{"default": 1}`, 400, "default", "invalid_type"},
		{"POST", tiers, `{"enabled_tiers": "none"}`, 400, "enabled_tiers", "invalid_value"},
		{"POST", tiers, `{"enabled_tiers": {}}`, 400, "enabled_tiers", "invalid_type"},
		{"POST", tiers, `{"enabled_tiers": [1]}`, 400, "enabled_tiers[0]", "invalid_type"},
		{"POST", tiers, `{"default": "fast", "enabled_tiers": ["flex", "standard"]}`, 400, "enabled_tiers[1]", "invalid_value"},
		{"POST", tiers, `{"enabled_tiers": ["flex", "flex"]}`, 400, "enabled_tiers[1]", "invalid_value"},

		{"POST", retention, `{}`, 400, "retention_type", "missing_required_parameter"},
		{"POST", retention, `{"type": "none"}`, 400, "retention_type", "missing_required_parameter"},
		{"POST", retention, `{"retention_type": "forever"}`, 400, "retention_type", "invalid_value"},
		{"POST", "/v1/organization/data_retention", `{"retention_type": "none"}`, 400, "retention_type", "invalid_value"},
		{"POST", "/v1/organization/data_retention", `{"retention_type": "organization_default"}`, 400, "retention_type", "invalid_value"},
	}
	for path, body := range map[string]string{
		"/model_permissions": list("o3"), "/hosted_tool_permissions": `{}`, "/service_tier_settings": `{"default": "fast"}`,
		"/data_retention": `{"retention_type": "none"}`,
	} {
		refusals = append(refusals,
			refusal{"GET", projects + archived.ID + path, ``, 400, "", "project_archived"},
			refusal{"POST", projects + archived.ID + path, body, 400, "", "project_archived"},
			refusal{"GET", projects + stranger.DefaultProjectID + path, ``, 404, "", "not_found"},
			refusal{"POST", projects + stranger.DefaultProjectID + path, body, 404, "", "not_found"},
			refusal{"POST", projects + "proj_%00" + path, body, 404, "", "not_found"},
		)
	}
	w.refuse(refusals)
	for path, want := range map[string]string{
		tools: `"file_search":{"enabled":true}`, tiers: `"default":"standard"`, retention: `"type":"organization_default"`,
	} {
		if got := mustJSON(t, w.get(path)); !strings.Contains(got, want) {
			t.Errorf("a refused change stands: %s", got)
		}
	}
}

// Who changes one setting does not undo another that is changed at the same
// time.
func TestSettingsAreChangedApart(t *testing.T) {
	w := newWorld(t)
	home := "/v1/organization/projects/" + w.project("home").ID
	var wg sync.WaitGroup
	for path, body := range map[string]string{
		"/spend_limit": someLimit, "/model_permissions": `{"mode": "deny_list", "model_ids": ["o3"]}`,
		"/hosted_tool_permissions": `{"mcp": {"enabled": false}}`, "/service_tier_settings": `{"default": "fast"}`,
		"/data_retention": `{"retention_type": "none"}`,
	} {
		wg.Go(func() {
			if a := w.call(w.AdminKey, "POST", home+path, body); a.status != 200 {
				t.Errorf("%s: %d %s", path, a.status, a.raw)
			}
		})
	}
	wg.Wait()
	for path, want := range map[string]string{
		"/spend_limit": `"threshold_amount":10000`, "/model_permissions": `"model_ids":["o3"]`,
		"/hosted_tool_permissions": `"mcp":{"enabled":false}`, "/service_tier_settings": `"default":"fast"`, "/data_retention": `"type":"none"`,
	} {
		if got := mustJSON(t, w.get(home+path)); !strings.Contains(got, want) {
			t.Errorf("%s: %s", path, got)
		}
	}
}
