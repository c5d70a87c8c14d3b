package main

import (
	"context"
	"errors"
	"flag"
	"slices"

	"weir/internal/orgfile"
)

func exportCommand() resource {
	return resource{
		name: "export", summary: "write the organization as a file for 'weir apply'",
		verbs: []verb{{
			"", "", "write the organization as a file for 'weir apply', to standard output",
			[]string{"weir export > org.yaml", "weir export --owner platform > org.yaml"}, exportOrganization,
		}},
	}
}

func exportOrganization(fs *flag.FlagSet) action {
	owner := fs.String("owner", "", "the `NAME` under which an apply of the file owns what it creates")
	return func(ctx context.Context, r *remote, _ []string) error {
		if r.json || r.quiet {
			return usageError{errors.New("what is exported is YAML: --json and --quiet are for other commands")}
		}
		world, err := orgfile.ReadAll(ctx, r.api)
		if err != nil {
			return err
		}
		file, err := world.File()
		if err != nil {
			return err
		}
		file.Owner = *owner
		_, err = r.c.stdout.Write(orgfile.Write(file))
		return err
	}
}

// archivesLeft are the projects that a plan archives and nobody has named yet.
func archivesLeft(p orgfile.Plan, named []string) []string {
	return slices.DeleteFunc(p.Archives(), func(name string) bool { return slices.Contains(named, name) })
}
