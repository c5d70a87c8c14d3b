package openaiwire

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestRewrite(t *testing.T) {
	no := false
	cases := []struct {
		name, body string
		edits      Edits
		want       string
	}{
		{"nothing to do", `{ "model":"a" }`, Edits{}, `{ "model":"a" }`},
		{"model", `{ "temperature":1.0, "model" : "a" , "x":1e2}`, Edits{Model: `b"`}, `{ "temperature":1.0, "model" : "b\"" , "x":1e2}`},
		{"model null", `{"model":null}`, Edits{Model: "b"}, `{"model":"b"}`},
		{"no model", ` {"x":1}`, Edits{Model: "b"}, ` {"model":"b","x":1}`},
		{"empty", `{ }`, Edits{Model: "b", IncludeUsage: true, Store: &no}, `{"model":"b","stream_options":{"include_usage":true},"store":false }`},
		{"usage absent", `{"stream":true}`, Edits{IncludeUsage: true}, `{"stream_options":{"include_usage":true},"stream":true}`},
		{"usage null", `{"stream_options": null}`, Edits{IncludeUsage: true}, `{"stream_options": {"include_usage":true}}`},
		{"usage empty", `{"stream_options":{ }}`, Edits{IncludeUsage: true}, `{"stream_options":{"include_usage":true }}`},
		{"usage false", `{"stream_options":{"include_usage": false, "x":1}}`, Edits{IncludeUsage: true}, `{"stream_options":{"include_usage": true, "x":1}}`},
		{"usage false, escaped", `{"stream\u005foptions":{"include\u005fusage":false}}`, Edits{IncludeUsage: true}, `{"stream\u005foptions":{"include\u005fusage":true}}`},
		{"other options", `{"stream_options":{ "include_obfuscation":false}}`, Edits{IncludeUsage: true}, `{"stream_options":{"include_usage":true, "include_obfuscation":false}}`},
		{"usage true", `{"stream_options":{"include_usage":true}}`, Edits{IncludeUsage: true}, `{"stream_options":{"include_usage":true}}`},
		{"tier", `{"service_tier": "auto" ,"model":"a"}`, Edits{ServiceTier: "priority"}, `{"service_tier": "priority" ,"model":"a"}`},
		{"tier and store absent", `{"model":"a"}`, Edits{ServiceTier: "priority", Store: &no}, `{"store":false,"service_tier":"priority","model":"a"}`},
		{"store", `{"store":true,"model":"a"}`, Edits{Model: "b", Store: &no}, `{"store":false,"model":"b"}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h, err := ReadHead([]byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			if got := string(Rewrite([]byte(c.body), h, c.edits)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestRewriteChangesNothingElse decodes what was and what came of it.
func TestRewriteChangesNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var members []string
		add := func(key string, value string) {
			at := rapid.IntRange(0, len(members)).Draw(t, "at")
			member := rapid.SampledFrom([]string{"", " ", "\n"}).Draw(t, "blank") + key + ":" + value
			members = append(members[:at], append([]string{member}, members[at:]...)...)
		}
		for _, key := range rapid.SliceOfNDistinct(rapid.StringN(0, 5, -1), 0, 4, rapid.ID).Draw(t, "keys") {
			add(quote("x"+key), jsonText(2).Draw(t, "value"))
		}
		if rapid.Bool().Draw(t, "has model") {
			add(rapid.SampledFrom([]string{`"model"`, `"m\u006fdel"`}).Draw(t, "model"), jsonString().Draw(t, "name"))
		}
		if rapid.Bool().Draw(t, "has options") {
			add(rapid.SampledFrom([]string{`"stream_options"`, `"stream\u005foptions"`}).Draw(t, "options"),
				rapid.SampledFrom([]string{"null", "{}", "{ }", `{"include_usage":false}`, `{"a":[1], "include\u005fusage" : null}`, `{"a":1}`, `{"include_usage":true}`}).Draw(t, "option"))
		}
		if rapid.Bool().Draw(t, "has store") {
			add(`"store"`, rapid.SampledFrom([]string{"null", "true", "false"}).Draw(t, "store"))
		}
		body := []byte("{" + strings.Join(members, ",") + "}")
		before := string(body)
		h, err := ReadHead(body)
		if err != nil {
			t.Fatal(err)
		}
		edits := Edits{Model: rapid.StringN(0, 8, -1).Draw(t, "to"), IncludeUsage: rapid.Bool().Draw(t, "usage")}
		if rapid.Bool().Draw(t, "set store") {
			edits.Store = new(bool)
		}

		out := Rewrite(body, h, edits)
		if string(body) != before {
			t.Fatal("the body itself was changed")
		}
		got, want := object(t, out), object(t, body)
		if edits.Model != "" {
			want["model"] = edits.Model
		}
		if edits.IncludeUsage {
			options, _ := want["stream_options"].(map[string]any)
			if options == nil {
				options = map[string]any{}
			}
			options["include_usage"] = true
			want["stream_options"] = options
		}
		if edits.Store != nil {
			want["store"] = false
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\nbecame\n%s", body, out)
		}
		if _, err := ReadHead(out); err != nil {
			t.Fatalf("%s\nbecame\n%s\n%v", body, out, err)
		}
	})
}

func object(t *rapid.T, text []byte) (m map[string]any) {
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return m
}
