package org

import (
	"context"
	"slices"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/fault"
)

// Grantor is who gives permissions away: the actor, and what it holds itself.
// Nobody gives, changes or takes away what it does not hold: a member of a
// project who may assign roles can make no owner, and unmake none.
type Grantor struct {
	audit.Actor
	Holds access.Grants
	Key   KeyLimits // of the key that the call came with
}

// SystemGrantor is weir itself acting in an organization.
func SystemGrantor(organizationID string) Grantor {
	return Grantor{Actor: audit.System(organizationID), Holds: access.Unlimited()}
}

// MayGrant refuses permissions that g does not hold at the organization (project
// id "") or in the project.
func (g *Grantor) MayGrant(holds access.Set, projectID string) error {
	return g.mayGrant(holds, access.Scope{ProjectID: projectID})
}

func (g *Grantor) mayGrant(holds access.Set, at access.Scope) error {
	missing, ok := g.Holds.AllowsAll(holds, at)
	if ok {
		return nil
	}
	return fault.New(fault.Forbidden, "insufficient_permissions", "",
		"You have insufficient permissions for this operation: nobody gives or takes away what they do not hold. Missing scopes: %s.", missing)
}

// MayGrantRole refuses a role that gives what g does not hold.
func (g *Grantor) MayGrantRole(r *Role) error {
	return g.MayGrant(access.NewSet(r.Permissions...), r.ProjectID)
}

// mayGrantStanding refuses to let anybody into what holdings give.
func (g *Grantor) mayGrantStanding(holdings []Holding) error {
	for _, h := range holdings {
		holds := access.NewSet(h.Permissions...)
		if role, ok := access.ParseRoleID(h.RoleID); ok {
			holds = role.Permissions()
		}
		if err := g.MayGrant(holds, h.ProjectID); err != nil {
			return err
		}
	}
	return nil
}

// mayGrantMemberships refuses to let anybody into what memberships of workspaces
// give.
func (g *Grantor) mayGrantMemberships(memberships []WorkspaceMembership) error {
	for _, m := range memberships {
		if err := g.mayGrant(m.Role.Permissions(), access.Scope{WorkspaceID: m.WorkspaceID}); err != nil {
			return err
		}
	}
	return nil
}

// grantorNow is who stands for something that was begun earlier, with what they
// hold by now: nothing when they are gone or were deactivated, whatever roles are
// kept for them.
func grantorNow(ctx context.Context, r Reader, organizationID, principalID string) (Grantor, error) {
	switch u, err := r.User(ctx, organizationID, principalID); {
	case err != nil && !fault.Is(err, fault.NotFound): // a service account has no such row
		return Grantor{}, err
	case err == nil && !u.Active():
		return Grantor{}, nil
	}
	grants, err := GrantsOf(ctx, r, organizationID, principalID)
	return Grantor{Holds: grants}, err
}

// keepsOwner runs fn and refuses it when the organization had an owner before
// and has none after. The transaction must not commit then.
func keepsOwner(ctx context.Context, r Reader, organizationID string, fn func() error) error {
	before, err := r.HasOwner(ctx, organizationID)
	if err != nil {
		return err
	}
	if err := fn(); err != nil || !before {
		return err
	}
	after, err := r.HasOwner(ctx, organizationID)
	if err == nil && !after {
		err = fault.Invalidf("last_owner", "", "The organization must keep an owner: this would take away the last one.")
	}
	return err
}

// FindRole returns a role by id, predefined or custom, of the organization
// (project id "") or of the project.
func FindRole(ctx context.Context, r Reader, organizationID, projectID, roleID string) (Role, error) {
	switch role, ok := access.ParseRoleID(roleID); {
	case ok && role.Organization != "" && projectID == "" && role.Resource == organizationID:
		return organizationRole(organizationID, role.Organization), nil
	case ok && role.Project != "" && role.Resource == projectID:
		return projectRole(organizationID, projectID, role.Project), nil
	}
	return r.Role(ctx, organizationID, projectID, roleID)
}

// roleToAssign is FindRole for an id in a body: an unknown role, and one of
// another scope, are complaints about that field.
func roleToAssign(ctx context.Context, r Reader, organizationID, projectID, param, roleID string) (Role, error) {
	role, err := FindRole(ctx, r, organizationID, projectID, roleID)
	if !fault.Is(err, fault.NotFound) {
		return role, err
	}
	predefined, isPredefined := access.ParseRoleID(roleID)
	custom, customErr := r.RoleByID(ctx, organizationID, roleID)
	switch {
	case isPredefined && (predefined.Organization != "") != (projectID == ""), customErr == nil && (custom.ProjectID == "") != (projectID == ""):
		return Role{}, fault.Invalidf("role_scope_mismatch", param, "Roles of the organization are assigned at the organization, and roles of a project in their project.")
	case customErr != nil && !fault.Is(customErr, fault.NotFound):
		return Role{}, customErr
	}
	return Role{}, notFoundAsInvalid(err, param)
}

// predefinedRoles are those of the organization or of the project, in the order
// of lists.
func predefinedRoles(organizationID, projectID string) []Role {
	if projectID == "" {
		return []Role{organizationRole(organizationID, access.OrganizationOwner), organizationRole(organizationID, access.OrganizationReader)}
	}
	return []Role{
		projectRole(organizationID, projectID, access.ProjectOwner),
		projectRole(organizationID, projectID, access.ProjectMember),
		projectRole(organizationID, projectID, access.ProjectViewer),
	}
}

func organizationRole(organizationID string, r access.OrganizationRole) Role {
	description := "Manages the organization and everything in it."
	if r == access.OrganizationReader {
		description = "Reads what the organization has, and works in the projects it is let into."
	}
	return Role{
		ID: r.ID(organizationID), OrganizationID: organizationID, Name: string(r), Description: description,
		Predefined: true, Permissions: r.Permissions().Sorted(),
	}
}

func projectRole(organizationID, projectID string, r access.ProjectRole) Role {
	description := map[access.ProjectRole]string{
		access.ProjectOwner:  "Manages the project and works in it.",
		access.ProjectMember: "Works in the project: calls models and makes keys of its own.",
		access.ProjectViewer: "Reads what the project has.",
	}[r]
	return Role{
		ID: r.ID(projectID), OrganizationID: organizationID, ProjectID: projectID, Name: string(r), Description: description,
		Predefined: true, Permissions: r.Permissions().Sorted(),
	}
}

// isPredefinedName reports whether a custom role of this scope would be
// mistaken for a predefined one.
func isPredefinedName(organizationID, projectID, name string) bool {
	return slices.ContainsFunc(predefinedRoles(organizationID, projectID), func(r Role) bool { return r.Name == name })
}

// setRole makes role the one predefined or custom role by which the principal is
// known in the role's scope: it takes the place of the predefined ones. Custom
// roles that the principal holds besides stay.
func (s *Service) setRole(ctx context.Context, tx Tx, by *Grantor, principalID string, kind PrincipalKind, role *Role) error {
	if err := by.MayGrantRole(role); err != nil {
		return err
	}
	held := false
	assigned, err := tx.AssignmentsOf(ctx, role.OrganizationID, principalID)
	if err != nil {
		return err
	}
	var replaced []Role
	for _, a := range assigned {
		if a.ProjectID != role.ProjectID {
			continue
		}
		if a.RoleID == role.ID {
			held = true
			continue
		}
		for _, p := range predefinedRoles(role.OrganizationID, role.ProjectID) {
			if p.ID == a.RoleID {
				replaced = append(replaced, p)
			}
		}
	}
	if !held { // first, so that the principal never leaves the project
		if err := tx.InsertRoleAssignment(ctx, s.assignment(by, principalID, kind, role)); err != nil {
			return err
		}
	}
	for i := range replaced {
		if err := by.MayGrantRole(&replaced[i]); err != nil {
			return err
		}
		if err := tx.DeleteRoleAssignment(ctx, role.OrganizationID, role.ProjectID, principalID, replaced[i].ID); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) assignment(by *Grantor, principalID string, kind PrincipalKind, role *Role) RoleAssignment {
	return RoleAssignment{
		OrganizationID: role.OrganizationID, ProjectID: role.ProjectID, PrincipalID: principalID, PrincipalKind: kind,
		RoleID: role.ID, CreatedBy: by.PrincipalID(), CreatedAt: s.Now(),
	}
}
