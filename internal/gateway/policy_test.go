package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/audit"
	"weir/internal/optional"
	"weir/internal/org"
	"weir/internal/routing"
	"weir/internal/upstream/upstreamtest"
	"weir/internal/usage"
)

func (r *rig) permit(t testing.TB, mode string, models ...string) {
	t.Helper()
	_, err := r.org.SetModelPermissions(t.Context(), r.actor, r.project.ID, org.ModelPermissions{Mode: mode, ModelIDs: models})
	must(t, err)
}

func (r *rig) retain(t testing.TB, projectID, retention string) {
	t.Helper()
	_, err := r.org.SetDataRetention(t.Context(), r.actor, projectID, retention)
	must(t, err)
}

// named is a chat completion of a model.
func named(model string) string { return strings.Replace(chat(""), chatModel, model, 1) }

func (r *rig) models(t testing.TB) (names []string) {
	t.Helper()
	got := r.do(t, call{method: "GET", path: "/v1/models"})
	var list struct{ Data []model }
	must(t, json.Unmarshal([]byte(got.body), &list))
	for _, m := range list.Data {
		names = append(names, m.ID)
	}
	return names
}

// A project calls the models it is let, under whatever name leads to them.
func TestModelPermissions(t *testing.T) {
	const big, tuned = "gpt-4o-2024-08-06", "ft:gpt-4o-mini-2024-07-18:org:weather:B7R9VjQd"
	r := newRig(t)
	r.provider.Always(upstreamtest.JSON(200, chatBody))
	_, _, err := r.org.UpdateConnection(t.Context(), r.actor, r.conn.ID, org.ConnectionFields{Models: optional.Of([]string{chatModel, big, tuned})})
	must(t, err)
	upstreams := func(models ...string) org.ModelEndpointFields {
		var list []routing.Upstream
		for i, name := range models {
			list = append(list, routing.Upstream{ConnectionID: r.conn.ID, Model: name, Priority: i + 1, Weight: 1})
		}
		return org.ModelEndpointFields{Upstreams: optional.Of(list)}
	}
	r.endpoint(t, "small", upstreams(chatModel))
	r.endpoint(t, "large", upstreams(big))
	r.endpoint(t, "either", upstreams(big, chatModel))
	_, _, _, otherKey := r.newProject(t, "other")

	check := func(what string, allowed ...string) {
		t.Helper()
		slices.Sort(allowed)
		if got := r.models(t); !slices.Equal(got, allowed) {
			t.Errorf("%s: the list has %v, want %v", what, got, allowed)
		}
		for _, name := range []string{chatModel, big, tuned, "small", "large", "either"} {
			for _, c := range []call{
				{body: named(name)},
				{path: "/v1/embeddings", body: `{"model":"` + name + `","input":"x"}`},
				{path: "/v1/fine_tuning/jobs", body: `{"model":"` + name + `"}`},
				{path: "/default/models/" + name + "/v1/chat/completions", body: named(big)},
			} {
				own := strings.HasPrefix(c.path, "/default/")
				if own && (strings.HasPrefix(name, "gpt") || name == tuned) {
					continue
				}
				before := len(r.provider.Requests())
				got := r.do(t, c)
				if slices.Contains(allowed, name) {
					equal(t, what+": "+name+" at "+c.path, got.StatusCode, 200)
					sent := r.provider.Requests()[before]
					if !slices.Contains(allowed, jsonField(t, sent.Body, "model")) {
						t.Errorf("%s: %s was sent as %s", what, name, sent.Body)
					}
					continue
				}
				envelopeOf(t, got, 403, "model_not_found", "")
				equal(t, what+": requests to the provider for "+name, len(r.provider.Requests()), before)
			}
		}
		equal(t, what+": another project", r.do(t, call{key: otherKey, body: named(big)}).StatusCode, 200)
	}
	check("nothing set", chatModel, big, tuned, "small", "large", "either")
	r.permit(t, org.AllowList, chatModel, "large")
	check("allowed", chatModel, "small", "either")
	r.permit(t, org.AllowList, chatModel, tuned)
	check("a fine-tuned one too", chatModel, tuned, "small", "either")
	r.permit(t, org.AllowList)
	check("none")
	r.permit(t, org.DenyList, "GPT-4o")
	check("denied", chatModel, tuned, "small", "either")
	r.permit(t, org.DenyList, chatModel)
	check("what is tuned from it", big, "large", "either")
	r.permit(t, org.DenyList, "either", "nothing")
	check("a model endpoint", chatModel, big, tuned, "small", "large")

	r.permit(t, org.DenyList, big)
	got := r.do(t, call{body: named(big)})
	if !strings.Contains(got.body, "Project `"+r.project.ID+"` does not have access to model `"+big+"`") {
		t.Error(got.body)
	}
	got = r.do(t, call{path: "/v1/responses", body: `{"model":"gpt-4o-mini","input":"x","tools":[{"type":"image_generation","model":"` + big + `"}]}`})
	envelopeOf(t, got, 403, "model_not_found", "")
	must(t, r.org.DeleteModelPermissions(t.Context(), r.actor, r.project.ID))
	check("taken back", chatModel, big, tuned, "small", "large", "either")
}

// A checkpoint that was given to a project is for those that have it, also when
// nobody has it any more.
func TestCheckpointPermissions(t *testing.T) {
	const tuned = "ft:gpt-4o-mini-2024-07-18:org:weather:B7R9VjQd"
	r := newRig(t)
	r.provider.Always(upstreamtest.JSON(200, chatBody))
	ctx := t.Context()
	_, _, err := r.org.UpdateConnection(ctx, r.actor, r.conn.ID, org.ConnectionFields{Models: optional.Of([]string{chatModel, tuned})})
	must(t, err)
	r.endpoint(t, "weather", org.ModelEndpointFields{Upstreams: optional.Of([]routing.Upstream{{ConnectionID: r.conn.ID, Model: tuned, Priority: 1, Weight: 1}})})
	other, _, _, otherKey := r.newProject(t, "other")
	check := func(what string, mine, theirs int) {
		t.Helper()
		for _, name := range []string{tuned, "weather"} {
			equal(t, what+", "+name, r.do(t, call{body: named(name)}).StatusCode, mine)
			equal(t, what+", the other, "+name, r.do(t, call{key: otherKey, body: named(name)}).StatusCode, theirs)
			equal(t, what+", listed", slices.Contains(r.models(t), name), mine == 200)
		}
		equal(t, what+", another model", r.do(t, call{body: chat("")}).StatusCode, 200)
	}
	check("never shared", 200, 200)
	theirs, err := r.org.CreateCheckpointPermissions(ctx, r.actor, tuned, []string{other.ID})
	must(t, err)
	check("shared with the other", 403, 200)
	_, err = r.org.CreateCheckpointPermissions(ctx, r.actor, tuned, []string{r.project.ID})
	must(t, err)
	check("shared with both", 200, 200)
	must(t, r.org.DeleteCheckpointPermission(ctx, r.actor, tuned, theirs[0].ID))
	check("taken from the other", 200, 403)
	mine, err := r.org.CheckpointPermissions(ctx, r.actor.OrganizationID, tuned, org.CheckpointPermissionFilter{Page: org.Page{Limit: 9}})
	must(t, err)
	must(t, r.org.DeleteCheckpointPermission(ctx, r.actor, tuned, mine.Items[0].ID))
	check("taken from all", 403, 403)
}

func jsonField(t testing.TB, body []byte, name string) string {
	t.Helper()
	var fields map[string]any
	must(t, json.Unmarshal(body, &fields))
	text, _ := fields[name].(string)
	return text
}

func TestModelRules(t *testing.T) {
	deny := newModelRules(&org.ModelPermissions{Mode: org.DenyList, ModelIDs: []string{"gpt-4o", "gpt-4", "o3-2025-04-16"}})
	for model, allowed := range map[string]bool{
		"gpt-4o": false, "gpt-4o-2024-08-06": false, " GPT-4O ": false, "openai/gpt-4o": false, "openai/gpt-4o:online": false,
		"ft:gpt-4o-2024-08-06:org::x": false, "ft:gpt-4o:org::x:ckpt-step-9": false, "gpt-4-0613": false, "o3-2025-04-16": false,
		"gpt-4o-mini": true, "gpt-4o-2024-08-06-x": true, "gpt-4-turbo": true, "o3": true, "ft:gpt-4o-mini:org::x": true, "": true, "-2024-08-06": true,
	} {
		equal(t, "deny "+model, deny.allows(model), allowed)
	}
	allow := newModelRules(&org.ModelPermissions{Mode: org.AllowList, ModelIDs: []string{"gpt-4o", "ft:gpt-4o:org::x"}})
	for model, allowed := range map[string]bool{
		"gpt-4o": true, "GPT-4o": true, "ft:gpt-4o:org::x": true,
		"gpt-4o-2024-05-13": false, "ft:gpt-4o:org::y": false, "openai/gpt-4o": false, "gpt-4o-mini": false, "": false,
	} {
		equal(t, "allow "+model, allow.allows(model), allowed)
	}
}

// A request that asks for a hosted tool that is disabled is refused with its
// name, however it asks.
func TestHostedTools(t *testing.T) {
	r := newRig(t)
	r.provider.Always(upstreamtest.JSON(200, chatBody))
	_, _, err := r.org.UpdateConnection(t.Context(), r.actor, r.conn.ID, org.ConnectionFields{Models: optional.Of([]string{chatModel, "gpt-4o-search-preview"})})
	must(t, err)
	const responses = "/v1/responses"
	cases := []struct {
		tool org.HostedTool
		call call
	}{
		{org.WebSearch, call{path: responses, body: `{"model":"gpt-4o-mini","input":"x","tools":[{"type":"web_search_preview"}]}`}},
		{org.WebSearch, call{path: responses, body: `{"model":"gpt-4o-mini","input":"x","tools":[{"type":"function","t\u0079pe":"web\u005fsearch"}]}`}},
		{org.WebSearch, call{body: chat(`,"web_search_options":{}`)}},
		{org.WebSearch, call{body: named("gpt-4o-search-preview")}},
		{org.FileSearch, call{path: responses, body: `{"model":"gpt-4o-mini","input":"x","tools":[{"type":"file_search","vector_store_ids":["vs_1"]}]}`}},
		{org.CodeInterpreter, call{path: responses, body: `{"model":"gpt-4o-mini","input":"x","tools":[{"type":"function","name":"f"},{"type":"code_interpreter"}]}`}},
		{org.ImageGeneration, call{path: responses, body: `{"model":"gpt-4o-mini","input":"x","tools":[{"type":"image_generation"}]}`}},
		{org.MCP, call{path: responses, body: `{"model":"gpt-4o-mini","input":"x","tools":[{"type":"mcp","server_url":"https://x"}]}`}},
		{org.MCP, call{path: "/v1/realtime/client_secrets", body: `{"session":{"type":"realtime","tools":[{"type":"mcp"}]}}`}},
	}
	for _, c := range cases {
		equal(t, "enabled "+string(c.tool), r.do(t, c.call).StatusCode, 200)
	}
	prompt := call{path: responses, body: `{"model":"gpt-4o-mini","input":"x","prompt":{"id":"pmpt_1"}}`}
	equal(t, "a stored prompt", r.do(t, prompt).StatusCode, 200)
	for i, c := range cases {
		_, err := r.org.SetHostedTools(t.Context(), r.actor, r.project.ID, map[org.HostedTool]bool{c.tool: false})
		must(t, err)
		served := len(r.provider.Requests())
		got := r.do(t, c.call)
		envelopeOf(t, got, 403, "hosted_tool_disabled", "tools")
		if !strings.Contains(got.body, "'"+string(c.tool)+"'") {
			t.Error(got.body)
		}
		envelopeOf(t, r.do(t, prompt), 403, "hosted_tool_disabled", "prompt")
		envelopeOf(t, r.do(t, call{path: "/v1/assistants", body: `{"tools":[]}`, header: http.Header{"Content-Type": {"text/plain"}}}), 400, "unreadable_body", "")
		envelopeOf(t, r.do(t, call{path: "/v1/assistants", body: "\x1f\x8b", header: http.Header{"Content-Type": {"text/plain"}, "Content-Encoding": {"gzip"}}}), 400, "unreadable_body", "")
		equal(t, "requests to the provider", len(r.provider.Requests()), served)
		other := cases[(i+4)%len(cases)]
		if other.tool != c.tool {
			equal(t, "another tool", r.do(t, other.call).StatusCode, 200)
		}
		earlier := `{"model":"gpt-4o-mini","input":[{"type":"` + string(c.tool) + `_call","id":"x"}]}`
		equal(t, "what a tool did before", r.do(t, call{path: responses, body: earlier}).StatusCode, 200)
		_, err = r.org.SetHostedTools(t.Context(), r.actor, r.project.ID, map[org.HostedTool]bool{c.tool: true})
		must(t, err)
	}
}

// Under zero data retention nothing is stored at the provider.
func TestZeroDataRetention(t *testing.T) {
	r := newRig(t)
	r.provider.Always(upstreamtest.JSON(200, chatBody))
	other, _, _, otherKey := r.newProject(t, "other")
	const responses = "/v1/responses"
	plain := `{"model":"gpt-4o-mini","input":"x"}`
	sends := func(what, key, path, body, want string) {
		t.Helper()
		before := len(r.provider.Requests())
		equal(t, what, r.do(t, call{key: key, path: path, body: body}).StatusCode, 200)
		equal(t, what, string(r.provider.Requests()[before].Body), want)
	}
	sends("before", "", responses, plain, plain)
	for _, zero := range []struct {
		retention string
		by        func()
	}{
		{"zero", func() { r.retain(t, r.project.ID, "zero_data_retention") }},
		{"enhanced", func() { r.retain(t, r.project.ID, "enhanced_zero_data_retention") }},
		{"the organization's", func() {
			r.retain(t, r.project.ID, org.OrganizationDefault)
			r.retain(t, "", "zero_data_retention")
		}},
	} {
		zero.by()
		r.owns(r.project.ID, usage.ObjectConversation, "conv_1")
		sends(zero.retention, "", responses, plain, `{"store":false,"model":"gpt-4o-mini","input":"x"}`)
		sends(zero.retention+", null", "", responses, `{"model":"gpt-4o-mini","store":null}`, `{"model":"gpt-4o-mini","store":false}`)
		sends(zero.retention+", asked for", "", responses, `{"model":"gpt-4o-mini","store": true}`, `{"model":"gpt-4o-mini","store": false}`)
		sends(zero.retention+", not asked for", "", responses, `{"store":false,"model":"gpt-4o-mini"}`, `{"store":false,"model":"gpt-4o-mini"}`)
		sends(zero.retention+", chat", "", "/v1/chat/completions", chat(""), chat(""))
		sends(zero.retention+", stored chat", "", "/v1/chat/completions", chat(`,"store":true`), chat(`,"store":false`))
		served := len(r.provider.Requests())
		for param, c := range map[string]call{
			"background":   {path: responses, body: `{"model":"gpt-4o-mini","background":true}`},
			"conversation": {path: responses, body: `{"model":"gpt-4o-mini","conversation":"conv_1"}`},
		} {
			envelopeOf(t, r.do(t, c), 403, "zero_data_retention", param)
		}
		for path, status := range map[string]int{"/v1/conversations": 403, "/v1/conversations/conv_1/items": 403, "/v1/Conversation%73": 404, "/v1/conversations;x": 404} {
			code := ""
			if status == 403 {
				code = "zero_data_retention"
			}
			envelopeOf(t, r.do(t, call{path: path, body: `{}`}), status, code, "")
		}
		envelopeOf(t, r.do(t, call{path: "/v1/other", body: `{"store":true}`, header: http.Header{"Content-Type": {"text/plain"}}}), 400, "unreadable_body", "")
		equal(t, "requests to the provider", len(r.provider.Requests()), served)
		equal(t, "reading what there is", r.do(t, call{method: "GET", path: "/v1/conversations/conv_1"}).StatusCode, 200)
	}
	sends("the other project has the organization's", otherKey, responses, plain, `{"store":false,"model":"gpt-4o-mini","input":"x"}`)
	r.retain(t, other.ID, org.NoRetention)
	sends("the other project has none", otherKey, responses, plain, plain)
	r.retain(t, "", org.DefaultRetention)
	sends("after", "", responses, plain, plain)
}

func TestServiceTiers(t *testing.T) {
	r := newRig(t)
	r.provider.Always(upstreamtest.JSON(200, chatBody))
	set := func(in org.ServiceTierChange) {
		t.Helper()
		_, err := r.org.SetServiceTiers(t.Context(), r.actor, r.project.ID, in)
		must(t, err)
	}
	sends := func(what, path, body, want string) {
		t.Helper()
		before := len(r.provider.Requests())
		equal(t, what, r.do(t, call{path: path, body: body}).StatusCode, 200)
		equal(t, what, string(r.provider.Requests()[before].Body), want)
	}
	const path = "/v1/chat/completions"
	set(org.ServiceTierChange{Default: optional.Of("fast")})
	sends("named none", path, `{"model":"gpt-4o-mini"}`, `{"service_tier":"priority","model":"gpt-4o-mini"}`)
	sends("auto", "/v1/responses", `{"model":"gpt-4o-mini","service_tier":"auto"}`, `{"model":"gpt-4o-mini","service_tier":"priority"}`)
	sends("named one", path, `{"model":"gpt-4o-mini","service_tier":"flex"}`, `{"model":"gpt-4o-mini","service_tier":"flex"}`)
	sends("an operation without tiers", "/v1/embeddings", `{"model":"text-embedding-3-small"}`, `{"model":"text-embedding-3-small"}`)
	set(org.ServiceTierChange{Default: optional.Of(org.StandardTier), Enabled: []string{"flex"}})
	sends("standard", path, `{"model":"gpt-4o-mini"}`, `{"model":"gpt-4o-mini"}`)
	for tier, status := range map[string]int{"flex": 200, "default": 200, "auto": 200, "scale": 200, "priority": 403, "fast": 403, "ultrafast": 403, "tomorrows": 403} {
		got := r.do(t, call{body: chat(`,"service_tier":"` + tier + `"`)})
		equal(t, tier, got.StatusCode, status)
		if status == 403 {
			envelopeOf(t, got, 403, "service_tier_disabled", "service_tier")
		}
	}
	set(org.ServiceTierChange{All: true})
	equal(t, "all again", r.do(t, call{body: chat(`,"service_tier":"tomorrows"`)}).StatusCode, 200)
}

// What makes a key worth nothing does so on every route, the models, the objects
// and what is forwarded unread among them.
func TestRulesHoldOnEveryRoute(t *testing.T) {
	r := newRig(t)
	r.provider.Always(upstreamtest.JSON(200, chatBody))
	r.provider.Handle("GET", "/v1/files", upstreamtest.JSON(200, `{"object":"list","data":[]}`))
	r.endpoint(t, "own", org.ModelEndpointFields{})
	routes := []call{
		{body: chat("")},
		{path: "/v1/responses", body: chat("")},
		{path: "/default/models/own/v1/chat/completions", body: chat("")},
		{path: "/default/models/own/chat/completions", body: chat("")},
		{method: "GET", path: "/v1/models"},
		{method: "GET", path: "/v1/models/" + chatModel},
		{method: "GET", path: "/v1/files"},
		{method: "DELETE", path: "/v1/files/file-1"},
		{method: "GET", path: "/v1/responses/resp_1"},
		{path: "/v1/batches", body: `{"input_file_id":"file-1"}`},
		{path: "/v1/anything/else", body: "{}"},
	}
	ctx := t.Context()
	system := audit.System(r.actor.OrganizationID)
	for _, rule := range []struct {
		name, code string
		status     int
		breaks     func(p org.Project, account org.ServiceAccount, keyID string)
	}{
		{"deleted", "invalid_api_key", 401, func(p org.Project, _ org.ServiceAccount, keyID string) {
			must(t, r.org.DeleteAPIKey(ctx, r.actor, p.ID, keyID))
		}},
		{"expired", "invalid_api_key", 401, func(p org.Project, _ org.ServiceAccount, keyID string) {
			r.expire(t, p.ID, keyID)
		}},
		{"archived", "", 0, func(p org.Project, _ org.ServiceAccount, _ string) {
			_, err := r.org.ArchiveProject(ctx, r.actor, p.ID)
			must(t, err)
		}},
		{"address", org.CodeAddressRefused, 403, func(p org.Project, _ org.ServiceAccount, _ string) {
			l, err := r.org.CreateIPAllowlist(ctx, system, org.NewIPAllowlist{Name: "list", ProjectID: p.ID, AllowedIPs: []string{"192.0.2.1"}})
			must(t, err)
			_, err = r.org.ToggleIPAllowlist(ctx, system, l.ID, true)
			must(t, err)
		}},
		{"scopes", "insufficient_permissions", 403, func(p org.Project, _ org.ServiceAccount, keyID string) {
			err := r.org.UpdateAPIKey(ctx, r.actor, p.ID, keyID, org.APIKeyChange{Scopes: optional.Of([]string{"api.evals.read"})})
			must(t, err)
		}},
	} {
		t.Run(rule.name, func(t *testing.T) {
			p, account, keyID, key := r.newProject(t, rule.name)
			r.restart() // the project before owned them
			r.owns(p.ID, usage.ObjectFile, "file-1")
			r.owns(p.ID, usage.ObjectResponse, "resp_1")
			for _, c := range routes {
				c.key = key
				equal(t, "before, "+c.path, r.do(t, c).StatusCode, 200)
			}
			rule.breaks(p, account, keyID)
			served := len(r.provider.Requests())
			for _, c := range routes {
				c.key = key
				got := r.do(t, c)
				if rule.status == 0 { // archived keys are gone, or their project is
					if got.StatusCode != 401 && got.StatusCode != 403 {
						t.Errorf("%s: %d", c.path, got.StatusCode)
					}
					continue
				}
				envelopeOf(t, got, rule.status, rule.code, "")
			}
			equal(t, "requests to the provider", len(r.provider.Requests()), served)
		})
	}
}

// expire moves the end of a key into the past, as time would.
func (r *rig) expire(t testing.TB, projectID, keyID string) {
	t.Helper()
	_, err := r.store.Update(t.Context(), r.actor, func(tx org.Tx) error {
		k, err := tx.APIKey(t.Context(), r.actor.OrganizationID, projectID, keyID)
		if err != nil {
			return err
		}
		k.ExpiresAt = time.Now().Add(-time.Second)
		return tx.UpdateAPIKey(t.Context(), k)
	})
	must(t, err)
	must(t, r.Snapshot.Apply(context.WithoutCancel(t.Context()), []org.Change{{OrganizationID: r.actor.OrganizationID, Kind: org.ChangeAPIKey, ID: keyID}}))
}
