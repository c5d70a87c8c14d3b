package gateway

import (
	"mime"
	"net/http"

	"weir/internal/fault"
	"weir/internal/openaiwire"
	"weir/internal/usage"
)

// decode reads the request body, whole and before anything is sent: handing the
// server's body to the transport lets an upstream that answers early cut
// streams (golang/go#40747). The raw bytes are kept; only the head is read.
func (x *exchange) decode() error {
	asJSON := x.door.operation.json || isJSON(x.r.Header.Get("Content-Type"))
	if err := x.body.read(x, asJSON); err != nil {
		return err
	}
	x.event.RequestBytes = x.body.size
	x.event.Kind = x.door.operation.kind
	if x.body.size == 0 && !x.door.operation.json {
		return nil
	}
	if !asJSON {
		return nil
	}
	head, err := openaiwire.ReadHead(x.body.bytes())
	if err != nil {
		return err
	}
	x.head = head
	x.event.ModelAsked, x.event.Stream = head.Model, head.Stream
	switch {
	case x.head.HasModel && x.head.Model == "":
		return fault.Invalidf("empty_string", "model", "Invalid 'model': empty string.")
	case !x.head.HasModel && x.door.operation.json && x.door.endpoint == "":
		if x.door.operation.defaultModel == "" {
			return fault.Invalidf("missing_required_parameter", "model", "you must provide a model parameter")
		}
		x.event.ModelAsked = x.door.operation.defaultModel
	case !x.head.HasModel && x.door.endpoint != "":
		x.event.ModelAsked = x.door.endpoint
	}
	return nil
}

// isJSON reports whether a content type is JSON. A caller who sends none on an
// unknown endpoint is taken at face value: the bytes go on unread.
func isJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == "application/json"
}

// estimate is what the request likely consumes, for the open record: what a
// crash will settle.
func (x *exchange) estimate() (usage.Quantities, usage.Source) {
	switch x.door.operation.kind {
	case usage.Completions, usage.Embeddings, usage.Moderations:
		return usage.Quantities{InputText: openaiwire.EstimateInput(x.body.size)}, usage.SourceEstimated
	case usage.None, usage.Unmetered:
		return usage.Quantities{}, ""
	default:
		return usage.Quantities{}, usage.SourceUnknown
	}
}

// errTooLarge is a body beyond the limit.
func errTooLarge(limit int64) error {
	return fault.New(fault.TooLarge, "request_too_large", "", "The body of the request is larger than %d bytes.", limit)
}

// errSlow is a body that stopped arriving.
func errSlow(cause error) error {
	return fault.Invalidf("request_timeout", "", "The body of the request did not arrive in time.").With(cause)
}

var _ http.Handler = (*Gateway)(nil)
