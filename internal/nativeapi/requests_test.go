package nativeapi

import (
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"weir/internal/id"
	"weir/internal/money"
	"weir/internal/usage"
)

// noon is when sample was received.
var noon = time.Date(2026, 11, 20, 12, 0, 0, 250_000_000, time.UTC)

// sample is a settled, priced, streamed request.
func sample() usage.Event {
	cost := money.FromParts(1_230_000, 0)
	return usage.Event{
		ID: id.Request(), ProjectID: "proj_1", WorkspaceID: "ws_1", APIKeyID: "key_1", UserID: "user-1",
		Kind: usage.Completions, Method: "POST", Path: "/v1/chat/completions", ModelEndpointID: "mep_1", ConnectionID: "conn_1",
		ModelAsked: "gpt-4o", Model: "gpt-4o-2024-08-06", ServiceTier: "default", Stream: true,
		Received: noon, FirstByte: noon.Add(120 * time.Millisecond), Done: noon.Add(1500 * time.Millisecond),
		Status: 200, Outcome: usage.OutcomeCompleted,
		Attempts: []usage.Attempt{
			{ConnectionID: "conn_0", Model: "gpt-4o", Error: "connection refused", DurationMicros: 900},
			{ConnectionID: "conn_1", Model: "gpt-4o", Status: 200, UpstreamRequestID: "req_up", DurationMicros: 1_400_000},
		},
		Quantities: usage.Quantities{InputText: 100, CachedText: 20, OutputText: 50, Reasoning: 10}, Source: usage.SourceProvider,
		Cost: &cost, RequestBytes: 300, ResponseBytes: 4000,
		Lines: []usage.CostLine{
			{LineItem: "gpt-4o-2024-08-06, input", Meter: "input", Quantity: 100, Unit: "tokens", Amount: &cost},
			{LineItem: "gpt-4o-2024-08-06, output", Meter: "output", Quantity: 50, Unit: "tokens"},
		},
	}
}

// request puts an event of the organization into the log.
func (f *fixture) request(e usage.Event) usage.Event {
	f.t.Helper()
	f.mu.Lock()
	f.n++
	position := uint64(f.n)
	f.mu.Unlock()
	if e.OrganizationID == "" {
		e.OrganizationID = f.Organization.ID
	}
	if err := f.Usage.Apply(f.t.Context(), "node", []usage.Positioned{{Position: position, Event: e}}); err != nil {
		f.t.Fatal(err)
	}
	return e
}

func TestRequestShowsWhatHappened(t *testing.T) {
	f := newFixture(t)
	e := f.request(sample())
	got := ok[request](t, f.owner().get("/requests/"+e.ID))
	if got.ReceivedAt != noon.Unix() || *got.DoneAt != noon.Unix()+1 || *got.LatencyMS != 1500 || *got.TimeToFirstByteMS != 120 {
		t.Errorf("times: %+v", got)
	}
	if got.Usage.Source != "provider" || *got.Usage.InputTokens != 120 || *got.Usage.InputCachedTokens != 20 || *got.Usage.OutputTokens != 50 || *got.Usage.ReasoningTokens != 10 {
		t.Errorf("usage: %+v", got.Usage)
	}
	if got.Cost.Value != "0.00123" || got.Cost.Currency != "usd" || got.Lines[0].Amount.Value != "0.00123" || got.Lines[1].Amount != nil {
		t.Errorf("cost: %+v, lines %+v", got.Cost, got.Lines)
	}
	if len(got.Attempts) != 2 || got.Attempts[0].Status != nil || *got.Attempts[0].Error != "connection refused" || *got.Attempts[1].UpstreamRequestID != "req_up" {
		t.Errorf("attempts: %+v", got.Attempts)
	}
	if got.ServiceAccountID != nil || *got.UserID != "user-1" || *got.ModelAsked != "gpt-4o" || *got.Model != "gpt-4o-2024-08-06" || !got.Stream {
		t.Errorf("who and what: %+v", got)
	}
}

func TestRequestTellsUnknownFromNothing(t *testing.T) {
	f := newFixture(t)
	refusedAtTheDoor := sample()
	refusedAtTheDoor.Kind, refusedAtTheDoor.Source, refusedAtTheDoor.Cost = usage.None, "", nil
	refusedAtTheDoor.Quantities, refusedAtTheDoor.Lines, refusedAtTheDoor.Attempts = usage.Quantities{}, nil, nil
	refusedAtTheDoor.FirstByte, refusedAtTheDoor.Model = time.Time{}, ""
	if got := ok[request](t, f.owner().get("/requests/"+f.request(refusedAtTheDoor).ID)); got.Usage != nil || got.Cost != nil || got.TimeToFirstByteMS != nil || got.Model != nil {
		t.Errorf("nothing to meter: %+v", got)
	}
	lost := sample()
	lost.ID, lost.Outcome, lost.Status, lost.Done = id.Request(), usage.OutcomeInterrupted, 0, time.Time{}
	lost.Source, lost.Quantities, lost.Cost, lost.Unpriced, lost.Lines = usage.SourceUnknown, usage.Quantities{}, nil, true, nil
	got := ok[request](t, f.owner().get("/requests/"+f.request(lost).ID))
	if got.Usage == nil || got.Usage.InputTokens != nil || got.Cost != nil || !got.Unpriced || got.Status != nil || got.LatencyMS != nil {
		t.Errorf("unknown: %+v, usage %+v", got, got.Usage)
	}
}

func TestRequestFilters(t *testing.T) {
	f := newFixture(t)
	f.clock.advance(noon.Add(2 * time.Hour).Sub(f.clock.Now()))
	plain := f.request(sample())
	other := sample()
	other.ID, other.ProjectID, other.APIKeyID, other.UserID, other.ModelEndpointID = id.Request(), "proj_2", "key_2", "user-2", "mep_2"
	other.ModelAsked, other.Model = "o3", "o3-2025-04-16"
	other.Status, other.ErrorCode, other.Outcome = 502, "upstream_unreachable", usage.OutcomeFailed
	other.Received, other.Done = noon.Add(time.Hour), noon.Add(time.Hour+9*time.Second)
	f.request(other)
	for query, wanted := range map[string]string{
		"project_ids[]=proj_2": other.ID, "project_ids=proj_2&project_ids=proj_9": other.ID, "project_ids[0]=proj_1": plain.ID,
		"api_key_ids=key_2": other.ID, "user_ids[]=user-2": other.ID,
		"models=o3": other.ID, "models=gpt-4o-2024-08-06": plain.ID, "model_endpoint_ids=mep_2": other.ID,
		"status=502": other.ID, "status[]=200&status[]=201": plain.ID, "error_code=upstream_unreachable": other.ID,
		"outcome=failed": other.ID, "min_latency_ms=2000": other.ID,
		"start_time=" + strconv.FormatInt(noon.Unix()+60, 10): other.ID,
		"end_time=" + strconv.FormatInt(noon.Unix()+60, 10):   plain.ID,
	} {
		got := ok[page[request]](t, f.owner().get("/requests?"+query))
		if len(got.Data) != 1 || got.Data[0].ID != wanted {
			t.Errorf("%s: %d rows", query, len(got.Data))
		}
	}
	if got := ok[page[request]](t, f.owner().get("/requests?limit=1000")); len(got.Data) != 2 || got.Data[0].ID != other.ID || got.HasMore {
		t.Errorf("unfiltered, newest first: %+v", got)
	}
}

// A search by what no index finds goes back a day, unless it says how far.
func TestSearchesOfRequestsGoBackADay(t *testing.T) {
	f := newFixture(t)
	f.clock.advance(noon.Add(30 * time.Hour).Sub(f.clock.Now()))
	old := f.request(sample())
	late := sample()
	late.ID, late.Received, late.Done = id.Request(), noon.Add(10*time.Hour), noon.Add(10*time.Hour+time.Second)
	f.request(late)
	since := "&start_time=" + strconv.FormatInt(noon.Unix(), 10)
	for query, want := range map[string]int{
		"":                                2,
		"project_ids=proj_1":              2,
		"api_key_ids=key_1&models=gpt-4o": 2,
		"models=gpt-4o":                   1,
		"models=gpt-4o" + since:           2,
		"user_ids=user-1":                 1,
		"user_ids=user-1" + since:         2,
		"min_latency_ms=10":               1,
		"min_latency_ms=10" + since:       2,
		"model_endpoint_ids=mep_1":        1,
		"status=200":                      1,
		"outcome=completed" + since:       2,
		"models=gpt-4o&end_time=" + strconv.FormatInt(noon.Unix()+60, 10): 1,
		"models=gpt-4o&end_time=" + strconv.FormatInt(noon.Unix(), 10):    0,
	} {
		got := ok[page[request]](t, f.owner().get("/requests?"+query))
		if len(got.Data) != want || got.HasMore {
			t.Errorf("%s: %d rows, want %d", query, len(got.Data), want)
		}
	}
	if got := ok[page[request]](t, f.owner().get("/requests?models=gpt-4o&end_time="+strconv.FormatInt(noon.Unix()+60, 10))); got.Data[0].ID != old.ID {
		t.Errorf("%+v", got)
	}
	// A page goes on from the one before, however the search is bounded.
	first := ok[page[request]](t, f.owner().get("/requests?limit=1&user_ids=user-1"+since))
	if next := ok[page[request]](t, f.owner().get("/requests?limit=1&user_ids=user-1"+since+"&after="+*first.LastID)); !first.HasMore || next.HasMore || next.Data[0].ID != old.ID {
		t.Errorf("%+v, then %+v", first, next)
	}
}

func TestRequestRefusals(t *testing.T) {
	f := newFixture(t)
	for query, want := range map[string][2]string{
		"limit=0":                     {"integer_below_min_value", "limit"},
		"limit=1001":                  {"integer_above_max_value", "limit"},
		"limit=ten":                   {"invalid_type", "limit"},
		"after=req_nothing":           {"invalid_cursor", "after"},
		"status=ok":                   {"invalid_value", "status"},
		"status=2000":                 {"invalid_value", "status"},
		"outcome=fine":                {"invalid_value", "outcome"},
		"min_latency_ms=-1":           {"integer_below_min_value", "min_latency_ms"},
		"min_latency_ms=1.5":          {"invalid_type", "min_latency_ms"},
		"start_time=yesterday":        {"invalid_type", "start_time"},
		"end_time=17000000000000":     {"invalid_value", "end_time"},
		"start_time=200&end_time=200": {"invalid_value", "end_time"},
		"project_id=proj_1":           {"unknown_parameter", "project_id"},
		"model=gpt-4o":                {"unknown_parameter", "model"},
	} {
		refused(t, f.owner().get("/requests?"+query), http.StatusBadRequest, want[0], want[1])
	}
	refused(t, f.owner().get("/requests/req_nothing"), http.StatusNotFound, "not_found", "")
	refused(t, f.owner().get("/requests/"+url.PathEscape("'; --")), http.StatusNotFound, "not_found", "")
	refused(t, f.owner().get("/requests/"+url.PathEscape("a/../b")), http.StatusNotFound, "", "")
}

// One organization's log shows nothing of another's.
func TestRequestsStayInTheirOrganization(t *testing.T) {
	f := newFixture(t)
	e := f.request(sample())
	_, _, foreign := f.NewOrganization(t, "else@example.com")
	if got := ok[page[request]](t, f.as(foreign).get("/requests")); len(got.Data) != 0 || got.LastID != nil {
		t.Errorf("another organization sees %+v", got)
	}
	refused(t, f.as(foreign).get("/requests/"+e.ID), http.StatusNotFound, "not_found", "")
	refused(t, f.as(foreign).get("/requests?after="+e.ID), http.StatusBadRequest, "invalid_cursor", "after")
}
