package openaiwire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"weir/internal/fault"
	"weir/internal/usage"
)

func TestReadHead(t *testing.T) {
	yes, no := true, false
	cases := []struct {
		name, body string
		want       Head
	}{
		{"nothing", ` { } `, Head{N: 1}},
		{"chat", `{"model":"gpt-4o","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"},{"role":"user","content":"x"}],"max_completion_tokens":9,"n":3,"user":"u","service_tier":"flex"}`,
			Head{Model: "gpt-4o", HasModel: true, Stream: true, IncludeUsage: true, Messages: 2, MaxOutputTokens: 9, N: 3, User: "u", ServiceTier: "flex"}},
		{"escaped keys and values", `{"mod\u0065l":"gpt\u002d4o","str\u0065am":true,"stream_options":{"include\u005fusage":true}}`,
			Head{Model: "gpt-4o", HasModel: true, Stream: true, IncludeUsage: true, N: 1}},
		{"nulls", `{"model":null,"stream":null,"stream_options":null,"max_tokens":null,"n":null,"store":null,"service_tier":null}`, Head{N: 1}},
		{"the greatest limit counts", `{"max_tokens":5,"max_completion_tokens":50,"max_output_tokens":7}`, Head{MaxOutputTokens: 50, N: 1}},
		{"best_of is billed", `{"prompt":"x","n":2,"best_of":5}`, Head{N: 5}},
		{"responses", `{"model":"o3","input":"héllo \ud83d\ude00\n","store":false,"background":true,"max_output_tokens":64}`,
			Head{Model: "o3", HasModel: true, InputCharacters: 8, Store: &no, Background: true, MaxOutputTokens: 64, N: 1}},
		{"input list", `{"input":["a","b",[1,2]],"store":true}`, Head{Messages: 3, Store: &yes, N: 1}},
		{"images", `{"size":"1024x1024","quality":"low"}`, Head{Size: "1024x1024", Quality: "low", N: 1}},
		{"earlier turn", `{"previous_response_id":"resp_1"}`, Head{ByReference: true, N: 1, References: []Reference{{usage.ObjectResponse, "resp_1", "previous_response_id"}}}},
		{"stored prompt", `{"prompt":{"id":"pmpt_1"}}`, Head{ByReference: true, StoredPrompt: true, N: 1}},
		{"conversation", `{"conversation":{"id":"conv_1"}}`, Head{ByReference: true, Conversation: true, N: 1, References: []Reference{{usage.ObjectConversation, "conv_1", "conversation"}}}},
		{"picture", `{"messages":[{"content":[{"type":"image_url","image_url":{"url":"https://x"}}]}]}`, Head{ByReference: true, Messages: 1, N: 1}},
		{"escaped picture", `{"messages":[{"content":[{"image\u005furl":"https://x"}]}]}`, Head{ByReference: true, Messages: 1, N: 1}},
		{"hosted tool", `{"tools":[{"type":"web_search_2025_08_26"}],"max_tool_calls":3}`, Head{ByReference: true, Tools: ToolWebSearch, MaxToolCalls: 3, N: 1}},
		{"escaped hosted tool", `{"tools":[{"type":"web\u005fsearch"}]}`, Head{ByReference: true, Tools: ToolWebSearch, N: 1}},
		{"hosted tools", `{"tools":[{"type":"file_search"},{"type":"image_generation"},{"type":"code_interpreter","container":{"type":"auto"}}]}`,
			Head{ByReference: true, Tools: ToolFileSearch | ToolImageGeneration | ToolCodeInterpreter, N: 1}},
		{"what a tool did earlier", `{"input":[{"type":"web_search_call","id":"ws_1"}]}`, Head{ByReference: true, Messages: 1, N: 1}},
		{"a search in chat", `{"web_search_options":{}}`, Head{ByReference: true, Tools: ToolWebSearch, N: 1}},
		{"several prompts", `{"prompt":["a", "b",[1,2]],"best_of":2}`, Head{Prompts: 3, N: 2}},
		{"a prompt in tokens", `{"prompt":[ 1,2,3 ]}`, Head{N: 1}},
		{"tools twice in one", `{"tools":[{"type":"mcp","type":"function"},{"type":"function","type":"code_interpreter"}]}`,
			Head{ByReference: true, Tools: ToolMCP | ToolCodeInterpreter, N: 1}},
		{"tools deep inside", `{"session":{"tools":[{"type":"file_search"},{"type":"image_generation"}]}}`,
			Head{ByReference: true, Tools: ToolFileSearch | ToolImageGeneration, N: 1}},
		{"what tools did", `{"input":[{"type":"web_search_call"},{"type":"mcp_call"},{"type":"file_search_call"}]}`, Head{ByReference: true, Messages: 3, N: 1}},
		{"inner models", `{"model":"a","tools":[{"type":"image_generation","model":"gpt-image-1"},{"model":"gpt-image-1"}],"metadata":{"model":"x","type":"mcp"}}`,
			Head{Model: "a", HasModel: true, ByReference: true, Tools: ToolImageGeneration, Inner: []string{"gpt-image-1"}, N: 1}},
		{"a schema's property is no model", `{"tools":[{"type":"function","parameters":{"properties":{"model":{"type":"string"}}}}]}`, Head{N: 1}},
		{"own tool", `{"tools":[{"type":"function","name":"web_search"}]}`, Head{N: 1}},
		{"objects at the top", `{"conversation":{"id":"conv_1","id":"conv_2"},"input_file_id":"file-1","file_ids":["file-2",null,"fil\u0065-3"],"video":{"id":"video_1"},"training_file":null,"container":"own"}`,
			Head{ByReference: true, Conversation: true, N: 1, References: []Reference{
				{usage.ObjectConversation, "conv_1", "conversation"}, {usage.ObjectConversation, "conv_2", "conversation"}, {usage.ObjectFile, "file-1", "input_file_id"},
				{usage.ObjectFile, "file-2", "file_ids"}, {usage.ObjectFile, "file-3", "file_ids"}, {usage.ObjectVideo, "video_1", "video"},
			}}},
		{"objects below", `{"tools":[{"type":"file_search","vector_store_ids":["vs_1"]},{"type":"code_interpreter","container":"cntr_1"},{"type":"code_interpreter","container":{"type":"auto","file_ids":["file-1"]}}],
			"input":[{"content":[{"type":"input_file","file_id":"file-2","file_id":"file-3"}]}],"data_source":{"source":{"id":"file-4","type":"file_id"}},"x":{"source":{"type":"file_content","id":"y"}}}`,
			Head{ByReference: true, Tools: ToolFileSearch | ToolCodeInterpreter, N: 1, Messages: 1, References: []Reference{
				{usage.ObjectVectorStore, "vs_1", "vector_store_ids"}, {usage.ObjectContainer, "cntr_1", "container"}, {usage.ObjectFile, "file-1", "file_ids"},
				{usage.ObjectFile, "file-2", "file_id"}, {usage.ObjectFile, "file-3", "file_id"}, {usage.ObjectFile, "file-4", "source"},
			}}},
		{"the caller's own words", `{"metadata":{"file_id":"mine"},"tools":[{"type":"function","parameters":{"properties":{"file_id":{"type":"string"}}}}]}`, Head{N: 1, ByReference: true}},
		{"spoken answer", `{"messages":[{"role":"assistant","audio":{"id":"a"}}],"audio":{"voice":"alloy"}}`, Head{ByReference: true, Messages: 1, N: 1}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := ReadHead([]byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			checkSpans(t, c.body, got)
			if shown(got) != shown(c.want) {
				t.Errorf("got  %s\nwant %s", shown(got), shown(c.want))
			}
		})
	}
}

// shown prints what of a head the tests compare: all but the spans.
func shown(h Head) string {
	h.ModelSpan, h.StreamOptionsSpan = [2]int{}, [2]int{}
	text, err := json.Marshal(h)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// checkSpans asserts that the spans hold the values they say.
func checkSpans(t *testing.T, body string, h Head) {
	t.Helper()
	if h.HasModel {
		var model string
		if err := json.Unmarshal([]byte(body[h.ModelSpan[0]:h.ModelSpan[1]]), &model); err != nil || model != h.Model {
			t.Errorf("the model's span holds %q", body[h.ModelSpan[0]:h.ModelSpan[1]])
		}
	}
	if s := h.StreamOptionsSpan; s[1] > 0 && !json.Valid([]byte(body[s[0]:s[1]])) {
		t.Errorf("the span of stream_options holds %q", body[s[0]:s[1]])
	}
}

func TestReadHeadRefuses(t *testing.T) {
	cases := []struct{ name, body, code, param string }{
		{"empty", ``, "", ""},
		{"no JSON", `model=gpt-4o`, "", ""},
		{"array", `[{"model":"x"}]`, "", ""},
		{"cut", `{"model":"gpt-4o"`, "", ""},
		{"trailing comma", `{"model":"gpt-4o",}`, "", ""},
		{"two values", `{} {}`, "", ""},
		{"control character", "{\"a\":\"\n\"}", "", ""},
		{"invalid UTF-8", "{\"a\":\"\xff\"}", "", ""},
		{"UTF-16 surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}", "", ""},
		{"leading zero", `{"n":01}`, "", ""},
		{"bad escape", `{"a":"\x"}`, "", ""},
		{"model", `{"model":4}`, "invalid_type", "model"},
		{"stream", `{"stream":"true"}`, "invalid_type", "stream"},
		{"stream_options", `{"stream_options":true}`, "invalid_type", "stream_options"},
		{"include_usage", `{"stream_options":{"include_usage":1}}`, "invalid_type", "stream_options.include_usage"},
		{"text for tokens", `{"max_tokens":"9"}`, "invalid_type", "max_tokens"},
		{"decimal tokens", `{"max_output_tokens":1e3}`, "invalid_type", "max_output_tokens"},
		{"negative tokens", `{"max_completion_tokens":-1}`, "integer_below_min_value", "max_completion_tokens"},
		{"huge tokens", `{"max_tokens":99999999999999999999}`, "integer_above_max_value", "max_tokens"},
		{"no answers", `{"n":0}`, "integer_below_min_value", "n"},
		{"twice", `{"model":"a","model":"b"}`, "duplicate_parameter", "model"},
		{"twice, one escaped", `{"model":"a","\u006dodel":"b"}`, "duplicate_parameter", "model"},
		{"twice, unknown", `{"x":1,"y":2,"x":1}`, "duplicate_parameter", "x"},
		{"twice inside", `{"stream_options":{"include_usage":true,"include\u005fusage":false}}`, "duplicate_parameter", "stream_options.include_usage"},
		{"stream_options twice", `{"stream_options":{},"stream_options":{}}`, "duplicate_parameter", "stream_options"},
		{"not JSON is said first", `{"model":"a","model":"b"`, "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := ReadHead([]byte(c.body))
			var f *fault.Error
			if !errors.As(err, &f) || f.Kind != fault.Invalid || f.Code != c.code || f.Param != c.param {
				t.Fatalf("got %#v", err)
			}
			if c.code == "" && !strings.HasPrefix(f.Message, "We could not parse the JSON body of your request.") {
				t.Errorf("message %q", f.Message)
			}
		})
	}
}

func TestReadHeadSurvivesHostileBodies(t *testing.T) {
	if _, err := ReadHead([]byte(`{"a":` + strings.Repeat("[", 1<<20))); !fault.Is(err, fault.Invalid) {
		t.Errorf("a million brackets: %v", err)
	}
	var many strings.Builder
	many.WriteString("{")
	for i := range 200_000 {
		fmt.Fprintf(&many, `"k%d":1,`, i)
	}
	if _, err := ReadHead([]byte(many.String() + `"model":"x"}`)); err != nil {
		t.Errorf("many keys: %v", err)
	}
	if _, err := ReadHead([]byte(many.String() + `"k77":1}`)); !fault.Is(err, fault.Invalid) {
		t.Errorf("many keys, one twice: %v", err)
	}
}

// TestScannerAgreesWithEncodingJSON holds the scanner to the standard library
// on generated and on damaged texts.
func TestScannerAgreesWithEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(jsonText(3).Draw(t, "json"))
		if rapid.Bool().Draw(t, "damage") && len(text) > 0 {
			at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
			text[at] = rapid.SampledFrom([]byte("{}[]\",:\\0-.eE \x00\x80u")).Draw(t, "byte")
		}
		s := scanner{data: text}
		s.value()
		if got, want := s.whole(), json.Valid(text) && utf8.Valid(text); got != want {
			t.Fatalf("%q is valid: %t, want %t", text, got, want)
		}
	})
}

// jsonText draws JSON texts, with blanks, escapes and runes of all lengths.
func jsonText(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		kinds := 6
		if depth == 0 {
			kinds = 4
		}
		blank := rapid.SampledFrom([]string{"", "", " ", "\n\t"}).Draw(t, "blank")
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			return blank + rapid.SampledFrom([]string{"null", "true", "false"}).Draw(t, "literal")
		case 1:
			return blank + rapid.SampledFrom([]string{"0", "-1", "12.5", "1e9", "-0.1E-2", "9007199254740993"}).Draw(t, "number")
		case 2, 3:
			return blank + jsonString().Draw(t, "string")
		case 4:
			return blank + "[" + strings.Join(rapid.SliceOfN(jsonText(depth-1), 0, 3).Draw(t, "items"), ",") + blank + "]"
		default:
			var members []string
			for _, key := range rapid.SliceOfNDistinct(rapid.StringN(0, 6, -1), 0, 4, rapid.ID).Draw(t, "keys") {
				members = append(members, quote(key)+blank+":"+jsonText(depth-1).Draw(t, "value"))
			}
			return blank + "{" + strings.Join(members, ","+blank) + "}"
		}
	})
}

func jsonString() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		s := quote(rapid.StringN(0, 40, -1).Draw(t, "text"))
		escape := rapid.SampledFrom([]string{"", `\u0041`, `\ud83d\ude00`, `\/`, `\b`}).Draw(t, "escape")
		return `"` + escape + s[1:]
	})
}

func quote(s string) string {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err)
	}
	return strings.TrimSpace(out.String())
}

func FuzzReadHead(f *testing.F) {
	for _, seed := range []string{
		`{"model":"gpt-4o","stream":true,"stream_options":{"include_usage":false},"messages":[]}`,
		`{"mod\u0065l":"x","input":"\ud83d\ude00"}`, `{"stream_options":null}`, `{"a":[[[1.5e-3]]]}`, `{"n":1,"n":2}`, `{`, "\xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		h, err := ReadHead(body)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("%v is not the caller's fault", err)
			}
			return
		}
		var object map[string]json.RawMessage
		if err := json.Unmarshal(body, &object); err != nil || !utf8.Valid(body) {
			t.Fatalf("accepted %q: %v", body, err)
		}
		checkSpans(t, string(body), h)
		out := Rewrite(body, h, Edits{Model: "m", IncludeUsage: true})
		got, err := ReadHead(out)
		if err != nil || got.Model != "m" || !got.IncludeUsage {
			t.Fatalf("rewritten to %q: %+v, %v", out, got, err)
		}
	})
}

// prompt64k is a chat request of 64 KiB of prose with line breaks.
func prompt64k() []byte {
	line := `The gate keeper wrote down how much water passed, \"every hour\", and never rounded. `
	content := strings.Repeat(line+`\n`, 64<<10/len(line))
	return []byte(`{"model":"gpt-4o","stream":true,"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"` + content + `"}],"max_tokens":256}`)
}

func BenchmarkReadHead64K(b *testing.B) {
	body := prompt64k()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadHead(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadHeadSmall(b *testing.B) {
	body := []byte(`{"model":"gpt-4o","messages":[{"role":"user","content":"Where does the water go?"}],"max_tokens":64}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadHead(body); err != nil {
			b.Fatal(err)
		}
	}
}
