package gateway

import (
	"mime"
	"strings"

	"weir/internal/fault"
	"weir/internal/openaiwire"
	"weir/internal/usage"
)

// decode reads the request body, whole and before anything is sent: handing the
// server's body to the transport lets an upstream that answers early cut
// streams (golang/go#40747). The raw bytes are kept; only the head is read.
func (x *exchange) decode() error {
	x.event.Kind = x.door.operation.kind
	contentType := x.r.Header.Get("Content-Type")
	operation := &x.door.operation
	x.form = (operation.form || x.door.resource != nil) && isForm(contentType)
	x.json = !x.form && (operation.json || isJSON(contentType))
	x.form = x.form || operation.form && !x.json // and is refused for being none
	if err := x.body.read(x); err != nil {
		return err
	}
	x.event.RequestBytes = x.body.size
	if x.body.size == 0 && !operation.json && !operation.form {
		x.json, x.form = false, false
	}
	var head openaiwire.Head
	var err error
	switch {
	case x.json:
		head, err = openaiwire.ReadHead(x.body.bytes())
	case x.form:
		form := x.body.reader(x.body.bytes())
		head, err = openaiwire.ReadForm(contentType, form)
		_ = form.Close() // it is the body, which is released later
	default:
		return nil
	}
	if err != nil {
		return err
	}
	x.head = head
	if x.event.ImageSource = operation.imageSource; operation.kind == usage.Images {
		x.event.Size, x.event.Quality = asked(head.Size), asked(head.Quality)
	}
	x.event.ModelAsked, x.event.Stream = head.Model, head.Stream
	switch {
	case len(head.Model) > maxModelName:
		x.event.ModelAsked = shorten(head.Model)
		return errNoModel(x.event.ModelAsked)
	case x.head.HasModel && x.head.Model == "":
		return fault.Invalidf("empty_string", "model", "Invalid 'model': empty string.")
	case !x.head.HasModel && (operation.json || operation.form) && x.door.endpoint == "":
		if operation.defaultModel == "" {
			return fault.Invalidf("missing_required_parameter", "model", "you must provide a model parameter")
		}
		x.event.ModelAsked = operation.defaultModel
	case !x.head.HasModel && x.door.endpoint != "":
		x.event.ModelAsked = x.door.endpoint
	}
	return nil
}

// isJSON reports whether a content type is JSON. A caller who sends none on an
// unknown endpoint is taken at face value: the bytes go on unread.
func isJSON(contentType string) bool {
	if contentType == "application/json" {
		return true // as nearly all send it
	}
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == "application/json"
}

func isForm(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(media), "multipart/form-data")
}

// asked is a measure of pictures that the caller named; "" where the provider is
// to choose.
func asked(measure string) string {
	if measure == "auto" {
		return ""
	}
	return shorten(measure)
}

// estimate is what the request likely consumes, for the open record: what a
// crash will settle.
func (x *exchange) estimate() (usage.Quantities, usage.Source) {
	switch x.door.operation.kind {
	case usage.Completions, usage.Decisions, usage.Embeddings, usage.Moderations:
		return usage.Quantities{InputText: openaiwire.EstimateInput(x.body.size)}, usage.SourceEstimated
	case usage.Images:
		return usage.Quantities{Images: x.head.N}, usage.SourceEstimated
	case usage.AudioSpeeches:
		return openaiwire.EstimateSpeech(x.head.InputCharacters), usage.SourceEstimated
	case usage.AudioTranscriptions:
		return openaiwire.EstimateTranscription(openaiwire.EstimateSoundMillis(x.head.FileBytes), 0), usage.SourceEstimated
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

const (
	// maxModelName is how long the name of a model may be, in bytes.
	maxModelName = 256
	// maxText is how much of a text that callers make up is kept in a record or
	// said back, in bytes.
	maxText = 256
)

// shorten bounds a text that the caller made up.
func shorten(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "…"
}
