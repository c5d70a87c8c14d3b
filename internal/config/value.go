package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Secret is a value that is not printed by accident: every way of formatting
// or marshalling it shows that it is set and nothing more.
type Secret string

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String is "" or "[set]".
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "[set]"
}

// GoString keeps %#v from showing the secret.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// MarshalText keeps encoders from showing the secret.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Bytes is a number of bytes. It is written with or without a unit: 65536,
// 64KiB, 10MB.
type Bytes int64

var byteUnits = []struct {
	name string
	size int64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"kB", 1e3},
	{"B", 1},
}

// ParseBytes reads what String writes, and a little more: a blank before the
// unit, decimal units.
func ParseBytes(text string) (Bytes, error) {
	number, size := text, int64(1)
	for _, unit := range byteUnits {
		if n, ok := strings.CutSuffix(text, unit.name); ok {
			number, size = strings.TrimRight(n, " "), unit.size
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 {
		return 0, errors.New("is not a size, such as 64MiB")
	}
	if n > math.MaxInt64/size {
		return 0, errors.New("is too large")
	}
	return Bytes(n * size), nil
}

// String writes the largest binary unit that leaves a whole number.
func (b Bytes) String() string {
	for _, unit := range byteUnits[:4] {
		if n := int64(b); n != 0 && n%unit.size == 0 {
			return strconv.FormatInt(n/unit.size, 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// set reads text into the field. The error continues a sentence that begins
// with the setting's name and value.
func (f field) set(text string) error {
	switch p := f.ptr.(type) {
	case *string:
		*p = text
	case *Secret:
		*p = Secret(text)
	case *bool:
		switch strings.ToLower(text) {
		case "true", "yes", "on", "1":
			*p = true
		case "false", "no", "off", "0", "":
			*p = false
		default:
			return errors.New("is neither true nor false")
		}
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return errors.New("is not a whole number")
		}
		*p = n
	case *float64:
		x, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			return errors.New("is not a number")
		}
		*p = x
	case *Bytes:
		n, err := ParseBytes(text)
		if err != nil {
			return err
		}
		*p = n
	case *Networks:
		n, err := ParseNetworks(text)
		if err != nil {
			return err
		}
		*p = n
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return errors.New("is not a duration with its unit, such as 60s or 10m")
		}
		*p = d
	case *Providers:
		return p.set(text)
	default:
		return fmt.Errorf("has a type that cannot be set (%T)", f.ptr)
	}
	return nil
}

// text writes the field's value as it would stand in the file.
func (f field) text() string {
	switch p := f.ptr.(type) {
	case *string:
		return *p
	case *Secret:
		return p.String()
	case *bool:
		return strconv.FormatBool(*p)
	case *int:
		return strconv.Itoa(*p)
	case *float64:
		return strconv.FormatFloat(*p, 'f', -1, 64)
	case *Bytes:
		return p.String()
	case *Networks:
		return string(*p)
	case *time.Duration:
		return shortDuration(*p)
	case *Providers:
		return p.text()
	}
	return ""
}

// shortDuration is d without the zero minutes and seconds of its String.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// number is the field's value where it has a least one; ok is false for texts.
func (f field) number() (x float64, ok bool) {
	switch p := f.ptr.(type) {
	case *int:
		return float64(*p), true
	case *float64:
		return *p, true
	case *Bytes:
		return float64(*p), true
	case *time.Duration:
		return float64(*p), true
	}
	return 0, false
}
