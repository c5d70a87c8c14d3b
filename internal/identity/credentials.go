package identity

import (
	"context"
	"fmt"

	"github.com/alexedwards/argon2id"

	"weir/internal/access"
	"weir/internal/fault"
	"weir/internal/org"
)

// ChangePassword sets the caller's own password, who shows the one it had. Every
// session but the caller's ends. Guessing is slowed down as at sign-in.
func (s *Service) ChangePassword(ctx context.Context, c *Caller, current, replacement string) error {
	if err := CheckPassword("new_password", replacement); err != nil {
		return err
	}
	if c.User.PasswordHash == "" {
		return fault.Invalidf("no_password", "current_password", "You have no password: you sign in through your identity provider. An administrator can start a password reset for you.")
	}
	if err := s.checkOwnPassword(ctx, c, "current_password", current); err != nil {
		return err
	}
	hash, err := HashPassword(replacement)
	if err != nil {
		return err
	}
	return s.Org.SetPassword(ctx, c.Actor, c.User.ID, hash, c.Actor.SessionID)
}

// checkOwnPassword refuses a password, sent as param, that is not the caller's.
func (s *Service) checkOwnPassword(ctx context.Context, c *Caller, param, password string) error {
	try, err := s.attempts.begin(ctx, c.User.Email, s.Now)
	if err != nil {
		return err
	}
	defer try.end()
	ok, err := argon2id.ComparePasswordAndHash(password, c.User.PasswordHash)
	if err != nil {
		try.withdraw()
		return fmt.Errorf("checking the password of %s: %w", c.User.ID, err)
	}
	if !ok {
		return fault.Invalidf("wrong_password", param, "The current password is wrong.")
	}
	try.succeeded()
	return nil
}

// StartPasswordReset makes a one-time token with which a user chooses a new
// password. Whoever holds it can become that user, so the caller must hold
// everything the user does.
func (s *Service) StartPasswordReset(ctx context.Context, c *Caller, userID string) (org.PasswordReset, string, error) {
	if err := s.mayBecome(ctx, c, userID); err != nil {
		return org.PasswordReset{}, "", err
	}
	return s.Org.StartPasswordReset(ctx, c.Actor, userID, c.PrincipalID(), c.Key)
}

// AcceptPasswordReset sets the password that the holder of token has chosen. The
// token is looked up first: hashing a password is work that only a good token
// is worth.
func (s *Service) AcceptPasswordReset(ctx context.Context, token, password string, from From) (org.User, error) {
	if err := CheckPassword("new_password", password); err != nil {
		return org.User{}, err
	}
	if _, err := s.Org.PasswordResetFor(ctx, token); err != nil {
		return org.User{}, err
	}
	hash, err := HashPassword(password)
	if err != nil {
		return org.User{}, err
	}
	from = from.kept()
	return s.Org.AcceptPasswordReset(ctx, token, hash, org.NewSession{IPAddress: from.IPAddress, UserAgent: from.UserAgent})
}

// SignInByProvider starts a session for whom an identity provider has vouched
// for. The provider asks for second factors; weir's own is not asked for.
func (s *Service) SignInByProvider(ctx context.Context, rules org.ProviderRules, in org.ProviderSignIn, from From) (SignedIn, error) {
	from = from.kept()
	in.IPAddress, in.UserAgent = from.IPAddress, from.UserAgent
	begun, err := s.Org.SignInByProvider(ctx, rules, in)
	refusal := fault.Of(err)
	if refusal != nil && refusal.Kind == fault.Forbidden && s.Denials.SignInFailed(rules.OrganizationID, s.Now()) {
		if failed := s.Org.RecordRefusedSignIn(ctx, rules, in, refusal); failed != nil {
			return SignedIn{}, failed
		}
	}
	return begun, err
}

// UnlinkIdentity unties a user from whom an identity provider knows. Whoever then
// has the address there becomes the user, so the caller must hold everything the
// user does.
func (s *Service) UnlinkIdentity(ctx context.Context, c *Caller, userID, provider string) error {
	if err := s.mayBecome(ctx, c, userID); err != nil {
		return err
	}
	return s.Org.UnlinkIdentity(ctx, c.Actor, userID, provider)
}

// mayBecome refuses a caller who could gain something by acting as the user.
func (s *Service) mayBecome(ctx context.Context, c *Caller, userID string) error {
	return s.Store.View(ctx, func(r org.Reader) error {
		user, err := r.User(ctx, c.Actor.OrganizationID, userID)
		if err != nil {
			return err
		}
		other, err := person(ctx, r, user)
		if err != nil {
			return err
		}
		if !covers(c.Grants, other.Grants) {
			return fault.New(fault.Forbidden, "insufficient_permissions", "", "You have insufficient permissions for this operation: this person may do what you may not, so somebody who holds as much has to do it.")
		}
		return nil
	})
}

// covers reports whether everything that asked allows, held allows too.
func covers(held, asked access.Grants) bool {
	all := func(permissions access.Set, at access.Scope) bool {
		for p := range permissions {
			if !held.Allows(p, at) {
				return false
			}
		}
		return true
	}
	for projectID, permissions := range asked.Projects {
		if !all(permissions, access.Scope{ProjectID: projectID}) {
			return false
		}
	}
	for workspaceID, permissions := range asked.Workspaces {
		if !all(permissions, access.Scope{WorkspaceID: workspaceID}) {
			return false
		}
	}
	return all(asked.Organization, access.Scope{})
}
