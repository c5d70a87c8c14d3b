// Package bench measures weir beside other proxies on one machine: a mock
// upstream, the proxy and a load client, each proxy in a process of its own.
//
// What counts is the CPU time that the proxy's process spends per call or per
// relayed chunk, the latency it adds to a direct call, and the memory an open
// stream costs. Absolute figures belong to the machine; the ratio to the
// reference, Go's own ReverseProxy measured a moment before or after, travels.
//
// Every measurement gets a fresh mock and a fresh proxy. Rounds go through the
// scenarios, and within a scenario through the targets, so that what is compared
// is close in time; every other round takes the targets in reverse order.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Options of a run. The zero value measures everything, in five rounds.
type Options struct {
	// Quick takes one round with short windows, a minute or two in all: enough to
	// see a regression, not to publish.
	Quick bool
	// Rounds is how often everything is measured; 0 is 5, or 1 when Quick.
	Rounds int
	// Scenarios to run, by name; all where empty.
	Scenarios []string
	// Targets to measure, in the order of the report; DefaultTargets where nil.
	// The one named Reference is what ratios refer to.
	Targets []Target
	// Executable is a binary whose "bench child" calls Child; this process's own
	// where empty.
	Executable string
	// WeirExecutable is the weir that is measured; Executable where empty.
	WeirExecutable string
	// WeirEnv is added to the environment of weir's process: "GOGC=400".
	WeirEnv []string
	// Dir is where data directories are made: on the disk whose syncs are to be
	// in the figures. The system's temporary directory where empty.
	Dir string
	// Command is shown in the report: how to repeat the run.
	Command string
}

// Validate says what is wrong with the options.
func (o Options) Validate() error {
	if o.Rounds < 0 {
		return errors.New("rounds must not be negative")
	}
	for _, name := range o.Scenarios {
		if !slices.Contains(ScenarioNames(), name) {
			return fmt.Errorf("there is no scenario %q: there are %s", name, strings.Join(ScenarioNames(), ", "))
		}
	}
	return nil
}

// withDefaults fills what was left empty.
func (o Options) withDefaults() (Options, error) {
	if o.Rounds == 0 {
		o.Rounds = 5
		if o.Quick {
			o.Rounds = 1
		}
	}
	if len(o.Scenarios) == 0 {
		o.Scenarios = ScenarioNames()
	}
	if o.Dir == "" {
		o.Dir = os.TempDir()
	}
	if o.Command == "" {
		o.Command = "weir bench"
	}
	if o.Executable == "" {
		exe, err := os.Executable()
		if err != nil {
			return o, fmt.Errorf("finding this program's own file: %w", err)
		}
		o.Executable = exe
	}
	if o.WeirExecutable == "" {
		o.WeirExecutable = o.Executable
	}
	if o.Targets == nil {
		o.Targets = DefaultTargets(o)
	}
	return o, nil
}

// Run measures, writing a line per measurement and then the report to w. A
// target that cannot be measured is a note in the report and, where it is weir,
// a failed must; the error is for what ends the run: bad options, a machine
// without /proc, ctx done.
func Run(ctx context.Context, o Options, w io.Writer) (Report, error) {
	if err := o.Validate(); err != nil {
		return Report{}, err
	}
	o, err := o.withDefaults()
	if err != nil {
		return Report{}, err
	}
	p := full()
	if o.Quick {
		p = quick()
	}
	return run(ctx, o, p, w)
}

func run(ctx context.Context, o Options, p plan, w io.Writer) (Report, error) {
	if runtime.GOOS != "linux" {
		return Report{}, errors.New("the benchmark reads CPU time and memory from /proc: it needs Linux")
	}
	files, err := raiseOpenFiles()
	if err != nil {
		return Report{}, err
	}
	m, err := describeMachine(o.Dir)
	if err != nil {
		return Report{}, err
	}
	r := Report{Machine: m, Command: o.Command, Date: time.Now(), Rounds: o.Rounds, Quick: o.Quick}
	for _, note := range p.fit(files) {
		r.note("%s", note)
	}
	h := harness{options: o, plan: p, report: &r, out: w}
	scenarios := slices.DeleteFunc(p.scenarios(), func(s scenario) bool { return !slices.Contains(o.Scenarios, s.name) })
	targets := h.present()
	for round := range o.Rounds {
		for _, s := range scenarios {
			for _, t := range inOrder(targets, round) {
				if err := h.measure(ctx, round, s, t); err != nil {
					return r, err
				}
			}
		}
	}
	return r, r.Write(w)
}

// harness carries one run.
type harness struct {
	options Options
	plan    plan
	report  *Report
	out     io.Writer
}

// present is the targets that can run here; the others are noted.
func (h *harness) present() []Target {
	var here []Target
	for _, t := range h.options.Targets {
		if err := t.Present(); err != nil {
			h.report.note("%s was not measured: %v", t.Name(), err)
			continue
		}
		here = append(here, t)
		h.report.Targets = append(h.report.Targets, t.Name())
	}
	return here
}

// inOrder reverses the targets in every other round, so that none is always the
// first on a cold machine or the last on a hot one.
func inOrder(targets []Target, round int) []Target {
	targets = slices.Clone(targets)
	if round%2 == 1 {
		slices.Reverse(targets)
	}
	return targets
}

// measure runs one scenario on one target and keeps its figures. Only the end of
// ctx is an error: what else goes wrong is noted, and the run goes on.
func (h *harness) measure(ctx context.Context, round int, s scenario, t Target) error {
	if t.Name() == Direct && !s.direct {
		return nil
	}
	name := fmt.Sprintf("round %d/%d  %-11s %-10s", round+1, h.options.Rounds, s.name, t.Name())
	values, err := h.once(ctx, s, t)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		h.report.note("%s, %s, round %d: %v", t.Name(), s.name, round+1, err)
		_, err = fmt.Fprintf(h.out, "%s %v\n", name, err)
		return err
	}
	var shown []string
	for _, v := range values {
		h.report.Samples = append(h.report.Samples, Sample{Round: round, Target: t.Name(), Figure: v.figure, Value: v.value})
		if v.why != nil {
			h.report.note("%s, %s, round %d: %.0f failed, the first so: %v", t.Name(), s.name, round+1, v.value, v.why)
		}
		f := figureOf(v.figure)
		if f.always || v.value != 0 {
			shown = append(shown, f.show(v.value)+" "+f.unit)
		}
	}
	_, err = fmt.Fprintf(h.out, "%s %s\n", name, strings.Join(shown, ", "))
	return err
}

func (h *harness) once(ctx context.Context, s scenario, t Target) (values []value, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.atMost)
	defer cancel()
	upstream, err := startMock(ctx, h.options.Executable, s.upstream)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, upstream.Stop()) }()
	target, err := t.Start(ctx, upstream.URL)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", t.Name(), err)
	}
	// The upstream goes first: a proxy that reads on after its callers have left
	// then has nothing to wait for.
	defer func() { err = errors.Join(err, upstream.Stop(), target.Stop()) }()
	c := newClient(target.URL, target.Key)
	defer c.close()
	if err := c.warmUp(ctx, s.callers, s.body); err != nil {
		return nil, err
	}
	return s.run(ctx, c, process{target.PID})
}
