package identity

import (
	"net/url"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The vectors of RFC 6238, appendix B, for SHA-1, and of RFC 4226, appendix D.
func TestRFCVectors(t *testing.T) {
	secret := []byte("12345678901234567890")
	for unix, want := range map[int64]string{
		59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924", 2000000000: "69279037", 20000000000: "65353130",
	} {
		if got := hotp(secret, unix/totpStep, 8); got != want {
			t.Errorf("at %d: %s, want %s", unix, got, want)
		}
	}
	for counter, want := range []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"} {
		if got := hotp(secret, int64(counter), totpDigits); got != want {
			t.Errorf("counter %d: %s, want %s", counter, got, want)
		}
	}
}

// A code holds in its own step, one before and one after, and never as another's.
func TestDriftIsOneStep(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		secret := rapid.SliceOfN(rapid.Byte(), totpSecretSize, totpSecretSize).Draw(rt, "secret")
		now := time.Unix(rapid.Int64Range(0, 1<<34).Draw(rt, "now"), 0).Add(totpStep * 10 * time.Second)
		off := rapid.Int64Range(-5, 5).Draw(rt, "off")
		made := now.Unix()/totpStep + off
		step, ok := totpStepOf(secret, hotp(secret, made, totpDigits), now)
		switch within := off >= -totpDrift && off <= totpDrift; {
		case within && (!ok || hotp(secret, step, totpDigits) != hotp(secret, made, totpDigits)):
			rt.Fatalf("%d steps off is refused", off)
		case !within && ok && hotp(secret, step, totpDigits) != hotp(secret, made, totpDigits):
			rt.Fatalf("%d steps off is taken", off)
		}
		if _, ok := totpStepOf(secret, "", now); ok {
			rt.Fatal("no code is taken")
		}
	})
}

func TestURLOfASecret(t *testing.T) {
	u, err := url.Parse(totpURL([]byte("12345678901234567890"), "weir", "a b&c?@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	if u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/weir:a b&c?@example.com" ||
		u.Query().Get("secret") != "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" || u.Query().Get("issuer") != "weir" {
		t.Error(u)
	}
}
