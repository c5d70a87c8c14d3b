package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"weir/internal/optional"
	"weir/internal/org"
	"weir/internal/upstream/upstreamtest"
	"weir/internal/usage"
)

func TestProvidersErrorsPassThrough(t *testing.T) {
	r := newRig(t)
	for _, status := range []int{400, 401, 404, 429, 500, 529} {
		a := upstreamtest.Error(status, "some_type", "some_code", "no")
		a.Header.Set("Retry-After", "7")
		a.Header.Set("X-Should-Retry", "false")
		a.Header.Set("X-Request-Id", "req_up")
		r.provider.Enqueue(a)
		got := r.do(t, call{body: chat("")})
		equal(t, "status", got.StatusCode, status)
		equal(t, "body", got.body, string(a.Body))
		equal(t, "retry-after", got.Header.Get("Retry-After"), "7")
		equal(t, "should retry", got.Header.Get("X-Should-Retry"), "false")
		equal(t, "upstream id", got.Header.Get("X-Weir-Upstream-Request-Id"), "req_up")
		ev := r.ledger.next(t)
		equal(t, "outcome", ev.Outcome, usage.OutcomeFailed)
		equal(t, "code", ev.ErrorCode, "some_code")
		equal(t, "status", ev.Status, status)
		equal(t, "source", ev.Source, "")
		equal(t, "attempts", len(ev.Attempts), 1)
	}
}

func TestOurCredentialsAreScrubbed(t *testing.T) {
	stars := strings.Repeat("*", len(providerKey))
	r := newRig(t)
	leak := upstreamtest.Error(401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided: "+providerKey+" with "+headerSecret+".")
	want := strings.ReplaceAll(strings.ReplaceAll(string(leak.Body), providerKey, stars), headerSecret, strings.Repeat("*", len(headerSecret)))
	packed := leak
	packed.Gzip = true
	stream := leak
	stream.Header = http.Header{"Content-Type": {"text/event-stream"}}
	for name, a := range map[string]upstreamtest.Answer{"plain": leak, "gzip": packed, "event stream": stream} {
		t.Run(name, func(t *testing.T) {
			r.provider.Enqueue(a)
			got := r.do(t, call{body: plainStream, header: http.Header{"Accept-Encoding": {"gzip"}}})
			must(t, got.readErr)
			equal(t, "status", got.StatusCode, 401)
			equal(t, "body", got.body, want)
			equal(t, "encoding", got.Header.Get("Content-Encoding"), "")
			r.ledger.next(t)
		})
	}
	huge, odd, damaged := leak, leak, leak
	huge.Body = []byte(string(leak.Body) + strings.Repeat(" ", 2<<20))
	odd.Header = http.Header{"Content-Encoding": {"br"}}
	damaged.Header = http.Header{"Content-Encoding": {"gzip"}}
	for name, a := range map[string]upstreamtest.Answer{"huge": huge, "br": odd, "not gzip": damaged} {
		t.Run(name, func(t *testing.T) {
			r.provider.Enqueue(a)
			got := r.do(t, call{body: chat("")})
			envelopeOf(t, got, 502, "upstream_error", "")
			if !strings.Contains(got.body, "401") {
				t.Error(got.body)
			}
			r.ledger.next(t)
		})
	}
	clean := upstreamtest.Error(404, "invalid_request_error", "x", "team blue is unknown")
	clean.Gzip = true
	r.provider.Enqueue(clean)
	got := r.do(t, call{body: chat(""), header: http.Header{"Accept-Encoding": {"gzip"}}})
	equal(t, "a harmless error stays packed", string(upstreamtest.Gunzip(t, []byte(got.body))), string(clean.Body))
	if strings.Contains(r.log.String(), providerKey) || strings.Contains(r.log.String(), headerSecret) {
		t.Error("the log holds a secret")
	}
}

func TestNothingIsServedUnrecorded(t *testing.T) {
	r := newRig(t)
	r.ledger.failOpen = true
	envelopeOf(t, r.do(t, call{body: chat("")}), 503, "usage_log_unavailable", "")
	equal(t, "requests", len(r.provider.Requests()), 0)
	r.ledger.none(t)
	// What is refused was not served: the refusal is answered all the same.
	r.ledger.failSettle = true
	envelopeOf(t, r.do(t, call{body: `{`}), 400, "", "")
}

func TestRefusals(t *testing.T) {
	r := newRig(t, func(g *Gateway) { g.Limits.MaxBody = 100_000 })
	ctx := t.Context()
	newKey := func(in org.NewAPIKey) (org.APIKey, string) {
		in.ServiceAccountID = r.account.ID
		key, secret, err := r.org.CreateAPIKey(ctx, r.actor, r.project.ID, in)
		must(t, err)
		return key, secret
	}
	rotated, old := newKey(org.NewAPIKey{})
	_, _, err := r.org.RotateAPIKey(ctx, r.actor, r.project.ID, rotated.ID, org.Rotation{})
	must(t, err)
	deleted, dead := newKey(org.NewAPIKey{})
	must(t, r.org.DeleteAPIKey(ctx, r.actor, r.project.ID, deleted.ID))
	now := time.Now()
	r.org.Now = func() time.Time { return now.Add(-time.Hour) }
	_, expired := newKey(org.NewAPIKey{ExpiresInSeconds: optional.Of(int64(60))})
	r.org.Now = time.Now
	_, reader := newKey(org.NewAPIKey{Scopes: []string{"api.model.read"}})
	_, narrow := newKey(org.NewAPIKey{Scopes: []string{"api.model.request"}})
	archived, _, _, archivedKey := r.newProject(t, "old")
	_, err = r.org.ArchiveProject(ctx, r.actor, archived.ID)
	must(t, err)
	other, _, _, _ := r.newProject(t, "other")
	private, err := r.org.CreateWorkspace(ctx, r.actor, org.NewWorkspace{Name: "private", ProjectIDs: []string{other.ID}})
	must(t, err)
	w1, err := r.org.CreateWorkspace(ctx, r.actor, org.NewWorkspace{Name: "aaa"})
	must(t, err)
	w2, err := r.org.CreateWorkspace(ctx, r.actor, org.NewWorkspace{Name: "bbb"})
	must(t, err)
	c := r.connect(t, "everywhere", org.ConnectionFields{
		WorkspaceIDs: optional.Of([]string{private.ID, w1.ID, w2.ID}), Models: optional.Of([]string{"hidden"}),
	})
	_, _, err = r.org.UpdateConnection(ctx, r.actor, c.ID, org.ConnectionFields{WorkspaceIDs: optional.Of([]string{private.ID, w1.ID, w2.ID})})
	must(t, err)
	on := func(workspace string) org.ModelEndpointFields {
		return org.ModelEndpointFields{WorkspaceID: optional.Of(workspace), Upstreams: optional.Of(upstreamsOn(c.ID))}
	}
	r.endpoint(t, "private-model", on(private.ID))
	r.endpoint(t, "twice", on(w1.ID))
	r.endpoint(t, "twice", on(w2.ID))
	off := r.endpoint(t, "off", org.ModelEndpointFields{})
	_, err = r.org.UpdateModelEndpoint(ctx, r.actor, off.ID, org.ModelEndpointFields{Enabled: optional.Of(false)})
	must(t, err)

	long := strings.Repeat("m", 90_000)
	type refusal struct {
		call
		status      int
		code, param string
		recorded    bool // as a request of the project
	}
	post := func(body string) call { return call{body: body} }
	cases := map[string]refusal{
		"no key":            {call{key: "-", body: chat("")}, 401, "", "", false},
		"basic":             {call{key: "-", body: chat(""), header: http.Header{"Authorization": {"Basic eDp5"}}}, 401, "", "", false},
		"empty bearer":      {call{key: "-", body: chat(""), header: http.Header{"Authorization": {"Bearer  "}}}, 401, "", "", false},
		"wrong key":         {call{key: "sk-proj-wrong", body: chat("")}, 401, "invalid_api_key", "", false},
		"rotated-out key":   {call{key: old, body: chat("")}, 401, "invalid_api_key", "", false},
		"deleted key":       {call{key: dead, body: chat("")}, 401, "invalid_api_key", "", false},
		"expired key":       {call{key: expired, body: chat("")}, 401, "invalid_api_key", "", false},
		"admin key":         {call{key: r.admin, body: chat("")}, 403, "insufficient_permissions", "", false},
		"wrong admin key":   {call{key: "sk-admin-wrongwrongwrongwrong", body: chat("")}, 401, "invalid_api_key", "", false},
		"archived":          {call{key: archivedKey, body: chat("")}, 403, "project_archived", "", true},
		"archived, models":  {call{key: archivedKey, method: "GET", path: "/v1/models"}, 403, "project_archived", "", true},
		"no scope":          {call{key: reader, body: chat("")}, 403, "insufficient_permissions", "", true},
		"another scope":     {call{key: narrow, path: "/v1/responses", body: `{"model":"gpt-4o-mini"}`}, 403, "insufficient_permissions", "", true},
		"invalid JSON":      {post(`{"model":"gpt-4o-mini",}`), 400, "", "", true},
		"not an object":     {post(`[]`), 400, "", "", true},
		"trailing text":     {post(chat("") + "x"), 400, "", "", true},
		"invalid UTF-8":     {post("{\"model\":\"\xff\"}"), 400, "", "", true},
		"empty body":        {call{body: "", header: http.Header{"Content-Type": {"application/json"}}}, 400, "", "", true},
		"blank body":        {post("  \n"), 400, "", "", true},
		"gzip body":         {call{body: "\x1f\x8b\x08", header: http.Header{"Content-Encoding": {"gzip"}, "Content-Type": {"application/json"}}}, 400, "", "", true},
		"deep":              {post(`{"model":"gpt-4o-mini","x":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "}"), 400, "", "", true},
		"duplicate":         {post(`{"model":"gpt-4o-mini","model":"x"}`), 400, "duplicate_parameter", "model", true},
		"escaped duplicate": {post(`{"model":"gpt-4o-mini","mod\u0065l":"x"}`), 400, "duplicate_parameter", "model", true},
		"nested duplicate":  {post(chat(`,"stream_options":{"include_usage":true,"include\u005fusage":false}`)), 400, "duplicate_parameter", "stream_options.include_usage", true},
		"model is a number": {post(`{"model":1}`), 400, "invalid_type", "model", true},
		"stream is a text":  {post(chat(`,"stream":"true"`)), 400, "invalid_type", "stream", true},
		"no model":          {post(`{"messages":[]}`), 400, "missing_required_parameter", "model", true},
		"null model":        {post(`{"model":null}`), 400, "missing_required_parameter", "model", true},
		"empty model":       {post(`{"model":""}`), 400, "empty_string", "model", true},
		"unknown model":     {post(`{"model":"nope"}`), 404, "model_not_found", "", true},
		"long model":        {post(`{"model":"` + long + `"}`), 404, "model_not_found", "", true},
		"hidden model":      {post(`{"model":"private-model"}`), 404, "model_not_found", "", true},
		"ambiguous":         {post(`{"model":"twice"}`), 400, "ambiguous_model", "model", true},
		"disabled":          {post(`{"model":"off"}`), 404, "model_not_found", "", true},
		"unknown workspace": {call{path: "/nowhere/models/twice/chat/completions", body: `{}`}, 404, "model_not_found", "", true},
		"forbidden":         {call{path: "/private/models/private-model/chat/completions", body: `{}`}, 403, "workspace_forbidden", "", true},
		"unknown endpoint":  {call{path: "/default/models/nope/v1/chat/completions", body: `{}`}, 404, "model_not_found", "", true},
		"disabled address":  {call{path: "/default/models/off/chat/completions", body: `{}`}, 404, "model_not_found", "", true},
		"too large":         {post(`{"model":"` + strings.Repeat("x", 100_000) + `"}`), 413, "request_too_large", "", true},
		"too large, chunks": {call{reader: io.MultiReader(strings.NewReader(`{"model":"`), strings.NewReader(strings.Repeat("x", 100_000)))}, 413, "request_too_large", "", true},
		"GET embeddings":    {call{method: "GET", path: "/v1/embeddings"}, 405, "method_not_supported", "", false},
		"PUT chat":          {call{method: "PUT", path: "/v1/chat/completions", body: `{}`}, 405, "method_not_supported", "", false},
		"TRACE":             {call{method: "TRACE", path: "/v1/files"}, 405, "method_not_supported", "", false},
		"made-up method":    {call{method: "BREW", path: "/v1/files"}, 405, "method_not_supported", "", false},
		"DELETE a model":    {call{method: "DELETE", path: "/v1/models/gpt-4o-mini"}, 405, "method_not_supported", "", false},
		"unknown page":      {call{method: "GET", path: "/index.html"}, 404, "", "", false},
		"no sub-path":       {call{path: "/default/models/twice", body: `{}`}, 404, "", "", false},
		"not served":        {call{method: "GET", path: "/v1/models/nope"}, 404, "model_not_found", "", true},
	}
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			got := r.do(t, tt.call)
			envelopeOf(t, got, tt.status, tt.code, tt.param)
			if len(got.body) > 2000 {
				t.Errorf("the answer repeats %d bytes", len(got.body))
			}
			events := r.ledger.of(got.Header.Get("X-Request-Id"))
			if !tt.recorded {
				equal(t, "events", len(events), 0)
				equal(t, "organization", got.Header.Get("Openai-Organization"), "")
				return
			}
			equal(t, "organization", got.Header.Get("Openai-Organization"), r.actor.OrganizationID)
			if len(events) != 1 {
				t.Fatalf("%d events", len(events))
			}
			ev := events[0]
			equal(t, "outcome", ev.Outcome, usage.OutcomeFailed)
			equal(t, "status", ev.Status, tt.status)
			equal(t, "code", ev.ErrorCode, tt.code)
			equal(t, "source", ev.Source, "")
			if len(ev.ModelAsked) > 300 || len(ev.Attempts) > 0 {
				t.Errorf("%+v", ev)
			}
		})
	}
	equal(t, "requests to the provider", len(r.provider.Requests()), 0)
	equal(t, "open records", len(r.ledger.opened), 0)
}

func TestPathTricksReachNoProvider(t *testing.T) {
	r := newRig(t)
	r.endpoint(t, "m", org.ModelEndpointFields{})
	r.provider.Always(upstreamtest.JSON(200, `{"secret":true}`))
	for _, path := range []string{
		"/v1/../v1/files", "/v1/files/../../admin", "/v1/%2e%2e/admin", "/v1/files/%2E%2E/x", "/v1//files", "/v1/files/", "/v1/files/.", "//v1/files",
		"/v1/files\\..\\x", "/v1/files%5c..%5cx", "/v1/a%00b", "/v1/%252e%252e%2f..", "/v1/files/..%2f..%2fadmin", "/v1", "/v1/", "/v1/v1/chat/completions", "/v1/v1",
		"/v1/chat%2Fcompletions", "/v1/chat/completion%73", "/v1/Chat/Completions", "/v1/CHAT%2Fcompletions", "/v1/chat/completions;x=1", "/v1/embeddings%3Bx",
		"/default/models/m/", "/default/models/m/v1", "/default/models/m/v1/", "/default/models/m/v1/v1/chat/completions", "/default/models/m/chat%2fcompletions",
		"/default/models/m/organization/costs", "/default/models/m/v1/organization", "/default/models/m/Organization/users", "/default/models/m/projects/x/users",
		"/default/models/m/%6frganization/costs", "/default/models/m/v1/fine_tuning/checkpoints/x/permissions",
		"/default/models/../models/m/files", "/default/models/%6d/files", "/%64efault/models/m/files", "/default/models//files", "/default//models/m/files", "/models/m/files",
		"/v1/" + strings.Repeat("x/../", 5000) + "files",
	} {
		conn := r.dial(t)
		_, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 23\r\n\r\n{\"model\":\"gpt-4o-mini\"}", path, r.key)
		must(t, err)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		must(t, err)
		raw, err := io.ReadAll(resp.Body)
		must(t, err)
		if resp.StatusCode != 404 && resp.StatusCode != 400 && resp.StatusCode != 405 {
			t.Errorf("%.80s: %d %s", path, resp.StatusCode, raw)
		}
		if len(raw) > 2000 {
			t.Errorf("%.80s: the answer has %d bytes", path, len(raw))
		}
	}
	for _, up := range r.provider.Requests() {
		t.Errorf("the provider got %s", up.Path)
	}
}
