package openaiwire

import (
	"bytes"

	"weir/internal/usage"
)

// Bounds of what a BodyTap keeps.
const (
	keptString   = 1 << 10 // a longer string is kept as an empty one
	keptSkeleton = 1 << 20 // a body that still leaves more is not read
	vectorDepth  = 4       // of {"data":[{"embedding":[ in arrays this deep numbers are left out
)

// BodyTap reads the usage of a response body that is too large to be held: it
// is written what passes and keeps a skeleton of it, without long strings
// (pictures, sound, text) and without the numbers of vectors. The skeleton of a
// valid body is valid, and reads as the body would. Not for use by several
// goroutines.
type BodyTap struct {
	kind     usage.Kind
	skeleton []byte
	open     []byte // the brackets that are open
	inString bool
	escaped  bool // the last byte was a backslash that escapes the next
	start    int  // of the string in the skeleton
	long     bool // the string is beyond keptString
	comma    bool // a comma waits for something to come after it
	gaveUp   bool
}

// NewBodyTap returns a tap for a response of an endpoint of this kind.
func NewBodyTap(kind usage.Kind) *BodyTap { return &BodyTap{kind: kind} }

// Write takes the next bytes of the body. It never fails.
func (t *BodyTap) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 && !t.gaveUp {
		if t.inString {
			p = p[t.inside(p):]
		} else {
			p = p[t.outside(p):]
		}
		if len(t.skeleton) > keptSkeleton || len(t.open) > maxDepth {
			t.gaveUp, t.skeleton, t.open = true, nil, nil
		}
	}
	return n, nil
}

// Reading is what the whole body says, once it is written.
func (t *BodyTap) Reading() Reading {
	if t.gaveUp {
		return Reading{}
	}
	return ReadUnary(t.kind, t.skeleton)
}

// inside takes what p has of the current string and returns how much that is.
func (t *BodyTap) inside(p []byte) int {
	n, ends := 0, false
	for n < len(p) && !ends {
		if t.escaped {
			t.escaped = false
			n++
			continue
		}
		quote := bytes.IndexByte(p[n:], '"')
		part := p[n:]
		if quote >= 0 {
			part = p[n : n+quote]
		}
		if slash := bytes.IndexByte(part, '\\'); slash >= 0 {
			t.escaped = true
			n += slash + 1
			continue
		}
		n += len(part)
		if quote >= 0 {
			n++
			ends = true
		}
	}
	if !t.long {
		t.skeleton = append(t.skeleton, p[:n]...)
		if len(t.skeleton)-t.start > keptString {
			t.long = true
			t.skeleton = t.skeleton[:t.start]
		}
	}
	if ends {
		if t.long {
			t.skeleton = append(t.skeleton, '"')
		}
		t.inString, t.long = false, false
	}
	return n
}

// outside takes p up to the start of the next string and returns how much that
// is.
func (t *BodyTap) outside(p []byte) int {
	for i, c := range p {
		vector := len(t.open) >= vectorDepth && t.open[len(t.open)-1] == '['
		switch {
		case c == ' ' || c == '\n' || c == '\t' || c == '\r':
			continue
		case vector && c == ',':
			t.comma = true
			continue
		case vector && (c-'0' <= 9 || c == '-' || c == '.' || c == '+' || c == 'e' || c == 'E') && !t.inLiteral():
			continue
		}
		if t.comma && c != ']' && t.skeleton[len(t.skeleton)-1] != '[' {
			t.skeleton = append(t.skeleton, ',')
		}
		t.comma = false
		t.skeleton = append(t.skeleton, c)
		switch c {
		case '{', '[':
			t.open = append(t.open, c)
		case '}', ']':
			t.open = t.open[:max(0, len(t.open)-1)]
		case '"':
			t.inString, t.start = true, len(t.skeleton)
			return i + 1
		}
	}
	return len(p)
}

// inLiteral reports whether the byte that comes belongs to true, false or null.
func (t *BodyTap) inLiteral() bool {
	last := t.skeleton[len(t.skeleton)-1]
	return !t.comma && last >= 'a' && last <= 'z'
}
