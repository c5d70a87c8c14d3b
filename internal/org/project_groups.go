package org

import (
	"context"

	"weir/internal/audit"
	"weir/internal/fault"
)

// ProjectGroup is a group as a member of a project.
type ProjectGroup struct {
	ProjectMember
	Group Group
}

// AddProjectGroup lets a group into a project. Role is the id of a role of the
// project, or owner, member or viewer.
func (s *Service) AddProjectGroup(ctx context.Context, by Grantor, projectID, groupID, roleName string) (ProjectGroup, error) {
	var added ProjectGroup
	err := s.update(ctx, by.Actor, func(tx Tx) error {
		project, err := activeProject(ctx, tx, by.OrganizationID, projectID)
		if err != nil {
			return err
		}
		group, err := tx.Group(ctx, by.OrganizationID, groupID)
		if err != nil {
			return notFoundAsInvalid(err, "group_id")
		}
		role, err := checkProjectRole(ctx, tx, by.OrganizationID, projectID, "role", roleName)
		if err != nil {
			return err
		}
		if err := by.MayGrantRole(&role); err != nil {
			return err
		}
		switch _, err := tx.ProjectMember(ctx, by.OrganizationID, projectID, groupID); {
		case err == nil:
			return fault.Invalidf("already_member", "group_id", "Group '%s' already exists in project '%s'.", groupID, projectID)
		case !fault.Is(err, fault.NotFound):
			return err
		}
		if err := tx.InsertRoleAssignment(ctx, s.assignment(&by, groupID, PrincipalGroup, &role)); err != nil {
			return err
		}
		tx.Record(assignmentEvent(audit.RoleAssignmentCreated, &project, &role, &Principal{Group: &group}))
		added, err = projectGroup(ctx, tx, by.OrganizationID, projectID, groupID)
		return err
	})
	return added, err
}

// RemoveProjectGroup takes a group out of a project with all that it is
// assigned there.
func (s *Service) RemoveProjectGroup(ctx context.Context, by Grantor, projectID, groupID string) error {
	return s.update(ctx, by.Actor, func(tx Tx) error {
		project, err := activeProject(ctx, tx, by.OrganizationID, projectID)
		if err != nil {
			return err
		}
		in, err := projectGroup(ctx, tx, by.OrganizationID, projectID, groupID)
		if err != nil {
			return err
		}
		assigned, err := tx.AssignmentsOf(ctx, by.OrganizationID, groupID)
		if err != nil {
			return err
		}
		for _, a := range assigned {
			if a.ProjectID == projectID {
				role := Role{ID: a.RoleID, OrganizationID: a.OrganizationID, ProjectID: projectID}
				tx.Record(assignmentEvent(audit.RoleAssignmentDeleted, &project, &role, &Principal{Group: &in.Group}))
			}
		}
		return removeFromProject(ctx, tx, &by, projectID, groupID)
	})
}

// projectGroup returns a group that is a member of the project.
func projectGroup(ctx context.Context, r Reader, organizationID, projectID, groupID string) (ProjectGroup, error) {
	member, err := r.ProjectMember(ctx, organizationID, projectID, groupID)
	if err == nil && member.PrincipalKind != PrincipalGroup {
		err = fault.NotFoundf("Project member with ID '%s' not found.", groupID)
	}
	if err != nil {
		return ProjectGroup{}, err
	}
	g, err := r.Group(ctx, organizationID, groupID)
	return ProjectGroup{ProjectMember: member, Group: g}, err
}

// ProjectGroups lists the groups of an active project.
func (s *Service) ProjectGroups(ctx context.Context, organizationID, projectID string, p Page) (Rows[ProjectGroup], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[ProjectGroup], error) {
		members, err := projectMembers(ctx, r, organizationID, projectID, PrincipalGroup, p)
		if err != nil {
			return Rows[ProjectGroup]{}, err
		}
		groups, err := r.GroupsByID(ctx, organizationID, principalIDs(members.Items))
		if err != nil {
			return Rows[ProjectGroup]{}, err
		}
		byID := make(map[string]Group, len(groups))
		for _, g := range groups {
			byID[g.ID] = g
		}
		out := Rows[ProjectGroup]{More: members.More}
		for _, m := range members.Items {
			out.Items = append(out.Items, ProjectGroup{ProjectMember: m, Group: byID[m.PrincipalID]})
		}
		return out, nil
	})
}

// ProjectGroup returns one group of an active project.
func (s *Service) ProjectGroup(ctx context.Context, organizationID, projectID, groupID string) (ProjectGroup, error) {
	return view(ctx, s.Store, func(r Reader) (ProjectGroup, error) {
		if _, err := activeProject(ctx, r, organizationID, projectID); err != nil {
			return ProjectGroup{}, err
		}
		return projectGroup(ctx, r, organizationID, projectID, groupID)
	})
}
