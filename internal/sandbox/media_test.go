package sandbox

import (
	"io"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"

	"weir/internal/openaiwire"
	"weir/internal/usage"
)

func TestImages(t *testing.T) {
	p, _, client := serve(t, Options{})
	params := openai.ImageGenerateParams{Model: "gpt-image-1", Prompt: "a weir", N: param.NewOpt[int64](2), Quality: "high"}
	got, err := client.Images.Generate(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Data) != 2 || got.Size != "1024x1024" || got.Quality != "high" || got.Usage.OutputTokens != 2*4160 || p.Ledger().OutputTokens != 2*4160 {
		t.Errorf("answered %s", got.RawJSON())
	}
	stream := client.Images.GenerateStreaming(t.Context(), params)
	var last string
	for stream.Next() {
		last = stream.Current().Type
	}
	if stream.Err() != nil || last != "image_generation.completed" {
		t.Errorf("the stream ends with %q, %v", last, stream.Err())
	}
}

func TestTranscriptions(t *testing.T) {
	_, _, client := serve(t, Options{})
	sound := func() io.Reader { return strings.NewReader(strings.Repeat("ID3.", 10_000)) }
	whisper, err := client.Audio.Transcriptions.New(t.Context(), openai.AudioTranscriptionNewParams{Model: "whisper-1", File: sound()})
	if err != nil {
		t.Fatal(err)
	}
	if whisper.Usage.Seconds != 3 || !strings.HasPrefix(whisper.Text, "[sandbox]") {
		t.Errorf("answered %s", whisper.RawJSON())
	}
	stream := client.Audio.Transcriptions.NewStreaming(t.Context(), openai.AudioTranscriptionNewParams{Model: "gpt-4o-transcribe", File: sound()})
	var text string
	var last openai.TranscriptionStreamEventUnion
	for stream.Next() {
		last = stream.Current()
		text += last.Delta
	}
	if stream.Err() != nil || last.Type != "transcript.text.done" || last.Text != text || last.Usage.InputTokens != 30 {
		t.Errorf("streamed %q, ended with %s, %v", text, last.RawJSON(), stream.Err())
	}
}

func TestSpeech(t *testing.T) {
	_, server, client := serve(t, Options{})
	resp, err := client.Audio.Speech.New(t.Context(), openai.AudioSpeechNewParams{Model: "tts-1", Input: "Hello", Voice: openai.AudioSpeechNewParamsVoiceUnion{OfString: param.NewOpt("alloy")}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body := read(t, resp); len(body) != 44+800 || !strings.HasPrefix(body, "RIFF") {
		t.Errorf("%d bytes of sound", len(body))
	}
	events := read(t, post(t.Context(), t, server.URL+"/v1/audio/speech", `{"model":"gpt-4o-mini-tts","input":"Hello","voice":"alloy","stream_format":"sse"}`))
	tap := openaiwire.NewStreamTap(usage.AudioSpeeches, openaiwire.ShapeMedia)
	if err := tap.Feed([]byte(events), func(openaiwire.Event) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if r := tap.Reading(); !tap.Complete() || r.Q.InputText != 2 || r.Q.OutputAudio != 10 {
		t.Errorf("%+v in %s", r, events)
	}
}
