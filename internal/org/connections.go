package org

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/optional"
	"weir/internal/routing"
)

// ConnectionFields are what a caller may set on a connection. On creation Name
// and Provider must be given; on update what was not sent stays. A null secret
// removes it.
type ConnectionFields struct {
	Name          optional.Value[string]
	Description   optional.Value[string]
	Provider      optional.Value[string] // only on creation
	BaseURL       optional.Value[string]
	APIKey        optional.Value[string]
	AdminKey      optional.Value[string]
	Organization  optional.Value[string]
	Project       optional.Value[string]
	WorkspaceIDs  optional.Value[[]string]
	Models        optional.Value[[]string] // null: discover them
	Headers       optional.Value[map[string]string]
	NoStreamUsage optional.Value[bool]
}

// CreateConnection registers a provider account. Its keys are tried first; what
// the probe found is in the result, and a failed probe does not keep the
// connection from being saved.
func (s *Service) CreateConnection(ctx context.Context, actor audit.Actor, in ConnectionFields) (routing.Connection, routing.Probe, error) {
	if !in.Name.Given() {
		return routing.Connection{}, routing.Probe{}, fault.MissingParam("name")
	}
	if !in.Provider.Given() {
		return routing.Connection{}, routing.Probe{}, fault.MissingParam("provider")
	}
	if err := routing.Provider(in.Provider.V).Validate(); err != nil {
		return routing.Connection{}, routing.Probe{}, err
	}
	c := routing.Connection{
		ID: id.New(id.Connection), OrganizationID: actor.OrganizationID,
		Provider: routing.Provider(in.Provider.V), Status: routing.StatusNone, CreatedAt: s.Now(),
	}
	if _, err := s.applyConnection(&c, in); err != nil {
		return routing.Connection{}, routing.Probe{}, err
	}
	probe := s.probe(ctx, &c)
	err := s.update(ctx, actor, func(tx Tx) error {
		if !in.WorkspaceIDs.Given() {
			w, err := tx.WorkspaceByName(ctx, actor.OrganizationID, routing.DefaultWorkspace)
			if err != nil {
				return err
			}
			c.WorkspaceIDs = []string{w.ID}
		}
		if err := checkWorkspaces(ctx, tx, actor.OrganizationID, c.WorkspaceIDs); err != nil {
			return err
		}
		tx.Record(event(audit.ConnectionCreated, nil, details{ID: c.ID, Data: map[string]any{
			"name": c.Name, "provider": c.Provider, "base_url": c.BaseURL, "workspace_ids": c.WorkspaceIDs,
		}}))
		return tx.InsertConnection(ctx, c)
	})
	return c, probe, err
}

// UpdateConnection changes the fields that were sent, and tries the keys again
// when one of them, or the address, is among them, or when they did not work
// before.
func (s *Service) UpdateConnection(ctx context.Context, actor audit.Actor, connectionID string, in ConnectionFields) (routing.Connection, routing.Probe, error) {
	if in.Provider.Given() {
		return routing.Connection{}, routing.Probe{}, fault.Invalidf("unchangeable", "provider", "A connection keeps its provider. Make another connection instead.")
	}
	c, err := s.Connection(ctx, actor.OrganizationID, connectionID)
	if err != nil {
		return routing.Connection{}, routing.Probe{}, err
	}
	// The probe may take seconds, so it runs before the transaction, on what
	// the connection will be; the transaction applies the fields to what it is.
	if err := checkMoved(&c, in); err != nil {
		return routing.Connection{}, routing.Probe{}, err
	}
	if _, err := s.applyConnection(&c, in); err != nil {
		return routing.Connection{}, routing.Probe{}, err
	}
	var probe routing.Probe
	probed := c.Status == routing.StatusError || in.APIKey.Sent || in.AdminKey.Sent || in.BaseURL.Sent || in.Headers.Sent || in.Organization.Sent || in.Project.Sent
	if probed {
		probe = s.probe(ctx, &c)
	}
	found := c
	err = s.update(ctx, actor, func(tx Tx) error {
		if c, err = tx.Connection(ctx, actor.OrganizationID, connectionID); err != nil {
			return err
		}
		if err := checkMoved(&c, in); err != nil {
			return err
		}
		requested, err := s.applyConnection(&c, in)
		if err != nil {
			return err
		}
		if probed {
			c.Status, c.LastError, c.ProbedAt, c.Discovered = found.Status, found.LastError, found.ProbedAt, found.Discovered
		}
		if err := checkWorkspaces(ctx, tx, actor.OrganizationID, c.WorkspaceIDs); err != nil {
			return err
		}
		if err := checkEndpointsStay(ctx, tx, &c); err != nil {
			return err
		}
		tx.Record(event(audit.ConnectionUpdated, nil, details{ID: c.ID, Changes: requested}))
		return tx.UpdateConnection(ctx, c)
	})
	return c, probe, err
}

// probe tries the keys of c and writes the findings into it.
func (s *Service) probe(ctx context.Context, c *routing.Connection) routing.Probe {
	probe := s.Prober.Probe(ctx, *c)
	c.ProbedAt = s.Now()
	switch p := probe.APIKey; {
	case p == nil:
		c.Status, c.LastError = routing.StatusNone, ""
	case p.OK:
		c.Status, c.LastError, c.Discovered = routing.StatusOK, "", p.Models
	default:
		c.Status, c.LastError = routing.StatusError, p.Error
	}
	return probe
}

// Rediscover tries the inference keys of connections again, of those that did
// not work last time only or of all, and keeps what is new: models that a
// provider has added since, a key that stopped working.
// It is weir's own observation and leaves no audit event. A connection that was
// changed meanwhile is left for the next time.
func (s *Service) Rediscover(ctx context.Context, failing bool) error {
	var all []routing.Connection
	if err := s.Store.View(ctx, func(r Reader) error {
		return r.EachConnection(ctx, func(c routing.Connection) error { all = append(all, c); return nil })
	}); err != nil {
		return err
	}
	for _, before := range all {
		if failing && before.Status != routing.StatusError {
			continue
		}
		found := before
		probe := s.probe(ctx, &found)
		if probe.APIKey == nil || (found.Status == before.Status && found.LastError == before.LastError && slices.Equal(found.Discovered, before.Discovered)) {
			continue
		}
		err := s.update(ctx, audit.System(before.OrganizationID), func(tx Tx) error {
			c, err := tx.Connection(ctx, before.OrganizationID, before.ID)
			switch {
			case fault.Is(err, fault.NotFound):
				return nil
			case err != nil:
				return err
			case !c.ProbedAt.Equal(before.ProbedAt):
				return nil
			}
			c.Status, c.LastError, c.ProbedAt, c.Discovered = found.Status, found.LastError, found.ProbedAt, found.Discovered
			return tx.UpdateConnection(ctx, c)
		})
		if err != nil {
			return fmt.Errorf("keeping what connection %s was seen to serve: %w", before.ID, err)
		}
	}
	return nil
}

// applyConnection writes the fields that were sent into c and returns what was
// asked to change, for the audit log: secrets only by their redacted form.
func (s *Service) applyConnection(c *routing.Connection, in ConnectionFields) (map[string]any, error) {
	if err := in.checkBounds(); err != nil {
		return nil, err
	}
	requested := map[string]any{}
	if in.Name.Given() {
		if err := checkName("name", in.Name.V); err != nil {
			return nil, err
		}
		c.Name = in.Name.V
		requested["name"] = c.Name
	}
	if in.Description.Sent {
		c.Description = in.Description.V
		requested["description"] = c.Description
	}
	if err := s.applyBaseURL(c, in, requested); err != nil {
		return nil, err
	}
	if err := s.applySecrets(c, in, requested); err != nil {
		return nil, err
	}
	if in.Organization.Sent {
		c.UpstreamOrganization = in.Organization.V
		requested["organization"] = c.UpstreamOrganization
	}
	if in.Project.Sent {
		c.UpstreamProject = in.Project.V
		requested["project"] = c.UpstreamProject
	}
	if in.WorkspaceIDs.Given() {
		if len(in.WorkspaceIDs.V) == 0 {
			return nil, fault.EmptyArray("workspace_ids") // a connection lives somewhere
		}
		c.WorkspaceIDs = slices.Compact(slices.Sorted(slices.Values(in.WorkspaceIDs.V)))
		requested["workspace_ids"] = c.WorkspaceIDs
	}
	if in.Models.Sent {
		c.Models = in.Models.V
		requested["models"] = c.Models
	}
	if in.NoStreamUsage.Sent {
		c.NoStreamUsage = in.NoStreamUsage.V
		requested["no_stream_usage"] = c.NoStreamUsage
	}
	for _, header := range []struct{ param, value string }{
		{"api_key", in.APIKey.V}, {"admin_key", in.AdminKey.V}, {"organization", in.Organization.V}, {"project", in.Project.V},
	} {
		if !headerText(header.value) {
			return nil, fault.Invalidf("invalid_value", header.param, "Invalid '%s': it holds characters that cannot be sent in a header.", header.param)
		}
	}
	return requested, nil
}

func (s *Service) applyBaseURL(c *routing.Connection, in ConnectionFields, requested map[string]any) error {
	if !in.BaseURL.Sent && c.BaseURL != "" {
		return nil
	}
	base, err := routing.ValidateBaseURL(c.Provider, in.BaseURL.V)
	if err != nil {
		return err
	}
	c.BaseURL = base
	if in.BaseURL.Sent {
		requested["base_url"] = c.BaseURL
	}
	return nil
}

func (s *Service) applySecrets(c *routing.Connection, in ConnectionFields, requested map[string]any) error {
	for _, secret := range []struct {
		field    string
		sent     optional.Value[string]
		sealed   *routing.Sealed
		redacted *string
	}{
		{routing.FieldAPIKey, in.APIKey, &c.APIKey, &c.APIKeyRedacted},
		{routing.FieldAdminKey, in.AdminKey, &c.AdminKey, &c.AdminKeyRedacted},
	} {
		if !secret.sent.Sent {
			continue
		}
		*secret.sealed, *secret.redacted = nil, ""
		if secret.sent.V != "" {
			sealed, err := s.Sealer.Seal([]byte(secret.sent.V), c.SecretPlace(secret.field))
			if err != nil {
				return fmt.Errorf("sealing %s: %w", secret.field, err)
			}
			*secret.sealed, *secret.redacted = sealed, id.Redact(secret.sent.V)
		}
		requested[secret.field] = *secret.redacted
	}
	if !in.Headers.Sent {
		return nil
	}
	c.Headers, c.HeaderNames = nil, slices.Sorted(maps.Keys(in.Headers.V))
	requested["headers"] = c.HeaderNames
	if err := routing.ValidateHeaders(in.Headers.V); err != nil {
		return err
	}
	if len(in.Headers.V) == 0 {
		return nil
	}
	raw, err := json.Marshal(in.Headers.V)
	if err != nil {
		return fmt.Errorf("encoding headers: %w", err)
	}
	if c.Headers, err = s.Sealer.Seal(raw, c.SecretPlace(routing.FieldHeaders)); err != nil {
		return fmt.Errorf("sealing headers: %w", err)
	}
	return nil
}

// DeleteConnection forgets a provider account. While model endpoints stand on
// it, it stays.
func (s *Service) DeleteConnection(ctx context.Context, actor audit.Actor, connectionID string) error {
	return s.update(ctx, actor, func(tx Tx) error {
		c, err := tx.Connection(ctx, actor.OrganizationID, connectionID)
		if err != nil {
			return err
		}
		used, err := tx.ModelEndpointsOn(ctx, actor.OrganizationID, connectionID)
		if err != nil {
			return err
		}
		if len(used) > 0 {
			return fault.Invalidf("connection_in_use", "", "The connection '%s' serves the model endpoint '%s'. Change or delete it first.", c.Name, used[0].Name)
		}
		tx.Record(event(audit.ConnectionDeleted, nil, details{ID: c.ID}))
		return tx.DeleteConnection(ctx, actor.OrganizationID, c.ID)
	})
}

// Connections of an organization, newest first.
func (s *Service) Connections(ctx context.Context, organizationID string, f ConnectionFilter) (Rows[routing.Connection], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[routing.Connection], error) {
		return r.Connections(ctx, organizationID, f)
	})
}

// Connection returns one connection.
func (s *Service) Connection(ctx context.Context, organizationID, connectionID string) (routing.Connection, error) {
	return view(ctx, s.Store, func(r Reader) (routing.Connection, error) {
		return r.Connection(ctx, organizationID, connectionID)
	})
}
