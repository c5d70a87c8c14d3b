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
	seen := map[int64]bool{}
	fields := reflect.ValueOf(q)
	for i := range fields.NumField() {
		n := fields.Field(i).Int()
		if n == 0 || seen[n] {
			t.Errorf("%s has no column of its own", fields.Type().Field(i).Name)
		}
		seen[n] = true
	}
	if len(seen) != len(quantities) {
		t.Errorf("%d columns for %d quantities", len(quantities), len(seen))
	}
}

func TestDigestTellsNamesApart(t *testing.T) {
	callers := map[digest]caller{}
	for _, c := range []caller{
		{}, {projectID: "a"}, {apiKeyID: "a"}, {userID: "a"}, {projectID: "ab", apiKeyID: "c"}, {projectID: "a", apiKeyID: "bc"},
		{level: byProject}, {level: byOrganization}, {organizationID: "a"},
	} {
		if other, ok := callers[c.digest()]; ok {
			t.Errorf("%+v and %+v have one digest", c, other)
		}
		callers[c.digest()] = c
	}
	items := map[digest]item{}
	for _, i := range []item{
		{}, {kind: "a"}, {model: "a"}, {serviceTier: "a"}, {batch: "a"}, {size: "a"}, {source: "a"}, {contextLevel: "a"}, {vectorStoreID: "a"},
		{lineItem: "a"}, {unit: "a"}, {lineItem: "ab", unit: "c"}, {lineItem: "a", unit: "bc"},
	} {
		if other, ok := items[i.digest()]; ok {
			t.Errorf("%+v and %+v have one digest", i, other)
		}
		items[i.digest()] = i
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
func TestNumberCacheIsBounded(t *testing.T) {
	var c numberCache
	numbered := func(i int) digest { return digest{byte(i), byte(i >> 8), byte(i >> 16)} }
	const n = 5 * cacheHalf
	for i := range n {
		c.add(map[digest]int64{numbered(i): int64(i)})
	}
	if held := len(c.young) + len(c.older); held > 2*cacheHalf {
		t.Errorf("%d numbers cached, want at most %d", held, 2*cacheHalf)
	}
	if got, ok := c.get(numbered(n - 1)); !ok || got != n-1 {
		t.Errorf("the last number: %d, %t", got, ok)
	}
	if got, ok := c.get(numbered(0)); ok {
		t.Errorf("the first number, %d, was kept", got)
	}
}

// A step of Prune grows and shrinks with what a row costs, within its bounds.
func TestPruneStepFollowsTheTimeTaken(t *testing.T) {
	for _, c := range []struct {
		step int64
		took time.Duration
		want int64
	}{
		{100, 15 * time.Millisecond, 100},
		{100, time.Millisecond, 200},
		{400, 60 * time.Millisecond, 100},
		{400, time.Minute, minPruneStep},
		{maxPruneStep, 0, maxPruneStep},
	} {
		if got := nextPruneStep(c.step, c.took); got != c.want {
			t.Errorf("after %d in %v: %d, want %d", c.step, c.took, got, c.want)
		}
	}
}
