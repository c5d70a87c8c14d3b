package endpoint

import (
	"errors"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"weir/internal/fault"
)

// Query reads the parameters of a request. The first mistake is kept and
// answered by Err, so that a handler reads everything and asks once.
//
// A list may be sent as name[]=a, as name=a&name=b or as name[0]=a, and a
// nested value as name[key]=v; all of them are read alike.
type Query struct {
	values url.Values
	err    error
}

// ParseQuery reads the raw query of a URL.
func ParseQuery(raw string) *Query {
	values, err := url.ParseQuery(raw)
	q := &Query{values: values}
	if err != nil {
		q.err = fault.Invalidf("invalid_value", "", "The query of the request could not be read: %s.", err.Error())
	}
	for _, key := range slices.Sorted(maps.Keys(values)) { // the same query, the same complaint
		name, _, _ := strings.Cut(strings.ToValidUTF8(key, "?"), "[")
		for _, v := range values[key] {
			if err := checkText(name, v); err != nil {
				q.fail(err)
			}
		}
	}
	return q
}

// Err returns the first mistake found so far.
func (q *Query) Err() error { return q.err }

func (q *Query) fail(err error) {
	if q.err == nil {
		q.err = err
	}
}

// String returns the parameter, "" when it was not sent.
func (q *Query) String(name string) string { return q.values.Get(name) }

// Int returns the parameter as a whole number within low..high.
func (q *Query) Int(name string, fallback, low, high int) int {
	raw := q.values.Get(name)
	if raw == "" {
		return fallback
	}
	n, err := strconv.ParseInt(raw, 10, 64)
	switch { // a number beyond 64 bits is read as the nearest that has them
	case err != nil && !errors.Is(err, strconv.ErrRange):
		q.fail(fault.WrongType(name, "an integer", "'"+raw+"'"))
	case n < int64(low):
		q.fail(fault.BelowMin(name, int64(low), raw))
	case n > int64(high):
		q.fail(fault.AboveMax(name, int64(high), raw))
	default:
		return int(n)
	}
	return fallback
}

// Seconds returns the parameter as Unix seconds; nil when it was not sent.
func (q *Query) Seconds(name string) *int64 {
	raw := q.values.Get(name)
	if raw == "" {
		return nil
	}
	n, err := strconv.ParseInt(raw, 10, 64)
	if err != nil {
		q.fail(fault.WrongType(name, "an integer", "'"+raw+"'"))
		return nil
	}
	if n < 0 || n > maxSeconds {
		q.fail(fault.Invalidf("invalid_value", name, "Invalid '%s': expected Unix seconds, but got %d instead.", name, n))
		return nil
	}
	return &n
}

// maxSeconds is the end of the year 9999: later times are mistakes, such as
// milliseconds for seconds.
const maxSeconds = 253402300799

// Bool returns the parameter as true or false.
func (q *Query) Bool(name string, fallback bool) bool {
	switch raw := q.values.Get(name); raw {
	case "":
		return fallback
	case "true", "True", "1":
		return true
	case "false", "False", "0":
		return false
	default:
		q.fail(fault.WrongType(name, "a boolean", "'"+raw+"'"))
		return fallback
	}
}

// Enum returns the parameter, which must be one of allowed.
func (q *Query) Enum(name, fallback string, allowed ...string) string {
	raw := q.values.Get(name)
	if raw == "" {
		return fallback
	}
	if err := fault.OneOf(name, raw, allowed); err != nil {
		q.fail(err)
		return fallback
	}
	return raw
}

// MaxListValues bounds how many values one filter takes.
const MaxListValues = 1000

// Strings returns the values of a list parameter, in every spelling.
func (q *Query) Strings(name string) []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(q.values)) {
		if key == name || key == name+"[]" || isIndexed(key, name) {
			for _, v := range q.values[key] {
				if v != "" {
					out = append(out, v)
				}
			}
		}
	}
	if len(out) > MaxListValues {
		q.fail(fault.ArrayTooLong(name, MaxListValues, len(out)))
		return nil
	}
	return out
}

// isIndexed reports whether key is name[0], name[1], …
func isIndexed(key, name string) bool {
	rest, ok := strings.CutPrefix(key, name+"[")
	if !ok {
		return false
	}
	digits, ok := strings.CutSuffix(rest, "]")
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// Enums returns the values of a list parameter, each of which must be one of
// allowed.
func (q *Query) Enums(name string, allowed ...string) []string {
	values := q.Strings(name)
	for _, v := range values {
		if err := fault.OneOf(name, v, allowed); err != nil {
			q.fail(err)
			return nil
		}
	}
	return values
}

// Only refuses parameters whose name, without brackets, is not in known.
func (q *Query) Only(known ...string) {
	for key := range q.values {
		name, _, _ := strings.Cut(key, "[")
		found := false
		for _, k := range known {
			found = found || k == name
		}
		if !found {
			q.fail(fault.Invalidf("unknown_parameter", name, "Unknown parameter: '%s'.", name))
			return
		}
	}
}
