package org

import (
	"context"
	"time"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
)

// How long a sign-in lasts when the configuration does not say.
const (
	SessionLifetime = 12 * time.Hour
	SessionIdle     = 2 * time.Hour
)

// SessionLimits is how long sign-ins last: Lifetime however much they are used,
// Idle without any use. The zero values are SessionLifetime and SessionIdle.
type SessionLimits struct {
	Lifetime time.Duration
	Idle     time.Duration
}

// OrDefault returns l with the defaults where it says nothing.
func (l SessionLimits) OrDefault() SessionLimits {
	if l.Lifetime == 0 {
		l.Lifetime = SessionLifetime
	}
	if l.Idle == 0 {
		l.Idle = SessionIdle
	}
	return l
}

// Ended reports whether a session no longer holds.
func (l SessionLimits) Ended(s *Session, now time.Time) bool {
	return !now.Before(s.ExpiresAt) || now.Sub(s.LastUsedAt) >= l.OrDefault().Idle
}

// NewSession is a sign-in that was just proved.
type NewSession struct {
	User      User
	Proof     *SecondFactorProof // nil: of somebody who has no second factor
	IPAddress string
	UserAgent string
}

// actor is the person who signs in, as the log names it.
func (in *NewSession) actor(sessionID string) audit.Actor {
	return audit.Actor{
		OrganizationID: in.User.OrganizationID, Type: audit.ActorSession,
		UserID: in.User.ID, UserEmail: in.User.Email, SessionID: sessionID,
		IPAddress: in.IPAddress, UserAgent: in.UserAgent,
	}
}

// StartSession records a sign-in and returns the session with the two secrets
// the browser holds: token for the cookie, csrf for the page. Both are made here,
// so that whatever a browser held before becomes no session. A second factor's
// code is spent with it; ErrCodeSpent when it was used already. Who is somewhere
// from where the organization may not be called, or no longer active, gets none.
func (s *Service) StartSession(ctx context.Context, in NewSession) (session Session, token, csrf string, err error) {
	session, token, csrf = s.newSession(in)
	err = s.update(ctx, in.actor(session.ID), func(tx Tx) error {
		tx.Record(audit.Event{Action: audit.LoginSucceeded.Name, Type: audit.LoginSucceeded.Type})
		return insertSession(ctx, tx, in, session)
	})
	if refusal := fault.Of(err); refusal != nil && (refusal.Code == CodeAddressRefused || refusal.Code == CodeUserDeactivated) {
		if logged := s.RecordFailedSignIn(ctx, in, refusal.Code, refusal.Message); logged != nil {
			err = logged
		}
	}
	return session, token, csrf, err
}

// insertSession keeps a session of somebody who may have one.
func insertSession(ctx context.Context, tx Tx, in NewSession, session Session) error {
	if err := CheckAddress(ctx, tx, in.User.OrganizationID, "", in.IPAddress); err != nil {
		return err
	}
	if u, err := tx.User(ctx, in.User.OrganizationID, in.User.ID); err != nil || !u.Active() {
		if err == nil {
			err = errDeactivated()
		}
		return err
	}
	if err := tx.DeleteExpiredSessions(ctx, session.CreatedAt); err != nil {
		return err
	}
	if in.Proof != nil {
		if err := spendAtSignIn(ctx, tx, &in.User, *in.Proof); err != nil {
			return err
		}
	}
	return tx.InsertSession(ctx, session)
}

// newSession makes a session that begins now, and its secrets.
func (s *Service) newSession(in NewSession) (session Session, token, csrf string) {
	token, csrf = id.Secret(""), id.Secret("")
	now := s.Now()
	return Session{
		ID: id.New(id.Session), OrganizationID: in.User.OrganizationID, UserID: in.User.ID,
		TokenHash: id.HashOf(token), CSRFHash: id.HashOf(csrf),
		IPAddress: in.IPAddress, UserAgent: in.UserAgent,
		ExpiresAt: now.Add(s.SessionLimits.OrDefault().Lifetime), LastUsedAt: now, CreatedAt: now,
	}, token, csrf
}

// EndSession signs the actor out.
func (s *Service) EndSession(ctx context.Context, actor audit.Actor, sessionID string) error {
	return s.update(ctx, actor, func(tx Tx) error {
		tx.Record(audit.Event{Action: audit.LogoutSucceeded.Name, Type: audit.LogoutSucceeded.Type})
		return tx.DeleteSession(ctx, sessionID)
	})
}

// RecordFailedSignIn leaves a trace of a wrong password for a known user.
func (s *Service) RecordFailedSignIn(ctx context.Context, in NewSession, code, message string) error {
	return s.update(ctx, in.actor(""), func(tx Tx) error {
		e := event(audit.LoginFailed, nil, details{})
		e.Details = mustJSON(map[string]string{"error_code": code, "error_message": message})
		tx.Record(e)
		return nil
	})
}

// Session returns one session of the organization.
func (s *Service) Session(ctx context.Context, organizationID, sessionID string) (Session, error) {
	return view(ctx, s.Store, func(r Reader) (Session, error) { return r.Session(ctx, organizationID, sessionID) })
}

// Sessions of a user that hold now, newest first.
func (s *Service) Sessions(ctx context.Context, organizationID, userID string, p Page) (Rows[Session], error) {
	now := s.Now()
	return view(ctx, s.Store, func(r Reader) (Rows[Session], error) {
		if _, err := r.User(ctx, organizationID, userID); err != nil {
			return Rows[Session]{}, err
		}
		return r.Sessions(ctx, organizationID, SessionFilter{
			Page: p, UserID: userID, LiveAt: now, UsedAfter: now.Add(-s.SessionLimits.OrDefault().Idle),
		})
	})
}

// RevokeSession ends a session of the organization, whoever it is of.
func (s *Service) RevokeSession(ctx context.Context, actor audit.Actor, sessionID string) error {
	return s.update(ctx, actor, func(tx Tx) error {
		session, err := tx.Session(ctx, actor.OrganizationID, sessionID)
		if err != nil {
			return err
		}
		tx.Record(sessionRevoked(session.ID, session.UserID))
		return tx.DeleteSession(ctx, sessionID)
	})
}

// RevokeSessions ends the sessions of a user but for the one with the id except
// and returns how many they were.
func (s *Service) RevokeSessions(ctx context.Context, actor audit.Actor, userID, except string) (n int, err error) {
	err = s.update(ctx, actor, func(tx Tx) error {
		n, err = revokeSessions(ctx, tx, actor.OrganizationID, userID, except)
		return err
	})
	return n, err
}

// revokeSessions ends sessions as a part of what makes them void.
func revokeSessions(ctx context.Context, tx Tx, organizationID, userID, except string) (int, error) {
	ids, err := tx.DeleteSessionsOf(ctx, organizationID, userID, except)
	for _, sessionID := range ids {
		tx.Record(sessionRevoked(sessionID, userID))
	}
	return len(ids), err
}

func sessionRevoked(sessionID, userID string) audit.Event {
	return event(audit.SessionRevoked, nil, details{ID: sessionID, Data: map[string]any{"user_id": userID}})
}
