package identity

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6238 has it, and authenticators know nothing else
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"time"
)

// One-time codes by RFC 6238 with the parameters that every authenticator has:
// SHA-1, six digits, 30 seconds.
const (
	totpStep       = 30 // seconds
	totpDrift      = 1  // steps that a clock may differ by
	totpSecretSize = 20 // bytes, as RFC 4226 recommends
	totpDigits     = 6
)

// newTOTPSecret returns a fresh secret.
func newTOTPSecret() []byte {
	secret := make([]byte, totpSecretSize)
	rand.Read(secret) // never fails (crypto/rand, Go 1.24)
	return secret
}

// totpText is a secret as authenticators take it.
func totpText(secret []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
}

// totpURL is what the square code for an authenticator holds.
func totpURL(secret []byte, issuer, account string) string {
	q := url.Values{"secret": {totpText(secret)}, "issuer": {issuer}}
	return "otpauth://totp/" + url.PathEscape(issuer) + ":" + url.PathEscape(account) + "?" + q.Encode()
}

// hotp is the code of a counter (RFC 4226, section 5.3).
func hotp(secret []byte, counter int64, digits int) string {
	var message [8]byte
	binary.BigEndian.PutUint64(message[:], uint64(counter)) // never negative: time since 1970
	mac := hmac.New(sha1.New, secret)
	mac.Write(message[:])
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0xf
	n := uint64(binary.BigEndian.Uint32(sum[offset:]) & 0x7fffffff)
	modulus := uint64(1)
	for range digits {
		modulus *= 10
	}
	return fmt.Sprintf("%0*d", digits, n%modulus)
}

// totpStepOf returns the step that code is of, if it is one around now.
func totpStepOf(secret []byte, code string, now time.Time) (step int64, ok bool) {
	present := now.Unix() / totpStep
	for s := present - totpDrift; s <= present+totpDrift; s++ {
		if subtle.ConstantTimeCompare([]byte(hotp(secret, s, totpDigits)), []byte(code)) == 1 {
			step, ok = s, true
		}
	}
	return step, ok
}
