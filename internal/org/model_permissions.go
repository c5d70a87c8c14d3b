package org

import (
	"context"

	"weir/internal/audit"
	"weir/internal/fault"
)

// Whether the models of a ModelPermissions are the ones that may be called, or
// the ones that may not.
const (
	AllowList = "allow_list"
	DenyList  = "deny_list"
)

// ModelPermissions say which models a project may call.
type ModelPermissions struct {
	Mode     string   `json:"mode"`
	ModelIDs []string `json:"model_ids"` // as they were sent; an allow list without any allows none
}

// Validate reports the first rule that in breaks. Models that nobody knows are
// not refused: a list may be there before its models are.
func (in ModelPermissions) Validate() error {
	if err := fault.OneOf("mode", in.Mode, []string{AllowList, DenyList}); err != nil {
		return err
	}
	return checkReferences("model_ids", in.ModelIDs, maxModels)
}

func errNoModelPermissions(projectID string) error {
	return errNoSetting("model permissions", "", projectID)
}

// ModelPermissions of an active project; not found when none were set.
func (s *Service) ModelPermissions(ctx context.Context, organizationID, projectID string) (ModelPermissions, error) {
	settings, err := s.Settings(ctx, organizationID, projectID)
	if err != nil {
		return ModelPermissions{}, err
	}
	if settings.Models == nil {
		return ModelPermissions{}, errNoModelPermissions(projectID)
	}
	return *settings.Models, nil
}

// SetModelPermissions creates or replaces a project's.
func (s *Service) SetModelPermissions(ctx context.Context, actor audit.Actor, projectID string, in ModelPermissions) (ModelPermissions, error) {
	if err := in.Validate(); err != nil {
		return ModelPermissions{}, err
	}
	_, err := s.changeSettings(ctx, actor, projectID, holder, map[string]any{"model_permissions": in}, func(s *Settings) error {
		s.Models = &in
		return nil
	})
	return in, err
}

// DeleteModelPermissions lets a project call every model again.
func (s *Service) DeleteModelPermissions(ctx context.Context, actor audit.Actor, projectID string) error {
	_, err := s.changeSettings(ctx, actor, projectID, holder, map[string]any{"model_permissions": nil}, func(s *Settings) error {
		if s.Models == nil {
			return errNoModelPermissions(projectID)
		}
		s.Models = nil
		return nil
	})
	return err
}
