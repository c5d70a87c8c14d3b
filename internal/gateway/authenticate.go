package gateway

import (
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
	x.state = state
	x.secret = id.HashOf(secret)
	key := state.key(x.secret, now)
	if key == nil {
		return x.stranger(secret)
	}
	if !x.assume(key) {
		return identity.ErrBadKey(secret)
	}
	if err := x.checkAddress(); err != nil {
		return err
	}
	if err := x.checkCertificate(); err != nil {
		return err
	}
	x.g.Used.Mark(key.ID, now)
	return nil
}

// assume makes key the request's. It is false between two changes of one
// deletion, when the key's project or organization is gone.
func (x *exchange) assume(key *org.APIKey) bool {
	state := x.state
	x.key, x.project, x.in = key, state.project(key.ProjectID), state.organizations[key.OrganizationID]
	if x.project == nil || x.in == nil {
		return false
	}
	x.held = state.standing(ownerOf(key), key.ProjectID)
	x.policy = state.policy(key.ProjectID)
	retention, _ := state.retention(x.policy, key.ProjectID, key.OrganizationID)
	x.keepsNothing = keepsNothing(retention)
	x.w.Header()[envelope.HeaderOrganization] = []string{key.OrganizationID}
	e := &x.event
	e.OrganizationID, e.ProjectID, e.APIKeyID = key.OrganizationID, key.ProjectID, key.ID
	e.UserID, e.ServiceAccount = key.UserID, key.ServiceAccountID
	return true
}

// checkAddress refuses a caller whom the IP allowlists do not hold.
func (x *exchange) checkAddress() error {
	if rules := x.in.addresses; rules != nil && !rules.Allow(x.project.ID, peer.Address(x.r.RemoteAddr)) {
		return org.ErrAddressRefused(peer.Text(x.r.RemoteAddr)) // which deny notes: the key may be stolen
	}
	return nil
}

// checkCertificate refuses a caller who does not show a certificate that the
// project or its organization asks for.
func (x *exchange) checkCertificate() error {
	if x.in.certificates == nil {
		return nil
	}
	if _, err := x.in.certificates.Admit(x.project.ID, x.shown(), x.received); err != nil {
		// A connection that was opened before certificates were asked for, or with
		// one that has expired, would be refused for ever.
		x.w.Header()["Connection"] = []string{"close"}
		return err
	}
	return nil
}

// stranger refuses a secret that is no project's key. An admin key is told
// apart from a wrong one, which takes a look into the database; nothing that is
// served pays for it.
func (x *exchange) stranger(secret string) error {
	if strings.HasPrefix(secret, id.AdminSecret) {
		caller, err := x.g.Identity.ByKey(x.r.Context(), secret, identity.From{IPAddress: peer.Text(x.r.RemoteAddr)})
		if err != nil {
			return err
		}
		return audit.Refused(caller.Actor, fault.New(fault.Forbidden, "insufficient_permissions", "", "An admin key manages the organization and cannot call models. Use a project's key. Missing scopes: api.model.request."))
	}
	return identity.ErrBadKey(secret)
}

// shown is the client certificate that the caller came with.
func (x *exchange) shown() peer.Certificate {
	return peer.CertificateOf(x.r.TLS, x.r.Header[peer.ForwardedCertificate])
}

// processed sets the header that says how long weir took.
func (x *exchange) processed() { envelope.Processed(x.w.Header(), x.received) }
