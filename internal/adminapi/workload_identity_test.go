package adminapi_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"

	"weir/internal/access"
)

const providersPath = "/v1/organization/workload_identity_providers"

func providerBody() map[string]any {
	return map[string]any{"type": "oidc", "name": "pipelines", "issuer": "https://token.example.com/ci", "audience": "weir"}
}

// provider registers a provider and returns its id.
func (w *world) provider() string {
	w.t.Helper()
	return w.post(providersPath, providerBody())["id"].(string)
}

// ruleBody is a rule for a new service account of a new project.
func (w *world) ruleBody() map[string]any {
	w.t.Helper()
	p := w.project("built")
	account, _ := w.account(p.ID, access.ProjectMember)
	return map[string]any{"project_id": p.ID, "service_account_id": account.ID, "attribute_matchers": map[string]any{"sub": "repo:acme/app:main"}}
}

// jwks is a set with one key, public or with its private half.
func jwks(t *testing.T, public bool) map[string]any {
	t.Helper()
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := jose.JSONWebKey{Key: signer, KeyID: "one", Algorithm: "ES256", Use: "sig"}
	if public {
		key = key.Public()
	}
	return map[string]any{"keys": []any{key}}
}

func workloadIdentityExamples() map[string]func(w *world) (path, body string) {
	const one = providersPath + "/{workload_identity_provider_id}"
	const rules = one + "/federation_rules"
	provider := func(body string) func(w *world) (string, string) {
		return func(w *world) (string, string) { return providersPath + "/" + w.provider(), body }
	}
	rule := func(body string) func(w *world) (string, string) {
		return func(w *world) (string, string) {
			path := providersPath + "/" + w.provider() + "/federation_rules"
			return path + "/" + w.post(path, w.ruleBody())["id"].(string), body
		}
	}
	return map[string]func(w *world) (path, body string){
		"POST " + providersPath: func(w *world) (string, string) { return providersPath, mustJSON(w.t, providerBody()) },
		"GET " + one:            provider(""),
		"POST " + one:           provider(`{"enabled": false}`),
		"DELETE " + one:         provider(""),
		"GET " + rules: func(w *world) (string, string) {
			return providersPath + "/" + w.provider() + "/federation_rules", ""
		},
		"POST " + rules: func(w *world) (string, string) {
			return providersPath + "/" + w.provider() + "/federation_rules", mustJSON(w.t, w.ruleBody())
		},
		"GET " + rules + "/{federation_rule_id}":    rule(""),
		"POST " + rules + "/{federation_rule_id}":   rule(`{"name": "renamed"}`),
		"DELETE " + rules + "/{federation_rule_id}": rule(""),
	}
}

func TestWorkloadIdentityProvidersThroughSDK(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	providers := w.client.Admin.Organization.WorkloadIdentityProviders
	p, err := providers.New(ctx, openai.AdminOrganizationWorkloadIdentityProviderNewParams{
		Name: "pipelines", Issuer: "https://token.example.com/ci", Audience: "weir",
		AttributeTransformations: []openai.AdminOrganizationWorkloadIdentityProviderNewParamsAttributeTransformation{
			{Attribute: "namespace", Expression: "assertion['kubernetes.io'].namespace"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !p.Enabled || p.Verification.Type != "discovery" || p.JSON.Description.Raw() != "null" || p.CreatedAt != p.UpdatedAt ||
		len(p.AttributeTransformations) != 1 || p.AttributeTransformations[0].Attribute != "namespace" {
		t.Errorf("registered %s", p.RawJSON())
	}
	kind, _, details := w.lastEvent()
	if data, _ := details["data"].(map[string]any); kind != "workload_identity_provider.created" || details["id"] != p.ID || data["issuer"] != p.Issuer || data["audience"] != "weir" {
		t.Errorf("recorded %s %v", kind, details)
	}
	changed := w.post(providersPath+"/"+p.ID, map[string]any{
		"enabled": false, "description": "of the main branch", "verification": map[string]any{"type": "uploaded_jwks", "jwks": jwks(t, true)},
	})
	if changed["enabled"] != false || changed["name"] != "pipelines" || changed["verification"].(map[string]any)["jwks"] == nil || len(changed["attribute_transformations"].([]any)) != 1 {
		t.Errorf("changed %v", changed)
	}
	kind, _, details = w.lastEvent()
	if requested, _ := details["changes_requested"].(map[string]any); kind != "workload_identity_provider.updated" || requested["enabled"] != false || requested["name"] != nil || len(requested) != 3 {
		t.Errorf("recorded %s %v", kind, details)
	}
	kept := w.post(providersPath+"/"+p.ID, map[string]any{})
	if kept["description"] != "of the main branch" || kept["enabled"] != false {
		t.Errorf("changed by nothing: %v", kept)
	}
	if cleared := w.post(providersPath+"/"+p.ID, map[string]any{"description": nil, "attribute_transformations": []any{}}); cleared["description"] != nil || len(cleared["attribute_transformations"].([]any)) != 0 {
		t.Errorf("cleared %v", cleared)
	}
	if gone, err := providers.Delete(ctx, p.ID); err != nil || !gone.Deleted || gone.ID != p.ID {
		t.Errorf("deleted: %+v %v", gone, err)
	}
	if kind, _, details := w.lastEvent(); kind != "workload_identity_provider.deleted" || mustJSON(t, details) != fmt.Sprintf(`{"id":%q,"name":"pipelines"}`, p.ID) {
		t.Errorf("recorded %s %v", kind, details)
	}
	if _, err := providers.Get(ctx, p.ID); statusOf(t, err) != 404 {
		t.Errorf("a deleted provider is answered %v", err)
	}
}

func TestFederationRulesThroughSDK(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	rules := w.client.Admin.Organization.WorkloadIdentityProviders.FederationRules
	providerID := w.provider()
	p := w.project("built")
	account, _ := w.account(p.ID, access.ProjectMember)
	type matcher = openai.AdminOrganizationWorkloadIdentityProviderFederationRuleNewParamsAttributeMatcherUnion
	f, err := rules.New(ctx, providerID, openai.AdminOrganizationWorkloadIdentityProviderFederationRuleNewParams{
		ProjectID: p.ID, ServiceAccountID: account.ID, Name: openai.String("main"),
		AttributeMatchers: map[string]matcher{"repository": {OfString: openai.String("acme/app")}, "protected": {OfBool: openai.Bool(true)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if f.WorkloadIdentityProviderID != providerID || f.Name != "main" || !f.Enabled || f.Permissions.Type != "service_account_default" || f.JSON.Description.Raw() != "null" ||
		f.AttributeMatchers["repository"].OfString != "acme/app" || !f.AttributeMatchers["protected"].OfBool {
		t.Errorf("created %s", f.RawJSON())
	}
	kind, projectID, details := w.lastEvent()
	if kind != "workload_identity_provider_mapping.created" || projectID != p.ID || details["id"] != f.ID || details["identity_provider_id"] != providerID {
		t.Errorf("recorded %s %s %v", kind, projectID, details)
	}
	path := providersPath + "/" + providerID + "/federation_rules/" + f.ID
	changed := w.post(path, map[string]any{
		"name": nil, "attribute_matchers": map[string]any{"run": 12345678901234567, "ref": "main"},
		"permissions": map[string]any{"type": "restricted", "scopes": []string{"api.model.request"}},
	})
	if got := mustJSON(t, changed["permissions"]); changed["name"] != nil || got != `{"scopes":["api.model.request"],"type":"restricted"}` {
		t.Errorf("changed %v", changed)
	}
	if raw := string(w.call(w.AdminKey, "GET", path, "").raw); !strings.Contains(raw, `"run":12345678901234567`) {
		t.Errorf("a number lost digits: %s", raw)
	}
	kind, _, details = w.lastEvent()
	if requested, _ := details["changes_requested"].(map[string]any); kind != "workload_identity_provider_mapping.updated" || len(requested) != 3 || details["identity_provider_id"] != providerID {
		t.Errorf("recorded %s %v", kind, details)
	}
	if kept := w.post(path, map[string]any{"permissions": map[string]any{"type": "service_account_default"}}); len(kept["attribute_matchers"].(map[string]any)) != 2 || kept["permissions"].(map[string]any)["scopes"] != nil {
		t.Errorf("changed %v", kept)
	}
	w.refuse([]refusal{{"DELETE", providersPath + "/" + providerID, "", 400, "", "provider_has_rules"}})

	gone, err := rules.Delete(ctx, providerID, f.ID)
	if err != nil || !gone.Deleted || gone.ID != f.ID {
		t.Errorf("deleted: %+v %v", gone, err)
	}
	kind, _, details = w.lastEvent()
	want := fmt.Sprintf(`{"id":%q,"identity_provider_id":%q,"project_id":%q,"service_account_id":%q}`, f.ID, providerID, p.ID, account.ID)
	if kind != "workload_identity_provider_mapping.deleted" || mustJSON(t, details) != want {
		t.Errorf("recorded %s %v", kind, details)
	}

	// A service account's rules go with it.
	body := map[string]any{"project_id": p.ID, "service_account_id": account.ID, "attribute_matchers": map[string]any{"sub": "a"}}
	second := w.post(providersPath+"/"+providerID+"/federation_rules", body)["id"].(string)
	if err := w.Org.DeleteServiceAccount(ctx, w.actor(), p.ID, account.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := rules.Get(ctx, providerID, second); statusOf(t, err) != 404 {
		t.Errorf("the rule stayed: %v", err)
	}
	if names := w.logged(); !slices.Contains(names[len(names)-4:], "workload_identity_provider_mapping.deleted") {
		t.Errorf("recorded %q", names[len(names)-4:])
	}
	if got := w.call(w.AdminKey, "DELETE", providersPath+"/"+providerID, ""); got.status != 200 {
		t.Errorf("a provider whose rules are gone: %d %s", got.status, got.raw)
	}
}

func TestWorkloadIdentityRefusals(t *testing.T) {
	w := newWorld(t)
	providerID, other := w.provider(), w.provider()
	path := providersPath + "/" + providerID
	rules := path + "/federation_rules"
	body, elsewhere := w.ruleBody(), w.ruleBody()
	ruleID := w.post(rules, body)["id"].(string)
	stranger, _, strangerKey := w.NewOrganization(t, "stranger@example.com")
	archived := w.ruleBody()
	p, err := w.Org.ArchiveProject(t.Context(), w.actor(), archived["project_id"].(string))
	must(t, p, err)
	var refusals []refusal
	provider := func(fields map[string]any, param, code string) {
		refusals = append(refusals, refusal{"POST", providersPath, mustJSON(t, with(providerBody(), fields)), 400, param, code})
	}
	for name := range providerBody() {
		provider(map[string]any{name: nil}, name, "missing_required_parameter")
		provider(map[string]any{name: 7}, name, "invalid_type")
	}
	provider(map[string]any{"type": "saml"}, "type", "invalid_value")
	provider(map[string]any{"name": ""}, "name", "empty_string")
	provider(map[string]any{"audience": ""}, "audience", "empty_string")
	provider(map[string]any{"enabled": "yes"}, "enabled", "invalid_type")
	provider(map[string]any{"description": strings.Repeat("x", 4097)}, "description", "string_above_max_length")
	for _, issuer := range []string{"", "token.example.com", "http://token.example.com", "ftp://token.example.com", "https://", "https://u:p@a.b", "https://a.b/?x=1", "https://a.b/#x", "https://a b", "https://" + strings.Repeat("a", 2048)} {
		code := "invalid_value"
		if len(issuer) > 2048 {
			code = "string_above_max_length"
		}
		provider(map[string]any{"issuer": issuer}, "issuer", code)
	}
	verification := func(v any, param, code string) { provider(map[string]any{"verification": v}, param, code) }
	verification("discovery", "verification", "invalid_type")
	verification(map[string]any{}, "verification.type", "missing_required_parameter")
	verification(map[string]any{"type": "magic"}, "verification.type", "invalid_value")
	verification(map[string]any{"type": "discovery", "discovery_url": "http://a.b/c"}, "verification.discovery_url", "invalid_value")
	verification(map[string]any{"type": "uploaded_jwks"}, "verification.jwks", "missing_required_parameter")
	verification(map[string]any{"type": "uploaded_jwks", "jwks": []any{}}, "verification.jwks", "invalid_value")
	verification(map[string]any{"type": "uploaded_jwks", "jwks": map[string]any{"keys": []any{}}}, "verification.jwks", "invalid_value")
	verification(map[string]any{"type": "uploaded_jwks", "jwks": map[string]any{"keys": []any{map[string]any{"kty": "oct", "k": "c2VjcmV0"}}}}, "verification.jwks", "invalid_value")
	verification(map[string]any{"type": "uploaded_jwks", "jwks": map[string]any{"keys": []any{map[string]any{"kty": "EC"}}}}, "verification.jwks", "invalid_value")
	verification(map[string]any{"type": "uploaded_jwks", "jwks": jwks(t, false)}, "verification.jwks", "invalid_value")
	verification(map[string]any{"type": "uploaded_jwks", "jwks": with(jwks(t, true), map[string]any{"x": strings.Repeat("x", 70_000)})}, "verification.jwks", "string_above_max_length")
	transformation := func(all any, param, code string) {
		provider(map[string]any{"attribute_transformations": all}, param, code)
	}
	one := func(attribute, expression string) map[string]any {
		return map[string]any{"attribute": attribute, "expression": expression}
	}
	transformation("x", "attribute_transformations", "invalid_type")
	transformation([]any{map[string]any{"attribute": "a"}}, "attribute_transformations[0].expression", "missing_required_parameter")
	transformation([]any{one("", "assertion.a")}, "attribute_transformations[0].attribute", "empty_string")
	transformation([]any{one("a", "assertion.a"), one("a", "assertion.b")}, "attribute_transformations[1].attribute", "duplicate_parameter")
	for _, expression := range []string{"", "assertion", "assertion.", "sub", "assertion.sub + 'x'", "assertion.sub()", "assertion['a", "assertion['']", "assertion[0]"} {
		transformation([]any{one("a", expression)}, "attribute_transformations[0].expression", "invalid_value")
	}
	transformation(slices.Repeat([]any{one("a", "assertion.a")}, 51), "attribute_transformations", "array_above_max_length")

	rule := func(fields map[string]any, param, code string) {
		refusals = append(refusals, refusal{"POST", rules, mustJSON(t, with(body, fields)), 400, param, code})
	}
	for name := range body {
		rule(map[string]any{name: nil}, name, "missing_required_parameter")
	}
	matchers := func(v any, param, code string) { rule(map[string]any{"attribute_matchers": v}, param, code) }
	matchers("sub", "attribute_matchers", "invalid_type")
	matchers(map[string]any{}, "attribute_matchers", "invalid_value")
	matchers(map[string]any{"": "a"}, "attribute_matchers", "empty_string")
	matchers(map[string]any{"sub": nil}, "attribute_matchers.sub", "invalid_type")
	matchers(map[string]any{"sub": []any{"a"}}, "attribute_matchers.sub", "invalid_type")
	matchers(map[string]any{"sub": map[string]any{}}, "attribute_matchers.sub", "invalid_type")
	matchers(map[string]any{"sub": ""}, "attribute_matchers.sub", "empty_string")
	matchers(map[string]any{"sub": strings.Repeat("x", 3000)}, "attribute_matchers.sub", "string_above_max_length")
	many := map[string]any{}
	for i := range 51 {
		many[fmt.Sprint("a", i)] = true
	}
	matchers(many, "attribute_matchers", "invalid_value")
	permissions := func(v any, param, code string) { rule(map[string]any{"permissions": v}, param, code) }
	permissions("all", "permissions", "invalid_type")
	permissions(map[string]any{"type": "all"}, "permissions.type", "invalid_value")
	permissions(map[string]any{"type": "restricted"}, "permissions.scopes", "empty_array")
	permissions(map[string]any{"type": "restricted", "scopes": []any{"everything"}}, "permissions.scopes[0]", "invalid_value")
	rule(map[string]any{"project_id": "proj_none"}, "project_id", "invalid_value")
	rule(map[string]any{"project_id": stranger.DefaultProjectID}, "project_id", "invalid_value")
	rule(map[string]any{"project_id": archived["project_id"], "service_account_id": archived["service_account_id"]}, "project_id", "project_archived")
	rule(map[string]any{"service_account_id": "svc_acct_none"}, "service_account_id", "invalid_value")
	rule(map[string]any{"service_account_id": elsewhere["service_account_id"]}, "service_account_id", "invalid_value") // of another project
	rule(map[string]any{"name": " "}, "name", "invalid_value")
	refusals = append(refusals, []refusal{
		{"POST", path, `{"issuer": "http://a.b"}`, 400, "issuer", "invalid_value"},
		{"POST", path, `{"name": ""}`, 400, "name", "empty_string"},
		{"POST", path, `{"verification": {"type": "uploaded_jwks"}}`, 400, "verification.jwks", "missing_required_parameter"},
		{"POST", rules + "/" + ruleID, `{"attribute_matchers": {}}`, 400, "attribute_matchers", "invalid_value"},
		{"POST", rules + "/" + ruleID, `{"permissions": {"type": "restricted", "scopes": []}}`, 400, "permissions.scopes", "empty_array"},
		{"GET", providersPath + "/wip_none", "", 404, "", "not_found"},
		{"POST", providersPath + "/wip_none", `{"name": "a"}`, 404, "", "not_found"},
		{"DELETE", providersPath + "/wip_none", "", 404, "", "not_found"},
		{"GET", providersPath + "/wip_none/federation_rules", "", 404, "", "not_found"},
		{"POST", providersPath + "/wip_none/federation_rules", mustJSON(t, body), 404, "", "not_found"},
		{"GET", rules + "/fedrule_none", "", 404, "", "not_found"},
		{"GET", providersPath + "/" + other + "/federation_rules/" + ruleID, "", 404, "", "not_found"},
		{"POST", providersPath + "/" + other + "/federation_rules/" + ruleID, `{"name": "a"}`, 404, "", "not_found"},
		{"DELETE", providersPath + "/" + other + "/federation_rules/" + ruleID, "", 404, "", "not_found"},
		{"GET", providersPath + "?after=wip_none", "", 400, "after", "invalid_cursor"},
		{"GET", rules + "?after=fedrule_none", "", 400, "after", "invalid_cursor"},
		{"GET", rules + "?order=up", "", 400, "order", "invalid_value"},
	}...)
	w.refuse(refusals)
	for _, path := range []string{path, rules, rules + "/" + ruleID} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			text := ""
			if method == "POST" {
				text = mustJSON(t, with(body, map[string]any{"name": "mine"}))
			}
			if got := w.call(strangerKey, method, path, text); got.status != 404 && got.status != 405 {
				t.Errorf("another organization's %s %s: %d %s", method, path, got.status, got.raw)
			}
		}
	}
	// Loopback is this machine, and nothing in a body chooses an id.
	made := w.post(providersPath, with(providerBody(), map[string]any{"issuer": "http://127.0.0.1:8080", "id": "wip_chosen", "created_at": 1}))
	if made["id"] == "wip_chosen" || made["created_at"] == 1.0 {
		t.Errorf("made %v", made)
	}
}

func TestWorkloadIdentityWalkedByOne(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	providerID := w.provider()
	path := providersPath + "/" + providerID + "/federation_rules"
	body := w.ruleBody()
	for i := range 4 {
		w.provider()
		w.post(path, with(body, map[string]any{"name": fmt.Sprint(i)}))
	}
	w.post(path, w.ruleBody())
	providers := w.client.Admin.Organization.WorkloadIdentityProviders
	type list struct {
		rows int
		walk func(limit param.Opt[int64]) []string
	}
	for name, l := range map[string]list{
		"providers": {5, func(limit param.Opt[int64]) []string {
			return walk(t, providers.ListAutoPaging(ctx, openai.AdminOrganizationWorkloadIdentityProviderListParams{Limit: limit}),
				func(p openai.WorkloadIdentityProvider) string { return p.ID })
		}},
		"rules, oldest first": {5, func(limit param.Opt[int64]) []string {
			return walk(t, providers.FederationRules.ListAutoPaging(ctx, providerID, openai.AdminOrganizationWorkloadIdentityProviderFederationRuleListParams{Limit: limit, Order: "asc"}),
				func(f openai.FederationRule) string { return f.ID })
		}},
		"rules of an account": {4, func(limit param.Opt[int64]) []string {
			return walk(t, providers.FederationRules.ListAutoPaging(ctx, providerID, openai.AdminOrganizationWorkloadIdentityProviderFederationRuleListParams{
				Limit: limit, ServiceAccountID: openai.String(body["service_account_id"].(string)),
			}), func(f openai.FederationRule) string { return f.Name })
		}},
	} {
		if whole, walked := l.walk(openai.Int(100)), l.walk(openai.Int(1)); len(whole) != l.rows || !slices.Equal(whole, walked) {
			t.Errorf("%s: walked %q, whole %q, want %d", name, walked, whole, l.rows)
		}
	}
}
