//go:build !race

package gateway

import "testing"

// Ceilings of allocations, about a tenth above what was measured. They include
// those of the test's own request, provider and answer, about 15 per request.
const (
	unaryCeiling       = 112
	streamChunkCeiling = 0.05
)

func TestAllocations(t *testing.T) {
	r := inProcess(t, unaryAnswer())
	request := chat("")
	unary := testing.AllocsPerRun(500, func() { relay(r.Gateway, r.key, request, nil) })

	stream := func(chunks int) float64 {
		r.Transport = streamOf(chunks)
		return testing.AllocsPerRun(100, func() { relay(r.Gateway, r.key, asksForUsage, nil) })
	}
	perChunk := (stream(1000) - stream(100)) / 900

	t.Logf("%.0f per unary request, %.3f per chunk of a stream", unary, perChunk)
	if unary > unaryCeiling {
		t.Errorf("%.0f allocations per unary request, at most %d", unary, unaryCeiling)
	}
	if perChunk > streamChunkCeiling {
		t.Errorf("%.3f allocations per chunk, at most %.3f", perChunk, streamChunkCeiling)
	}
}
