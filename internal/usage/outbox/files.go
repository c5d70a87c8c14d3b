package outbox

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// FS is what the log does to its folder. Tests put a failing disk behind it.
type FS interface {
	// Create makes an empty file for writing, or empties the one there.
	Create(path string) (File, error)
	// Open opens a file that another process wrote, to sync it.
	Open(path string) (File, error)
	Rename(from, to string) error
	Remove(path string) error
	// SyncDir makes created, renamed and removed names durable.
	SyncDir(dir string) error
}

// File is a segment being written.
type File interface {
	io.WriterAt
	io.Closer
	// Sync returns when what was written survives a power cut.
	Sync() error
}

// disk is the operating system's file system.
type disk struct{}

func (disk) Create(path string) (File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	return diskFile{f}, nil
}

func (disk) Open(path string) (File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	return diskFile{f}, nil
}

func (disk) Rename(from, to string) error { return os.Rename(from, to) }
func (disk) Remove(path string) error     { return os.Remove(path) }

func (disk) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

type diskFile struct{ *os.File }

func (f diskFile) Sync() error { return syncData(f.File) }

// lockFolder keeps a second process out of dir. The lock goes with the process,
// however it ends.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the usage log: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close() //nolint:errcheck // nothing was written
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("the usage log in %s is in use by another process", dir)
		}
		return nil, fmt.Errorf("locking the usage log in %s: %w", dir, err)
	}
	return f, nil
}

// removeLeftovers removes segments that never got their name.
func removeLeftovers(fsys FS, dir string) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*"+unnamed))
	if err != nil {
		return err
	}
	for _, path := range paths {
		if err := fsys.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
