package vault

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// MasterKeyFile is the file in the data directory that holds the master key
// when none is configured.
const MasterKeyFile = "master-key"

// LoadMasterKeys returns the master keys to open the vault with, the sealing
// one first. They come from value (WEIR_MASTER_KEY: base64, several separated
// by commas or white space) or, when that is empty, from the file master-key in
// dataDir, which is made with a fresh key when it does not exist. created
// reports that it was made now: the moment to tell someone to back it up.
//
// Errors are sentences and never contain a key.
func LoadMasterKeys(value, dataDir string) (keys [][]byte, created bool, err error) {
	if strings.TrimSpace(value) != "" {
		keys, err = parseMasterKeys(value)
		if err != nil {
			return nil, false, fmt.Errorf("WEIR_MASTER_KEY: %w", err)
		}
		return keys, false, nil
	}
	path := filepath.Join(dataDir, MasterKeyFile)
	keys, err = readMasterKeys(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, false, err
	}
	created, err = createMasterKey(path)
	if err != nil {
		return nil, false, err
	}
	// Read back even after creating: another process may have been first, and
	// what counts is what the file holds.
	keys, err = readMasterKeys(path)
	return keys, created, err
}

func parseMasterKeys(text string) ([][]byte, error) {
	fields := strings.FieldsFunc(text, func(r rune) bool {
		return r == ',' || r == ' ' || r == '\t' || r == '\r' || r == '\n'
	})
	if len(fields) == 0 {
		return nil, errors.New("holds no key")
	}
	keys := make([][]byte, 0, len(fields))
	for i, field := range fields {
		key, err := decodeMasterKey(field)
		if err != nil {
			if len(fields) > 1 {
				return nil, fmt.Errorf("key %d: %w", i+1, err)
			}
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// decodeMasterKey reads one key in either base64 alphabet, padded or not. The
// corrupt-input error of encoding/base64 is not passed on: its offset would say
// something about the key.
func decodeMasterKey(field string) ([]byte, error) {
	text := strings.TrimRight(field, "=")
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(text, "-_") {
		encoding = base64.RawURLEncoding
	}
	key, err := encoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("is not base64; make one with: openssl rand -base64 32")
	}
	if len(key) != MasterKeySize {
		return nil, fmt.Errorf("must be %d bytes in base64, but decodes to %d; make one with: openssl rand -base64 32",
			MasterKeySize, len(key))
	}
	return key, nil
}

// readMasterKeys reads the file at path, which only its owner may read. A
// missing file is fs.ErrNotExist.
func readMasterKeys(path string) ([][]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("master key: %s is not a regular file", path)
	}
	// Windows has no such mode bits.
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("master key: %s can be read or written by others (mode %04o); run: chmod 600 %s", path, mode, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	keys, err := parseMasterKeys(string(text))
	if err != nil {
		return nil, fmt.Errorf("master key: %s: %w", path, err)
	}
	return keys, nil
}

// createMasterKey writes a fresh key to path unless something is there. The
// file appears whole or not at all: it is written under another name, synced,
// and linked, which fails when path exists.
func createMasterKey(path string) (created bool, err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, fmt.Errorf("master key: make the data directory: %w", err)
	}
	key := make([]byte, MasterKeySize)
	rand.Read(key)                                    // never fails (crypto/rand, Go 1.24)
	draft, err := os.CreateTemp(dir, ".master-key-*") // mode 0600
	if err != nil {
		return false, fmt.Errorf("master key: %w", err)
	}
	defer func() { err = errors.Join(err, os.Remove(draft.Name())) }()

	var text bytes.Buffer
	text.WriteString(base64.StdEncoding.EncodeToString(key))
	text.WriteByte('\n')
	_, err = draft.Write(text.Bytes())
	err = errors.Join(err, draft.Sync(), draft.Close())
	if err != nil {
		return false, fmt.Errorf("master key: write %s: %w", draft.Name(), err)
	}
	switch err := os.Link(draft.Name(), path); {
	case errors.Is(err, fs.ErrExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("master key: %w", err)
	}
	return true, syncDir(dir)
}

// syncDir makes a new name in dir survive a power cut: secrets sealed under a
// key that is gone are gone too.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // directories cannot be synced there
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("master key: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("master key: sync %s: %w", dir, err)
	}
	return nil
}
