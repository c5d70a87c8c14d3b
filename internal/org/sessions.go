package org

import (
	"context"
	"time"

	"weir/internal/audit"
	"weir/internal/id"
)

// SessionLifetime is how long a sign-in lasts.
const SessionLifetime = 12 * time.Hour

// NewSession is a sign-in that was just proved.
type NewSession struct {
	User      User
	IPAddress string
	UserAgent string
}

// StartSession records a sign-in and returns the session with the two secrets
// the browser holds: token for the cookie, csrf for the page.
func (s *Service) StartSession(ctx context.Context, in NewSession) (session Session, token, csrf string, err error) {
	token, csrf = id.Secret(""), id.Secret("")
	now := s.Now()
	session = Session{
		ID: id.New(id.Session), OrganizationID: in.User.OrganizationID, UserID: in.User.ID,
		TokenHash: id.HashOf(token), CSRFHash: id.HashOf(csrf),
		IPAddress: in.IPAddress, UserAgent: in.UserAgent,
		ExpiresAt: now.Add(SessionLifetime), CreatedAt: now,
	}
	actor := audit.Actor{
		OrganizationID: in.User.OrganizationID, Type: audit.ActorSession,
		UserID: in.User.ID, UserEmail: in.User.Email, SessionID: session.ID,
		IPAddress: in.IPAddress, UserAgent: in.UserAgent,
	}
	err = s.update(ctx, actor, func(tx Tx) error {
		if err := tx.DeleteExpiredSessions(ctx, now); err != nil {
			return err
		}
		tx.Record(audit.Event{Action: audit.LoginSucceeded.Name, Type: audit.LoginSucceeded.Type})
		return tx.InsertSession(ctx, session)
	})
	return session, token, csrf, err
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
	actor := audit.Actor{
		OrganizationID: in.User.OrganizationID, Type: audit.ActorSession,
		UserID: in.User.ID, UserEmail: in.User.Email, IPAddress: in.IPAddress, UserAgent: in.UserAgent,
	}
	return s.update(ctx, actor, func(tx Tx) error {
		e := event(audit.LoginFailed, nil, details{})
		e.Details = mustJSON(map[string]string{"error_code": code, "error_message": message})
		tx.Record(e)
		return nil
	})
}
