package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"weir/internal/audit"
	"weir/internal/org"
)

const ipAllowlistsHelp = `Usage: weir ip-allowlists deactivate [--organization ID] [flags]

Deactivates the organization's active IP allowlists, those of its projects left
out: for administrators whose address is in none of them any more, and who can
therefore not do it over the API. The lists are kept and can be activated again.
It may run beside a server, which follows within a second. --organization may be
left out where there is one.
`

func runIPAllowlists(ctx context.Context, c *cli, args []string) error {
	usage := func(w io.Writer) {
		_, _ = io.WriteString(w, ipAllowlistsHelp)
		printSettings(w)
	}
	if len(args) == 0 || args[0] != "deactivate" {
		if len(args) > 0 && (strings.TrimLeft(args[0], "-") == "help" || args[0] == "-h") {
			usage(c.stdout)
			return nil
		}
		return usageError{errors.New("say what to do: weir ip-allowlists deactivate")}
	}
	fs := flags("ip-allowlists deactivate")
	organization := fs.String("organization", "", "")
	load := settings(fs)
	if err := parse(c, fs, args[1:], usage); err != nil {
		return ended(err)
	}
	cfg, err := load(c)
	if err != nil {
		return err
	}
	store, db, err := openLog(ctx, cfg)
	if err != nil {
		return err
	}
	err = deactivateIPAllowlists(ctx, c, store, *organization)
	return errors.Join(err, db.Close())
}

func deactivateIPAllowlists(ctx context.Context, c *cli, store org.Store, organizationID string) error {
	var active []org.IPAllowlist
	err := store.View(ctx, func(r org.Reader) error {
		var err error
		if organizationID, err = theOrganization(ctx, r, organizationID); err != nil {
			return err
		}
		active, err = r.ActiveIPAllowlists(ctx, organizationID)
		return err
	})
	if err != nil {
		return err
	}
	active = slices.DeleteFunc(active, func(l org.IPAllowlist) bool { return l.ProjectID != "" })
	if len(active) == 0 {
		_, err := fmt.Fprintf(c.stdout, "%s has no active IP allowlist; it may be called from everywhere.\n", organizationID)
		return err
	}
	service := &org.Service{Store: store, Feed: noFeed{}, Now: time.Now}
	for _, l := range active {
		if _, err := service.ToggleIPAllowlist(ctx, audit.System(organizationID), l.ID, false); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(c.stdout, "deactivated %s (%s): %s\n", l.ID, l.Name, strings.Join(l.AllowedIPs, ", ")); err != nil {
			return err
		}
	}
	return nil
}

// theOrganization is the one with this id, or the only one there is.
func theOrganization(ctx context.Context, r org.Reader, organizationID string) (string, error) {
	all, err := r.Organizations(ctx)
	if err != nil {
		return "", err
	}
	if organizationID == "" && len(all) != 1 {
		return "", usageError{fmt.Errorf("there are %d organizations: name one with --organization", len(all))}
	}
	for _, o := range all {
		if organizationID == "" || o.ID == organizationID {
			return o.ID, nil
		}
	}
	return "", fmt.Errorf("there is no organization %q", organizationID)
}
