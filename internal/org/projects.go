package org

import (
	"context"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/optional"
)

// residencies are the places OpenAI lets a project's data stay in. weir keeps
// the word with the project; where data stays is the provider's doing.
var residencies = []string{
	"GLOBAL", "US_STORAGE_PROCESSING", "EU_STORAGE_PROCESSING", "JP_STORAGE", "KR_STORAGE", "CA_STORAGE",
	"SG_STORAGE", "IN_STORAGE", "AU_STORAGE", "GB_STORAGE", "AE_STORAGE", "AE_STORAGE_PROCESSING",
	"JP_STORAGE_PROCESSING", "IN_STORAGE_PROCESSING", "AU_STORAGE_PROCESSING",
}

// NewProject is a project to create.
type NewProject struct {
	Name          string
	Residency     optional.Value[string]
	ExternalKeyID optional.Value[string]
}

// Validate reports the first rule that in breaks.
func (in NewProject) Validate() error {
	if err := checkName("name", in.Name); err != nil {
		return err
	}
	if in.Residency.Given() {
		if err := fault.OneOf("residency", in.Residency.V, residencies); err != nil {
			return err
		}
	}
	return checkLength("external_key_id", in.ExternalKeyID.V, maxReference)
}

func projectCreated(p Project) details {
	return details{ID: p.ID, Data: map[string]any{"name": p.Name, "title": p.Name}}
}

// CreateProject makes an active project.
func (s *Service) CreateProject(ctx context.Context, actor audit.Actor, in NewProject) (Project, error) {
	if err := in.Validate(); err != nil {
		return Project{}, err
	}
	p := Project{
		ID: id.New(id.Project), OrganizationID: actor.OrganizationID, Name: in.Name,
		Residency: in.Residency.Or(""), ExternalKeyID: in.ExternalKeyID.Or(""), CreatedAt: s.Now(),
	}
	err := s.update(ctx, actor, func(tx Tx) error {
		tx.Record(event(audit.ProjectCreated, nil, projectCreated(p)))
		return tx.InsertProject(ctx, p)
	})
	return p, err
}

// ProjectChange is a partial update of a project.
type ProjectChange struct {
	Name          optional.Value[string]
	ExternalKeyID optional.Value[string] // null removes it
}

// changeableProject returns the project when it may be changed: it is neither
// the default project nor archived.
func changeableProject(ctx context.Context, r Reader, organizationID, projectID string) (Project, error) {
	p, err := activeProject(ctx, r, organizationID, projectID)
	if err != nil {
		return Project{}, err
	}
	o, err := r.Organization(ctx, organizationID)
	if err != nil {
		return Project{}, err
	}
	if p.ID == o.DefaultProjectID {
		return Project{}, fault.Invalidf("default_project", "", "The default project can be neither changed nor archived.")
	}
	return p, nil
}

// UpdateProject changes the fields that were sent.
func (s *Service) UpdateProject(ctx context.Context, actor audit.Actor, projectID string, in ProjectChange) (Project, error) {
	if in.Name.Given() {
		if err := checkName("name", in.Name.V); err != nil {
			return Project{}, err
		}
	}
	if err := checkLength("external_key_id", in.ExternalKeyID.V, maxReference); err != nil {
		return Project{}, err
	}
	var p Project
	err := s.update(ctx, actor, func(tx Tx) error {
		var err error
		if p, err = changeableProject(ctx, tx, actor.OrganizationID, projectID); err != nil {
			return err
		}
		requested := map[string]any{}
		if in.Name.Given() {
			p.Name = in.Name.V
			requested["title"] = p.Name
		}
		if in.ExternalKeyID.Sent {
			p.ExternalKeyID = in.ExternalKeyID.Or("")
			requested["external_key_id"] = p.ExternalKeyID
		}
		tx.Record(event(audit.ProjectUpdated, &p, details{ID: p.ID, Changes: requested}))
		return tx.UpdateProject(ctx, p)
	})
	return p, err
}

// ArchiveProject ends a project for good: its keys stop at once.
func (s *Service) ArchiveProject(ctx context.Context, actor audit.Actor, projectID string) (Project, error) {
	var p Project
	err := s.update(ctx, actor, func(tx Tx) error {
		var err error
		if p, err = changeableProject(ctx, tx, actor.OrganizationID, projectID); err != nil {
			return err
		}
		p.ArchivedAt = s.Now()
		tx.Record(event(audit.ProjectArchived, &p, details{ID: p.ID}))
		return tx.UpdateProject(ctx, p)
	})
	return p, err
}

// Projects of an organization, newest first.
func (s *Service) Projects(ctx context.Context, organizationID string, f ProjectFilter) (Rows[Project], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[Project], error) { return r.Projects(ctx, organizationID, f) })
}

// Project returns one project, archived or not.
func (s *Service) Project(ctx context.Context, organizationID, projectID string) (Project, error) {
	return view(ctx, s.Store, func(r Reader) (Project, error) { return r.Project(ctx, organizationID, projectID) })
}
