package adminapi

import (
	"context"
	"slices"

	"weir/internal/access"
	"weir/internal/endpoint"
	"weir/internal/money"
	"weir/internal/usage"
)

// cost is a row of a costs bucket: what weir metered and priced itself.
type cost struct {
	Object       string  `json:"object"`           // organization.costs.result
	Amount       *amount `json:"amount,omitempty"` // left out when nothing in the row has a price
	LineItem     *string `json:"line_item"`
	ProjectID    *string `json:"project_id"`
	UserID       *string `json:"user_id"`
	APIKeyID     *string `json:"api_key_id"`
	APISource    *string `json:"api_source"`
	Quantity     *int64  `json:"quantity"`      // by line item
	QuantityUnit *string `json:"quantity_unit"` // by line item, and where the API has a word for it
}

// amount is in dollars, a JSON number with every digit weir has.
type amount struct {
	Value    money.USD `json:"value"`
	Currency string    `json:"currency"` // usd, in small letters
}

// costGroups and costFilters are the dimensions of costs; grouping by user and
// by source and filtering by line item are newer than OpenAI's API description 2.3.0.
var (
	costGroups  = []usage.Dimension{usage.ByProject, usage.ByUser, usage.ByAPIKey, usage.ByLineItem, byAPISource}
	costFilters = []filter{
		{param: "project_ids", by: usage.ByProject}, {param: "user_ids", by: usage.ByUser},
		{param: "api_key_ids", by: usage.ByAPIKey}, {param: "line_items", by: usage.ByLineItem},
	}
)

// quantityUnits are the units the API has words for; weir meters some more.
var quantityUnits = []string{
	"tokens", "1000_tokens", "duration_seconds", "duration_minutes", "duration_hours", "gibibyte_hours", "images", "characters",
}

func (a *API) costs() []endpoint.Endpoint {
	return []endpoint.Endpoint{
		endpoint.Read("GET /v1/organization/costs", access.UsageRead, endpoint.AtOrganization, a.costReport),
	}
}

func (a *API) costReport(ctx context.Context, c *endpoint.Call) (page, error) {
	groups, filters := readGroups(c.Query, costGroups), readFilters(c.Query, costFilters)
	s, err := readSpan(c.Query, costWidths, a.now())
	if err != nil {
		return page{}, err
	}
	buckets, err := a.usage.Costs(ctx, usage.Query{
		OrganizationID: c.OrganizationID(), Width: s.width, Start: s.start, End: s.end,
		GroupBy: stored(groups), Filters: filters,
	})
	if err != nil {
		return page{}, err
	}
	byLineItem := slices.Contains(groups, usage.ByLineItem)
	return showPage(s, buckets, func(row *usage.CostResult) any {
		labelSource(row.Groups, groups)
		return showCost(row, byLineItem)
	}), nil
}

func showCost(row *usage.CostResult, byLineItem bool) cost {
	shown := cost{
		Object:   "organization.costs.result",
		LineItem: row.Groups[usage.ByLineItem], ProjectID: row.Groups[usage.ByProject],
		UserID: row.Groups[usage.ByUser], APIKeyID: row.Groups[usage.ByAPIKey], APISource: row.Groups[byAPISource],
	}
	if row.Amount != nil {
		shown.Amount = &amount{Value: *row.Amount, Currency: "usd"}
	}
	if byLineItem {
		shown.Quantity = &row.Quantity
		if slices.Contains(quantityUnits, row.Unit) {
			shown.QuantityUnit = &row.Unit
		}
	}
	return shown
}
