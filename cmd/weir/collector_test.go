package main

import "testing"

func TestTheCollectorSparesSmallHeapsOnly(t *testing.T) {
	for live, want := range map[uint64]int{
		0: 400, 8 << 20: 400, 16 << 20: 400, 32 << 20: 200, 64 << 20: 100, 1 << 30: 100,
	} {
		if got := gcPercent(live); got != want {
			t.Errorf("GOGC with %d bytes alive is %d, want %d", live, got, want)
		}
	}
	for live := uint64(1); live < 8<<30; live *= 3 {
		if grows := live * uint64(gcPercent(live)) / 100; grows > max(live, spareHeap) {
			t.Errorf("%d bytes alive may grow by %d", live, grows)
		}
	}
}
