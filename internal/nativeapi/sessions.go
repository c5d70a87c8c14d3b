package nativeapi

import (
	"context"
	"net/http"
	"time"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/fault"
	"weir/internal/identity"
	"weir/internal/optional"
)

// session is a sign-in. The cookie comes beside it; csrf_token must stand in
// the x-csrf-token header of every call that changes something by that cookie.
type session struct {
	Object       string       `json:"object"` // session
	ID           string       `json:"id"`
	CSRFToken    string       `json:"csrf_token"`
	User         signedIn     `json:"user"`
	Organization organization `json:"organization"`
	ExpiresAt    int64        `json:"expires_at"`
	CreatedAt    int64        `json:"created_at"`
}

type signedIn struct {
	ID    string `json:"id"`
	Email string `json:"email"`
	Name  string `json:"name"`
	Role  string `json:"role"`
}

type credentials struct {
	Email    string `json:"email" required:"true"`
	Password string `json:"password" required:"true"`
	// TOTP is the one-time code of a second factor, or a recovery code. It is not
	// looked at for those who have none.
	TOTP optional.Value[string] `json:"totp"`
}

func (a *API) sessions() []endpoint.Endpoint {
	const path = root + "/session"
	return []endpoint.Endpoint{
		endpoint.Write("POST "+path, access.Authenticated, endpoint.AtOrganization,
			[]audit.Action{audit.LoginSucceeded}, a.signIn).Public(),
		endpoint.Act("DELETE "+path, access.Authenticated, endpoint.AtOrganization,
			[]audit.Action{audit.LogoutSucceeded}, a.signOut),
	}
}

// signIn refuses other sites' forms: they could sign a visitor in as somebody
// else, who would then read what the visitor enters.
func (a *API) signIn(ctx context.Context, c *endpoint.Call, in credentials) (session, error) {
	if err := http.NewCrossOriginProtection().Check(c.Request); err != nil {
		return session{}, fault.New(fault.Forbidden, "cross_origin", "", "Sign in from weir's own pages.").With(err)
	}
	started, err := a.identity.SignIn(ctx, identity.Credentials{Email: in.Email, Password: in.Password, Code: in.TOTP.V}, endpoint.From(c.Request))
	if err != nil {
		return session{}, err
	}
	return a.start(ctx, c, started)
}

// start hands a session that has begun to the browser.
func (a *API) start(ctx context.Context, c *endpoint.Call, in identity.SignedIn) (session, error) {
	started, user := in.Session, in.User
	o, err := a.org.Organization(ctx, started.OrganizationID)
	if err != nil {
		return session{}, err
	}
	c.Header.Add("Set-Cookie", a.cookie(c.Request, in.Token, started.ExpiresAt.Sub(a.now())).String())
	c.Header.Set("Cache-Control", "no-store")
	return session{
		Object: "session", ID: started.ID, CSRFToken: in.CSRF,
		User:         signedIn{ID: user.ID, Email: user.Email, Name: user.Name, Role: string(user.Role)},
		Organization: organization{o.ID, o.Name},
		ExpiresAt:    started.ExpiresAt.Unix(), CreatedAt: started.CreatedAt.Unix(),
	}, nil
}

func (a *API) signOut(ctx context.Context, c *endpoint.Call) (endpoint.Deleted, error) {
	current := c.Caller.Session
	if current == nil {
		return endpoint.Deleted{}, fault.Invalidf("no_session", "", "You are not signed in: the call came with a key, not with a session.")
	}
	if err := a.org.EndSession(ctx, c.Actor(), current.ID); err != nil {
		return endpoint.Deleted{}, err
	}
	c.Header.Add("Set-Cookie", a.cookie(c.Request, "", 0).String())
	if _, err := c.Request.Cookie(csrfCookie); err == nil {
		c.Header.Add("Set-Cookie", a.csrfCookie(c.Request, "", 0).String())
	}
	return endpoint.Deleted{Object: "session.deleted", ID: current.ID, Deleted: true}, nil
}

// cookie holds token for a while; without a lifetime it is removed. A proxy in
// front that speaks TLS says so; a caller that lies about it only keeps its own
// cookie from plain HTTP.
func (a *API) cookie(r *http.Request, token string, lifetime time.Duration) *http.Cookie {
	age := int(lifetime / time.Second)
	if age <= 0 {
		age = -1
	}
	secure := a.secureCookies || endpoint.OverHTTPS(r)
	return &http.Cookie{
		Name: endpoint.SessionCookieName(secure), Value: token, Path: "/", MaxAge: age,
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: secure,
	}
}
