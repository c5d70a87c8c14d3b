package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"weir/internal/config"
)

// lockFile is held by the node that works on a data directory. It stays when the
// node ends; only the lock on it counts.
const lockFile = "weir.lock"

// dataDir is a data directory that this process works on alone.
type dataDir struct {
	path string
	lock *os.File
}

// openDataDir makes the directory where there is none, and locks it before
// anything in it is read or migrated: a second node, perhaps of another version,
// must not touch the databases of a running one.
func openDataDir(path string) (*dataDir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("making the data directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(path, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the data directory: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	switch {
	case errors.Is(err, unix.EWOULDBLOCK):
		err = fmt.Errorf("another weir serves from the data directory %s", path)
	case err != nil:
		err = fmt.Errorf("locking the data directory %s: %w", path, err)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &dataDir{path: path, lock: f}, nil
}

// check reports a data directory that was removed or replaced under the running
// node: what is written then is gone when the node ends.
func (d *dataDir) check() error {
	held, err := d.lock.Stat()
	if err != nil {
		return fmt.Errorf("the data directory %s: %w", d.path, err)
	}
	there, err := os.Stat(filepath.Join(d.path, lockFile))
	if err != nil {
		return fmt.Errorf("the data directory %s is gone: %w", d.path, err)
	}
	if !os.SameFile(held, there) {
		return fmt.Errorf("the data directory %s is not the one this node began with", d.path)
	}
	return nil
}

// Close gives the directory free.
func (d *dataDir) Close() error { return d.lock.Close() }

// requireInstall refuses a database that would be made by opening it: the
// command is meant for another.
func requireInstall(cfg config.Config) error {
	path, ok := strings.CutPrefix(cfg.DatabaseURL, "sqlite:")
	if ok && !exists(path) {
		return fmt.Errorf("there is no install here: %s does not exist; the first start of 'weir serve' makes it", path)
	}
	return nil
}

// exists reports whether something is at path, or may be.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, os.ErrNotExist)
}
