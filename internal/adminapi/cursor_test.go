package adminapi

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"weir/internal/fault"
	"weir/internal/usage"
)

// A cursor is read as it was written.
func TestCursorRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := cursor{
			Next:  time.Unix(rapid.Int64Range(0, 253402300799).Draw(t, "next"), 0).UTC(),
			Width: rapid.SampledFrom([]usage.Width{usage.Minute, usage.Hour, usage.Day}).Draw(t, "width"),
		}
		for _, written := range []string{c.String(), c.String() + "="} { // padded by a client that knows better
			if got, err := parseCursor(written); err != nil || got != c {
				t.Fatalf("%q is read as %+v (%v), not %+v", written, got, err, c)
			}
		}
	})
}

// A cursor with any character altered is refused.
func TestCursorTellsGarbage(t *testing.T) {
	good := cursor{Next: time.Unix(1764028800, 0).UTC(), Width: usage.Day}.String()
	for i := range good {
		for _, c := range []byte("A0_x=") {
			altered := good[:i] + string(c) + good[i+1:]
			if got, err := parseCursor(altered); altered != good && err == nil {
				t.Errorf("%q is read as %+v", altered, got)
			}
		}
		if got, err := parseCursor(good[:i]); err == nil {
			t.Errorf("%q is read as %+v", good[:i], got)
		}
	}
}

// Whatever comes as a cursor is read as one that weir wrote, or refused as the
// parameter page.
func FuzzCursor(f *testing.F) {
	f.Add(cursor{Next: time.Unix(1700000000, 0), Width: usage.Day}.String())
	f.Add("page_AAAAAGdGxdEiJdKOAAAAAGcqsYA=")
	f.Add("page_")
	f.Add("")
	f.Add("page_\n\r====")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := parseCursor(s)
		if err != nil {
			var refused *fault.Error
			if !errors.As(err, &refused) || refused.Kind != fault.Invalid || refused.Param != "page" {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		if again, err := parseCursor(c.String()); err != nil || again != c {
			t.Fatalf("%q is read as %+v, which is written %q", s, c, c)
		}
	})
}
