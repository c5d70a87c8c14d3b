package org

import (
	"context"
	"fmt"
	"strings"
	"time"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/optional"
)

// InviteLifetime is how long an invite waits to be accepted.
const InviteLifetime = 7 * 24 * time.Hour

// Invite lets whoever holds its token join the organization, once. Only the
// hash of the token is kept.
type Invite struct {
	ID             string
	OrganizationID string
	Email          string
	Role           access.OrganizationRole
	Projects       []InviteProject // that the person becomes a member of too
	TokenHash      id.Hash         // zero: nobody has been given one
	// GrantedBy is who stands for what the invite gives: whoever sent it, or made
	// its link last. "" is weir itself.
	GrantedBy  string
	ExpiresAt  time.Time
	AcceptedAt time.Time // zero: not accepted
	CreatedAt  time.Time
}

// InviteProject is a project that an invite lets into.
type InviteProject struct {
	ProjectID string             `json:"id"`
	Role      access.ProjectRole `json:"role"` // owner or member
}

// InvitePage is the address, below weir's own, of the page that an invite's link
// leads to.
const InvitePage = "/weir/join"

// InviteURL is the link of an invite, at an address that browsers reach weir at.
// The token stands behind the #, where browsers keep it from servers and their
// logs.
func InviteURL(base, token string) string {
	return strings.TrimSuffix(base, "/") + InvitePage + "#" + token
}

// InviteStatus is what has become of an invite.
type InviteStatus string

// What becomes of invites.
const (
	InvitePending  InviteStatus = "pending"
	InviteAccepted InviteStatus = "accepted"
	InviteExpired  InviteStatus = "expired"
)

// Status of the invite at a time.
func (i *Invite) Status(now time.Time) InviteStatus {
	switch {
	case !i.AcceptedAt.IsZero():
		return InviteAccepted
	case !now.Before(i.ExpiresAt):
		return InviteExpired
	}
	return InvitePending
}

// roles are all that the invite gives.
func (i *Invite) roles() []Role {
	roles := []Role{organizationRole(i.OrganizationID, i.Role)}
	for _, p := range i.Projects {
		roles = append(roles, projectRole(i.OrganizationID, p.ProjectID, p.Role))
	}
	return roles
}

// NewInvite is somebody to invite. Projects that are not given are the default
// project; an empty list is no project at all.
type NewInvite struct {
	Email    string
	Role     string
	Projects optional.Value[[]InviteProject]
}

// Validate reports the first rule that in breaks.
func (in NewInvite) Validate() error {
	if err := checkLength("email", in.Email, maxAddress); err != nil {
		return err
	}
	if err := checkEmail("email", in.Email); err != nil {
		return err
	}
	if err := fault.OneOf("role", in.Role, []string{string(access.OrganizationReader), string(access.OrganizationOwner)}); err != nil {
		return err
	}
	if err := checkCount("projects", len(in.Projects.V), maxIDs); err != nil {
		return err
	}
	seen := map[string]bool{}
	for i, p := range in.Projects.V {
		at := fmt.Sprintf("projects[%d]", i)
		if err := fault.OneOf(at+".role", string(p.Role), []string{string(access.ProjectMember), string(access.ProjectOwner)}); err != nil {
			return err
		}
		if seen[p.ProjectID] {
			return fault.Invalidf("invalid_value", at+".id", "Invalid '%s.id': the project '%s' is named twice.", at, p.ProjectID)
		}
		seen[p.ProjectID] = true
	}
	return nil
}

// CreateInvite invites an address that is no member's and has no pending invite.
// Nobody invites to what they do not hold, nor with a key that expires for longer
// than the key works. Where weir writes to people, the
// invite's link is on its way to the address once this returns; else
// CreateInviteLink makes one to hand over.
func (s *Service) CreateInvite(ctx context.Context, by Grantor, in NewInvite) (Invite, error) {
	if err := in.Validate(); err != nil {
		return Invite{}, err
	}
	now := s.Now()
	invite := Invite{
		ID: id.New(id.Invite), OrganizationID: by.OrganizationID, Email: in.Email, Role: access.OrganizationRole(in.Role),
		Projects: in.Projects.V, GrantedBy: by.PrincipalID(), ExpiresAt: by.Key.until(now.Add(InviteLifetime)), CreatedAt: now,
	}
	err := s.update(ctx, by.Actor, func(tx Tx) error {
		if err := mayBeInvited(ctx, tx, &invite, now); err != nil {
			return err
		}
		if !in.Projects.Given() {
			o, err := tx.Organization(ctx, by.OrganizationID)
			if err != nil {
				return err
			}
			invite.Projects = []InviteProject{{ProjectID: o.DefaultProjectID, Role: access.ProjectMember}}
		}
		for i, p := range invite.Projects {
			if _, err := activeProject(ctx, tx, by.OrganizationID, p.ProjectID); err != nil {
				param := fmt.Sprintf("projects[%d].id", i)
				return withParam(notFoundAsInvalid(err, param), param)
			}
		}
		if err := mayGrantInvite(&by, &invite); err != nil {
			return err
		}
		tx.Record(event(audit.InviteSent, nil, details{ID: invite.ID, Data: map[string]any{"email": invite.Email, "role": invite.Role}}))
		if err := s.writeInvite(ctx, tx, by.Actor, &invite); err != nil {
			return err
		}
		return tx.InsertInvite(ctx, invite)
	})
	return invite, err
}

// mayBeInvited refuses an address that has joined or is invited already.
func mayBeInvited(ctx context.Context, r Reader, invite *Invite, now time.Time) error {
	switch _, err := r.UserByEmail(ctx, invite.OrganizationID, invite.Email); {
	case err == nil:
		return fault.Invalidf("already_member", "email", "'%s' belongs to the organization already.", invite.Email)
	case !fault.Is(err, fault.NotFound):
		return err
	}
	switch other, err := r.PendingInvite(ctx, invite.OrganizationID, invite.Email, now); {
	case err == nil:
		return fault.Invalidf("invite_pending", "email", "'%s' is invited already, by '%s'. Delete that invite to send another one.", invite.Email, other.ID)
	case !fault.Is(err, fault.NotFound):
		return err
	}
	return nil
}

// mayGrantInvite refuses an invite that gives what by does not hold.
func mayGrantInvite(by *Grantor, invite *Invite) error {
	for _, role := range invite.roles() {
		if err := by.MayGrantRole(&role); err != nil {
			return err
		}
	}
	return nil
}

// Invites of an organization, newest first.
func (s *Service) Invites(ctx context.Context, organizationID string, p Page) (Rows[Invite], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[Invite], error) { return r.Invites(ctx, organizationID, p) })
}

// Invite returns one invite.
func (s *Service) Invite(ctx context.Context, organizationID, inviteID string) (Invite, error) {
	return view(ctx, s.Store, func(r Reader) (Invite, error) { return r.Invite(ctx, organizationID, inviteID) })
}

// DeleteInvite takes an invite back, and its token with it. One that was
// accepted stays.
func (s *Service) DeleteInvite(ctx context.Context, actor audit.Actor, inviteID string) error {
	return s.update(ctx, actor, func(tx Tx) error {
		invite, err := tx.Invite(ctx, actor.OrganizationID, inviteID)
		if err != nil {
			return err
		}
		if invite.Status(s.Now()) == InviteAccepted {
			return errInviteAccepted(inviteID)
		}
		tx.Record(event(audit.InviteDeleted, nil, details{ID: inviteID}))
		if err := tx.TakeBackMail(ctx, actor.OrganizationID, inviteID); err != nil {
			return err
		}
		return tx.DeleteInvite(ctx, actor.OrganizationID, inviteID)
	})
}

func errInviteAccepted(inviteID string) error {
	return fault.Invalidf("invite_accepted", "", "The invite '%s' has been accepted already.", inviteID)
}

// CreateInviteLink gives a pending invite a new token and returns it; an earlier
// one becomes void. The caller stands for the invite from now on, so it has to
// hold all that the invite gives.
func (s *Service) CreateInviteLink(ctx context.Context, by Grantor, inviteID string) (invite Invite, token string, err error) {
	token = id.Secret("")
	err = s.update(ctx, by.Actor, func(tx Tx) error {
		if invite, err = tx.Invite(ctx, by.OrganizationID, inviteID); err != nil {
			return err
		}
		switch invite.Status(s.Now()) {
		case InviteAccepted:
			return errInviteAccepted(inviteID)
		case InviteExpired:
			return fault.Invalidf("invite_expired", "", "The invite '%s' has expired. Send another one.", inviteID)
		}
		if by.Key.outlivedBy(invite.ExpiresAt) {
			return fault.New(fault.Forbidden, "insufficient_permissions", "", "You have insufficient permissions for this operation. A key that expires gives out no link that works longer than itself.")
		}
		if err := mayGrantInvite(&by, &invite); err != nil {
			return err
		}
		invite.TokenHash, invite.GrantedBy = id.HashOf(token), by.PrincipalID()
		tx.Record(event(audit.InviteLinkCreated, nil, details{ID: inviteID}))
		// A letter that was not sent yet would carry a link that is void.
		if err := tx.TakeBackMail(ctx, by.OrganizationID, inviteID); err != nil {
			return err
		}
		return tx.UpdateInvite(ctx, invite)
	})
	return invite, token, err
}
