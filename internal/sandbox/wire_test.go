package sandbox

import (
	"strings"
	"testing"

	"weir/internal/openaiwire"
	"weir/internal/usage"
)

// TestWeirReadsWhatTheLedgerHolds: what openaiwire reads of every answer is
// what the sandbox has in its books for it.
func TestWeirReadsWhatTheLedgerHolds(t *testing.T) {
	input := `"input":"` + strings.Repeat("water ", 1500) + `"`
	messages := `"messages":[{"role":"user","content":"` + strings.Repeat("water ", 1500) + `"}]`
	cases := []struct {
		path, body string
		kind       usage.Kind
		shape      openaiwire.Shape
	}{
		{"/v1/chat/completions", `{"model":"gpt-4o",` + messages + `,"n":3}`, usage.Completions, openaiwire.ShapeChat},
		{"/v1/chat/completions", `{"model":"o3","service_tier":"flex",` + messages + `,"stream":true,"stream_options":{"include_usage":true}}`, usage.Completions, openaiwire.ShapeChat},
		{"/v1/completions", `{"model":"davinci-002","prompt":"x","best_of":2,"stream":true,"stream_options":{"include_usage":true}}`, usage.Completions, openaiwire.ShapeChat},
		{"/v1/responses", `{"model":"gpt-5-mini",` + input + `}`, usage.Completions, openaiwire.ShapeResponses},
		{"/v1/responses", `{"model":"gpt-5-mini",` + input + `,"stream":true}`, usage.Completions, openaiwire.ShapeResponses},
		{"/v1/responses", `{"model":"gpt-4.1",` + input + `,"stream":true,"max_output_tokens":16}`, usage.Completions, openaiwire.ShapeResponses},
		{"/v1/embeddings", `{"model":"text-embedding-3-small",` + input + `}`, usage.Embeddings, openaiwire.ShapeChat},
		{"/v1/images/generations", `{"model":"gpt-image-1","prompt":"x","n":2}`, usage.Images, openaiwire.ShapeMedia},
		{"/v1/images/generations", `{"model":"gpt-image-1","prompt":"x","stream":true}`, usage.Images, openaiwire.ShapeMedia},
	}
	p, server, _ := serve(t, Options{})
	for _, c := range cases {
		resp := post(t.Context(), t, server.URL+c.path, c.body)
		body := read(t, resp)
		var got openaiwire.Reading
		if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
			tap := openaiwire.NewStreamTap(c.kind, c.shape)
			var last openaiwire.Event
			if err := tap.Feed([]byte(body), func(e openaiwire.Event) error { last = e; return nil }); err != nil {
				t.Fatal(err)
			}
			if !last.Terminal || len(tap.Rest()) > 0 {
				t.Errorf("%s: the last event is not the terminal one: %s", c.body, last.Raw)
			}
			got = tap.Reading()
		} else {
			got = openaiwire.ReadUnary(c.kind, []byte(body))
		}
		exchanges := p.Ledger().Exchanges
		want := exchanges[len(exchanges)-1]
		if !got.Found || got.Q.Input() != want.InputTokens || got.Q.Cached() != want.CachedTokens || got.Q.Output() != want.OutputTokens {
			t.Errorf("%s %.60s: weir reads %+v, the ledger has %+v", c.path, c.body, got, want)
		}
		if got.Model != want.Model && c.kind != usage.Images { // whose answers name no model
			t.Errorf("%s: weir reads the model %q, the ledger has %q", c.path, got.Model, want.Model)
		}
	}
}
