package endpoint_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"weir/internal/endpoint"
	"weir/internal/fault"
	"weir/internal/optional"
)

type address struct {
	City string `json:"city" required:"true"`
}

type paging struct {
	Limit int `json:"limit"`
}

// thing has a field of every sort a body may hold.
type thing struct {
	Name    string                           `json:"name" required:"true"`
	Enabled bool                             `json:"enabled"`
	Count   int64                            `json:"count"`
	Title   optional.Value[string]           `json:"title"`
	Homes   []address                        `json:"homes"`
	Home    optional.Value[address]          `json:"home"`
	Headers map[string]string                `json:"headers"`
	Tags    optional.Value[[]string]         `json:"tags"`
	Rest    json.RawMessage                  `json:"rest"`
	Ages    optional.Value[map[string]int64] `json:"ages"`
	Ignored string                           `json:"-"`
	paging
}

func TestDecode(t *testing.T) {
	got, err := endpoint.Decode[thing]([]byte(` {
		"name": "ä\n\u00e4", "enabled": true, "count": -9007199254740993, "title": null, "homes": [{"city": "a", "zip": 1}, {"city": "b"}],
		"home": {"city": "c"}, "headers": {"x": "1"}, "tags": [], "rest": {"a":  [1]}, "ages": {"me": 7}, "Ignored": "x", "-": "y",
		"limit": 3, "unknown": {"deep": [null]}, "NAME": "case counts"
	} `))
	want := thing{
		Name: "ä\nä", Enabled: true, Count: -9007199254740993, Title: optional.Value[string]{Sent: true, Null: true},
		Homes: []address{{"a"}, {"b"}}, Home: optional.Of(address{"c"}), Headers: map[string]string{"x": "1"},
		Tags: optional.Of([]string{}), Rest: json.RawMessage(`{"a":  [1]}`), Ages: optional.Of(map[string]int64{"me": 7}),
		paging: paging{Limit: 3},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n got %+v\nwant %+v", err, got, want)
	}
}

// What may be left out may be null, and is as if left out.
func TestDecodeNull(t *testing.T) {
	got, err := endpoint.Decode[thing]([]byte(`{"name": "a", "enabled": null, "count": null, "homes": null, "headers": null, "limit": null}`))
	if err != nil || !reflect.DeepEqual(got, thing{Name: "a"}) {
		t.Errorf("%v %+v", err, got)
	}
}

func TestDecodeEmptyBodyIsEmptyObject(t *testing.T) {
	for _, body := range []string{"", " \n\t", "{}"} {
		if got, err := endpoint.Decode[paging]([]byte(body)); err != nil || got != (paging{}) {
			t.Errorf("%q: %v %+v", body, err, got)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, test := range []struct{ body, param, code string }{
		{`{`, "", ""},
		{`[]`, "", ""},
		{`null`, "", ""},
		{`7`, "", ""},
		{`{"name": "a"}{}`, "", ""},
		{`{"name": "a",}`, "", ""},
		{`{'name': 'a'}`, "", ""},
		{"{\"name\": \"\xc3\"}", "", ""},
		{`{"rest": ` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `, "name": "a"}`, "", ""},
		{`{}`, "name", "missing_required_parameter"},
		{`{"name": null}`, "name", "missing_required_parameter"},
		{`{"name": 1}`, "name", "invalid_type"},
		{`{"name": "a\u0000"}`, "name", "invalid_value"},
		{`{"name": "a", "name": "a"}`, "name", "duplicate_parameter"},
		{`{"name": "a", "unknown": 1, "unknown": 2}`, "unknown", "duplicate_parameter"},
		{`{"name": "a", "enabled": "true"}`, "enabled", "invalid_type"},
		{`{"name": "a", "count": 1.0}`, "count", "invalid_type"},
		{`{"name": "a", "count": 1e3}`, "count", "invalid_type"},
		{`{"name": "a", "count": 9223372036854775808}`, "count", "integer_above_max_value"},
		{`{"name": "a", "count": -9223372036854775809}`, "count", "integer_below_min_value"},
		{`{"name": "a", "title": false}`, "title", "invalid_type"},
		{`{"name": "a", "homes": {}}`, "homes", "invalid_type"},
		{`{"name": "a", "homes": [{"city": "a"}, {}]}`, "homes[1].city", "missing_required_parameter"},
		{`{"name": "a", "homes": [{"city": "a", "city": "b"}]}`, "homes[0].city", "duplicate_parameter"},
		{`{"name": "a", "home": []}`, "home", "invalid_type"},
		{`{"name": "a", "home": {"city": []}}`, "home.city", "invalid_type"},
		{`{"name": "a", "headers": {"x": 1}}`, "headers.x", "invalid_type"},
		{`{"name": "a", "headers": {"x": "1", "x": "2"}}`, "headers.x", "duplicate_parameter"},
		{`{"name": "a", "tags": [true]}`, "tags[0]", "invalid_type"},
		{`{"name": "a", "limit": []}`, "limit", "invalid_type"},
		{`{"enabled": 1, "count": 1.5}`, "name", "missing_required_parameter"}, // of three mistakes, the first field's
	} {
		_, err := endpoint.Decode[thing]([]byte(test.body))
		var refused *fault.Error
		if !errors.As(err, &refused) || refused.Kind != fault.Invalid {
			t.Errorf("%.80s: %v", test.body, err)
			continue
		}
		if refused.Param != test.param || refused.Code != test.code {
			t.Errorf("%.80s: param %q code %q, want %q %q", test.body, refused.Param, refused.Code, test.param, test.code)
		}
	}
}

// Whatever comes as a body is read as encoding/json reads it, or refused as
// invalid: never a panic, never another reading.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"name": "a", "homes": [{"city": "b"}], "title": null, "headers": {"x": "y"}, "count": 7, "tags": ["\ud83d\ude00"]}`))
	f.Add([]byte(`{"name": "\ud800", "rest": [1, 2.5e7, {"a": "}"}]}`))
	f.Add([]byte(`{"name": "a\u0000"}`))
	f.Add([]byte(` `))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := endpoint.Decode[thing](body)
		if err != nil {
			var refused *fault.Error
			if !errors.As(err, &refused) || refused.Kind != fault.Invalid || refused.Message == "" {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		if !json.Valid(body) {
			t.Fatalf("%q is read, and is no JSON", body)
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(body, &fields); err != nil {
			t.Fatalf("%q is read, and is no object: %v", body, err)
		}
		var name string
		if err := json.Unmarshal(fields["name"], &name); err != nil || got.Name != name || !utf8.ValidString(got.Name) {
			t.Fatalf("%q: name is read as %q, not %q (%v)", body, got.Name, name, err)
		}
		if raw, sent := fields["count"]; sent && string(raw) != "null" {
			var count int64
			if err := json.Unmarshal(raw, &count); err != nil || got.Count != count {
				t.Fatalf("%q: count is read as %d, not %d (%v)", body, got.Count, count, err)
			}
		}
		if raw, sent := fields["title"]; sent != got.Title.Sent || sent && (string(raw) == "null") != got.Title.Null {
			t.Fatalf("%q: title is read as %+v", body, got.Title)
		}
	})
}
