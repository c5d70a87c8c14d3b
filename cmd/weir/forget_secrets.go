package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"weir/internal/audit"
	"weir/internal/config"
	"weir/internal/optional"
	"weir/internal/org"
	"weir/internal/routing"
	"weir/internal/sqldb"
	"weir/internal/sqlstore"
	"weir/internal/vault"
)

func runForgetSecrets(ctx context.Context, c *cli, args []string) error {
	fs := flags("forget-secrets")
	yes := fs.Bool("yes", false, "")
	cfg, err := configure(c, fs, args, `Usage: weir forget-secrets [--yes] [flags]

For an install whose master key is lost: removes the provider secrets and the
second factors that no master key opens any more, so that weir starts, secrets can
be entered again, and people sign in by password until they have set up another
second factor. Everything else stays. Without --yes it only says which they are.
`)
	if err != nil {
		return ended(err)
	}
	if err := requireInstall(cfg); err != nil {
		return err
	}
	dir, err := openDataDir(cfg.DataDir) // a running weir has the key
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }() // the lock ends with the process anyway
	db, err := sqldb.Open(ctx, cfg.DatabaseURL)
	if err != nil {
		return err
	}
	return errors.Join(forgetSecrets(ctx, c, cfg, db, *yes), db.Close())
}

func forgetSecrets(ctx context.Context, c *cli, cfg config.Config, db *sqldb.DB, yes bool) error {
	store, err := sqlstore.Open(ctx, db)
	if err != nil {
		return err
	}
	lost, factors, err := lostSecrets(ctx, cfg, store)
	if err != nil {
		return err
	}
	service := &org.Service{Store: store, Feed: noFeed{}, Prober: noProber{}, Now: time.Now}
	for _, l := range lost {
		if yes {
			if _, _, err := service.UpdateConnection(ctx, audit.System(l.connection.OrganizationID), l.connection.ID, l.fields); err != nil {
				return err
			}
		}
		if _, err := fmt.Fprintf(c.stdout, "%s  %s of organization %s\n", l.connection.ID, l.connection.Name, l.connection.OrganizationID); err != nil {
			return err
		}
	}
	for _, f := range factors {
		if yes {
			if err := service.RemoveSecondFactor(ctx, audit.System(f.OrganizationID), f.UserID, nil); err != nil {
				return err
			}
		}
		if _, err := fmt.Fprintf(c.stdout, "%s  second factor, of organization %s\n", f.UserID, f.OrganizationID); err != nil {
			return err
		}
	}
	said := "The secrets of %d connections were removed. Enter them again: POST /weir/v1/connections/{id}.\n"
	if !yes {
		said = "No master key opens the secrets of %d connections. Nothing was changed; --yes removes them.\n"
	}
	if _, err := fmt.Fprintf(c.stdout, said, len(lost)); err != nil || len(factors) == 0 {
		return err
	}
	said = "The second factors of %d people were removed.\n"
	if !yes {
		said = "Nor does one open the second factors of %d people.\n"
	}
	_, err = fmt.Fprintf(c.stdout, said, len(factors))
	return err
}

// lostSecret is a connection with secrets that cannot be opened, and the change
// that removes those.
type lostSecret struct {
	connection routing.Connection
	fields     org.ConnectionFields
}

func lostSecrets(ctx context.Context, cfg config.Config, store org.Store) (lost []lostSecret, factors []org.SecondFactor, err error) {
	opens := func(routing.Sealed, string) bool { return false }
	if _, err := os.Stat(filepath.Join(cfg.DataDir, vault.MasterKeyFile)); cfg.MasterKey != "" || !errors.Is(err, os.ErrNotExist) {
		keys, _, err := vault.LoadMasterKeys(cfg.MasterKey.Reveal(), cfg.DataDir)
		if err != nil {
			return nil, nil, err
		}
		v, err := vault.New(keys...)
		if err != nil {
			return nil, nil, err
		}
		opens = func(sealed routing.Sealed, place string) bool { _, err := v.Open(sealed, place); return err == nil }
	}
	err = store.View(ctx, func(r org.Reader) error {
		err := r.EachConnection(ctx, func(c routing.Connection) error {
			gone := func(field string, sealed routing.Sealed) bool {
				return sealed != nil && !opens(sealed, c.SecretPlace(field))
			}
			apiKey, adminKey, headers := gone(routing.FieldAPIKey, c.APIKey), gone(routing.FieldAdminKey, c.AdminKey), gone(routing.FieldHeaders, c.Headers)
			if apiKey || adminKey || headers {
				lost = append(lost, lostSecret{c, org.ConnectionFields{
					APIKey:   optional.Value[string]{Sent: apiKey, Null: apiKey},
					AdminKey: optional.Value[string]{Sent: adminKey, Null: adminKey},
					Headers:  optional.Value[map[string]string]{Sent: headers, Null: headers},
				}})
			}
			return nil
		})
		if err != nil {
			return err
		}
		return r.EachSecondFactor(ctx, func(f org.SecondFactor) error {
			if !opens(f.Secret, org.SecondFactorPlace(f.UserID)) {
				factors = append(factors, f)
			}
			return nil
		})
	})
	return lost, factors, err
}

// noProber tries no keys: those that are left cannot have changed.
type noProber struct{}

func (noProber) Probe(context.Context, routing.Connection) routing.Probe { return routing.Probe{} }
