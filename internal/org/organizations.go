package org

import (
	"context"
	"errors"
	"net/mail"
	"slices"
	"strings"
	"unicode"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/routing"
)

// NewOrganization is what a tenant starts with. PasswordHash may be empty: the
// owner then cannot sign in by password.
type NewOrganization struct {
	Name         string
	OwnerEmail   string
	OwnerName    string
	PasswordHash string
	AdminSecret  string // the first admin key
	First        bool   // only if there is no organization yet; else ErrNotFirst
}

// ErrNotFirst is returned for a first organization that would not be the first:
// another node has made one.
var ErrNotFirst = errors.New("there is an organization already")

// Validate reports the first rule that in breaks.
func (in NewOrganization) Validate() error {
	if err := checkName("name", in.Name); err != nil {
		return err
	}
	if err := checkEmail("owner_email", in.OwnerEmail); err != nil {
		return err
	}
	if err := id.CheckAdminSecret(in.AdminSecret); err != nil {
		return fault.Invalidf("invalid_value", "admin_key", "The first admin key %s.", err)
	}
	return nil
}

func checkEmail(param, address string) error {
	// A bare address: no display name, no comment. "owner@localhost" is fine.
	if strings.ContainsFunc(address, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fault.Invalidf("invalid_value", param, "Invalid '%s': it holds characters that cannot be seen.", param)
	}
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Address != address {
		return fault.Invalidf("invalid_value", param, "Invalid '%s': '%s' is not an e-mail address.", param, address)
	}
	return nil
}

// CreateOrganization makes a tenant with its owner, first admin key, default
// project and default workspace.
func (s *Service) CreateOrganization(ctx context.Context, in NewOrganization) (Organization, error) {
	if err := in.Validate(); err != nil {
		return Organization{}, err
	}
	now := s.Now()
	o := Organization{ID: id.New(id.Organization), Name: in.Name, CreatedAt: now}
	project := Project{ID: id.New(id.Project), OrganizationID: o.ID, Name: "Default project", CreatedAt: now}
	o.DefaultProjectID = project.ID
	owner := User{
		ID: id.New(id.User), OrganizationID: o.ID, Email: in.OwnerEmail, Name: in.OwnerName,
		Role: access.OrganizationOwner, PasswordHash: in.PasswordHash, CreatedAt: now,
	}
	key := AdminKey{
		ID: id.New(id.Key), OrganizationID: o.ID, Name: "First admin key", UserID: owner.ID,
		Secret: newSecret(in.AdminSecret), CreatedAt: now,
	}
	workspace := routing.Workspace{ID: id.New(id.Workspace), OrganizationID: o.ID, Name: routing.DefaultWorkspace, CreatedAt: now}

	err := s.update(ctx, audit.System(o.ID), func(tx Tx) error {
		if in.First {
			if others, err := tx.Organizations(ctx); err != nil || len(others) > 0 {
				return errors.Join(err, ErrNotFirst)
			}
		}
		if err := tx.InsertOrganization(ctx, o); err != nil {
			return err
		}
		if err := tx.InsertProject(ctx, project); err != nil {
			return err
		}
		if err := tx.InsertUser(ctx, owner); err != nil {
			return err
		}
		if err := tx.InsertAdminKey(ctx, key); err != nil {
			return err
		}
		if err := tx.InsertWorkspace(ctx, workspace); err != nil {
			return err
		}
		tx.Record(
			event(audit.OrganizationCreated, nil, details{ID: o.ID, Data: map[string]any{"name": o.Name}}),
			event(audit.ProjectCreated, nil, projectCreated(project)),
			event(audit.UserAdded, nil, details{ID: owner.ID, Data: map[string]any{"role": owner.Role}}),
			event(audit.APIKeyCreated, nil, keyCreated(key.ID, nil)),
			event(audit.WorkspaceCreated, nil, workspaceCreated(workspace)),
		)
		return nil
	})
	return o, err
}

// Users of an organization, newest first.
func (s *Service) Users(ctx context.Context, organizationID string, f UserFilter) (Rows[User], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[User], error) { return r.Users(ctx, organizationID, f) })
}

// User returns one user.
func (s *Service) User(ctx context.Context, organizationID, userID string) (User, error) {
	return view(ctx, s.Store, func(r Reader) (User, error) { return r.User(ctx, organizationID, userID) })
}

// Organization returns one organization.
func (s *Service) Organization(ctx context.Context, organizationID string) (Organization, error) {
	return view(ctx, s.Store, func(r Reader) (Organization, error) { return r.Organization(ctx, organizationID) })
}

// AuditEvents of an organization, newest first. Events that name no project are
// the organization's own and found with its default project's.
func (s *Service) AuditEvents(ctx context.Context, organizationID string, q audit.Query) (Rows[audit.Event], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[audit.Event], error) {
		o, err := r.Organization(ctx, organizationID)
		if err != nil {
			return Rows[audit.Event]{}, err
		}
		if slices.Contains(q.ProjectIDs, o.DefaultProjectID) {
			q.ProjectIDs = append(slices.Clone(q.ProjectIDs), "")
		}
		return r.AuditEvents(ctx, organizationID, q)
	})
}
