package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestADataDirectoryHasOneNode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	first, err := openDataDir(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openDataDir(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a second node: %v", err)
	}
	if err := first.check(); err != nil {
		t.Error(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := openDataDir(path)
	if err != nil {
		t.Fatal("after the first has ended:", err)
	}
	defer second.Close()
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	if err := second.check(); err == nil {
		t.Error("a directory that is gone is taken for well")
	}
	third, err := openDataDir(path)
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	if err := second.check(); err == nil {
		t.Error("another directory in its place is taken for the same")
	}
}
