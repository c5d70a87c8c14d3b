package identity

import (
	"context"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/org"
)

// ExchangeToken gives a short-lived key of a service account for a token of a
// workload identity provider. A token of a known provider that is refused is
// taken note of, as other refusals are.
func (s *Service) ExchangeToken(ctx context.Context, in org.TokenExchange, from From) (org.APIKey, string, error) {
	from = from.kept()
	in.IPAddress, in.UserAgent = from.IPAddress, from.UserAgent
	key, secret, err := s.Org.ExchangeToken(ctx, in)
	if actor, ok := audit.ActorOf(err); ok {
		denial := audit.Denial{Actor: actor, Route: "POST /weir/v1/workload_identity/token", Status: 401}
		if refusal := fault.Of(err); refusal != nil {
			denial.Code = refusal.Code
			if refusal.Kind == fault.Forbidden {
				denial.Status = 403
			}
		}
		s.Denials.Add(denial, s.Now())
	}
	return key, secret, err
}
