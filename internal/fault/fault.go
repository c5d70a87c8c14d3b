// Package fault holds the errors that cross layers: what went wrong, in a kind
// another layer can act on, and the words a client may read.
//
// The client sees Message, Param and Code. Cause is for the log and is never
// shown. Kind becomes a status in one place, openaiwire.StatusOf. The mistakes
// that many fields can have are worded here, as OpenAI's API words them.
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

// Duplicate is a field that was given twice.
func Duplicate(param string) *Error {
	return Invalidf("duplicate_parameter", param, "Duplicate parameter: '%s' was given more than once.", param)
}

// BelowMin is a number under its least value; got is shown as it was sent.
func BelowMin(param string, low int64, got any) *Error {
	return Invalidf("integer_below_min_value", param, "Invalid '%s': integer below minimum value. Expected a value >= %d, but got %v instead.", param, low, got)
}

// AboveMax is a number over its greatest value; got is shown as it was sent.
func AboveMax(param string, high int64, got any) *Error {
	return Invalidf("integer_above_max_value", param, "Invalid '%s': integer above maximum value. Expected a value <= %d, but got %v instead.", param, high, got)
}

// InRange refuses a number outside low..high.
func InRange(param string, n, low, high int64) error {
	switch {
	case n < low:
		return BelowMin(param, low, n)
	case n > high:
		return AboveMax(param, high, n)
	}
	return nil
}

// WrongType is a value of another type than param has; want and got are nouns
// with their article.
func WrongType(param, want, got string) *Error {
	return Invalidf("invalid_type", param, "Invalid type for '%s': expected %s, but got %s instead.", param, want, got)
}

// EmptyString is a text that must not be empty.
func EmptyString(param string) *Error {
	return Invalidf("empty_string", param, "Invalid '%s': empty string. Expected a string with minimum length 1, but got an empty string instead.", param)
}

// StringTooLong is a text of more than high characters.
func StringTooLong(param string, high, got int) *Error {
	return Invalidf("string_above_max_length", param, "Invalid '%s': string too long. Expected a string with maximum length %d, but got a string with length %d instead.", param, high, got)
}

// ArrayTooLong is a list of more than high values.
func ArrayTooLong(param string, high, got int) *Error {
	return Invalidf("array_above_max_length", param, "Invalid '%s': array too long. Expected an array with maximum length %d, but got an array with length %d instead.", param, high, got)
}

// EmptyArray is a list that must hold something.
func EmptyArray(param string) *Error {
	return Invalidf("empty_array", param, "Invalid '%s': empty array. Expected an array with minimum length 1, but got an empty array instead.", param)
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

// Of returns the fault that err is; nil when it is none.
func Of(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
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
