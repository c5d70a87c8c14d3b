package org

import (
	"context"
	"errors"
	"time"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/optional"
)

// UserChange is a partial update of a user. Role and RoleID name the role of the
// organization by which the user is known: it takes the place of the predefined
// one. At most one of the two is sent.
type UserChange struct {
	Role             optional.Value[string] // owner or reader
	RoleID           optional.Value[string]
	TechnicalLevel   optional.Value[string] // null removes it
	DeveloperPersona optional.Value[string] // null removes it
}

// Validate reports the first rule that in breaks.
func (in UserChange) Validate() error {
	if in.Role.Given() {
		if in.RoleID.Given() {
			return fault.Invalidf("invalid_value", "role_id", "'role' and 'role_id' cannot be combined.")
		}
		if err := fault.OneOf("role", in.Role.V, []string{string(access.OrganizationOwner), string(access.OrganizationReader)}); err != nil {
			return err
		}
	}
	if err := checkNote("technical_level", in.TechnicalLevel.V); err != nil {
		return err
	}
	return checkNote("developer_persona", in.DeveloperPersona.V)
}

// checkNote refuses an overlong opaque text.
func checkNote(param, text string) error { return checkLength(param, text, maxReference) }

// UpdateUser changes the fields that were sent. The organization's last owner
// stays one.
func (s *Service) UpdateUser(ctx context.Context, by Grantor, userID string, in UserChange) (UserProfile, error) {
	if err := in.Validate(); err != nil {
		return UserProfile{}, err
	}
	var profile UserProfile
	err := s.update(ctx, by.Actor, func(tx Tx) error {
		u, err := tx.User(ctx, by.OrganizationID, userID)
		if err != nil {
			return err
		}
		requested := map[string]any{}
		if in.TechnicalLevel.Sent {
			u.TechnicalLevel = in.TechnicalLevel.Or("")
			requested["technical_level"] = u.TechnicalLevel
		}
		if in.DeveloperPersona.Sent {
			u.DeveloperPersona = in.DeveloperPersona.Or("")
			requested["developer_persona"] = u.DeveloperPersona
		}
		if err := tx.UpdateUser(ctx, u); err != nil {
			return err
		}
		if in.Role.Given() || in.RoleID.Given() {
			roleID, param := in.RoleID.V, "role_id"
			if in.Role.Given() {
				roleID, param = access.OrganizationRole(in.Role.V).ID(by.OrganizationID), "role"
			}
			role, err := roleToAssign(ctx, tx, by.OrganizationID, "", param, roleID)
			if err != nil {
				return err
			}
			requested["role"] = role.Name
			if err := keepsOwner(ctx, tx, by.OrganizationID, func() error {
				return s.setRole(ctx, tx, &by, userID, PrincipalUser, &role)
			}); err != nil {
				return err
			}
		}
		tx.Record(event(audit.UserUpdated, nil, details{ID: userID, Changes: requested}))
		profile, err = profileOf(ctx, tx, by.OrganizationID, userID)
		return err
	})
	return profile, err
}

// DeleteUser removes a person from the organization with all that is its own:
// project keys and admin keys stop, sessions end, roles and memberships go. The
// organization's last owner cannot be deleted.
func (s *Service) DeleteUser(ctx context.Context, actor audit.Actor, userID string) error {
	return s.update(ctx, actor, func(tx Tx) error { return deleteUser(ctx, tx, actor.OrganizationID, userID) })
}

func deleteUser(ctx context.Context, tx Tx, organizationID, userID string) error {
	return keepsOwner(ctx, tx, organizationID, func() error {
		revoked, err := tx.DeleteUser(ctx, organizationID, userID)
		if err != nil {
			return err
		}
		tx.Record(event(audit.UserDeleted, nil, details{ID: userID}))
		return recordRevoked(ctx, tx, organizationID, revoked)
	})
}

// UserProfile is a user with what is known about it elsewhere.
type UserProfile struct {
	User
	Projects       []ProjectMembership // that it is in itself, and that are active; newest first
	KeysLastUsedAt time.Time           // of its keys of any kind; zero: never
}

// UserProfiles of an organization, newest first.
func (s *Service) UserProfiles(ctx context.Context, organizationID string, f UserFilter) (Rows[UserProfile], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[UserProfile], error) {
		rows, err := r.Users(ctx, organizationID, f)
		if err != nil {
			return Rows[UserProfile]{}, err
		}
		profiles, err := profilesOf(ctx, r, organizationID, rows.Items)
		return Rows[UserProfile]{Items: profiles, More: rows.More}, err
	})
}

// UserProfile returns one user.
func (s *Service) UserProfile(ctx context.Context, organizationID, userID string) (UserProfile, error) {
	return view(ctx, s.Store, func(r Reader) (UserProfile, error) { return profileOf(ctx, r, organizationID, userID) })
}

func profileOf(ctx context.Context, r Reader, organizationID, userID string) (UserProfile, error) {
	u, err := r.User(ctx, organizationID, userID)
	if err != nil {
		return UserProfile{}, err
	}
	profiles, err := profilesOf(ctx, r, organizationID, []User{u})
	if err != nil {
		return UserProfile{}, err
	}
	return profiles[0], nil
}

// profilesOf looks up all of a page at once.
func profilesOf(ctx context.Context, r Reader, organizationID string, users []User) ([]UserProfile, error) {
	profiles := make([]UserProfile, len(users))
	at := make(map[string]*UserProfile, len(users))
	ids := make([]string, len(users))
	for i, u := range users {
		profiles[i].User, ids[i] = u, u.ID
		at[u.ID] = &profiles[i]
	}
	memberships, err := r.ProjectsOf(ctx, organizationID, ids)
	used, err2 := r.KeysLastUsed(ctx, organizationID, ids)
	for _, m := range memberships {
		p := at[m.PrincipalID]
		p.Projects = append(p.Projects, m)
	}
	for _, u := range used {
		at[u.UserID].KeysLastUsedAt = u.At
	}
	return profiles, errors.Join(err, err2)
}
