package bench

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestMain lets this test's binary be the child processes that it starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "bench" && os.Args[2] == "child" {
		os.Exit(Child(os.Args[3:]))
	}
	os.Exit(m.Run())
}

// absent is a target that this machine does not have.
type absent struct{ Target }

func (absent) Name() string   { return "absent" }
func (absent) Present() error { return errors.New("it is not installed") }

func tiny() plan {
	return plan{
		window: 100 * time.Millisecond,
		fixed:  200 * time.Millisecond,
		settle: time.Millisecond, tail: time.Millisecond,
		streams: 4, chunks: 10, repeats: 1,
		few: 10, many: 20, hold: 50 * time.Millisecond,
		burst: 20,
	}
}

// A whole run with real processes: every scenario gives its figures for the
// reference, what is missing is said, and nothing stays behind.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	o, err := Options{Dir: dir, Rounds: 2, Command: "the test"}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	o.Targets = []Target{direct{}, reference{exe: o.Executable}, absent{}}
	var out strings.Builder
	report, err := run(t.Context(), o, tiny(), &out)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range figures() {
		s := spreadOf(report.series(f, Reference))
		if !(s.median >= 0) && f.base == "" {
			t.Errorf("%s: the reference has %v", f.id, s)
		}
	}
	if p50 := spreadOf(report.series(figureOf("fixed.p50"), Direct)); p50.least < 20 {
		t.Errorf("a direct call took %v ms, and the upstream waits 20 ms", p50)
	}
	if failed := spreadOf(report.series(figureOf(failedFigure), Direct)); failed.most != 0 {
		t.Errorf("%v direct calls failed", failed)
	}
	if !slices.Contains(report.Notes, "absent was not measured: it is not installed") {
		t.Errorf("notes %q do not say what is absent", report.Notes)
	}
	if !report.Failed() {
		t.Error("weir was not measured, and its musts hold")
	}
	if !strings.Contains(out.String(), "unary, saturated: CPU") {
		t.Errorf("the report is not in the output:\n%s", &out)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// Weir that cannot be started, or ends at once, is quoted, and is no reason to
// give up what the others measured.
func TestRunNotesATargetThatDies(t *testing.T) {
	script := filepath.Join(t.TempDir(), "weir")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho the disk is full >&2\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	o, err := Options{Dir: t.TempDir(), Rounds: 1, Scenarios: []string{"max"}}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	o.Targets = []Target{reference{exe: o.Executable}, weir{exe: script, dir: o.Dir}}
	report, err := run(t.Context(), o, tiny(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if notes := strings.Join(report.Notes, "\n"); !strings.Contains(notes, "the disk is full") {
		t.Errorf("the notes do not say why: %s", notes)
	}
	if len(report.Samples) == 0 {
		t.Error("the reference was not measured")
	}
}

func TestValidate(t *testing.T) {
	for _, o := range []Options{{Rounds: -1}, {Scenarios: []string{"max", "min"}}} {
		if o.Validate() == nil {
			t.Errorf("%+v is valid", o)
		}
	}
	if err := (Options{Quick: true, Scenarios: []string{"burst"}}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestInOrder(t *testing.T) {
	targets := []Target{direct{}, reference{}, weir{}}
	names := func(round int) (names []string) {
		for _, target := range inOrder(targets, round) {
			names = append(names, target.Name())
		}
		return names
	}
	if got := names(0); !slices.Equal(got, []string{Direct, Reference, Weir}) {
		t.Error(got)
	}
	if got := names(1); !slices.Equal(got, []string{Weir, Reference, Direct}) {
		t.Error(got)
	}
	if got := names(2); !slices.Equal(got, []string{Direct, Reference, Weir}) {
		t.Error(got)
	}
}
