package org_test

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint/endpointtest"
	"weir/internal/fault"
	"weir/internal/optional"
	"weir/internal/org"
	"weir/internal/routing"
)

// Everything a caller may have kept is bounded: it is in every node's memory.
func TestWhatIsKeptIsBounded(t *testing.T) {
	env := endpointtest.New(t)
	ctx, who := t.Context(), actor(env)
	c := connection(t, env, org.ConnectionFields{Name: optional.Of("x"), Provider: optional.Of("sandbox")})
	text := func(n int) optional.Value[string] { return optional.Of(strings.Repeat("é", n)) }
	ids := slices.Repeat([]string{env.Organization.DefaultProjectID}, 1001)
	headers := map[string]string{}
	for i := range 51 {
		headers["X-"+strconv.Itoa(i)] = "v"
	}
	update := func(in org.ConnectionFields) error {
		_, _, err := env.Org.UpdateConnection(ctx, who, c.ID, in)
		return err
	}
	endpoint := func(model string) error {
		_, err := env.Org.CreateModelEndpoint(ctx, who, org.ModelEndpointFields{
			Name: optional.Of("m"), Upstreams: optional.Of([]routing.Upstream{{ConnectionID: c.ID, Model: model}}),
		})
		return err
	}
	key := func(scopes ...string) error {
		_, _, err := env.Org.CreateAPIKey(ctx, who, env.Organization.DefaultProjectID, org.NewAPIKey{UserID: env.Owner.ID, Scopes: scopes})
		return err
	}
	project := func(in org.NewProject) error { _, err := env.Org.CreateProject(ctx, who, in); return err }
	workspace := func(ids []string) error {
		_, err := env.Org.CreateWorkspace(ctx, who, org.NewWorkspace{Name: "w" + strconv.Itoa(len(ids)), ProjectIDs: ids})
		return err
	}
	before := events(t, env)
	for what, tt := range map[string]struct {
		err   error
		code  string
		param string
	}{
		"a long name":         {project(org.NewProject{Name: strings.Repeat("é", 257)}), "string_above_max_length", "name"},
		"a blank name":        {project(org.NewProject{Name: " \u3000"}), "invalid_value", "name"},
		"a line break":        {project(org.NewProject{Name: "a\nb"}), "invalid_value", "name"},
		"an escape":           {project(org.NewProject{Name: "\x1b[31mred"}), "invalid_value", "name"},
		"a line separator":    {project(org.NewProject{Name: "a\u2028b"}), "invalid_value", "name"},
		"text turned around":  {project(org.NewProject{Name: "a\u202eb"}), "invalid_value", "name"},
		"an external key":     {project(org.NewProject{Name: "x", ExternalKeyID: text(257)}), "string_above_max_length", "external_key_id"},
		"a description":       {update(org.ConnectionFields{Description: text(4097)}), "string_above_max_length", "description"},
		"an organization":     {update(org.ConnectionFields{Organization: text(257)}), "string_above_max_length", "organization"},
		"a key":               {update(org.ConnectionFields{APIKey: optional.Of(strings.Repeat("k", 8193))}), "string_above_max_length", "api_key"},
		"a key beyond ASCII":  {update(org.ConnectionFields{APIKey: text(20)}), "invalid_value", "api_key"},
		"models":              {update(org.ConnectionFields{Models: optional.Of(slices.Repeat([]string{"m"}, 5001))}), "array_above_max_length", "models"},
		"a model's name":      {update(org.ConnectionFields{Models: optional.Of([]string{"m", strings.Repeat("m", 257)})}), "string_above_max_length", "models[1]"},
		"no model's name":     {update(org.ConnectionFields{Models: optional.Of([]string{""})}), "empty_string", "models[0]"},
		"workspaces":          {update(org.ConnectionFields{WorkspaceIDs: optional.Of(ids)}), "array_above_max_length", "workspace_ids"},
		"headers":             {update(org.ConnectionFields{Headers: optional.Of(headers)}), "array_above_max_length", "headers"},
		"a header":            {update(org.ConnectionFields{Headers: optional.Of(map[string]string{"X-A": strings.Repeat("v", 8192)})}), "string_above_max_length", "headers"},
		"an upstream's model": {endpoint(strings.Repeat("m", 257)), "string_above_max_length", "upstreams[0].model"},
		"scopes":              {key(slices.Repeat([]string{"api.model.read"}, 201)...), "array_above_max_length", "scopes"},
		"a scope":             {key("api." + strings.Repeat("a", 300) + ".read"), "string_above_max_length", "scopes[0]"},
		"projects":            {workspace(ids), "array_above_max_length", "project_ids"},
	} {
		var f *fault.Error
		if !errors.As(tt.err, &f) || f.Kind != fault.Invalid || f.Code != tt.code || f.Param != tt.param {
			t.Errorf("%s: %v, want code %s about %s", what, tt.err, tt.code, tt.param)
		}
	}
	if after := events(t, env); after != before {
		t.Errorf("refusals left %d audit events", after-before)
	}
	delete(headers, slices.Sorted(maps.Keys(headers))[0])
	for what, err := range map[string]error{
		"a name":          project(org.NewProject{Name: strings.Repeat("é", 256), ExternalKeyID: text(256)}),
		"a name in Farsi": project(org.NewProject{Name: "می\u200cخواهم"}), // with a joiner, which is no control character
		"fields":          update(org.ConnectionFields{Description: text(4096), Headers: optional.Of(headers), Models: optional.Of([]string{"m"})}),
		"an endpoint":     endpoint(strings.Repeat("m", 256)),
		"scopes":          key(slices.Repeat([]string{"api.model.read"}, 200)...),
		"projects":        workspace(ids[:1000]),
	} {
		if err != nil {
			t.Errorf("%s at the bound: %v", what, err)
		}
	}
}

// events counts the organization's audit events.
func events(t *testing.T, env *endpointtest.Env) (n int) {
	t.Helper()
	err := env.Store.View(t.Context(), func(r org.Reader) error {
		return r.AuditChain(t.Context(), env.Organization.ID, 0, func(audit.Event) error { n++; return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestTheLastAdminKeyThatWorksStays(t *testing.T) {
	env := endpointtest.New(t)
	now := time.Now()
	env.Org.Now = func() time.Time { return now }
	ctx, who := t.Context(), actor(env)
	keys, err := env.Org.AdminKeys(ctx, env.Organization.ID, org.Page{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	first := keys.Items[0]
	short, _, err := env.Org.CreateAdminKey(ctx, who, org.NewAdminKey{Name: "short", UserID: env.Owner.ID, ExpiresInSeconds: optional.Of(int64(60))})
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	if err := env.Org.DeleteAdminKey(ctx, who, first.ID); !fault.Is(err, fault.Invalid) {
		t.Errorf("deleting the last key while another has expired: %v", err)
	}
	if err := env.Org.DeleteAdminKey(ctx, who, short.ID); err != nil {
		t.Errorf("deleting an expired key: %v", err)
	}
	if err := env.Org.DeleteAdminKey(ctx, who, first.ID); !fault.Is(err, fault.Invalid) {
		t.Errorf("deleting the last key: %v", err)
	}

	// Keys of people who may not manage the organization do not count, and go.
	reader := org.User{ID: "user-reader", OrganizationID: env.Organization.ID, Email: "reader@example.com", Role: access.OrganizationReader, CreatedAt: now}
	if _, err := env.Store.Update(ctx, who, func(tx org.Tx) error { return tx.InsertUser(ctx, reader) }); err != nil {
		t.Fatal(err)
	}
	theirs, _, err := env.Org.CreateAdminKey(ctx, who, org.NewAdminKey{Name: "reads", UserID: reader.ID})
	if err != nil {
		t.Fatal(err)
	}
	if err := env.Org.DeleteAdminKey(ctx, who, first.ID); !fault.Is(err, fault.Invalid) {
		t.Errorf("deleting the last key that manages: %v", err)
	}
	if err := env.Org.DeleteAdminKey(ctx, who, theirs.ID); err != nil {
		t.Errorf("deleting a reader's key: %v", err)
	}
}
