package gateway

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"weir/internal/openaiwire"
	"weir/internal/upstream/upstreamtest"
	"weir/internal/usage"
)

func TestUnaryGoesThroughByteForByte(t *testing.T) {
	r := newRig(t)
	a := upstreamtest.JSON(200, chatBody)
	a.Header = http.Header{
		"Content-Type": {"application/json; charset=UTF-8"}, "X-Request-Id": {"req_upstream"}, "Openai-Organization": {"theirs"},
		"Openai-Processing-Ms": {"77777"}, "Openai-Version": {"2020-10-01"}, "Set-Cookie": {"a=b"}, "X-Ratelimit-Remaining-Images": {"3"},
		"X-Ratelimit-Limit-Requests": {"9"}, "X-Custom": {"one", "two"}, "Www-Authenticate": {"Bearer"}, "X-Weir-Cost": {"99"},
		"Connection": {"x-hop"}, "X-Hop": {"1"}, "Date": {"Mon, 01 Jan 2024 00:00:00 GMT"},
	}
	r.provider.Enqueue(a)
	sent := " {\r\n\t\"mod\\u0065l\" : \"gpt-4o-mini\" ,\"messages\":[ {\"role\":\"user\",\"content\":\"\\u00e9\\ud83d\\ude00 \u00e9\"}],\"x_unknown\":{\"a\":[1.0e0, -0]},\"temperature\":1.00}\n "
	got := r.do(t, call{
		path: "/v1/chat/completions?a=b&c=%2F", body: sent,
		header: http.Header{
			"X-Custom": {"1", "2"}, "Openai-Organization": {"org-callers"}, "Openai-Project": {"proj_callers"}, "Cookie": {"c=d"},
			"Connection": {"x-mine"}, "X-Mine": {"1"}, "Te": {"trailers"}, "Accept-Encoding": {"br, gzip;q=0.5"}, "Idempotency-Key": {"k1"}, "User-Agent": nil,
		},
	})
	equal(t, "status", got.StatusCode, 200)
	equal(t, "body", got.body, chatBody)
	equal(t, "length", got.ContentLength, int64(len(chatBody)))
	for name, want := range map[string]string{
		"Content-Type": "application/json; charset=UTF-8", "X-Weir-Upstream-Request-Id": "req_upstream", "Openai-Organization": r.actor.OrganizationID,
		"X-Weir-Cost": chatCost, "X-Custom": "one|two", "Set-Cookie": "", "X-Ratelimit-Remaining-Images": "", "X-Ratelimit-Limit-Requests": "",
		"Www-Authenticate": "", "X-Hop": "", "Connection": "", "Date": "Mon, 01 Jan 2024 00:00:00 GMT", "Openai-Version": "2020-10-01",
	} {
		equal(t, name, strings.Join(got.Header[name], "|"), want)
	}
	if ms := got.Header.Get("Openai-Processing-Ms"); ms == "" || ms == "77777" {
		t.Errorf("openai-processing-ms %q", ms)
	}

	up := r.provider.Next(t)
	equal(t, "what was sent", string(up.Body), sent)
	equal(t, "query", up.RawQuery, "a=b&c=%2F")
	equal(t, "credential", up.Credential(), providerKey)
	for name, want := range map[string]string{
		"X-Custom": "1|2", "Openai-Organization": "", "Openai-Project": "", "Cookie": "", "X-Mine": "", "Te": "", "Connection": "",
		"Accept-Encoding": "gzip", "Idempotency-Key": "k1", "User-Agent": "", "X-Team": "blue", "X-Gate": "Bearer " + headerSecret, "Content-Type": "application/json",
	} {
		equal(t, "sent "+name, strings.Join(up.Header[name], "|"), want)
	}

	ev := r.ledger.next(t)
	equal(t, "id", ev.ID, got.Header.Get("X-Request-Id"))
	equal(t, "quantities", ev.Quantities, chatQuantities)
	equal(t, "source", ev.Source, usage.SourceProvider)
	equal(t, "cost", ev.Cost.String(), chatCost)
	equal(t, "asked", ev.ModelAsked, chatModel)
	equal(t, "model", ev.Model, "gpt-4o-mini-2024-07-18")
	equal(t, "outcome", ev.Outcome, usage.OutcomeCompleted)
	equal(t, "status", ev.Status, 200)
	equal(t, "tier", ev.ServiceTier, "default")
	equal(t, "who", ev.ProjectID+ev.APIKeyID+ev.ServiceAccount+ev.UserID, r.project.ID+r.keyID+r.account.ID)
	equal(t, "connection", ev.ConnectionID, r.conn.ID)
	equal(t, "bytes", [2]int64{ev.RequestBytes, ev.ResponseBytes}, [2]int64{int64(len(sent)), int64(len(chatBody))})
	equal(t, "path", ev.Path, "/v1/chat/completions")
	if ev.WorkspaceID == "" || len(ev.Attempts) != 1 || ev.Attempts[0].Status != 200 || ev.Attempts[0].UpstreamRequestID != "req_upstream" {
		t.Errorf("%+v", ev)
	}
	if ev.Received.After(ev.FirstByte) || ev.FirstByte.After(ev.Done) || time.Since(ev.Received) > time.Minute {
		t.Errorf("times: %s %s %s", ev.Received, ev.FirstByte, ev.Done)
	}
	open := r.ledger.opened[0]
	equal(t, "open id", open.ID, ev.ID)
	equal(t, "open estimate", open.Quantities.InputText, openaiwire.EstimateInput(int64(len(sent))))
	r.ledger.none(t)
}

func TestUnaryKinds(t *testing.T) {
	for name, tt := range map[string]struct {
		path, body, answer string
		kind               usage.Kind
		source             usage.Source
		input, output      int64
		cost               string
	}{
		"completions":        {"/v1/completions", `{"model":"gpt-4o-mini","prompt":"x"}`, `{"model":"gpt-4o-mini","usage":{"prompt_tokens":1000000,"completion_tokens":0}}`, usage.Completions, usage.SourceProvider, 1_000_000, 0, "0.15"},
		"responses":          {"/v1/responses", `{"model":"gpt-4o-mini","input":"x"}`, `{"model":"gpt-4o-mini","usage":{"input_tokens":0,"output_tokens":1000000}}`, usage.Completions, usage.SourceProvider, 0, 1_000_000, "0.6"},
		"embeddings":         {"/v1/embeddings", `{"model":"text-embedding-3-small","input":"x"}`, `{"model":"text-embedding-3-small","usage":{"prompt_tokens":1000000,"total_tokens":1000000}}`, usage.Embeddings, usage.SourceProvider, 1_000_000, 0, "0.02"},
		"moderations":        {"/v1/moderations", `{"input":"12345678"}`, `{"id":"modr-1","model":"omni-moderation-latest","results":[]}`, usage.Moderations, usage.SourceEstimated, 5, 0, "0"},
		"web search":         {"/v1/responses", `{"model":"gpt-4o-mini","input":"x"}`, `{"model":"gpt-4o-mini","output":[{"type":"web_search_call"},{"type":"file_search_call"},{"type":"web_search_call"}],"usage":{"input_tokens":0,"output_tokens":1000000}}`, usage.Completions, usage.SourceProvider, 0, 1_000_000, "0.6225"}, // + 2 × 0.01 + 0.0025
		"a tool's container": {"/v1/responses", `{"model":"gpt-4o-mini","input":"x"}`, `{"model":"gpt-4o-mini","output":[{"type":"code_interpreter_call","container_id":"c"}],"usage":{"input_tokens":0,"output_tokens":1000000}}`, usage.Completions, usage.SourceProvider, 0, 1_000_000, "0.63"},                                 // + the default container, 0.03
		"no usage":           {"/v1/chat/completions", chat(""), `{"choices":[]}`, usage.Completions, usage.SourceEstimated, openaiwire.EstimateInput(int64(len(chat("")))), 4, ""},
		"unpriced":           {"/v1/chat/completions", `{"model":"unpriced-model"}`, `{"model":"unpriced-model","usage":{"prompt_tokens":7,"completion_tokens":3}}`, usage.Completions, usage.SourceProvider, 7, 3, "-"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.provider.Enqueue(upstreamtest.JSON(200, tt.answer))
			got := r.do(t, call{path: tt.path, body: tt.body})
			equal(t, "body", got.body, tt.answer)
			ev := r.ledger.next(t)
			equal(t, "kind", ev.Kind, tt.kind)
			equal(t, "source", ev.Source, tt.source)
			equal(t, "tokens", [2]int64{ev.Quantities.Input(), ev.Quantities.Output()}, [2]int64{tt.input, tt.output})
			switch {
			case tt.cost == "-":
				if ev.Cost != nil || !ev.Unpriced || got.Header.Get("X-Weir-Cost") != "" {
					t.Errorf("an unknown price is shown as one: %v %v", ev.Cost, got.Header)
				}
			case tt.cost != "":
				if ev.Cost == nil || ev.Cost.String() != tt.cost {
					t.Errorf("cost %v, want %s", ev.Cost, tt.cost)
				}
				equal(t, "header", got.Header.Get("X-Weir-Cost"), tt.cost)
			}
		})
	}
}

func TestEncodings(t *testing.T) {
	r := newRig(t)
	for name, tt := range map[string]struct{ accept, sent string }{
		"gzip": {"gzip", "gzip"}, "br": {"br", "identity"}, "none": {"", "identity"}, "star": {"*", "gzip"},
		"refused": {"gzip;q=0, *", "identity"}, "refused after star": {"*;q=0.5, gzip;q=0.0", "identity"}, "weighted": {"br;q=1, GZIP ; q=0.1", "gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			a := upstreamtest.JSON(200, chatBody)
			a.Gzip = tt.sent == "gzip"
			r.provider.Enqueue(a)
			got := r.do(t, call{body: chat(""), header: http.Header{"Accept-Encoding": {tt.accept}}})
			equal(t, "sent", r.provider.Next(t).Header.Get("Accept-Encoding"), tt.sent)
			if a.Gzip {
				equal(t, "encoding", got.Header.Get("Content-Encoding"), "gzip")
				got.body = string(upstreamtest.Gunzip(t, []byte(got.body)))
			}
			equal(t, "body", got.body, chatBody)
			ev := r.ledger.next(t)
			equal(t, "quantities", ev.Quantities, chatQuantities)
			equal(t, "source", ev.Source, usage.SourceProvider)
		})
	}
}

// embeddings is a body of at least size bytes.
func embeddings(size int) string {
	var b bytes.Buffer
	b.WriteString(`{"object":"list","data":[`)
	for i := 0; b.Len() < size; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"object":"embedding","embedding":[`)
		b.WriteString(strings.Repeat("-0.0123456789,", 1535) + "1e-05],\"index\":0}")
	}
	b.WriteString(`],"model":"text-embedding-3-small","usage":{"prompt_tokens":4321,"total_tokens":4321}}`)
	return b.String()
}

func TestLargeBodiesAreMetered(t *testing.T) {
	body := embeddings(3 << 20)
	for name, packed := range map[string]bool{"plain": false, "gzip": true} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			a := upstreamtest.JSON(200, body)
			a.Gzip = packed
			r.provider.Enqueue(a)
			got := r.do(t, call{path: "/v1/embeddings", body: `{"model":"text-embedding-3-small","input":"x"}`, header: http.Header{"Accept-Encoding": {"gzip"}}})
			must(t, got.readErr)
			if packed {
				got.body = string(upstreamtest.Gunzip(t, []byte(got.body)))
			} else {
				equal(t, "length", got.ContentLength, int64(len(body)))
			}
			if got.body != body {
				t.Fatal("the body was changed")
			}
			ev := r.ledger.next(t)
			equal(t, "tokens", ev.Quantities, usage.Quantities{InputText: 4321})
			equal(t, "source", ev.Source, usage.SourceProvider)
		})
	}
}

func TestBodilessAnswers(t *testing.T) {
	r := newRig(t)
	for name, tt := range map[string]struct {
		method string
		answer upstreamtest.Answer
		status int
		length int64
	}{
		"204":         {"DELETE", upstreamtest.Answer{Status: 204}, 204, 0},
		"304":         {"GET", upstreamtest.Answer{Status: 304, Header: http.Header{"Etag": {`"x"`}}}, 304, 0},
		"head":        {"HEAD", upstreamtest.Answer{Status: 200, Header: http.Header{"Content-Length": {"12345"}}}, 200, 12345},
		"no type":     {"GET", upstreamtest.Answer{Status: 200, Header: http.Header{"Content-Type": nil}, Body: []byte("<html>?")}, 200, 7},
		"zero length": {"GET", upstreamtest.Answer{Status: 200, Header: http.Header{"Content-Length": {"0"}}}, 200, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r.provider.Enqueue(tt.answer)
			got := r.do(t, call{method: tt.method, path: "/v1/files/file-1"})
			must(t, got.readErr)
			equal(t, "status", got.StatusCode, tt.status)
			equal(t, "length", got.ContentLength, tt.length)
			if values, ok := got.Header["Content-Type"]; ok {
				t.Errorf("a content type was made up: %v", values)
			}
			ev := r.ledger.next(t)
			equal(t, "kind", ev.Kind, usage.None)
			equal(t, "outcome", ev.Outcome, usage.OutcomeCompleted)
		})
	}
}
