package sqlevents

import (
	"reflect"
	"testing"
	"time"

	"weir/internal/usage"
)

// A quantity that somebody adds to usage.Quantities must get a column, or it
// would be missing in every report.
func TestEveryQuantityHasAColumn(t *testing.T) {
	var q usage.Quantities
	for i, m := range quantities {
		*m.of(&q) = int64(i + 1)
	}
	fields := reflect.ValueOf(q)
	if fields.NumField() != len(quantities) {
		t.Errorf("%d columns for %d quantities", len(quantities), fields.NumField())
	}
	for i := range fields.NumField() {
		if fields.Field(i).Int() != int64(i+1) {
			t.Errorf("%s is not column %d", fields.Type().Field(i).Name, i)
		}
	}
}

func TestSeriesDigestTellsValuesApart(t *testing.T) {
	seen := map[digest]series{}
	all := []series{
		{}, {projectID: "a"}, {apiKeyID: "a"}, {projectID: "ab", apiKeyID: "c"}, {projectID: "a", apiKeyID: "bc"},
		{level: byProject}, {level: byOrganization}, {kind: costKind}, {kind: costKind, unit: "tokens"}, {kind: costKind, lineItem: "tokens"},
	}
	for _, s := range all {
		if other, ok := seen[s.digest()]; ok {
			t.Errorf("%+v and %+v have one digest", s, other)
		}
		seen[s.digest()] = s
	}
	if s := (series{projectID: "p", apiKeyID: "k", userID: "u", model: "m"}); s.at(byOrganization) != (series{level: byOrganization, model: "m"}) {
		t.Errorf("at the organization's level: %+v", s.at(byOrganization))
	}
}

func TestBucketOfTimesBefore1970(t *testing.T) {
	for at, want := range map[int64]int64{0: 0, 59: 0, 60: 60, -1: -60, -60: -60, -61: -120} {
		if got := bucketOf(time.Unix(at, 0), usage.Minute); got != want {
			t.Errorf("bucket of %d = %d, want %d", at, got, want)
		}
	}
}

// The cache gives back what was committed, and stays bounded.
func TestSeriesCacheIsBounded(t *testing.T) {
	var c seriesCache
	numbered := func(i int) digest { return digest{byte(i), byte(i >> 8), byte(i >> 16)} }
	const n = 5 * cacheHalf
	for i := range n {
		c.add(map[digest]int64{numbered(i): int64(i)})
	}
	if held := len(c.young) + len(c.older); held > 2*cacheHalf {
		t.Errorf("%d numbers cached, want at most %d", held, 2*cacheHalf)
	}
	last, dropped, numbers := numbered(n-1), numbered(0), map[digest]int64{}
	missing := c.find(map[digest]series{last: {}, dropped: {}}, numbers)
	if numbers[last] != n-1 || len(missing) != 1 || missing[0] != dropped {
		t.Errorf("found %v, missing %v", numbers, missing)
	}
}
