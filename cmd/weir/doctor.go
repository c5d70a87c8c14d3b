package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"weir/internal/config"
	"weir/internal/eventstore/sqlevents"
	"weir/internal/pricing"
	"weir/internal/server"
	"weir/internal/sqldb"
	"weir/internal/sqlstore"
	"weir/internal/vault"
)

// finding is one thing the doctor looked at. A bad one keeps weir from serving
// well.
type finding struct {
	bad  bool
	text string
}

func good(format string, args ...any) finding { return finding{text: fmt.Sprintf(format, args...)} }
func bad(format string, args ...any) finding {
	return finding{bad: true, text: fmt.Sprintf(format, args...)}
}

func runDoctor(ctx context.Context, c *cli, args []string) error {
	fs := flags("doctor")
	cfg, err := configure(c, fs, args, "Usage: weir doctor [flags]\n\nLooks at the configuration, the data directory, the databases, the master\nkey, the audit chain and the identity providers, and says what is wrong. It changes nothing. Exit code 1 says that something is.\n")
	if err != nil {
		return ended(err)
	}
	findings := examine(ctx, cfg)
	failed := false
	for _, f := range findings {
		mark := "ok   "
		if f.bad {
			mark, failed = "WRONG", true
		}
		if _, err := fmt.Fprintf(c.stdout, "%s  %s\n", mark, f.text); err != nil {
			return err
		}
	}
	if failed {
		return errReported
	}
	return nil
}

func examine(ctx context.Context, cfg config.Config) []finding {
	findings := examineDir(cfg.DataDir)
	findings = append(findings, examineUse(cfg.DataDir)...)
	findings = append(findings, examineListen(cfg.Listen), examineTLS(cfg.TLS))
	findings = slices.DeleteFunc(findings, func(f finding) bool { return f.text == "" })
	control, found := examineDatabase(ctx, "control plane", cfg.DatabaseURL, sqlstore.Name, sqlstore.Migrations())
	findings = append(findings, found...)
	if control != nil {
		findings = append(findings, examineSecrets(ctx, cfg, control), examineAudit(ctx, cfg, control))
		if err := control.Close(); err != nil {
			findings = append(findings, bad("The control plane's database did not close: %v.", err))
		}
	}
	events, found := examineDatabase(ctx, "usage events", cfg.EventsURL, sqlevents.MigrationsName, sqlevents.Migrations())
	findings = append(findings, found...)
	if events != nil {
		if err := events.Close(); err != nil {
			findings = append(findings, bad("The usage events' database did not close: %v.", err))
		}
	}
	findings = append(findings, examineProviders(ctx, cfg)...)
	if _, err := pricing.Builtin(); err != nil {
		findings = append(findings, bad("The price book in this binary cannot be read: %v.", err))
	}
	return findings
}

// examineUse says whether a weir works on the directory, and whether its usage
// log can be looked into.
func examineUse(dir string) []finding {
	var out []finding
	if f, err := os.Open(filepath.Join(dir, lockFile)); err == nil {
		err = unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB)
		_ = f.Close() // and the lock with it
		if errors.Is(err, unix.EWOULDBLOCK) {
			out = append(out, good("A weir serves from the data directory now."))
		}
	}
	usageLog := filepath.Join(dir, usageLogDir)
	entries, err := os.ReadDir(usageLog)
	switch {
	case err == nil:
		out = append(out, good("The usage log %s has %d files. Whether it is whole, the next start says.", usageLog, len(entries)))
	case !errors.Is(err, fs.ErrNotExist):
		out = append(out, bad("The usage log %s cannot be looked into: %v.", usageLog, err))
	}
	return out
}

func examineTLS(t config.TLS) finding {
	if t.CertFile == "" {
		return finding{}
	}
	pair, err := server.LoadKeyPair(t.CertFile, t.KeyFile)
	if err != nil {
		return bad("TLS: %v.", err)
	}
	expires := pair.Expires().UTC().Format(time.DateOnly)
	if time.Now().After(pair.Expires()) {
		return bad("The TLS certificate has expired on %s.", expires)
	}
	return good("The TLS certificate and its key belong together, and are good until %s.", expires)
}

// lowSpace is when a disk counts as nearly full, in bytes: the usage log and
// the databases stop working when it is.
const lowSpace = 1 << 30

func examineDir(dir string) []finding {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return []finding{good("The data directory %s does not exist yet; the first start makes it.", dir)}
	case err != nil:
		return []finding{bad("The data directory %s cannot be looked at: %v.", dir, err)}
	case !info.IsDir():
		return []finding{bad("%s is to be the data directory and is a file.", dir)}
	}
	var out []finding
	if info.Mode().Perm()&0o077 != 0 {
		out = append(out, bad("Others on this machine may enter the data directory %s (mode %04o). It holds the master key: chmod 700 it.", dir, info.Mode().Perm()))
	} else {
		out = append(out, good("The data directory %s is private.", dir))
	}
	if probe, err := os.CreateTemp(dir, "doctor-*"); err != nil {
		out = append(out, bad("The data directory %s cannot be written to: %v.", dir, err))
	} else {
		_ = probe.Close()
		_ = os.Remove(probe.Name())
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(dir, &disk); err == nil {
		free := disk.Bavail * uint64(disk.Bsize)
		if free < lowSpace {
			out = append(out, bad("Only %d MiB are free where the data directory is. weir refuses requests when it cannot write.", free>>20))
		}
	}
	if info, err := os.Stat(filepath.Join(dir, bootstrapKeyFile)); err == nil {
		out = append(out, good("The first admin key is still in %s. Once you have another, delete both the file and the key.", filepath.Join(dir, info.Name())))
	}
	return out
}

func examineListen(address string) finding {
	listener, err := net.Listen("tcp", address) //nolint:noctx // closed at once
	if err != nil {
		return good("%s is in use or cannot be listened on, as it is while weir runs: %v.", address, err)
	}
	_ = listener.Close()
	return good("%s can be listened on; no weir is running there.", address)
}

// examineDatabase opens a database that is there already and compares its
// schema with the binary's.
func examineDatabase(ctx context.Context, what, url, name string, migrations fs.FS) (*sqldb.DB, []finding) {
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			return nil, []finding{good("The %s database %s does not exist yet; the first start makes it.", what, path)}
		}
	}
	db, err := sqldb.Open(ctx, url)
	if err == nil {
		err = db.Ping(ctx)
	}
	if err != nil {
		return nil, []finding{bad("The %s database cannot be opened: %v.", what, err)}
	}
	current, latest, err := sqldb.Status(ctx, db, name, migrations)
	switch {
	case err != nil:
		return db, []finding{bad("The schema of the %s database does not fit this binary: %v.", what, err)}
	case current < latest:
		return db, []finding{good("The %s database has schema %d; the next start brings it to %d.", what, current, latest)}
	}
	return db, []finding{good("The %s database answers and has schema %d.", what, current)}
}

// examineSecrets tries the master key on what is sealed.
func examineSecrets(ctx context.Context, cfg config.Config, db *sqldb.DB) finding {
	current, latest, err := sqldb.Status(ctx, db, sqlstore.Name, sqlstore.Migrations())
	upToDate := err == nil && current == latest
	if _, err := os.Stat(filepath.Join(cfg.DataDir, vault.MasterKeyFile)); cfg.MasterKey == "" && errors.Is(err, os.ErrNotExist) {
		if upToDate {
			if err := lookForSealed(ctx, cfg, db); err != nil {
				return bad("%v.", err)
			}
		}
		return good("There is no master key yet; the next start makes one.")
	}
	keys, _, err := vault.LoadMasterKeys(cfg.MasterKey.Reveal(), cfg.DataDir)
	if err != nil {
		return bad("The master key: %v.", err)
	}
	v, err := vault.New(keys...)
	if err != nil {
		return bad("The master key: %v.", err)
	}
	if !upToDate {
		return good("The master key can be read. Whether it opens the secrets is seen once the schema is up to date.")
	}
	store, err := sqlstore.Open(ctx, db)
	if err == nil {
		err = checkSealed(ctx, store, v)
	}
	if err != nil {
		return bad("%v.", err)
	}
	return good("The master key opens every sealed secret.")
}

// lookForSealed is checkMasterKeyThere for a database with an up-to-date schema.
func lookForSealed(ctx context.Context, cfg config.Config, db *sqldb.DB) error {
	store, err := sqlstore.Open(ctx, db)
	if err != nil {
		return err
	}
	return checkMasterKeyThere(ctx, cfg, store)
}
