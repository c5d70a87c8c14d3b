package vault

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// signingInfo is how the key is derived that signs the checkpoints of audit
// logs. Neither it nor the sealing key says anything about the other.
const signingInfo = "weir audit checkpoint key v1"

func newSigningKey(master []byte) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, master, nil, signingInfo, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive the signing key: %w", err)
	}
	return key, nil
}

// Sign returns an HMAC-SHA256 of message and the id of the master key that
// stands behind it: the one that seals.
func (v *Vault) Sign(message []byte) (keyID string, signature []byte) {
	return v.KeyID(), sum(v.signing[v.sealing.id], message)
}

// CheckSignature reports whether Sign made signature of message under the master
// key named signedUnder. It fails with ErrUnknownKey when the vault does not have
// that key.
func (v *Vault) CheckSignature(signedUnder string, message, signature []byte) (bool, error) {
	raw, err := hex.DecodeString(signedUnder)
	if err != nil || len(raw) != idSize {
		return false, nil //nolint:nilerr // no vault has such a key: it was altered
	}
	key, ok := v.signing[keyID(raw)]
	if !ok {
		return false, fmt.Errorf("check a signature: %w (key id %s)", ErrUnknownKey, signedUnder)
	}
	return hmac.Equal(sum(key, message), signature), nil
}

func sum(key, message []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(message) // never fails
	return mac.Sum(nil)
}
