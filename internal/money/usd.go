// Package money is exact US dollars: eighteen decimal places in two integers,
// so that they can be stored and summed in two database columns without a
// float and without losing a digit.
//
// Every value lies within ±[Limit] dollars. Input that does not ([Parse],
// [USD.Mul], [USD.MulDiv], [USD.AddChecked]) is an error; an operation on two
// good values that leaves the range ([USD.Add], [USD.Sub], [FromParts]) panics,
// because a wrong amount that goes on unnoticed is worse than a request that
// fails. No result ever wraps or saturates.
package money

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
)

// Limit is the largest amount, in whole dollars, that a USD holds.
const Limit = 9_200_000_000

const (
	nanosPerUSD   = 1_000_000_000
	attosPerNano  = 1_000_000_000
	attosPerUSD   = nanosPerUSD * attosPerNano
	maxNano       = Limit * nanosPerUSD
	decimalPlaces = 18
)

// What can be wrong with an amount.
var (
	ErrSyntax = errors.New("not a decimal number")
	ErrRange  = errors.New("amount beyond 9.2 billion dollars")
	ErrDivide = errors.New("division by zero")
)

// USD is Nano·10⁻⁹ + Atto·10⁻¹⁸ dollars, with 0 ≤ Atto < 10⁹ always: Nano is
// the floor, so the smallest negative amount is {-1, 999_999_999}. The zero
// value is $0, and == compares amounts.
type USD struct {
	Nano int64
	Atto int64
}

// FromParts makes an amount of two sums that need not be normalised, as
// SUM(nano), SUM(atto) return them: either may have any sign and atto may be far
// above 10⁹. It panics beyond the range of USD.
func FromParts(nano, atto int64) USD {
	carry := floorDiv(atto, attosPerNano)
	u := USD{Atto: atto - carry*attosPerNano}
	n, ok := addInt64(nano, carry)
	if u.Nano = n; !ok || !u.inRange() {
		panic(fmt.Errorf("money: %d nano and %d atto: %w", nano, atto, ErrRange))
	}
	return u
}

// Add returns u + v. It panics beyond the range of USD; where the summands come
// from outside in unbounded number, use AddChecked.
func (u USD) Add(v USD) USD {
	sum, err := u.AddChecked(v)
	if err != nil {
		panic(fmt.Errorf("money: %s + %s: %w", u, v, err))
	}
	return sum
}

// AddChecked returns u + v, or ErrRange.
func (u USD) AddChecked(v USD) (USD, error) {
	atto := u.Atto + v.Atto
	var carry int64
	if atto >= attosPerNano {
		atto -= attosPerNano
		carry = 1
	}
	nano, ok := addInt64(u.Nano, v.Nano) // both far enough from the end for the carry
	sum := USD{Nano: nano + carry, Atto: atto}
	if !ok || !sum.inRange() {
		return USD{}, ErrRange
	}
	return sum, nil
}

// Sub returns u - v. It panics beyond the range of USD.
func (u USD) Sub(v USD) USD { return u.Add(v.Neg()) }

// Neg returns -u.
func (u USD) Neg() USD {
	if u.Atto == 0 {
		return USD{Nano: -u.Nano}
	}
	return USD{Nano: -u.Nano - 1, Atto: attosPerNano - u.Atto}
}

// Cmp returns -1, 0 or +1 as u is less than, equal to or greater than v.
func (u USD) Cmp(v USD) int {
	return cmp.Or(cmp.Compare(u.Nano, v.Nano), cmp.Compare(u.Atto, v.Atto))
}

// Sign returns -1, 0 or +1.
func (u USD) Sign() int { return u.Cmp(USD{}) }

// IsZero reports whether u is $0. It also serves the omitzero option of
// encoding/json.
func (u USD) IsZero() bool { return u == USD{} }

// Mul returns u × n exactly, or ErrRange.
func (u USD) Mul(n int64) (USD, error) { return u.MulDiv(n, 1) }

// MulDiv returns u × n ÷ d rounded once, half to even, at the 18th place: a
// price per d units, for n of them. It fails with ErrRange, or ErrDivide when d
// is 0.
func (u USD) MulDiv(n, d int64) (USD, error) {
	if d == 0 {
		return USD{}, ErrDivide
	}
	negative, mag := u.split()
	m := absolute(n)
	// The product has up to 157 bits; three words hold it.
	carry, w0 := bits.Mul64(mag.lo, m)
	w2, w1 := bits.Mul64(mag.hi, m)
	var c uint64
	w1, c = bits.Add64(w1, carry, 0)
	w2 += c

	div := absolute(d)
	q2, r := w2/div, w2%div
	q1, r := bits.Div64(r, w1, div)
	q0, r := bits.Div64(r, w0, div)
	if q2 != 0 || q1 >= attosPerNano { // already too large, and rounding must not wrap
		return USD{}, ErrRange
	}
	q := attos{hi: q1, lo: q0}
	if twice := 2 * r; twice > div || twice == div && q.lo&1 == 1 { // r < div ≤ 2⁶³
		q = q.next()
	}
	return q.signed(negative != (n < 0) != (d < 0))
}

// CeilNano returns u in nano-dollars rounded up, the unit of ledgers that must
// never count less than was spent.
func (u USD) CeilNano() int64 {
	if u.Atto > 0 {
		return u.Nano + 1
	}
	return u.Nano
}

func (u USD) inRange() bool {
	return u.Nano >= -maxNano && (u.Nano < maxNano || u.Nano == maxNano && u.Atto == 0)
}

// split returns the sign and the magnitude of u.
func (u USD) split() (negative bool, mag attos) {
	if u.Nano < 0 {
		negative, u = true, u.Neg()
	}
	mag.hi, mag.lo = bits.Mul64(uint64(u.Nano), attosPerNano)
	var c uint64
	mag.lo, c = bits.Add64(mag.lo, uint64(u.Atto), 0)
	mag.hi += c
	return negative, mag
}

// attos is a magnitude in units of 10⁻¹⁸ dollar, 128 bits wide.
type attos struct{ hi, lo uint64 }

// next returns a + 1; no caller comes near the end of 128 bits.
func (a attos) next() attos {
	lo, c := bits.Add64(a.lo, 1, 0)
	return attos{hi: a.hi + c, lo: lo}
}

// signed returns the magnitude as an amount, or ErrRange.
func (a attos) signed(negative bool) (USD, error) {
	if a.hi >= attosPerNano { // the quotient would not fit one word
		return USD{}, ErrRange
	}
	nano, atto := bits.Div64(a.hi, a.lo, attosPerNano)
	if nano > maxNano || nano == maxNano && atto > 0 {
		return USD{}, ErrRange
	}
	u := USD{Nano: int64(nano), Atto: int64(atto)}
	if negative {
		u = u.Neg()
	}
	return u, nil
}

func absolute(n int64) uint64 {
	if n < 0 {
		return -uint64(n) // right for the smallest int64 too
	}
	return uint64(n)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func addInt64(a, b int64) (sum int64, ok bool) {
	sum = a + b
	return sum, (sum > a) == (b > 0)
}
