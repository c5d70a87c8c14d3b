package gateway

import "testing"

// TestAChunkAllocatesNothing compares streams of different lengths: what a
// chunk allocates, a busy gateway collects many thousand times a second.
func TestAChunkAllocatesNothing(t *testing.T) {
	provider := streamOf(0)
	r := inProcess(t, provider)
	perStream := func(chunks int) float64 {
		provider.pieces = streamOf(chunks).pieces
		return testing.AllocsPerRun(20, func() { relay(r.Gateway, r.key, asksForUsage, nil) })
	}
	perStream(10) // fills the pools
	few, many := perStream(10), perStream(1010)
	if perChunk := (many - few) / 1000; perChunk > 0.05 {
		t.Errorf("a chunk makes %.2f allocations", perChunk)
	}
}

// TestAllocationsOfACall is a ceiling: the call, the test's own request and
// answer, and a connection with an extra header, whose decoding takes 15.
func TestAllocationsOfACall(t *testing.T) {
	r := inProcess(t, unaryAnswer())
	got := testing.AllocsPerRun(100, func() { relay(r.Gateway, r.key, chat(""), nil) })
	if got > 110 {
		t.Errorf("a call makes %.0f allocations", got)
	}
}
