package org

import (
	"context"

	"weir/internal/routing"
)

// WorkspaceMembershipsOf returns every workspace that a principal is in.
func (s *Service) WorkspaceMembershipsOf(ctx context.Context, organizationID, principalID string) ([]WorkspaceMembership, error) {
	return view(ctx, s.Store, func(r Reader) ([]WorkspaceMembership, error) {
		return r.MembershipsOf(ctx, organizationID, principalID)
	})
}

// ModelEndpointsOn returns the model endpoints with an upstream on the
// connection.
func (s *Service) ModelEndpointsOn(ctx context.Context, organizationID, connectionID string) ([]routing.ModelEndpoint, error) {
	return view(ctx, s.Store, func(r Reader) ([]routing.ModelEndpoint, error) {
		return r.ModelEndpointsOn(ctx, organizationID, connectionID)
	})
}
