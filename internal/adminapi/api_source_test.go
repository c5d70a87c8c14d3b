package adminapi_test

import (
	"testing"

	"github.com/openai/openai-go/v3"

	"weir/internal/usage"
)

// Grouping by source splits nothing and says unlabeled, alone and beside other
// dimensions; a bucket without usage stays empty.
func TestAPISourceThroughSDK(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.seedUsage()
	reports := w.client.Admin.Organization.Usage
	decisions, err := reports.Decisions(ctx, openai.AdminOrganizationUsageDecisionsParams{
		StartTime: day(-2), EndTime: openai.Int(day(0)), GroupBy: []string{"api_source", "model"}, Models: []string{"gpt-4o-2024-08-06"},
	})
	if err != nil || len(decisions.Data) != 2 || len(decisions.Data[0].Results) != 0 || len(decisions.Data[1].Results) != 1 {
		t.Fatalf("%+v (%v)", decisions, err)
	}
	row := decisions.Data[1].Results[0]
	if row.APISource != "unlabeled" || row.Model != "gpt-4o-2024-08-06" || row.InputTokens != 127 || row.InputCacheWriteTokens != 64 ||
		row.JSON.InputCacheWrite30mTokens.Raw() != "null" || row.JSON.InputCacheWrite12hTokens.Raw() != "null" {
		t.Errorf("row %s", row.RawJSON())
	}
	completions, err := reports.Completions(ctx, openai.AdminOrganizationUsageCompletionsParams{
		StartTime: day(-1), EndTime: openai.Int(day(0)), GroupBy: []string{"api_source"},
	})
	if err != nil || len(completions.Data[0].Results) != 1 || completions.Data[0].Results[0].APISource != "unlabeled" || completions.Data[0].Results[0].NumModelRequests != 2 {
		t.Errorf("%+v (%v)", completions, err)
	}
	costs, err := reports.Costs(ctx, openai.AdminOrganizationUsageCostsParams{
		StartTime: day(-1), EndTime: openai.Int(day(0)), GroupBy: []string{"user_id", "project_id", "api_source"},
	})
	if err != nil || len(costs.Data[0].Results) != 2 {
		t.Fatalf("%+v (%v)", costs, err)
	}
	for _, row := range costs.Data[0].Results {
		if row.APISource != "unlabeled" || (row.ProjectID == "proj_one") != (row.UserID == "user-one") {
			t.Errorf("row %s", row.RawJSON())
		}
	}
	searches, err := reports.WebSearchCalls(ctx, openai.AdminOrganizationUsageWebSearchCallsParams{
		StartTime: day(-1), EndTime: openai.Int(day(0)), GroupBy: []string{"api_source", "context_level"},
	})
	if err != nil || len(searches.Data[0].Results) != 2 || searches.Data[0].Results[0].APISource != "unlabeled" {
		t.Errorf("%+v (%v)", searches, err)
	}
}

// What was not written to the cache was written for no time at all.
func TestNoCacheWritesAreNone(t *testing.T) {
	w := newWorld(t)
	w.use(usage.Event{Kind: usage.Decisions, ProjectID: "p", APIKeyID: "k", Model: "m", Received: now.AddDate(0, 0, -1), Quantities: usage.Quantities{InputText: 5}})
	row := results(t, w.get("/v1/organization/usage/decisions?start_time="+unix(day(-1))), 0)[0]
	if row["input_cache_write_30m_tokens"] != 0.0 || row["input_cache_write_12h_tokens"] != 0.0 || row["input_tokens"] != 5.0 {
		t.Errorf("%v", row)
	}
}
