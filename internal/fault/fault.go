// Package fault holds the errors that cross layers: what went wrong, in a kind
// another layer can act on, and the words a client may read.
//
// The client sees Message, Param and Code. Cause is for the log and is never
// shown. Edges map Kind to a status in one place (package envelope).
package fault

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Kind says what a caller can do about an error. The zero Kind is Internal, so
// an error nobody classified is never mistaken for the client's fault.
type Kind uint8

// The kinds, each with the status an edge answers.
const (
	Internal           Kind = iota // 500: ours; the client may retry
	Invalid                        // 400: the request breaks a rule
	Unauthenticated                // 401: no key, or not one of ours
	Forbidden                      // 403: known caller, not allowed
	NotFound                       // 404
	MethodNotSupported             // 405
	TooLarge                       // 413
	RateLimited                    // 429: try again later
	QuotaExceeded                  // 429: trying again will not help
	BadUpstream                    // 502: the provider could not be reached or broke off
	Unavailable                    // 503: this node cannot serve safely
	UpstreamTimeout                // 504: the provider did not answer in time
)

// Error is one failure. Param names the request field at fault ("limit",
// "projects[0].id") and Code is the stable machine word; both may be empty,
// which the envelope shows as null.
type Error struct {
	Kind    Kind
	Code    string
	Param   string
	Message string // public
	Cause   error  // private
}

func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Message
	}
	return fmt.Sprintf("%s: %v", e.Message, e.Cause)
}

func (e *Error) Unwrap() error { return e.Cause }

// New makes an error of kind with a public message.
func New(kind Kind, code, param, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Param: param, Message: fmt.Sprintf(format, args...)}
}

// Invalidf is a broken rule about param.
func Invalidf(code, param, format string, args ...any) *Error {
	return New(Invalid, code, param, format, args...)
}

// NotFoundf is an id that does not resolve in the scope it was asked in.
func NotFoundf(format string, args ...any) *Error {
	return New(NotFound, "not_found", "", format, args...)
}

// MissingParam is a required field that was not sent.
func MissingParam(param string) *Error {
	return Invalidf("missing_required_parameter", param, "Missing required parameter: '%s'.", param)
}

// With attaches a private cause and returns e.
func (e *Error) With(cause error) *Error {
	e.Cause = cause
	return e
}

// KindOf returns the kind of err; Internal when it has none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Is reports whether err is a fault of this kind.
func Is(err error, kind Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == kind
}

// OneOf refuses a value that is not in allowed.
func OneOf(param, value string, allowed []string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return Invalidf("invalid_value", param, "Invalid value: '%s'. Supported values are: %s.", value, quoteList(allowed))
}

// quoteList writes 'a', 'b' and 'c'.
func quoteList(words []string) string {
	var b strings.Builder
	for i, w := range words {
		switch {
		case i == 0:
		case i == len(words)-1:
			b.WriteString(" and ")
		default:
			b.WriteString(", ")
		}
		b.WriteString("'" + w + "'")
	}
	return b.String()
}
