package org

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestClaimPaths(t *testing.T) {
	for expression, want := range map[string][]string{
		"assertion.sub":                          {"sub"},
		"claims.a.b_2":                           {"a", "b_2"},
		"assertion['kubernetes.io'].pod['name']": {"kubernetes.io", "pod", "name"},
		`assertion["https://a.b/c"]`:             {"https://a.b/c"},
		`assertion.x["it's"]`:                    {"x", "it's"},
		"assertion":                              nil,
		"sub":                                    nil,
		"assertion.sub ":                         nil,
		"assertion..sub":                         nil,
		"assertion.1":                            nil,
		"assertion['a'][0]":                      nil,
		"assertion.sub.startsWith('x')":          nil,
		"assertion['a] + assertion['b']":         nil,
		"assertion.sub\n":                        nil,
		"assertions.sub":                         nil,
	} {
		got, ok := claimPath(expression)
		if ok != (want != nil) || !slices.Equal(got, want) {
			t.Errorf("%q: %q %v, want %q", expression, got, ok, want)
		}
	}
}

func TestSameScalar(t *testing.T) {
	number := func(s string) any { return json.Number(s) }
	for _, test := range []struct {
		want string
		got  any
		same bool
	}{
		{`"a"`, "a", true}, {`"a"`, "A", false}, {`"a"`, "", false}, {`"a"`, nil, false}, {`"a"`, []any{"a"}, false},
		{`true`, true, true}, {`true`, false, false}, {`true`, "true", false}, {`false`, nil, false},
		{`1`, number("1"), true}, {`1`, number("1.0"), true}, {`1`, number("1e0"), true}, {`1`, number("2"), false}, {`1`, "1", false}, {`0.5`, number("5e-1"), true},
		{`9007199254740993`, number("9007199254740992"), false}, {`9007199254740993`, number("9007199254740993"), true},
		{`9007199254740993`, number("9007199254740992.0"), false}, {`1e400`, number("1e400"), true}, {`1e400`, number("2e400"), false},
		{`null`, nil, false}, {`{}`, map[string]any{}, false}, {`[1]`, []any{number("1")}, false},
	} {
		if got := sameScalar(scalar(json.RawMessage(test.want)), test.got); got != test.same {
			t.Errorf("%s and %#v: %v", test.want, test.got, got)
		}
	}
}
