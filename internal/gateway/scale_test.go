//go:build scale

package gateway

import (
	"slices"
	"testing"
	"time"

	"weir/internal/upstream/upstreamtest"
)

func TestScaleChangeAmongManyKeys(t *testing.T) {
	r := manyKeys(t, 100_000)
	var took []time.Duration
	for range 21 {
		began := time.Now()
		must(t, r.Snapshot.Apply(t.Context(), r.changeOfKey()))
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	if median := took[len(took)/2]; median > 50*time.Millisecond {
		t.Errorf("a change takes %s", median)
	}
	r.provider.Enqueue(upstreamtest.JSON(200, chatBody))
	equal(t, "status", r.status(t, "", chatModel), 200)
}
