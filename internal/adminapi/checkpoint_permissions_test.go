package adminapi_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"

	"weir/internal/org"
)

const checkpoint = "ft:gpt-4o-mini-2024-07-18:org:weather:B7R9VjQd:ckpt-step-100"

const checkpointBase = "/v1/fine_tuning/checkpoints/" + checkpoint + "/permissions"

func checkpointExamples() map[string]func(w *world) (path, body string) {
	const route = "/v1/fine_tuning/checkpoints/{fine_tuned_model_checkpoint}/permissions"
	permitted := func(w *world) org.CheckpointPermission {
		made, err := w.Org.CreateCheckpointPermissions(w.t.Context(), w.actor(), checkpoint, []string{w.project("tuned").ID})
		return must(w.t, made, err)[0]
	}
	return map[string]func(w *world) (path, body string){
		"GET " + route: func(w *world) (string, string) {
			permitted(w)
			return checkpointBase, ""
		},
		"POST " + route: func(w *world) (string, string) {
			return checkpointBase, fmt.Sprintf(`{"project_ids": [%q]}`, w.project("tuned").ID)
		},
		"DELETE " + route + "/{permission_id}": func(w *world) (string, string) {
			return checkpointBase + "/" + permitted(w).ID, ""
		},
	}
}

func TestCheckpointPermissionsThroughSDK(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	permissions := w.client.FineTuning.Checkpoints.Permissions
	var projects []string
	for i := range 5 {
		projects = append(projects, w.project(fmt.Sprint("project ", i)).ID)
	}
	before := w.logged()
	made, err := permissions.New(ctx, checkpoint, openai.FineTuningCheckpointPermissionNewParams{
		ProjectIDs: append(slices.Clone(projects), projects[0]),
	})
	if err != nil || len(made.Data) != 5 || made.Data[0].ProjectID != projects[0] || made.Data[4].ProjectID != projects[4] || made.Data[0].Object != "checkpoint.permission" {
		t.Fatalf("made %+v %v", made, err)
	}
	if events := w.logged()[len(before):]; len(events) != 5 || slices.ContainsFunc(events, func(e string) bool { return e != "checkpoint.permission.created" }) {
		t.Errorf("recorded %q, want one event for each project", events)
	}
	kind, projectID, details := w.lastEvent()
	want := fmt.Sprintf(`{"data":{"fine_tuned_model_checkpoint":%q,"project_id":%q},"id":%q}`, checkpoint, projects[4], made.Data[4].ID)
	if kind != "checkpoint.permission.created" || projectID != w.Organization.DefaultProjectID || mustJSON(t, details) != want {
		t.Errorf("recorded %s %s %v", kind, projectID, details)
	}

	list := func(limit param.Opt[int64], order openai.FineTuningCheckpointPermissionListParamsOrder) []string {
		return walk(t, permissions.ListAutoPaging(ctx, checkpoint, openai.FineTuningCheckpointPermissionListParams{Limit: limit, Order: order}),
			func(p openai.FineTuningCheckpointPermissionListResponse) string { return p.ProjectID })
	}
	if walked := list(openai.Int(1), "ascending"); !slices.Equal(walked, projects) {
		t.Errorf("walked %q, want %q", walked, projects)
	}
	newest := slices.Clone(projects)
	slices.Reverse(newest)
	for _, whole := range [][]string{list(openai.Int(2), ""), list(openai.Int(1000), "descending")} {
		if !slices.Equal(whole, newest) {
			t.Errorf("newest first: %q, want %q", whole, newest)
		}
	}
	page, err := permissions.List(ctx, checkpoint, openai.FineTuningCheckpointPermissionListParams{ProjectID: openai.String(projects[2])})
	if err != nil || len(page.Data) != 1 || page.Data[0].ID != made.Data[2].ID || page.HasMore {
		t.Errorf("of one project: %+v %v", page, err)
	}
	// However the address spells the name, it is the same checkpoint.
	for _, spelt := range []string{url.QueryEscape(checkpoint), url.PathEscape(checkpoint), "%66" + url.QueryEscape(checkpoint)[1:]} {
		if rows := w.get("/v1/fine_tuning/checkpoints/" + spelt + "/permissions")["data"].([]any); len(rows) != 5 {
			t.Errorf("%s: %v", spelt, rows)
		}
	}
	if rows := w.get("/v1/fine_tuning/checkpoints/ft:other/permissions"); len(rows["data"].([]any)) != 0 || rows["last_id"] != nil {
		t.Errorf("a checkpoint nobody may use: %v", rows)
	}

	gone, err := permissions.Delete(ctx, checkpoint, made.Data[1].ID)
	if err != nil || !gone.Deleted || gone.ID != made.Data[1].ID || gone.Object != "checkpoint.permission" {
		t.Errorf("deleted: %+v %v", gone, err)
	}
	if kind, _, details := w.lastEvent(); kind != "checkpoint.permission.deleted" || mustJSON(t, details) != fmt.Sprintf(`{"id":%q}`, gone.ID) {
		t.Errorf("recorded %s %v", kind, details)
	}
	if _, err := permissions.Delete(ctx, checkpoint, made.Data[1].ID); statusOf(t, err) != 404 {
		t.Errorf("deleted twice: %v", err)
	}
	if _, err := permissions.New(ctx, checkpoint, openai.FineTuningCheckpointPermissionNewParams{ProjectIDs: []string{projects[1]}}); err != nil {
		t.Errorf("given again: %v", err)
	}
}

func TestCheckpointPermissionRefusals(t *testing.T) {
	w := newWorld(t)
	p, free, archived := w.project("has"), w.project("has not"), w.project("archived")
	made, err := w.Org.CreateCheckpointPermissions(t.Context(), w.actor(), checkpoint, []string{p.ID})
	must(t, made, err)
	archived, err = w.Org.ArchiveProject(t.Context(), w.actor(), archived.ID)
	must(t, archived, err)
	stranger, _, _ := w.NewOrganization(t, "stranger@example.com")
	body := func(ids ...string) string { return mustJSON(t, map[string]any{"project_ids": ids}) }
	w.refuse([]refusal{
		{"POST", checkpointBase, ``, 400, "project_ids", "missing_required_parameter"},
		{"POST", checkpointBase, `{"project_ids": null}`, 400, "project_ids", "missing_required_parameter"},
		{"POST", checkpointBase, `{"project_ids": []}`, 400, "project_ids", "empty_array"},
		{"POST", checkpointBase, `{"project_ids": "a"}`, 400, "project_ids", "invalid_type"},
		{"POST", checkpointBase, `{"project_ids": [1]}`, 400, "project_ids[0]", "invalid_type"},
		{"POST", checkpointBase, body(""), 400, "project_ids[0]", "empty_string"},
		{"POST", checkpointBase, body(strings.Split(strings.Repeat("p,", 1001), ",")...), 400, "project_ids", "array_above_max_length"},
		{"POST", checkpointBase, fmt.Sprintf(`{"project_ids": [%q], "object": "x"}`, free.ID), 400, "object", "unknown_parameter"},
		{"POST", checkpointBase, body(free.ID, "proj_none"), 400, "project_ids[1]", "invalid_value"},
		{"POST", checkpointBase, body(free.ID, stranger.DefaultProjectID), 400, "project_ids[1]", "invalid_value"},
		{"POST", checkpointBase, body(free.ID, p.ID), 400, "project_ids[1]", "permission_exists"},
		{"POST", checkpointBase, body(free.ID, archived.ID), 400, "project_ids[1]", "project_archived"},
		{"POST", "/v1/fine_tuning/checkpoints/" + strings.Repeat("x", 257) + "/permissions", body(free.ID), 400, "fine_tuned_model_checkpoint", "string_above_max_length"},
		{"POST", "/v1/fine_tuning/checkpoints/%20/permissions", body(free.ID), 400, "fine_tuned_model_checkpoint", "invalid_value"},
		{"POST", "/v1/fine_tuning/checkpoints/a%00b/permissions", body(free.ID), 400, "fine_tuned_model_checkpoint", "invalid_value"},
		{"GET", checkpointBase + "?order=asc", "", 400, "order", "invalid_value"},
		{"GET", checkpointBase + "?limit=0", "", 400, "limit", "integer_below_min_value"},
		{"GET", checkpointBase + "?limit=1001", "", 400, "limit", "integer_above_max_value"},
		{"GET", checkpointBase + "?after=cp_none", "", 400, "after", "invalid_cursor"},
		{"GET", "/v1/fine_tuning/checkpoints/ft:other/permissions?after=" + made[0].ID, "", 400, "after", "invalid_cursor"},
		{"DELETE", checkpointBase + "/cp_none", "", 404, "", "not_found"},
		{"DELETE", "/v1/fine_tuning/checkpoints/ft:other/permissions/" + made[0].ID, "", 404, "", "not_found"},
		{"GET", checkpointBase + "/" + made[0].ID, "", 405, "", "method_not_supported"},
		{"GET", checkpointBase + "/", "", 404, "", ""},
		{"PUT", checkpointBase, "", 405, "", "method_not_supported"},
	})
	if rows := w.get(checkpointBase)["data"].([]any); len(rows) != 1 {
		t.Errorf("half of a refused creation stands: %v", rows)
	}
}

// Of many that give the same permission at once, one does.
func TestCheckpointPermissionIsGivenOnce(t *testing.T) {
	w := newWorld(t)
	p := w.project("home")
	var wg sync.WaitGroup
	statuses := make(chan int, 8)
	for range cap(statuses) {
		wg.Go(func() {
			statuses <- w.call(w.AdminKey, "POST", checkpointBase, fmt.Sprintf(`{"project_ids": [%q]}`, p.ID)).status
		})
	}
	wg.Wait()
	close(statuses)
	given := 0
	for status := range statuses {
		if status == 200 {
			given++
		}
	}
	if rows := w.get(checkpointBase)["data"].([]any); given != 1 || len(rows) != 1 {
		t.Errorf("given %d times, kept %v", given, rows)
	}
}
