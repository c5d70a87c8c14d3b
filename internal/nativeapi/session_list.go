package nativeapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/fault"
	"weir/internal/org"
)

// sessionEntry is a sign-in as it is listed: where from and since when, and
// nothing that would let anybody use it.
type sessionEntry struct {
	Object     string `json:"object"` // session
	ID         string `json:"id"`
	UserID     string `json:"user_id"`
	Current    bool   `json:"current"` // the caller's own
	IPAddress  string `json:"ip_address"`
	UserAgent  string `json:"user_agent"`
	ExpiresAt  int64  `json:"expires_at"`
	LastUsedAt int64  `json:"last_used_at"`
	CreatedAt  int64  `json:"created_at"`
}

// revoked says how many sessions a call has ended.
type revoked struct {
	Object  string `json:"object"` // session.list.deleted
	Revoked int    `json:"revoked"`
}

func (a *API) sessionList() []endpoint.Endpoint {
	const path = root + "/sessions"
	ended := []audit.Action{audit.SessionRevoked}
	page := endpoint.Listing[sessionEntry, sessionEntry]{
		Limit: 20, Min: 1, Max: 100, ID: func(s sessionEntry) string { return s.ID }, Show: endpoint.Same[sessionEntry],
	}
	return []endpoint.Endpoint{
		endpoint.List("GET "+path, access.Authenticated, endpoint.AtOrganization, page, a.listSessions),
		endpoint.Act("DELETE "+path, access.Authenticated, endpoint.AtOrganization, ended, a.revokeOthers),
		endpoint.Act("DELETE "+path+"/{session_id}", access.Authenticated, endpoint.AtOrganization, ended, a.revokeSession),
	}
}

// aPerson refuses callers without sign-ins of their own, and keys that are cut
// down to a project.
func aPerson(c *endpoint.Call) error {
	if c.Caller.User == nil || c.Caller.Project != "" {
		return fault.New(fault.Forbidden, "insufficient_permissions", "", "You have insufficient permissions for this operation: sessions are a person's. Sign in, or use an admin key.")
	}
	return nil
}

// signedInPerson refuses callers that are not signed in: what a person signs in
// with is changed by the person, not by a program that has a key.
func signedInPerson(c *endpoint.Call) error {
	if c.Caller.Session == nil {
		return fault.Invalidf("no_session", "", "You are not signed in: the call came with a key, not with a session.")
	}
	return nil
}

func (a *API) listSessions(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[sessionEntry], error) {
	if err := aPerson(c); err != nil {
		return org.Rows[sessionEntry]{}, err
	}
	userID := c.Caller.User.ID
	if asked := c.Query.String("user_id"); asked != "" && asked != userID {
		if err := c.Require(access.ManagementRead, access.Scope{}); err != nil {
			return org.Rows[sessionEntry]{}, err
		}
		userID = asked
	}
	rows, err := a.org.Sessions(ctx, c.OrganizationID(), userID, p)
	shown := org.Rows[sessionEntry]{More: rows.More}
	for _, s := range rows.Items {
		shown.Items = append(shown.Items, sessionEntry{
			Object: "session", ID: s.ID, UserID: s.UserID, Current: s.ID == c.Actor().SessionID,
			IPAddress: s.IPAddress, UserAgent: s.UserAgent,
			ExpiresAt: s.ExpiresAt.Unix(), LastUsedAt: s.LastUsedAt.Unix(), CreatedAt: s.CreatedAt.Unix(),
		})
	}
	return shown, err
}

// revokeSession ends one session: the caller's own, or of whomever the caller
// manages. For everybody else a foreign session is not there.
func (a *API) revokeSession(ctx context.Context, c *endpoint.Call) (endpoint.Deleted, error) {
	if err := aPerson(c); err != nil {
		return endpoint.Deleted{}, err
	}
	sessionID := c.Path("session_id")
	session, err := a.org.Session(ctx, c.OrganizationID(), sessionID)
	if err == nil && session.UserID != c.Caller.User.ID && c.Require(access.ManagementWrite, access.Scope{}) != nil {
		err = fault.NotFoundf("Session with ID '%s' not found.", sessionID)
	}
	if err == nil {
		err = a.org.RevokeSession(ctx, c.Actor(), sessionID)
	}
	return endpoint.Deleted{Object: "session.deleted", ID: sessionID, Deleted: true}, err
}

// revokeOthers ends every session of the caller but the one it calls with.
func (a *API) revokeOthers(ctx context.Context, c *endpoint.Call) (revoked, error) {
	if err := aPerson(c); err != nil {
		return revoked{}, err
	}
	n, err := a.org.RevokeSessions(ctx, c.Actor(), c.Caller.User.ID, c.Actor().SessionID)
	return revoked{Object: "session.list.deleted", Revoked: n}, err
}
