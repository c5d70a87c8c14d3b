package endpoint_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"weir/internal/endpoint"
	"weir/internal/fault"
)

func TestQueryLists(t *testing.T) {
	for query, want := range map[string][]string{
		"":                                nil,
		"id=":                             nil,
		"id[]=":                           nil,
		"id=a":                            {"a"},
		"id=a&id=b":                       {"a", "b"},
		"id[]=a&id[]=b":                   {"a", "b"},
		"id%5B%5D=a":                      {"a"},
		"id[0]=a&id[1]=b":                 {"a", "b"},
		"id[x]=a":                         nil, // a nested value, not a list's
		"id[]x=a":                         nil,
		"ids=a":                           nil,
		"id=a,b":                          {"a,b"},
		"id=a&id[]=b&id[7]=c&other[]=d":   {"a", "c", "b"},
		"id[]=gpt-4o-2024-08-06%2C+input": {"gpt-4o-2024-08-06, input"},
	} {
		q := endpoint.ParseQuery(query)
		got := q.Strings("id")
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) || q.Err() != nil {
			t.Errorf("%q: %q (%v), want %q", query, got, q.Err(), want)
		}
	}
}

func TestQueryValues(t *testing.T) {
	q := endpoint.ParseQuery("n=7&low=-3&yes=true&no=0&at[gte]=1700000000&order=desc&s=a+b")
	if n := q.Int("n", 1, 0, 10); n != 7 {
		t.Error(n)
	}
	if n := q.Int("low", 1, -5, 10); n != -3 {
		t.Error(n)
	}
	if n := q.Int("absent", 5, 0, 10); n != 5 {
		t.Error(n)
	}
	if !q.Bool("yes", false) || q.Bool("no", true) || !q.Bool("absent", true) {
		t.Error("booleans")
	}
	if at := q.Seconds("at[gte]"); at == nil || *at != 1700000000 || q.Seconds("at[lt]") != nil {
		t.Error("seconds")
	}
	if q.Enum("order", "asc", "asc", "desc") != "desc" || q.Enum("absent", "asc", "asc", "desc") != "asc" || q.String("s") != "a b" {
		t.Error("text")
	}
	if q.Only("n", "low", "yes", "no", "at", "order", "s"); q.Err() != nil {
		t.Error(q.Err())
	}
}

func TestQueryRefuses(t *testing.T) {
	read := func(q *endpoint.Query) {
		q.Int("n", 1, 1, 10)
		q.Bool("b", false)
		q.Seconds("t")
		q.Enum("e", "", "x", "y")
		q.Enums("l", "x", "y")
		q.Strings("s")
		q.Only("n", "b", "t", "e", "l", "s")
	}
	for _, test := range []struct{ query, param, code string }{
		{"n=0", "n", "integer_below_min_value"},
		{"n=11", "n", "integer_above_max_value"},
		{"n=99999999999999999999", "n", "integer_above_max_value"},
		{"n=-99999999999999999999", "n", "integer_below_min_value"},
		{"n=1.5", "n", "invalid_type"},
		{"n=0x1", "n", "invalid_type"},
		{"b=yes", "b", "invalid_type"},
		{"t=now", "t", "invalid_type"},
		{"t=-1", "t", "invalid_value"},
		{"t=1700000000000", "t", "invalid_value"},
		{"e=z", "e", "invalid_value"},
		{"l[]=x&l[]=z", "l", "invalid_value"},
		{strings.Repeat("s[]=x&", endpoint.MaxListValues+1), "s", "array_above_max_length"},
		{"z=1", "z", "unknown_parameter"},
		{"z[gt]=1", "z", "unknown_parameter"},
		{"s=%00", "s", "invalid_value"},
		{"s[]=%ff", "s", "invalid_value"},
		{"s=%zz", "", "invalid_value"},
		{"s=a;b", "", "invalid_value"},
		{"n=0&b=yes", "n", "integer_below_min_value"}, // the first is kept
	} {
		q := endpoint.ParseQuery(test.query)
		read(q)
		var refused *fault.Error
		if !errors.As(q.Err(), &refused) || refused.Kind != fault.Invalid || refused.Param != test.param || refused.Code != test.code {
			t.Errorf("%.40q: %+v, want %q %q", test.query, q.Err(), test.param, test.code)
		}
	}
}

// As many values as a list may have are taken.
func TestQueryLongestList(t *testing.T) {
	var query strings.Builder
	for i := range endpoint.MaxListValues {
		query.WriteString("s[" + strconv.Itoa(i) + "]=x&")
	}
	q := endpoint.ParseQuery(query.String())
	if got := q.Strings("s"); len(got) != endpoint.MaxListValues || q.Err() != nil {
		t.Errorf("%d values, %v", len(got), q.Err())
	}
}
