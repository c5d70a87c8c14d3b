package bench

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sampled is a report with one value per round of each target and figure.
func sampled(rounds int, figures map[string]map[string][]float64) Report {
	r := Report{Rounds: rounds, Targets: []string{Direct, Reference, Weir}, Date: time.Unix(1_800_000_000, 0), Command: "weir bench"}
	for figure, targets := range figures {
		for target, values := range targets {
			for round, v := range values {
				r.Samples = append(r.Samples, Sample{round, target, figure, v})
			}
		}
	}
	return r
}

func verdictOn(t *testing.T, r Report, id string) Verdict {
	t.Helper()
	for _, v := range r.Verdicts() {
		if v.Figure == figureOf(id).label {
			return v
		}
	}
	t.Fatalf("no verdict on %s", id)
	return Verdict{}
}

// A machine that is slow for one round is slow for both: the ratios of rounds
// hold, where the ratio of the medians would not.
func TestRatioIsTheMedianOfRoundRatios(t *testing.T) {
	r := sampled(3, map[string]map[string][]float64{"max.cpu": {
		Reference: {100, 400, 100},
		Weir:      {80, 320, 210},
	}})
	v := verdictOn(t, r, "max.cpu")
	if v.Measured != "0.80 × reference" || !v.Pass || v.Reached {
		t.Errorf("%+v", v)
	}
	if cell := r.cell(figureOf("max.cpu"), Weir); cell != "210 (80–320), 0.80 ×" {
		t.Errorf("cell %q", cell)
	}
}

func TestVerdicts(t *testing.T) {
	cases := []struct {
		name          string
		figures       map[string]map[string][]float64
		figure        string
		measured      string
		pass, reached bool
	}{
		{
			name:    "over the must",
			figures: map[string]map[string][]float64{"stream.cpu": {Reference: {30}, Weir: {39}}},
			figure:  "stream.cpu", measured: "1.30 × reference",
		},
		{
			name:    "added to a direct call, over the reference",
			figures: map[string]map[string][]float64{"fixed.p50": {Direct: {20}, Reference: {20.5}, Weir: {20.75}}},
			figure:  "fixed.p50.added", measured: "reference +0.25 ms", pass: true, reached: true,
		},
		{
			name:    "added to a direct call",
			figures: map[string]map[string][]float64{"fixed.p99": {Direct: {21}, Reference: {22}, Weir: {24.5}}},
			figure:  "fixed.p99.added", measured: "3.50 ms", pass: true,
		},
		{
			name:    "one cut stream in one round of three",
			figures: map[string]map[string][]float64{"burst.cut": {Reference: {9, 9, 9}, Weir: {0, 1, 0}}},
			figure:  "burst.cut", measured: "1 streams",
		},
		{
			name:    "weir was not measured",
			figures: map[string]map[string][]float64{"hold5000.memory": {Reference: {50}}},
			figure:  "hold5000.memory", measured: "not measured",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := sampled(max(1, len(c.figures[c.figure][Weir])), c.figures)
			v := verdictOn(t, r, c.figure)
			if v.Measured != c.measured || v.Pass != c.pass || v.Reached != c.reached {
				t.Errorf("%+v", v)
			}
			if r.Failed() == c.pass {
				t.Errorf("failed: %t", r.Failed())
			}
		})
	}
}

// Calls that fail in several scenarios of a round add up.
func TestFailuresAddUp(t *testing.T) {
	r := Report{Rounds: 1, Samples: []Sample{{0, Weir, failedFigure, 0}, {0, Weir, failedFigure, 2}, {0, Weir, failedFigure, 1}}}
	if v := verdictOn(t, r, failedFigure); v.Measured != "3 failed" || v.Pass {
		t.Errorf("%+v", v)
	}
}

func TestSpread(t *testing.T) {
	nan := math.NaN()
	cases := []struct {
		rounds []float64
		want   spread
	}{
		{[]float64{3, 1, 2}, spread{2, 1, 3}},
		{[]float64{4, 1, 2, 3}, spread{2.5, 1, 4}},
		{[]float64{nan, 5, nan}, spread{5, 5, 5}},
	}
	for _, c := range cases {
		if got := spreadOf(c.rounds); got != c.want {
			t.Errorf("spread of %v is %v, want %v", c.rounds, got, c.want)
		}
	}
	if got := spreadOf([]float64{nan}); !math.IsNaN(got.median) {
		t.Errorf("spread of nothing is %v", got)
	}
}

// Every bound and every figure's base names a figure that there is.
func TestTablesAgree(t *testing.T) {
	for _, b := range bounds() {
		if b.aim > b.must {
			t.Errorf("%s aims at less than it must", figureOf(b.figure).id)
		}
	}
	for _, f := range figures() {
		if f.base != "" {
			figureOf(f.base)
		}
	}
}

func TestWriteSection(t *testing.T) {
	path := filepath.Join(t.TempDir(), "performance.md")
	read := func() string {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	first := sampled(1, map[string]map[string][]float64{"max.cpu": {Reference: {100}, Weir: {90}}})
	if err := first.WriteSection(path); err != nil {
		t.Fatal(err)
	}
	if got := read(); !strings.HasPrefix(got, "# Performance\n") || !strings.Contains(got, "| unary, saturated: CPU | µs/call |  | 100 | 90, 0.90 × |") {
		t.Errorf("a new file:\n%s", got)
	}
	// What stands around the section stays, the section itself is replaced.
	before, after := "# How fast\n\nMy words.\n", "\n## Advice\n"
	if err := os.WriteFile(path, []byte(before+"\n"+sectionBegin+"old\n"+sectionEnd+after), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := first.WriteSection(path); err != nil {
			t.Fatal(err)
		}
	}
	got := read()
	if !strings.HasPrefix(got, before) || !strings.HasSuffix(got, after) || strings.Contains(got, "old") || strings.Count(got, "## The last run") != 1 {
		t.Errorf("an old file:\n%s", got)
	}
	if err := os.WriteFile(path, []byte(sectionBegin+"and no end"), 0o600); err != nil {
		t.Fatal(err)
	}
	if first.WriteSection(path) == nil {
		t.Error("a section without an end was replaced")
	}
}
