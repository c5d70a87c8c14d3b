package bench

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// figure is one row of the report.
type figure struct {
	id       string
	label    string
	unit     string
	decimals int
	base     string // the figure this is, less that of direct calls in the same round
	ratio    bool   // shown with its ratio to the reference
	always   bool   // said even when it is 0
}

// failedFigure counts calls that failed, in any scenario but burst.
const failedFigure = "failed"

// figures are the rows, in order.
func figures() []figure {
	return []figure{
		{id: "max.cpu", label: "unary, saturated: CPU", unit: "µs/call", ratio: true},
		{id: "max.rate", label: "unary, saturated: rate", unit: "calls/s"},
		{id: "fixed.cpu", label: "unary at 500/s: CPU, deferred work included", unit: "µs/call", ratio: true},
		{id: "fixed.p50", label: "unary at 500/s: p50", unit: "ms", decimals: 2},
		{id: "fixed.p99", label: "unary at 500/s: p99", unit: "ms", decimals: 2},
		{id: "fixed.p50.added", label: "unary at 500/s: added p50", unit: "ms", decimals: 2, base: "fixed.p50"},
		{id: "fixed.p99.added", label: "unary at 500/s: added p99", unit: "ms", decimals: 2, base: "fixed.p99"},
		{id: "prompt64k.cpu", label: "64 KiB prompt, saturated: CPU", unit: "µs/call", ratio: true},
		{id: "prompt64k.rate", label: "64 KiB prompt, saturated: rate", unit: "calls/s"},
		{id: "stream.cpu", label: "stream: CPU", unit: "µs/chunk", decimals: 1, ratio: true},
		{id: "hold1000.memory", label: "1,000 open streams: memory", unit: "KiB/stream", decimals: 1, ratio: true},
		{id: "hold5000.memory", label: "5,000 open streams: memory", unit: "KiB/stream", decimals: 1, ratio: true},
		{id: "burst.cut", label: "5,000 streams answered at once: cut", unit: "streams", always: true},
		{id: failedFigure, label: "calls failed otherwise", unit: "failed"},
	}
}

func figureOf(id string) figure {
	all := figures()
	return all[slices.IndexFunc(all, func(f figure) bool { return f.id == id })]
}

func (f figure) show(v float64) string { return strconv.FormatFloat(v, 'f', f.decimals, 64) }

// measure is how a bound is taken.
type measure int

const (
	ratioToReference measure = iota // median of the rounds' ratios
	overReference                   // median of the rounds' differences
	ownMedian
	ownWorst // of all rounds
)

// bound is what weir has to keep, and what it aims at.
type bound struct {
	figure string
	measure
	must, aim float64
}

// bounds are the promises of docs/performance.md.
func bounds() []bound {
	return []bound{
		{"max.cpu", ratioToReference, 1.2, 0.75},
		{"fixed.cpu", ratioToReference, 1.2, 0.8},
		{"fixed.p50.added", overReference, 0.6, 0.3}, // a group-committed sync is in it
		{"fixed.p99.added", ownMedian, 5, 2},
		{"stream.cpu", ratioToReference, 1.25, 1},
		{"prompt64k.cpu", ratioToReference, 1.5, 1},
		{"hold5000.memory", ownMedian, 60, 45},
		{"burst.cut", ownWorst, 0, 0},
		{failedFigure, ownWorst, 0, 0},
	}
}

// Verdict is a bound held against what was measured.
type Verdict struct {
	Figure   string
	Measured string // "not measured" fails
	Must     string
	Aim      string
	Pass     bool // the must holds
	Reached  bool // the aim too
}

// Verdicts holds weir against its bounds, as far as the run's scenarios go.
func (r Report) Verdicts() []Verdict {
	var verdicts []Verdict
	for _, b := range bounds() {
		if r.measured(b.figure) {
			verdicts = append(verdicts, r.verdict(b))
		}
	}
	return verdicts
}

// Failed is whether a must does not hold.
func (r Report) Failed() bool {
	return slices.ContainsFunc(r.Verdicts(), func(v Verdict) bool { return !v.Pass })
}

func (r Report) verdict(b bound) Verdict {
	f := figureOf(b.figure)
	own, reference := r.series(f, Weir), r.series(f, Reference)
	show := func(v float64) string { return f.show(v) + " " + f.unit }
	var s spread
	switch b.measure {
	case ratioToReference:
		s = spreadOf(byRound(own, reference, func(a, b float64) float64 { return a / b }))
		show = func(v float64) string { return fmt.Sprintf("%.2f × reference", v) }
	case overReference:
		s = spreadOf(byRound(own, reference, func(a, b float64) float64 { return a - b }))
		show = func(v float64) string { return "reference " + fmt.Sprintf("%+.2f", v) + " " + f.unit }
	case ownMedian:
		s = spreadOf(own)
	case ownWorst:
		s = spreadOf(own)
		s.median = s.most
	}
	v := Verdict{Figure: f.label, Must: "≤ " + show(b.must), Aim: "≤ " + show(b.aim), Measured: "not measured"}
	if !math.IsNaN(s.median) {
		v.Measured, v.Pass, v.Reached = show(s.median), s.median <= b.must, s.median <= b.aim
	}
	return v
}

// spread is the middle and the ends of some rounds; NaN where there are none.
type spread struct{ median, least, most float64 }

// spreadOf leaves out rounds without a value, which are NaN.
func spreadOf(rounds []float64) spread {
	v := slices.DeleteFunc(slices.Clone(rounds), math.IsNaN)
	slices.Sort(v)
	n := len(v)
	if n == 0 {
		return spread{math.NaN(), math.NaN(), math.NaN()}
	}
	return spread{median: (v[(n-1)/2] + v[n/2]) / 2, least: v[0], most: v[n-1]}
}

// byRound joins two series, round by round: what is compared was measured close
// together, on the same mood of the machine.
func byRound(a, b []float64, f func(a, b float64) float64) []float64 {
	joined := make([]float64, min(len(a), len(b)))
	for i := range joined {
		joined[i] = f(a[i], b[i])
	}
	return joined
}
