package gateway

import (
	"cmp"
	"net/http"
	"strings"

	"weir/internal/openaiwire"
	"weir/internal/usage"
)

// Pictures and sound: what of their usage is not in a usage object.

// measured adds to what the provider reported what it is measured by besides.
func (x *exchange) measured(reading *openaiwire.Reading) {
	e := &x.event
	switch e.Kind {
	case usage.Images:
		e.Size, e.Quality = cmp.Or(asked(reading.Size), e.Size), cmp.Or(asked(reading.Quality), e.Quality)
	case usage.AudioSpeeches:
		e.Quantities.Characters = x.head.InputCharacters
	}
}

// unmeasured drops from an estimate what the model is not billed by. What speech
// is billed by the character costs is in the request, so that it is no estimate.
func (x *exchange) unmeasured() {
	e := &x.event
	switch {
	case e.Kind == usage.AudioSpeeches && strings.HasPrefix(e.Model, "tts-1"):
		e.Quantities, e.Source = usage.Quantities{Characters: x.head.InputCharacters}, usage.SourceProvider
	case e.Kind == usage.AudioTranscriptions && strings.HasPrefix(e.Model, "whisper"):
		e.Quantities = usage.Quantities{Millis: e.Quantities.Millis}
	}
}

// transcribed estimates a transcription that came without usage, as text and
// subtitles do: by where the last subtitle ends, else by the size of the file.
func (x *exchange) transcribed(body []byte) {
	millis := openaiwire.SubtitleMillis(body)
	if millis == 0 {
		millis = openaiwire.EstimateSoundMillis(x.head.FileBytes)
	}
	x.event.Quantities = openaiwire.EstimateTranscription(millis, int64(len(body)))
	x.unmeasured()
}

// sound reports whether the answer is sound, or text of it: no JSON that could be
// read for its usage.
func (x *exchange) sound(response *http.Response) bool {
	kind := x.door.operation.kind
	return (kind == usage.AudioSpeeches || kind == usage.AudioTranscriptions) && !isJSON(response.Header.Get("Content-Type"))
}
