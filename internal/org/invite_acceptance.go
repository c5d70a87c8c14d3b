package org

import (
	"context"
	"time"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
)

// Joining is somebody who accepts an invite by its token. PasswordHash must be
// of a password that the rules of package identity allow.
type Joining struct {
	Token        string
	Name         string
	PasswordHash string // argon2id
	IPAddress    string
	UserAgent    string
}

// CheckPersonName refuses a name that no person can be shown by.
func CheckPersonName(param, name string) error { return checkName(param, name) }

// CodeInviteToken is the code of every refusal of a token.
const CodeInviteToken = "invalid_token"

// errInviteToken refuses all tokens that do not work alike: whoever has one
// learns no more than that.
func errInviteToken() error {
	return fault.Invalidf(CodeInviteToken, "token", "This invitation is unknown, was used or taken back already, or has expired. Ask for another one.")
}

// InviteFor returns the pending invite with this token.
func (s *Service) InviteFor(ctx context.Context, token string) (Invite, error) {
	return view(ctx, s.Store, func(r Reader) (Invite, error) {
		invite, err := r.InviteByToken(ctx, id.HashOf(token))
		if fault.Is(err, fault.NotFound) {
			return Invite{}, errInviteToken()
		}
		if err != nil {
			return Invite{}, err
		}
		good, err := s.isGood(ctx, r, &invite)
		if err == nil && !good {
			err = errInviteToken()
		}
		return invite, err
	})
}

// isGood reports whether an invite can be accepted: it is pending, and whoever
// stands for it still holds what it gives. Else somebody whose roles are about
// to be taken away could leave them to an address of its own.
func (s *Service) isGood(ctx context.Context, r Reader, invite *Invite) (bool, error) {
	if invite.Status(s.Now()) != InvitePending {
		return false, nil
	}
	if invite.GrantedBy == "" {
		return true, nil
	}
	by, err := grantorNow(ctx, r, invite.OrganizationID, invite.GrantedBy)
	if err != nil {
		return false, err
	}
	return mayGrantInvite(&by, invite) == nil, nil
}

// AcceptInvite makes the holder of a token a user, with the roles and projects
// of its invite. Nobody is signed in by it.
func (s *Service) AcceptInvite(ctx context.Context, in Joining) (UserProfile, error) {
	if err := CheckPersonName("name", in.Name); err != nil {
		return UserProfile{}, err
	}
	invite, err := s.InviteFor(ctx, in.Token)
	if err != nil {
		return UserProfile{}, err
	}
	user := invitee(&invite, in.Name, in.PasswordHash, s.Now())
	from := NewSession{User: user, IPAddress: in.IPAddress, UserAgent: in.UserAgent}
	var profile UserProfile
	err = s.update(ctx, from.actor(""), func(tx Tx) error {
		invite, err := tx.InviteByToken(ctx, id.HashOf(in.Token))
		if fault.Is(err, fault.NotFound) { // taken back, or given another token
			return errInviteToken()
		}
		if err != nil {
			return err
		}
		if good, err := s.isGood(ctx, tx, &invite); err != nil || !good { // somebody was faster
			return orRefuse(err)
		}
		if err := CheckAddress(ctx, tx, invite.OrganizationID, "", in.IPAddress); err != nil {
			return err
		}
		events, err := s.join(ctx, tx, &invite, user)
		if err != nil {
			return err
		}
		tx.Record(events...)
		profile, err = profileOf(ctx, tx, invite.OrganizationID, user.ID)
		return err
	})
	return profile, err
}

func orRefuse(err error) error {
	if err == nil {
		err = errInviteToken()
	}
	return err
}

// invitee is the user that the person invited becomes.
func invitee(invite *Invite, name, passwordHash string, now time.Time) User {
	return User{
		ID: id.New(id.User), OrganizationID: invite.OrganizationID, Email: invite.Email, Name: name, Role: invite.Role,
		PasswordHash: passwordHash, CreatedAt: now,
	}
}

// join spends the invite, makes the user and gives what the invite says, and
// returns the events of it. Projects that were archived since are passed over.
func (s *Service) join(ctx context.Context, tx Tx, invite *Invite, user User) ([]audit.Event, error) {
	invite.AcceptedAt, invite.TokenHash = s.Now(), id.Hash{}
	if err := tx.UpdateInvite(ctx, *invite); err != nil {
		return nil, err
	}
	if err := tx.TakeBackMail(ctx, invite.OrganizationID, invite.ID); err != nil {
		return nil, err
	}
	if err := tx.InsertUser(ctx, user); err != nil {
		return nil, withParam(err, "token") // the address has joined in another way
	}
	events := []audit.Event{
		event(audit.InviteAccepted, nil, details{ID: invite.ID}),
		event(audit.UserAdded, nil, details{ID: user.ID, Data: map[string]any{"role": user.Role}}),
	}
	for _, p := range invite.Projects {
		project, err := tx.Project(ctx, invite.OrganizationID, p.ProjectID)
		if err != nil {
			return nil, err
		}
		if project.Archived() {
			continue
		}
		if err := tx.InsertRoleAssignment(ctx, RoleAssignment{
			OrganizationID: invite.OrganizationID, ProjectID: p.ProjectID, PrincipalID: user.ID, PrincipalKind: PrincipalUser,
			RoleID: p.Role.ID(p.ProjectID), CreatedBy: invite.GrantedBy, CreatedAt: user.CreatedAt,
		}); err != nil {
			return nil, err
		}
		events = append(events, event(audit.UserAdded, &project, details{ID: user.ID, Data: map[string]any{"role": p.Role}}))
	}
	return events, nil
}

// invited returns the good invite of an address that an identity provider has
// verified: to prove the address is what the token is for. It is nil when there
// is none.
func (s *Service) invited(ctx context.Context, r Reader, organizationID, email string) (*Invite, error) {
	invite, err := r.PendingInvite(ctx, organizationID, email, s.Now())
	if fault.Is(err, fault.NotFound) {
		return nil, nil //nolint:nilnil // most people were not invited
	}
	if err != nil {
		return nil, err
	}
	good, err := s.isGood(ctx, r, &invite)
	if err != nil || !good {
		return nil, err
	}
	return &invite, nil
}

// newUser makes the user that somebody unknown becomes who signs in through a
// provider: by an invite, which says which role and projects, or else by the
// provider's rules.
func (s *Service) newUser(ctx context.Context, tx Tx, rules ProviderRules, in ProviderSignIn) (User, []audit.Event, error) {
	invite, err := s.invited(ctx, tx, rules.OrganizationID, in.Email)
	if err != nil {
		return User{}, nil, err
	}
	if invite == nil {
		user, err := s.newcomer(rules, in)
		if err != nil {
			return User{}, nil, err
		}
		added := event(audit.UserAdded, nil, details{ID: user.ID, Data: map[string]any{"role": user.Role}})
		return user, []audit.Event{added}, tx.InsertUser(ctx, user)
	}
	user := invitee(invite, nameOf(in), "", s.Now())
	events, err := s.join(ctx, tx, invite, user)
	return user, events, err
}

// nameOf is how a person is shown whom a provider has vouched for.
func nameOf(in ProviderSignIn) string {
	if checkName("name", in.Name) != nil {
		return in.Email
	}
	return in.Name
}
