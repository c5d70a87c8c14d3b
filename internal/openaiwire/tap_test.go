package openaiwire

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"weir/internal/usage"
)

// seen is an event as the tests write it: its bytes and its flags.
type seen struct {
	raw   string
	flags string
}

// feed puts a stream through a tap in chunks of size bytes, and ends it.
func feed(t *testing.T, tap *StreamTap, stream string, size int) (events []seen) {
	t.Helper()
	keep := func(e Event) error {
		var flags []string
		for _, f := range []struct {
			name string
			set  bool
		}{{"terminal", e.Terminal}, {"usage-only", e.UsageOnly}, {"error", e.Error}, {"part", e.Part}} {
			if f.set {
				flags = append(flags, f.name)
			}
		}
		events = append(events, seen{string(e.Raw), strings.Join(flags, " ")})
		return nil
	}
	for chunk := range slices.Chunk([]byte(stream), size) {
		// The tap may keep nothing of a chunk: it is overwritten after use.
		if err := tap.Feed(chunk, keep); err != nil {
			t.Fatal(err)
		}
		clear(chunk)
	}
	if e := tap.End(); len(e.Raw) > 0 {
		if err := keep(e); err != nil {
			t.Fatal(err)
		}
	}
	return events
}

const chatStream = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","model":"gpt-4o-2024-08-06","service_tier":"default","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}

data: {"id":"chatcmpl-1","model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}],"usage":null}

: keep-alive

data: {"id":"chatcmpl-1","model":"gpt-4o-2024-08-06","choices":[{"index":1,"delta":{"content":"usage"},"finish_reason":null}],"usage":null}

data: {"id":"chatcmpl-1","model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","function":{"name":"f","arguments":"{\"usage\":1}"}}]},"finish_reason":null}],"usage":null}

data: {"id":"chatcmpl-1","model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}

data: {"id":"chatcmpl-1","model":"gpt-4o-2024-08-06","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":12,"prompt_tokens_details":{"cached_tokens":4}}}

data: [DONE]

`

func TestChatStream(t *testing.T) {
	for _, newline := range []string{"\n", "\r\n", "\r"} {
		for _, size := range []int{1, 2, 3, 7, 64, 1 << 20} {
			stream := strings.ReplaceAll(chatStream, "\n", newline)
			tap := NewStreamTap(usage.Completions, ShapeChat)
			events := feed(t, tap, stream, size)
			var raw strings.Builder
			var flags []string
			for _, e := range events {
				raw.WriteString(e.raw)
				if strings.Trim(e.raw, "\r\n") != "" {
					flags = append(flags, e.flags)
				}
			}
			name := fmt.Sprintf("newline %q, chunks of %d", newline, size)
			if raw.String() != stream {
				t.Errorf("%s: the bytes differ:\n%s", name, raw.String())
			}
			if want := []string{"", "", "", "", "", "", "usage-only", "terminal"}; !slices.Equal(flags, want) {
				t.Errorf("%s: flags %q", name, flags)
			}
			want := Reading{Found: true, ID: "chatcmpl-1", Model: "gpt-4o-2024-08-06", ServiceTier: "default",
				Q: usage.Quantities{InputText: 5, CachedText: 4, OutputText: 12, Choices: 2}}
			if got := tap.Reading(); !reflect.DeepEqual(got, want) || !tap.Complete() || tap.Failed() {
				t.Errorf("%s: %+v", name, got)
			}
			if got, want := tap.OutputBytes(), int64(len(`Hello`+`usage`+`{\"usage\":1}`)); got != want {
				t.Errorf("%s: %d bytes of output, want %d", name, got, want)
			}
		}
	}
}

func TestChatStreamThatDoesNotEndWell(t *testing.T) {
	cases := []struct {
		name, stream     string
		complete, failed bool
		events           []seen
	}{
		{"cut between events", "data: {\"choices\":[{}]}\n\n", false, false, []seen{{"data: {\"choices\":[{}]}\n\n", ""}}},
		{"cut inside one", "data: {\"choices\":[{}]}\n\ndata: {\"cho", false, false, []seen{{"data: {\"choices\":[{}]}\n\n", ""}, {"data: {\"cho", ""}}},
		{"no last blank line", "data: [DONE]\n", true, false, []seen{{"data: [DONE]\n", "terminal"}}},
		{"no last line end", "data:[DONE]", true, false, []seen{{"data:[DONE]", "terminal"}}},
		{"provider's error", "data: {\"error\":{\"message\":\"x\"}}\n\n", false, true, []seen{{"data: {\"error\":{\"message\":\"x\"}}\n\n", "error"}}},
		{"byte order mark", "\ufeffdata: [DONE]\n\n", true, false, []seen{{"\ufeffdata: [DONE]\n\n", "terminal"}}},
		{"DONE in text", "data: {\"choices\":[{\"delta\":{\"content\":\"data: [DONE]\"}}]}\n\n", false, false,
			[]seen{{"data: {\"choices\":[{\"delta\":{\"content\":\"data: [DONE]\"}}]}\n\n", ""}}},
		{"data over several lines", "data: {\"choices\":[],\ndata: \"usage\":{\"prompt_tokens\":1}}\n\n", false, false,
			[]seen{{"data: {\"choices\":[],\ndata: \"usage\":{\"prompt_tokens\":1}}\n\n", "usage-only"}}},
		{"filter results are no usage", "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n", false, false,
			[]seen{{"data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n", ""}}},
		{"not JSON", "data: hello\n\n", false, false, []seen{{"data: hello\n\n", ""}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tap := NewStreamTap(usage.Completions, ShapeChat)
			events := feed(t, tap, c.stream, 5)
			if !slices.Equal(events, c.events) || tap.Complete() != c.complete || tap.Failed() != c.failed {
				t.Errorf("events %q, complete %t, failed %t", events, tap.Complete(), tap.Failed())
			}
		})
	}
}

const responsesStream = `event: response.created
data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1","status":"in_progress","model":"gpt-5-mini-2025-08-07","service_tier":"auto","output":[],"usage":null}}

event: response.output_text.delta
data: {"type":"response.output_text.delta","sequence_number":1,"item_id":"msg_1","delta":"Hello","logprobs":[]}

event: response.output_text.done
data: {"type":"response.output_text.done","sequence_number":2,"text":"Hello"}

event: response.%[1]s
data: {"type":"response.%[1]s","sequence_number":3,"response":{"id":"resp_1","status":"%[1]s","model":"gpt-5-mini-2025-08-07","service_tier":"flex","output":[{"type":"web_search_call"}],"usage":{"input_tokens":7,"output_tokens":70,"output_tokens_details":{"reasoning_tokens":64}}}}

`

func TestResponsesStream(t *testing.T) {
	for _, end := range []string{"completed", "incomplete", "failed"} {
		for _, named := range []bool{true, false} {
			stream := fmt.Sprintf(responsesStream, end)
			if !named { // some servers leave the event lines out
				stream = strings.ReplaceAll(stream, "event: ", ": ")
			}
			tap := NewStreamTap(usage.Completions, ShapeResponses)
			events := feed(t, tap, stream, 100)
			flags := "terminal"
			if end == "failed" {
				flags = "terminal error"
			}
			if len(events) != 4 || events[2].flags != "" || events[3].flags != flags {
				t.Errorf("%s: events %q", end, events)
			}
			want := Reading{Found: true, ID: "resp_1", Status: end, Model: "gpt-5-mini-2025-08-07", ServiceTier: "flex", WebSearchCalls: 1,
				Q: usage.Quantities{InputText: 7, OutputText: 70, Reasoning: 64}}
			if got := tap.Reading(); !reflect.DeepEqual(got, want) || tap.OutputBytes() != 5 || tap.NextSequence() != 4 {
				t.Errorf("%s: %+v, %d bytes of output, next sequence %d", end, got, tap.OutputBytes(), tap.NextSequence())
			}
		}
	}
}

func TestResponsesStreamThatIsCutKeepsWhatItKnows(t *testing.T) {
	tap := NewStreamTap(usage.Completions, ShapeResponses)
	stream, _, _ := strings.Cut(responsesStream, "event: response.%")
	feed(t, tap, stream+"event: error\ndata: {\"type\":\"error\",\"message\":\"x\"}\n\n", 33)
	if r := tap.Reading(); r.Found || r.ID != "resp_1" || r.Model != "gpt-5-mini-2025-08-07" || tap.Complete() || !tap.Failed() || tap.OutputBytes() != 5 {
		t.Errorf("%+v, complete %t", r, tap.Complete())
	}
}

func TestMediaStreams(t *testing.T) {
	cases := []struct {
		name   string
		kind   usage.Kind
		stream string
		want   usage.Quantities
	}{
		{"images", usage.Images, `event: image_generation.partial_image
data: {"type":"image_generation.partial_image","b64_json":"aGk="}

event: image_generation.completed
data: {"type":"image_generation.completed","b64_json":"aGk=","size":"1024x1024","usage":{"input_tokens":50,"output_tokens":100,"input_tokens_details":{"text_tokens":10,"image_tokens":40}}}

event: image_generation.completed
data: {"type":"image_generation.completed","b64_json":"aGk=","size":"1024x1024","usage":{"input_tokens":50,"output_tokens":110,"input_tokens_details":{"text_tokens":10,"image_tokens":40}}}

`, usage.Quantities{InputText: 20, InputImage: 80, OutputImage: 210, Images: 2}},
		{"transcript", usage.AudioTranscriptions, `data: {"type":"transcript.text.delta","delta":"hi"}

data: {"type":"transcript.text.done","text":"hi","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"audio_tokens":14},"output_tokens":2}}

`, usage.Quantities{InputAudio: 14, OutputText: 2}},
		{"speech", usage.AudioSpeeches, `data: {"type":"speech.audio.delta","audio":"aGk="}

data: {"type":"speech.audio.done","usage":{"input_tokens":14,"output_tokens":101,"total_tokens":115}}

`, usage.Quantities{InputText: 14, OutputAudio: 101}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tap := NewStreamTap(c.kind, ShapeMedia)
			events := feed(t, tap, c.stream, 50)
			if events[0].flags != "" || events[len(events)-1].flags != "terminal" || !tap.Complete() {
				t.Errorf("events %q", events)
			}
			if r := tap.Reading(); !r.Found || r.Q != c.want {
				t.Errorf("got  %+v\nwant %+v", r.Q, c.want)
			}
		})
	}
}

func TestAnEventBeyondTheLimitPassesUnread(t *testing.T) {
	big := `event: response.completed` + "\n" + `data: {"type":"response.completed","response":{"output":"` + strings.Repeat("x", 3000) + `","usage":{"input_tokens":1,"output_tokens":1}}}` + "\n\n"
	tap := NewStreamTap(usage.Completions, ShapeResponses)
	tap.Limit = 1000
	stream := "data: {}\n\n" + big + "data: {}\n\n"
	events := feed(t, tap, stream, 400)
	var raw strings.Builder
	terminals := 0
	for _, e := range events {
		raw.WriteString(e.raw)
		if len(e.raw) > 1400 {
			t.Errorf("%d bytes were held", len(e.raw))
		}
		if strings.Contains(e.flags, "terminal") {
			terminals++
		}
	}
	if raw.String() != stream || terminals != 1 || !tap.Complete() || tap.Reading().Found {
		t.Errorf("%d terminal events, %+v", terminals, tap.Reading())
	}
}

func TestFeedEndsWithTheErrorOfItsCaller(t *testing.T) {
	tap, gone, calls := NewStreamTap(usage.Completions, ShapeChat), errors.New("gone"), 0
	err := tap.Feed([]byte(chatStream), func(Event) error { calls++; return gone })
	if !errors.Is(err, gone) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func FuzzStreamTap(f *testing.F) {
	f.Add([]byte(chatStream), uint8(7), uint8(0))
	f.Add([]byte(fmt.Sprintf(responsesStream, "completed")), uint8(50), uint8(1))
	f.Add([]byte("\ufeffdata: a\r\rdata: b\r\n\r\n\n\ndata"), uint8(1), uint8(2))
	f.Fuzz(func(t *testing.T, stream []byte, size, shape uint8) {
		whole := NewStreamTap(usage.Completions, Shape(shape%3))
		var once, pieces []byte
		if err := whole.Feed(stream, func(e Event) error { once = append(once, e.Raw...); return nil }); err != nil {
			t.Fatal(err)
		}
		once = append(once, whole.End().Raw...)
		tap := NewStreamTap(usage.Completions, Shape(shape%3))
		for chunk := range slices.Chunk(bytes.Clone(stream), int(size)+1) {
			if err := tap.Feed(chunk, func(e Event) error { pieces = append(pieces, e.Raw...); return nil }); err != nil {
				t.Fatal(err)
			}
			clear(chunk)
		}
		pieces = append(pieces, tap.End().Raw...)
		if !bytes.Equal(once, stream) || !bytes.Equal(pieces, stream) {
			t.Fatalf("%q came out as %q whole and %q in pieces", stream, once, pieces)
		}
		checkQuantities(t, tap.Reading().Q)
		if !reflect.DeepEqual(tap.Reading(), whole.Reading()) || tap.Complete() != whole.Complete() || tap.Failed() != whole.Failed() || tap.OutputBytes() != whole.OutputBytes() {
			t.Fatalf("in pieces %+v, whole %+v", tap, whole)
		}
	})
}

func BenchmarkStreamTap(b *testing.B) {
	benches := []struct {
		name  string
		shape Shape
		event string
	}{
		{"chat", ShapeChat, `data: {"id":"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012","object":"chat.completion.chunk","created":1732470000,"model":"gpt-4o-2024-08-06","service_tier":"default","system_fingerprint":"fp_0123456789","choices":[{"index":0,"delta":{"content":" water"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"abcdef"}` + "\n\n"},
		{"responses", ShapeResponses, "event: response.output_text.delta\n" + `data: {"type":"response.output_text.delta","sequence_number":42,"item_id":"msg_0123456789abcdef0123456789abcdef","output_index":0,"content_index":0,"delta":" water","logprobs":[],"obfuscation":"abcdef"}` + "\n\n"},
	}
	for _, bench := range benches {
		for _, split := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/split=%t", bench.name, split), func(b *testing.B) {
				tap := NewStreamTap(usage.Completions, bench.shape)
				chunk := []byte(bench.event)
				parts := [][]byte{chunk}
				if split {
					parts = [][]byte{chunk[:100], chunk[100:]}
				}
				written := 0
				b.ReportAllocs()
				for b.Loop() {
					for _, part := range parts {
						if err := tap.Feed(part, func(e Event) error { written += len(e.Raw); return nil }); err != nil {
							b.Fatal(err)
						}
					}
				}
			})
		}
	}
}
