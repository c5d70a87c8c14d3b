package endpoint

import "time"

// The small shapes that answers of every table are made of.

// Deleted confirms a deletion.
type Deleted struct {
	Object  string `json:"object"`
	ID      string `json:"id"`
	Deleted bool   `json:"deleted"`
}

// Redirect is the answer of an operation that sends a browser elsewhere. To is
// followed as it is: what of it comes from outside must have been checked.
type Redirect struct{ To string }

// SecondsOrNull is t in Unix seconds; null for no time.
func SecondsOrNull(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	s := t.Unix()
	return &s
}

// TextOrNull is s; null when it is empty.
func TextOrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Same shows what is in its wire shape already, for [Listing].
func Same[T any](v T) T { return v }
