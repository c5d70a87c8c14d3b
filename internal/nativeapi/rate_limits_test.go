package nativeapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"weir/internal/optional"
	"weir/internal/org"
)

// rateLimitTarget is target for rate limits.
func (f *fixture) rateLimitTarget(pattern string, write bool) (path string, body any) {
	path = strings.Replace(pattern, "{rate_limit_id}", "rl-gpt-4o", 1)
	path = strings.Replace(path, "{project_id}", f.project().ID, 1)
	return path, changeIf(write, "max_requests_per_1_minute", 7)
}

func TestOrganizationRateLimits(t *testing.T) {
	f := newFixture(t)
	owner := f.owner()
	conn, _, err := f.Org.CreateConnection(t.Context(), f.actor(), org.ConnectionFields{
		Name: optional.Of("own"), Provider: optional.Of("openai"), Models: optional.Of([]string{"own/llama", "gpt-4o"}),
	})
	if err != nil {
		t.Fatal(err)
	}
	whole := ok[page[rateLimit]](t, owner.get("/rate_limits?limit=1000"))
	if len(whole.Data) < 100 || whole.HasMore {
		t.Fatalf("%d limits", len(whole.Data))
	}
	var walked []rateLimit
	for next := "?limit=17"; next != ""; {
		p := ok[page[rateLimit]](t, owner.get("/rate_limits"+next))
		walked = append(walked, p.Data...)
		if next = ""; p.HasMore {
			next = "?limit=17&after=" + url.QueryEscape(*p.LastID)
		}
	}
	ids := func(limits []rateLimit) (ids []string) {
		for _, l := range limits {
			ids = append(ids, l.ID)
		}
		return ids
	}
	if !slices.Equal(ids(walked), ids(whole.Data)) || !slices.IsSorted(ids(whole.Data)) || !slices.Contains(ids(whole.Data), "rl-own/llama") {
		t.Errorf("walked %q, whole %q", ids(walked), ids(whole.Data))
	}

	const own = "/rate_limits/rl-own%2Fllama"
	before := f.lastSeq()
	set := ok[rateLimit](t, owner.post(own, map[string]any{"max_requests_per_1_minute": 0, "max_requests_per_1_day": 1 << 53}))
	if set.Object != "organization.rate_limit" || set.Model != "own/llama" || set.IsDefault || set.RequestsPerMinute != 0 || *set.RequestsPerDay != 1<<53 || set.TokensPerMinute == 0 {
		t.Errorf("set: %+v", set)
	}
	// Both set, one after the other: neither forgets the other.
	if set = ok[rateLimit](t, owner.post(own, map[string]any{"max_tokens_per_1_minute": 5})); set.RequestsPerMinute != 0 || set.TokensPerMinute != 5 {
		t.Errorf("set more: %+v", set)
	}
	if events := f.events(before); len(events) != 2 || events[0].Action != "rate_limit.updated" ||
		string(events[0].Details) != `{"id":"rl-own/llama","changes_requested":{"max_requests_per_1_day":9007199254740992,"max_requests_per_1_minute":0}}` {
		t.Errorf("recorded %s", events[0].Details)
	}
	for _, call := range []struct {
		path, body, code, param string
		status                  int
	}{
		{own, `{"max_requests_per_1_minute": -1}`, "integer_below_min_value", "max_requests_per_1_minute", 400},
		{own, `{"max_requests_per_1_minute": 9007199254740993}`, "integer_above_max_value", "max_requests_per_1_minute", 400},
		{own, `{"max_images_per_1_minute": 1}`, "inapplicable_limit", "max_images_per_1_minute", 400},
		{own, `{"max_requests": 1}`, "unknown_parameter", "max_requests", 400},
		{own, `{"model": "gpt-4o"}`, "unknown_parameter", "model", 400},
		{"/rate_limits/rl-none", `{}`, "not_found", "", 404},
		{"/rate_limits/gpt-4o", `{}`, "not_found", "", 404},
	} {
		refused(t, owner.post(call.path, call.body), call.status, call.code, call.param)
	}
	refused(t, owner.get("/rate_limits?after=rl-none"), http.StatusBadRequest, "invalid_cursor", "after")
	refused(t, owner.get("/rate_limits?before=gpt-4o"), http.StatusBadRequest, "invalid_cursor", "before")

	// What was set for a model can be taken back when nobody serves it any more.
	if err := f.Org.DeleteConnection(t.Context(), f.actor(), conn.ID); err != nil {
		t.Fatal(err)
	}
	refused(t, owner.post(own, `{}`), http.StatusNotFound, "not_found", "")
	if reset := ok[rateLimit](t, owner.delete(own)); !reset.IsDefault || reset.TokensPerMinute == 5 {
		t.Errorf("reset: %+v", reset)
	}
	refused(t, owner.delete(own), http.StatusNotFound, "not_found", "")
}

// A project keeps below the organization's limit, and what it has set comes back
// when a ceiling that was lowered is raised.
func TestProjectRateLimitsUnderTheCeiling(t *testing.T) {
	f := newFixture(t)
	owner, p := f.owner(), f.project()
	limits := func() org.Rates {
		rows, err := f.Org.RateLimits(t.Context(), f.Organization.ID, p.ID, org.Page{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(rows.Items, func(l org.RateLimit) bool { return l.Model == "gpt-4o" })
		return rows.Items[i].Rates
	}
	const model = "/rate_limits/rl-gpt-4o"
	l, err := f.Org.UpdateRateLimit(t.Context(), f.actor(), p.ID, "rl-gpt-4o", org.Rates{org.RequestsPerMinute: 100})
	must[org.RateLimit](t)(l, err)
	ok[rateLimit](t, owner.post(model, map[string]any{"max_requests_per_1_minute": 40, "max_tokens_per_1_minute": 50}))
	if got := limits(); got[org.RequestsPerMinute] != 40 || got[org.TokensPerMinute] != 50 {
		t.Errorf("under a lower ceiling: %v", got)
	}
	_, err = f.Org.UpdateRateLimit(t.Context(), f.actor(), p.ID, "rl-gpt-4o", org.Rates{org.RequestsPerMinute: 41})
	if err == nil || !strings.Contains(err.Error(), "<= 40") {
		t.Errorf("above the ceiling: %v", err)
	}
	ok[rateLimit](t, owner.delete(model))
	if got := limits(); got[org.RequestsPerMinute] != 100 {
		t.Errorf("when the ceiling is gone: %v", got)
	}
	ok[rateLimit](t, owner.post(model, map[string]any{"max_requests_per_1_minute": 1_000_000}))
	reset := ok[rateLimit](t, owner.delete("/projects/"+p.ID+model))
	if reset.Object != "project.rate_limit" || !reset.IsDefault || reset.RequestsPerMinute != 1_000_000 || limits()[org.RequestsPerMinute] != 1_000_000 {
		t.Errorf("reset to the organization's: %+v", reset)
	}
	refused(t, owner.delete("/projects/proj_none"+model), http.StatusNotFound, "not_found", "")
	if _, err := f.Org.ArchiveProject(t.Context(), f.actor(), p.ID); err != nil {
		t.Fatal(err)
	}
	refused(t, owner.delete("/projects/"+p.ID+model), http.StatusBadRequest, "project_archived", "")
}
