package endpoint

import (
	"net/http"
	"time"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/identity"
)

// deny takes note of a call that was refused for who made it. Not noted are
// calls that show no key and no session, since they tried nothing, and those of
// open endpoints: a sign-in records its own failures.
func (t *Table) deny(e *Endpoint, r *http.Request, caller identity.Caller, err error) {
	if e.Open || t.identity == nil {
		return
	}
	refusal := fault.Of(err)
	if refusal == nil || refusal.Kind != fault.Unauthenticated && refusal.Kind != fault.Forbidden {
		return
	}
	denial := audit.Denial{
		Actor: caller.Actor, Route: e.Route(), Permission: string(e.Needs), Code: refusal.Code, Status: http.StatusForbidden,
	}
	if refusal.Kind == fault.Unauthenticated {
		denial.Status = http.StatusUnauthorized
	}
	if denial.Actor.OrganizationID == "" {
		if !showsCredential(r) {
			return
		}
		known, ok := audit.ActorOf(err)
		if !ok {
			known.Type = audit.ActorUnknown
		}
		from := From(r)
		known.IPAddress, known.UserAgent = from.IPAddress, from.UserAgent
		denial.Actor = known
	}
	t.identity.Denials.Add(denial, time.Now())
}

func showsCredential(r *http.Request) bool {
	if _, err := identity.Bearer(r.Header.Get("Authorization")); err == nil {
		return true
	}
	_, signedIn := sessionToken(r)
	return signedIn
}
