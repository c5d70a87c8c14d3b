package org

import "context"

// DefaultProject returns the project that takes what is scoped to no other.
func (s *Service) DefaultProject(ctx context.Context, organizationID string) (Project, error) {
	return view(ctx, s.Store, func(r Reader) (Project, error) {
		o, err := r.Organization(ctx, organizationID)
		if err != nil {
			return Project{}, err
		}
		return r.Project(ctx, organizationID, o.DefaultProjectID)
	})
}
