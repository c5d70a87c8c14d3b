package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"

	"weir/internal/config"
	"weir/internal/gateway"
	"weir/internal/id"
	"weir/internal/identity"
	"weir/internal/org"
	"weir/internal/routing"
	"weir/internal/server"
	"weir/internal/telemetry"
	"weir/internal/upstream"
	"weir/internal/vault"
)

func runServe(ctx context.Context, c *cli, args []string) error {
	fs := flags("serve")
	cfg, err := configure(c, fs, args, "Usage: weir serve [flags]\n\nServes the gateway, the Admin API and weir's own API.\n")
	if err != nil {
		return ended(err)
	}
	log, flush, err := telemetry.NewLogger(c.stderr, cfg.Log.Format, cfg.Log.Level)
	if err != nil {
		return usageError{err}
	}
	defer func() { _ = flush() }() // stderr is where it would be said
	return serve(ctx, cfg, log, c.stdout, nil)
}

// serve runs a node until ctx ends. prepare, if not nil, is called once it is
// listening, with its address.
func serve(ctx context.Context, cfg config.Config, log *slog.Logger, stdout io.Writer, prepare func(context.Context, *node, string) error) error {
	paceCollector()
	// First, so that an address that is taken leaves no half-begun install.
	listener, err := server.Listen(ctx, cfg.Listen)
	if err != nil {
		return fmt.Errorf("%w; WEIR_LISTEN or --listen names another address", err)
	}
	defer listener.Close() // serving has closed it already
	n, err := open(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer func() {
		if err := n.Close(); err != nil {
			log.Error("closing the stores", "error", err)
		}
	}()
	if err := n.openMail(publicURL(cfg, listener)); err != nil {
		return err
	}
	if err := n.bootstrap(ctx, stdout); err != nil {
		return err
	}
	address := addressOf(cfg, listener)
	log.Info("serving", "address", address, "version", version, "data_dir", cfg.DataDir)
	if prepare == nil {
		return n.Serve(ctx, listener)
	}
	return n.serveAnd(ctx, listener, func(ctx context.Context) error { return prepare(ctx, n, address) })
}

// serveAnd serves while it calls prepare; an error of prepare ends both.
func (n *node) serveAnd(ctx context.Context, listener net.Listener, prepare func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	prepared := make(chan error, 1)
	go func() {
		err := prepare(ctx)
		if err != nil {
			cancel()
		}
		prepared <- err
	}()
	served := n.Serve(ctx, listener)
	cancel()
	return errors.Join(<-prepared, served)
}

func addressOf(cfg config.Config, listener net.Listener) string {
	scheme := "http"
	if cfg.TLS.CertFile != "" {
		scheme = "https"
	}
	return scheme + "://" + listener.Addr().String()
}

// bootstrapKeyFile is where the first admin key is left: whoever can read the
// data directory can read the master key beside it.
const bootstrapKeyFile = "bootstrap-admin-key"

// bootstrap creates the first organization when there is none. What it
// generates is printed once, to stdout and never through the logger.
func (n *node) bootstrap(ctx context.Context, stdout io.Writer) error {
	exists, err := n.hasOrganization(ctx)
	if err != nil || exists {
		return err
	}
	key, generated, err := n.firstKey()
	if err != nil {
		return err
	}
	password, passwordGenerated := n.cfg.Bootstrap.OwnerPassword.Reveal(), false
	if password == "" {
		password, passwordGenerated = id.Secret("")[:24], true
	}
	if len(password) < identity.MinPasswordLength {
		return errShortPassword()
	}
	hash, err := identity.HashPassword(password)
	if err != nil {
		return err
	}
	o, err := n.org.CreateOrganization(ctx, org.NewOrganization{
		Name: "Default organization", OwnerEmail: n.cfg.Bootstrap.OwnerEmail, OwnerName: "Owner",
		PasswordHash: hash, AdminSecret: key, First: true,
	})
	if errors.Is(err, org.ErrNotFirst) { // another node was faster, and has the key that counts
		if generated {
			return os.Remove(filepath.Join(n.cfg.DataDir, bootstrapKeyFile))
		}
		return nil
	}
	if err != nil {
		return err
	}
	var said strings.Builder
	fmt.Fprintf(&said, "weir: created the organization %s.\n", o.ID)
	if generated {
		fmt.Fprintf(&said, "  admin key:  %s\n              (also in %s)\n", key, filepath.Join(n.cfg.DataDir, bootstrapKeyFile))
	}
	if passwordGenerated {
		fmt.Fprintf(&said, "  sign-in:    %s\n  password:   %s\n", n.cfg.Bootstrap.OwnerEmail, password)
	}
	if generated || passwordGenerated {
		said.WriteString("This is shown once.\n")
	}
	_, err = io.WriteString(stdout, said.String())
	return err
}

func errShortPassword() error {
	return usageError{fmt.Errorf("WEIR_BOOTSTRAP_OWNER_PASSWORD must have at least %d characters", identity.MinPasswordLength)}
}

func (n *node) hasOrganization(ctx context.Context) (bool, error) {
	var exists bool
	err := n.store.View(ctx, func(r org.Reader) error {
		organizations, err := r.Organizations(ctx)
		exists = len(organizations) > 0
		return err
	})
	return exists, err
}

// firstKey is the configured first admin key, else a generated one. The
// generated one is on disk before it is in the database, so that a crash in
// between does not leave a key that nobody knows.
func (n *node) firstKey() (key string, generated bool, err error) {
	if key := n.cfg.Bootstrap.AdminKey.Reveal(); key != "" {
		return key, false, nil
	}
	path := filepath.Join(n.cfg.DataDir, bootstrapKeyFile)
	raw, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(raw)), true, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", false, fmt.Errorf("reading %s: %w", path, err)
	}
	key = id.Secret(id.AdminSecret)
	if err := writeFile(path, key+"\n"); err != nil {
		return "", false, fmt.Errorf("writing %s: %w", path, err)
	}
	return key, true, nil
}

// checkMasterKeyThere refuses to go on without the master key when the database
// holds what only that key opens. A fresh one would be made otherwise, and lie
// where the lost one belongs.
func checkMasterKeyThere(ctx context.Context, cfg config.Config, store org.Store) error {
	path := filepath.Join(cfg.DataDir, vault.MasterKeyFile)
	if _, err := os.Stat(path); cfg.MasterKey != "" || !errors.Is(err, os.ErrNotExist) {
		return nil // what is wrong with the file itself, reading it says
	}
	missing := func(what string) error {
		return fmt.Errorf("the master key %s is missing, and only it opens %s: put the file back, or set WEIR_MASTER_KEY to what it held. If it is lost, see 'weir forget-secrets'", path, what)
	}
	return store.View(ctx, func(r org.Reader) error {
		err := r.EachConnection(ctx, func(c routing.Connection) error {
			if c.APIKey == nil && c.AdminKey == nil && c.Headers == nil {
				return nil
			}
			return missing(fmt.Sprintf("the secrets of connection %s (%s)", c.ID, c.Name))
		})
		if err != nil {
			return err
		}
		return r.EachSecondFactor(ctx, func(f org.SecondFactor) error { return missing("the second factor of user " + f.UserID) })
	})
}

// checkSealed refuses a master key that does not open what the database holds.
func checkSealed(ctx context.Context, store org.Store, v *vault.Vault) error {
	return store.View(ctx, func(r org.Reader) error {
		err := r.EachConnection(ctx, func(c routing.Connection) error {
			for field, sealed := range map[string]routing.Sealed{
				routing.FieldAPIKey: c.APIKey, routing.FieldAdminKey: c.AdminKey, routing.FieldHeaders: c.Headers,
			} {
				if sealed == nil {
					continue
				}
				if _, err := v.Open(sealed, c.SecretPlace(field)); err != nil {
					return fmt.Errorf("the master key does not open the %s of connection %s (%s): set WEIR_MASTER_KEY to the key this database was used with, or put its file back: %w", field, c.ID, c.Name, err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		return r.EachSecondFactor(ctx, func(f org.SecondFactor) error {
			if _, err := v.Open(f.Secret, org.SecondFactorPlace(f.UserID)); err != nil {
				return fmt.Errorf("the master key does not open the second factor of user %s: set WEIR_MASTER_KEY to the key this database was used with, or put its file back: %w", f.UserID, err)
			}
			return nil
		})
	})
}

// connectionProber opens a connection's keys to try them.
type connectionProber struct {
	vault  *vault.Vault
	prober *upstream.Prober
}

// Probe implements org.Prober.
func (p connectionProber) Probe(ctx context.Context, c routing.Connection) routing.Probe {
	who, err := gateway.Credentials(p.vault, &c)
	if err != nil {
		return routing.Probe{APIKey: &routing.KeyProbe{Error: "The stored secret could not be opened with this master key."}}
	}
	target := upstream.Target{
		Provider: c.Provider, BaseURL: c.BaseURL, APIKey: who.Key,
		Organization: who.Organization, Project: who.Project, Headers: who.Headers,
	}
	if c.AdminKey != nil {
		key, err := p.vault.Open(c.AdminKey, c.SecretPlace(routing.FieldAdminKey))
		if err != nil {
			return routing.Probe{AdminKey: &routing.KeyProbe{Error: "The stored secret could not be opened with this master key."}}
		}
		target.AdminKey = string(key)
	}
	return p.prober.Probe(ctx, target)
}
