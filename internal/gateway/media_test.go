package gateway

import (
	"bytes"
	"cmp"
	"fmt"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"

	"weir/internal/optional"
	"weir/internal/org"
	"weir/internal/routing"
	"weir/internal/upstream/upstreamtest"
	"weir/internal/usage"
)

var mediaModels = []string{"dall-e-2", "dall-e-3", "gpt-image-1", "tts-1", "gpt-4o-mini-tts", "whisper-1", "gpt-4o-transcribe"}

// mediaRig is a rig whose connection serves pictures and sound.
func mediaRig(t testing.TB, change ...func(*Gateway)) *rig {
	t.Helper()
	r := newRig(t, change...)
	_, _, err := r.org.UpdateConnection(t.Context(), r.actor, r.conn.ID, org.ConnectionFields{Models: optional.Of(mediaModels)})
	must(t, err)
	return r
}

// formOf is a form with a file of size bytes, and fields, name and value in turn.
func formOf(t testing.TB, size int, fields ...string) (header http.Header, body string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	file, err := w.CreateFormFile("file", "talk.mp3")
	must(t, err)
	_, err = file.Write(bytes.Repeat([]byte{0, 0xff, '\r', '\n'}, size/4))
	must(t, err)
	for pair := range slices.Chunk(fields, 2) {
		must(t, w.WriteField(pair[0], pair[1]))
	}
	must(t, w.Close())
	return http.Header{"Content-Type": {w.FormDataContentType()}}, b.String()
}

const pictureTokens = `"usage":{"input_tokens":30,"input_tokens_details":{"text_tokens":10,"image_tokens":20},"output_tokens":1000,"total_tokens":1030}`

func TestMediaIsMetered(t *testing.T) {
	r := mediaRig(t)
	sound := func(contentType, body string) upstreamtest.Answer {
		a := upstreamtest.JSON(200, body)
		a.Header = http.Header{"Content-Type": {contentType}}
		return a
	}
	stream := func(data ...string) upstreamtest.Answer {
		chunks := make([]upstreamtest.Chunk, len(data))
		for i, d := range data {
			chunks[i] = upstreamtest.Event(d)
		}
		return upstreamtest.SSE(chunks...)
	}
	for name, tt := range map[string]struct {
		path   string
		json   string   // the body, or
		form   []string // the fields of one with a file
		answer upstreamtest.Answer
		q      usage.Quantities
		source usage.Source
		size   string // and quality
		image  string
		cost   string
	}{
		"pictures by count": {path: "/images/generations", json: `{"model":"dall-e-3","prompt":"x","n":2,"size":"1024x1792","quality":"hd"}`, answer: upstreamtest.JSON(200, `{"created":1,"data":[{"url":"a"},{"url":"b"}]}`),
			q: usage.Quantities{Images: 2}, source: usage.SourceProvider, size: "1024x1792 hd", image: "image.generation", cost: "0.24"},
		"the model that is meant": {path: "/images/generations", json: `{"prompt":"x"}`, answer: upstreamtest.JSON(200, `{"created":1,"data":[{"url":"a"}]}`),
			q: usage.Quantities{Images: 1}, source: usage.SourceProvider, size: " ", image: "image.generation", cost: "0.02"},
		"pictures by token": {path: "/images/generations", json: `{"model":"gpt-image-1","prompt":"x","size":"auto"}`, answer: upstreamtest.JSON(200, `{"data":[{"b64_json":"`+strings.Repeat("x", 2<<20)+`"}],"size":"1024x1536","quality":"low",`+pictureTokens+`}`),
			q: usage.Quantities{InputText: 10, InputImage: 20, OutputImage: 1000, Images: 1}, source: usage.SourceProvider, size: "1024x1536 low", image: "image.generation", cost: "0.04025"},
		"streamed pictures": {path: "/images/generations", json: `{"model":"gpt-image-1","prompt":"x","stream":true,"partial_images":1}`,
			answer: stream(`{"type":"image_generation.partial_image","b64_json":"x"}`, `{"type":"image_generation.completed","b64_json":"x","size":"1024x1024","quality":"high",`+pictureTokens+`}`),
			q:      usage.Quantities{InputText: 10, InputImage: 20, OutputImage: 1000, Images: 1}, source: usage.SourceProvider, size: "1024x1024 high", image: "image.generation", cost: "0.04025"},
		"edits in a form": {path: "/images/edits", form: []string{"model", "gpt-image-1", "prompt", "x", "n", "1"}, answer: upstreamtest.JSON(200, `{"data":[{"b64_json":"x"}],`+pictureTokens+`}`),
			q: usage.Quantities{InputText: 10, InputImage: 20, OutputImage: 1000, Images: 1}, source: usage.SourceProvider, size: " ", image: "image.edit", cost: "0.04025"},
		"edits in JSON": {path: "/images/edits", json: `{"model":"gpt-image-1","prompt":"x","images":[{"image_url":"https://x"}]}`, answer: upstreamtest.JSON(200, `{"data":[{"b64_json":"x"}],`+pictureTokens+`}`),
			q: usage.Quantities{InputText: 10, InputImage: 20, OutputImage: 1000, Images: 1}, source: usage.SourceProvider, size: " ", image: "image.edit", cost: "0.04025"},
		"variations": {path: "/images/variations", form: []string{"n", "3", "size", "256x256"}, answer: upstreamtest.JSON(200, `{"data":[{"url":"a"},{"url":"b"},{"url":"c"}]}`),
			q: usage.Quantities{Images: 3}, source: usage.SourceProvider, size: "256x256 ", image: "image.variation", cost: "0.048"},
		"speech by the character": {path: "/audio/speech", json: `{"model":"tts-1","input":"h\u00e9llo","voice":"alloy"}`, answer: sound("audio/mpeg", strings.Repeat("\x00\xff{", 1000)),
			q: usage.Quantities{Characters: 5}, source: usage.SourceProvider, size: " ", cost: "0.000075"},
		"long speech": {path: "/audio/speech", json: `{"model":"tts-1","input":"hello","voice":"alloy"}`, answer: sound("audio/mpeg", strings.Repeat("\x00\xff{\"", 1<<19)),
			q: usage.Quantities{Characters: 5}, source: usage.SourceProvider, size: " ", cost: "0.000075"},
		"speech by the token, streamed": {path: "/audio/speech", json: `{"model":"gpt-4o-mini-tts","input":"hello","voice":"alloy","stream_format":"sse"}`,
			answer: stream(`{"type":"speech.audio.delta","audio":"xx"}`, `{"type":"speech.audio.done","usage":{"input_tokens":2,"output_tokens":100,"total_tokens":102}}`),
			q:      usage.Quantities{Characters: 5, InputText: 2, OutputAudio: 100}, source: usage.SourceProvider, size: " ", cost: "0.001205"},
		"speech by the token, untold": {path: "/audio/speech", json: `{"model":"gpt-4o-mini-tts","input":"hello hello","voice":"alloy"}`, answer: sound("audio/mpeg", "ID3"),
			q: usage.Quantities{Characters: 11, InputText: 3, OutputAudio: 15}, source: usage.SourceEstimated, size: " ", cost: "0.0001875"},
		"transcription by the second": {path: "/audio/transcriptions", form: []string{"model", "whisper-1"}, answer: upstreamtest.JSON(200, `{"text":"x","usage":{"type":"duration","seconds":30}}`),
			q: usage.Quantities{Millis: 30_000}, source: usage.SourceProvider, size: " ", cost: "0.003"},
		"verbose transcription": {path: "/audio/transcriptions", form: []string{"model", "whisper-1", "response_format", "verbose_json"}, answer: upstreamtest.JSON(200, `{"text":"x","duration":1.5}`),
			q: usage.Quantities{Millis: 1500}, source: usage.SourceProvider, size: " ", cost: "0.00015"},
		"subtitles": {path: "/audio/translations", form: []string{"model", "whisper-1", "response_format", "srt"}, answer: sound("text/plain; charset=utf-8", "1\n00:00:00,000 --> 00:00:03,000\nHi\n\n2\n00:00:03,000 --> 00:01:00,000\nthere -- >\n"),
			q: usage.Quantities{Millis: 60_000}, source: usage.SourceEstimated, size: " ", cost: "0.006"},
		"text alone": {path: "/audio/transcriptions", form: []string{"model", "whisper-1", "response_format", "text"}, answer: sound("text/plain", "hi"),
			q: usage.Quantities{Millis: 5000}, source: usage.SourceEstimated, size: " ", cost: "0.0005"},
		"transcription by the token": {path: "/audio/transcriptions", form: []string{"model", "gpt-4o-transcribe"}, answer: upstreamtest.JSON(200, `{"text":"x","usage":{"type":"tokens","input_tokens":50,"input_token_details":{"text_tokens":10,"audio_tokens":40},"output_tokens":20,"total_tokens":70}}`),
			q: usage.Quantities{InputText: 10, InputAudio: 40, OutputText: 20}, source: usage.SourceProvider, size: " ", cost: "0.000325"},
		"streamed transcription": {path: "/audio/transcriptions", form: []string{"model", "gpt-4o-transcribe", "stream", "true"},
			answer: stream(`{"type":"transcript.text.delta","delta":"x"}`, `{"type":"transcript.text.done","text":"x","usage":{"type":"tokens","input_tokens":50,"input_token_details":{"text_tokens":10,"audio_tokens":40},"output_tokens":20,"total_tokens":70}}`),
			q:      usage.Quantities{InputText: 10, InputAudio: 40, OutputText: 20}, source: usage.SourceProvider, size: " ", cost: "0.000325"},
	} {
		t.Run(name, func(t *testing.T) {
			r.provider.Enqueue(tt.answer)
			c := call{path: "/v1" + tt.path, body: tt.json}
			if tt.form != nil {
				c.header, c.body = formOf(t, 80_000, tt.form...)
			}
			got := r.do(t, c)
			equal(t, "status", got.StatusCode, 200)
			must(t, got.readErr)
			equal(t, "sent", string(r.provider.Next(t).Body), c.body)
			ev := r.ledger.next(t)
			equal(t, "quantities", ev.Quantities, tt.q)
			equal(t, "source", ev.Source, tt.source)
			equal(t, "size", ev.Size+" "+ev.Quality, cmp.Or(tt.size, " "))
			equal(t, "image source", ev.ImageSource, tt.image)
			if ev.Cost == nil || ev.Cost.String() != tt.cost {
				t.Errorf("costs %v, want %s: %+v", ev.Cost, tt.cost, ev.Lines)
			}
			equal(t, "outcome", ev.Outcome, usage.OutcomeCompleted)
		})
	}
	r.ledger.balanced(t)
}

// TestFormsOfModelEndpoints: the model is the only thing that changes, in memory
// or on disk.
func TestFormsOfModelEndpoints(t *testing.T) {
	for _, size := range []int{100, 3 << 20} {
		r := mediaRig(t)
		r.endpoint(t, "ears", org.ModelEndpointFields{Upstreams: optional.Of([]routing.Upstream{{ConnectionID: r.conn.ID, Model: "whisper-1", Priority: 1, Weight: 1}})})
		header, body := formOf(t, size, "model", "ears", "language", "en")
		spooled := false
		r.ledger.onOpen = func() { spooled = strings.Contains(openFiles(t), r.TempDir) }
		r.provider.Enqueue(upstreamtest.JSON(200, `{"text":"x","usage":{"type":"duration","seconds":1}}`))
		equal(t, "status", r.do(t, call{path: "/v1/audio/transcriptions", header: header, body: body}).StatusCode, 200)
		up := r.provider.Next(t)
		if want := strings.Replace(body, "\r\n\r\nears\r\n", "\r\n\r\nwhisper-1\r\n", 1); string(up.Body) != want {
			t.Errorf("a form of %d was changed otherwise", len(body))
		}
		equal(t, "length", up.Header.Get("Content-Length"), fmt.Sprint(len(up.Body)))
		equal(t, "spooled", spooled, size > 1<<20)
		ev := r.ledger.next(t)
		equal(t, "model", ev.ModelAsked+" "+ev.Model, "ears whisper-1")
	}
}

func TestFormsAreRefused(t *testing.T) {
	r := mediaRig(t)
	refused := func(what, code, param string, fields ...string) {
		t.Helper()
		header, body := formOf(t, 100, fields...)
		got := r.do(t, call{path: "/v1/audio/transcriptions", header: header, body: body})
		if got.StatusCode != 400 && got.StatusCode != 404 {
			t.Errorf("%s: %d", what, got.StatusCode)
		}
		envelopeOf(t, got, got.StatusCode, code, param)
	}
	refused("no model", "missing_required_parameter", "model")
	refused("an empty one", "empty_string", "model", "model", "")
	refused("two of them", "duplicate_parameter", "model", "model", "whisper-1", "model", "gpt-4o-transcribe")
	refused("streamed and not", "duplicate_parameter", "stream", "model", "whisper-1", "stream", "true", "stream", "false")
	refused("an unknown model", "model_not_found", "", "model", "nonesuch")
	envelopeOf(t, r.do(t, call{path: "/v1/audio/transcriptions", body: "x", header: http.Header{"Content-Type": {"audio/mpeg"}}}), 400, "", "")
	envelopeOf(t, r.do(t, call{path: "/v1/audio/transcriptions"}), 400, "", "")
	header, body := formOf(t, 100, "purpose", "batch")
	envelopeOf(t, r.do(t, call{path: "/v1/files", header: header, body: body[:len(body)-20]}), 400, "", "")
	equal(t, "requests", len(r.provider.Requests()), 0)
}

// Objects are checked in forms too.
func TestObjectsInForms(t *testing.T) {
	r, _, other := shared(t)
	container, file := r.make(t, "", "/v1/containers"), r.make(t, other, "/v1/files")
	header, body := formOf(t, 100, "file_id", file)
	envelopeOf(t, r.do(t, call{path: "/v1/containers/" + container + "/files", header: header, body: body}), 404, "", "file_id")
}
