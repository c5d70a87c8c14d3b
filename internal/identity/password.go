package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"

	"weir/internal/fault"
	"weir/internal/org"
)

// argon2Params follow OWASP's second recommendation for argon2id: 19 MiB, two
// passes, one lane.
var argon2Params = argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// HashPassword returns the argon2id hash to keep of a password.
func HashPassword(password string) (string, error) {
	hash, err := argon2id.CreateHash(password, &argon2Params)
	if err != nil {
		return "", fmt.Errorf("hashing a password: %w", err)
	}
	return hash, nil
}

// The bounds of the passwords that weir takes: NIST SP 800-63B asks for no less
// than 8 characters and to allow 64 and more. The upper bound is in bytes.
const (
	MinPasswordLength = 8
	MaxPasswordLength = 1024
)

// CheckPassword refuses a password that is too short, too long or blank. What it
// is made of is its owner's business.
func CheckPassword(param, password string) error {
	switch n := utf8.RuneCountInString(password); {
	case len(password) > MaxPasswordLength:
		return fault.StringTooLong(param, MaxPasswordLength, len(password))
	case n < MinPasswordLength || strings.TrimSpace(password) == "":
		return fault.Invalidf("password_too_short", param, "Invalid '%s': a password has at least %d characters, not all of them blank.", param, MinPasswordLength)
	}
	return nil
}

// Credentials are what a person signs in with. Code is that of a second factor,
// or a recovery code; "" when none was sent.
type Credentials struct {
	Email    string
	Password string
	Code     string
}

// SignedIn is a fresh session with its owner and the two secrets the browser
// holds: Token for the cookie, CSRF for the page.
type SignedIn = org.BegunSession

// SignIn checks an e-mail, a password and the code of those who have a second
// factor, and starts a session. An unknown address and a wrong password are
// answered alike and take as long; only after the right password does the answer
// tell of a second factor. A wrong code counts as a wrong password does.
func (s *Service) SignIn(ctx context.Context, in Credentials, from From) (SignedIn, error) {
	attempt, err := s.attempts.begin(ctx, in.Email, s.Now)
	if err != nil {
		return SignedIn{}, err
	}
	from = from.kept()
	began := time.Now()
	out, wrong, err := s.signIn(ctx, in, from)
	switch {
	case err == nil:
		attempt.succeeded()
	case !wrong:
		attempt.withdraw()
	}
	attempt.end()
	if err != nil {
		untilStep(ctx, began)
		return SignedIn{}, err
	}
	return out, nil
}

// signIn reports with an error whether it was a guess that went wrong.
func (s *Service) signIn(ctx context.Context, in Credentials, from From) (out SignedIn, wrong bool, err error) {
	found, err := s.find(ctx, in.Email, from)
	if err != nil {
		return out, false, err
	}
	match, err := matching(found.users, in.Password)
	if err != nil {
		return out, false, err
	}
	if match == nil {
		return out, true, s.refuseAll(ctx, found, from)
	}
	start := org.NewSession{User: *match, IPAddress: from.IPAddress, UserAgent: from.UserAgent}
	if start.Proof, err = s.secondFactor(ctx, match, in.Code); err == nil {
		out.User = *match
		out.Session, out.Token, out.CSRF, err = s.Org.StartSession(ctx, start)
	}
	if errors.Is(err, org.ErrCodeSpent) {
		err = errWrongCodeAtSignIn()
	}
	if f := fault.Of(err); f != nil && f.Code == codeWrong {
		return SignedIn{}, true, s.refuse(ctx, []org.User{*match}, from, f)
	}
	return out, false, err
}

// refuseAll answers a sign-in that nobody's password fits. Those who may not be
// reached from there are refused for that in the log, and like everybody else to
// the caller, who would otherwise learn which passwords are right.
func (s *Service) refuseAll(ctx context.Context, found candidates, from From) error {
	for i, u := range found.elsewhere {
		if err := s.refuse(ctx, []org.User{u}, from, found.why[i]); !errors.Is(err, found.why[i]) {
			return err
		}
	}
	return s.refuse(ctx, found.users, from, fault.New(fault.Unauthenticated, "invalid_credentials", "", "The e-mail address or the password is wrong."))
}

// refuse records a failed sign-in with everybody it was meant for. It returns
// why, or what kept it from being recorded.
func (s *Service) refuse(ctx context.Context, users []org.User, from From, why *fault.Error) error {
	for _, u := range users {
		if !s.Denials.SignInFailed(u.OrganizationID, s.Now()) {
			continue // so many that they are only counted
		}
		in := org.NewSession{User: u, IPAddress: from.IPAddress, UserAgent: from.UserAgent}
		if err := s.Org.RecordFailedSignIn(ctx, in, why.Code, why.Message); err != nil {
			return err
		}
	}
	return why
}

// step is what the time of a refusal is rounded up to: several times what a
// check takes.
const step = 100 * time.Millisecond

// untilStep waits until a whole number of steps has passed since began. Known
// addresses take a millisecond longer than unknown ones, to write down that
// somebody failed; that must not tell them apart.
func untilStep(ctx context.Context, began time.Time) {
	wait := time.NewTimer(step - time.Since(began)%step)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
}

// candidates are the users of an e-mail address, whose organizations let them
// sign in from where they are, and those whose do not, with the reasons.
type candidates struct {
	users     []org.User
	elsewhere []org.User
	why       []*fault.Error
}

func (s *Service) find(ctx context.Context, email string, from From) (found candidates, err error) {
	err = s.Store.View(ctx, func(r org.Reader) error {
		users, err := r.UsersByEmail(ctx, email)
		if err != nil {
			return err
		}
		for _, u := range users {
			err := org.CheckAddress(ctx, r, u.OrganizationID, "", from.IPAddress)
			switch why := fault.Of(err); {
			case err == nil:
				found.users = append(found.users, u)
			case why == nil || why.Code != org.CodeAddressRefused:
				return err
			default:
				found.elsewhere, found.why = append(found.elsewhere, u), append(found.why, why)
			}
		}
		return nil
	})
	return found, err
}

// matching returns the user the password belongs to. Without any candidate it
// hashes all the same, so that timing does not tell known addresses apart.
func matching(users []org.User, password string) (*org.User, error) {
	tried := false
	for i := range users {
		if users[i].PasswordHash == "" {
			continue
		}
		tried = true
		ok, err := argon2id.ComparePasswordAndHash(password, users[i].PasswordHash)
		if err != nil {
			return nil, fmt.Errorf("checking the password of %s: %w", users[i].ID, err)
		}
		if ok {
			return &users[i], nil
		}
	}
	if !tried {
		if _, err := HashPassword(password); err != nil {
			return nil, err
		}
	}
	return nil, nil //nolint:nilnil // nobody matched, which is not an error here
}
