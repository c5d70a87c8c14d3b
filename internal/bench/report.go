package bench

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is what a run found.
type Report struct {
	Machine Machine
	Command string
	Date    time.Time
	Rounds  int
	Quick   bool
	Targets []string // those measured, in order
	Samples []Sample
	Notes   []string // what was left out or went wrong
}

// Sample is one figure of one target in one round.
type Sample struct {
	Round  int
	Target string
	Figure string
	Value  float64
}

func (r *Report) note(format string, args ...any) {
	// A note is one line, and joined errors are several.
	r.Notes = append(r.Notes, strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "; "))
}

// measured is whether any target has the figure, or its base.
func (r Report) measured(id string) bool {
	f := figureOf(id)
	return slices.ContainsFunc(r.Samples, func(s Sample) bool { return s.Figure == id || s.Figure == f.base })
}

// series is a target's figure round by round, NaN where there is none. What is
// counted in several scenarios of a round adds up.
func (r Report) series(f figure, target string) []float64 {
	if f.base != "" {
		base := figureOf(f.base)
		return byRound(r.series(base, target), r.series(base, Direct), func(a, b float64) float64 { return a - b })
	}
	rounds := make([]float64, r.Rounds)
	for i := range rounds {
		rounds[i] = math.NaN()
	}
	for _, s := range r.Samples {
		if s.Figure != f.id || s.Target != target {
			continue
		}
		if math.IsNaN(rounds[s.Round]) {
			rounds[s.Round] = 0
		}
		rounds[s.Round] += s.Value
	}
	return rounds
}

// cell is "83 (80–87), 0.75 ×": median, least and most, ratio to the reference.
func (r Report) cell(f figure, target string) string {
	if target == Direct && (f.base != "" || f.ratio) {
		return "" // no proxy adds nothing and costs nothing
	}
	own := r.series(f, target)
	s := spreadOf(own)
	if math.IsNaN(s.median) {
		return ""
	}
	text := f.show(s.median)
	if r.Rounds > 1 {
		text += fmt.Sprintf(" (%s–%s)", f.show(s.least), f.show(s.most))
	}
	if f.ratio && target != Reference {
		ratio := spreadOf(byRound(own, r.series(f, Reference), func(a, b float64) float64 { return a / b }))
		if !math.IsNaN(ratio.median) && !math.IsInf(ratio.median, 0) {
			text += fmt.Sprintf(", %.2f ×", ratio.median)
		}
	}
	return text
}

// figureRows is the table of figures, its heading first.
func (r Report) figureRows() [][]string {
	rows := [][]string{append([]string{"figure", "unit"}, r.Targets...)}
	for _, f := range figures() {
		if !r.measured(f.id) {
			continue
		}
		row := []string{f.label, f.unit}
		for _, target := range r.Targets {
			row = append(row, r.cell(f, target))
		}
		rows = append(rows, row)
	}
	return rows
}

// verdictRows is the table of bounds, its heading first.
func (r Report) verdictRows() [][]string {
	rows := [][]string{{"weir", "measured", "must", "", "aim", ""}}
	for _, v := range r.Verdicts() {
		pass, reached := "FAIL", "missed"
		if v.Pass {
			pass = "PASS"
		}
		if v.Reached {
			reached = "reached"
		}
		rows = append(rows, []string{v.Figure, v.Measured, v.Must, pass, v.Aim, reached})
	}
	return rows
}

// circumstances is when, how and on what it was measured.
func (r Report) circumstances() []string {
	m := r.Machine
	how := fmt.Sprintf("%d rounds: median (least–most); ratios are medians of the rounds' ratios.", r.Rounds)
	if r.Rounds == 1 {
		how = "One round."
	}
	if r.Quick {
		how += " A quick run: windows are short, figures rough."
	}
	return []string{
		fmt.Sprintf("Measured %s with `%s`. %s", r.Date.UTC().Format("2006-01-02 15:04 MST"), r.Command, how),
		fmt.Sprintf("Machine: %s, %d cores, %d MiB, %s, Linux %s, %s; one synced write takes %.2f ms.",
			m.CPU, m.Cores, m.MemoryMiB, m.System, m.Kernel, m.Go, float64(m.Sync)/float64(time.Millisecond)),
		"Mock upstream, proxy and load client share it.",
	}
}

// Write writes the report for a terminal.
func (r Report) Write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", strings.Join(r.circumstances(), "\n"))
	for _, rows := range [][][]string{r.figureRows(), r.verdictRows()} {
		if len(rows) == 1 {
			continue
		}
		b.WriteByte('\n')
		table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		for _, row := range rows {
			fmt.Fprintln(table, strings.Join(row, "\t"))
		}
		if err := table.Flush(); err != nil {
			return fmt.Errorf("aligning the report: %w", err)
		}
	}
	if len(r.Notes) > 0 {
		fmt.Fprintf(&b, "\nNotes\n- %s\n", strings.Join(r.Notes, "\n- "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Markdown is the report as a section of docs/performance.md.
func (r Report) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "## The last run\n\n%s\n", strings.Join(r.circumstances(), " "))
	for _, rows := range [][][]string{r.figureRows(), r.verdictRows()} {
		if len(rows) == 1 {
			continue
		}
		b.WriteByte('\n')
		for i, row := range rows {
			fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
			if i == 0 {
				b.WriteString("|" + strings.Repeat("---|", len(row)) + "\n")
			}
		}
	}
	if len(r.Notes) > 0 {
		b.WriteByte('\n')
		for _, note := range r.Notes {
			fmt.Fprintf(&b, "- %s\n", note)
		}
	}
	return b.String()
}

// The section that WriteSection replaces stands between these lines.
const (
	sectionBegin = "<!-- written by weir bench: begin -->\n"
	sectionEnd   = "<!-- written by weir bench: end -->\n"
)

// WriteSection puts the report into the Markdown file at path: in place of the
// last one, else at the end. A file that does not exist is made.
func (r Report) WriteSection(path string) error {
	old, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		old, err = []byte("# Performance\n"), nil
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	section := sectionBegin + r.Markdown() + sectionEnd
	before, rest, found := strings.Cut(string(old), sectionBegin)
	_, after, closed := strings.Cut(rest, sectionEnd)
	if found && !closed {
		return fmt.Errorf("%s has %q without %q", path, strings.TrimSpace(sectionBegin), strings.TrimSpace(sectionEnd))
	}
	if !found {
		before = strings.TrimRight(before, "\n") + "\n\n"
	}
	if err := os.WriteFile(path, []byte(before+section+after), 0o644); err != nil { // a document in the checkout, for everybody to read
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
