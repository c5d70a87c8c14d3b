package org

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
)

// Principal is who holds roles. One of User, Account and Group is set.
type Principal struct {
	User    *User
	Account *ServiceAccount
	Group   *Group
}

// Kind says which it is.
func (p *Principal) Kind() PrincipalKind {
	switch {
	case p.User != nil:
		return PrincipalUser
	case p.Account != nil:
		return PrincipalServiceAccount
	}
	return PrincipalGroup
}

// ID is the principal's.
func (p *Principal) ID() string {
	switch {
	case p.User != nil:
		return p.User.ID
	case p.Account != nil:
		return p.Account.ID
	}
	return p.Group.ID
}

// Assignee is to whom roles are assigned, and where. In a project a user's id
// may be that of one of the project's service accounts.
type Assignee struct {
	ProjectID string // "": the organization
	UserID    string // "" with GroupID
	GroupID   string
}

// find returns the principal.
func (a Assignee) find(ctx context.Context, r Reader, organizationID string) (Principal, error) {
	if a.GroupID != "" {
		group, err := r.Group(ctx, organizationID, a.GroupID)
		return Principal{Group: &group}, err
	}
	user, err := r.User(ctx, organizationID, a.UserID)
	if a.ProjectID == "" || !fault.Is(err, fault.NotFound) {
		return Principal{User: &user}, err
	}
	account, accountErr := r.ServiceAccount(ctx, organizationID, a.ProjectID, a.UserID)
	if fault.Is(accountErr, fault.NotFound) {
		return Principal{}, err
	}
	return Principal{Account: &account}, accountErr
}

// AssignedRole is a role as somebody holds it.
type AssignedRole struct {
	Role
	Groups  []string // through which the user holds the same role too
	Creator *User    // of the role; nil when it is not a user of the organization, or no longer
}

// assignmentEvent describes an assignment as OpenAI's log names one: by role and
// principal.
func assignmentEvent(a audit.Action, project *Project, role *Role, p *Principal) audit.Event {
	e := event(a, project, details{ID: "role_assignment_" + role.ID + "_" + p.ID()})
	e.Details = mustJSON(map[string]any{
		"id": e.ResourceID, "principal_id": p.ID(), "principal_type": p.Kind(),
		"resource_id": role.ResourceID(), "resource_type": role.ResourceType(),
	})
	return e
}

// AssignRole gives a principal a role.
func (s *Service) AssignRole(ctx context.Context, by Grantor, to Assignee, roleID string) (role Role, principal Principal, err error) {
	err = s.update(ctx, by.Actor, func(tx Tx) error {
		project, err := scopeOf(ctx, tx, by.OrganizationID, to.ProjectID)
		if err != nil {
			return err
		}
		if principal, err = to.find(ctx, tx, by.OrganizationID); err != nil {
			return err
		}
		if role, err = roleToAssign(ctx, tx, by.OrganizationID, to.ProjectID, "role_id", roleID); err != nil {
			return err
		}
		if err := by.MayGrantRole(&role); err != nil {
			return err
		}
		if err := tx.InsertRoleAssignment(ctx, s.assignment(&by, principal.ID(), principal.Kind(), &role)); err != nil {
			return err
		}
		tx.Record(assignmentEvent(audit.RoleAssignmentCreated, project, &role, &principal))
		// The answer shows the principal as it is now.
		principal, err = to.find(ctx, tx, by.OrganizationID)
		return err
	})
	return role, principal, err
}

// UnassignRole takes a role from a principal, but never the organization's last
// owner's.
func (s *Service) UnassignRole(ctx context.Context, by Grantor, from Assignee, roleID string) (Principal, error) {
	var principal Principal
	err := s.update(ctx, by.Actor, func(tx Tx) error {
		project, err := scopeOf(ctx, tx, by.OrganizationID, from.ProjectID)
		if err != nil {
			return err
		}
		if principal, err = from.find(ctx, tx, by.OrganizationID); err != nil {
			return err
		}
		role, err := FindRole(ctx, tx, by.OrganizationID, from.ProjectID, roleID)
		if err != nil {
			return err
		}
		if _, err := tx.RoleAssignment(ctx, by.OrganizationID, from.ProjectID, principal.ID(), roleID); err != nil {
			return err
		}
		if err := by.MayGrantRole(&role); err != nil {
			return err
		}
		tx.Record(assignmentEvent(audit.RoleAssignmentDeleted, project, &role, &principal))
		return keepsOwner(ctx, tx, by.OrganizationID, func() error {
			return tx.DeleteRoleAssignment(ctx, by.OrganizationID, from.ProjectID, principal.ID(), roleID)
		})
	})
	return principal, err
}

// AssignedRoles lists the roles that are assigned to a principal itself.
func (s *Service) AssignedRoles(ctx context.Context, organizationID string, to Assignee, p Page) (Rows[AssignedRole], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[AssignedRole], error) {
		var out Rows[AssignedRole]
		if _, err := scopeOf(ctx, r, organizationID, to.ProjectID); err != nil {
			return out, err
		}
		principal, err := to.find(ctx, r, organizationID)
		if err != nil {
			return out, err
		}
		rows, err := r.RoleAssignments(ctx, organizationID, to.ProjectID, principal.ID(), p)
		if err != nil {
			return out, err
		}
		out.More = rows.More
		for _, a := range rows.Items {
			role, err := FindRole(ctx, r, organizationID, to.ProjectID, a.RoleID)
			if err != nil {
				return out, err
			}
			out.Items = append(out.Items, AssignedRole{Role: role})
		}
		return out, describe(ctx, r, organizationID, to.ProjectID, principal.ID(), out.Items)
	})
}

// AssignedRole returns a role that is assigned to a principal itself.
func (s *Service) AssignedRole(ctx context.Context, organizationID string, to Assignee, roleID string) (AssignedRole, error) {
	return view(ctx, s.Store, func(r Reader) (AssignedRole, error) {
		if _, err := scopeOf(ctx, r, organizationID, to.ProjectID); err != nil {
			return AssignedRole{}, err
		}
		principal, err := to.find(ctx, r, organizationID)
		if err != nil {
			return AssignedRole{}, err
		}
		if _, err := r.RoleAssignment(ctx, organizationID, to.ProjectID, principal.ID(), roleID); err != nil {
			return AssignedRole{}, err
		}
		role, err := FindRole(ctx, r, organizationID, to.ProjectID, roleID)
		if err != nil {
			return AssignedRole{}, err
		}
		one := []AssignedRole{{Role: role}}
		err = describe(ctx, r, organizationID, to.ProjectID, principal.ID(), one)
		return one[0], err
	})
}

// describe fills in the groups that give a principal the same roles, and who
// made them.
func describe(ctx context.Context, r Reader, organizationID, projectID, principalID string, roles []AssignedRole) error {
	groups, err := r.SourcesOf(ctx, organizationID, projectID, principalID)
	if err != nil {
		return err
	}
	var creators []string
	for i := range roles {
		roles[i].Groups = groups[roles[i].ID]
		if roles[i].CreatedBy != "" {
			creators = append(creators, roles[i].CreatedBy)
		}
	}
	users, err := r.UsersByID(ctx, organizationID, creators)
	for i := range users {
		for j := range roles {
			if roles[j].CreatedBy == users[i].ID {
				roles[j].Creator = &users[i]
			}
		}
	}
	return err
}

// RolesOf returns every role that a principal holds anywhere, itself and through
// groups, each once.
func (s *Service) RolesOf(ctx context.Context, organizationID, principalID string) ([]Role, error) {
	return view(ctx, s.Store, func(r Reader) ([]Role, error) {
		holdings, err := r.Holdings(ctx, organizationID, principalID)
		if err != nil {
			return nil, err
		}
		var roles []Role
		seen := map[string]bool{}
		for _, h := range holdings {
			if seen[h.RoleID] {
				continue
			}
			seen[h.RoleID] = true
			role, err := FindRole(ctx, r, organizationID, h.ProjectID, h.RoleID)
			if err != nil {
				return nil, err
			}
			roles = append(roles, role)
		}
		slices.SortFunc(roles, func(a, b Role) int { return cmp.Or(cmp.Compare(a.ProjectID, b.ProjectID), cmp.Compare(a.ID, b.ID)) })
		return roles, nil
	})
}

// checkProjectRole reads a role as project users and groups name it: owner,
// member or viewer, or the id of one of the project's roles.
func checkProjectRole(ctx context.Context, r Reader, organizationID, projectID, param, role string) (Role, error) {
	for _, predefined := range predefinedRoles(organizationID, projectID) {
		if predefined.Name == role {
			return predefined, nil
		}
	}
	if _, predefined := access.ParseRoleID(role); !predefined && !strings.HasPrefix(role, id.Role) {
		return Role{}, fault.OneOf(param, role, []string{string(access.ProjectOwner), string(access.ProjectMember), string(access.ProjectViewer)})
	}
	return roleToAssign(ctx, r, organizationID, projectID, param, role)
}
