package identity

import (
	"context"

	"weir/internal/fault"
	"weir/internal/org"
)

// AcceptInvite makes the holder of an invite's token a user, who signs in with
// the password from then on. Tokens that do not work are refused alike, and
// slowed down by where they come from as wrong passwords are; the token is looked
// up first, since hashing a password is work that only a good token is worth.
func (s *Service) AcceptInvite(ctx context.Context, token, name, password string, from From) (org.UserProfile, error) {
	if err := org.CheckPersonName("name", name); err != nil {
		return org.UserProfile{}, err
	}
	if err := CheckPassword("password", password); err != nil {
		return org.UserProfile{}, err
	}
	from = from.kept()
	try, err := s.attempts.begin(ctx, "an invite, from "+from.IPAddress, s.Now)
	if err != nil {
		return org.UserProfile{}, err
	}
	defer try.end()
	profile, err := s.acceptInvite(ctx, token, name, password, from)
	switch f := fault.Of(err); {
	case err == nil:
		try.succeeded()
	case f == nil || f.Code != org.CodeInviteToken:
		try.withdraw()
	}
	return profile, err
}

func (s *Service) acceptInvite(ctx context.Context, token, name, password string, from From) (org.UserProfile, error) {
	if _, err := s.Org.InviteFor(ctx, token); err != nil {
		return org.UserProfile{}, err
	}
	hash, err := HashPassword(password)
	if err != nil {
		return org.UserProfile{}, err
	}
	return s.Org.AcceptInvite(ctx, org.Joining{
		Token: token, Name: name, PasswordHash: hash, IPAddress: from.IPAddress, UserAgent: from.UserAgent,
	})
}
