package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"weir/internal/config"
	"weir/internal/id"
	"weir/internal/identity"
	"weir/internal/org"
	"weir/internal/sqldb"
	"weir/internal/sqlstore"
)

// noFeed is for commands that change the control plane beside a running
// server: its own feed finds the change by polling.
type noFeed struct{}

func (noFeed) Committed(context.Context, int64) {}

func runOrganizations(ctx context.Context, c *cli, args []string) error {
	usage := func(w io.Writer) {
		_, _ = fmt.Fprint(w, `Usage: weir organizations create --name NAME --owner-email ADDRESS [flags]

Adds an organization to this install, with an owner, an admin key, a default
project and a default workspace. The secrets are printed once. It may run beside
a server on the same database. The owner's password is read from the environment
variable WEIR_BOOTSTRAP_OWNER_PASSWORD (or _FILE), else generated.
`)
		printSettings(w)
	}
	if len(args) == 0 || args[0] != "create" {
		if len(args) > 0 && strings.TrimLeft(args[0], "-") == "help" {
			usage(c.stdout)
			return nil
		}
		return usageError{errors.New("say what to do: weir organizations create")}
	}
	fs := flags("organizations create")
	name := fs.String("name", "", "")
	email := fs.String("owner-email", "", "")
	load := settings(fs)
	if err := parse(c, fs, args[1:], usage); err != nil {
		return ended(err)
	}
	if *name == "" || *email == "" {
		return usageError{errors.New("--name and --owner-email must be given")}
	}
	cfg, err := load(c)
	if err != nil {
		return err
	}
	if err := requireInstall(cfg); err != nil {
		return err
	}
	db, err := sqldb.Open(ctx, cfg.DatabaseURL)
	if err != nil {
		return err
	}
	err = createOrganization(ctx, c, cfg, db, *name, *email)
	return errors.Join(err, db.Close())
}

func createOrganization(ctx context.Context, c *cli, cfg config.Config, db *sqldb.DB, name, email string) error {
	store, err := sqlstore.Open(ctx, db)
	if err != nil {
		return err
	}
	password, shown := cfg.Bootstrap.OwnerPassword.Reveal(), "as configured"
	if password == "" {
		password = id.Secret("")[:24]
		shown = password
	}
	if len(password) < identity.MinPasswordLength {
		return errShortPassword()
	}
	hash, err := identity.HashPassword(password)
	if err != nil {
		return err
	}
	key := id.Secret(id.AdminSecret)
	service := &org.Service{Store: store, Feed: noFeed{}, Now: time.Now}
	o, err := service.CreateOrganization(ctx, org.NewOrganization{
		Name: name, OwnerEmail: email, OwnerName: "Owner", PasswordHash: hash, AdminSecret: key,
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.stdout, "created the organization %s (%s)\n  admin key:  %s\n  sign-in:    %s\n  password:   %s\nThis is shown once.\n", o.ID, o.Name, key, email, shown)
	return err
}
