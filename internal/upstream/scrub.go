package upstream

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
)

// shortestSecret is the length below which a "secret" is a placeholder of a
// server without authentication ("x", "none"): masking it would riddle texts.
const shortestSecret = 5

// Scrub replaces every secret that text prints in full by as many stars, so
// that the length of text (a Content-Length) stays true. It finds a secret as
// it is, as JSON escapes it and as a URL escapes it. Forms that the provider
// has already masked do not match and are left alone. text is returned as it
// is, not copied, when there is nothing to mask, and is never changed in place.
//
// It is meant for whole error bodies: a secret that is split over two calls is
// not found.
func Scrub(text []byte, secrets ...string) []byte {
	for _, secret := range secrets {
		if len(secret) < shortestSecret {
			continue
		}
		for _, form := range formsOf(secret) {
			if bytes.Contains(text, []byte(form)) {
				text = bytes.ReplaceAll(text, []byte(form), bytes.Repeat([]byte{'*'}, len(form)))
			}
		}
	}
	return text
}

// formsOf returns the spellings of secret in which a text may hold it, the
// plain one first.
func formsOf(secret string) []string {
	forms := []string{secret}
	add := func(form string) {
		for _, known := range forms {
			if form == known {
				return
			}
		}
		forms = append(forms, form)
	}
	if quoted, err := json.Marshal(secret); err == nil { // with <, > and & escaped
		inner := string(quoted[1 : len(quoted)-1])
		add(inner)
		add(strings.ReplaceAll(inner, "/", `\/`)) // as PHP writes it
	}
	add(url.QueryEscape(secret))
	add(url.PathEscape(secret))
	return forms
}
