package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"weir/internal/config"
	"weir/internal/vault"
)

// flags returns a flag set that leaves it to parse to say what is wrong.
func flags(name string) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	return fs
}

// errHelp ends a command that printed its help.
var errHelp = errors.New("help")

// parse reads args; --help prints the usage and ends the command well.
func parse(c *cli, fs *flag.FlagSet, args []string, usage func(io.Writer)) error {
	err := fs.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		usage(c.stdout)
		return errHelp
	}
	if err != nil {
		return usageError{err}
	}
	if fs.NArg() > 0 {
		return usageError{fmt.Errorf("unexpected argument %q", fs.Arg(0))}
	}
	return nil
}

// ended turns the end of a command that only printed its help into success.
func ended(err error) error {
	if errors.Is(err, errHelp) {
		return nil
	}
	return err
}

// settings adds a flag for every setting and returns what loads the
// configuration once the flags are parsed.
func settings(fs *flag.FlagSet) (load func(c *cli) (config.Config, error)) {
	file := fs.String("config", "", "")
	given := map[string]string{}
	for _, s := range config.Settings() {
		if s.Switch {
			fs.BoolFunc(s.Flag, s.Help, func(v string) error { given[s.Flag] = v; return nil })
			continue
		}
		fs.Func(s.Flag, s.Help, func(v string) error { given[s.Flag] = v; return nil })
	}
	return func(c *cli) (config.Config, error) {
		cfg, err := config.Load(config.LoadOptions{File: *file, Env: c.env, Flags: given, Foreign: connectionVariables()})
		if err == nil && cfg.MasterKey != "" { // with a key, nothing is read or made
			_, _, err = vault.LoadMasterKeys(cfg.MasterKey.Reveal(), "")
		}
		if err != nil {
			return config.Config{}, usageError{err}
		}
		return cfg, nil
	}
}

// configure parses the flags of a command that takes every setting and loads the
// configuration. help is what --help prints above the settings. Its error goes
// through ended.
func configure(c *cli, fs *flag.FlagSet, args []string, help string) (config.Config, error) {
	load := settings(fs)
	err := parse(c, fs, args, func(w io.Writer) {
		_, _ = io.WriteString(w, help)
		printSettings(w)
	})
	if err != nil {
		return config.Config{}, err
	}
	return load(c)
}

// printSettings writes the table of settings.
func printSettings(w io.Writer) {
	_, _ = fmt.Fprint(w, "\nSettings: defaults, then weir.yaml (--config FILE), then the environment, then flags.\n\n")
	for _, s := range config.Settings() {
		env := s.Env
		if s.FileEnv != "" {
			env += " or " + s.FileEnv
		}
		_, _ = fmt.Fprintf(w, "  --%s\n      %s\n      %s; default: %s\n", s.Flag, s.Help, env, orNone(s.Default))
	}
}

func orNone(s string) string {
	if strings.TrimSpace(s) == "" {
		return "none"
	}
	return s
}
