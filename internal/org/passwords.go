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

// PasswordResetLifetime is how long a password reset waits to be accepted.
const PasswordResetLifetime = time.Hour

// ResetPage is the address, below weir's own, of the page that a reset's link
// leads to.
const ResetPage = "/weir/reset"

// ResetURL is the link of a password reset, at an address that browsers reach weir
// at; the token stands where an invite's does.
func ResetURL(base, token string) string {
	return strings.TrimSuffix(base, "/") + ResetPage + "#" + token
}

// PasswordReset lets whoever holds its token choose a user's password, once. A
// user has one at a time; only the hash of the token is kept.
type PasswordReset struct {
	ID             string
	OrganizationID string
	UserID         string
	TokenHash      id.Hash
	CreatedBy      string // who started it: a user or a service account
	ExpiresAt      time.Time
	CreatedAt      time.Time
}

// SetPassword gives a user another password, by its argon2id hash, ends the
// user's sessions but for the one with the id except, and makes a waiting reset
// void. The hash must be for one that the rules of package identity allow.
func (s *Service) SetPassword(ctx context.Context, actor audit.Actor, userID, hash, except string) error {
	return s.update(ctx, actor, func(tx Tx) error {
		return setPassword(ctx, tx, actor.OrganizationID, userID, hash, except)
	})
}

func setPassword(ctx context.Context, tx Tx, organizationID, userID, hash, except string) error {
	user, err := tx.User(ctx, organizationID, userID)
	if err != nil {
		return err
	}
	user.PasswordHash = hash
	if err := tx.UpdateUser(ctx, user); err != nil {
		return err
	}
	if err := tx.DeletePasswordResetsOf(ctx, organizationID, userID); err != nil {
		return err
	}
	tx.Record(event(audit.UserUpdated, nil, details{ID: userID, Changes: map[string]any{"password": "changed"}}))
	_, err = revokeSessions(ctx, tx, organizationID, userID, except)
	return err
}

// StartPasswordReset makes a reset for a user and returns it with its token,
// which is not kept. An earlier one becomes void. It waits no longer than the key
// works that asks for it.
func (s *Service) StartPasswordReset(ctx context.Context, actor audit.Actor, userID, by string, within KeyLimits) (reset PasswordReset, token string, err error) {
	token = id.Secret("")
	now := s.Now()
	reset = PasswordReset{
		ID: id.New(id.PasswordReset), OrganizationID: actor.OrganizationID, UserID: userID, TokenHash: id.HashOf(token),
		CreatedBy: by, ExpiresAt: within.until(now.Add(PasswordResetLifetime)), CreatedAt: now,
	}
	err = s.update(ctx, actor, func(tx Tx) error {
		if _, err := tx.User(ctx, actor.OrganizationID, userID); err != nil {
			return err
		}
		tx.Record(event(audit.PasswordResetCreated, nil, details{ID: reset.ID, Data: map[string]any{"user_id": userID}}))
		return tx.PutPasswordReset(ctx, reset)
	})
	return reset, token, err
}

// PasswordResetFor returns the waiting reset with this token. Unknown, used and
// expired tokens are refused alike.
func (s *Service) PasswordResetFor(ctx context.Context, token string) (PasswordReset, error) {
	return view(ctx, s.Store, func(r Reader) (PasswordReset, error) { return s.waitingReset(ctx, r, token) })
}

func (s *Service) waitingReset(ctx context.Context, r Reader, token string) (PasswordReset, error) {
	reset, err := r.PasswordResetByToken(ctx, id.HashOf(token))
	good := err == nil && s.Now().Before(reset.ExpiresAt)
	if good {
		good, err = mayStillReset(ctx, r, &reset)
	}
	if fault.Is(err, fault.NotFound) || err == nil && !good {
		return PasswordReset{}, fault.Invalidf("invalid_token", "token", "This password reset is unknown, was used already or has expired. Ask for another one.")
	}
	return reset, err
}

// mayStillReset reports whether whoever started a reset still manages the
// organization and holds all that the user does. Else somebody whose roles are
// about to be taken away could keep them by becoming a colleague.
func mayStillReset(ctx context.Context, r Reader, reset *PasswordReset) (bool, error) {
	if reset.CreatedBy == "" { // weir itself
		return true, nil
	}
	by, err := grantorNow(ctx, r, reset.OrganizationID, reset.CreatedBy)
	if err != nil || !by.Holds.Allows(access.ManagementWrite, access.Scope{}) {
		return false, err
	}
	held, err := r.Holdings(ctx, reset.OrganizationID, reset.UserID)
	if err != nil {
		return false, err
	}
	workspaces, err := r.MembershipsOf(ctx, reset.OrganizationID, reset.UserID)
	if err != nil {
		return false, err
	}
	return by.mayGrantStanding(held) == nil && by.mayGrantMemberships(workspaces) == nil, nil
}

// AcceptPasswordReset sets the password, by its hash, that the holder of token
// has chosen. The token works once, from where the organization may be called, and
// all sessions of the user end.
func (s *Service) AcceptPasswordReset(ctx context.Context, token, hash string, from NewSession) (user User, err error) {
	reset, err := s.PasswordResetFor(ctx, token)
	if err != nil {
		return User{}, err
	}
	if user, err = s.User(ctx, reset.OrganizationID, reset.UserID); err != nil {
		return User{}, err
	}
	from.User = user
	err = s.update(ctx, from.actor(""), func(tx Tx) error {
		if _, err := s.waitingReset(ctx, tx, token); err != nil { // nobody may have been faster
			return err
		}
		if err := CheckAddress(ctx, tx, reset.OrganizationID, "", from.IPAddress); err != nil {
			return err
		}
		return setPassword(ctx, tx, reset.OrganizationID, reset.UserID, hash, "")
	})
	return user, err
}
