package openaiwire

import (
	"encoding/json"
	"errors"

	"weir/internal/fault"
)

// ErrorBody is the envelope of every error. All four keys are always there.
type ErrorBody struct {
	Error ErrorDetail `json:"error"`
}

// ErrorDetail says what went wrong. Param and Code are null where there is
// none.
type ErrorDetail struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

// ParamTokens is the Param of a RateLimited fault when tokens ran out rather
// than requests. It shows as the error's type; its param stays null, as
// OpenAI's does.
const ParamTokens = "tokens"

// generic is shown for an error nobody classified: its text may hold internals.
const generic = "The server had an error while processing your request. You can retry it, or give the request id to whoever runs this gateway."

// TypeOf is the error type that goes with kind. Of the two that a rate limit
// has it is the one for requests.
func TypeOf(kind fault.Kind) string {
	switch kind {
	case fault.RateLimited:
		return "requests"
	case fault.QuotaExceeded:
		return "insufficient_quota"
	case fault.Internal, fault.BadUpstream, fault.Unavailable, fault.UpstreamTimeout:
		return "server_error"
	}
	return "invalid_request_error"
}

// StatusOf is the HTTP status that goes with kind.
func StatusOf(kind fault.Kind) int {
	switch kind {
	case fault.Invalid:
		return 400
	case fault.Unauthenticated:
		return 401
	case fault.Forbidden:
		return 403
	case fault.NotFound:
		return 404
	case fault.MethodNotSupported:
		return 405
	case fault.TooLarge:
		return 413
	case fault.RateLimited, fault.QuotaExceeded:
		return 429
	case fault.BadUpstream:
		return 502
	case fault.Unavailable:
		return 503
	case fault.UpstreamTimeout:
		return 504
	}
	return 500
}

// Body renders err for a caller. An error that is no fault is a 500 that says
// nothing of its cause.
func Body(err error) (status int, body ErrorBody) {
	var f *fault.Error
	if !errors.As(err, &f) {
		return 500, ErrorBody{ErrorDetail{Message: generic, Type: TypeOf(fault.Internal)}}
	}
	d := ErrorDetail{Message: f.Message, Type: TypeOf(f.Kind), Param: nullable(f.Param), Code: nullable(f.Code)}
	if f.Kind == fault.RateLimited && (f.Param == ParamTokens || f.Param == "requests") {
		d.Type, d.Param = f.Param, nil
	}
	return StatusOf(f.Kind), ErrorBody{d}
}

// StreamError is the event that ends a chat or completions stream that failed
// after it began.
func StreamError(err error) []byte {
	_, body := Body(err)
	return event("", body)
}

// ResponsesStreamError is StreamError for a stream of the Responses API, whose
// error event has its fields at the top. sequence is its sequence_number: one
// more than the last event's.
func ResponsesStreamError(err error, sequence int64) []byte {
	_, body := Body(err)
	return event("error", struct {
		Type     string  `json:"type"`
		Code     *string `json:"code"`
		Message  string  `json:"message"`
		Param    *string `json:"param"`
		Sequence int64   `json:"sequence_number"`
	}{"error", body.Error.Code, body.Error.Message, body.Error.Param, sequence})
}

// event renders one server-sent event with a JSON value for data.
func event(name string, data any) []byte {
	var out []byte
	if name != "" {
		out = append(append(append(out, "event: "...), name...), '\n')
	}
	line, err := json.Marshal(data)
	if err != nil {
		panic("openaiwire: " + err.Error()) // structs of strings always marshal
	}
	return append(append(append(out, "data: "...), line...), "\n\n"...)
}

func nullable(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
