package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"weir/internal/bench"
)

func runBench(ctx context.Context, c *cli, args []string) error {
	if len(args) > 0 && args[0] == "child" {
		if code := bench.Child(args[1:]); code != 0 {
			return errReported
		}
		return nil
	}
	fs := flags("bench")
	quick := fs.Bool("quick", false, "one short round: a good minute in all")
	rounds := fs.Int("rounds", 0, "how often everything is measured; default 5, or 1 with -quick")
	scenarios := fs.String("scenarios", "", "comma-separated: "+strings.Join(bench.ScenarioNames(), ", ")+"; default all")
	dir := fs.String("dir", "", "where data directories are made; default the system's temporary directory")
	out := fs.String("out", "", "also put the report into this Markdown file, in place of the last one")
	strict := fs.Bool("strict", false, "fail when a target is missed")
	err := parse(c, fs, args, func(w io.Writer) {
		_, _ = fmt.Fprint(w, "Usage: weir bench [flags]\n\nMeasures weir beside a direct call, Go's ReverseProxy and, where it is installed,\nnginx: CPU time per call and chunk, added latency, memory per stream.\n\n")
		fs.SetOutput(w)
		fs.PrintDefaults()
	})
	if err != nil {
		return ended(err)
	}
	o := bench.Options{Quick: *quick, Rounds: *rounds, Dir: *dir, Command: "make bench"}
	if len(args) > 0 {
		o.Command += " BENCH_FLAGS='" + strings.Join(args, " ") + "'"
	}
	if *scenarios != "" {
		o.Scenarios = strings.Split(*scenarios, ",")
	}
	if err := o.Validate(); err != nil {
		return usageError{err}
	}
	report, err := bench.Run(ctx, o, c.stdout)
	if err != nil {
		return err
	}
	if *out != "" {
		if err := report.WriteSection(*out); err != nil {
			return err
		}
	}
	if *strict && report.Failed() {
		return errors.New("a target was missed")
	}
	return nil
}
