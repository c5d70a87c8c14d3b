package org

import (
	"context"
	"fmt"
	"slices"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/optional"
	"weir/internal/routing"
)

// ModelEndpointFields are what a caller may set on a model endpoint. On
// creation Name and Upstreams must be given; on update what was not sent stays.
type ModelEndpointFields struct {
	Name            optional.Value[string]
	WorkspaceID     optional.Value[string] // only on creation; default: the default workspace
	Upstreams       optional.Value[[]routing.Upstream]
	Enabled         optional.Value[bool]
	MaxOutputTokens optional.Value[int64] // null: the model's own
	Hangup          optional.Value[string]
	Timeouts        optional.Value[routing.Timeouts]
	Retries         optional.Value[int64] // default, on creation: one for each further upstream, at most 2
}

const (
	maxUpstreams = 20
	maxRetries   = 10
	// defaultRetries bounds what an endpoint with several upstreams gets: a second
	// or third upstream that is never tried would be of no use.
	defaultRetries = 2
	maxTimeoutMS   = 24 * 60 * 60 * 1000
	maxWeight      = 1000
)

// CreateModelEndpoint makes a named way to call a model on connections of its
// workspace. The creator needs no access to the connections' keys.
func (s *Service) CreateModelEndpoint(ctx context.Context, actor audit.Actor, in ModelEndpointFields) (routing.ModelEndpoint, error) {
	if !in.Name.Given() {
		return routing.ModelEndpoint{}, fault.MissingParam("name")
	}
	if !in.Upstreams.Given() {
		return routing.ModelEndpoint{}, fault.MissingParam("upstreams")
	}
	creator := actor.UserID
	if creator == "" {
		creator = actor.ServiceAccountID
	}
	m := routing.ModelEndpoint{
		ID: id.New(id.ModelEndpoint), OrganizationID: actor.OrganizationID, WorkspaceID: in.WorkspaceID.Or(""),
		Enabled: true, Hangup: routing.HangupDrain, CreatedBy: creator, CreatedAt: s.Now(),
	}
	if !in.Retries.Given() {
		in.Retries = optional.Of(min(max(int64(len(in.Upstreams.V))-1, 0), defaultRetries))
	}
	requested, err := applyModelEndpoint(&m, in)
	if err != nil {
		return routing.ModelEndpoint{}, err
	}
	err = s.update(ctx, actor, func(tx Tx) error {
		if m.WorkspaceID == "" {
			w, err := tx.WorkspaceByName(ctx, actor.OrganizationID, routing.DefaultWorkspace)
			if err != nil {
				return err
			}
			m.WorkspaceID = w.ID
		}
		if _, err := tx.Workspace(ctx, actor.OrganizationID, m.WorkspaceID); err != nil {
			return notFoundAsInvalid(err, "workspace_id")
		}
		if err := checkUpstreams(ctx, tx, m); err != nil {
			return err
		}
		requested["workspace_id"] = m.WorkspaceID
		tx.Record(event(audit.ModelEndpointCreated, nil, details{ID: m.ID, Data: requested}))
		return tx.InsertModelEndpoint(ctx, m)
	})
	return m, err
}

// UpdateModelEndpoint changes the fields that were sent.
func (s *Service) UpdateModelEndpoint(ctx context.Context, actor audit.Actor, modelEndpointID string, in ModelEndpointFields) (routing.ModelEndpoint, error) {
	var m routing.ModelEndpoint
	err := s.update(ctx, actor, func(tx Tx) error {
		var err error
		if m, err = tx.ModelEndpoint(ctx, actor.OrganizationID, modelEndpointID); err != nil {
			return err
		}
		if in.WorkspaceID.Given() && in.WorkspaceID.V != m.WorkspaceID {
			return fault.Invalidf("unchangeable", "workspace_id", "A model endpoint keeps its workspace: its address contains it.")
		}
		requested, err := applyModelEndpoint(&m, in)
		if err != nil {
			return err
		}
		if err := checkUpstreams(ctx, tx, m); err != nil {
			return err
		}
		tx.Record(event(audit.ModelEndpointUpdated, nil, details{ID: m.ID, Changes: requested}))
		return tx.UpdateModelEndpoint(ctx, m)
	})
	return m, err
}

// applyModelEndpoint writes the fields that were sent into m and returns them
// for the audit log.
func applyModelEndpoint(m *routing.ModelEndpoint, in ModelEndpointFields) (map[string]any, error) {
	requested := map[string]any{}
	if in.Name.Given() {
		if err := checkPathName("name", in.Name.V); err != nil {
			return nil, err
		}
		m.Name = in.Name.V
		requested["name"] = m.Name
	}
	if in.Upstreams.Given() {
		m.Upstreams = slices.Clone(in.Upstreams.V)
		requested["upstreams"] = m.Upstreams
	}
	if in.Enabled.Given() {
		m.Enabled = in.Enabled.V
		requested["enabled"] = m.Enabled
	}
	if in.Hangup.Given() {
		if err := fault.OneOf("hangup", in.Hangup.V, []string{string(routing.HangupDrain), string(routing.HangupCancel)}); err != nil {
			return nil, err
		}
		m.Hangup = routing.Hangup(in.Hangup.V)
		requested["hangup"] = m.Hangup
	}
	if in.MaxOutputTokens.Sent {
		if err := fault.InRange("max_output_tokens", in.MaxOutputTokens.V, 0, 100_000_000); err != nil {
			return nil, err
		}
		m.MaxOutputTokens = in.MaxOutputTokens.V
		requested["max_output_tokens"] = m.MaxOutputTokens
	}
	if in.Retries.Given() {
		if err := fault.InRange("retries", in.Retries.V, 0, maxRetries); err != nil {
			return nil, err
		}
		m.Retries = int(in.Retries.V)
		requested["retries"] = m.Retries
	}
	if in.Timeouts.Sent {
		for _, t := range []struct {
			param string
			ms    int64
		}{
			{"timeouts.connect_ms", in.Timeouts.V.ConnectMS}, {"timeouts.first_byte_ms", in.Timeouts.V.FirstByteMS},
			{"timeouts.idle_ms", in.Timeouts.V.IdleMS}, {"timeouts.total_ms", in.Timeouts.V.TotalMS},
		} {
			if err := fault.InRange(t.param, t.ms, 0, maxTimeoutMS); err != nil {
				return nil, err
			}
		}
		m.Timeouts = in.Timeouts.V
		requested["timeouts"] = m.Timeouts
	}
	return requested, nil
}

// checkUpstreams refuses upstreams that are not on the workspace's connections.
func checkUpstreams(ctx context.Context, r Reader, m routing.ModelEndpoint) error {
	if len(m.Upstreams) == 0 {
		return fault.EmptyArray("upstreams")
	}
	if err := checkCount("upstreams", len(m.Upstreams), maxUpstreams); err != nil {
		return err
	}
	for i, u := range m.Upstreams {
		at := func(field string) string { return fmt.Sprintf("upstreams[%d].%s", i, field) }
		if u.ConnectionID == "" {
			return fault.MissingParam(at("connection_id"))
		}
		if u.Model == "" {
			return fault.MissingParam(at("model"))
		}
		if err := checkLength(at("model"), u.Model, maxReference); err != nil {
			return err
		}
		if err := fault.InRange(at("priority"), int64(u.Priority), 0, 1000); err != nil {
			return err
		}
		if err := fault.InRange(at("weight"), int64(u.Weight), 0, maxWeight); err != nil {
			return err
		}
		c, err := r.Connection(ctx, m.OrganizationID, u.ConnectionID)
		if err != nil {
			return notFoundAsInvalid(err, at("connection_id"))
		}
		if !slices.Contains(c.WorkspaceIDs, m.WorkspaceID) {
			return fault.Invalidf("invalid_value", at("connection_id"), "The connection '%s' does not belong to the endpoint's workspace.", u.ConnectionID)
		}
	}
	return nil
}

// DeleteModelEndpoint removes a model endpoint.
func (s *Service) DeleteModelEndpoint(ctx context.Context, actor audit.Actor, modelEndpointID string) error {
	return s.update(ctx, actor, func(tx Tx) error {
		if err := tx.DeleteModelEndpoint(ctx, actor.OrganizationID, modelEndpointID); err != nil {
			return err
		}
		tx.Record(event(audit.ModelEndpointDeleted, nil, details{ID: modelEndpointID}))
		return nil
	})
}

// ModelEndpoints of an organization, newest first.
func (s *Service) ModelEndpoints(ctx context.Context, organizationID string, f ModelEndpointFilter) (Rows[routing.ModelEndpoint], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[routing.ModelEndpoint], error) {
		return r.ModelEndpoints(ctx, organizationID, f)
	})
}

// ModelEndpoint returns one model endpoint.
func (s *Service) ModelEndpoint(ctx context.Context, organizationID, modelEndpointID string) (routing.ModelEndpoint, error) {
	return view(ctx, s.Store, func(r Reader) (routing.ModelEndpoint, error) {
		return r.ModelEndpoint(ctx, organizationID, modelEndpointID)
	})
}
