package openaiwire

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// maxDepth bounds how deep arrays and objects may nest, so that a body of
// opening brackets cannot exhaust the stack.
const maxDepth = 1000

// A scanner reads one JSON text front to back and checks it on the way
// (RFC 8259 and valid UTF-8). It hands out spans of the text instead of decoded
// values. After a mistake failed is set, every call is harmless and answers
// nothing; so loops need no error handling of their own.
type scanner struct {
	data   []byte
	pos    int
	depth  int
	failed bool

	visit func(key, value []byte) // told of every member below the caller's own loop; may be nil
}

// whole reports whether the text was well formed and nothing but blanks follow.
func (s *scanner) whole() bool {
	s.blanks()
	return !s.failed && s.pos == len(s.data)
}

// peek skips blanks and returns the byte that follows, 0 at the end.
func (s *scanner) peek() byte {
	s.blanks()
	if s.failed || s.pos >= len(s.data) {
		return 0
	}
	return s.data[s.pos]
}

func (s *scanner) blanks() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\n', '\t', '\r':
			s.pos++
		default:
			return
		}
	}
}

func (s *scanner) fail() { s.failed = true }

// open steps into the array or object that begins here and reports whether it
// has a first element. end is its closing bracket.
func (s *scanner) open(end byte) bool {
	s.pos++
	s.depth++
	if s.depth > maxDepth {
		s.fail()
		return false
	}
	if s.peek() == end {
		s.close()
		return false
	}
	return !s.failed
}

// more steps past the comma before the next element, or out of the array or
// object when there is none.
func (s *scanner) more(end byte) bool {
	switch c := s.peek(); {
	case c == ',':
		s.pos++
		return true
	case c == end && c != 0:
		s.close()
	default:
		s.fail()
	}
	return false
}

func (s *scanner) close() {
	s.pos++
	s.depth--
}

// key reads a member's name and its colon. The name is unescaped; it points
// into the text unless it had escapes.
func (s *scanner) key() []byte {
	if s.peek() != '"' {
		s.fail()
		return nil
	}
	raw, escaped := s.str()
	if s.peek() != ':' {
		s.fail()
		return nil
	}
	s.pos++
	return unquote(raw, escaped)
}

// value reads the value that begins here, of any type, and returns its bytes.
// The first byte tells the type. It is nil after a mistake.
func (s *scanner) value() []byte {
	c := s.peek()
	start := s.pos
	switch c {
	case '{':
		for more := s.open('}'); more; more = s.more('}') {
			key := s.key()
			value := s.value()
			if s.visit != nil && !s.failed {
				s.visit(key, value)
			}
		}
	case '[':
		for more := s.open(']'); more; more = s.more(']') {
			s.value()
		}
	case '"':
		s.str()
	case 't':
		s.literal("true")
	case 'f':
		s.literal("false")
	case 'n':
		s.literal("null")
	default:
		s.number()
	}
	if s.failed {
		return nil
	}
	return s.data[start:s.pos]
}

// elements reads the array that begins here and counts what it holds.
func (s *scanner) elements() (n int64) {
	for more := s.open(']'); more; more = s.more(']') {
		s.value()
		n++
	}
	return n
}

func (s *scanner) literal(word string) {
	if end := s.pos + len(word); end <= len(s.data) && string(s.data[s.pos:end]) == word {
		s.pos = end
		return
	}
	s.fail()
}

func (s *scanner) number() {
	if s.pos < len(s.data) && s.data[s.pos] == '-' {
		s.pos++
	}
	switch {
	case s.pos < len(s.data) && s.data[s.pos] == '0':
		s.pos++
	default:
		s.digits()
	}
	if s.pos < len(s.data) && s.data[s.pos] == '.' {
		s.pos++
		s.digits()
	}
	if s.pos < len(s.data) && s.data[s.pos]|0x20 == 'e' {
		s.pos++
		if s.pos < len(s.data) && (s.data[s.pos] == '+' || s.data[s.pos] == '-') {
			s.pos++
		}
		s.digits()
	}
}

// digits reads one digit or more.
func (s *scanner) digits() {
	start := s.pos
	for s.pos < len(s.data) && s.data[s.pos]-'0' <= 9 {
		s.pos++
	}
	if s.pos == start {
		s.fail()
	}
}

// Patterns to look at eight bytes of a string at once.
const (
	each    = 0x0101010101010101
	highs   = 0x80 * each
	quotes  = '"' * each
	slashes = '\\' * each
)

// str reads the string that begins here and returns it with its quotes, and
// whether it has escapes.
func (s *scanner) str() (raw []byte, escaped bool) {
	d, start := s.data, s.pos
	i := start + 1
	for {
		for i+8 <= len(d) {
			w := binary.LittleEndian.Uint64(d[i:])
			q, b := w^quotes, w^slashes
			// The lowest bit set marks the first byte that is a quote, a
			// backslash, a control character or not ASCII.
			stop := (w | (q-each)&^q | (b-each)&^b | (w-0x20*each)&^w) & highs
			if stop != 0 {
				i += bits.TrailingZeros64(stop) / 8
				break
			}
			i += 8
		}
		if i >= len(d) {
			s.fail()
			return nil, false
		}
		switch c := d[i]; {
		case c == '"':
			s.pos = i + 1
			return d[start:s.pos], escaped
		case c == '\\':
			escaped = true
			n := escapeLen(d[i:])
			if n == 0 {
				s.fail()
				return nil, false
			}
			i += n
		case c < ' ':
			s.fail()
			return nil, false
		case c < utf8.RuneSelf:
			i++
		default:
			r, n := utf8.DecodeRune(d[i:])
			if r == utf8.RuneError && n == 1 {
				s.fail()
				return nil, false
			}
			i += n
		}
	}
}

// escapeLen is the length of the escape sequence at the start of d, 0 when it
// is none.
func escapeLen(d []byte) int {
	if len(d) < 2 {
		return 0
	}
	switch d[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(d) < 6 {
			return 0
		}
		for _, c := range d[2:6] {
			if hex := c | 0x20; c-'0' > 9 && hex-'a' > 5 {
				return 0
			}
		}
		return 6
	}
	return 0
}

// unquote returns what a valid string literal says; without escapes it points
// into raw.
func unquote(raw []byte, escaped bool) []byte {
	switch {
	case len(raw) < 2:
		return nil
	case !escaped:
		return raw[1 : len(raw)-1]
	}
	return []byte(gjson.ParseBytes(raw).String())
}

// text is the decoded value of a string literal, "" for any other value.
func text(value []byte) string {
	if len(value) < 2 || value[0] != '"' {
		return ""
	}
	return string(unquote(value, bytes.IndexByte(value, '\\') >= 0))
}
