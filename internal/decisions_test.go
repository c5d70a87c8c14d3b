package internal_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Decisions are numbered in the order they were made, each once; the title says
// the number too.
func TestDecisionsAreNumberedOnce(t *testing.T) {
	files, err := filepath.Glob("../docs/decisions/*.md")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for i, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		number := i + 1
		if want := fmt.Sprintf("%04d-", number); filepath.Base(file)[:len(want)] != want {
			t.Errorf("%s: the next number is %d", file, number)
		}
		if want := fmt.Sprintf("# %d. ", number); !bytes.HasPrefix(text, []byte(want)) {
			t.Errorf("%s does not begin with %q", file, want)
		}
	}
}
