package org

import "context"

// Many settings are kept for the organization as a whole and for its projects.
// Who keeps them is told by a project id, "" for the organization.

// holder returns the project, which must be active; nil for the organization.
func holder(ctx context.Context, r Reader, organizationID, projectID string) (*Project, error) {
	if projectID == "" {
		return nil, nil
	}
	p, err := activeProject(ctx, r, organizationID, projectID)
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// limitedHolder is holder for limits, which the default project cannot have of
// its own: what is scoped to no other project lands there.
func limitedHolder(ctx context.Context, r Reader, organizationID, projectID string) (*Project, error) {
	if projectID == "" {
		return nil, nil
	}
	p, err := changeableProject(ctx, r, organizationID, projectID)
	if err != nil {
		return nil, err
	}
	return &p, nil
}
