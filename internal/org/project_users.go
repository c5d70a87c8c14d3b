package org

import (
	"context"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/optional"
)

// ProjectUser is a user as a member of a project.
type ProjectUser struct {
	ProjectMember
	User User
}

// NewProjectUser is a user of the organization to put into a project. UserID or
// Email says whom; Role is owner, member, viewer, or the id of a role of the
// project.
type NewProjectUser struct {
	UserID optional.Value[string]
	Email  optional.Value[string]
	Role   string
}

// find returns the user that is meant.
func (in NewProjectUser) find(ctx context.Context, r Reader, organizationID string) (User, error) {
	if !in.UserID.Given() {
		u, err := r.UserByEmail(ctx, organizationID, in.Email.V)
		return u, notFoundAsInvalid(err, "email")
	}
	u, err := r.User(ctx, organizationID, in.UserID.V)
	if err != nil {
		return u, notFoundAsInvalid(err, "user_id")
	}
	if in.Email.Given() {
		if other, err := r.UserByEmail(ctx, organizationID, in.Email.V); err != nil || other.ID != u.ID {
			return u, fault.Invalidf("invalid_value", "email", "'user_id' and 'email' name different users.")
		}
	}
	return u, nil
}

// AddProjectUser puts a user into a project.
func (s *Service) AddProjectUser(ctx context.Context, by Grantor, projectID string, in NewProjectUser) (ProjectUser, error) {
	if !in.UserID.Given() && !in.Email.Given() {
		return ProjectUser{}, fault.MissingParam("user_id")
	}
	var added ProjectUser
	err := s.update(ctx, by.Actor, func(tx Tx) error {
		project, err := activeProject(ctx, tx, by.OrganizationID, projectID)
		if err != nil {
			return err
		}
		user, err := in.find(ctx, tx, by.OrganizationID)
		if err != nil {
			return err
		}
		role, err := checkProjectRole(ctx, tx, by.OrganizationID, projectID, "role", in.Role)
		if err != nil {
			return err
		}
		if err := by.MayGrantRole(&role); err != nil {
			return err
		}
		switch _, err := tx.ProjectMember(ctx, by.OrganizationID, projectID, user.ID); {
		case err == nil:
			return fault.Invalidf("already_member", "user_id", "User '%s' already exists in project '%s'.", user.ID, projectID)
		case !fault.Is(err, fault.NotFound):
			return err
		}
		if err := tx.InsertRoleAssignment(ctx, s.assignment(&by, user.ID, PrincipalUser, &role)); err != nil {
			return err
		}
		tx.Record(event(audit.UserAdded, &project, details{ID: user.ID, Data: map[string]any{"role": role.Name}}))
		added, err = projectUser(ctx, tx, by.OrganizationID, projectID, user.ID)
		return err
	})
	return added, err
}

// UpdateProjectUser gives a member of a project another role there; no role
// changes nothing.
func (s *Service) UpdateProjectUser(ctx context.Context, by Grantor, projectID, userID string, role optional.Value[string]) (ProjectUser, error) {
	var changed ProjectUser
	err := s.update(ctx, by.Actor, func(tx Tx) error {
		project, err := activeProject(ctx, tx, by.OrganizationID, projectID)
		if err != nil {
			return err
		}
		if _, err := projectUser(ctx, tx, by.OrganizationID, projectID, userID); err != nil {
			return err
		}
		requested := map[string]any{}
		if role.Given() {
			next, err := checkProjectRole(ctx, tx, by.OrganizationID, projectID, "role", role.V)
			if err != nil {
				return err
			}
			if err := s.setRole(ctx, tx, &by, userID, PrincipalUser, &next); err != nil {
				return err
			}
			requested["role"] = next.Name
		}
		tx.Record(event(audit.UserUpdated, &project, details{ID: userID, Changes: requested}))
		changed, err = projectUser(ctx, tx, by.OrganizationID, projectID, userID)
		return err
	})
	return changed, err
}

// RemoveProjectUser takes a user out of a project with all that it is assigned
// there itself. Its keys in the project stay, and stop unless a group or a role
// of the organization still lets it in.
func (s *Service) RemoveProjectUser(ctx context.Context, by Grantor, projectID, userID string) error {
	return s.update(ctx, by.Actor, func(tx Tx) error {
		project, err := activeProject(ctx, tx, by.OrganizationID, projectID)
		if err != nil {
			return err
		}
		if _, err := projectUser(ctx, tx, by.OrganizationID, projectID, userID); err != nil {
			return err
		}
		tx.Record(event(audit.UserDeleted, &project, details{ID: userID}))
		return removeFromProject(ctx, tx, &by, projectID, userID)
	})
}

// removeFromProject takes away every assignment of a principal in a project,
// when by might have given them.
func removeFromProject(ctx context.Context, tx Tx, by *Grantor, projectID, principalID string) error {
	assigned, err := tx.AssignmentsOf(ctx, by.OrganizationID, principalID)
	if err != nil {
		return err
	}
	for _, a := range assigned {
		if a.ProjectID != projectID {
			continue
		}
		role, err := FindRole(ctx, tx, by.OrganizationID, projectID, a.RoleID)
		if err != nil {
			return err
		}
		if err := by.MayGrantRole(&role); err != nil {
			return err
		}
	}
	return tx.DeleteRoleAssignmentsOf(ctx, by.OrganizationID, projectID, principalID)
}

// projectUser returns a user that is a member of the project itself.
func projectUser(ctx context.Context, r Reader, organizationID, projectID, userID string) (ProjectUser, error) {
	member, err := r.ProjectMember(ctx, organizationID, projectID, userID)
	if err == nil && member.PrincipalKind != PrincipalUser {
		err = fault.NotFoundf("Project member with ID '%s' not found.", userID)
	}
	if err != nil {
		return ProjectUser{}, err
	}
	u, err := r.User(ctx, organizationID, userID)
	return ProjectUser{ProjectMember: member, User: u}, err
}

// ProjectUsers lists the users of an active project, newest member first.
func (s *Service) ProjectUsers(ctx context.Context, organizationID, projectID string, p Page) (Rows[ProjectUser], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[ProjectUser], error) {
		members, err := projectMembers(ctx, r, organizationID, projectID, PrincipalUser, p)
		if err != nil {
			return Rows[ProjectUser]{}, err
		}
		users, err := r.UsersByID(ctx, organizationID, principalIDs(members.Items))
		if err != nil {
			return Rows[ProjectUser]{}, err
		}
		byID := make(map[string]User, len(users))
		for _, u := range users {
			byID[u.ID] = u
		}
		out := Rows[ProjectUser]{More: members.More}
		for _, m := range members.Items {
			out.Items = append(out.Items, ProjectUser{ProjectMember: m, User: byID[m.PrincipalID]})
		}
		return out, nil
	})
}

// ProjectUser returns one user of an active project.
func (s *Service) ProjectUser(ctx context.Context, organizationID, projectID, userID string) (ProjectUser, error) {
	return view(ctx, s.Store, func(r Reader) (ProjectUser, error) {
		if _, err := activeProject(ctx, r, organizationID, projectID); err != nil {
			return ProjectUser{}, err
		}
		return projectUser(ctx, r, organizationID, projectID, userID)
	})
}

func projectMembers(ctx context.Context, r Reader, organizationID, projectID string, kind PrincipalKind, p Page) (Rows[ProjectMember], error) {
	if _, err := activeProject(ctx, r, organizationID, projectID); err != nil {
		return Rows[ProjectMember]{}, err
	}
	return r.ProjectMembers(ctx, organizationID, projectID, kind, p)
}

func principalIDs(members []ProjectMember) []string {
	ids := make([]string, len(members))
	for i, m := range members {
		ids[i] = m.PrincipalID
	}
	return ids
}
