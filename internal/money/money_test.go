package money

import (
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var (
	atto  = big.NewRat(1, attosPerUSD)
	limit = new(big.Rat).SetInt64(Limit)
)

func (u USD) rat() *big.Rat {
	r := new(big.Rat).SetInt64(u.Nano)
	r.Mul(r, big.NewRat(attosPerNano, 1))
	r.Add(r, new(big.Rat).SetInt64(u.Atto))
	return r.Mul(r, atto)
}

// roundAtto is the oracle: r in whole attos, half to even.
func roundAtto(r *big.Rat) *big.Rat {
	x := new(big.Rat).Quo(r, atto)
	twice := new(big.Int).Lsh(x.Num(), 1)
	den2 := new(big.Int).Lsh(x.Denom(), 1)
	q, m := new(big.Int).DivMod(twice.Add(twice, x.Denom()), den2, new(big.Int)) // floor(x + 1/2)
	if m.Sign() == 0 && q.Bit(0) == 1 {                                          // exactly half
		q.Sub(q, big.NewInt(1))
	}
	return new(big.Rat).Mul(new(big.Rat).SetInt(q), atto)
}

func checkInvariant(t *rapid.T, u USD) {
	if u.Atto < 0 || u.Atto >= attosPerNano {
		t.Fatalf("atto %d out of range", u.Atto)
	}
}

func amounts() *rapid.Generator[USD] {
	return rapid.Custom(func(t *rapid.T) USD {
		bound := rapid.SampledFrom([]int64{3, 1e6, 1e12, maxNano - 1}).Draw(t, "bound")
		return USD{
			Nano: rapid.Int64Range(-bound, bound).Draw(t, "nano"),
			Atto: rapid.Int64Range(0, attosPerNano-1).Draw(t, "atto"),
		}
	})
}

func TestParse(t *testing.T) {
	cases := []struct {
		in   string
		want USD
		text string
	}{
		{"0", USD{}, "0"},
		{"-0", USD{}, "0"},
		{"0E-6176", USD{}, "0"},
		{"0e999999999999999999999", USD{}, "0"},
		{"1e-999999999999999999999", USD{}, "0"},
		{"12.50", USD{12_500_000_000, 0}, "12.5"},
		{"+.5", USD{500_000_000, 0}, "0.5"},
		{"1e-7", USD{100, 0}, "0.0000001"},
		{"0.00000000000000000125e18", USD{1_250_000_000, 0}, "1.25"},
		{"-0.000000000000000001", USD{-1, 999_999_999}, "-0.000000000000000001"},
		{"0.0000000000000000005", USD{}, "0"},
		{"0.0000000000000000015", USD{0, 2}, "0.000000000000000002"},
		{"0.00000000000000000050000000000000000001", USD{0, 1}, "0.000000000000000001"},
		{"1.234567890123456789012345678901234", USD{1_234_567_890, 123_456_789}, "1.234567890123456789"},
		{"9200000000", USD{maxNano, 0}, "9200000000"},
		{"-9.2e9", USD{-maxNano, 0}, "-9200000000"},
		{"0.9999999999999999999", USD{1_000_000_000, 0}, "1"},
	}
	for _, c := range cases {
		got, err := Parse(c.in)
		if err != nil || got != c.want || got.String() != c.text {
			t.Errorf("Parse(%q) = %+v (%s), %v; want %+v (%s)", c.in, got, got, err, c.want, c.text)
		}
	}
	for _, in := range []string{"", "-", ".", "NaN", "Infinity", "1e", "1e+", "e5", "1.2.3", "1,5", " 1", "1 ", "0x10", "1_000", "--1", "$1", "1e5.5"} {
		if got, err := Parse(in); !errors.Is(err, ErrSyntax) {
			t.Errorf("Parse(%q) = %v, %v; want ErrSyntax", in, got, err)
		}
	}
	for _, in := range []string{"9200000000.000000000000000001", "-9300000000", "1e10", "1e999999999999", strings.Repeat("9", 100_000)} {
		if got, err := Parse(in); !errors.Is(err, ErrRange) {
			t.Errorf("Parse(%.20q) = %v, %v; want ErrRange", in, got, err)
		}
	}
}

func TestParseMatchesBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[+-]?[0-9]{1,12}(\.[0-9]{0,30})?([eE][+-]?[0-9]{1,2})?`).Draw(t, "s")
		r, ok := new(big.Rat).SetString(s)
		if !ok {
			t.Fatalf("big.Rat cannot read %q", s)
		}
		want := roundAtto(r)
		got, err := Parse(s)
		if new(big.Rat).Abs(want).Cmp(limit) > 0 {
			if !errors.Is(err, ErrRange) {
				t.Fatalf("Parse(%q) = %v, %v; want ErrRange", s, got, err)
			}
			return
		}
		if err != nil || got.rat().Cmp(want) != 0 {
			t.Fatalf("Parse(%q) = %v, %v; want %s", s, got, err, want.FloatString(18))
		}
		checkInvariant(t, got)
	})
}

func TestTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := amounts().Draw(t, "u")
		if back, err := Parse(u.String()); err != nil || back != u {
			t.Fatalf("Parse(%s) = %+v, %v; want %+v", u, back, err, u)
		}
		b, err := json.Marshal(u)
		if err != nil || string(b) != u.String() {
			t.Fatalf("Marshal = %s, %v", b, err)
		}
		for _, text := range []string{string(b), `"` + string(b) + `"`} {
			var back USD
			if err := json.Unmarshal([]byte(text), &back); err != nil || back != u {
				t.Fatalf("Unmarshal(%s) = %+v, %v", text, back, err)
			}
		}
	})
}

func TestUnmarshalJSON(t *testing.T) {
	var v struct{ A, B *USD }
	if err := json.Unmarshal([]byte(`{"A":null,"B":"0E-6176"}`), &v); err != nil || v.A != nil || v.B == nil || !v.B.IsZero() {
		t.Fatalf("got %+v, %v", v, err)
	}
	for _, in := range []string{`"NaN"`, `true`, `{}`, `""`} {
		if err := json.Unmarshal([]byte(in), new(USD)); err == nil {
			t.Errorf("%s was accepted", in)
		}
	}
}

func TestArithmeticMatchesBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := amounts().Draw(t, "a"), amounts().Draw(t, "b")
		if got := a.Cmp(b); got != a.rat().Cmp(b.rat()) {
			t.Fatalf("Cmp(%s, %s) = %d", a, b, got)
		}
		if a.Sign() != a.rat().Sign() || a.Neg().Neg() != a || a.Neg().rat().Cmp(new(big.Rat).Neg(a.rat())) != 0 {
			t.Fatalf("sign or negation of %s", a)
		}
		checkInvariant(t, a.Neg())
		want := new(big.Rat).Add(a.rat(), b.rat())
		sum, err := a.AddChecked(b)
		if new(big.Rat).Abs(want).Cmp(limit) > 0 {
			if !errors.Is(err, ErrRange) {
				t.Fatalf("%s + %s = %s, %v", a, b, sum, err)
			}
			return
		}
		if err != nil || sum.rat().Cmp(want) != 0 || sum != a.Add(b) || sum.Sub(b) != a {
			t.Fatalf("%s + %s = %s, %v", a, b, sum, err)
		}
		checkInvariant(t, sum)
	})
}

func TestMulDivMatchesBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := amounts().Draw(t, "u")
		n := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-1000, 1_000_000)).Draw(t, "n")
		d := rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{1, 2, 60, -4, 1000, 1_000_000})).Draw(t, "d")
		got, err := u.MulDiv(n, d)
		if d == 0 {
			if !errors.Is(err, ErrDivide) {
				t.Fatalf("division by zero: %v", err)
			}
			return
		}
		exact := new(big.Rat).Mul(u.rat(), new(big.Rat).SetInt64(n))
		want := roundAtto(exact.Quo(exact, new(big.Rat).SetInt64(d)))
		if new(big.Rat).Abs(want).Cmp(limit) > 0 {
			if !errors.Is(err, ErrRange) {
				t.Fatalf("%s × %d ÷ %d = %s, %v; want ErrRange", u, n, d, got, err)
			}
			return
		}
		if err != nil || got.rat().Cmp(want) != 0 {
			t.Fatalf("%s × %d ÷ %d = %s, %v; want %s", u, n, d, got, err, want.FloatString(18))
		}
		checkInvariant(t, got)
	})
}

func TestFromParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nano := rapid.Int64Range(-1e18, 1e18).Draw(t, "nano")
		a := rapid.Int64().Draw(t, "atto")
		got := FromParts(nano, a)
		want := new(big.Rat).Add(USD{Nano: nano}.rat(), new(big.Rat).Mul(new(big.Rat).SetInt64(a), atto))
		if got.rat().Cmp(want) != 0 {
			t.Fatalf("FromParts(%d, %d) = %s", nano, a, got)
		}
		checkInvariant(t, got)
	})
}

func TestBeyondTheRangePanics(t *testing.T) {
	largest := USD{Nano: maxNano}
	for name, f := range map[string]func(){
		"Add":       func() { largest.Add(USD{Atto: 1}) },
		"Sub":       func() { largest.Neg().Sub(USD{Atto: 1}) },
		"Add wraps": func() { largest.Add(largest) },
		"FromParts": func() { FromParts(maxNano, attosPerNano) },
	} {
		func() {
			defer func() {
				if err, ok := recover().(error); !ok || !errors.Is(err, ErrRange) {
					t.Errorf("%s: recovered %v; want ErrRange", name, err)
				}
			}()
			f()
		}()
	}
}

func TestCeilNano(t *testing.T) {
	for in, want := range map[string]int64{"0": 0, "0.000000001": 1, "0.0000000010000001": 2, "-0.0000000015": -1, "3": 3_000_000_000} {
		if got := mustParse(t, in).CeilNano(); got != want {
			t.Errorf("CeilNano(%s) = %d; want %d", in, got, want)
		}
	}
}

func TestRoundHalfEven(t *testing.T) {
	for _, c := range []struct {
		in     string
		places int
		want   string
	}{
		{"1.005", 2, "1.00"},
		{"1.015", 2, "1.02"},
		{"1.0050000000001", 2, "1.01"},
		{"0.5", 0, "0"},
		{"1.5", 0, "2"},
		{"-1.5", 0, "-2"},
		{"-0.001", 2, "0.00"},
		{"0.999", 2, "1.00"},
		{"0.1", 18, "0.100000000000000000"},
		{"0.1", 40, "0.100000000000000000"},
		{"9200000000", -1, "9200000000"},
	} {
		if got := mustParse(t, c.in).RoundHalfEven(c.places); got != c.want {
			t.Errorf("%s to %d places = %s; want %s", c.in, c.places, got, c.want)
		}
	}
}

func mustParse(t *testing.T, s string) USD {
	t.Helper()
	u, err := Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"0", "12.5", "-1e-7", "0E-6176", "9.2e9", "NaN", ".", "1.234567890123456789012345678901234"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := Parse(s)
		if err != nil {
			return
		}
		if back, err := Parse(u.String()); err != nil || back != u {
			t.Fatalf("%q parsed to %+v, whose text %s parses to %+v, %v", s, u, u, back, err)
		}
		if len(s) > 40 || strings.ContainsAny(s, "eE") {
			return // the oracle's work grows with the exponent
		}
		r, ok := new(big.Rat).SetString(s)
		if !ok {
			t.Fatalf("%q was accepted", s)
		}
		if roundAtto(r).Cmp(u.rat()) != 0 {
			t.Fatalf("Parse(%q) = %s", s, u)
		}
	})
}
