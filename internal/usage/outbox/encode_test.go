package outbox

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"weir/internal/money"
	"weir/internal/usage"
)

// fill draws every field of v, so that one added to usage.Event is covered
// without anyone thinking of this package.
func fill(t *rapid.T, v reflect.Value) {
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = time.Unix(rapid.Int64Range(-62135596800, 253402300799).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanos")).
			In(rapid.SampledFrom([]*time.Location{time.UTC, time.FixedZone("", -5*3600)}).Draw(t, "zone"))
		if rapid.IntRange(0, 2).Draw(t, "zero time") == 0 {
			*x = time.Time{}
		}
		return
	case *money.USD:
		*x = money.FromParts(rapid.Int64Range(-1<<50, 1<<50).Draw(t, "nano"), rapid.Int64Range(0, 999_999_999).Draw(t, "atto"))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(rapid.OneOf(rapid.Just(""), rapid.String(), rapid.StringMatching("[a-z\"\\\\\x00-\x1f/<>&]*"),
			rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "text"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Int, reflect.Int64:
		v.SetInt(rapid.OneOf(rapid.Just(int64(0)), rapid.Int64()).Draw(t, "number"))
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "present") {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem())
		}
	case reflect.Slice:
		n := rapid.IntRange(0, 2).Draw(t, "items")
		if n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
		}
		for i := range n {
			fill(t, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	default:
		t.Fatalf("no way to fill a %s", v.Type())
	}
}

func TestEventsAreEncodedAsByEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var ev usage.Event
		fill(t, reflect.ValueOf(&ev).Elem())
		ours, err := appendEvent(nil, &ev)
		must(t, err)
		ev.Received, ev.FirstByte, ev.Done = ev.Received.UTC(), ev.FirstByte.UTC(), ev.Done.UTC()
		theirs, err := json.Marshal(&ev)
		must(t, err)
		var fromOurs, fromTheirs usage.Event
		if err := json.Unmarshal(ours, &fromOurs); err != nil {
			t.Fatalf("%v in %s", err, ours)
		}
		must(t, json.Unmarshal(theirs, &fromTheirs))
		if !reflect.DeepEqual(fromOurs, fromTheirs) {
			t.Fatalf("ours   %s\ntheirs %s", ours, theirs)
		}
		var rawOurs, rawTheirs map[string]json.RawMessage
		must(t, json.Unmarshal(ours, &rawOurs))
		must(t, json.Unmarshal(theirs, &rawTheirs))
		for name := range rawTheirs {
			if _, ok := rawOurs[name]; !ok {
				t.Fatalf("%q is missing", name)
			}
		}
		if len(rawOurs) != len(rawTheirs) {
			t.Fatalf("ours   %s\ntheirs %s", ours, theirs)
		}
	})
}

func TestAnEventThatCouldNotBeReadBackIsRefused(t *testing.T) {
	log := open(t, t.TempDir(), Options{})
	ev := typicalEvent("req_1")
	ev.Done = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, err := log.AppendSettled(ev); err == nil {
		t.Error("a year of five digits was written")
	}
	if err := log.AppendOpen(usage.Event{}); err == nil {
		t.Error("an event without id was written")
	}
}
