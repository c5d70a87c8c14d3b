package adminapi_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"

	"weir/internal/optional"
	"weir/internal/org"
)

func rateLimitExamples() map[string]func(w *world) (path, body string) {
	const route = "/v1/organization/projects/{project_id}/rate_limits"
	return map[string]func(w *world) (path, body string){
		"GET " + route: func(w *world) (string, string) { return w.inProject("/rate_limits"), "" },
		"POST " + route + "/{rate_limit_id}": func(w *world) (string, string) {
			return w.inProject("/rate_limits/rl-gpt-4o"), `{"max_requests_per_1_minute": 500}`
		},
	}
}

// inProject is a path in a project made for it.
func (w *world) inProject(path string) string {
	w.t.Helper()
	return "/v1/organization/projects/" + w.project("example").ID + path
}

func TestRateLimitsThroughSDK(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	conn, _, err := w.Org.CreateConnection(ctx, w.actor(), org.ConnectionFields{
		Name: optional.Of("own"), Provider: optional.Of("openai"), Models: optional.Of([]string{"own/llama 3", "whisper-large-v3", "gpt-4o"}),
	})
	must(t, conn, err)
	p, other := w.project("home"), w.project("other")
	limits := w.client.Admin.Organization.Projects.RateLimits
	list := func(limit param.Opt[int64]) (all []openai.ProjectRateLimit) {
		walk(t, limits.ListRateLimitsAutoPaging(ctx, p.ID, openai.AdminOrganizationProjectRateLimitListRateLimitsParams{Limit: limit}),
			func(l openai.ProjectRateLimit) string { all = append(all, l); return l.ID })
		return all
	}
	models := func(limits []openai.ProjectRateLimit) (models []string) {
		for _, l := range limits {
			if l.ID != "rl-"+l.Model {
				t.Errorf("%s is of %s", l.ID, l.Model)
			}
			models = append(models, l.Model)
		}
		return models
	}
	whole := list(openai.Int(1000))
	if names := models(whole); !slices.IsSorted(names) || !slices.Contains(names, "own/llama 3") || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("models %q", names)
	}
	if walked := list(openai.Int(1)); !slices.Equal(models(walked), models(whole)) {
		t.Errorf("walked %q, whole %q", models(walked), models(whole))
	}
	first, err := limits.ListRateLimits(ctx, p.ID, openai.AdminOrganizationProjectRateLimitListRateLimitsParams{})
	if err != nil || len(first.Data) != 100 || !first.HasMore {
		t.Errorf("the default page: %d, %v", len(first.Data), err)
	}
	back, err := limits.ListRateLimits(ctx, p.ID, openai.AdminOrganizationProjectRateLimitListRateLimitsParams{
		Before: openai.String(whole[10].ID), Limit: openai.Int(3),
	})
	if err != nil || !slices.Equal(models(back.Data), models(whole[7:10])) || !back.HasMore {
		t.Errorf("before: %q %v", models(back.Data), err)
	}

	// Which fields a model has is by its kind.
	optionalFields := []string{
		"max_images_per_1_minute", "max_audio_megabytes_per_1_minute", "max_requests_per_1_day", "batch_1_day_max_input_tokens",
	}
	for model, want := range map[string][]string{
		"gpt-4o": optionalFields[2:], "own/llama 3": optionalFields[2:], "dall-e-3": optionalFields[:1], "gpt-image-1": optionalFields[:1],
		"whisper-large-v3": optionalFields[1:2], "whisper-1": optionalFields[1:2], "tts-1": optionalFields[1:2], "text-embedding-3-small": optionalFields[3:],
		"omni-moderation-latest": nil, "gpt-realtime": optionalFields[2:3],
	} {
		i := slices.IndexFunc(whole, func(l openai.ProjectRateLimit) bool { return l.Model == model })
		if i < 0 {
			t.Errorf("no limit of %s", model)
			continue
		}
		for _, field := range optionalFields {
			if has := strings.Contains(whole[i].RawJSON(), field); has != slices.Contains(want, field) {
				t.Errorf("%s: %s", model, whole[i].RawJSON())
			}
		}
		if whole[i].MaxRequestsPer1Minute == 0 || whole[i].MaxTokensPer1Minute == 0 {
			t.Errorf("%s starts blocked: %s", model, whole[i].RawJSON())
		}
	}

	// A change is of the fields sent; the others, and other projects, keep theirs.
	const model = "rl-own/llama 3"
	set, err := limits.UpdateRateLimit(ctx, p.ID, model, openai.AdminOrganizationProjectRateLimitUpdateRateLimitParams{
		MaxRequestsPer1Minute: openai.Int(500), MaxRequestsPer1Day: openai.Int(0),
	})
	if err != nil || set.MaxRequestsPer1Minute != 500 || set.MaxRequestsPer1Day != 0 || !strings.Contains(set.RawJSON(), "max_requests_per_1_day") {
		t.Fatalf("set %s %v", set.RawJSON(), err)
	}
	kind, projectID, details := w.lastEvent()
	if kind != "rate_limit.updated" || projectID != p.ID ||
		mustJSON(t, details) != `{"changes_requested":{"max_requests_per_1_day":0,"max_requests_per_1_minute":500},"id":"rl-own/llama 3"}` {
		t.Errorf("recorded %s %s %v", kind, projectID, details)
	}
	again, err := limits.UpdateRateLimit(ctx, p.ID, model, openai.AdminOrganizationProjectRateLimitUpdateRateLimitParams{
		MaxTokensPer1Minute: openai.Int(7),
	})
	if err != nil || again.MaxRequestsPer1Minute != 500 || again.MaxTokensPer1Minute != 7 || again.MaxRequestsPer1Day != 0 {
		t.Errorf("set more: %s %v", again.RawJSON(), err)
	}
	found := func(projectID string) map[string]any {
		for _, row := range w.get("/v1/organization/projects/" + projectID + "/rate_limits?limit=1000")["data"].([]any) {
			if row.(map[string]any)["id"] == model {
				return row.(map[string]any)
			}
		}
		return nil
	}
	if l := found(p.ID); l["max_requests_per_1_minute"] != 500.0 || l["max_tokens_per_1_minute"] != 7.0 {
		t.Errorf("listed as %v", l)
	}
	if l := found(other.ID); l["max_requests_per_1_minute"] == 500.0 {
		t.Errorf("the other project's is %v", l)
	}
}

func TestRateLimitRefusals(t *testing.T) {
	w := newWorld(t)
	p, archived := w.project("home"), w.project("archived")
	gone, err := w.Org.ArchiveProject(t.Context(), w.actor(), archived.ID)
	must(t, gone, err)
	stranger, _, _ := w.NewOrganization(t, "stranger@example.com")
	base := "/v1/organization/projects/"
	list, one := base+p.ID+"/rate_limits", base+p.ID+"/rate_limits/rl-gpt-4o"
	w.refuse([]refusal{
		{"POST", one, `{"max_requests_per_1_minute": -1}`, 400, "max_requests_per_1_minute", "integer_below_min_value"},
		{"POST", one, `{"max_tokens_per_1_minute": 9223372036854775807}`, 400, "max_tokens_per_1_minute", "integer_above_max_value"},
		{"POST", one, `{"max_tokens_per_1_minute": 99999999999999999999}`, 400, "max_tokens_per_1_minute", "integer_above_max_value"},
		{"POST", one, `{"max_tokens_per_1_minute": 1.5}`, 400, "max_tokens_per_1_minute", "invalid_type"},
		{"POST", one, `{"max_tokens_per_1_minute": "1"}`, 400, "max_tokens_per_1_minute", "invalid_type"},
		{"POST", one, `{"max_images_per_1_minute": 1}`, 400, "max_images_per_1_minute", "inapplicable_limit"},
		{"POST", one, `{"max_audio_megabytes_per_1_minute": 0}`, 400, "max_audio_megabytes_per_1_minute", "inapplicable_limit"},
		{"POST", list + "/rl-dall-e-3", `{"batch_1_day_max_input_tokens": 0}`, 400, "batch_1_day_max_input_tokens", "inapplicable_limit"},
		{"POST", one, `{"max_requests_per_1_minute": 1, "max_images_per_1_minute": 1}`, 400, "max_images_per_1_minute", "inapplicable_limit"},
		{"POST", list + "/rl-no-such-model", `{"max_requests_per_1_minute": 1}`, 404, "", "not_found"},
		{"POST", list + "/gpt-4o", `{"max_requests_per_1_minute": 1}`, 404, "", "not_found"},
		{"POST", list + "/rl-gpt-4o%00", `{"max_requests_per_1_minute": 1}`, 404, "", "not_found"},
		{"POST", list + "/rl-" + url.PathEscape(strings.Repeat("é", 5000)), `{}`, 404, "", "not_found"},
		{"DELETE", one, ``, 405, "", "method_not_supported"},
		{"GET", one, ``, 405, "", "method_not_supported"},
		{"GET", list + "?limit=0", ``, 400, "limit", "integer_below_min_value"},
		{"GET", list + "?after=rl-none", ``, 400, "after", "invalid_cursor"},
		{"GET", list + "?before=gpt-4o", ``, 400, "before", "invalid_cursor"},
		{"GET", list + "?after=rl-gpt-4o&before=rl-gpt-4o", ``, 400, "before", "invalid_cursor"},
		{"GET", base + archived.ID + "/rate_limits", ``, 400, "", "project_archived"},
		{"POST", base + archived.ID + "/rate_limits/rl-gpt-4o", `{}`, 400, "", "project_archived"},
		{"POST", base + w.Organization.DefaultProjectID + "/rate_limits/rl-gpt-4o", `{}`, 400, "", "default_project"},
		{"GET", base + "proj_none/rate_limits", ``, 404, "", "not_found"},
		{"GET", base + stranger.DefaultProjectID + "/rate_limits", ``, 404, "", "not_found"},
		{"POST", base + stranger.DefaultProjectID + "/rate_limits/rl-gpt-4o", `{}`, 404, "", "not_found"},
	})
	if l := w.get(list + "?limit=1000"); strings.Contains(mustJSON(t, l), `"max_requests_per_1_minute":1,`) {
		t.Error("a refused change stands")
	}
	// Names that are not for callers to set are passed over.
	got := w.call(w.AdminKey, "POST", one, `{"id": "rl-x", "model": "x", "object": "y", "max_requests_per_1_minute": 3}`).json(t)
	if got["id"] != "rl-gpt-4o" || got["model"] != "gpt-4o" || got["object"] != "project.rate_limit" || got["max_requests_per_1_minute"] != 3.0 {
		t.Errorf("%v", got)
	}
}
