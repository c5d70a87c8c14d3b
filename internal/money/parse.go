package money

import (
	"fmt"
	"math/bits"
)

// maxDigits is the length of the longest magnitude in attos: 9.2·10²⁷.
const maxDigits = 28

// maxExponent bounds the exponent that is kept; anything beyond has the same
// outcome, zero or ErrRange.
const maxExponent = 1 << 30

// Parse reads a decimal number of dollars: an optional sign, digits with at most
// one point, and an optional exponent ("12.50", "-1e-7", "0E-6176"). Digits
// beyond the 18th place are rounded half to even. The work is linear in len(s),
// whatever the exponent says. Errors are ErrSyntax and ErrRange.
func Parse(s string) (USD, error) {
	d, ok := scan(s)
	if !ok {
		return USD{}, fmt.Errorf("amount %.64q: %w", s, ErrSyntax)
	}
	u, err := d.round()
	if err != nil {
		return USD{}, fmt.Errorf("amount %.64q: %w", s, err)
	}
	return u, nil
}

// decimal is a scanned number: the digits, without leading zeros and with the
// point still in them, and how many digits stand before the point once the
// exponent is applied.
type decimal struct {
	negative bool
	digits   string
	count    int // of digits
	before   int // may be negative, or beyond count
}

func scan(s string) (d decimal, ok bool) {
	if s != "" && (s[0] == '+' || s[0] == '-') {
		d.negative = s[0] == '-'
		s = s[1:]
	}
	var (
		i, start    int
		seen, point bool
	)
mantissa:
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c == '.' && !point:
			point = true
		case c == '0' && d.count == 0: // a leading zero only moves the point
			seen = true
			if point {
				d.before--
			}
		case c >= '0' && c <= '9':
			if seen = true; d.count == 0 {
				start = i
			}
			d.count++
			if !point {
				d.before++
			}
		default:
			break mantissa
		}
	}
	if !seen {
		return decimal{}, false
	}
	if d.count > 0 {
		d.digits = s[start:i]
	}
	exp, ok := scanExponent(s[i:])
	d.before += exp
	return d, ok
}

// scanExponent reads "", "e5", "E-6176"; a larger one counts as maxExponent.
func scanExponent(s string) (exp int, ok bool) {
	if s == "" {
		return 0, true
	}
	if s[0] != 'e' && s[0] != 'E' {
		return 0, false
	}
	s = s[1:]
	negative := false
	if s != "" && (s[0] == '+' || s[0] == '-') {
		negative = s[0] == '-'
		s = s[1:]
	}
	if s == "" {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		exp = min(exp*10+int(s[i]-'0'), maxExponent)
	}
	if negative {
		exp = -exp
	}
	return exp, true
}

func (d decimal) round() (USD, error) {
	if d.count == 0 {
		return USD{}, nil
	}
	whole := d.before + decimalPlaces // digits left of the 18th place's end
	if whole > maxDigits {
		return USD{}, ErrRange
	}
	if whole < 0 {
		return USD{}, nil
	}
	var (
		q    attos
		n    int  // digits read
		next byte // the first digit that is cut off
		rest bool // a digit behind it is not zero
	)
	for i := range len(d.digits) {
		c := d.digits[i]
		switch {
		case c == '.':
			continue
		case n < whole:
			q = q.shift(c - '0')
		case n == whole:
			next = c - '0'
		default:
			rest = rest || c != '0'
		}
		n++
	}
	for ; n < whole; n++ {
		q = q.shift(0)
	}
	if next > 5 || next == 5 && (rest || q.lo&1 == 1) {
		q = q.next()
	}
	return q.signed(d.negative)
}

// shift returns 10·a + digit.
func (a attos) shift(digit byte) attos {
	hi, lo := bits.Mul64(a.lo, 10)
	lo, c := bits.Add64(lo, uint64(digit), 0)
	return attos{hi: a.hi*10 + hi + c, lo: lo}
}
