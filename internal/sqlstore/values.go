package sqlstore

import (
	"database/sql/driver"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"weir/internal/id"
	"weir/internal/routing"
)

// The types below hold a pointer to a field and are how it lies in its column,
// both ways: they are arguments of statements and targets of Scan.

// instant is Unix microseconds, 0 for the zero time.
type instant struct{ t *time.Time }

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func (f instant) Value() (driver.Value, error) { return micros(*f.t), nil }

func (f instant) Scan(src any) error {
	us, ok := src.(int64)
	if !ok {
		return fmt.Errorf("a time is %T", src)
	}
	if *f.t = (time.Time{}); us != 0 {
		*f.t = time.UnixMicro(us).UTC()
	}
	return nil
}

// truth is 0 or 1.
type truth struct{ b *bool }

func (f truth) Value() (driver.Value, error) {
	if *f.b {
		return int64(1), nil
	}
	return int64(0), nil
}

func (f truth) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("a truth value is %T", src)
	}
	*f.b = n != 0
	return nil
}

// nullable is NULL for the empty string.
type nullable struct{ s *string }

func (f nullable) Value() (driver.Value, error) {
	if *f.s == "" {
		return nil, nil
	}
	return *f.s, nil
}

func (f nullable) Scan(src any) error {
	if src == nil {
		*f.s = ""
		return nil
	}
	s, err := text(src)
	*f.s = s
	return err
}

// hash is hexadecimal, NULL for the zero hash.
type hash struct{ h *id.Hash }

func (f hash) Value() (driver.Value, error) {
	if *f.h == (id.Hash{}) {
		return nil, nil
	}
	return f.h.String(), nil
}

func (f hash) Scan(src any) error {
	if src == nil {
		*f.h = id.Hash{}
		return nil
	}
	s, err := text(src)
	if err != nil {
		return err
	}
	h, ok := id.ParseHash(s)
	if !ok {
		return fmt.Errorf("%q is not a hash", s)
	}
	*f.h = h
	return nil
}

// sealed is base64, empty for nil.
type sealed struct{ s *routing.Sealed }

func (f sealed) Value() (driver.Value, error) { return base64.StdEncoding.EncodeToString(*f.s), nil }

func (f sealed) Scan(src any) error {
	*f.s = nil
	s, err := text(src)
	if err != nil || s == "" {
		return err
	}
	*f.s, err = base64.StdEncoding.DecodeString(s)
	return err
}

// jsonText is the field in JSON. A nil list is null, and stays apart from an
// empty one.
type jsonText[T any] struct{ v *T }

func (f jsonText[T]) Value() (driver.Value, error) {
	raw, err := json.Marshal(*f.v)
	return string(raw), err
}

func (f jsonText[T]) Scan(src any) error {
	var zero T
	*f.v = zero
	s, err := text(src)
	if err != nil || s == "null" {
		return err
	}
	return json.Unmarshal([]byte(s), f.v)
}

// rawJSON is JSON text that must come back byte by byte, since it is hashed.
type rawJSON struct{ v *json.RawMessage }

func (f rawJSON) Value() (driver.Value, error) { return string(*f.v), nil }

func (f rawJSON) Scan(src any) error {
	s, err := text(src)
	*f.v = json.RawMessage(s)
	return err
}

// idList is read from ids joined with commas, NULL for none.
type idList struct{ ids *[]string }

func (f idList) Scan(src any) error {
	*f.ids = nil
	if src == nil {
		return nil
	}
	s, err := text(src)
	*f.ids = strings.Split(s, ",")
	return err
}

func text(src any) (string, error) {
	switch s := src.(type) {
	case string:
		return s, nil
	case []byte:
		return string(s), nil
	}
	return "", fmt.Errorf("text is %T", src)
}

// storable reports whether both engines can keep s: PostgreSQL takes neither
// NUL nor what is not UTF-8. Ids come from URLs, so such text does arrive.
func storable(s string) bool {
	return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

// legible is s with what is not storable replaced, for text that must be kept
// whatever it holds.
func legible(s string) string {
	if storable(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
