package gateway

import (
	"net/http"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/identity"
	"weir/internal/peer"
)

// deny takes note, for the audit log, of a request that was refused for whose
// key it carries: a wrong one, or one that may not do this, or not from there.
// What shows no key tried nothing.
func (x *exchange) deny(err error) {
	refusal := fault.Of(err)
	if refusal == nil || refusal.Kind != fault.Unauthenticated && refusal.Kind != fault.Forbidden {
		return
	}
	denial := audit.Denial{
		Route: x.r.Method + " " + x.door.route(), Permission: string(x.door.operation.needs), Code: refusal.Code, Status: http.StatusForbidden,
	}
	if refusal.Kind == fault.Unauthenticated {
		denial.Status = http.StatusUnauthorized
	}
	if x.key != nil {
		denial.Actor = audit.Actor{
			OrganizationID: x.key.OrganizationID, Type: audit.ActorAPIKey, UserID: x.key.UserID,
			ServiceAccountID: x.key.ServiceAccountID, APIKeyID: x.key.ID,
		}
	} else if known, ok := audit.ActorOf(err); ok {
		denial.Actor = known
	} else if _, err := identity.Bearer(x.r.Header.Get("Authorization")); err == nil {
		denial.Actor.Type = audit.ActorUnknown
	} else {
		return
	}
	denial.Actor.IPAddress, denial.Actor.UserAgent = peer.Text(x.r.RemoteAddr), x.r.UserAgent()
	x.g.Identity.Denials.Add(denial, x.received)
}
