package telemetry

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"unicode/utf8"
)

// The shapes of credentials. The first group is kept: it tells which kind of
// secret was about to be printed.
var (
	// sk-…, as weir and most providers make their keys. Keys that are already
	// cut short (sk-proj-...wxyz) have too few characters in one piece. The
	// boundary spares words such as task-manager.
	secretKey = regexp.MustCompile(`\b(sk-(?:admin-|proj-|svcacct-|ant-)?)[A-Za-z0-9_-]{8,}`)
	// Keys of other shapes, where a header is printed.
	bearerToken = regexp.MustCompile(`(?i)\b(bearer )[A-Za-z0-9._~+/=-]{8,}`)
	// The password of a URL such as postgres://user:password@host.
	urlPassword = regexp.MustCompile(`(://[^\s:/@"]*:)[^\s/@"]+@`)
)

// Mask replaces what looks like a credential in text. It returns text itself
// when there is nothing to mask.
func Mask(text []byte) []byte {
	// Nearly every line passes on these look-ups, which cost nanoseconds.
	if bytes.Contains(text, []byte("sk-")) {
		text = secretKey.ReplaceAll(text, []byte("${1}***"))
	}
	if bytes.Contains(text, []byte("earer ")) {
		text = bearerToken.ReplaceAll(text, []byte("${1}***"))
	}
	if bytes.Contains(text, []byte("://")) && bytes.IndexByte(text, '@') >= 0 {
		text = urlPassword.ReplaceAll(text, []byte("${1}***@"))
	}
	return visible(text)
}

// unseen turn the direction of a line, or break it, where it is shown. slog's
// text handler escapes them, its JSON handler does not. All but the first begin
// with the same byte.
var unseen = regexp.MustCompile("[\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069]")

// visible writes what cannot be seen as JSON and Go escape it.
func visible(text []byte) []byte {
	if bytes.IndexByte(text, 0xE2) < 0 && bytes.IndexByte(text, 0xD8) < 0 {
		return text
	}
	return unseen.ReplaceAllFunc(text, func(c []byte) []byte {
		r, _ := utf8.DecodeRune(c)
		return fmt.Appendf(nil, `\u%04x`, r)
	})
}

// maskingWriter masks what is written to it. It relies on slog's handlers
// writing each record in one call: masking there sees messages, groups, errors
// and structs alike, which a look at single attributes would not.
type maskingWriter struct{ to io.Writer }

func (m maskingWriter) Write(line []byte) (int, error) {
	if _, err := m.to.Write(Mask(line)); err != nil {
		return 0, err
	}
	return len(line), nil
}
