package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// spareHeap is how much a small heap may grow between two collections, in
// bytes. A gateway lives in 10 to 20 MB and discards as much within a second of
// load: with Go's rule, a collection at twice the live heap, saturated calls
// spent a tenth of their CPU time on it. Above 64 MiB the rule stays as it is.
const spareHeap = 64 << 20

// What the collector is set to: Go's own 100 for large heaps, and no more than
// 400 for the smallest, where more gains nothing.
const (
	leastGCPercent = 100
	mostGCPercent  = 400
)

// gcPercent is what lets a heap with this much alive grow by spareHeap.
func gcPercent(live uint64) int {
	return int(min(max(spareHeap*100/max(live, 1), leastGCPercent), mostGCPercent))
}

// collector sets GOGC anew after every collection, by what that left alive.
type collector struct{ percent int }

// paceCollector starts setting GOGC, unless the operator has.
func paceCollector() {
	if os.Getenv("GOGC") != "" {
		return
	}
	c := &collector{}
	c.set(gcPercent(0))
	c.onCollection()
}

// onCollection arranges for adjust to be called after the next collection, and
// all later ones: each frees a mark of ours.
func (c *collector) onCollection() {
	type mark struct{ _ [16]byte }
	runtime.SetFinalizer(&mark{}, func(*mark) {
		c.adjust()
		c.onCollection()
	})
}

func (c *collector) adjust() {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() == metrics.KindUint64 {
		c.set(gcPercent(sample[0].Value.Uint64()))
	}
}

// set stops the world for some microseconds, so small steps are left out.
func (c *collector) set(percent int) {
	if step := percent - c.percent; step > 10 || step < -10 || percent == leastGCPercent && step != 0 {
		debug.SetGCPercent(percent)
		c.percent = percent
	}
}
