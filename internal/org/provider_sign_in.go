package org

import (
	"context"
	"errors"
	"strings"
	"time"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
)

// ExternalIdentity ties a user to whom an identity provider knows by a subject.
// Addresses change hands, subjects do not.
type ExternalIdentity struct {
	OrganizationID string
	Provider       string // its name in the configuration
	Subject        string
	UserID         string
	CreatedAt      time.Time
}

// ProviderRules are what an identity provider may do in an organization.
type ProviderRules struct {
	OrganizationID string
	Domains        []string // of addresses that are let in; empty: every domain
	JustInTime     bool     // people unknown so far become users
	Role           access.OrganizationRole
	Groups         GroupRules
}

// ProviderSignIn is what an identity provider has vouched for.
type ProviderSignIn struct {
	Provider      string
	Subject       string
	Email         string
	EmailVerified bool
	Name          string
	Groups        []string  // names of mapped groups that the person is to be in
	State         id.Hash   // of the flow that ends with this; it works once
	StateUntil    time.Time // when the flow would have ended
	IPAddress     string
	UserAgent     string
}

// BegunSession is a session with the secrets the browser holds.
type BegunSession struct {
	Session Session
	User    User
	Token   string
	CSRF    string
}

// SignInByProvider starts a session for whom a provider has vouched for: the user
// tied to the subject; else the one with the address, who is tied to it from now
// on; else, when the address is invited or the rules allow it, a new user. Refusals
// are of kind Forbidden, and recorded by RecordRefusedSignIn.
func (s *Service) SignInByProvider(ctx context.Context, rules ProviderRules, in ProviderSignIn) (BegunSession, error) {
	var begun BegunSession
	err := s.update(ctx, audit.System(rules.OrganizationID), func(tx Tx) error {
		if err := tx.SpendSignInState(ctx, rules.OrganizationID, in.State, in.StateUntil, s.Now()); err != nil {
			return err
		}
		user, events, err := s.userOf(ctx, tx, rules, in)
		if err != nil {
			return err
		}
		followed, err := s.followGroups(ctx, tx, rules, user.ID, in.Groups)
		if err != nil {
			return err
		}
		events = append(events, followed...)
		start := NewSession{User: user, IPAddress: in.IPAddress, UserAgent: in.UserAgent}
		session, token, csrf := s.newSession(start)
		begun = BegunSession{Session: session, User: user, Token: token, CSRF: csrf}
		events = append(events, audit.Event{Action: audit.LoginSucceeded.Name, Type: audit.LoginSucceeded.Type})
		for _, e := range events {
			e.Actor = start.actor(session.ID)
			tx.Record(e)
		}
		return insertSession(ctx, tx, start, session)
	})
	if err != nil {
		return BegunSession{}, err
	}
	return begun, nil
}

// ExternalIdentities returns whom identity providers know a user as, by provider.
func (s *Service) ExternalIdentities(ctx context.Context, organizationID, userID string) ([]ExternalIdentity, error) {
	return view(ctx, s.Store, func(r Reader) ([]ExternalIdentity, error) {
		if _, err := r.User(ctx, organizationID, userID); err != nil {
			return nil, err
		}
		return r.ExternalIdentities(ctx, organizationID, userID)
	})
}

// UnlinkIdentity unties a user from whom a provider knows: the next sign-in
// through it finds the user by address again. The actor must be entitled to it.
func (s *Service) UnlinkIdentity(ctx context.Context, actor audit.Actor, userID, provider string) error {
	return s.update(ctx, actor, func(tx Tx) error {
		known, err := tx.ExternalIdentityOf(ctx, actor.OrganizationID, provider, userID)
		if err != nil {
			return err
		}
		tx.Record(event(audit.IdentityUnlinked, nil, details{ID: userID, Data: map[string]any{"provider": provider}}))
		return tx.DeleteExternalIdentity(ctx, actor.OrganizationID, provider, known.Subject)
	})
}

// OldestOrganization returns the id of the install's first organization.
func (s *Service) OldestOrganization(ctx context.Context) (string, error) {
	return view(ctx, s.Store, func(r Reader) (string, error) {
		all, err := r.Organizations(ctx)
		if err == nil && len(all) == 0 {
			err = errors.New("there is no organization yet")
		}
		if err != nil {
			return "", err
		}
		return all[0].ID, nil
	})
}

// userOf finds or makes the user and returns the events of what it did.
func (s *Service) userOf(ctx context.Context, tx Tx, rules ProviderRules, in ProviderSignIn) (User, []audit.Event, error) {
	if err := rules.admits(in); err != nil {
		return User{}, nil, err
	}
	known, err := tx.ExternalIdentity(ctx, rules.OrganizationID, in.Provider, in.Subject)
	if err == nil {
		user, err := tx.User(ctx, rules.OrganizationID, known.UserID)
		return user, nil, err
	}
	if !fault.Is(err, fault.NotFound) {
		return User{}, nil, err
	}
	var events []audit.Event
	user, err := tx.UserByEmail(ctx, rules.OrganizationID, in.Email)
	switch {
	case fault.Is(err, fault.NotFound):
		if user, events, err = s.newUser(ctx, tx, rules, in); err != nil {
			return User{}, nil, err
		}
	case err != nil:
		return User{}, nil, err
	default:
		_, err := tx.ExternalIdentityOf(ctx, rules.OrganizationID, in.Provider, user.ID)
		if err == nil {
			return User{}, nil, fault.New(fault.Forbidden, "identity_taken", "", "The user with your e-mail address is tied to another account of this identity provider. An administrator has to sort that out.")
		}
		if !fault.Is(err, fault.NotFound) {
			return User{}, nil, err
		}
	}
	events = append(events, event(audit.IdentityLinked, nil, details{ID: user.ID, Data: map[string]any{"provider": in.Provider}}))
	return user, events, tx.InsertExternalIdentity(ctx, ExternalIdentity{
		OrganizationID: rules.OrganizationID, Provider: in.Provider, Subject: in.Subject, UserID: user.ID, CreatedAt: s.Now(),
	})
}

// admits refuses whom the rules do not let in, known or not.
func (r ProviderRules) admits(in ProviderSignIn) error {
	if !in.EmailVerified || in.Email == "" {
		return fault.New(fault.Forbidden, "email_unverified", "", "Your identity provider has not verified your e-mail address, or does not say so.")
	}
	if len(r.Domains) == 0 {
		return nil
	}
	domain := in.Email[strings.LastIndexByte(in.Email, '@')+1:]
	for _, allowed := range r.Domains {
		if strings.EqualFold(domain, allowed) {
			return nil
		}
	}
	return fault.New(fault.Forbidden, "domain_not_allowed", "", "Addresses of your domain cannot sign in here through this identity provider.")
}

// newcomer is the user that somebody unknown becomes.
func (s *Service) newcomer(rules ProviderRules, in ProviderSignIn) (User, error) {
	if !rules.JustInTime {
		return User{}, fault.New(fault.Forbidden, "user_unknown", "", "Nobody with your e-mail address belongs to the organization. Ask an administrator to invite you.")
	}
	if rules.Role == access.OrganizationOwner {
		return User{}, errors.New("nobody becomes an owner by signing in") // the configuration refuses it
	}
	if err := checkEmail("email", in.Email); err != nil {
		return User{}, err
	}
	return User{
		ID: id.New(id.User), OrganizationID: rules.OrganizationID, Email: in.Email, Name: nameOf(in), Role: rules.Role, CreatedAt: s.Now(),
	}, nil
}

// RecordRefusedSignIn leaves a trace of a refusal with the user it was meant for,
// if there is one.
func (s *Service) RecordRefusedSignIn(ctx context.Context, rules ProviderRules, in ProviderSignIn, why *fault.Error) error {
	user, err := view(ctx, s.Store, func(r Reader) (User, error) {
		known, err := r.ExternalIdentity(ctx, rules.OrganizationID, in.Provider, in.Subject)
		if fault.Is(err, fault.NotFound) {
			return r.UserByEmail(ctx, rules.OrganizationID, in.Email)
		}
		if err != nil {
			return User{}, err
		}
		return r.User(ctx, rules.OrganizationID, known.UserID)
	})
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.RecordFailedSignIn(ctx, NewSession{User: user, IPAddress: in.IPAddress, UserAgent: in.UserAgent}, why.Code, why.Message)
}
