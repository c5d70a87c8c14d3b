package openaiwire

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"weir/internal/fault"
)

func TestBody(t *testing.T) {
	cases := []struct {
		name   string
		err    error
		status int
		json   string
	}{
		{"invalid", fault.MissingParam("name"), 400, `{"error":{"message":"Missing required parameter: 'name'.","type":"invalid_request_error","param":"name","code":"missing_required_parameter"}}`},
		{"wrapped", fmt.Errorf("admit: %w", fault.New(fault.Unauthenticated, "invalid_api_key", "", "Incorrect API key.")), 401, `{"error":{"message":"Incorrect API key.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`},
		{"requests", fault.New(fault.RateLimited, "rate_limit_exceeded", "", "Slow down."), 429, `{"error":{"message":"Slow down.","type":"requests","param":null,"code":"rate_limit_exceeded"}}`},
		{"tokens", fault.New(fault.RateLimited, "rate_limit_exceeded", ParamTokens, "Slow down."), 429, `{"error":{"message":"Slow down.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}`},
		{"quota", fault.New(fault.QuotaExceeded, "insufficient_quota", "", "Spent."), 429, `{"error":{"message":"Spent.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`},
		{"upstream", fault.New(fault.BadUpstream, "", "", "No answer.").With(errors.New("dial sk-secret")), 502, `{"error":{"message":"No answer.","type":"server_error","param":null,"code":null}}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			status, body := Body(c.err)
			got, err := json.Marshal(body)
			if err != nil || status != c.status || string(got) != c.json {
				t.Errorf("%d %s %v", status, got, err)
			}
		})
	}
}

func TestAnUnclassifiedErrorShowsNothingOfItself(t *testing.T) {
	err := errors.New("dial tcp 10.0.0.7: sk-secret")
	status, body := Body(err)
	text := body.Error.Message + string(StreamError(err)) + string(ResponsesStreamError(err, 3))
	if status != 500 || body.Error.Type != "server_error" || strings.Contains(text, "10.0.0.7") || strings.Contains(text, "sk-secret") {
		t.Errorf("%d %s", status, text)
	}
}

func TestEveryKindHasItsStatus(t *testing.T) {
	want := map[fault.Kind]int{
		fault.Internal: 500, fault.Invalid: 400, fault.Unauthenticated: 401, fault.Forbidden: 403, fault.NotFound: 404, fault.MethodNotSupported: 405,
		fault.TooLarge: 413, fault.RateLimited: 429, fault.QuotaExceeded: 429, fault.BadUpstream: 502, fault.Unavailable: 503, fault.UpstreamTimeout: 504,
	}
	for kind, status := range want {
		if got := StatusOf(kind); got != status {
			t.Errorf("kind %d: %d, want %d", kind, got, status)
		}
		if server := TypeOf(kind) == "server_error"; server != (status >= 500) {
			t.Errorf("kind %d has the type %s", kind, TypeOf(kind))
		}
	}
}

func TestStreamErrors(t *testing.T) {
	err := fault.New(fault.BadUpstream, "upstream_cut", "", "The stream broke off.\nRetry.")
	chat := `data: {"error":{"message":"The stream broke off.\nRetry.","type":"server_error","param":null,"code":"upstream_cut"}}` + "\n\n"
	if got := string(StreamError(err)); got != chat {
		t.Errorf("chat: %s", got)
	}
	responses := "event: error\n" + `data: {"type":"error","code":"upstream_cut","message":"The stream broke off.\nRetry.","param":null,"sequence_number":7}` + "\n\n"
	if got := string(ResponsesStreamError(err, 7)); got != responses {
		t.Errorf("responses: %s", got)
	}
}

func TestEstimates(t *testing.T) {
	if EstimateInput(0) != 0 || EstimateInput(1) != 1 || EstimateOutput(8) != 2 || EstimateOutput(9) != 3 {
		t.Error("estimates round up, from nothing")
	}
	body := prompt64k()
	h, err := ReadHead(body)
	if err != nil {
		t.Fatal(err)
	}
	if n, ok := BoundInput(h, int64(len(body))); !ok || n < int64(len(body)) {
		t.Errorf("bound %d, %t", n, ok)
	}
	h.ByReference = true
	if _, ok := BoundInput(h, int64(len(body))); ok {
		t.Error("input by reference has no bound in bytes")
	}
}
