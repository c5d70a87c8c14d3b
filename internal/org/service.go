package org

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/pricing"
	"weir/internal/routing"
)

// Feed tells the nodes that the control plane changed. Committed returns once
// this node works by version, so that a caller reads its own writes; it does
// not fail, since the change stands whatever happens after.
type Feed interface {
	Committed(ctx context.Context, version int64)
}

// Sealer encrypts a secret and binds it to where it is kept.
type Sealer interface {
	Seal(plain []byte, place string) (routing.Sealed, error)
}

// Prober tries a connection's keys at the provider. It is bounded in time and
// reports failures in the Probe.
type Prober interface {
	Probe(ctx context.Context, c routing.Connection) routing.Probe
}

// Service changes the control plane by its rules.
type Service struct {
	Store  Store
	Feed   Feed
	Sealer Sealer
	Prober Prober
	Book   *pricing.Book // the models there are; only rate limits ask
	Now    func() time.Time
	Post   *Post // nil: weir writes to nobody

	SessionLimits SessionLimits
	IssuerKeys    IssuerKeys // of workloads' tokens; nil: only uploaded keys verify one
}

// update runs fn as one unit of work and returns when this node holds it.
func (s *Service) update(ctx context.Context, actor audit.Actor, fn func(Tx) error) error {
	version, err := s.Store.Update(ctx, actor, fn)
	if err != nil {
		return err
	}
	s.Feed.Committed(ctx, version)
	return nil
}

// view reads one thing consistently.
func view[T any](ctx context.Context, store Store, fn func(Reader) (T, error)) (T, error) {
	var out T
	err := store.View(ctx, func(r Reader) error {
		var err error
		out, err = fn(r)
		return err
	})
	return out, err
}

// details is the payload of an audit event, in the three shapes OpenAI's log
// has: the id alone, what was created, or what was asked to change.
type details struct {
	ID      string `json:"id"`
	Data    any    `json:"data,omitempty"`
	Changes any    `json:"changes_requested,omitempty"`
}

// event describes a change of the resource d.ID. project is nil for the
// organization itself.
func event(a audit.Action, project *Project, d details) audit.Event {
	e := audit.Event{Action: a.Name, Type: a.Type, ResourceID: d.ID, Details: mustJSON(d)}
	if project != nil {
		e.ProjectID, e.ProjectName = project.ID, project.Name
	}
	return e
}

// activeProject returns the project, refusing an archived one.
func activeProject(ctx context.Context, r Reader, organizationID, projectID string) (Project, error) {
	p, err := r.Project(ctx, organizationID, projectID)
	if err != nil {
		return Project{}, err
	}
	if p.Archived() {
		return Project{}, errArchived(p.ID)
	}
	return p, nil
}

func errArchived(projectID string) error {
	return fault.Invalidf("project_archived", "", "Project with ID '%s' is archived and can no longer be used or changed.", projectID)
}

// notFoundAsInvalid turns "no such thing" about an id in the body into a
// complaint about that field.
func notFoundAsInvalid(err error, param string) error {
	var f *fault.Error
	if errors.As(err, &f) && f.Kind == fault.NotFound {
		return fault.Invalidf("invalid_value", param, "%s", f.Message)
	}
	return err
}

// withParam says which field a complaint is about.
func withParam(err error, param string) error {
	var f *fault.Error
	if errors.As(err, &f) && f.Kind == fault.Invalid {
		moved := *f
		moved.Param = param
		return &moved
	}
	return err
}

// mustJSON encodes what cannot fail to encode: maps, lists, strings, numbers.
func mustJSON(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("org: encoding audit details: %v", err))
	}
	return raw
}
