package identity_test

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/audit"
	"weir/internal/endpoint/endpointtest"
	"weir/internal/fault"
	"weir/internal/identity"
	"weir/internal/org"
)

func newService(env *endpointtest.Env) *identity.Service {
	service := *env.Org
	return &identity.Service{Store: env.Store, Org: &service, Now: time.Now, Used: &identity.LastUse{}, Vault: env.Vault}
}

var browser = identity.From{IPAddress: "192.0.2.1", UserAgent: "browser \xff\x00"}

// types of the organization's audit events, oldest first, after checking the
// chain.
func types(t *testing.T, env *endpointtest.Env) []string {
	t.Helper()
	var out []string
	prev := ""
	err := env.Store.View(t.Context(), func(r org.Reader) error {
		return r.AuditChain(t.Context(), env.Organization.ID, 0, func(e audit.Event) error {
			out = append(out, e.Action)
			defer func() { prev = e.Hash }()
			return e.Verify(prev)
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestUnknownAddressesAreNotTold(t *testing.T) {
	env := endpointtest.New(t)
	service := newService(env)
	before := len(types(t, env))
	refuse := func(email, password string) string {
		t.Helper()
		var earlier, later runtime.MemStats
		runtime.ReadMemStats(&earlier)
		_, err := service.SignIn(t.Context(), identity.Credentials{Email: email, Password: password}, browser)
		if !fault.Is(err, fault.Unauthenticated) {
			t.Fatalf("%.50s: %v", email, err)
		}
		// A check of a password fills 19 MiB. One that was left out would show in
		// the time that the answer takes.
		if runtime.ReadMemStats(&later); later.TotalAlloc-earlier.TotalAlloc < 19<<20 {
			t.Errorf("%.50s: refused without a check of the password", email)
		}
		return err.Error()
	}
	if known, unknown := refuse(env.Owner.Email, "wrong"), refuse("nobody@example.com", "wrong"); known != unknown {
		t.Errorf("known: %q; unknown: %q", known, unknown)
	}
	for _, email := range []string{"", " ", strings.Repeat("a", 1<<20), "' OR 1=1 --", "owner@example.com "} {
		refuse(email, endpointtest.Password)
	}
	if got := types(t, env)[before:]; !slices.Equal(got, []string{audit.LoginFailed.Name}) {
		t.Errorf("events %v, want one failed sign-in: that of the known address", got)
	}
}

func TestSignInTakesTheAddressInAnyCase(t *testing.T) {
	env := endpointtest.New(t)
	service := newService(env)
	seen := map[string]bool{}
	for _, email := range []string{"owner@example.com", "Owner@EXAMPLE.com"} {
		in, err := service.SignIn(t.Context(), identity.Credentials{Email: email, Password: endpointtest.Password}, browser)
		session, user, token, csrf := in.Session, in.User, in.Token, in.CSRF
		if err != nil || user.ID != env.Owner.ID {
			t.Fatalf("%s: %v %v", email, user.ID, err)
		}
		if seen[token] || seen[csrf] || token == csrf {
			t.Error("two sign-ins share a secret")
		}
		seen[token], seen[csrf] = true, true
		if _, err := service.BySession(t.Context(), token, "", false, browser); err != nil {
			t.Errorf("reading: %v", err)
		}
		for _, wrong := range []string{"", csrf[1:], token} {
			if _, err := service.BySession(t.Context(), token, wrong, true, browser); !fault.Is(err, fault.Forbidden) {
				t.Errorf("changing with csrf token %q: %v", wrong, err)
			}
		}
		if _, err := service.BySession(t.Context(), token, csrf, true, browser); err != nil {
			t.Errorf("changing: %v", err)
		}
		for _, wrong := range []string{"", csrf, session.ID, strings.ToUpper(token)} {
			if _, err := service.BySession(t.Context(), wrong, csrf, false, browser); !fault.Is(err, fault.Unauthenticated) {
				t.Errorf("session %q: %v", wrong, err)
			}
		}
	}
}

func TestSessionsEnd(t *testing.T) {
	env := endpointtest.New(t)
	service := newService(env)
	now := time.Now()
	service.Now = func() time.Time { return now }
	service.Org.Now = service.Now
	service.Org.SessionLimits.Idle = org.SessionLifetime // what ends an unused one is tested through the API
	in, err := service.SignIn(t.Context(), identity.Credentials{Email: env.Owner.Email, Password: endpointtest.Password}, browser)
	session, token, csrf := in.Session, in.Token, in.CSRF
	if err != nil {
		t.Fatal(err)
	}
	now = session.ExpiresAt.Add(-time.Second)
	caller, err := service.BySession(t.Context(), token, csrf, true, browser)
	if err != nil {
		t.Fatal("a second before its end:", err)
	}
	now = session.ExpiresAt
	if _, err := service.BySession(t.Context(), token, csrf, true, browser); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("at its end: %v", err)
	}
	now = session.CreatedAt
	if err := service.Org.EndSession(t.Context(), caller.Actor, session.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := service.BySession(t.Context(), token, csrf, false, browser); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("after signing out: %v", err)
	}
	if err := service.Org.EndSession(t.Context(), caller.Actor, session.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("signing out twice: %v", err)
	}
	got := types(t, env)
	if want := []string{audit.LoginSucceeded.Name, audit.LogoutSucceeded.Name}; !slices.Equal(got[len(got)-2:], want) {
		t.Errorf("events %v, want to end with %v", got, want)
	}
}

// A caller writes its User-Agent into every audit event it causes, for good.
func TestLongUserAgentsAreCut(t *testing.T) {
	env := endpointtest.New(t)
	service := newService(env)
	from := identity.From{IPAddress: "192.0.2.1", UserAgent: "x" + strings.Repeat("é", 40_000)}
	in, err := service.SignIn(t.Context(), identity.Credentials{Email: env.Owner.Email, Password: endpointtest.Password}, from)
	session, token := in.Session, in.Token
	if err != nil {
		t.Fatal(err)
	}
	bySession, err := service.BySession(t.Context(), token, "", false, from)
	if err != nil {
		t.Fatal(err)
	}
	byKey, err := service.ByKey(t.Context(), env.AdminKey, from)
	if err != nil {
		t.Fatal(err)
	}
	want := "x" + strings.Repeat("é", 255)
	for what, got := range map[string]string{
		"the session": session.UserAgent, "a call by session": bySession.Actor.UserAgent, "a call by key": byKey.Actor.UserAgent,
	} {
		if got != want {
			t.Errorf("%s keeps %d bytes of the user agent: %.20q…", what, len(got), got)
		}
	}
}
