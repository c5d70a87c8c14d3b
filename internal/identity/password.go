package identity

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

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

// MinPasswordLength is the shortest password weir takes.
const MinPasswordLength = 8

// SignIn checks an e-mail and password and starts a session. An unknown address
// and a wrong password are answered alike and take as long.
func (s *Service) SignIn(ctx context.Context, email, password string, from From) (org.Session, org.User, string, string, error) {
	fail := func(err error) (org.Session, org.User, string, string, error) {
		return org.Session{}, org.User{}, "", "", err
	}
	release, err := s.attempts.begin(ctx, strings.ToLower(email), s.Now())
	if err != nil {
		return fail(err)
	}
	defer release()

	var users []org.User
	if err := s.Store.View(ctx, func(r org.Reader) error {
		users, err = r.UsersByEmail(ctx, email)
		return err
	}); err != nil {
		return fail(err)
	}
	match, err := matching(users, password)
	if err != nil {
		return fail(err)
	}
	if match == nil {
		s.attempts.failed(strings.ToLower(email), s.Now())
		wrong := fault.New(fault.Unauthenticated, "invalid_credentials", "", "The e-mail address or the password is wrong.")
		for _, u := range users {
			in := org.NewSession{User: u, IPAddress: from.IPAddress, UserAgent: from.UserAgent}
			if err := s.Org.RecordFailedSignIn(ctx, in, wrong.Code, wrong.Message); err != nil {
				return fail(err)
			}
		}
		return fail(wrong)
	}
	s.attempts.succeeded(strings.ToLower(email))
	session, token, csrf, err := s.Org.StartSession(ctx, org.NewSession{User: *match, IPAddress: from.IPAddress, UserAgent: from.UserAgent})
	return session, *match, token, csrf, err
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

const (
	maxFailures   = 10
	failureWindow = 5 * time.Minute
	maxParallel   = 2 // each check takes 19 MiB and a core
	maxTracked    = 10_000
)

// attempts slows guessing down: after maxFailures wrong passwords for one
// address it must rest for failureWindow.
type attempts struct {
	once  sync.Once
	slots chan struct{}
	mu    sync.Mutex
	wrong map[string]failures
}

type failures struct {
	n    int
	last time.Time
}

func (a *attempts) begin(ctx context.Context, email string, now time.Time) (release func(), err error) {
	a.once.Do(func() {
		a.slots = make(chan struct{}, maxParallel)
		a.wrong = map[string]failures{}
	})
	a.mu.Lock()
	f := a.wrong[email]
	a.mu.Unlock()
	if f.n >= maxFailures && now.Sub(f.last) < failureWindow {
		return nil, fault.New(fault.RateLimited, "rate_limit_exceeded", "", "Too many failed sign-ins. Please wait five minutes.")
	}
	select {
	case a.slots <- struct{}{}:
		return func() { <-a.slots }, nil
	case <-ctx.Done():
		return nil, fault.New(fault.Unavailable, "", "", "The server is busy with other sign-ins. Please try again.").With(ctx.Err())
	}
}

func (a *attempts) failed(email string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.wrong) >= maxTracked {
		for other, f := range a.wrong {
			if now.Sub(f.last) >= failureWindow {
				delete(a.wrong, other)
			}
		}
	}
	f := a.wrong[email]
	if now.Sub(f.last) >= failureWindow {
		f.n = 0
	}
	a.wrong[email] = failures{n: f.n + 1, last: now}
}

func (a *attempts) succeeded(email string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.wrong, email)
}
