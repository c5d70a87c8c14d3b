package adminapi_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"

	"weir/internal/money"
	"weir/internal/usage"
)

// day is a UTC midnight near now: day(0) is today's.
func day(n int) int64 { return time.Date(2026, 11, 24+n, 0, 0, 0, 0, time.UTC).Unix() }

func unix(n int64) string { return strconv.FormatInt(n, 10) }

// results returns the results of the bucket i of a report.
func results(t *testing.T, page map[string]any, i int) []map[string]any {
	t.Helper()
	bucket := page["data"].([]any)[i].(map[string]any)
	if !reflect.DeepEqual(bucket["results"], bucket["result"]) {
		t.Errorf("results %v differ from result %v", bucket["results"], bucket["result"])
	}
	var out []map[string]any
	for _, r := range bucket["results"].([]any) {
		out = append(out, r.(map[string]any))
	}
	return out
}

// Every report counts its own kind, by its own names, with its dimensions null.
func TestUsageReportsUngrouped(t *testing.T) {
	w := newWorld(t)
	w.seedUsage()
	groups := map[string]any{"project_id": nil, "user_id": nil, "api_key_id": nil, "model": nil}
	projectOnly := map[string]any{"project_id": nil}
	tests := map[string]struct {
		object  string
		numbers map[string]float64 // of yesterday: once and ten times the quantities
		groups  map[string]any
		more    []string // dimensions beside groups
	}{
		"completions": {"organization.usage.completions.result", map[string]float64{
			"input_tokens": 127 * 11, "output_tokens": 896 * 11, "num_model_requests": 2,
			"input_cached_tokens": 56 * 11, "input_cache_write_tokens": 64 * 11, "input_uncached_tokens": 7 * 11,
			"input_text_tokens": 1 * 11, "output_text_tokens": 128 * 11, "input_cached_text_tokens": 8 * 11,
			"input_audio_tokens": 2 * 11, "input_cached_audio_tokens": 16 * 11, "output_audio_tokens": 256 * 11,
			"input_image_tokens": 4 * 11, "input_cached_image_tokens": 32 * 11, "output_image_tokens": 512 * 11,
		}, groups, []string{"batch", "service_tier", "api_source"}},
		"decisions": {"organization.usage.decisions.result", map[string]float64{
			"input_tokens": 127 * 11, "output_tokens": 896 * 11, "num_model_requests": 2,
			"input_cached_tokens": 56 * 11, "input_cache_write_tokens": 64 * 11, "input_uncached_tokens": 7 * 11,
			"input_text_tokens": 1 * 11, "output_text_tokens": 128 * 11, "input_cached_text_tokens": 8 * 11,
			"input_audio_tokens": 2 * 11, "input_cached_audio_tokens": 16 * 11, "output_audio_tokens": 256 * 11,
			"input_image_tokens": 4 * 11, "input_cached_image_tokens": 32 * 11, "output_image_tokens": 512 * 11,
		}, groups, []string{"batch", "service_tier", "api_source", "input_cache_write_30m_tokens", "input_cache_write_12h_tokens"}},
		"embeddings":                {"organization.usage.embeddings.result", map[string]float64{"input_tokens": 127 * 11, "num_model_requests": 2}, groups, nil},
		"moderations":               {"organization.usage.moderations.result", map[string]float64{"input_tokens": 127 * 11, "num_model_requests": 2}, groups, nil},
		"images":                    {"organization.usage.images.result", map[string]float64{"images": 3 * 11, "num_model_requests": 2}, groups, []string{"size", "source"}},
		"audio_speeches":            {"organization.usage.audio_speeches.result", map[string]float64{"characters": 5 * 11, "num_model_requests": 2}, groups, nil},
		"audio_transcriptions":      {"organization.usage.audio_transcriptions.result", map[string]float64{"seconds": 84, "num_model_requests": 2}, groups, nil},
		"vector_stores":             {"organization.usage.vector_stores.result", map[string]float64{"usage_bytes": 11 * 11}, projectOnly, nil},
		"code_interpreter_sessions": {"organization.usage.code_interpreter_sessions.result", map[string]float64{"num_sessions": 13 * 11}, projectOnly, nil},
		"file_search_calls": {"organization.usage.file_searches.result", map[string]float64{"num_requests": 17 * 11},
			map[string]any{"project_id": nil, "user_id": nil, "api_key_id": nil}, []string{"vector_store_id"}},
		"web_search_calls": {"organization.usage.web_searches.result", map[string]float64{"num_requests": 17 * 11, "num_model_requests": 2}, groups, []string{"context_level", "api_source"}},
	}
	for kind, want := range tests {
		page := w.get("/v1/organization/usage/" + kind + "?start_time=" + unix(day(-1)) + "&end_time=" + unix(day(0)))
		rows := results(t, page, 0)
		if len(rows) != 1 || page["object"] != "page" || page["has_more"] != false || page["next_page"] != nil {
			t.Errorf("%s: %v", kind, page)
			continue
		}
		expected := map[string]any{"object": want.object}
		for name, n := range want.numbers {
			expected[name] = n
		}
		for name := range want.groups {
			expected[name] = nil
		}
		for _, name := range want.more {
			expected[name] = nil
		}
		if !reflect.DeepEqual(rows[0], expected) {
			t.Errorf("%s:\n got %v\nwant %v", kind, rows[0], expected)
		}
	}
}

// Grouping and filtering by every dimension of every report, in every spelling
// of a list.
func TestUsageGroupsAndFilters(t *testing.T) {
	w := newWorld(t)
	w.seedUsage()
	one := map[string]any{
		"project_id": "proj_one", "user_id": "user-one", "api_key_id": "key_one", "model": "gpt-4o-2024-08-06", "batch": false,
		"service_tier": "default", "size": "1024x1024", "source": "image.generation", "vector_store_id": "vs_1", "context_level": "low",
	}
	two := map[string]any{
		"project_id": "proj_two", "user_id": nil, "api_key_id": "key_two", "model": "gpt-4o-mini-2024-07-18", "batch": true,
		"service_tier": "flex", "size": "512x512", "source": "image.edit", "vector_store_id": "vs_2", "context_level": "high",
	}
	filters := map[string]string{
		"project_id": "project_ids", "user_id": "user_ids", "api_key_id": "api_key_ids", "model": "models", "batch": "batch",
		"size": "sizes", "source": "sources", "vector_store_id": "vector_store_ids", "context_level": "context_levels",
	}
	caller := []string{"project_id", "user_id", "api_key_id"}
	model := append(slices.Clone(caller), "model")
	reports := map[string][]string{
		"completions": append(slices.Clone(model), "batch", "service_tier"), "embeddings": model, "moderations": model,
		"images": append(slices.Clone(model), "size", "source"), "audio_speeches": model, "audio_transcriptions": model,
		"vector_stores": {"project_id"}, "code_interpreter_sessions": {"project_id"},
		"file_search_calls": append(slices.Clone(caller), "vector_store_id"), "web_search_calls": append(slices.Clone(model), "context_level"),
	}
	for kind, dimensions := range reports {
		base := "/v1/organization/usage/" + kind + "?start_time=" + unix(day(-1)) + "&end_time=" + unix(day(0))
		for i, d := range dimensions {
			spelling := []string{"group_by", "group_by[]", "group_by[0]"}[i%3]
			rows := results(t, w.get(base+"&"+url.QueryEscape(spelling)+"="+d), 0)
			if len(rows) != 2 {
				t.Errorf("%s by %s: %v", kind, d, rows)
				continue
			}
			var got []any
			for _, row := range rows {
				got = append(got, row[d])
				for _, other := range dimensions {
					if other != d && row[other] != nil {
						t.Errorf("%s by %s: %s is %v", kind, d, other, row[other])
					}
				}
			}
			if !slices.Contains(got, one[d]) || !slices.Contains(got, two[d]) {
				t.Errorf("%s by %s: %v", kind, d, got)
			}
			param, ok := filters[d]
			if !ok {
				continue
			}
			rows = results(t, w.get(fmt.Sprintf("%s&%s=%v", base, param, one[d])), 0)
			whole := results(t, w.get(base), 0)
			if len(rows) != 1 || reflect.DeepEqual(rows[0], whole[0]) {
				t.Errorf("%s with %s=%v: %v", kind, param, one[d], rows)
			}
			if d == "batch" || d == "size" || d == "source" || d == "context_level" {
				continue // these take no other values
			}
			if rows := results(t, w.get(base+"&"+param+"[]=none"), 0); len(rows) != 0 {
				t.Errorf("%s with an unknown %s: %v", kind, param, rows)
			}
			if rows := results(t, w.get(fmt.Sprintf("%s&%s[]=none&%s[]=%v", base, param, param, one[d])), 0); len(rows) != 1 {
				t.Errorf("%s with two %s: %v", kind, param, rows)
			}
		}
		var all string
		for _, d := range dimensions {
			all += "&group_by[]=" + d
		}
		rows := results(t, w.get(base+all), 0)
		if len(rows) != 2 {
			t.Errorf("%s by all: %v", kind, rows)
		}
		for _, row := range rows {
			want := one
			if row["project_id"] == "proj_two" {
				want = two
			}
			for _, d := range dimensions {
				if row[d] != want[d] {
					t.Errorf("%s by all: %s is %v, want %v", kind, d, row[d], want[d])
				}
			}
		}
	}
}

func TestUsageThroughSDK(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.seedUsage()
	u := w.client.Admin.Organization.Usage
	res, err := u.Completions(ctx, openai.AdminOrganizationUsageCompletionsParams{
		StartTime: day(-1), GroupBy: []string{"model", "batch"}, ProjectIDs: []string{"proj_one", "proj_two"}, Models: []string{"gpt-4o-2024-08-06"},
	})
	if err != nil || len(res.Data) != 2 || res.HasMore {
		t.Fatalf("%v %+v", err, res)
	}
	row := res.Data[0].Results[0]
	if row.Model != "gpt-4o-2024-08-06" || row.InputTokens != 127 || row.OutputTokens != 896 || row.NumModelRequests != 1 || row.JSON.Batch.Raw() != "false" {
		t.Errorf("row %s", row.RawJSON())
	}
	searches, err := u.FileSearchCalls(ctx, openai.AdminOrganizationUsageFileSearchCallsParams{StartTime: day(-1), VectorStoreIDs: []string{"vs_2"}})
	if err != nil || searches.Data[0].Results[0].NumRequests != 170 || searches.Data[0].Results[0].Object != "organization.usage.file_searches.result" {
		t.Errorf("%v %+v", err, searches)
	}
}

// Pages of any size, all parameters repeated, are the report whole; buckets are
// aligned, follow each other, and stand there when empty.
func TestUsagePages(t *testing.T) {
	w := newWorld(t)
	w.seedUsage()
	for _, test := range []struct {
		width      string
		start, end int64
		seconds    int64
		limit      int
	}{
		{"1d", day(-9) + 4711, day(1), 86400, 3},
		{"1h", day(-1) + 1799, day(0) + 1, 3600, 7},
		{"1m", day(-1) + 36000 + 59, day(-1) + 36000 + 3600, 60, 13},
	} {
		base := fmt.Sprintf("/v1/organization/usage/completions?start_time=%d&end_time=%d&bucket_width=%s&group_by[]=model", test.start, test.end, test.width)
		whole := w.get(base + "&limit=31" + map[string]string{"1m": "0", "1h": "", "1d": ""}[test.width])
		if whole["has_more"] != false || whole["next_page"] != nil {
			t.Errorf("%s: whole is not whole: %v %v", test.width, whole["has_more"], whole["next_page"])
		}
		buckets := whole["data"].([]any)
		at := test.start / test.seconds * test.seconds
		usedBuckets := 0
		for _, b := range buckets {
			b := b.(map[string]any)
			if int64(b["start_time"].(float64)) != at || int64(b["end_time"].(float64)) != at+test.seconds {
				t.Fatalf("%s: bucket %v, want start %d", test.width, b, at)
			}
			at += test.seconds
			if len(b["results"].([]any)) > 0 {
				usedBuckets++
			}
		}
		if at < test.end || at-test.seconds >= test.end || usedBuckets == 0 || usedBuckets > 2 {
			t.Errorf("%s: the last bucket ends at %d, the report at %d; %d buckets are used", test.width, at, test.end, usedBuckets)
		}
		var walked []any
		page := ""
		for {
			got := w.get(base + "&limit=" + strconv.Itoa(test.limit) + page)
			data := got["data"].([]any)
			walked = append(walked, data...)
			if got["has_more"] == (got["next_page"] == nil) || len(data) == 0 || len(data) > test.limit {
				t.Fatalf("%s: page of %d, has_more %v, next_page %v", test.width, len(data), got["has_more"], got["next_page"])
			}
			if got["has_more"] != true {
				break
			}
			page = "&page=" + url.QueryEscape(got["next_page"].(string))
		}
		if !reflect.DeepEqual(walked, buckets) {
			t.Errorf("%s: walked %d buckets, whole %d, or they differ", test.width, len(walked), len(buckets))
		}
	}
}

func TestUsageLimits(t *testing.T) {
	w := newWorld(t)
	for path, want := range map[string]int{
		"usage/completions?bucket_width=1d":           7,
		"usage/completions":                           7,
		"usage/completions?limit=31":                  31,
		"usage/completions?bucket_width=1h":           24,
		"usage/completions?bucket_width=1h&limit=168": 168,
		"usage/completions?bucket_width=1m":           60,
		"usage/images?bucket_width=1m&limit=1440":     1440,
		"costs":           7,
		"costs?limit=180": 180,
	} {
		u := mustURL(t, path)
		q := u.Query()
		q.Set("start_time", unix(day(-300)))
		page := w.get("/v1/organization/" + u.Path + "?" + q.Encode())
		if got := len(page["data"].([]any)); got != want || page["has_more"] != true {
			t.Errorf("%s: %d buckets, want %d", path, got, want)
		}
	}
}

func mustURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	return must(t, u, err)
}

// A page that is exactly full is the last when nothing follows.
func TestUsageLastFullPage(t *testing.T) {
	w := newWorld(t)
	for _, report := range []string{"usage/completions", "costs"} {
		path := "/v1/organization/" + report + "?start_time=" + unix(day(-4)) + "&end_time=" + unix(day(0))
		for limit, more := range map[string]bool{"3": true, "4": false, "5": false} {
			if page := w.get(path + "&limit=" + limit); page["has_more"] != more {
				t.Errorf("%s, four days by %s: has_more %v", report, limit, page["has_more"])
			}
		}
	}
}

// A report that names no end goes on until now, the bucket of now included; one
// that begins later has no buckets.
func TestUsageEndsNow(t *testing.T) {
	w := newWorld(t)
	page := w.get("/v1/organization/usage/completions?bucket_width=1h&start_time=" + unix(now.Add(-2*time.Hour).Unix()))
	data := page["data"].([]any)
	if last := data[len(data)-1].(map[string]any); len(data) != 3 || int64(last["end_time"].(float64)) != day(0)+13*3600 {
		t.Errorf("%v", data)
	}
	if page = w.get("/v1/organization/costs?start_time=" + unix(day(5))); len(page["data"].([]any)) != 0 || page["has_more"] != false {
		t.Errorf("a report of the future: %v", page)
	}
}

func TestCosts(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.seedUsage()
	base := "/v1/organization/costs?start_time=" + unix(day(-1)) + "&end_time=" + unix(day(1))
	page := w.get(base)
	for i, want := range []string{"0.0125", "0.0125"} {
		rows := results(t, page, i)
		amount, _ := rows[0]["amount"].(map[string]any)
		if len(rows) != 1 || amount["currency"] != "usd" || fmt.Sprint(amount["value"]) != want || rows[0]["quantity"] != nil || rows[0]["quantity_unit"] != nil {
			t.Errorf("day %d: %v", i, rows)
		}
		for _, d := range []string{"line_item", "project_id", "api_key_id", "user_id", "api_source"} {
			if v, ok := rows[0][d]; !ok || v != nil {
				t.Errorf("ungrouped: %s is %v", d, v)
			}
		}
	}

	rows := results(t, w.get(base+"&group_by[]=line_item&group_by[]=project_id"), 0)
	byLine := map[any]map[string]any{}
	for _, row := range rows {
		byLine[row["line_item"]] = row
	}
	input, mystery := byLine["gpt-4o-2024-08-06, input"], byLine["mystery, input"]
	if len(rows) != 3 || input["quantity"] != 4000.0 || input["quantity_unit"] != "tokens" || input["project_id"] != "proj_one" {
		t.Errorf("%v", rows)
	}
	if _, priced := mystery["amount"]; priced || mystery["quantity"] != 70.0 {
		t.Errorf("what has no price shows one: %v", mystery)
	}

	sdk, err := w.client.Admin.Organization.Usage.Costs(ctx, openai.AdminOrganizationUsageCostsParams{
		StartTime: day(-1), GroupBy: []string{"line_item", "user_id", "api_key_id"}, LineItems: []string{"gpt-4o-2024-08-06, output"}, ProjectIDs: []string{"proj_one"},
		APIKeyIDs: []string{"key_one"}, BucketWidth: "1d",
	})
	if err != nil || len(sdk.Data) != 2 || len(sdk.Data[0].Results) != 1 {
		t.Fatalf("%v %+v", err, sdk)
	}
	row := sdk.Data[0].Results[0]
	if row.Amount.Value != 0.0025 || row.Amount.Currency != "usd" || row.LineItem != "gpt-4o-2024-08-06, output" || row.UserID != "user-one" || row.APIKeyID != "key_one" || row.Quantity != 250 {
		t.Errorf("row %s", row.RawJSON())
	}
	for _, query := range []string{"&project_ids[]=proj_none", "&api_key_ids=key_none", "&line_items[]=gpt-4o-2024-08-06"} {
		if rows := results(t, w.get(base+query), 0); len(rows) != 0 {
			t.Errorf("%s: %v", query, rows)
		}
	}
	for _, test := range []struct{ query, sum string }{{"&project_ids[]=proj_one", "0.0125"}, {"&project_ids[]=proj_one&project_ids[]=proj_two", "0.0125"}} {
		if rows := results(t, w.get(base+test.query), 0); fmt.Sprint(rows[0]["amount"].(map[string]any)["value"]) != test.sum {
			t.Errorf("%s: %v", test.query, rows)
		}
	}
}

// Amounts are JSON numbers with every digit, never in scientific notation.
func TestCostsAreExact(t *testing.T) {
	w := newWorld(t)
	for _, price := range []money.USD{mustUSD("0.000000000000000001"), mustUSD("123456")} {
		w.use(usage.Event{
			Kind: usage.Completions, ProjectID: "p", APIKeyID: "k", Model: "m", Received: now.AddDate(0, 0, -1), Cost: &price,
			Lines: []usage.CostLine{{LineItem: "m, input", Meter: "input", Quantity: 1, Unit: "tokens", Amount: &price}},
		})
	}
	a := w.call(w.AdminKey, "GET", "/v1/organization/costs?start_time="+unix(day(-1))+"&end_time="+unix(day(0)), "")
	var page struct {
		Data []struct {
			Results []struct {
				Amount struct{ Value json.RawMessage }
			}
		}
	}
	if err := json.Unmarshal(a.raw, &page); err != nil {
		t.Fatal(err)
	}
	if got := string(page.Data[0].Results[0].Amount.Value); got != "123456.000000000000000001" {
		t.Errorf("value %s", got)
	}
}
