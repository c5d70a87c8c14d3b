package money

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// String returns the canonical decimal: no exponent, no trailing zeros, "0" for
// zero.
func (u USD) String() string { return string(u.appendTo(nil)) }

// MarshalJSON writes the canonical decimal as a bare JSON number.
func (u USD) MarshalJSON() ([]byte, error) { return u.appendTo(nil), nil }

// UnmarshalJSON reads a JSON number, or a string that holds one, digit by digit.
// As everywhere in encoding/json, null changes nothing.
func (u *USD) UnmarshalJSON(b []byte) error {
	s := string(b)
	if s == "null" {
		return nil
	}
	if s != "" && s[0] == '"' {
		if err := json.Unmarshal(b, &s); err != nil {
			return fmt.Errorf("amount: %w", err)
		}
	}
	v, err := Parse(s)
	if err != nil {
		return err
	}
	*u = v
	return nil
}

// RoundHalfEven returns u for people, with exactly places decimals (0 to 18).
// What rounds to zero has no sign.
func (u USD) RoundHalfEven(places int) string {
	places = min(max(places, 0), decimalPlaces)
	negative, whole, low := u.split18()
	step := uint64(1)
	for range decimalPlaces - places {
		step *= 10
	}
	cut := low % step
	low -= cut
	odd := low/step%2 == 1
	if places == 0 {
		odd = whole%2 == 1
	}
	if twice := 2 * cut; twice > step || twice == step && odd {
		if low += step; low == attosPerUSD {
			whole, low = whole+1, 0
		}
	}
	b := make([]byte, 0, 32)
	if negative && (whole|low) != 0 {
		b = append(b, '-')
	}
	b = strconv.AppendUint(b, whole, 10)
	if places > 0 {
		fraction := decimals(low)
		b = append(b, '.')
		b = append(b, fraction[:places]...)
	}
	return string(b)
}

func (u USD) appendTo(b []byte) []byte {
	negative, whole, low := u.split18()
	if negative {
		b = append(b, '-')
	}
	b = strconv.AppendUint(b, whole, 10)
	if low == 0 {
		return b
	}
	fraction := decimals(low)
	n := decimalPlaces
	for fraction[n-1] == '0' {
		n--
	}
	b = append(b, '.')
	return append(b, fraction[:n]...)
}

// split18 returns the sign, the whole dollars and the rest in attos.
func (u USD) split18() (negative bool, whole, low uint64) {
	if u.Nano < 0 {
		negative, u = true, u.Neg()
	}
	return negative, uint64(u.Nano / nanosPerUSD), uint64(u.Nano%nanosPerUSD*attosPerNano + u.Atto)
}

// decimals spells low, which is below 10¹⁸, with leading zeros.
func decimals(low uint64) (b [decimalPlaces]byte) {
	for i := decimalPlaces - 1; i >= 0; i-- {
		b[i] = byte('0' + low%10)
		low /= 10
	}
	return b
}
