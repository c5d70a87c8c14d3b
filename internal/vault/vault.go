// Package vault seals the secrets weir keeps for others: provider keys, extra
// headers, and what second factors are made of.
//
// A sealed value carries the id of the master key it was sealed under, so that
// several master keys may be configured at once: the first seals, all open. It
// is bound to the place it was made for, so that it opens nowhere else. The
// bytes are described in docs/formats/sealed-secrets.md.
package vault

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"

	"weir/internal/routing"
)

// MasterKeySize is the length of a master key in bytes.
const MasterKeySize = 32

// version is the first byte of every sealed value.
const version = 1

const (
	idSize     = 8
	headerSize = 1 + idSize // version, key id
)

// What a master key is turned into. It never encrypts anything itself: two
// independent values are derived from it, and the id gives nothing away about
// the sealing key.
const (
	sealingInfo = "weir vault sealing key v1"
	idInfo      = "weir vault key id v1"
)

// Why a value cannot be opened.
var (
	// ErrUnknownKey says that the value was sealed under a master key that is
	// not configured.
	ErrUnknownKey = errors.New("sealed under a master key that is not configured")
	// ErrDamaged says that the value is not what was sealed, or was sealed for
	// another place. The two cannot be told apart.
	ErrDamaged = errors.New("sealed value is damaged or belongs elsewhere")
)

// Vault seals and opens. It is safe for concurrent use.
type Vault struct {
	sealing sealer
	all     map[keyID]tink.AEAD
	signing map[keyID][]byte
}

type keyID [idSize]byte

type sealer struct {
	id   keyID
	aead tink.AEAD
}

// New returns a vault that seals under the first master key and opens what was
// sealed under any of them. Each key is MasterKeySize bytes.
func New(masterKeys ...[]byte) (*Vault, error) {
	if len(masterKeys) == 0 {
		return nil, errors.New("vault: no master key")
	}
	v := &Vault{all: make(map[keyID]tink.AEAD, len(masterKeys)), signing: make(map[keyID][]byte, len(masterKeys))}
	for i, key := range masterKeys {
		s, err := newSealer(key)
		if err != nil {
			return nil, fmt.Errorf("vault: master key %d: %w", i+1, err)
		}
		if i == 0 {
			v.sealing = s
		}
		v.all[s.id] = s.aead
		if v.signing[s.id], err = newSigningKey(key); err != nil {
			return nil, fmt.Errorf("vault: master key %d: %w", i+1, err)
		}
	}
	return v, nil
}

func newSealer(master []byte) (sealer, error) {
	if len(master) != MasterKeySize {
		return sealer{}, fmt.Errorf("must be %d bytes, is %d", MasterKeySize, len(master))
	}
	key, err := hkdf.Key(sha256.New, master, nil, sealingInfo, MasterKeySize)
	if err != nil {
		return sealer{}, fmt.Errorf("derive the sealing key: %w", err)
	}
	id, err := hkdf.Key(sha256.New, master, nil, idInfo, idSize)
	if err != nil {
		return sealer{}, fmt.Errorf("derive the key id: %w", err)
	}
	// The 192-bit nonce may be drawn at random for any number of secrets.
	aead, err := subtle.NewXChaCha20Poly1305(key)
	if err != nil {
		return sealer{}, fmt.Errorf("make the cipher: %w", err)
	}
	return sealer{id: keyID(id), aead: aead}, nil
}

// Seal encrypts plain for the place context names, such as
// "connection/conn_x/api_key". Sealing the same value twice gives different
// bytes. An empty secret is refused: its absence is stored as nil.
func (v *Vault) Seal(plain []byte, context string) (routing.Sealed, error) {
	if len(plain) == 0 {
		return nil, errors.New("seal: empty secret")
	}
	header := append([]byte{version}, v.sealing.id[:]...)
	body, err := v.sealing.aead.Encrypt(plain, associated(header, context))
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return append(header, body...), nil
}

// Open returns what was sealed for context. It fails with ErrUnknownKey or
// ErrDamaged.
func (v *Vault) Open(sealed routing.Sealed, context string) ([]byte, error) {
	id, err := idOf(sealed)
	if err != nil {
		return nil, err
	}
	aead, ok := v.all[id]
	if !ok {
		return nil, fmt.Errorf("open: %w (key id %x)", ErrUnknownKey, id)
	}
	plain, err := aead.Decrypt(sealed[headerSize:], associated(sealed[:headerSize], context))
	if err != nil {
		// The cipher's own words say no more than that it did not match.
		return nil, fmt.Errorf("open: %w", ErrDamaged)
	}
	return plain, nil
}

// Stale reports whether sealed opens only under a master key that no longer
// seals: what a rotation has to seal again.
func (v *Vault) Stale(sealed routing.Sealed) bool {
	id, err := idOf(sealed)
	return err == nil && id != v.sealing.id
}

// KeyID names the master key that seals, in hexadecimal. It is not secret. Keep
// it beside the sealed values and call CheckKeyID with it at the next start.
func (v *Vault) KeyID() string { return hex.EncodeToString(v.sealing.id[:]) }

// CheckKeyID returns nil when values sealed under the master key named stored
// can be opened here; else a sentence for the person who starts weir. An empty
// stored is a database that holds no sealed value yet.
func (v *Vault) CheckKeyID(stored string) error {
	if stored == "" {
		return nil
	}
	raw, err := hex.DecodeString(stored)
	if err == nil && len(raw) == idSize {
		if _, ok := v.all[keyID(raw)]; ok {
			return nil
		}
	}
	known := make([]string, 0, len(v.all))
	known = append(known, v.KeyID())
	for id := range v.all {
		if id != v.sealing.id {
			known = append(known, hex.EncodeToString(id[:]))
		}
	}
	return fmt.Errorf("the provider secrets in this database were sealed under master key %s, but weir was started with %s: "+
		"start it with the master key it had before (WEIR_MASTER_KEY, or the file %s in its data directory); "+
		"to change the key, list the new one first and the old one after it, separated by a comma",
		stored, strings.Join(known, ", "), MasterKeyFile)
}

// idOf reads the header of a sealed value.
func idOf(sealed routing.Sealed) (keyID, error) {
	if len(sealed) <= headerSize {
		return keyID{}, fmt.Errorf("open: %w (%d bytes)", ErrDamaged, len(sealed))
	}
	if sealed[0] != version {
		return keyID{}, fmt.Errorf("open: %w (format %d is not known)", ErrDamaged, sealed[0])
	}
	return keyID(sealed[1:headerSize]), nil
}

// associated is what the cipher authenticates beside the secret. The header has
// a fixed length, so header and context cannot run into each other.
func associated(header []byte, context string) []byte {
	return bytes.Join([][]byte{header, []byte(context)}, nil)
}
