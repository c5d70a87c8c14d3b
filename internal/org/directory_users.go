package org

import (
	"context"
	"strings"
	"time"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
)

// DirectoryEntry is what an identity provider keeps of a user by SCIM, beside
// its address and name.
type DirectoryEntry struct {
	Managed    bool   // by a provider, since it first wrote the user
	ExternalID string // what the provider calls it; "": nothing
	Mail       string // an address that is not the user's own; "": none
	Name       PersonName
	UpdatedAt  time.Time // when the provider changed the user last; zero: never
}

// PersonName are the parts of a name; "" where nothing is known.
type PersonName struct {
	Formatted string `json:"formatted,omitempty"`
	Given     string `json:"given,omitempty"`
	Family    string `json:"family,omitempty"`
}

// whole is the name that the parts make, "" for none.
func (n PersonName) whole() string {
	if n.Formatted != "" {
		return n.Formatted
	}
	return strings.TrimSpace(n.Given + " " + n.Family)
}

// ChangedAt is when the user last became what a provider sees.
func (u *User) ChangedAt() time.Time { return later(u.Directory.UpdatedAt, u.CreatedAt) }

// ChangedAt is when the group or its members last changed.
func (g *Group) ChangedAt() time.Time { return later(g.UpdatedAt, g.CreatedAt) }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// after is now, or a moment after t: two versions of a thing have two times.
func (s *Service) after(t time.Time) time.Time {
	return later(s.Now(), t.Add(time.Microsecond))
}

// DirectoryUser is somebody as an identity provider describes them.
type DirectoryUser struct {
	UserName    string // the address by which weir knows the person
	DisplayName string // "": the name's parts, or else the address
	Name        PersonName
	Mail        string // "": UserName
	ExternalID  string
	Active      bool
}

// directoryUser is the user as its provider described it.
func directoryUser(u *User) DirectoryUser {
	d := DirectoryUser{
		UserName: u.Email, DisplayName: u.Name, Name: u.Directory.Name, Mail: u.Directory.Mail,
		ExternalID: u.Directory.ExternalID, Active: u.Active(),
	}
	if u.Name == d.Name.whole() || u.Name == u.Email {
		d.DisplayName = "" // it follows the others
	}
	return d
}

// Validate reports the first rule that d breaks. Params are SCIM's attributes.
func (d *DirectoryUser) Validate() error {
	if d.UserName == "" {
		return fault.MissingParam("userName")
	}
	if err := checkAddress("userName", d.UserName); err != nil {
		return err
	}
	if d.Mail != "" {
		if err := checkAddress("emails", d.Mail); err != nil {
			return err
		}
	}
	if d.ExternalID != "" {
		if err := checkName("externalId", d.ExternalID); err != nil {
			return err
		}
	}
	for _, part := range []struct{ param, text string }{
		{"name.formatted", d.Name.Formatted}, {"name.givenName", d.Name.Given}, {"name.familyName", d.Name.Family},
		{"displayName", d.called()},
	} {
		if part.text == "" {
			continue
		}
		if err := checkName(part.param, part.text); err != nil {
			return err
		}
	}
	return nil
}

func checkAddress(param, address string) error {
	if err := checkLength(param, address, maxAddress); err != nil {
		return err
	}
	return checkEmail(param, address)
}

// called is what the person is called.
func (d *DirectoryUser) called() string {
	for _, name := range []string{d.DisplayName, d.Name.whole()} {
		if strings.TrimSpace(name) != "" {
			return name
		}
	}
	return d.UserName
}

// applyTo makes u what d says and returns what it changed by that.
func (d *DirectoryUser) applyTo(u *User, now time.Time) map[string]any {
	changed := map[string]any{}
	set := func(name string, field *string, value string) {
		if *field != value {
			*field, changed[name] = value, value
		}
	}
	mail := d.Mail
	if strings.EqualFold(mail, d.UserName) {
		mail = ""
	}
	set("email", &u.Email, d.UserName)
	set("name", &u.Name, d.called())
	set("external_id", &u.Directory.ExternalID, d.ExternalID)
	set("mail", &u.Directory.Mail, mail)
	if u.Directory.Name != d.Name {
		u.Directory.Name = d.Name
		changed["name"] = u.Name
	}
	if u.Active() != d.Active {
		changed["active"] = d.Active
		if u.DeactivatedAt = now; d.Active {
			u.DeactivatedAt = time.Time{}
		}
	}
	u.Directory.Managed = true
	return changed
}

// CreateDirectoryUser adds a person, as a reader of the organization: what else
// they may do, groups and assignments say. An address that a user has is refused
// with the code email_taken.
func (s *Service) CreateDirectoryUser(ctx context.Context, actor audit.Actor, in DirectoryUser) (User, error) {
	if err := in.Validate(); err != nil {
		return User{}, err
	}
	now := s.Now()
	u := User{ID: id.New(id.User), OrganizationID: actor.OrganizationID, Role: access.OrganizationReader, CreatedAt: now}
	in.applyTo(&u, now)
	u.Directory.UpdatedAt = now
	err := s.update(ctx, actor, func(tx Tx) error {
		data := map[string]any{"role": u.Role}
		if !u.Active() {
			data["active"] = false
		}
		tx.Record(event(audit.UserAdded, nil, details{ID: u.ID, Data: data}))
		return tx.InsertUser(ctx, u)
	})
	return u, err
}

// Unchanged refuses a change of something that is no longer as its author saw
// it; it is given the time of the last change. nil refuses nothing.
type Unchanged func(changedAt time.Time) error

func (f Unchanged) check(changedAt time.Time) error {
	if f == nil {
		return nil
	}
	return f(changedAt)
}

// ChangeDirectoryUser lets change edit a user. Who is no longer active loses its
// keys and sessions for good and keeps the rest, which is of use again once they
// are active; the organization's last owner stays active.
func (s *Service) ChangeDirectoryUser(ctx context.Context, actor audit.Actor, userID string, unchanged Unchanged, change func(*DirectoryUser) error) (User, error) {
	var u User
	err := s.update(ctx, actor, func(tx Tx) error {
		var err error
		if u, err = tx.User(ctx, actor.OrganizationID, userID); err != nil {
			return err
		}
		if err := unchanged.check(u.ChangedAt()); err != nil {
			return err
		}
		wanted := directoryUser(&u)
		if err := change(&wanted); err != nil {
			return err
		}
		if err := wanted.Validate(); err != nil {
			return err
		}
		known, wasActive := u.Directory.Managed, u.Active()
		changed := wanted.applyTo(&u, s.Now())
		if len(changed) == 0 && known {
			return nil
		}
		u.Directory.UpdatedAt = s.after(u.ChangedAt())
		tx.Record(event(audit.UserUpdated, nil, details{ID: u.ID, Changes: changed}))
		return keepsOwner(ctx, tx, actor.OrganizationID, func() error {
			if err := tx.UpdateUser(ctx, u); err != nil || u.Active() || !wasActive {
				return err
			}
			return lockOut(ctx, tx, &u)
		})
	})
	return u, err
}

// lockOut ends all that a user could be known by.
func lockOut(ctx context.Context, tx Tx, u *User) error {
	revoked, err := tx.RevokeKeysOf(ctx, u.OrganizationID, u.ID)
	if err != nil {
		return err
	}
	if err := recordRevoked(ctx, tx, u.OrganizationID, revoked); err != nil {
		return err
	}
	if err := tx.DeletePasswordResetsOf(ctx, u.OrganizationID, u.ID); err != nil {
		return err
	}
	_, err = revokeSessions(ctx, tx, u.OrganizationID, u.ID, "")
	return err
}

// recordRevoked tells of keys that went with their owner.
func recordRevoked(ctx context.Context, tx Tx, organizationID string, revoked []RevokedKey) error {
	projects := map[string]*Project{"": nil}
	for _, key := range revoked {
		project, known := projects[key.ProjectID]
		if !known {
			p, err := tx.Project(ctx, organizationID, key.ProjectID)
			if err != nil {
				return err
			}
			project = &p
			projects[key.ProjectID] = project
		}
		tx.Record(event(audit.APIKeyDeleted, project, details{ID: key.ID}))
	}
	return nil
}

// DeleteDirectoryUser is DeleteUser for a provider.
func (s *Service) DeleteDirectoryUser(ctx context.Context, actor audit.Actor, userID string, unchanged Unchanged) error {
	return s.update(ctx, actor, func(tx Tx) error {
		u, err := tx.User(ctx, actor.OrganizationID, userID)
		if err != nil {
			return err
		}
		if err := unchanged.check(u.ChangedAt()); err != nil {
			return err
		}
		return deleteUser(ctx, tx, actor.OrganizationID, userID)
	})
}

// errDeactivated is what who is no longer active is told.
func errDeactivated() error {
	return fault.New(fault.Forbidden, CodeUserDeactivated, "", "Your account has been deactivated. Ask an administrator of your organization.")
}

// CodeUserDeactivated is the code of refusals for who is no longer active.
const CodeUserDeactivated = "user_deactivated"

// ownerOfNewKey returns the user unless it may have no keys.
func ownerOfNewKey(ctx context.Context, r Reader, organizationID, userID string) (User, error) {
	u, err := r.User(ctx, organizationID, userID)
	if err == nil && !u.Active() {
		err = fault.Invalidf(CodeUserDeactivated, "", "The user '%s' has been deactivated and can have no keys.", u.ID)
	}
	return u, err
}

// DirectoryUsers lists everybody as a provider sees them.
func (s *Service) DirectoryUsers(ctx context.Context, organizationID string, f DirectoryFilter) (DirectoryRows[User], error) {
	return view(ctx, s.Store, func(r Reader) (DirectoryRows[User], error) { return r.DirectoryUsers(ctx, organizationID, f) })
}

// DirectoryGroupsOf returns the groups kept by a provider that a user is in.
func (s *Service) DirectoryGroupsOf(ctx context.Context, organizationID, userID string) ([]Group, error) {
	return view(ctx, s.Store, func(r Reader) ([]Group, error) {
		ids, err := r.GroupsOf(ctx, organizationID, userID)
		if err != nil {
			return nil, err
		}
		all, err := r.GroupsByID(ctx, organizationID, ids)
		kept := make([]Group, 0, len(all))
		for _, g := range all {
			if g.SCIMManaged {
				kept = append(kept, g)
			}
		}
		return kept, err
	})
}
