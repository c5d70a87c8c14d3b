package gateway

import (
	"net/http"
	"strings"

	"weir/internal/audit"
	"weir/internal/envelope"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/identity"
	"weir/internal/org"
	"weir/internal/peer"
)

// authenticate finds the key, its project, what its owner may do there and its
// organization's models.
func (x *exchange) authenticate() error {
	secret, err := identity.Bearer(x.r.Header.Get("Authorization"))
	if err != nil {
		return err
	}
	now := x.received
	state := x.g.Snapshot.state.Load()
	key := state.key(id.HashOf(secret), now)
	if key == nil {
		return x.stranger(secret)
	}
	x.key, x.project, x.in = key, state.project(key.ProjectID), state.organizations[key.OrganizationID]
	if x.project == nil || x.in == nil { // between two changes of one deletion
		return identity.ErrBadKey(secret)
	}
	x.held = state.standing(ownerOf(key), key.ProjectID)
	x.w.Header()[envelope.HeaderOrganization] = []string{key.OrganizationID}
	e := &x.event
	e.OrganizationID, e.ProjectID, e.APIKeyID = key.OrganizationID, key.ProjectID, key.ID
	e.UserID, e.ServiceAccount = key.UserID, key.ServiceAccountID
	if rules := x.in.addresses; rules != nil && !rules.Allow(key.ProjectID, peer.Address(x.r.RemoteAddr)) {
		return x.elsewhere()
	}
	x.g.Used.Mark(key.ID, now)
	return nil
}

// elsewhere refuses a key that is used from where its organization, or its
// project, may not be called. That is noted in the audit log too: the key may be
// stolen.
func (x *exchange) elsewhere() error {
	err := org.ErrAddressRefused(peer.Text(x.r.RemoteAddr))
	x.g.Identity.Denials.Add(audit.Denial{
		Actor: audit.Actor{
			OrganizationID: x.key.OrganizationID, Type: audit.ActorAPIKey, UserID: x.key.UserID,
			ServiceAccountID: x.key.ServiceAccountID, APIKeyID: x.key.ID, IPAddress: peer.Text(x.r.RemoteAddr),
		},
		Route: x.r.Method + " " + x.door.route(), Permission: string(x.door.operation.needs),
		Status: http.StatusForbidden, Code: org.CodeAddressRefused,
	}, x.received)
	return err
}

// stranger refuses a secret that is no project's key. An admin key is told
// apart from a wrong one, which takes a look into the database; nothing that is
// served pays for it.
func (x *exchange) stranger(secret string) error {
	if strings.HasPrefix(secret, id.AdminSecret) {
		if _, err := x.g.Identity.ByKey(x.r.Context(), secret, identity.From{IPAddress: peer.Text(x.r.RemoteAddr)}); err != nil {
			return err
		}
		return fault.New(fault.Forbidden, "insufficient_permissions", "", "An admin key manages the organization and cannot call models. Use a project's key. Missing scopes: api.model.request.")
	}
	return identity.ErrBadKey(secret)
}

// processed sets the header that says how long weir took.
func (x *exchange) processed() { envelope.Processed(x.w.Header(), x.received) }
