package openaiwire

import (
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"weir/internal/usage"
)

func TestReadUnary(t *testing.T) {
	cases := []struct {
		name, body string
		kind       usage.Kind
		want       Reading
	}{
		{
			"chat", `{"id":"chatcmpl-1","object":"chat.completion","model":"gpt-4o-2024-08-06","choices":[{"index":0},{"index":1}],
			"usage":{"prompt_tokens":2006,"completion_tokens":300,"total_tokens":2306,"prompt_tokens_details":{"cached_tokens":1920,"audio_tokens":0},
			"completion_tokens_details":{"reasoning_tokens":128,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},
			"service_tier":"default","system_fingerprint":"fp_x"}`, usage.Completions,
			Reading{Found: true, ID: "chatcmpl-1", Model: "gpt-4o-2024-08-06", ServiceTier: "default",
				Q: usage.Quantities{InputText: 86, CachedText: 1920, OutputText: 300, Reasoning: 128, Choices: 2}},
		},
		{
			"chat with audio", `{"model":"gpt-audio","usage":{"prompt_tokens":150,"completion_tokens":220,
			"prompt_tokens_details":{"cached_tokens":40,"text_tokens":50,"audio_tokens":100},"completion_tokens_details":{"text_tokens":20,"audio_tokens":200}}}`, usage.Completions,
			Reading{Found: true, Model: "gpt-audio", Q: usage.Quantities{InputText: 10, CachedText: 40, InputAudio: 100, OutputText: 20, OutputAudio: 200}},
		},
		{
			"cache broken down", `{"usage":{"input_tokens":150,"output_tokens":9,"input_token_details":{"text_tokens":50,"audio_tokens":80,"image_tokens":20,
			"cached_tokens":70,"cached_tokens_details":{"text_tokens":10,"audio_tokens":50,"image_tokens":10}},"output_token_details":{"text_tokens":4,"audio_tokens":5}}}`, usage.Completions,
			Reading{Found: true, Q: usage.Quantities{InputText: 40, CachedText: 10, InputAudio: 30, CachedAudio: 50, InputImage: 10, CachedImage: 10, OutputText: 4, OutputAudio: 5}},
		},
		{
			"cache writes", `{"usage":{"input_tokens":3000,"input_tokens_details":{"cached_tokens":1000,"cache_write_tokens":1500},"output_tokens":10,"output_tokens_details":{"reasoning_tokens":0}}}`, usage.Completions,
			Reading{Found: true, Q: usage.Quantities{InputText: 500, CachedText: 1000, CacheWrite: 1500, OutputText: 10}},
		},
		{
			"response with tools", `{"id":"resp_1","object":"response","status":"completed","model":"gpt-5-mini-2025-08-07","service_tier":"flex","output":[
			{"type":"reasoning","id":"rs_1","summary":[]},
			{"type":"web_search_call","id":"ws_1","action":{"type":"search","query":"weir"}},{"type":"web_search_call","id":"ws_2","action":{"type":"open_page"}},{"type":"web_search_call","id":"ws_3"},
			{"type":"file_search_call","id":"fs_1"},
			{"type":"code_interpreter_call","container_id":"cntr_1"},{"type":"code_interpreter_call","container_id":"cntr_1"},
			{"type":"message","content":[{"type":"output_text","text":"usage: {\"usage\":{\"input_tokens\":1}}"}]}],
			"usage":{"input_tokens":328,"input_tokens_details":{"cached_tokens":0},"output_tokens":52,"output_tokens_details":{"reasoning_tokens":64},"total_tokens":380}}`, usage.Completions,
			Reading{Found: true, ID: "resp_1", Status: "completed", Model: "gpt-5-mini-2025-08-07", ServiceTier: "flex", WebSearchCalls: 2, FileSearchCalls: 1, CodeSessions: 1, Containers: []string{"cntr_1"},
				Q: usage.Quantities{InputText: 328, OutputText: 52, Reasoning: 52}},
		},
		{
			"response not done", `{"id":"resp_1","status":"queued","model":"o3","output":[],"usage":null}`, usage.Completions,
			Reading{ID: "resp_1", Status: "queued", Model: "o3"},
		},
		{
			"embeddings", `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1,-2e-3]}],"model":"text-embedding-3-small","usage":{"prompt_tokens":8,"total_tokens":8}}`, usage.Embeddings,
			Reading{Found: true, Model: "text-embedding-3-small", Q: usage.Quantities{InputText: 8}},
		},
		{"moderations", `{"id":"modr-1","model":"omni-moderation-latest","results":[]}`, usage.Moderations, Reading{ID: "modr-1", Model: "omni-moderation-latest"}},
		{
			"images", `{"created":1,"data":[{"b64_json":"aGk="},{"b64_json":"aGk="}],"size":"1024x1024","quality":"high","usage":{"total_tokens":4410,"input_tokens":250,"output_tokens":4160,
			"input_tokens_details":{"text_tokens":50,"image_tokens":200}}}`, usage.Images,
			Reading{Found: true, Size: "1024x1024", Quality: "high", Q: usage.Quantities{InputText: 50, InputImage: 200, OutputImage: 4160, Images: 2}},
		},
		{
			"images with text output", `{"data":[{}],"usage":{"input_tokens":50,"output_tokens":1100,"input_tokens_details":{"text_tokens":50,"image_tokens":0},"output_tokens_details":{"text_tokens":44,"image_tokens":1056}}}`, usage.Images,
			Reading{Found: true, Q: usage.Quantities{InputText: 50, OutputText: 44, OutputImage: 1056, Images: 1}},
		},
		{"dall-e", `{"created":1,"data":[{"url":"https://x"}]}`, usage.Images, Reading{Found: true, Q: usage.Quantities{Images: 1}}},
		{
			"transcription in tokens", `{"text":"hi","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":0,"audio_tokens":14},"output_tokens":45,"total_tokens":59}}`, usage.AudioTranscriptions,
			Reading{Found: true, Q: usage.Quantities{InputAudio: 14, OutputText: 45}},
		},
		{
			"transcription in tokens, no details", `{"text":"hi","usage":{"type":"tokens","input_tokens":14,"output_tokens":45}}`, usage.AudioTranscriptions,
			Reading{Found: true, Q: usage.Quantities{InputAudio: 14, OutputText: 45}},
		},
		{"transcription by duration", `{"text":"hi","duration":8.9,"usage":{"type":"duration","seconds":9}}`, usage.AudioTranscriptions, Reading{Found: true, Q: usage.Quantities{Millis: 9000}}},
		{"verbose transcription", `{"task":"transcribe","duration":8.4700,"text":"hi"}`, usage.AudioTranscriptions, Reading{Found: true, Q: usage.Quantities{Millis: 8470}}},
		{"duration in a string", `{"duration":"8.47","text":"hi"}`, usage.AudioTranscriptions, Reading{Found: true, Q: usage.Quantities{Millis: 8470}}},

		{"more cached than input", `{"usage":{"prompt_tokens":10,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":40,"cache_write_tokens":7}}}`, usage.Completions,
			Reading{Found: true, Q: usage.Quantities{CachedText: 10, OutputText: 1}}},
		{"more audio than output", `{"usage":{"prompt_tokens":10,"completion_tokens":1,"completion_tokens_details":{"audio_tokens":5,"reasoning_tokens":3}}}`, usage.Completions,
			Reading{Found: true, Q: usage.Quantities{InputText: 10, OutputAudio: 1}}},
		{"whole numbers written with a point", `{"usage":{"prompt_tokens":10.0,"completion_tokens":1e1}}`, usage.Completions, Reading{Found: true, Q: usage.Quantities{InputText: 10, OutputText: 10}}},
		{"null details", `{"usage":{"prompt_tokens":10,"completion_tokens":null,"prompt_tokens_details":null}}`, usage.Completions, Reading{Found: true, Q: usage.Quantities{InputText: 10}}},
		{"negative", `{"model":"m","usage":{"prompt_tokens":-10,"completion_tokens":1}}`, usage.Completions, Reading{Model: "m"}},
		{"negative detail", `{"usage":{"prompt_tokens":10,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":-3}}}`, usage.Completions, Reading{}},
		{"fractional", `{"usage":{"prompt_tokens":10.5,"completion_tokens":1}}`, usage.Completions, Reading{}},
		{"huge", `{"usage":{"prompt_tokens":1e300,"completion_tokens":1}}`, usage.Completions, Reading{}},
		{"text for a number", `{"usage":{"prompt_tokens":"10","completion_tokens":1}}`, usage.Completions, Reading{}},
		{"no counts", `{"usage":{"cost":0.1}}`, usage.Completions, Reading{}},
		{"usage is no object", `{"usage":[1]}`, usage.Completions, Reading{}},
		{"cut", `{"model":"m","usage":{"prompt_tokens":10,"completion_tokens":1}`, usage.Completions, Reading{}},
		{"no JSON", `hello`, usage.Completions, Reading{}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := ReadUnary(c.kind, []byte(c.body)); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

// TestBucketsAddUp: whatever the details say, the totals are the provider's.
func TestBucketsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.Int64Range(0, 5000)
		details := func(name string, keys ...string) map[string]any {
			d := map[string]any{}
			for _, key := range keys {
				if rapid.Bool().Draw(t, name+" has "+key) {
					d[key] = count.Draw(t, name+" "+key)
				}
			}
			return d
		}
		input, output := count.Draw(t, "input"), count.Draw(t, "output")
		in := details("input", "cached_tokens", "cache_write_tokens", "audio_tokens", "image_tokens", "text_tokens")
		in["cached_tokens_details"] = details("cached", "audio_tokens", "image_tokens", "text_tokens")
		body, err := json.Marshal(map[string]any{"usage": map[string]any{
			"input_tokens": input, "output_tokens": output, "input_tokens_details": in,
			"output_tokens_details": details("output", "audio_tokens", "image_tokens", "text_tokens", "reasoning_tokens"),
		}})
		if err != nil {
			t.Fatal(err)
		}
		kind := rapid.SampledFrom([]usage.Kind{usage.Completions, usage.Images, usage.AudioSpeeches, usage.AudioTranscriptions, usage.Embeddings}).Draw(t, "kind")
		r := ReadUnary(kind, body)
		checkQuantities(t, r.Q)
		if !r.Found || r.Q.Input() != input || r.Q.Output() != output || r.Q.Reasoning > r.Q.OutputText {
			t.Fatalf("%s reads as %+v", body, r)
		}
		if cached, _ := in["cached_tokens"].(int64); r.Q.Cached() != min(cached, input) {
			t.Fatalf("%s has %d cached", body, r.Q.Cached())
		}
	})
}

func checkQuantities(t interface{ Fatalf(string, ...any) }, q usage.Quantities) {
	for _, n := range [...]int64{q.InputText, q.InputAudio, q.InputImage, q.CachedText, q.CachedAudio, q.CachedImage, q.CacheWrite,
		q.OutputText, q.OutputAudio, q.OutputImage, q.Images, q.Millis, q.Reasoning, q.Choices} {
		if n < 0 || n > maxCount {
			t.Fatalf("impossible quantities: %+v", q)
		}
	}
}

func FuzzReadUnary(f *testing.F) {
	for _, seed := range []string{
		`{"model":"m","usage":{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4}}}`,
		`{"output":[{"type":"web_search_call","action":{"type":"search"}}],"usage":{"input_tokens":1,"output_tokens":2}}`,
		`{"data":[{}],"usage":{"input_tokens":1,"output_tokens":9,"output_tokens_details":{"text_tokens":3}}}`,
		`{"duration":"1.5"}`, `{"usage":{"type":"duration","seconds":3}}`, `{"usage":{"prompt_tokens":9007199254740993}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, kind := range []usage.Kind{usage.Completions, usage.Images, usage.AudioTranscriptions, usage.AudioSpeeches} {
			r := ReadUnary(kind, body)
			checkQuantities(t, r.Q)
			if (r.Found || r.Model != "") && !json.Valid(body) {
				t.Fatalf("%q reads as %+v", body, r)
			}
		}
	})
}

func BenchmarkReadUnary(b *testing.B) {
	body := []byte(`{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"message":{"role":"assistant","content":"The water flows over the weir, and every drop is counted once.","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":2006,"completion_tokens":300,"total_tokens":2306,"prompt_tokens_details":{"cached_tokens":1920,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0}},"service_tier":"default"}`)
	b.ReportAllocs()
	for b.Loop() {
		if r := ReadUnary(usage.Completions, body); !r.Found {
			b.Fatal(r)
		}
	}
}
