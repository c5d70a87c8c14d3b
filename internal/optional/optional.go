// Package optional tells a field that was not sent from one that was sent as
// null, which partial updates need: an omitted field keeps its value.
package optional

import "encoding/json"

// Value is a field of a JSON body. The zero Value was not sent.
type Value[T any] struct {
	Sent bool
	Null bool // sent as null; V is the zero T
	V    T
}

// Of returns a Value that was sent as v.
func Of[T any](v T) Value[T] { return Value[T]{Sent: true, V: v} }

// Given reports whether the field was sent and not null.
func (o Value[T]) Given() bool { return o.Sent && !o.Null }

// Or returns the value sent, or fallback when none was.
func (o Value[T]) Or(fallback T) T {
	if o.Given() {
		return o.V
	}
	return fallback
}

// Set stores the value in dst when one was given, and reports whether that
// changed it.
func Set[T comparable](dst *T, o Value[T]) bool {
	if !o.Given() || *dst == o.V {
		return false
	}
	*dst = o.V
	return true
}

// UnmarshalJSON implements json.Unmarshaler; it is called only for fields that
// are there.
func (o *Value[T]) UnmarshalJSON(raw []byte) error {
	o.Sent = true
	if string(raw) == "null" {
		o.Null = true
		return nil
	}
	return json.Unmarshal(raw, &o.V)
}
