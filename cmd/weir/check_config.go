package main

import (
	"context"
	"fmt"
	"io"
)

func runCheckConfig(_ context.Context, c *cli, args []string) error {
	fs := flags("check-config")
	load := settings(fs)
	err := parse(c, fs, args, func(w io.Writer) {
		_, _ = fmt.Fprint(w, "Usage: weir check-config [flags]\n\nReads the configuration as 'weir serve' would and prints what is in force, as a\nweir.yaml without secrets. Exit code 2 says that it is not valid.\n")
		printSettings(w)
	})
	if err != nil {
		return ended(err)
	}
	cfg, err := load(c)
	if err != nil {
		return err
	}
	_, err = io.WriteString(c.stdout, cfg.String())
	return err
}
