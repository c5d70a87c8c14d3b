package org

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/optional"
	"weir/internal/routing"
)

// pathName is what may stand as one segment of a model endpoint's address.
var pathName = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$`)

// reservedNames are first path segments that weir answers itself.
var reservedNames = []string{"v1", "weir", "scim", "console", "assets", "healthz", "readyz", "metrics"}

const maxPathName = 49

// checkPathName refuses a name that cannot be part of an address.
func checkPathName(param, name string) error {
	if err := checkName(param, name); err != nil {
		return err
	}
	if err := checkLength(param, name, maxPathName); err != nil {
		return err
	}
	if !pathName.MatchString(name) {
		return fault.Invalidf("invalid_value", param, "Invalid '%s': '%s' may hold only a-z, 0-9 and -, and neither start nor end with -.", param, name)
	}
	return nil
}

// NewWorkspace is a workspace to create.
type NewWorkspace struct {
	Name       string
	ProjectIDs []string // nil: every project
}

func workspaceCreated(w routing.Workspace) details {
	return details{ID: w.ID, Data: map[string]any{"name": w.Name, "project_ids": w.ProjectIDs}}
}

// CreateWorkspace makes a workspace.
func (s *Service) CreateWorkspace(ctx context.Context, actor audit.Actor, in NewWorkspace) (routing.Workspace, error) {
	if err := checkWorkspaceName(in.Name); err != nil {
		return routing.Workspace{}, err
	}
	w := routing.Workspace{
		ID: id.New(id.Workspace), OrganizationID: actor.OrganizationID, Name: in.Name,
		ProjectIDs: in.ProjectIDs, CreatedAt: s.Now(),
	}
	err := s.update(ctx, actor, func(tx Tx) error {
		if err := checkProjects(ctx, tx, actor.OrganizationID, in.ProjectIDs); err != nil {
			return err
		}
		tx.Record(event(audit.WorkspaceCreated, nil, workspaceCreated(w)))
		return tx.InsertWorkspace(ctx, w)
	})
	return w, err
}

func checkWorkspaceName(name string) error {
	if err := checkPathName("name", name); err != nil {
		return err
	}
	if slices.Contains(reservedNames, name) {
		return fault.Invalidf("reserved_name", "name", "'%s' is taken by weir's own addresses.", name)
	}
	return nil
}

func checkProjects(ctx context.Context, r Reader, organizationID string, projectIDs []string) error {
	if err := checkCount("project_ids", len(projectIDs), maxIDs); err != nil {
		return err
	}
	for i, projectID := range projectIDs {
		if _, err := activeProject(ctx, r, organizationID, projectID); err != nil {
			return notFoundAsInvalid(err, fmt.Sprintf("project_ids[%d]", i))
		}
	}
	return nil
}

// WorkspaceChange is a partial update of a workspace.
type WorkspaceChange struct {
	Name       optional.Value[string]
	ProjectIDs optional.Value[[]string] // null: every project
}

// UpdateWorkspace changes the fields that were sent. The default workspace
// keeps its name.
func (s *Service) UpdateWorkspace(ctx context.Context, by Grantor, workspaceID string, in WorkspaceChange) (routing.Workspace, error) {
	var w routing.Workspace
	err := s.update(ctx, by.Actor, func(tx Tx) error {
		var err error
		if w, err = tx.Workspace(ctx, by.OrganizationID, workspaceID); err != nil {
			return err
		}
		requested := map[string]any{}
		if in.Name.Given() && in.Name.V != w.Name {
			if w.Name == routing.DefaultWorkspace {
				return errDefaultWorkspace("renamed")
			}
			if err := checkWorkspaceName(in.Name.V); err != nil {
				return err
			}
			w.Name = in.Name.V
			requested["name"] = w.Name
		}
		if in.ProjectIDs.Sent {
			if err := checkProjects(ctx, tx, by.OrganizationID, in.ProjectIDs.V); err != nil {
				return err
			}
			if err := mayOpenWorkspace(&by, w.ProjectIDs, in.ProjectIDs.V); err != nil {
				return err
			}
			w.ProjectIDs = in.ProjectIDs.V
			requested["project_ids"] = w.ProjectIDs
		}
		tx.Record(event(audit.WorkspaceUpdated, nil, details{ID: w.ID, Changes: requested}))
		return tx.UpdateWorkspace(ctx, w)
	})
	return w, err
}

// mayOpenWorkspace refuses to let projects into a workspace that by does not
// administer: their people would use, and pay for, connections that nobody of
// theirs chose. before and after are as in [routing.Workspace]; nil is every
// project, which takes the right to manage workspaces everywhere.
func mayOpenWorkspace(by *Grantor, before, after []string) error {
	const may = "You have insufficient permissions for this operation. "
	switch {
	case before == nil || by.Holds.Allows(access.WorkspacesWrite, access.Scope{}):
		return nil
	case after == nil:
		return fault.New(fault.Forbidden, "insufficient_permissions", "project_ids", may+
			"Opening a workspace to every project takes %s in the organization.", access.WorkspacesWrite)
	}
	for i, projectID := range after {
		if !slices.Contains(before, projectID) && !by.Holds.Allows(access.ProjectWrite, access.Scope{ProjectID: projectID}) {
			return fault.New(fault.Forbidden, "insufficient_permissions", fmt.Sprintf("project_ids[%d]", i), may+
				"Opening a workspace to a project takes %s there, or %s in the organization.", access.ProjectWrite, access.WorkspacesWrite)
		}
	}
	return nil
}

func errDefaultWorkspace(what string) error {
	return fault.Invalidf("default_workspace", "", "The default workspace cannot be %s.", what)
}

// DeleteWorkspace removes an empty workspace.
func (s *Service) DeleteWorkspace(ctx context.Context, actor audit.Actor, workspaceID string) error {
	return s.update(ctx, actor, func(tx Tx) error {
		w, err := tx.Workspace(ctx, actor.OrganizationID, workspaceID)
		if err != nil {
			return err
		}
		if w.Name == routing.DefaultWorkspace {
			return errDefaultWorkspace("deleted")
		}
		in := []string{w.ID}
		endpoints, err := tx.ModelEndpoints(ctx, actor.OrganizationID, ModelEndpointFilter{Page: Page{Limit: 1}, WorkspaceIDs: in})
		if err != nil {
			return err
		}
		connections, err := tx.Connections(ctx, actor.OrganizationID, ConnectionFilter{Page: Page{Limit: 1}, WorkspaceIDs: in})
		if err != nil {
			return err
		}
		if len(endpoints.Items)+len(connections.Items) > 0 {
			return fault.Invalidf("workspace_not_empty", "", "The workspace '%s' still has connections or model endpoints. Move or delete them first.", w.Name)
		}
		tx.Record(event(audit.WorkspaceDeleted, nil, details{ID: w.ID}))
		return tx.DeleteWorkspace(ctx, actor.OrganizationID, w.ID)
	})
}

// PutWorkspaceMember adds a user, service account or group to a workspace, or
// changes its role there.
func (s *Service) PutWorkspaceMember(ctx context.Context, actor audit.Actor, workspaceID, principalID, role string) (WorkspaceMembership, error) {
	if err := fault.OneOf("role", role, []string{string(access.WorkspaceAdmin), string(access.WorkspaceMember)}); err != nil {
		return WorkspaceMembership{}, err
	}
	var m WorkspaceMembership
	err := s.update(ctx, actor, func(tx Tx) error {
		if _, err := tx.Workspace(ctx, actor.OrganizationID, workspaceID); err != nil {
			return err
		}
		kind, err := memberKind(ctx, tx, actor.OrganizationID, principalID)
		if err != nil {
			return err
		}
		m, err = tx.WorkspaceMembership(ctx, actor.OrganizationID, workspaceID, principalID)
		switch {
		case err == nil:
			m.Role = access.WorkspaceRole(role)
			tx.Record(event(audit.WorkspaceMemberUpdated, nil, member(m)))
		case fault.Is(err, fault.NotFound):
			m = WorkspaceMembership{
				OrganizationID: actor.OrganizationID, WorkspaceID: workspaceID, PrincipalID: principalID,
				PrincipalKind: kind, Role: access.WorkspaceRole(role), CreatedAt: s.Now(),
			}
			tx.Record(event(audit.WorkspaceMemberAdded, nil, member(m)))
		default:
			return err
		}
		return tx.PutWorkspaceMembership(ctx, m)
	})
	return m, err
}

func member(m WorkspaceMembership) details {
	return details{ID: m.WorkspaceID, Data: map[string]any{"principal_id": m.PrincipalID, "principal_type": m.PrincipalKind, "role": m.Role}}
}

// memberKind is principalKind where a group may stand too.
func memberKind(ctx context.Context, r Reader, organizationID, principalID string) (PrincipalKind, error) {
	_, err := r.Group(ctx, organizationID, principalID)
	if fault.Is(err, fault.NotFound) {
		return principalKind(ctx, r, organizationID, principalID)
	}
	return PrincipalGroup, err
}

// principalKind says what an id of a caller names; anything else is a complaint
// about principal_id.
func principalKind(ctx context.Context, r Reader, organizationID, principalID string) (PrincipalKind, error) {
	_, err := r.User(ctx, organizationID, principalID)
	if err == nil {
		return PrincipalUser, nil
	}
	if !fault.Is(err, fault.NotFound) {
		return "", err
	}
	_, err = r.ServiceAccountByID(ctx, organizationID, principalID)
	if err == nil {
		return PrincipalServiceAccount, nil
	}
	if !fault.Is(err, fault.NotFound) {
		return "", err
	}
	return "", fault.Invalidf("invalid_value", "principal_id", "'%s' is neither a user nor a service account of this organization.", principalID)
}

// RemoveWorkspaceMember takes a principal out of a workspace.
func (s *Service) RemoveWorkspaceMember(ctx context.Context, actor audit.Actor, workspaceID, principalID string) error {
	return s.update(ctx, actor, func(tx Tx) error {
		m, err := tx.WorkspaceMembership(ctx, actor.OrganizationID, workspaceID, principalID)
		if err != nil {
			return err
		}
		tx.Record(event(audit.WorkspaceMemberRemoved, nil, member(m)))
		return tx.DeleteWorkspaceMembership(ctx, actor.OrganizationID, workspaceID, principalID)
	})
}

// Workspaces lists those with the ids, or all when ids is nil.
func (s *Service) Workspaces(ctx context.Context, organizationID string, ids []string, p Page) (Rows[routing.Workspace], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[routing.Workspace], error) {
		return r.Workspaces(ctx, organizationID, ids, p)
	})
}

// Workspace returns one workspace.
func (s *Service) Workspace(ctx context.Context, organizationID, workspaceID string) (routing.Workspace, error) {
	return view(ctx, s.Store, func(r Reader) (routing.Workspace, error) {
		return r.Workspace(ctx, organizationID, workspaceID)
	})
}

// DefaultWorkspace returns the workspace every organization has.
func (s *Service) DefaultWorkspace(ctx context.Context, organizationID string) (routing.Workspace, error) {
	return view(ctx, s.Store, func(r Reader) (routing.Workspace, error) {
		return r.WorkspaceByName(ctx, organizationID, routing.DefaultWorkspace)
	})
}

// WorkspaceMembers of a workspace.
func (s *Service) WorkspaceMembers(ctx context.Context, organizationID, workspaceID string, p Page) (Rows[WorkspaceMembership], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[WorkspaceMembership], error) {
		if _, err := r.Workspace(ctx, organizationID, workspaceID); err != nil {
			return Rows[WorkspaceMembership]{}, err
		}
		return r.WorkspaceMemberships(ctx, organizationID, workspaceID, p)
	})
}

// WorkspaceMember returns one membership.
func (s *Service) WorkspaceMember(ctx context.Context, organizationID, workspaceID, principalID string) (WorkspaceMembership, error) {
	return view(ctx, s.Store, func(r Reader) (WorkspaceMembership, error) {
		return r.WorkspaceMembership(ctx, organizationID, workspaceID, principalID)
	})
}
