package gateway

import (
	"encoding/json"
	"fmt"
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

func upstreamsOn(connectionID string) []routing.Upstream {
	return []routing.Upstream{{ConnectionID: connectionID, Model: chatModel, Priority: 1, Weight: 1}}
}

func TestModelEndpoints(t *testing.T) {
	r := newRig(t)
	m := r.endpoint(t, "fast", org.ModelEndpointFields{})
	for name, tt := range map[string]struct{ path, body, sentPath, sent string }{
		"by name":          {"/v1/chat/completions", ` {"a" : 1, "model" : "f\u0061st" }`, "/v1/chat/completions", ` {"a" : 1, "model" : "gpt-4o-mini" }`},
		"address":          {"/default/models/fast/chat/completions", `{"model":"anything","b":2}`, "/v1/chat/completions", `{"model":"gpt-4o-mini","b":2}`},
		"address with v1":  {"/default/models/fast/v1/chat/completions", `{"model":"fast"}`, "/v1/chat/completions", `{"model":"gpt-4o-mini"}`},
		"no model":         {"/default/models/fast/chat/completions", `{"b":2}`, "/v1/chat/completions", `{"model":"gpt-4o-mini","b":2}`},
		"null model":       {"/default/models/fast/chat/completions", `{"b":2,"model":null}`, "/v1/chat/completions", `{"b":2,"model":"gpt-4o-mini"}`},
		"empty object":     {"/default/models/fast/chat/completions", `{}`, "/v1/chat/completions", `{"model":"gpt-4o-mini"}`},
		"upstream's name":  {"/default/models/fast/chat/completions", `{"model":"gpt-4o-mini"}`, "/v1/chat/completions", `{"model":"gpt-4o-mini"}`},
		"both edits":       {"/default/models/fast/chat/completions", `{"stream":true,"model":"x","stream_options":{"a":1}}`, "/v1/chat/completions", `{"stream":true,"model":"gpt-4o-mini","stream_options":{"include_usage":true,"a":1}}`},
		"unmetered":        {"/default/models/fast/v1/new_pictures", `{"model":"fast","prompt":"x"}`, "/v1/new_pictures", `{"model":"gpt-4o-mini","prompt":"x"}`},
		"unmetered, plain": {"/default/models/fast/vector_stores", `{"name":"x"}`, "/v1/vector_stores", `{"name":"x"}`},
	} {
		t.Run(name, func(t *testing.T) {
			r.provider.Enqueue(upstreamtest.JSON(200, chatBody))
			got := r.do(t, call{path: tt.path, body: tt.body})
			equal(t, "body", got.body, chatBody)
			up := r.provider.Next(t)
			equal(t, "path", up.Path, tt.sentPath)
			equal(t, "sent", string(up.Body), tt.sent)
			ev := r.ledger.next(t)
			equal(t, "endpoint", ev.ModelEndpointID, m.ID)
			equal(t, "workspace", ev.WorkspaceID, m.WorkspaceID)
			equal(t, "attempt", ev.Attempts[0].Model, chatModel)
			if strings.HasPrefix(name, "unmetered") {
				equal(t, "kind", ev.Kind, usage.Unmetered)
				if ev.Cost != nil || !ev.Unpriced || got.Header.Get("X-Weir-Cost") != "" {
					t.Errorf("what was not metered costs %v, unpriced %v", ev.Cost, ev.Unpriced)
				}
			} else {
				equal(t, "cost", ev.Cost.String(), chatCost)
			}
		})
	}
}

func TestDefaultWorkspaceComesFirst(t *testing.T) {
	r := newRig(t)
	w, err := r.org.CreateWorkspace(t.Context(), r.actor, org.NewWorkspace{Name: "aaa"})
	must(t, err)
	c := r.connect(t, "aaa", org.ConnectionFields{WorkspaceIDs: optional.Of([]string{w.ID}), Models: optional.Of([]string{"x"})})
	other := r.endpoint(t, "same", org.ModelEndpointFields{WorkspaceID: optional.Of(w.ID), Upstreams: optional.Of(upstreamsOn(c.ID))})
	r.provider.Always(upstreamtest.JSON(200, chatBody))
	r.do(t, call{body: `{"model":"same"}`})
	equal(t, "the only one", r.ledger.next(t).ModelEndpointID, other.ID)
	first := r.endpoint(t, "same", org.ModelEndpointFields{})
	r.do(t, call{body: `{"model":"same"}`})
	equal(t, "by name", r.ledger.next(t).ModelEndpointID, first.ID)
	r.do(t, call{path: "/aaa/models/same/chat/completions", body: `{"model":"same"}`})
	equal(t, "by address", r.ledger.next(t).ModelEndpointID, other.ID)
}

func TestWeightsAreRespected(t *testing.T) {
	r := newRig(t)
	r.provider.Always(upstreamtest.JSON(200, chatBody))
	other := r.connect(t, "other", org.ConnectionFields{Models: optional.Of([]string{"x"})})
	r.endpoint(t, "shared", org.ModelEndpointFields{Upstreams: optional.Of([]routing.Upstream{
		{ConnectionID: r.conn.ID, Model: chatModel, Priority: 1, Weight: 3}, {ConnectionID: other.ID, Model: chatModel, Priority: 1, Weight: 1},
		{ConnectionID: other.ID, Model: "spare", Priority: 2, Weight: 1000},
	})})
	const rounds = 400
	n := 0
	for range rounds {
		r.do(t, call{body: `{"model":"shared"}`})
		ev := r.ledger.next(t)
		equal(t, "model", ev.Attempts[0].Model, chatModel)
		if ev.ConnectionID == r.conn.ID {
			n++
		}
	}
	// 300 expected, with a standard deviation of under 9: six of them.
	if n < 246 || n > 354 {
		t.Errorf("%d of %d went to the upstream with three quarters of the weight", n, rounds)
	}
}

func TestModelsAreWhatTheProjectMayUse(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	other, _, _, otherKey := r.newProject(t, "other")
	w, err := r.org.CreateWorkspace(ctx, r.actor, org.NewWorkspace{Name: "private", ProjectIDs: []string{other.ID}})
	must(t, err)
	c := r.connect(t, "private", org.ConnectionFields{WorkspaceIDs: optional.Of([]string{w.ID}), Models: optional.Of([]string{"secret/model", chatModel})})
	r.endpoint(t, "everybodys", org.ModelEndpointFields{})
	r.endpoint(t, "theirs", org.ModelEndpointFields{WorkspaceID: optional.Of(w.ID), Upstreams: optional.Of(upstreamsOn(c.ID))})
	common := []string{"everybodys", chatModel, "omni-moderation-latest", "text-embedding-3-small", "unpriced-model"}
	list := func(key string) (names []string) {
		t.Helper()
		got := r.do(t, call{method: "GET", path: "/v1/models", key: key})
		equal(t, "status", got.StatusCode, 200)
		var body struct {
			Object string
			Data   []struct {
				ID, Object string
				Created    int64
				OwnedBy    string `json:"owned_by"`
			}
		}
		must(t, json.Unmarshal([]byte(got.body), &body))
		for _, m := range body.Data {
			if m.Object != "model" || m.Created == 0 || m.OwnedBy == "" {
				t.Errorf("%+v", m)
			}
			names = append(names, m.ID)
		}
		return names
	}
	if got := list(""); !slices.Equal(got, common) {
		t.Errorf("%v", got)
	}
	theirs := append(slices.Clone(common), "secret/model", "theirs")
	slices.Sort(theirs)
	if got := list(otherKey); !slices.Equal(got, theirs) {
		t.Errorf("%v", got)
	}
	for path, status := range map[string]int{
		"/v1/models/everybodys": 200, "/v1/models/theirs": 404, "/v1/models/secret%2Fmodel": 404, "/v1/models/gpt-4o-mini": 200,
	} {
		equal(t, path, r.do(t, call{method: "GET", path: path}).StatusCode, status)
	}
	got := r.do(t, call{method: "GET", path: "/v1/models/secret%2Fmodel", key: otherKey})
	equal(t, "status", got.StatusCode, 200)
	for scope, status := range map[string]int{"api.model.read": 200, "api.model.request": 200, "api.usage.read": 403} {
		_, secret, err := r.org.CreateAPIKey(ctx, r.actor, r.project.ID, org.NewAPIKey{ServiceAccountID: r.account.ID, Scopes: []string{scope}})
		must(t, err)
		equal(t, scope, r.do(t, call{method: "GET", path: "/v1/models", key: secret}).StatusCode, status)
	}
	equal(t, "requests to the provider", len(r.provider.Requests()), 0)
}

// TestImmediateAnswers is golang/go#40747: a provider that answers before, or
// right as, it has the request must not cut the stream.
func TestImmediateAnswers(t *testing.T) {
	streams := 1000
	if testing.Short() {
		streams = 200
	}
	r := newRig(t)
	want := event(chunk1) + event(chunk2) + event("[DONE]")
	var chunks []upstreamtest.Chunk
	for _, e := range []string{chunk1, chunk2, "[DONE]"} {
		chunks = append(chunks, upstreamtest.Event(e))
	}
	padded := chat(`,"stream":true,"stream_options":{"include_usage":true},"user":"` + strings.Repeat("x", 20_000) + `"`)
	for _, immediate := range []bool{false, true} {
		a := upstreamtest.SSE(chunks...)
		a.Immediate = immediate
		r.provider.Always(a)
		results := make(chan string, streams)
		slots := make(chan struct{}, 32)
		for range streams {
			slots <- struct{}{}
			go func() {
				defer func() { <-slots }()
				got := r.do(t, call{body: padded})
				if got.readErr != nil || got.body != want {
					results <- fmt.Sprintf("%v %q", got.readErr, got.body)
					return
				}
				results <- ""
			}()
		}
		broken := 0
		for range streams {
			if result := <-results; result != "" {
				if broken++; broken <= 3 {
					t.Errorf("immediate %v: %s", immediate, result)
				}
			}
			equal(t, "outcome", r.ledger.next(t).Outcome, usage.OutcomeCompleted)
		}
		if broken > 0 {
			t.Errorf("immediate %v: %d of %d streams were cut", immediate, broken, streams)
		}
	}
	r.ledger.balanced(t)
}

func TestUnmeteredCallsAreShown(t *testing.T) {
	r := newRig(t)
	r.provider.Always(upstreamtest.JSON(200, `{"id":"x","usage":{"prompt_tokens":5}}`))
	for _, tt := range []struct {
		method, path, body string
		kind               usage.Kind
	}{
		{"POST", "/v1/new_things", `{"input_file_id":"f"}`, usage.Unmetered}, {"POST", "/v1/threads/t/runs?x=%2F", "", usage.Unmetered},
		{"GET", "/v1/batches/b-1", "", usage.None}, {"GET", "/v1/responses/r1", "", usage.None}, {"GET", "/v1/chat/completions/c", "", usage.None}, {"DELETE", "/v1/new_things/f%2Fg", "", usage.None},
	} {
		got := r.do(t, call{method: tt.method, path: tt.path, body: tt.body})
		equal(t, "status", got.StatusCode, 200)
		up := r.provider.Next(t)
		equal(t, "path", strings.TrimSuffix(up.Path+"?"+up.RawQuery, "?"), tt.path)
		equal(t, "method", up.Method, tt.method)
		equal(t, "body", string(up.Body), tt.body)
		ev := r.ledger.next(t)
		equal(t, tt.path, ev.Kind, tt.kind)
		equal(t, "quantities", ev.Quantities, usage.Quantities{})
		if got.Header.Get("X-Weir-Cost") != "" {
			t.Error("a cost")
		}
	}
	envelopeOf(t, r.do(t, call{path: "/v1/images/generations", body: `{"model":"dall-e-3"}`, header: http.Header{}}), 404, "model_not_found", "")
}
