package org

import (
	"context"
	"fmt"
	"slices"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/optional"
)

// scopeOf returns the project of a scope, nil for the organization (project id
// ""), refusing an archived one.
func scopeOf(ctx context.Context, r Reader, organizationID, projectID string) (*Project, error) {
	if projectID == "" {
		return nil, nil
	}
	p, err := activeProject(ctx, r, organizationID, projectID)
	return &p, err
}

// NewRole is a custom role to create.
type NewRole struct {
	ProjectID   string // "": of the organization
	Name        string
	Permissions []string
	Description optional.Value[string]
}

// Validate reports the first rule that in breaks.
func (in NewRole) Validate() error {
	if err := checkName("role_name", in.Name); err != nil {
		return err
	}
	return checkLength("description", in.Description.V, maxDescription)
}

// checkPermissions returns the permissions of a custom role, sorted and each
// once.
func checkPermissions(names []string, of access.ResourceType) ([]access.Permission, error) {
	if err := checkCount("permissions", len(names), maxScopes); err != nil {
		return nil, err
	}
	set := access.Set{}
	for _, name := range names {
		p := access.Permission(name)
		switch {
		case !access.Known(p):
			return nil, fault.Invalidf("invalid_value", "permissions", "Invalid value: '%.100s' is not a permission.", name)
		case !access.InCustomRoles(p, of):
			return nil, fault.Invalidf("invalid_value", "permissions", "Invalid value: '%s' cannot be part of a custom role of resource type %s.", p, of)
		}
		set[p] = struct{}{}
	}
	sorted := set.Sorted()
	if sorted == nil {
		sorted = []access.Permission{}
	}
	return sorted, nil
}

func checkRoleName(organizationID, projectID, name string) error {
	if isPredefinedName(organizationID, projectID, name) {
		return fault.Invalidf("name_taken", "role_name", "Role with the name '%s' exists already.", name)
	}
	return nil
}

// CreateRole makes a custom role.
func (s *Service) CreateRole(ctx context.Context, by Grantor, in NewRole) (Role, error) {
	if err := in.Validate(); err != nil {
		return Role{}, err
	}
	now := s.Now()
	role := Role{
		ID: id.New(id.Role), OrganizationID: by.OrganizationID, ProjectID: in.ProjectID, Name: in.Name, Description: in.Description.Or(""),
		CreatedBy: by.PrincipalID(), CreatedAt: now, UpdatedAt: now,
	}
	var err error
	if role.Permissions, err = checkPermissions(in.Permissions, role.ResourceType()); err != nil {
		return Role{}, err
	}
	if err := checkRoleName(role.OrganizationID, role.ProjectID, role.Name); err != nil {
		return Role{}, err
	}
	err = s.update(ctx, by.Actor, func(tx Tx) error {
		project, err := scopeOf(ctx, tx, by.OrganizationID, in.ProjectID)
		if err != nil {
			return err
		}
		if err := by.MayGrantRole(&role); err != nil {
			return err
		}
		e := event(audit.RoleCreated, project, details{ID: role.ID})
		e.Details = mustJSON(map[string]any{
			"id": role.ID, "role_name": role.Name, "permissions": role.Permissions,
			"resource_type": role.ResourceType(), "resource_id": role.ResourceID(),
		})
		tx.Record(e)
		return tx.InsertRole(ctx, role)
	})
	return role, err
}

// RoleChange is a partial update of a custom role.
type RoleChange struct {
	Name        optional.Value[string]
	Permissions optional.Value[[]string]
	Description optional.Value[string] // null removes it
}

// Validate reports the first rule that in breaks.
func (in RoleChange) Validate() error {
	if in.Name.Given() {
		if err := checkName("role_name", in.Name.V); err != nil {
			return err
		}
	}
	return checkLength("description", in.Description.V, maxDescription)
}

// changeableRole returns a custom role that by may change: one that gives
// nothing by does not hold itself.
func changeableRole(ctx context.Context, r Reader, by *Grantor, projectID, roleID string) (Role, *Project, error) {
	project, err := scopeOf(ctx, r, by.OrganizationID, projectID)
	if err != nil {
		return Role{}, nil, err
	}
	role, err := FindRole(ctx, r, by.OrganizationID, projectID, roleID)
	if err != nil {
		return Role{}, nil, err
	}
	if role.Predefined {
		return Role{}, nil, fault.Invalidf("predefined_role", "", "The role '%s' is predefined and can be neither changed nor deleted.", role.Name)
	}
	return role, project, by.MayGrantRole(&role)
}

// UpdateRole changes the fields that were sent; everybody who holds the role
// follows.
func (s *Service) UpdateRole(ctx context.Context, by Grantor, projectID, roleID string, in RoleChange) (Role, error) {
	if err := in.Validate(); err != nil {
		return Role{}, err
	}
	var role Role
	err := s.update(ctx, by.Actor, func(tx Tx) error {
		var project *Project
		var err error
		if role, project, err = changeableRole(ctx, tx, &by, projectID, roleID); err != nil {
			return err
		}
		requested := map[string]any{"resource_type": role.ResourceType(), "resource_id": role.ResourceID()}
		if in.Name.Given() && in.Name.V != role.Name {
			if err := checkRoleName(role.OrganizationID, role.ProjectID, in.Name.V); err != nil {
				return err
			}
			role.Name = in.Name.V
			requested["role_name"] = role.Name
		}
		if in.Description.Sent {
			role.Description = in.Description.Or("")
			requested["description"] = role.Description
		}
		if in.Permissions.Given() {
			before := role.Permissions
			if role.Permissions, err = checkPermissions(in.Permissions.V, role.ResourceType()); err != nil {
				return err
			}
			if err := by.MayGrantRole(&role); err != nil {
				return err
			}
			requested["permissions_added"] = without(role.Permissions, before)
			requested["permissions_removed"] = without(before, role.Permissions)
		}
		role.UpdatedAt = s.Now()
		tx.Record(event(audit.RoleUpdated, project, details{ID: role.ID, Changes: requested}))
		return tx.UpdateRole(ctx, role)
	})
	return role, err
}

// without is what of all is not among others.
func without(all, others []access.Permission) []access.Permission {
	return slices.DeleteFunc(slices.Clone(all), func(p access.Permission) bool { return slices.Contains(others, p) })
}

// DeleteRole removes a custom role and every assignment of it.
func (s *Service) DeleteRole(ctx context.Context, by Grantor, projectID, roleID string) error {
	return s.update(ctx, by.Actor, func(tx Tx) error {
		role, project, err := changeableRole(ctx, tx, &by, projectID, roleID)
		if err != nil {
			return err
		}
		tx.Record(event(audit.RoleDeleted, project, details{ID: role.ID}))
		return tx.DeleteRole(ctx, by.OrganizationID, projectID, role.ID)
	})
}

// Role returns a role of the organization (project id "") or of an active
// project, predefined or custom.
func (s *Service) Role(ctx context.Context, organizationID, projectID, roleID string) (Role, error) {
	return view(ctx, s.Store, func(r Reader) (Role, error) {
		if _, err := scopeOf(ctx, r, organizationID, projectID); err != nil {
			return Role{}, err
		}
		return FindRole(ctx, r, organizationID, projectID, roleID)
	})
}

// Roles lists the roles of the organization (project id "") or of an active
// project. Predefined ones count as the oldest.
func (s *Service) Roles(ctx context.Context, organizationID, projectID string, p Page) (Rows[Role], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[Role], error) {
		if _, err := scopeOf(ctx, r, organizationID, projectID); err != nil {
			return Rows[Role]{}, err
		}
		predefined := predefinedRoles(organizationID, projectID)
		custom := func(after string, limit int) (Rows[Role], error) {
			return r.Roles(ctx, organizationID, projectID, Page{After: after, Limit: limit, Ascending: p.Ascending})
		}
		if p.Ascending {
			return oldestFirst(predefined, p, custom)
		}
		slices.Reverse(predefined)
		return newestFirst(predefined, p, custom)
	})
}

// after returns what of fixed comes after the role, and whether it is in fixed.
func after(fixed []Role, roleID string) ([]Role, bool) {
	i := slices.IndexFunc(fixed, func(r Role) bool { return r.ID == roleID })
	return fixed[i+1:], i >= 0
}

// oldestFirst pages through the fixed roles and then the custom ones.
func oldestFirst(fixed []Role, p Page, custom func(after string, limit int) (Rows[Role], error)) (Rows[Role], error) {
	rest, found := after(fixed, p.After)
	if p.After != "" && !found {
		return custom(p.After, p.Limit)
	}
	if len(rest) > p.Limit {
		return Rows[Role]{Items: rest[:p.Limit], More: true}, nil
	}
	room := p.Limit - len(rest)
	rows, err := custom("", max(room, 1))
	if err != nil {
		return Rows[Role]{}, fmt.Errorf("reading custom roles: %w", err)
	}
	if room == 0 {
		return Rows[Role]{Items: rest, More: len(rows.Items) > 0}, nil
	}
	return Rows[Role]{Items: append(rest, rows.Items...), More: rows.More}, nil
}

// newestFirst pages through the custom roles and then the fixed ones.
func newestFirst(fixed []Role, p Page, custom func(after string, limit int) (Rows[Role], error)) (Rows[Role], error) {
	rest, found := after(fixed, p.After)
	var rows Rows[Role]
	if !found {
		var err error
		if rows, err = custom(p.After, p.Limit); err != nil || rows.More {
			return rows, err
		}
	}
	room := min(p.Limit-len(rows.Items), len(rest))
	return Rows[Role]{Items: append(rows.Items, rest[:room]...), More: room < len(rest)}, nil
}
