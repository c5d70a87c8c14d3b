// Package optional tells a field that was not sent from one that was sent as
// null, which partial updates need: an omitted field keeps its value.
package optional

// Value is a field of a JSON body, filled by endpoint.Decode. The zero Value was
// not sent.
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
