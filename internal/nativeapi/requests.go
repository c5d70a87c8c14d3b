package nativeapi

import (
	"context"
	"strconv"
	"time"

	"weir/internal/access"
	"weir/internal/endpoint"
	"weir/internal/fault"
	"weir/internal/org"
	"weir/internal/usage"
)

// request is a row of the request log. Its id is the x-request-id that the
// caller of the model was given.
type request struct {
	Object            string        `json:"object"` // request
	ID                string        `json:"id"`
	ReceivedAt        int64         `json:"received_at"`
	FirstByteAt       *int64        `json:"first_byte_at"`
	DoneAt            *int64        `json:"done_at"`
	LatencyMS         *int64        `json:"latency_ms"`            // received to done
	TimeToFirstByteMS *int64        `json:"time_to_first_byte_ms"` // received to first byte
	Method            string        `json:"method"`
	Path              string        `json:"path"`
	Kind              string        `json:"kind"` // the usage report it counts in; unmetered, none
	ProjectID         string        `json:"project_id"`
	WorkspaceID       *string       `json:"workspace_id"`
	APIKeyID          string        `json:"api_key_id"`
	UserID            *string       `json:"user_id"`
	ServiceAccountID  *string       `json:"service_account_id"`
	ModelAsked        *string       `json:"model_asked"`
	Model             *string       `json:"model"` // as the provider resolved it
	ModelEndpointID   *string       `json:"model_endpoint_id"`
	ConnectionID      *string       `json:"connection_id"`
	Attempts          []attempt     `json:"attempts"`
	Status            *int          `json:"status"`
	ErrorCode         *string       `json:"error_code"`
	Outcome           string        `json:"outcome"`
	Stream            bool          `json:"stream"`
	Batch             bool          `json:"batch"`
	ServiceTier       *string       `json:"service_tier"`
	Usage             *requestUsage `json:"usage"` // null: there was nothing to meter
	Cost              *amount       `json:"cost"`  // null: nothing to price, or a part has no price
	Unpriced          bool          `json:"unpriced"`
	Lines             []costLine    `json:"lines"`
	RequestBytes      int64         `json:"request_bytes"`
	ResponseBytes     int64         `json:"response_bytes"`
}

// attempt is one exchange with one upstream.
type attempt struct {
	ConnectionID      string  `json:"connection_id"`
	Model             string  `json:"model"`
	Status            *int    `json:"status"` // null: no answer
	Error             *string `json:"error"`
	UpstreamRequestID *string `json:"upstream_request_id"`
	StartMS           int64   `json:"start_ms"`    // after the request was received
	DurationMS        int64   `json:"duration_ms"` // until its answer began, or failed to
}

// requestUsage is what a request consumed. With source "unknown" the counts
// are null: unknown is not 0.
type requestUsage struct {
	Source                string `json:"source"` // provider, estimated or unknown
	InputTokens           *int64 `json:"input_tokens"`
	InputCachedTokens     *int64 `json:"input_cached_tokens"`
	InputCacheWriteTokens *int64 `json:"input_cache_write_tokens"`
	InputAudioTokens      *int64 `json:"input_audio_tokens"`
	InputImageTokens      *int64 `json:"input_image_tokens"`
	OutputTokens          *int64 `json:"output_tokens"`
	OutputAudioTokens     *int64 `json:"output_audio_tokens"`
	OutputImageTokens     *int64 `json:"output_image_tokens"`
	ReasoningTokens       *int64 `json:"reasoning_tokens"` // within output_tokens
	Images                *int64 `json:"images"`
	Characters            *int64 `json:"characters"`
	MediaMS               *int64 `json:"media_ms"` // of audio or video
	StoredBytes           *int64 `json:"stored_bytes"`
	Sessions              *int64 `json:"sessions"`
	ToolCalls             *int64 `json:"tool_calls"`
}

// costLine is one line of a priced request, named as the provider's bill names
// it.
type costLine struct {
	LineItem string  `json:"line_item"`
	Meter    string  `json:"meter"`
	Quantity int64   `json:"quantity"`
	Unit     string  `json:"unit"`
	Amount   *amount `json:"amount"` // null: no price is known
}

func (a *API) requests() []endpoint.Endpoint {
	page := endpoint.Listing[usage.Event, request]{
		Limit: 20, Min: 1, Max: 1000,
		ID: func(e usage.Event) string { return e.ID }, Show: showRequest,
	}
	return []endpoint.Endpoint{
		endpoint.List("GET "+root+"/requests", access.RequestsRead, endpoint.AtOrganization, page, a.listRequests),
		endpoint.Read("GET "+root+"/requests/{request_id}", access.RequestsRead, endpoint.AtOrganization, a.getRequest),
	}
}

func (a *API) listRequests(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[usage.Event], error) {
	f, err := requestFilter(c.Query)
	if err != nil {
		return org.Rows[usage.Event]{}, err
	}
	f.OrganizationID, f.After, f.Limit = c.OrganizationID(), p.After, p.Limit
	rows, more, err := a.usage.Requests(ctx, f.Bounded(a.now()))
	return org.Rows[usage.Event]{Items: rows, More: more}, err
}

// maxLatency bounds min_latency_ms, so that it fits a time.Duration.
const maxLatency = 365 * 24 * time.Hour

// requestFilter reads the filters. A misspelt one is refused: passing it over
// would answer everybody's requests for one's own.
func requestFilter(q *endpoint.Query) (usage.RequestFilter, error) {
	q.Only("project_ids", "api_key_ids", "user_ids", "models", "model_endpoint_ids", "status", "error_code", "outcome",
		"min_latency_ms", "start_time", "end_time", "after", "limit")
	f := usage.RequestFilter{
		ProjectIDs: q.Strings("project_ids"), APIKeyIDs: q.Strings("api_key_ids"), UserIDs: q.Strings("user_ids"),
		Models: q.Strings("models"), ModelEndpointIDs: q.Strings("model_endpoint_ids"),
		ErrorCodes: q.Strings("error_code"),
		MinLatency: time.Duration(q.Int("min_latency_ms", 0, 0, int(maxLatency/time.Millisecond))) * time.Millisecond,
		Start:      moment(q.Seconds("start_time")), End: moment(q.Seconds("end_time")),
	}
	for _, outcome := range q.Enums("outcome", string(usage.OutcomeCompleted), string(usage.OutcomeFailed),
		string(usage.OutcomeTruncated), string(usage.OutcomeClientGone), string(usage.OutcomeInterrupted)) {
		f.Outcomes = append(f.Outcomes, usage.Outcome(outcome))
	}
	for _, raw := range q.Strings("status") {
		status, err := strconv.Atoi(raw)
		if err != nil || status < 100 || status > 999 {
			return f, fault.Invalidf("invalid_value", "status", "Invalid 'status': expected an HTTP status such as 200, but got '%s' instead.", raw)
		}
		f.Statuses = append(f.Statuses, status)
	}
	if !f.Start.IsZero() && !f.End.IsZero() && !f.End.After(f.Start) {
		return f, fault.Invalidf("invalid_value", "end_time", "Invalid 'end_time': it must be later than 'start_time'.")
	}
	return f, q.Err()
}

// moment is the time of Unix seconds; no time for nil.
func moment(seconds *int64) time.Time {
	if seconds == nil {
		return time.Time{}
	}
	return time.Unix(*seconds, 0)
}

func (a *API) getRequest(ctx context.Context, c *endpoint.Call) (request, error) {
	e, err := a.usage.Request(ctx, c.OrganizationID(), c.Path("request_id"))
	return showRequest(e), err
}

func showRequest(e usage.Event) request {
	shown := request{
		Object: "request", ID: e.ID,
		ReceivedAt: e.Received.Unix(), FirstByteAt: endpoint.SecondsOrNull(e.FirstByte), DoneAt: endpoint.SecondsOrNull(e.Done),
		LatencyMS: millisBetween(e.Received, e.Done), TimeToFirstByteMS: millisBetween(e.Received, e.FirstByte),
		Method: e.Method, Path: e.Path, Kind: string(e.Kind),
		ProjectID: e.ProjectID, WorkspaceID: endpoint.TextOrNull(e.WorkspaceID), APIKeyID: e.APIKeyID,
		UserID: endpoint.TextOrNull(e.UserID), ServiceAccountID: endpoint.TextOrNull(e.ServiceAccount),
		ModelAsked: endpoint.TextOrNull(e.ModelAsked), Model: endpoint.TextOrNull(e.Model),
		ModelEndpointID: endpoint.TextOrNull(e.ModelEndpointID), ConnectionID: endpoint.TextOrNull(e.ConnectionID),
		Attempts: make([]attempt, len(e.Attempts)), Status: statusOrNull(e.Status), ErrorCode: endpoint.TextOrNull(e.ErrorCode),
		Outcome: string(e.Outcome), Stream: e.Stream, Batch: e.Batch, ServiceTier: endpoint.TextOrNull(e.ServiceTier),
		Usage: showUsage(e), Cost: amountOrNull(e.Cost), Unpriced: e.Unpriced, Lines: make([]costLine, len(e.Lines)),
		RequestBytes: e.RequestBytes, ResponseBytes: e.ResponseBytes,
	}
	for i, t := range e.Attempts {
		shown.Attempts[i] = attempt{
			ConnectionID: t.ConnectionID, Model: t.Model, Status: statusOrNull(t.Status), Error: endpoint.TextOrNull(t.Error),
			UpstreamRequestID: endpoint.TextOrNull(t.UpstreamRequestID), StartMS: t.StartMicros / 1000, DurationMS: t.DurationMicros / 1000,
		}
	}
	for i, l := range e.Lines {
		shown.Lines[i] = costLine{LineItem: l.LineItem, Meter: l.Meter, Quantity: l.Quantity, Unit: l.Unit, Amount: amountOrNull(l.Amount)}
	}
	return shown
}

func showUsage(e usage.Event) *requestUsage {
	if e.Source == "" {
		return nil
	}
	count := func(n int64) *int64 {
		if n == 0 && e.Source == usage.SourceUnknown {
			return nil
		}
		return &n
	}
	q := e.Quantities
	return &requestUsage{
		Source:      string(e.Source),
		InputTokens: count(q.Input()), InputCachedTokens: count(q.Cached()), InputCacheWriteTokens: count(q.CacheWrite),
		InputAudioTokens: count(q.InputAudio), InputImageTokens: count(q.InputImage),
		OutputTokens: count(q.Output()), OutputAudioTokens: count(q.OutputAudio), OutputImageTokens: count(q.OutputImage),
		ReasoningTokens: count(q.Reasoning), Images: count(q.Images), Characters: count(q.Characters), MediaMS: count(q.Millis),
		StoredBytes: count(q.Bytes), Sessions: count(q.Sessions), ToolCalls: count(q.ToolCalls),
	}
}

func millisBetween(from, to time.Time) *int64 {
	if to.IsZero() {
		return nil
	}
	ms := to.Sub(from).Milliseconds()
	return &ms
}

// statusOrNull is an HTTP status; null when there was none.
func statusOrNull(status int) *int {
	if status == 0 {
		return nil
	}
	return &status
}
