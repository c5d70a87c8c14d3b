package nativeapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/org"
)

// passwordReset is a one-time token with which a user chooses a password. The
// token is in the answer that made it and nowhere else.
type passwordReset struct {
	Object    string `json:"object"` // password_reset
	ID        string `json:"id"`
	UserID    string `json:"user_id"`
	URL       string `json:"url"` // of the page that takes it
	Token     string `json:"token"`
	ExpiresAt int64  `json:"expires_at"`
	CreatedAt int64  `json:"created_at"`
}

// passwordSet says whose password is another now.
type passwordSet struct {
	Object string `json:"object"` // password
	UserID string `json:"user_id"`
	Email  string `json:"email"`
}

type newPassword struct {
	Current     string `json:"current_password" required:"true"`
	Replacement string `json:"new_password" required:"true"`
}

type acceptedReset struct {
	Token       string `json:"token" required:"true"`
	Replacement string `json:"new_password" required:"true"`
}

func (a *API) passwords() []endpoint.Endpoint {
	changed := []audit.Action{audit.UserUpdated, audit.SessionRevoked} // the second once for each session that ends
	return []endpoint.Endpoint{
		endpoint.Write("POST "+root+"/password", access.Authenticated, endpoint.AtOrganization, changed, a.changePassword),
		endpoint.Act("POST "+root+"/users/{user_id}/password_reset", access.ManagementWrite, endpoint.AtOrganization,
			[]audit.Action{audit.PasswordResetCreated}, a.startPasswordReset),
		endpoint.Write("POST "+root+"/password_reset/accept", access.Authenticated, endpoint.AtOrganization, changed, a.acceptPasswordReset).Public(),
	}
}

func (a *API) changePassword(ctx context.Context, c *endpoint.Call, in newPassword) (passwordSet, error) {
	if err := signedInPerson(c); err != nil {
		return passwordSet{}, err
	}
	err := a.identity.ChangePassword(ctx, &c.Caller, in.Current, in.Replacement)
	return passwordSet{Object: "password", UserID: c.Caller.User.ID, Email: c.Caller.User.Email}, err
}

func (a *API) startPasswordReset(ctx context.Context, c *endpoint.Call) (passwordReset, error) {
	reset, token, err := a.identity.StartPasswordReset(ctx, &c.Caller, c.Path("user_id"))
	c.Header.Set("Cache-Control", "no-store")
	return passwordReset{
		Object: "password_reset", ID: reset.ID, UserID: reset.UserID, URL: org.ResetURL(a.publicURL, token), Token: token,
		ExpiresAt: reset.ExpiresAt.Unix(), CreatedAt: reset.CreatedAt.Unix(),
	}, err
}

// acceptPasswordReset does not sign in: that still takes the password, and the
// second factor of those who have one.
func (a *API) acceptPasswordReset(ctx context.Context, c *endpoint.Call, in acceptedReset) (passwordSet, error) {
	user, err := a.identity.AcceptPasswordReset(ctx, in.Token, in.Replacement, endpoint.From(c.Request))
	return passwordSet{Object: "password", UserID: user.ID, Email: user.Email}, err
}
