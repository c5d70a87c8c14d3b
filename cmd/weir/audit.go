package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"weir/internal/audit"
	"weir/internal/config"
	"weir/internal/org"
	"weir/internal/sqldb"
	"weir/internal/sqlstore"
	"weir/internal/vault"
)

const auditHelp = `Usage: weir audit list [flags]
       weir audit verify [--organization ID] [--file FILE] [flags]
       weir audit export [--organization ID] [--since TIME] [--until TIME]
                         [--after-sequence N] [flags]

list shows what was done, over the API of a running weir; 'weir audit list
--help' says more.

verify follows the chain of the audit log in the database, or in an export, and
names the first event that is not as it was written. export writes the log to
standard output, as JSON Lines. Those two take the settings of 'weir serve', change
nothing, and may run beside a server.
`

func runAudit(ctx context.Context, c *cli, args []string) error {
	if len(args) == 0 {
		return usageError{errors.New("say what to do: weir audit list, weir audit verify, weir audit export")}
	}
	switch args[0] {
	case "list":
		return auditList().run(ctx, c, "weir audit list", args[1:])
	case "verify":
		return runAuditVerify(ctx, c, args[1:])
	case "export":
		return runAuditExport(ctx, c, args[1:])
	}
	if strings.TrimLeft(args[0], "-") == "help" || args[0] == "-h" {
		if _, err := io.WriteString(c.stdout, auditHelp); err != nil {
			return err
		}
		printSettings(c.stdout)
		return nil
	}
	return usageError{fmt.Errorf("weir audit does not know %q; it knows list, verify and export", args[0])}
}

// openLog opens an install's database to read it: it is neither made nor brought
// up to date. The caller closes db.
func openLog(ctx context.Context, cfg config.Config) (store *sqlstore.Store, db *sqldb.DB, err error) {
	if err := requireInstall(cfg); err != nil {
		return nil, nil, err
	}
	if db, err = sqldb.Open(ctx, cfg.DatabaseURL); err != nil {
		return nil, nil, err
	}
	current, latest, err := sqldb.Status(ctx, db, sqlstore.Name, sqlstore.Migrations())
	if err == nil && current < latest {
		err = fmt.Errorf("the database has schema %d, and this weir reads %d: use the weir that serves from it, or start this one once", current, latest)
	}
	if err == nil {
		store, err = sqlstore.Open(ctx, db)
	}
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return store, db, nil
}

// auditedOrganizations are the ids of the organizations whose logs are asked for:
// the one named, or all.
func auditedOrganizations(ctx context.Context, r org.Reader, organizationID string) ([]string, error) {
	ids, err := r.OrganizationsAudited(ctx)
	if err != nil || organizationID == "" {
		return ids, err
	}
	if !slices.Contains(ids, organizationID) {
		return nil, fmt.Errorf("there is no organization %s", organizationID)
	}
	return []string{organizationID}, nil
}

// auditSigner is the vault that checks checkpoints, nil where there is no master
// key. It makes none.
func auditSigner(cfg config.Config) (audit.Signer, error) {
	_, err := os.Stat(filepath.Join(cfg.DataDir, vault.MasterKeyFile))
	if cfg.MasterKey == "" && errors.Is(err, os.ErrNotExist) {
		return nil, nil //nolint:nilnil // nothing to check with, which matters only to logs with a checkpoint
	}
	keys, _, err := vault.LoadMasterKeys(cfg.MasterKey.Reveal(), cfg.DataDir)
	if err != nil {
		return nil, err
	}
	return vault.New(keys...)
}
