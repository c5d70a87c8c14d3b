package main

import (
	"context"
	"io"
)

func runCheckConfig(_ context.Context, c *cli, args []string) error {
	fs := flags("check-config")
	cfg, err := configure(c, fs, args, "Usage: weir check-config [flags]\n\nReads the configuration as 'weir serve' would and prints what is in force, as a\nweir.yaml without secrets. Exit code 2 says that it is not valid.\n")
	if err != nil {
		return ended(err)
	}
	_, err = io.WriteString(c.stdout, cfg.String())
	return err
}
