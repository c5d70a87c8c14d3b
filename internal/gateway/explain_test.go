package gateway

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"weir/internal/audit"
	"weir/internal/id"
	"weir/internal/openaiwire"
	"weir/internal/optional"
	"weir/internal/org"
	"weir/internal/routing"
	"weir/internal/upstream/upstreamtest"
	"weir/internal/verdict"
)

// ask asks what would become of a call, by the secret of its key.
func (r *rig) ask(t testing.TB, c call) verdict.Explanation {
	t.Helper()
	q := verdict.Question{
		OrganizationID: r.actor.OrganizationID, Secret: id.HashOf(r.key), Method: c.method, Path: c.path,
		ContentType: "application/json", Body: []byte(c.body), Address: netip.MustParseAddr("127.0.0.1"),
	}
	if q.Method == "" {
		q.Method = http.MethodPost
	}
	if q.Path == "" {
		q.Path = "/v1/chat/completions"
	}
	e, err := r.Explain(t.Context(), q)
	must(t, err)
	return e
}

// What Explain says comes true, and nothing comes of asking.
func TestExplanationsComeTrue(t *testing.T) {
	r := newRig(t)
	r.provider.Always(upstreamtest.JSON(200, chatBody))
	ctx := t.Context()
	second := r.connect(t, "second", org.ConnectionFields{APIKey: optional.Of(providerKey), Models: optional.Of([]string{"gpt-4o", chatModel})})
	r.endpoint(t, "either", org.ModelEndpointFields{Upstreams: optional.Of([]routing.Upstream{
		{ConnectionID: r.conn.ID, Model: "gpt-4o", Priority: 1, Weight: 1}, {ConnectionID: second.ID, Model: chatModel, Priority: 2, Weight: 1},
	})})
	calls := []call{
		{body: chat("")}, {body: chat(`,"store":true`)}, {body: named("gpt-4o")}, {body: named("either")}, {body: named("unknown")}, {body: "{"}, {body: `{}`},
		{body: chat(`,"service_tier":"flex"`)},
		{path: "/v1/responses", body: `{"model":"gpt-4o-mini","input":"x","tools":[{"type":"mcp"}]}`},
		{path: "/v1/responses", body: `{"model":"gpt-4o-mini","background":true}`},
		{path: "/default/models/either/v1/chat/completions", body: named("x")},
		{path: "/default/models/none/v1/chat/completions", body: named("x")},
		{method: "GET", path: "/v1/models"}, {method: "GET", path: "/v1/models/gpt-4o"}, {method: "GET", path: "/v1/somewhere"},
		{path: "/v1/organization/users", body: `{}`}, {method: "PUT", path: "/v1/chat/completions", body: `{}`},
	}
	compare := func(what string, wantRefused map[verdict.Rule]bool) {
		t.Helper()
		refused := map[verdict.Rule]bool{}
		for _, c := range calls {
			name := what + ": " + c.method + " " + c.path + " " + c.body
			opened := len(r.ledger.opened)
			e := r.ask(t, c)
			equal(t, name+": open records", len(r.ledger.opened), opened)
			before := len(r.provider.Requests())
			got := r.do(t, c)
			status, code := 200, ""
			if e.Err != nil {
				var body openaiwire.ErrorBody
				status, body = openaiwire.Body(e.Err)
				if body.Error.Code != nil {
					code = *body.Error.Code
				}
			}
			equal(t, name, got.StatusCode, status)
			if code != "" && !strings.Contains(got.body, `"`+code+`"`) {
				t.Errorf("%s: explained as %s, answered %s", name, code, got.body)
			}
			last := verdict.Passed
			for i, step := range e.Steps {
				equal(t, name+": order", step.Rule, verdict.Rules()[i])
				if last == verdict.Refused || last == verdict.Unreached {
					equal(t, name+": after the refusal", step.Outcome, verdict.Unreached)
				}
				if last = step.Outcome; last == verdict.Refused {
					refused[step.Rule] = true
				}
			}
			equal(t, name+": refused", refusals(e), map[bool]int{true: 1}[e.Err != nil])
			if sent := r.provider.Requests(); len(sent) > before {
				events := r.ledger.of(got.Header.Get("X-Request-Id"))
				equal(t, name+": first upstream", events[0].ConnectionID, e.Upstreams[0].ConnectionID)
				for _, edit := range e.Edits {
					if !strings.Contains(string(sent[before].Body), `"`+edit.Field+`":`) {
						t.Errorf("%s: no %s in %s", name, edit.Field, sent[before].Body)
					}
				}
			}
		}
		for rule := range wantRefused {
			if !refused[rule] {
				t.Errorf("%s: nothing is refused by %s", what, rule)
			}
		}
	}
	compare("open", map[verdict.Rule]bool{verdict.Route: true, verdict.Body: true, verdict.Model: true})
	r.permit(t, org.AllowList, chatModel)
	dropped := r.ask(t, call{body: named("either")}).Upstreams
	if len(dropped) != 2 || dropped[0] != (verdict.Upstream{ConnectionID: second.ID, Model: chatModel}) ||
		dropped[1] != (verdict.Upstream{ConnectionID: r.conn.ID, Model: "gpt-4o", ExcludedBy: verdict.ModelPermissions}) {
		t.Errorf("%+v", dropped)
	}
	_, err := r.org.SetHostedTools(ctx, r.actor, r.project.ID, map[org.HostedTool]bool{org.MCP: false})
	must(t, err)
	_, err = r.org.SetServiceTiers(ctx, r.actor, r.project.ID, org.ServiceTierChange{Default: optional.Of("fast"), Enabled: []string{}})
	must(t, err)
	r.retain(t, "", "zero_data_retention")
	compare("settings", map[verdict.Rule]bool{verdict.ModelPermissions: true, verdict.HostedTools: true, verdict.ServiceTier: true, verdict.DataRetention: true})
	for _, step := range r.ask(t, call{path: "/v1/responses", body: `{"model":"gpt-4o-mini","background":true}`}).Steps {
		switch step.Rule {
		case verdict.DataRetention:
			equal(t, "who set the retention", step.SourceID, r.actor.OrganizationID)
		case verdict.HostedTools:
			equal(t, "who set the tools", step.SourceID, r.project.ID)
		}
	}
	must(t, r.org.UpdateAPIKey(ctx, r.actor, r.project.ID, r.keyID, org.APIKeyChange{Scopes: optional.Of([]string{"api.files.read"})}))
	compare("scopes", map[verdict.Rule]bool{verdict.KeyScopes: true})
	l, err := r.org.CreateIPAllowlist(ctx, audit.System(r.actor.OrganizationID), org.NewIPAllowlist{Name: "list", AllowedIPs: []string{"192.0.2.1"}})
	must(t, err)
	_, err = r.org.ToggleIPAllowlist(ctx, audit.System(r.actor.OrganizationID), l.ID, true)
	must(t, err)
	compare("address", map[verdict.Rule]bool{verdict.IPAllowlist: true})
	r.expire(t, r.project.ID, r.keyID)
	compare("expired", map[verdict.Rule]bool{verdict.APIKey: true})
	if strings.Contains(r.log.String(), r.key) {
		t.Error("the log holds the secret")
	}
}

func refusals(e verdict.Explanation) (n int) {
	for _, step := range e.Steps {
		if step.Outcome == verdict.Refused {
			n++
		}
	}
	return n
}

// A key is explained to its own organization, and does not count as used.
func TestWhoseKeysAreExplained(t *testing.T) {
	r := newRig(t)
	_, err := r.Explain(t.Context(), verdict.Question{OrganizationID: "org_other", KeyID: r.keyID, Method: "GET", Path: "/v1/models"})
	if err == nil {
		t.Error("another organization's key is explained")
	}
	e, err := r.Explain(t.Context(), verdict.Question{OrganizationID: r.actor.OrganizationID, KeyID: r.keyID, Method: "GET", Path: "/v1/models"})
	must(t, err)
	equal(t, "refused", e.Err, nil)
	equal(t, "used", r.Used.Last(r.keyID).IsZero(), true)
}
