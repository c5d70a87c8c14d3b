package vault

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestMasterKeySpellings(t *testing.T) {
	raw := bytes.Repeat([]byte{0xfb, 0xff}, MasterKeySize/2) // needs both special characters
	for name, encoding := range map[string]*base64.Encoding{
		"std": base64.StdEncoding, "raw std": base64.RawStdEncoding,
		"url": base64.URLEncoding, "raw url": base64.RawURLEncoding,
	} {
		t.Run(name, func(t *testing.T) {
			keys, created, err := LoadMasterKeys(" "+encoding.EncodeToString(raw)+"\n", t.TempDir())
			if err != nil || created || len(keys) != 1 || !bytes.Equal(keys[0], raw) {
				t.Fatalf("%x, %v, %v", keys, created, err)
			}
		})
	}
}

func TestSeveralMasterKeys(t *testing.T) {
	std := base64.StdEncoding.EncodeToString
	for _, sep := range []string{",", ", ", "\n", " "} {
		keys, _, err := LoadMasterKeys(std(key(2))+sep+std(key(1)), t.TempDir())
		if err != nil || len(keys) != 2 || !bytes.Equal(keys[0], key(2)) || !bytes.Equal(keys[1], key(1)) {
			t.Errorf("separator %q: %x, %v", sep, keys, err)
		}
	}
}

func TestBadMasterKeysAreExplained(t *testing.T) {
	good := base64.StdEncoding.EncodeToString(key(1))
	for value, want := range map[string]string{
		"n!t base64!":                "WEIR_MASTER_KEY: key 1: is not base64",
		"%%%":                        "WEIR_MASTER_KEY: is not base64",
		"c2hvcnQ=":                   "decodes to 5",
		good + ",c2hvcnQ=":           "key 2: must be 32 bytes",
		good[:20] + "-/" + good[22:]: "is not base64",
		",":                          "holds no key",
	} {
		_, _, err := LoadMasterKeys(value, t.TempDir())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", value, err, want)
		}
		if err != nil && strings.Contains(err.Error(), good) {
			t.Errorf("%q: the error repeats a key", value)
		}
	}
}

func TestMasterKeyIsMadeOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "weir-data")
	first, created, err := LoadMasterKeys("", dir)
	if err != nil || !created {
		t.Fatalf("created = %v, %v", created, err)
	}
	again, created, err := LoadMasterKeys("", dir)
	if err != nil || created || !bytes.Equal(first[0], again[0]) {
		t.Fatalf("second start: created = %v, same = %v, %v", created, bytes.Equal(first[0], again[0]), err)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, MasterKeyFile): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %o", path, info.Mode().Perm())
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestMasterKeyMadeByManyAtOnceIsOne(t *testing.T) {
	dir := t.TempDir()
	const starters = 8
	keys := make([][]byte, starters)
	makers := make([]bool, starters)
	var wg sync.WaitGroup
	for i := range starters {
		wg.Go(func() {
			got, created, err := LoadMasterKeys("", dir)
			if err != nil {
				t.Error(err)
				return
			}
			keys[i], makers[i] = got[0], created
		})
	}
	wg.Wait()
	made := 0
	for i := range starters {
		if makers[i] {
			made++
		}
		if !bytes.Equal(keys[i], keys[0]) {
			t.Errorf("starter %d has another key", i)
		}
	}
	if made != 1 {
		t.Errorf("%d starters made the key", made)
	}
}

func TestMasterKeyFileMustBePrivate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, MasterKeyFile)
	if _, _, err := LoadMasterKeys("", dir); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, _, err := LoadMasterKeys("", dir)
		if err == nil || !strings.Contains(err.Error(), "chmod 600 "+path) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}

func TestDamagedMasterKeyFileIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, MasterKeyFile)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := LoadMasterKeys("", dir); err == nil || !strings.Contains(err.Error(), "holds no key") {
		t.Errorf("empty file: %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || len(text) != 0 {
		t.Errorf("file became %q, %v", text, err)
	}
}
