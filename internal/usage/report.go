package usage

import (
	"time"

	"weir/internal/money"
)

// Width is the length of a report bucket.
type Width time.Duration

// The bucket widths of the usage API.
const (
	Minute = Width(time.Minute)
	Hour   = Width(time.Hour)
	Day    = Width(24 * time.Hour)
)

// Dimension is something a report can be grouped or filtered by. The values
// are the group_by words of the usage API.
type Dimension string

// The dimensions of usage and cost reports.
const (
	ByProject      Dimension = "project_id"
	ByUser         Dimension = "user_id"
	ByAPIKey       Dimension = "api_key_id"
	ByModel        Dimension = "model"
	ByBatch        Dimension = "batch" // values "true" and "false"
	ByServiceTier  Dimension = "service_tier"
	BySize         Dimension = "size"
	BySource       Dimension = "source" // images: image.generation, image.edit, image.variation
	ByVectorStore  Dimension = "vector_store_id"
	ByContextLevel Dimension = "context_level"
	ByLineItem     Dimension = "line_item" // costs only
)

// Query selects one report of one organization over the half-open time range
// [Start, End), both aligned to Width by the caller. Filters with several
// values are OR, different filters AND.
type Query struct {
	OrganizationID string
	Kind           Kind // ignored by Costs
	Width          Width
	Start, End     time.Time
	GroupBy        []Dimension
	Filters        map[Dimension][]string
}

// Result is one row of a bucket. Groups holds a value for each grouped
// dimension; a nil value is a dimension the events did not have (a service
// account's key has no user).
type Result struct {
	Groups   map[Dimension]*string
	Requests int64 // num_model_requests
	Quantities
}

// CostResult is one row of a cost bucket. Amount is nil when nothing in the row
// has a price; Unpriced counts the lines without one.
type CostResult struct {
	Groups   map[Dimension]*string
	Amount   *money.USD
	Quantity int64  // meaningful when grouped by line item
	Unit     string // meaningful when grouped by line item
	Unpriced int64
}

// Bucket is one time slot of a report; R is Result or CostResult.
type Bucket[R any] struct {
	Start, End time.Time
	Results    []R
}

// RequestFilter selects rows of the request log, newest first. Empty lists do
// not filter. After is the id of the last row already seen.
type RequestFilter struct {
	OrganizationID   string
	ProjectIDs       []string
	APIKeyIDs        []string
	UserIDs          []string
	Models           []string // matches the model asked or the model resolved
	ModelEndpointIDs []string
	Statuses         []int
	ErrorCodes       []string
	Outcomes         []Outcome
	MinLatency       time.Duration
	Start, End       time.Time // of Received; zero: unbounded
	After            string
	Limit            int
}
