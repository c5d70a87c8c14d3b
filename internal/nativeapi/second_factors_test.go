package nativeapi

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/identity"
	"weir/internal/org"
)

// authenticator is what a person has in the pocket, written after RFC 6238 and
// apart from what it is to test.
type authenticator struct{ secret string }

func (a authenticator) code(at time.Time) string {
	key, err := base32.StdEncoding.DecodeString(a.secret)
	if err != nil {
		panic(err)
	}
	mac := hmac.New(sha1.New, key)
	_ = binary.Write(mac, binary.BigEndian, at.Unix()/30)
	sum := mac.Sum(nil)
	at4 := sum[sum[19]&15:][:4]
	return fmt.Sprintf("%06d", (uint32(at4[0]&127)<<24|uint32(at4[1])<<16|uint32(at4[2])<<8|uint32(at4[3]))%1_000_000)
}

const plainRecovery = "aaaabbbbccccdddd"

func (f *fixture) withoutSecondFactor(userID string) {
	f.t.Helper()
	if err := f.Org.RemoveSecondFactor(f.t.Context(), f.actor(), userID, nil); err != nil && !fault.Is(err, fault.NotFound) {
		f.t.Fatal(err)
	}
}

// totpTarget is target for second factors, the owner's.
func (f *fixture) totpTarget(pattern string) (path string, body any) {
	f.t.Helper()
	f.withoutSecondFactor(f.Owner.ID)
	raw := []byte("12345678901234567890")
	enrol := func() {
		if err := f.Org.EnrolSecondFactor(f.t.Context(), f.actor(), f.Owner.ID, raw); err != nil {
			f.t.Fatal(err)
		}
	}
	switch pattern {
	case "/totp":
		return pattern, nil
	case "/totp/confirm":
		enrol()
		return pattern, map[string]string{"code": authenticator{base32.StdEncoding.EncodeToString(raw)}.code(f.clock.Now())}
	}
	enrol()
	if err := f.Org.ConfirmSecondFactor(f.t.Context(), f.actor(), f.Owner.ID, org.SecondFactorProof{Step: 1}, []id.Hash{id.HashOf(plainRecovery)}); err != nil {
		f.t.Fatal(err)
	}
	if strings.HasPrefix(pattern, "/users/") {
		return "/users/" + f.Owner.ID + "/totp", nil
	}
	return pattern, map[string]string{"code": plainRecovery}
}

// enrolled makes a person with a second factor: its authenticator and recovery
// codes.
func (f *fixture) enrolled(password string) (org.User, client, authenticator, []string) {
	f.t.Helper()
	u, browser := f.person(access.OrganizationReader, password)
	secret := ok[totpEnrolment](f.t, browser.post("/totp", nil))
	phone := authenticator{secret.Secret}
	codes := ok[recoveryCodes](f.t, browser.post("/totp/confirm", map[string]string{"code": phone.code(f.clock.Now())}))
	return u, browser, phone, codes.Codes
}

func (f *fixture) try(email, password, code string) answer {
	body := map[string]any{"email": email, "password": password}
	if code != "" {
		body["totp"] = code
	}
	return f.as("").post("/session", body)
}

func TestSecondFactorAtSignIn(t *testing.T) {
	f := newFixture(t)
	const password = "a reader's password"
	u, browser := f.person(access.OrganizationReader, password)
	if got := ok[totpState](t, browser.get("/totp")); got.Enabled {
		t.Errorf("before: %+v", got)
	}
	first := ok[totpEnrolment](t, browser.post("/totp", nil))
	secret := ok[totpEnrolment](t, browser.post("/totp", nil)) // a second try replaces the first
	if first.Secret == secret.Secret || !strings.Contains(secret.URL, secret.Secret) || len(secret.Secret) != 32 {
		t.Errorf("enrolled: %+v, %+v", first, secret)
	}
	ok[session](t, f.try(u.Email, password, "")) // not asked before it is confirmed
	phone := authenticator{secret.Secret}
	refused(t, browser.post("/totp/confirm", map[string]string{"code": authenticator{first.Secret}.code(f.clock.Now())}), http.StatusBadRequest, "invalid_totp", "code")
	codes := ok[recoveryCodes](t, browser.post("/totp/confirm", map[string]string{"code": phone.code(f.clock.Now())})).Codes
	if got := ok[totpState](t, browser.get("/totp")); !got.Enabled || got.RecoveryCodesLeft != 10 || *got.EnabledAt != f.clock.Now().Unix() {
		t.Errorf("after: %+v", got)
	}
	refused(t, browser.post("/totp", nil), http.StatusBadRequest, "totp_enabled", "")
	refused(t, browser.post("/totp/confirm", map[string]string{"code": phone.code(f.clock.Now())}), http.StatusBadRequest, "totp_enabled", "")

	// Whoever has not the password learns nothing of it.
	unknown := f.try("nobody@example.com", "wrong", "123456")
	for _, code := range []string{"", "123456", phone.code(f.clock.Now().Add(time.Minute))} {
		if a := f.try(u.Email, "wrong", code); a.status != unknown.status || !bytes.Equal(a.body, unknown.body) {
			t.Errorf("a wrong password with code %q: %d %s", code, a.status, a.body)
		}
	}
	refused(t, f.try(u.Email, password, ""), http.StatusUnauthorized, "totp_required", "totp")

	// The code that confirmed it is used; so is every code once.
	refused(t, f.try(u.Email, password, phone.code(f.clock.Now())), http.StatusUnauthorized, "invalid_totp", "totp")
	f.clock.advance(30 * time.Second)
	code := phone.code(f.clock.Now())
	before := f.lastSeq()
	ok[session](t, f.try(u.Email, password, code[:3]+" "+code[3:]))
	refused(t, f.try(u.Email, password, code), http.StatusUnauthorized, "invalid_totp", "totp")
	events := f.events(before)
	if got := slices.Collect(names(events)); !slices.Equal(got, []string{audit.LoginSucceeded.Name, audit.LoginFailed.Name}) || !bytes.Contains(events[1].Details, []byte("invalid_totp")) {
		t.Errorf("recorded %v", got)
	}
	// A restart forgets no used code.
	restarted := &identity.Service{Store: f.Store, Org: f.Org, Now: f.clock.Now, Used: &identity.LastUse{}, Vault: f.Vault}
	if _, err := restarted.SignIn(t.Context(), identity.Credentials{Email: u.Email, Password: password, Code: code}, identity.From{}); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("after a restart: %v", err)
	}
	// An older code, though within the drift, is void once a newer one was used.
	refused(t, f.try(u.Email, password, phone.code(f.clock.Now().Add(-30*time.Second))), http.StatusUnauthorized, "invalid_totp", "totp")
	ok[session](t, f.try(u.Email, password, phone.code(f.clock.Now().Add(30*time.Second)))) // a clock that is fast
	f.clock.advance(5 * time.Minute)
	refused(t, f.try(u.Email, password, phone.code(f.clock.Now().Add(-time.Minute))), http.StatusUnauthorized, "invalid_totp", "totp")

	// Recovery codes, each once, as they are shown or typed.
	ok[session](t, f.try(u.Email, password, codes[0]))
	refused(t, f.try(u.Email, password, codes[0]), http.StatusUnauthorized, "invalid_totp", "totp")
	ok[session](t, f.try(u.Email, password, strings.ToUpper(strings.ReplaceAll(codes[1], "-", " "))))
	if got := ok[totpState](t, browser.get("/totp")); got.RecoveryCodesLeft != 8 {
		t.Errorf("codes left: %+v", got)
	}
	raw := must[[]byte](t)(base32.StdEncoding.DecodeString(secret.Secret))
	kept := must[org.SecondFactor](t)(f.Org.SecondFactor(t.Context(), f.Organization.ID, u.ID))
	if opened := must[[]byte](t)(f.Vault.Open(kept.Secret, org.SecondFactorPlace(u.ID))); !bytes.Equal(opened, raw) || bytes.Contains(kept.Secret, raw) {
		t.Error("the secret is not kept sealed")
	}
	var log strings.Builder
	for _, e := range f.events(0) {
		log.Write(e.Details)
	}
	for _, text := range []string{secret.Secret, string(raw), codes[2], strings.ReplaceAll(codes[2], "-", "")} {
		if strings.Contains(log.String(), text) {
			t.Errorf("the audit log holds %s", text)
		}
	}
}

func TestSecondFactorIsChanged(t *testing.T) {
	f := newFixture(t)
	const password = "a reader's password"
	u, browser, phone, old := f.enrolled(password)
	code := map[string]string{"code": "000000x"}
	refused(t, browser.post("/totp/recovery_codes", code), http.StatusBadRequest, "invalid_totp", "code")
	refused(t, browser.post("/totp/disable", code), http.StatusBadRequest, "invalid_totp", "code")
	refused(t, browser.post("/totp/disable", map[string]string{"code": phone.code(f.clock.Now())}), http.StatusBadRequest, "invalid_totp", "code") // used
	f.clock.advance(30 * time.Second)
	fresh := ok[recoveryCodes](t, browser.post("/totp/recovery_codes", map[string]string{"code": phone.code(f.clock.Now())})).Codes
	refused(t, f.try(u.Email, password, old[0]), http.StatusUnauthorized, "invalid_totp", "totp")
	ok[session](t, f.try(u.Email, password, fresh[0]))
	if got := ok[totpState](t, browser.post("/totp/disable", map[string]string{"code": fresh[1]})); got.Enabled {
		t.Errorf("disabled: %+v", got)
	}
	refused(t, browser.post("/totp/disable", map[string]string{"code": fresh[2]}), http.StatusBadRequest, "totp_not_enabled", "")
	ok[session](t, f.try(u.Email, password, ""))

	again, other, _, _ := f.enrolled("another password")
	refused(t, other.delete("/users/"+again.ID+"/totp"), http.StatusForbidden, "insufficient_permissions", "")
	refused(t, f.owner().delete("/users/"+u.ID+"/totp"), http.StatusNotFound, "not_found", "")
	refused(t, f.owner().delete("/users/user-nobody/totp"), http.StatusNotFound, "not_found", "")
	ok[endpoint.Deleted](t, f.owner().delete("/users/"+again.ID+"/totp"))
	ok[session](t, f.try(again.Email, "another password", ""))

	// A password reset leaves the second factor where it is.
	u, _, _, codes := f.enrolled("a third password")
	reset := ok[passwordReset](t, f.owner().post("/users/"+u.ID+"/password_reset", nil))
	ok[passwordSet](t, f.as("").post("/password_reset/accept", map[string]string{"token": reset.Token, "new_password": "a fourth password"}))
	refused(t, f.try(u.Email, "a fourth password", ""), http.StatusUnauthorized, "totp_required", "totp")
	ok[session](t, f.try(u.Email, "a fourth password", codes[0]))
}

// Whoever finds a session cannot shut its owner out with a second factor.
func TestSecondFactorTakesThePerson(t *testing.T) {
	f := newFixture(t)
	const password = "a reader's password"
	_, browser := f.person(access.OrganizationReader, password)
	f.clock.advance(5*time.Minute + time.Second)
	refused(t, browser.post("/totp", nil), http.StatusForbidden, "sign_in_again", "password")
	refused(t, browser.post("/totp", map[string]string{"password": "a guess"}), http.StatusBadRequest, "wrong_password", "password")
	ok[totpEnrolment](t, browser.post("/totp", map[string]string{"password": password}))
	for range 10 {
		browser.post("/totp", map[string]string{"password": "a guess"})
	}
	refused(t, browser.post("/totp", map[string]string{"password": password}), http.StatusTooManyRequests, "rate_limit_exceeded", "")
}

// Codes are guessed no faster than passwords; asking whether one is needed
// neither counts nor wipes the count.
func TestCodesAreThrottled(t *testing.T) {
	f := newFixture(t)
	const password = "a reader's password"
	u, browser, phone, _ := f.enrolled(password)
	for range 5 {
		refused(t, f.try(u.Email, password, "000000"), http.StatusUnauthorized, "invalid_totp", "totp")
		refused(t, f.try(u.Email, password, ""), http.StatusUnauthorized, "totp_required", "totp")
		refused(t, browser.post("/totp/disable", map[string]string{"code": "000000"}), http.StatusBadRequest, "invalid_totp", "code")
	}
	f.clock.advance(30 * time.Second)
	refused(t, f.try(u.Email, password, phone.code(f.clock.Now())), http.StatusTooManyRequests, "rate_limit_exceeded", "")
	refused(t, browser.post("/totp/disable", map[string]string{"code": phone.code(f.clock.Now())}), http.StatusTooManyRequests, "rate_limit_exceeded", "")
	f.clock.advance(5 * time.Minute)
	ok[session](t, f.try(u.Email, password, phone.code(f.clock.Now())))
}

// Two who saw the same code do not both get in.
func TestOneCodeOneSignIn(t *testing.T) {
	f := newFixture(t)
	const password = "a reader's password"
	u, _, phone, codes := f.enrolled(password)
	f.clock.advance(30 * time.Second)
	for _, code := range []string{phone.code(f.clock.Now()), codes[0]} {
		results := make(chan int, 4)
		for range cap(results) {
			go func() { results <- f.try(u.Email, password, code).status }()
		}
		good := 0
		for range cap(results) {
			if <-results == http.StatusOK {
				good++
			}
		}
		if good != 1 {
			t.Errorf("%d signed in with one code", good)
		}
	}
}
