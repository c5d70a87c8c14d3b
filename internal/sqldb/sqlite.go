package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// sqliteReaders bounds the reading connections. Reads in parallel gain little
// in this driver; the pool is there so that a long report does not hold up a
// short look-up.
const sqliteReaders = 4

func openSQLite(ctx context.Context, path string, o Options) (*DB, error) {
	if path == "" {
		return nil, errors.New("database URL: sqlite: has no path")
	}
	if err := createPrivate(path); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	synchronous := "FULL"
	if o.Relaxed {
		synchronous = "NORMAL"
	}
	write, err := sql.Open("sqlite", sqliteDSN(path, "immediate",
		"journal_mode(WAL)", "synchronous("+synchronous+")", "foreign_keys(1)",
		"cache_size(-65536)", "wal_autocheckpoint(8000)", "journal_size_limit(67108864)", "temp_store(MEMORY)"))
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	write.SetMaxOpenConns(1)
	write.SetMaxIdleConns(1)
	read, err := sql.Open("sqlite", sqliteDSN(path, "deferred",
		"query_only(1)", "cache_size(-16384)", "mmap_size(268435456)", "temp_store(MEMORY)"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite: %w", err), write.Close())
	}
	read.SetMaxOpenConns(sqliteReaders)
	read.SetMaxIdleConns(sqliteReaders)
	db := &DB{engine: SQLite, path: path, write: write, read: read}
	// The writer goes first: it turns the write-ahead log on.
	if err := write.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite: open %s: %w", path, err), db.Close())
	}
	if err := db.Ping(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// createPrivate makes the file readable by its owner only, before SQLite would
// make it with the umask. SQLite gives its -wal and -shm files the same mode.
func createPrivate(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func sqliteDSN(path, txlock string, pragmas ...string) string {
	busy := fmt.Sprintf("busy_timeout(%d)", (10 * time.Second).Milliseconds())
	v := url.Values{"_txlock": {txlock}, "_pragma": append([]string{busy}, pragmas...)}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + v.Encode()
}

// Backup writes a consistent copy of a SQLite database to a file that must not
// exist, while readers and writers go on.
func (db *DB) Backup(ctx context.Context, path string) error {
	if db.engine != SQLite {
		return errors.New("backup: PostgreSQL is backed up with pg_dump")
	}
	// SQLite would fill an existing empty file; O_EXCL also settles the mode.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	if _, err := db.write.ExecContext(ctx, `VACUUM INTO $1`, path); err != nil {
		return errors.Join(fmt.Errorf("backup to %s: %w", path, err), os.Remove(path))
	}
	return syncFile(path)
}

// syncFile brings a finished copy to the disk, which VACUUM INTO does not.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("backup: sync %s: %w", path, err)
	}
	return nil
}
