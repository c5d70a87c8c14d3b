package identity

import (
	"context"
	"strings"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/org"
)

// BySCIMToken returns the identity provider with this token, as the log names
// it. A token is good for SCIM alone, and no key is good for it.
func (s *Service) BySCIMToken(ctx context.Context, secret string, from From) (audit.Actor, error) {
	if !strings.HasPrefix(secret, id.SCIMSecret) {
		return audit.Actor{}, errBadToken(secret)
	}
	from = from.kept()
	var actor audit.Actor
	err := s.Store.View(ctx, func(r org.Reader) error {
		token, err := r.SCIMTokenByHash(ctx, id.HashOf(secret))
		if err != nil {
			return err
		}
		actor = audit.Actor{
			OrganizationID: token.OrganizationID, Type: audit.ActorSCIM, APIKeyID: token.ID,
			IPAddress: from.IPAddress, UserAgent: from.UserAgent,
		}
		if !token.Works(s.Now()) {
			return audit.Refused(actor, errBadToken(secret))
		}
		err = org.CheckAddress(ctx, r, token.OrganizationID, "", from.IPAddress)
		if fault.Is(err, fault.Forbidden) {
			return audit.Refused(actor, err)
		}
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return audit.Actor{}, errBadToken(secret)
	}
	if err != nil {
		return audit.Actor{}, err
	}
	s.Used.Mark(actor.APIKeyID, s.Now())
	return actor, nil
}

func errBadToken(secret string) error {
	return fault.New(fault.Unauthenticated, "invalid_api_key", "", "Incorrect SCIM token provided: %s. Tokens are made with POST /weir/v1/scim_tokens.", id.Mask(secret))
}
