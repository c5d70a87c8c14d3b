package main

import (
	"context"
	"flag"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// usageReport is one of the API's reports of usage: its numbers, the one that
// rows are ordered by first, and which of --user, --key and --model it takes. The
// API passes over what a report does not take, and would answer for everybody.
type usageReport struct {
	name    string
	numbers []number
	takes   string
}

type number struct{ head, field string }

var (
	tokenNumbers = []number{
		{"INPUT", "input_tokens"}, {"CACHED", "input_cached_tokens"}, {"OUTPUT", "output_tokens"}, {"REQUESTS", "num_model_requests"},
	}
	inputNumbers = []number{{"INPUT", "input_tokens"}, {"REQUESTS", "num_model_requests"}}
)

var usageReportNames = []usageReport{
	{"completions", tokenNumbers, "user key model"},
	{"decisions", tokenNumbers, "user key model"},
	{"embeddings", inputNumbers, "user key model"},
	{"moderations", inputNumbers, "user key model"},
	{"images", []number{{"IMAGES", "images"}, {"REQUESTS", "num_model_requests"}}, "user key model"},
	{"audio_speeches", []number{{"CHARACTERS", "characters"}, {"REQUESTS", "num_model_requests"}}, "user key model"},
	{"audio_transcriptions", []number{{"SECONDS", "seconds"}, {"REQUESTS", "num_model_requests"}}, "user key model"},
	{"vector_stores", []number{{"BYTES", "usage_bytes"}}, ""},
	{"code_interpreter_sessions", []number{{"SESSIONS", "num_sessions"}}, ""},
	{"file_search_calls", []number{{"CALLS", "num_requests"}}, "user key"},
	{"web_search_calls", []number{{"CALLS", "num_requests"}, {"REQUESTS", "num_model_requests"}}, "user key model"},
}

func usageCommand() resource {
	names := make([]string, len(usageReportNames))
	for i, u := range usageReportNames {
		names[i] = u.name
	}
	return resource{
		name: "usage", summary: "what was used, by project, key, model and time",
		verbs: []verb{{"", "[REPORT]", "what was used, without --start in the last 7 days and today, in one of the reports\n" +
			wrapped(names, 80), []string{
			"weir usage",
			"weir usage embeddings --start 30d --by project,model",
			"weir usage --start today --width 1h --project 'Support chat'",
			"weir usage --start 2026-10-01 --end 2026-11-01 --by key --json",
		}, usageOf}},
	}
}

// wrapped writes words with commas between them on lines of at most width.
func wrapped(words []string, width int) string {
	var out strings.Builder
	line := 0
	for i, w := range words {
		if i < len(words)-1 {
			w += ","
		}
		if line > 0 && line+1+len(w) > width {
			out.WriteByte('\n')
			line = 0
		} else if line > 0 {
			out.WriteByte(' ')
			line++
		}
		out.WriteString(w)
		line += len(w)
	}
	return out.String()
}

func usageOf(fs *flag.FlagSet) action {
	var q report
	q.flags(fs, "1d, 1h or 1m", "project, user, key, model, tier, batch")
	fs.Var(&q.models, "model", "only of this `MODEL`; several may be given")
	return func(ctx context.Context, r *remote, args []string) error {
		name := "completions"
		if len(args) > 0 {
			name = strings.ReplaceAll(args[0], "-", "_")
		}
		at := slices.IndexFunc(usageReportNames, func(u usageReport) bool { return u.name == name })
		if at < 0 {
			return usageError{fmt.Errorf("there is no report %q; see 'weir usage --help'", args[0])}
		}
		u := usageReportNames[at]
		for name, values := range map[string]many{"user": q.users, "key": q.keys, "model": q.models} {
			if len(values) > 0 && !strings.Contains(u.takes, name) {
				return usageError{fmt.Errorf("the report %s cannot be cut down by --%s", u.name, name)}
			}
		}
		w, err := q.choose(usageWidths)
		if err != nil {
			return err
		}
		columns := make([]column, len(u.numbers))
		for i, n := range u.numbers {
			columns[i] = column{head: n.head, right: true}
		}
		return q.run(ctx, r, "/v1/organization/usage/"+u.name, w, columns, func() sum { return newCounts(u.numbers) })
	}
}

// counts adds up whole numbers, however large.
type counts struct {
	numbers []number
	sums    []big.Int
}

func newCounts(numbers []number) *counts {
	return &counts{numbers, make([]big.Int, len(numbers))}
}

func (c *counts) add(result gjson.Result) error {
	for i, n := range c.numbers {
		v := result.Get(n.field)
		if v.Type == gjson.Null {
			continue // a part that is not known
		}
		whole, ok := new(big.Int).SetString(v.Raw, 10)
		if !ok {
			return fmt.Errorf("the report has %s for %s, which is no whole number", plain(v.Raw), n.field)
		}
		c.sums[i].Add(&c.sums[i], whole)
	}
	return nil
}

func (c *counts) cells() []string {
	cells := make([]string, len(c.sums))
	for i := range c.sums {
		cells[i] = c.sums[i].String()
	}
	return cells
}

func (c *counts) compare(other sum) int {
	o, ok := other.(*counts)
	if !ok {
		return 0
	}
	for i := range c.sums {
		if order := o.sums[i].Cmp(&c.sums[i]); order != 0 {
			return order
		}
	}
	return 0
}
