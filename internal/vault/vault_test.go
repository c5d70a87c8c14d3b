package vault

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/internal/routing"
)

const place = "connection/conn_1/api_key"

func key(fill byte) []byte { return bytes.Repeat([]byte{fill}, MasterKeySize) }

func open(t *testing.T, keys ...[]byte) *Vault {
	t.Helper()
	v, err := New(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func seal(t *testing.T, v *Vault, plain string) routing.Sealed {
	t.Helper()
	sealed, err := v.Seal([]byte(plain), place)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestSealedOpensOnlyWithItsKeyInItsPlace(t *testing.T) {
	v := open(t, key(1))
	sealed := seal(t, v, "sk-provider-secret")
	if bytes.Contains(sealed, []byte("provider")) {
		t.Fatal("the secret stands in the sealed value")
	}
	plain, err := v.Open(sealed, place)
	if err != nil || string(plain) != "sk-provider-secret" {
		t.Fatalf("Open = %q, %v", plain, err)
	}
	if _, err := v.Open(sealed, "connection/conn_2/api_key"); !errors.Is(err, ErrDamaged) {
		t.Errorf("opened in another row: %v", err)
	}
	if _, err := v.Open(sealed, ""); !errors.Is(err, ErrDamaged) {
		t.Errorf("opened without context: %v", err)
	}
	if _, err := open(t, key(2)).Open(sealed, place); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("opened with another key: %v", err)
	}
}

func TestAnyChangedByteIsNoticed(t *testing.T) {
	v := open(t, key(1), key(2))
	sealed := seal(t, v, "sk-provider-secret")
	for i := range sealed {
		for _, bit := range []byte{0x01, 0x80} {
			changed := bytes.Clone(sealed)
			changed[i] ^= bit
			if plain, err := v.Open(changed, place); err == nil {
				t.Fatalf("byte %d changed, opened as %q", i, plain)
			}
		}
	}
	for n := range sealed {
		if plain, err := v.Open(sealed[:n], place); err == nil {
			t.Fatalf("cut to %d bytes, opened as %q", n, plain)
		}
	}
}

// A value that names another configured key must not open under it, even if
// the attacker may edit the header.
func TestHeaderIsAuthenticated(t *testing.T) {
	both := open(t, key(1), key(2))
	sealed := seal(t, both, "secret")
	other := seal(t, open(t, key(2)), "secret")
	copy(sealed[:headerSize], other[:headerSize])
	if _, err := both.Open(sealed, place); !errors.Is(err, ErrDamaged) {
		t.Fatalf("err = %v", err)
	}
}

func TestRotation(t *testing.T) {
	before := open(t, key(1))
	sealed := seal(t, before, "secret")

	during := open(t, key(2), key(1))
	plain, err := during.Open(sealed, place)
	if err != nil || string(plain) != "secret" {
		t.Fatalf("Open = %q, %v", plain, err)
	}
	if !during.Stale(sealed) {
		t.Error("a value under the old key is not stale")
	}
	again := seal(t, during, "secret")
	if during.Stale(again) {
		t.Error("a value just sealed is stale")
	}
	if _, err := before.Open(again, place); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("sealed under the old key after the rotation: %v", err)
	}
}

func TestSealTwiceDiffers(t *testing.T) {
	v := open(t, key(1))
	if bytes.Equal(seal(t, v, "secret"), seal(t, v, "secret")) {
		t.Fatal("equal secrets can be recognised by their sealed form")
	}
}

func TestSealOpenAnything(t *testing.T) {
	v := open(t, key(1))
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOfN(rapid.Byte(), 1, 4096).Draw(t, "plain")
		context := rapid.String().Draw(t, "context")
		sealed, err := v.Seal(plain, context)
		if err != nil {
			t.Fatal(err)
		}
		got, err := v.Open(sealed, context)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("Open = %q, %v", got, err)
		}
	})
}

func TestRefusals(t *testing.T) {
	if _, err := New(); err == nil {
		t.Error("a vault without a key")
	}
	if _, err := New(key(1), []byte("short")); err == nil || !strings.Contains(err.Error(), "master key 2: must be 32 bytes, is 5") {
		t.Errorf("short key: %v", err)
	}
	if _, err := open(t, key(1)).Seal(nil, place); err == nil {
		t.Error("sealed nothing")
	}
}

func TestCheckKeyID(t *testing.T) {
	one, two := open(t, key(1)), open(t, key(2))
	if err := two.CheckKeyID(""); err != nil {
		t.Errorf("empty database: %v", err)
	}
	if err := one.CheckKeyID(one.KeyID()); err != nil {
		t.Errorf("same key: %v", err)
	}
	if err := open(t, key(2), key(1)).CheckKeyID(one.KeyID()); err != nil {
		t.Errorf("rotated key: %v", err)
	}
	err := two.CheckKeyID(one.KeyID())
	if err == nil || !strings.Contains(err.Error(), one.KeyID()) || !strings.Contains(err.Error(), two.KeyID()) {
		t.Errorf("another key: %v", err)
	}
	if err := one.CheckKeyID("nonsense"); err == nil {
		t.Error("nonsense accepted")
	}
}

// stored was sealed under key(0x42) for place by the first release.
const stored = "01bd76f374a7528291cb237ad72083b993080495935cff561d31a2ae52966a195eeb0de6c08fc6e74b2ac641383282a32fd580b2c591917386ebb8b2"

// The format must not drift: what a database holds today opens tomorrow.
func TestKnownValueStillOpens(t *testing.T) {
	const id = "bd76f374a7528291"
	v := open(t, key(0x42))
	if v.KeyID() != id {
		t.Errorf("KeyID = %s", v.KeyID())
	}
	sealed, err := hex.DecodeString(stored)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := v.Open(sealed, place)
	if err != nil || string(plain) != "sk-test-123" {
		t.Fatalf("Open = %q, %v", plain, err)
	}
}

func FuzzOpen(f *testing.F) {
	v, err := New(key(0x42))
	if err != nil {
		f.Fatal(err)
	}
	sealed, err := hex.DecodeString(stored)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed, place)
	f.Add([]byte{version}, "")
	f.Fuzz(func(t *testing.T, raw []byte, context string) {
		plain, err := v.Open(raw, context)
		if err == nil && (!bytes.Equal(raw, sealed) || context != place) {
			t.Fatalf("opened %x as %q", raw, plain)
		}
	})
}
