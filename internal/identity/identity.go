// Package identity works out who is calling: from an admin key, a project key
// or a signed-in person's session to the caller and what it may do.
package identity

import (
	"context"
	"maps"
	"strings"
	"sync"
	"time"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/org"
)

// Caller is who makes a request and what it may do.
type Caller struct {
	Actor   audit.Actor
	Grants  access.Grants
	User    *org.User           // a person, by key or session; nil for a service account
	Account *org.ServiceAccount // nil for a person
	Session *org.Session        // nil unless signed in
	Project string              // of a project key
	Key     org.KeyLimits       // of the key it calls with; zero when signed in
}

// PrincipalID is the user or service account that acts.
func (c *Caller) PrincipalID() string {
	if c.User != nil {
		return c.User.ID
	}
	return c.Account.ID
}

// From is where a request comes from.
type From struct {
	IPAddress string
	UserAgent string
}

// maxUserAgent bounds what is kept of a caller's User-Agent, in bytes: it stands
// in every audit event of the caller, for good.
const maxUserAgent = 512

// kept is what of f is written down.
func (f From) kept() From {
	if len(f.UserAgent) > maxUserAgent {
		f.UserAgent = strings.ToValidUTF8(f.UserAgent[:maxUserAgent], "")
	}
	f.UserAgent = audit.Legible(f.UserAgent)
	return f
}

// Service looks callers up.
type Service struct {
	Store org.Store
	Org   *org.Service
	Now   func() time.Time
	Used  *LastUse
	Vault Opener // of second factors
	// Denials takes note of who was refused; nil keeps nothing.
	Denials *audit.Denials

	attempts attempts
}

// errNoKey and errBadKey are worded as OpenAI words them, so that clients'
// own hints match.
func errNoKey() error {
	return fault.New(fault.Unauthenticated, "", "", "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).")
}

// ErrBadKey is a secret that is none of ours, or no longer works.
func ErrBadKey(secret string) error {
	return fault.New(fault.Unauthenticated, "invalid_api_key", "", "Incorrect API key provided: %s. Keys are listed by the organization's administrators.", id.Mask(secret))
}

// Bearer returns the secret of an Authorization header, a fault when there is
// none.
func Bearer(authorization string) (string, error) {
	scheme, secret, ok := strings.Cut(authorization, " ")
	secret = strings.TrimSpace(secret)
	if !ok || !strings.EqualFold(scheme, "Bearer") || secret == "" {
		return "", errNoKey()
	}
	return secret, nil
}

// ByKey returns the caller with this secret: an admin key acts as its owner, a
// project key as its owner within the project, cut down to the key's scopes.
func (s *Service) ByKey(ctx context.Context, secret string, from From) (Caller, error) {
	var caller Caller
	err := s.Store.View(ctx, func(r org.Reader) error {
		var err error
		if strings.HasPrefix(secret, id.AdminSecret) {
			caller, err = s.byAdminKey(ctx, r, secret)
		} else {
			caller, err = s.byProjectKey(ctx, r, secret)
		}
		if err != nil {
			return err
		}
		return checkAddress(ctx, r, &caller, from)
	})
	if fault.Is(err, fault.NotFound) {
		return Caller{}, ErrBadKey(secret)
	}
	if err != nil {
		return Caller{}, err
	}
	from = from.kept()
	caller.Actor.IPAddress, caller.Actor.UserAgent = from.IPAddress, from.UserAgent
	s.Used.Mark(caller.Actor.APIKeyID, s.Now())
	return caller, nil
}

// checkAddress refuses a caller from where the organization may not be called.
func checkAddress(ctx context.Context, r org.Reader, caller *Caller, from From) error {
	err := org.CheckAddress(ctx, r, caller.Actor.OrganizationID, caller.Project, from.IPAddress)
	if fault.Is(err, fault.Forbidden) {
		return audit.Refused(caller.Actor, err)
	}
	return err
}

// works reports whether a key is neither expired nor rotated away.
func works(secret *org.Secret, expires time.Time, hash id.Hash, now time.Time) bool {
	return secret.Accepts(hash, now) && (expires.IsZero() || now.Before(expires))
}

func (s *Service) byAdminKey(ctx context.Context, r org.Reader, secret string) (Caller, error) {
	hash := id.HashOf(secret)
	key, err := r.AdminKeyByHash(ctx, hash)
	if err != nil {
		return Caller{}, err
	}
	if !works(&key.Secret, key.ExpiresAt, hash, s.Now()) {
		return Caller{}, audit.Refused(audit.Actor{
			OrganizationID: key.OrganizationID, Type: audit.ActorAPIKey, UserID: key.UserID, APIKeyID: key.ID,
		}, ErrBadKey(secret))
	}
	user, err := r.User(ctx, key.OrganizationID, key.UserID)
	if err != nil {
		return Caller{}, err
	}
	if !user.Active() { // its keys went when it was deactivated
		return Caller{}, ErrBadKey(secret)
	}
	caller, err := person(ctx, r, user)
	caller.Actor.Type, caller.Actor.APIKeyID = audit.ActorAPIKey, key.ID
	caller.Key = org.KeyLimits{KeyID: key.ID, ExpiresAt: key.ExpiresAt}
	return caller, err
}

func (s *Service) byProjectKey(ctx context.Context, r org.Reader, secret string) (Caller, error) {
	hash := id.HashOf(secret)
	key, err := r.APIKeyByHash(ctx, hash)
	if err != nil {
		return Caller{}, err
	}
	refused := audit.Refused(audit.Actor{
		OrganizationID: key.OrganizationID, Type: audit.ActorAPIKey,
		UserID: key.UserID, ServiceAccountID: key.ServiceAccountID, APIKeyID: key.ID,
	}, ErrBadKey(secret))
	if !works(&key.Secret, key.ExpiresAt, hash, s.Now()) {
		return Caller{}, refused
	}
	project, err := r.Project(ctx, key.OrganizationID, key.ProjectID)
	if err != nil {
		return Caller{}, err
	}
	if project.Archived() {
		return Caller{}, refused
	}
	caller := Caller{Project: key.ProjectID, Actor: audit.Actor{
		OrganizationID: key.OrganizationID, Type: audit.ActorAPIKey, APIKeyID: key.ID,
	}, Key: org.KeyLimits{KeyID: key.ID, Scopes: key.Scopes, ExpiresAt: key.ExpiresAt}}
	if key.ServiceAccountID != "" {
		account, err := r.ServiceAccount(ctx, key.OrganizationID, key.ProjectID, key.ServiceAccountID)
		if err != nil {
			return Caller{}, err
		}
		caller.Account, caller.Actor.ServiceAccountID = &account, account.ID
	} else {
		user, err := r.User(ctx, key.OrganizationID, key.UserID)
		if err != nil {
			return Caller{}, err
		}
		if !user.Active() {
			return Caller{}, refused
		}
		caller.User, caller.Actor.UserID, caller.Actor.UserEmail = &user, user.ID, user.Email
	}
	held, err := org.GrantsOf(ctx, r, key.OrganizationID, caller.PrincipalID())
	if err != nil {
		return Caller{}, err
	}
	// A project key never reaches beyond its project, whoever owns it, and ends
	// with its owner's access.
	inProject := access.Set{}
	if held.Enters(key.ProjectID) {
		inProject = held.InProject(key.ProjectID)
	}
	caller.Grants = access.Grants{Projects: map[string]access.Set{key.ProjectID: cut(inProject, key.Scopes)}}
	if len(key.Scopes) == 0 { // a restricted key holds what its scopes name and nothing of the workspaces
		caller.Grants.Workspaces, err = workspaceGrants(ctx, r, key.OrganizationID, caller.PrincipalID())
	}
	return caller, err
}

// cut keeps of held what scopes name; no scopes keep everything.
func cut(held access.Set, scopes []string) access.Set {
	kept := access.Set{}
	for p := range held {
		if access.Covers(scopes, p) {
			kept[p] = struct{}{}
		}
	}
	return kept
}

// person is a user acting with all it holds.
func person(ctx context.Context, r org.Reader, user org.User) (Caller, error) {
	caller := Caller{
		User:  &user,
		Actor: audit.Actor{OrganizationID: user.OrganizationID, UserID: user.ID, UserEmail: user.Email},
	}
	var err error
	if caller.Grants, err = org.GrantsOf(ctx, r, user.OrganizationID, user.ID); err != nil {
		return caller, err
	}
	caller.Grants.Workspaces, err = workspaceGrants(ctx, r, user.OrganizationID, user.ID)
	return caller, err
}

func workspaceGrants(ctx context.Context, r org.Reader, organizationID, principalID string) (map[string]access.Set, error) {
	memberships, err := r.MembershipsOf(ctx, organizationID, principalID)
	if err != nil || len(memberships) == 0 {
		return nil, err
	}
	grants := make(map[string]access.Set, len(memberships))
	for _, m := range memberships {
		held := m.Role.Permissions()
		maps.Copy(held, grants[m.WorkspaceID]) // somebody may be a member itself and through groups
		grants[m.WorkspaceID] = held
	}
	return grants, nil
}

// BySession returns the signed-in person with this cookie. A request that
// changes something must also show the csrf token it was given at sign-in.
func (s *Service) BySession(ctx context.Context, token, csrf string, changes bool, from From) (Caller, error) {
	expired := fault.New(fault.Unauthenticated, "session_expired", "", "You are not signed in, or your session has ended. Please sign in again.")
	var caller Caller
	err := s.Store.View(ctx, func(r org.Reader) error {
		session, err := r.SessionByToken(ctx, id.HashOf(token))
		if err != nil {
			return err
		}
		who := audit.Actor{OrganizationID: session.OrganizationID, Type: audit.ActorSession, UserID: session.UserID, SessionID: session.ID}
		if used := s.Used.Last(session.ID); used.After(session.LastUsedAt) {
			session.LastUsedAt = used
		}
		if s.Org.SessionLimits.Ended(&session, s.Now()) {
			return audit.Refused(who, expired)
		}
		if changes && id.HashOf(csrf) != session.CSRFHash {
			return audit.Refused(who, fault.New(fault.Forbidden, "csrf_token_missing", "", "A signed-in request that changes something must carry the x-csrf-token header with the token given at sign-in."))
		}
		user, err := r.User(ctx, session.OrganizationID, session.UserID)
		if err != nil {
			return err
		}
		if !user.Active() {
			return audit.Refused(who, expired)
		}
		caller, err = person(ctx, r, user)
		caller.Session = &session
		caller.Actor.Type, caller.Actor.SessionID = audit.ActorSession, session.ID
		if err != nil {
			return err
		}
		return checkAddress(ctx, r, &caller, from)
	})
	if fault.Is(err, fault.NotFound) {
		return Caller{}, expired
	}
	if err != nil {
		return Caller{}, err
	}
	s.Used.Mark(caller.Session.ID, s.Now())
	from = from.kept()
	caller.Actor.IPAddress, caller.Actor.UserAgent = from.IPAddress, from.UserAgent
	return caller, nil
}

// LastUse gathers when keys and sessions were used, to be written down now and
// then: a use is worth showing, not worth a database write per request.
type LastUse struct {
	mu   sync.Mutex
	seen map[string]time.Time
}

// Last is the last use of a key or session that is not yet written down; the
// zero time if there is none.
func (l *LastUse) Last(keyID string) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen[keyID]
}

// Mark notes that a key or session was used.
func (l *LastUse) Mark(keyID string, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen == nil {
		l.seen = map[string]time.Time{}
	}
	l.seen[keyID] = at
}

// Flush writes down what was gathered. What could not be written is gathered
// again.
func (l *LastUse) Flush(ctx context.Context, store interface {
	TouchKeys(ctx context.Context, used map[string]time.Time) error
}) error {
	l.mu.Lock()
	used := l.seen
	l.seen = nil
	l.mu.Unlock()
	if len(used) == 0 {
		return nil
	}
	if err := store.TouchKeys(ctx, used); err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.seen == nil {
			l.seen = map[string]time.Time{}
		}
		for keyID, at := range used {
			if l.seen[keyID].Before(at) {
				l.seen[keyID] = at
			}
		}
		return err
	}
	return nil
}
