package org_test

import (
	"testing"

	"weir/internal/audit"
	"weir/internal/endpoint/endpointtest"
	"weir/internal/fault"
	"weir/internal/optional"
	"weir/internal/org"
	"weir/internal/routing"
)

func connection(t *testing.T, env *endpointtest.Env, fields org.ConnectionFields) routing.Connection {
	t.Helper()
	c, _, err := env.Org.CreateConnection(t.Context(), actor(env), fields)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func actor(env *endpointtest.Env) audit.Actor { return audit.System(env.Organization.ID) }

func TestAStoredSecretIsNotSentToAnotherHost(t *testing.T) {
	env := endpointtest.New(t)
	c := connection(t, env, org.ConnectionFields{
		Name: optional.Of("x"), Provider: optional.Of("openai_compatible"),
		BaseURL: optional.Of("https://one.example/v1"), APIKey: optional.Of("sk-secret"),
	})
	update := func(in org.ConnectionFields) error {
		_, _, err := env.Org.UpdateConnection(t.Context(), actor(env), c.ID, in)
		return err
	}
	err := update(org.ConnectionFields{BaseURL: optional.Of("https://two.example/v1")})
	if !fault.Is(err, fault.Invalid) {
		t.Fatalf("moving to another host with the old key: %v", err)
	}
	if err := update(org.ConnectionFields{BaseURL: optional.Of("https://one.example/v2")}); err != nil {
		t.Errorf("another path of the same host: %v", err)
	}
	if err := update(org.ConnectionFields{BaseURL: optional.Of("https://two.example/v1"), APIKey: optional.Of("sk-other")}); err != nil {
		t.Errorf("another host with its key: %v", err)
	}
}

// Null is the provider's default address, which is another host as any other is.
func TestAStoredSecretIsNotSentToTheDefaultHost(t *testing.T) {
	env := endpointtest.New(t)
	c := connection(t, env, org.ConnectionFields{
		Name: optional.Of("x"), Provider: optional.Of("openai"),
		BaseURL: optional.Of("https://one.example/v1"), APIKey: optional.Of("sk-secret"),
	})
	toDefault := org.ConnectionFields{BaseURL: optional.Value[string]{Sent: true, Null: true}}
	if _, _, err := env.Org.UpdateConnection(t.Context(), actor(env), c.ID, toDefault); !fault.Is(err, fault.Invalid) {
		t.Fatalf("moving to the default host with the old key: %v", err)
	}
	env.Prober.Result = routing.Probe{APIKey: &routing.KeyProbe{OK: true, Models: []string{"gpt-4o"}}}
	toDefault.APIKey = optional.Of("sk-other")
	moved, _, err := env.Org.UpdateConnection(t.Context(), actor(env), c.ID, toDefault)
	if err != nil || moved.BaseURL != routing.OpenAI.DefaultBaseURL() || moved.Status != routing.StatusOK {
		t.Errorf("moving to the default host with its key: %+v, %v", moved, err)
	}
}

func TestAConnectionStaysWhereModelEndpointsStandOnIt(t *testing.T) {
	env := endpointtest.New(t)
	c := connection(t, env, org.ConnectionFields{Name: optional.Of("x"), Provider: optional.Of("sandbox")})
	w, err := env.Org.CreateWorkspace(t.Context(), actor(env), org.NewWorkspace{Name: "other"})
	if err != nil {
		t.Fatal(err)
	}
	m, err := env.Org.CreateModelEndpoint(t.Context(), actor(env), org.ModelEndpointFields{
		Name: optional.Of("chat"), Upstreams: optional.Of([]routing.Upstream{{ConnectionID: c.ID, Model: "gpt-4o"}}),
	})
	if err != nil {
		t.Fatal(err)
	}
	leave := org.ConnectionFields{WorkspaceIDs: optional.Of([]string{w.ID})}
	if _, _, err := env.Org.UpdateConnection(t.Context(), actor(env), c.ID, leave); !fault.Is(err, fault.Invalid) {
		t.Fatalf("leaving the workspace of an endpoint: %v", err)
	}
	if err := env.Org.DeleteConnection(t.Context(), actor(env), c.ID); !fault.Is(err, fault.Invalid) {
		t.Fatalf("deleting the connection of an endpoint: %v", err)
	}
	if err := env.Org.DeleteModelEndpoint(t.Context(), actor(env), m.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := env.Org.UpdateConnection(t.Context(), actor(env), c.ID, leave); err != nil {
		t.Errorf("leaving once nothing stands on it: %v", err)
	}
}

func TestRediscoverKeepsWhatAProviderHasAdded(t *testing.T) {
	env := endpointtest.New(t)
	env.Prober.Result = routing.Probe{APIKey: &routing.KeyProbe{OK: true, Models: []string{"old"}}}
	c := connection(t, env, org.ConnectionFields{Name: optional.Of("x"), Provider: optional.Of("sandbox")})
	events := auditCount(t, env)

	env.Prober.Result.APIKey.Models = []string{"old", "new"}
	if err := env.Org.Rediscover(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	c, err := env.Org.Connection(t.Context(), env.Organization.ID, c.ID)
	if err != nil || len(c.Serves()) != 2 {
		t.Fatalf("serves %v, %v", c.Serves(), err)
	}

	env.Prober.Result.APIKey = &routing.KeyProbe{Error: "refused"}
	if err := env.Org.Rediscover(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	c, err = env.Org.Connection(t.Context(), env.Organization.ID, c.ID)
	if err != nil || c.Status != routing.StatusError || len(c.Serves()) != 2 {
		t.Fatalf("a key that stopped working: status %s, serves %v, %v; its models must stay", c.Status, c.Serves(), err)
	}
	// Those in error are looked at more often than the others.
	env.Prober.Result.APIKey = &routing.KeyProbe{OK: true, Models: []string{"back"}}
	if err := env.Org.Rediscover(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if c, err = env.Org.Connection(t.Context(), env.Organization.ID, c.ID); err != nil || c.Status != routing.StatusOK || len(c.Serves()) != 1 {
		t.Fatalf("a key that works again: status %s, serves %v, %v", c.Status, c.Serves(), err)
	}
	env.Prober.Result.APIKey.Models = nil
	if err := env.Org.Rediscover(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if c, err = env.Org.Connection(t.Context(), env.Organization.ID, c.ID); err != nil || len(c.Serves()) != 1 {
		t.Fatalf("a connection that works was asked again among the failing ones: serves %v, %v", c.Serves(), err)
	}
	if n := auditCount(t, env); n != events {
		t.Errorf("looking again left %d audit events", n-events)
	}
}

func auditCount(t *testing.T, env *endpointtest.Env) int {
	t.Helper()
	rows, err := env.Org.AuditEvents(t.Context(), env.Organization.ID, audit.Query{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	return len(rows.Items)
}
