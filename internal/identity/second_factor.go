package identity

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"strings"
	"time"

	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/org"
	"weir/internal/routing"
)

// Opener opens what was sealed for a place; package vault does it.
type Opener interface {
	Open(sealed routing.Sealed, place string) ([]byte, error)
}

// issuer is whom authenticators show a code under.
const issuer = "weir"

// recoveryCodes is how many recovery codes a person gets.
const recoveryCodes = 10

// Why a second factor is not good enough. Only who knows the password learns
// that there is one.
func errCodeRequired() error {
	return fault.New(fault.Unauthenticated, codeRequired, "totp", "Send the code of your authenticator, or one of your recovery codes, as 'totp'.")
}

func errWrongCodeAtSignIn() *fault.Error {
	return fault.New(fault.Unauthenticated, codeWrong, "totp", "The code is wrong, or was used already.")
}

const (
	codeRequired = "totp_required"
	codeWrong    = "invalid_totp"
)

func errWrongCode() error {
	return fault.Invalidf(codeWrong, "code", "The code is wrong, or was used already.")
}

// secondFactor returns the proof that a sign-in of user has to spend: nil for
// somebody without a second factor.
func (s *Service) secondFactor(ctx context.Context, user *org.User, code string) (*org.SecondFactorProof, error) {
	factor, err := s.Org.SecondFactor(ctx, user.OrganizationID, user.ID)
	switch {
	case fault.Is(err, fault.NotFound) || err == nil && !factor.Confirmed():
		return nil, nil //nolint:nilnil // nothing to prove
	case err != nil:
		return nil, err
	case code == "":
		return nil, errCodeRequired()
	}
	proof, ok, err := s.prove(&factor, code)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, errWrongCodeAtSignIn()
	}
	return &proof, nil
}

// prove checks a code against a second factor. That it was not used before is
// checked when it is spent.
func (s *Service) prove(factor *org.SecondFactor, code string) (proof org.SecondFactorProof, ok bool, err error) {
	code = plainCode(code)
	if len(code) != totpDigits {
		hash := id.HashOf(code)
		for _, known := range factor.RecoveryCodes {
			if known == hash {
				return org.SecondFactorProof{Recovery: hash}, true, nil
			}
		}
		return proof, false, nil
	}
	secret, err := s.Vault.Open(factor.Secret, org.SecondFactorPlace(factor.UserID))
	if err != nil {
		return proof, false, fault.New(fault.Unavailable, "totp_unavailable", "", "Codes cannot be checked on this node; a recovery code can. Its operator finds the reason in the log.").With(err)
	}
	proof.Step, ok = totpStepOf(secret, code, s.Now())
	return proof, ok, nil
}

// plainCode is a code without what people put into it.
func plainCode(code string) string {
	if len(code) > 64 {
		return ""
	}
	return strings.ToLower(strings.NewReplacer(" ", "", "-", "").Replace(code))
}

// newRecoveryCodes returns fresh codes of 80 bits as they are shown, and their
// hashes: so many bits need no slow hash.
func newRecoveryCodes() (shown []string, hashes []id.Hash) {
	for range recoveryCodes {
		var raw [10]byte
		rand.Read(raw[:])
		text := strings.ToLower(base32.StdEncoding.EncodeToString(raw[:]))
		shown = append(shown, text[:4]+"-"+text[4:8]+"-"+text[8:12]+"-"+text[12:])
		hashes = append(hashes, id.HashOf(text))
	}
	return shown, hashes
}

// freshSignIn is how old a sign-in may be that a second factor is set up in
// without the password.
const freshSignIn = 5 * time.Minute

// EnrolTOTP makes a secret for the caller's authenticator and returns it as text
// and as the URL that authenticators read. Sign-ins ask for a code once ConfirmTOTP
// has seen one. Whoever finds a session must not be able to shut its owner out
// with it, so this takes the password, or a sign-in of a moment ago.
func (s *Service) EnrolTOTP(ctx context.Context, c *Caller, password string) (secret, url string, err error) {
	if err := s.checkPresence(ctx, c, password); err != nil {
		return "", "", err
	}
	raw := newTOTPSecret()
	err = s.Org.EnrolSecondFactor(ctx, c.Actor, c.User.ID, raw)
	return totpText(raw), totpURL(raw, issuer, c.User.Email), err
}

// checkPresence refuses a session behind which may be somebody else by now.
func (s *Service) checkPresence(ctx context.Context, c *Caller, password string) error {
	switch {
	case s.Now().Sub(c.Session.CreatedAt) <= freshSignIn:
		return nil
	case c.User.PasswordHash == "":
		return fault.New(fault.Forbidden, "sign_in_again", "", "Sign in again, and set up the second factor within 5 minutes.")
	case password == "":
		return fault.New(fault.Forbidden, "sign_in_again", "password", "Send your password as 'password', or sign in again and set up the second factor within 5 minutes.")
	}
	return s.checkOwnPassword(ctx, c, "password", password)
}

// ConfirmTOTP takes the first code of an enrolled secret and returns recovery
// codes, which are not kept.
func (s *Service) ConfirmTOTP(ctx context.Context, c *Caller, code string) (recovery []string, err error) {
	recovery, hashes := newRecoveryCodes()
	return recovery, s.withCode(ctx, c, code, false, func(p org.SecondFactorProof) error {
		return s.Org.ConfirmSecondFactor(ctx, c.Actor, c.User.ID, p, hashes)
	})
}

// NewRecoveryCodes returns fresh recovery codes in place of those the caller had.
func (s *Service) NewRecoveryCodes(ctx context.Context, c *Caller, code string) (recovery []string, err error) {
	recovery, hashes := newRecoveryCodes()
	return recovery, s.withCode(ctx, c, code, true, func(p org.SecondFactorProof) error {
		return s.Org.ReplaceRecoveryCodes(ctx, c.Actor, c.User.ID, p, hashes)
	})
}

// DisableTOTP lets the caller sign in without a second factor again.
func (s *Service) DisableTOTP(ctx context.Context, c *Caller, code string) error {
	return s.withCode(ctx, c, code, true, func(p org.SecondFactorProof) error {
		return s.Org.RemoveSecondFactor(ctx, c.Actor, c.User.ID, &p)
	})
}

// ResetTOTP removes the second factor of somebody who has lost it. The caller
// must hold everything the person may do: a password is then all it takes to
// become that person.
func (s *Service) ResetTOTP(ctx context.Context, c *Caller, userID string) error {
	if err := s.mayBecome(ctx, c, userID); err != nil {
		return err
	}
	return s.Org.RemoveSecondFactor(ctx, c.Actor, userID, nil)
}

// withCode does what a right code allows. Guessing is slowed down as at sign-in.
func (s *Service) withCode(ctx context.Context, c *Caller, code string, confirmed bool, do func(org.SecondFactorProof) error) error {
	factor, err := s.Org.SecondFactor(ctx, c.Actor.OrganizationID, c.User.ID)
	if fault.Is(err, fault.NotFound) || err == nil && confirmed && !factor.Confirmed() {
		return fault.Invalidf("totp_not_enabled", "", "You have no second factor.")
	}
	if err != nil {
		return err
	}
	try, err := s.attempts.begin(ctx, c.User.Email, s.Now)
	if err != nil {
		return err
	}
	defer try.end()
	proof, ok, err := s.prove(&factor, code)
	if err == nil && ok {
		err = do(proof)
	}
	switch {
	case err == nil && !ok, errors.Is(err, org.ErrCodeSpent):
		return errWrongCode()
	case err != nil:
		try.withdraw()
		return err
	}
	try.succeeded()
	return nil
}
