package org

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"weir/internal/fault"
)

// The bounds of what callers may have kept: everything here is held in memory
// on every node, and much of it once more in the audit log.
const (
	MaxNameLength   = 256  // of the names people give things, in characters
	maxReference    = 256  // of names that others give: models, organizations, external keys
	maxDescription  = 4096 // in characters
	maxSecretLength = 8192 // of a provider's key or a header's value, in bytes
	maxURLLength    = 2048
	maxScopes       = 200
	maxHeaders      = 50
	maxModels       = 5000
	maxIDs          = 1000 // of the things another thing is opened to
)

// checkName refuses an empty, blank or overlong name, and one with characters
// that do something to the terminal or page it is shown on.
func checkName(param, name string) error {
	switch {
	case name == "":
		return fault.EmptyString(param)
	case utf8.RuneCountInString(name) > MaxNameLength:
		return checkLength(param, name, MaxNameLength)
	case strings.TrimSpace(name) == "":
		return fault.Invalidf("invalid_value", param, "Invalid '%s': it is blank.", param)
	case strings.ContainsFunc(name, unprintable):
		return fault.Invalidf("invalid_value", param, "Invalid '%s': it holds control characters.", param)
	}
	return nil
}

// unprintable reports line breaks, escapes, and what turns the direction of the
// text around it (Unicode's bidirectional formatting characters).
func unprintable(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp)
}

// checkLength refuses a text of more than limit characters.
func checkLength(param, s string, limit int) error {
	if n := utf8.RuneCountInString(s); n > limit {
		return fault.StringTooLong(param, limit, n)
	}
	return nil
}

// checkCount refuses a list of more than limit values.
func checkCount(param string, n, limit int) error {
	if n > limit {
		return fault.ArrayTooLong(param, limit, n)
	}
	return nil
}

// checkReferences refuses a list that is too long or has an empty or overlong
// value.
func checkReferences(param string, values []string, limit int) error {
	if err := checkCount(param, len(values), limit); err != nil {
		return err
	}
	for i, v := range values {
		at := fmt.Sprintf("%s[%d]", param, i)
		if v == "" {
			return fault.EmptyString(at)
		}
		if err := checkLength(at, v, maxReference); err != nil {
			return err
		}
	}
	return nil
}
