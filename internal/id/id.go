// Package id makes the identifiers and secret keys weir hands out.
//
// Ids are a prefix and 24 letters and digits; the first nine encode the
// creation time in microseconds, so ids made later sort later (bytewise) and a
// list ordered by (created_at, id) is in creation order. Clients must treat
// them as opaque.
package id

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Prefixes of the objects that weir names, as OpenAI spells them where it has
// the object.
const (
	Organization   = "org-"
	Project        = "proj_"
	User           = "user-"
	ServiceAccount = "svc_acct_"
	Key            = "key_"
	AuditEvent     = "audit_log-"
	Session        = "sess_"
	PasswordReset  = "pwreset_"
	Workspace      = "ws_"
	Connection     = "conn_"
	ModelEndpoint  = "mep_"
	Certificate    = "cert_"
	SpendAlert     = "alert_"

	CheckpointPermission = "cp_"
	ExternalKey          = "extkey_"
	ExternalStorage      = "extstorage_"
	IPAllowlist          = "ipal_"
	Invite               = "invite-"
	Mail                 = "mail_"
	Group                = "group_"
	Role                 = "role_"

	WorkloadIdentityProvider = "wip_"
	FederationRule           = "fedrule_"

	SCIMToken = "scimtok_"

	NotificationChannel = "nch_"
	Delivery            = "msg_" // of a notice; the id that a webhook is sent
)

// Prefixes of secrets. A secret says what it is, so that a leaked one can be
// recognised and a wrong one refused with a useful sentence.
const (
	AdminSecret          = "sk-admin-"
	ProjectSecret        = "sk-proj-"
	ServiceAccountSecret = "sk-svcacct-"
	SCIMSecret           = "weir-scim-"
)

// alphabet is in ASCII order, which makes encoded times sort bytewise.
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

const (
	timeChars   = 9  // 62^9 µs: until the year 2398
	randomChars = 15 // 89 bits
	secretChars = 48 // 285 bits
)

// New returns a fresh id with prefix.
func New(prefix string) string { return At(prefix, time.Now()) }

// At returns a fresh id with prefix that sorts as made at t.
func At(prefix string, t time.Time) string {
	var buf [timeChars]byte
	us := uint64(max(t.UnixMicro(), 0))
	for i := timeChars - 1; i >= 0; i-- {
		buf[i] = alphabet[us%62]
		us /= 62
	}
	return prefix + string(buf[:]) + random(randomChars)
}

// Request returns a request id: req_ and 32 hexadecimal digits. The first twelve
// are the time in milliseconds, so that a database appends to its index of them
// instead of changing a page of it for every request.
func Request() string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], uint64(max(time.Now().UnixMilli(), 0))<<16)
	rand.Read(raw[6:]) // never fails (crypto/rand, Go 1.24)
	var out [4 + 32]byte
	copy(out[:], "req_")
	hex.Encode(out[4:], raw[:])
	return string(out[:])
}

// Secret returns a fresh secret with prefix.
func Secret(prefix string) string { return prefix + random(secretChars) }

// random returns n uniformly chosen characters of the alphabet.
func random(n int) string {
	out := make([]byte, 0, n)
	var raw [64]byte
	for len(out) < n {
		rand.Read(raw[:])
		for _, b := range raw {
			// 248 = 4·62: rejecting the rest keeps the choice uniform.
			if b < 248 && len(out) < n {
				out = append(out, alphabet[b%62])
			}
		}
	}
	return string(out)
}

// minAdminSecret is the shortest admin key taken from outside, in characters.
const minAdminSecret = 32

// CheckAdminSecret refuses an admin key, chosen by an operator, that could be
// guessed, be mistaken for another sort of key, or not be sent in a header. The
// error continues a sentence that begins with what the key is called.
func CheckAdminSecret(secret string) error {
	switch {
	case !strings.HasPrefix(secret, AdminSecret):
		return fmt.Errorf("must begin with %s", AdminSecret)
	case len(secret) < minAdminSecret:
		return fmt.Errorf("must have at least %d characters, has %d", minAdminSecret, len(secret))
	case strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("must consist of printable ASCII without blanks, as a header can carry it")
	}
	return nil
}

// Hash is how a secret is stored and looked up. The secrets have 285 random
// bits, so a fast hash is enough; passwords are hashed elsewhere.
type Hash [sha256.Size]byte

// HashOf returns the hash of secret.
func HashOf(secret string) Hash { return sha256.Sum256([]byte(secret)) }

// String is the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// ParseHash reads what String wrote.
func ParseHash(s string) (Hash, bool) {
	var h Hash
	if len(s) != 2*len(h) {
		return h, false
	}
	_, err := hex.Decode(h[:], []byte(s))
	return h, err == nil
}

// Redact shows which secret is meant without giving it away: its kind, three
// dots and its last four characters. A secret too short to spare four shows
// only the dots.
func Redact(secret string) string {
	if len(secret) < 16 {
		return "..."
	}
	return kind(secret) + "..." + secret[len(secret)-4:]
}

// Mask is Redact for error messages: the first eight characters, stars, the
// last four.
func Mask(secret string) string {
	if len(secret) < 16 {
		return strings.Repeat("*", len(secret))
	}
	return secret[:8] + "*****" + secret[len(secret)-4:]
}

// kind is the leading part that tells secrets of different sorts apart.
func kind(secret string) string {
	for _, prefix := range [...]string{AdminSecret, ProjectSecret, ServiceAccountSecret} {
		if strings.HasPrefix(secret, prefix) {
			return prefix
		}
	}
	return secret[:3]
}
