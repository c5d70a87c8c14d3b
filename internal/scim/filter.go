package scim

import (
	"strings"
	"time"
)

// filter is a condition on a resource, or on one value of an attribute that has
// several (RFC 7644, section 3.4.2.2).
type filter interface {
	matches(r resource) bool
}

// attribute is the name of an attribute in lower case, without the schema it is
// of: name, or name and the part of it that is meant.
type attribute struct {
	name, sub string
}

func (a attribute) String() string {
	if a.sub == "" {
		return a.name
	}
	return a.name + "." + a.sub
}

// The operators of comparisons.
const (
	opEqual        = "eq"
	opNotEqual     = "ne"
	opContains     = "co"
	opStarts       = "sw"
	opEnds         = "ew"
	opPresent      = "pr"
	opGreater      = "gt"
	opGreaterEqual = "ge"
	opLess         = "lt"
	opLessEqual    = "le"
)

var operators = map[string]bool{
	opEqual: true, opNotEqual: true, opContains: true, opStarts: true, opEnds: true, opPresent: true,
	opGreater: true, opGreaterEqual: true, opLess: true, opLessEqual: true,
}

// exact are the attributes whose letters' case counts.
var exact = map[string]bool{"id": true, "externalid": true, "members.value": true, "groups.value": true, "meta.version": true}

// times are the attributes that are compared as times.
var times = map[string]bool{"meta.created": true, "meta.lastmodified": true}

// comparison of an attribute with a value: a string, a bool, a float64 or nil.
type comparison struct {
	attribute attribute
	within    string // the attribute whose values it is about; "": the resource
	op        string
	value     any
}

// fullName is what the attribute is called in the resource as a whole.
func (c *comparison) fullName() string {
	if c.within != "" {
		return c.within + "." + c.attribute.String()
	}
	return c.attribute.String()
}

type both struct{ a, b filter }

type either struct{ a, b filter }

type negation struct{ of filter }

// someValue holds when one value of an attribute meets the condition.
type someValue struct {
	name string
	of   filter
}

func (f *both) matches(r resource) bool     { return f.a.matches(r) && f.b.matches(r) }
func (f *either) matches(r resource) bool   { return f.a.matches(r) || f.b.matches(r) }
func (f *negation) matches(r resource) bool { return !f.of.matches(r) }

func (f *someValue) matches(r resource) bool {
	for _, element := range elements(r.get(f.name)) {
		if f.of.matches(element) {
			return true
		}
	}
	return false
}

func (c *comparison) matches(r resource) bool {
	values := r.values(c.attribute)
	switch c.op {
	case opPresent:
		return len(values) > 0
	case opNotEqual:
		return !c.equals(values)
	case opEqual:
		return c.equals(values)
	}
	for _, v := range values {
		if c.holds(v) {
			return true
		}
	}
	return false
}

func (c *comparison) equals(values []any) bool {
	if c.value == nil {
		return len(values) == 0
	}
	for _, v := range values {
		switch v := v.(type) {
		case string:
			if c.holds(v) {
				return true
			}
		case bool:
			if want, ok := truth(c.value); ok && want == v {
				return true
			}
		}
	}
	return false
}

// holds compares text, or times.
func (c *comparison) holds(value any) bool {
	got, isText := value.(string)
	want, wantsText := c.value.(string)
	if !isText || !wantsText {
		return false
	}
	full := c.fullName()
	order := 0
	if times[full] {
		a, errA := time.Parse(time.RFC3339, got)
		b, errB := time.Parse(time.RFC3339, want)
		if errA == nil && errB == nil {
			order, got, want = a.Compare(b), a.UTC().Format(time.RFC3339Nano), b.UTC().Format(time.RFC3339Nano)
		}
	} else {
		if !exact[full] {
			got, want = strings.ToLower(got), strings.ToLower(want)
		}
		order = strings.Compare(got, want)
	}
	switch c.op {
	case opEqual, opNotEqual:
		return order == 0
	case opContains:
		return strings.Contains(got, want)
	case opStarts:
		return strings.HasPrefix(got, want)
	case opEnds:
		return strings.HasSuffix(got, want)
	case opGreater:
		return order > 0
	case opGreaterEqual:
		return order >= 0
	case opLess:
		return order < 0
	case opLessEqual:
		return order <= 0
	}
	return false
}

// truth reads a boolean. Entra ID writes them as the strings True and False.
func truth(v any) (value, ok bool) {
	switch v := v.(type) {
	case bool:
		return v, true
	case string:
		switch strings.ToLower(v) {
		case "true":
			return true, true
		case "false":
			return false, true
		}
	}
	return false, false
}

// comparisons calls fn with every comparison in f.
func comparisons(f filter, fn func(*comparison)) {
	switch f := f.(type) {
	case *comparison:
		fn(f)
	case *both:
		comparisons(f.a, fn)
		comparisons(f.b, fn)
	case *either:
		comparisons(f.a, fn)
		comparisons(f.b, fn)
	case *negation:
		comparisons(f.of, fn)
	case *someValue:
		comparisons(f.of, fn)
	}
}

// equalTo reports whether f is nothing but eq comparisons of the attribute,
// joined with or, and returns what it is compared with.
func equalTo(f filter, fullName string) ([]string, bool) {
	switch f := f.(type) {
	case *comparison:
		s, ok := f.value.(string)
		return []string{s}, ok && f.op == opEqual && f.fullName() == fullName
	case *either:
		a, okA := equalTo(f.a, fullName)
		b, okB := equalTo(f.b, fullName)
		return append(a, b...), okA && okB
	}
	return nil, false
}

// lookup is a condition that an index answers.
type lookup struct {
	fullName string
	value    string
}

// lookups returns conditions of which every match of f meets one, when they are
// all about attributes with an index.
func lookups(f filter, indexed map[string]bool) ([]lookup, bool) {
	switch f := f.(type) {
	case *comparison:
		s, ok := f.value.(string)
		if !ok || f.op != opEqual || s == "" || !indexed[f.fullName()] {
			return nil, false
		}
		return []lookup{{f.fullName(), s}}, true
	case *someValue:
		return lookups(f.of, indexed)
	case *both:
		if found, ok := lookups(f.a, indexed); ok {
			return found, true
		}
		return lookups(f.b, indexed)
	case *either:
		a, okA := lookups(f.a, indexed)
		b, okB := lookups(f.b, indexed)
		return append(a, b...), okA && okB
	}
	return nil, false
}
