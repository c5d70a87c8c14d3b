package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"weir/internal/apiclient"
)

// remotes are the commands that call a running weir.
func remotes() []resource {
	return []resource{
		projectsCommand(), serviceAccountsCommand(), keysCommand(), usersCommand(), invitesCommand(),
		groupsCommand(), rolesCommand(), limitsCommand(),
		usageCommand(), costsCommand(), requestsCommand(), explainCommand(),
		applyCommand(), exportCommand(),
	}
}

func remoteCommands() []command {
	var all []command
	for _, res := range remotes() {
		all = append(all, res.command())
	}
	return all
}

// resource is a command that calls a running weir: a noun and what can be done
// with it.
type resource struct {
	name    string
	summary string // in the list of commands
	about   string // below the usage line
	verbs   []verb
}

// verb is one thing to do. Its name is "" where the noun is the whole command.
type verb struct {
	name     string
	args     string // as in the usage line: "PROJECT", "KEY...", "[REPORT]"
	about    string
	examples []string
	setup    func(fs *flag.FlagSet) action
}

// action does what a verb says, once its flags are parsed.
type action func(ctx context.Context, r *remote, args []string) error

// command is the resource's entry in the list of commands.
func (res resource) command() command {
	words := make([]string, len(res.verbs))
	for i, v := range res.verbs {
		words[i] = v.name
		if v.name == "" {
			words[i] = v.args
		}
	}
	return command{res.name, strings.Join(words, "|") + " [flags]", res.summary, res.run}
}

func (res resource) run(ctx context.Context, c *cli, args []string) error {
	if len(res.verbs) == 1 && res.verbs[0].name == "" {
		return res.verbs[0].run(ctx, c, "weir "+res.name, args)
	}
	if len(args) == 0 {
		return usageError{fmt.Errorf("say what to do: weir %s %s", res.name, strings.Join(res.words(), ", "))}
	}
	if isHelp(args[0]) {
		if len(args) == 1 {
			return res.help(c.stdout)
		}
		args = []string{args[1], "--help"}
	}
	for _, v := range res.verbs {
		if v.name == args[0] {
			return v.run(ctx, c, "weir "+res.name+" "+v.name, args[1:])
		}
	}
	return usageError{fmt.Errorf("weir %s does not know %q; it knows %s", res.name, args[0], strings.Join(res.words(), ", "))}
}

func isHelp(arg string) bool {
	return arg == "help" || arg == "-h" || arg == "-help" || arg == "--help"
}

func (res resource) words() []string {
	words := make([]string, len(res.verbs))
	for i, v := range res.verbs {
		words[i] = v.name
	}
	return words
}

func (res resource) help(w io.Writer) error {
	var out strings.Builder
	fmt.Fprintf(&out, "Usage: weir %s VERB\n\n%s\n\n", res.name, res.about)
	width := 0
	for _, v := range res.verbs {
		width = max(width, len(v.name+" "+v.args))
	}
	for _, v := range res.verbs {
		fmt.Fprintf(&out, "  %-*s  %s\n", width, strings.TrimSpace(v.name+" "+v.args), v.about)
	}
	fmt.Fprintf(&out, "\n'weir %s VERB --help' says what a verb takes, with examples.\n", res.name)
	_, err := io.WriteString(w, out.String())
	return err
}

func (v verb) run(ctx context.Context, c *cli, name string, args []string) error {
	fs := flags(name)
	do := v.setup(fs)
	help := v.help(name, fs) // before the common flags are in the set
	var to connection
	to.flags(fs)
	words, err := interspersed(fs, args)
	if errors.Is(err, flag.ErrHelp) {
		_, err := io.WriteString(c.stdout, help)
		return err
	}
	if err == nil {
		err = v.count(words)
	}
	if err != nil {
		return usageError{fmt.Errorf("%w ('%s --help' says what it takes)", err, name)}
	}
	r, err := to.connect(c)
	if err != nil {
		return err
	}
	if err = do(ctx, r, words); errors.Is(err, context.Canceled) {
		return errors.New("interrupted")
	}
	return err
}

// interspersed parses flags wherever they stand between the arguments, up to --.
func interspersed(fs *flag.FlagSet, args []string) (positional []string, err error) {
	var rest []string
	if i := slices.Index(args, "--"); i >= 0 {
		args, rest = args[:i], args[i+1:]
	}
	for {
		if err := fs.Parse(args); err != nil {
			return nil, err
		}
		if fs.NArg() == 0 {
			return append(positional, rest...), nil
		}
		positional, args = append(positional, fs.Arg(0)), fs.Args()[1:]
	}
}

// count checks the arguments against the usage line.
func (v verb) count(args []string) error {
	least, most := 0, 0
	for _, word := range strings.Fields(v.args) {
		if most++; !strings.HasPrefix(word, "[") {
			least++
		}
		if strings.Contains(word, "...") {
			most = max(most, 1000)
		}
	}
	switch {
	case len(args) < least:
		return fmt.Errorf("%s is missing", strings.Fields(v.args)[len(args)])
	case len(args) > most:
		return fmt.Errorf("unexpected argument %q", args[most])
	}
	for _, a := range args {
		if err := apiclient.Segment(a); err != nil {
			return err
		}
	}
	return nil
}

func (v verb) help(name string, fs *flag.FlagSet) string {
	var out strings.Builder
	fmt.Fprintf(&out, "Usage: %s\n\n%s\n", strings.Join(strings.Fields(name+" "+v.args+" [flags]"), " "), sentence(v.about))
	began := false
	fs.VisitAll(func(f *flag.Flag) {
		if !began {
			out.WriteString("\nFlags:\n")
			began = true
		}
		placeholder, text := flag.UnquoteUsage(f)
		line := "  --" + f.Name
		if placeholder != "" {
			line += " " + placeholder
		}
		if len(line) < 23 {
			fmt.Fprintf(&out, "%-23s  %s\n", line, text)
		} else {
			fmt.Fprintf(&out, "%s\n%25s%s\n", line, "", text)
		}
	})
	out.WriteString(connectionHelp)
	if len(v.examples) > 0 {
		out.WriteString("\nExamples:\n")
		for _, e := range v.examples {
			fmt.Fprintf(&out, "  %s\n", e)
		}
	}
	return out.String()
}

// sentence makes one of the words in a list of verbs.
func sentence(s string) string {
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// many is a flag that may be given several times, and take several values with
// commas between them.
type many []string

// String implements flag.Value.
func (m *many) String() string { return strings.Join(*m, ",") }

// Set implements flag.Value.
func (m *many) Set(s string) error {
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part == "" {
			return errors.New("an empty value")
		}
		*m = append(*m, part)
	}
	return nil
}
