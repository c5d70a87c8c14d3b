package org

import (
	"time"

	"weir/internal/access"
	"weir/internal/fault"
)

// KeyLimits are what the key that makes a call puts on the keys it makes,
// changes and rotates: none of them may do more, or work longer, than the key
// itself. Otherwise a key that was handed out with bounds gives itself away to
// one without. The zero KeyLimits, of a person who is signed in or of a key
// without bounds, limit nothing.
type KeyLimits struct {
	KeyID     string
	Scopes    []string  // empty: everything the key's owner may do
	ExpiresAt time.Time // zero: never
}

func (l KeyLimits) checkScopes(scopes []string) error {
	if access.CoversScopes(l.Scopes, scopes) {
		return nil
	}
	return fault.New(fault.Forbidden, "insufficient_permissions", "scopes", "You have insufficient permissions for this operation. A key with scopes makes and rotates only keys whose scopes are among its own.")
}

// expiry is when a key expires that was asked for with this expiry: one that
// none was asked for ends with the caller's.
func (l KeyLimits) expiry(asked time.Time) (time.Time, error) {
	switch {
	case l.ExpiresAt.IsZero():
		return asked, nil
	case asked.IsZero():
		return l.ExpiresAt, nil
	case asked.After(l.ExpiresAt):
		return time.Time{}, errOutlives("expires_in_seconds")
	}
	return asked, nil
}

// checkRotation refuses to show the secret of a key that holds more, or lasts
// longer, than the caller's. A key may rotate itself.
func (l KeyLimits) checkRotation(keyID string, scopes []string, expires time.Time) error {
	if l.KeyID != "" && l.KeyID == keyID {
		return nil
	}
	if err := l.checkScopes(scopes); err != nil {
		return err
	}
	if l.outlivedBy(expires) {
		return errOutlives("")
	}
	return nil
}

// until is when what the key gives out ends: a link, say, which would end at t
// otherwise.
func (l KeyLimits) until(t time.Time) time.Time {
	if l.outlivedBy(t) {
		return l.ExpiresAt
	}
	return t
}

// outlivedBy reports whether something that ends at t, never where t is zero,
// lasts longer than the key.
func (l KeyLimits) outlivedBy(t time.Time) bool {
	return !l.ExpiresAt.IsZero() && (t.IsZero() || t.After(l.ExpiresAt))
}

func errOutlives(param string) error {
	return fault.New(fault.Forbidden, "insufficient_permissions", param, "You have insufficient permissions for this operation. A key that expires makes and rotates only keys that expire no later than itself.")
}
