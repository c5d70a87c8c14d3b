package nativeapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/fault"
	"weir/internal/optional"
)

// totpState is whether the caller has a second factor.
type totpState struct {
	Object            string `json:"object"` // totp
	Enabled           bool   `json:"enabled"`
	RecoveryCodesLeft int    `json:"recovery_codes_left"`
	EnabledAt         *int64 `json:"enabled_at"`
}

// totpEnrolment is a secret for an authenticator. It is in this answer and
// nowhere else.
type totpEnrolment struct {
	Object string `json:"object"` // totp.enrolment
	Secret string `json:"secret"`
	URL    string `json:"url"` // what a square code shows
}

// recoveryCodes are shown once.
type recoveryCodes struct {
	Object string   `json:"object"` // totp.recovery_codes
	Codes  []string `json:"codes"`
}

type oneTimeCode struct {
	Code string `json:"code" required:"true"`
}

// presence shows that the person who signed in is still there. It is needed where
// the sign-in is not of the last five minutes.
type presence struct {
	Password optional.Value[string] `json:"password"`
}

func (a *API) secondFactors() []endpoint.Endpoint {
	const path = root + "/totp"
	recorded := func(action audit.Action) []audit.Action { return []audit.Action{action} }
	return []endpoint.Endpoint{
		endpoint.Read("GET "+path, access.Authenticated, endpoint.AtOrganization, a.getTOTP),
		endpoint.Write("POST "+path, access.Authenticated, endpoint.AtOrganization, recorded(audit.SecondFactorEnrolled), a.enrolTOTP),
		endpoint.Write("POST "+path+"/confirm", access.Authenticated, endpoint.AtOrganization, recorded(audit.SecondFactorEnabled), a.confirmTOTP),
		endpoint.Write("POST "+path+"/recovery_codes", access.Authenticated, endpoint.AtOrganization, recorded(audit.RecoveryCodesCreated), a.newRecoveryCodes),
		endpoint.Write("POST "+path+"/disable", access.Authenticated, endpoint.AtOrganization, recorded(audit.SecondFactorDisabled), a.disableTOTP),
		endpoint.Act("DELETE "+root+"/users/{user_id}/totp", access.ManagementWrite, endpoint.AtOrganization, recorded(audit.SecondFactorDisabled), a.resetTOTP),
	}
}

func (a *API) getTOTP(ctx context.Context, c *endpoint.Call) (totpState, error) {
	if err := aPerson(c); err != nil {
		return totpState{}, err
	}
	shown := totpState{Object: "totp"}
	factor, err := a.org.SecondFactor(ctx, c.OrganizationID(), c.Caller.User.ID)
	switch {
	case fault.Is(err, fault.NotFound):
		return shown, nil
	case err == nil && factor.Confirmed():
		shown.Enabled, shown.RecoveryCodesLeft = true, len(factor.RecoveryCodes)
		shown.EnabledAt = endpoint.SecondsOrNull(factor.ConfirmedAt)
	}
	return shown, err
}

func (a *API) enrolTOTP(ctx context.Context, c *endpoint.Call, in presence) (totpEnrolment, error) {
	if err := signedInPerson(c); err != nil {
		return totpEnrolment{}, err
	}
	c.Header.Set("Cache-Control", "no-store")
	secret, url, err := a.identity.EnrolTOTP(ctx, &c.Caller, in.Password.V)
	return totpEnrolment{Object: "totp.enrolment", Secret: secret, URL: url}, err
}

func (a *API) confirmTOTP(ctx context.Context, c *endpoint.Call, in oneTimeCode) (recoveryCodes, error) {
	if err := signedInPerson(c); err != nil {
		return recoveryCodes{}, err
	}
	c.Header.Set("Cache-Control", "no-store")
	codes, err := a.identity.ConfirmTOTP(ctx, &c.Caller, in.Code)
	return recoveryCodes{Object: "totp.recovery_codes", Codes: codes}, err
}

func (a *API) newRecoveryCodes(ctx context.Context, c *endpoint.Call, in oneTimeCode) (recoveryCodes, error) {
	if err := signedInPerson(c); err != nil {
		return recoveryCodes{}, err
	}
	c.Header.Set("Cache-Control", "no-store")
	codes, err := a.identity.NewRecoveryCodes(ctx, &c.Caller, in.Code)
	return recoveryCodes{Object: "totp.recovery_codes", Codes: codes}, err
}

func (a *API) disableTOTP(ctx context.Context, c *endpoint.Call, in oneTimeCode) (totpState, error) {
	if err := signedInPerson(c); err != nil {
		return totpState{}, err
	}
	return totpState{Object: "totp"}, a.identity.DisableTOTP(ctx, &c.Caller, in.Code)
}

// resetTOTP is for somebody who has lost the authenticator and every recovery
// code.
func (a *API) resetTOTP(ctx context.Context, c *endpoint.Call) (endpoint.Deleted, error) {
	userID := c.Path("user_id")
	err := a.identity.ResetTOTP(ctx, &c.Caller, userID)
	return endpoint.Deleted{Object: "totp.deleted", ID: userID, Deleted: true}, err
}
