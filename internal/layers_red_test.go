package internal_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// plan is a small house with every kind of rule.
var plan = house{
	module: "house",
	layers: []layer{
		{name: "commands", packages: []string{"cmd/house"}, http: true, sql: true},
		{name: "edges", packages: []string{"internal/front/...", "internal/back"}, apart: true, http: true},
		{name: "stores", packages: []string{"internal/store/..."}, sql: true, onlyFor: []string{"commands"}},
		{name: "domain", packages: []string{"internal/rules"}},
	},
	support:     func(path string) bool { return strings.HasSuffix(path, "test") },
	vague:       []string{"util"},
	sqlPackages: []string{"database/sql"},
	maxLines:    12,
	tableMakers: []string{"errors.New", "sync.OnceValue"},
	variables:   map[string]string{"internal/rules.version": "set by the linker"},
}

// sound is a module that keeps every rule of plan.
const sound = `
-- go.mod --
module house

go 1.26.0
-- cmd/house/main.go --
// Command house opens the doors.
package main

import (
	_ "database/sql"
	_ "house/internal/front"
	_ "house/internal/store/disk"
	_ "net/http"
)

func main() {}
-- internal/front/front.go --
// Package front is an edge.
package front

import (
	_ "house/internal/front/door"
	_ "house/internal/rules"
	_ "net/http"
)
-- internal/front/door/door.go --
// Package door belongs to the front.
package door
-- internal/back/back.go --
// Package back is an edge.
package back
-- internal/store/disk/disk.go --
// Package disk is a store.
package disk

import (
	_ "database/sql"
	_ "house/internal/rules"
)
-- internal/rules/rules.go --
// Package rules is domain.
package rules
-- internal/rules/variables.go --
package rules

import ("embed"; "errors"; "sync")

var ErrNone, ErrMany = errors.New("none"), errors.New("many")
var names, colon, version = map[string]int{"a": 1}, []byte(":"), ""
var _ error = (*wrong)(nil)
var table = sync.OnceValue[int](func() int { return 1 })

//go:embed rules.go
var files embed.FS
-- internal/rules/wrong.go --
package rules

type wrong struct{}

// Not the function that Go calls by itself.
func (*wrong) init() {}

func (*wrong) Error() string { return "" }
-- internal/rules/rules_test.go --
package rules

import ("testing"; "testing/synctest"; "time"; _ "net/http"; _ "house/internal/store/disk")

var update bool

func Test(t *testing.T) {
	synctest.Test(t, func(*testing.T) { time.Sleep(time.Hour) })
}
-- internal/rulestest/rulestest.go --
// Package rulestest is test support.
package rulestest

import (
	_ "house/internal/store/disk"
	_ "net/http"
)
`

func TestCheckerAcceptsASoundHouse(t *testing.T) {
	if got := inspect(t, plan, ""); len(got) > 0 {
		t.Errorf("complaints about a sound house:\n%s", strings.Join(got, "\n"))
	}
}

// Each case adds files to the sound house, or replaces some, and names the start
// of every complaint that must come of it.
func TestCheckerComplains(t *testing.T) {
	for _, test := range []struct {
		name, files string
		want        []string
	}{
		{"upward import", "-- internal/rules/up.go --\npackage rules\nimport _ \"house/internal/back\"",
			[]string{"internal/rules: imports internal/back: domain may not import edges"}},
		{"edge imports edge", "-- internal/back/x.go --\npackage back\nimport _ \"house/internal/front\"",
			[]string{"internal/back: imports internal/front: edges never import each other"}},
		{"edge imports store", "-- internal/back/x.go --\npackage back\nimport _ \"house/internal/store/disk\"",
			[]string{"internal/back: imports internal/store/disk: stores are imported by commands and tests only"}},
		{"domain knows HTTP", "-- internal/rules/x.go --\npackage rules\nimport _ \"net/http\"",
			[]string{"internal/rules: imports net/http: no HTTP in domain"}},
		{"domain knows HTTP's parts", "-- internal/rules/x.go --\npackage rules\nimport _ \"net/http/httptrace\"",
			[]string{"internal/rules: imports net/http/httptrace"}},
		{"SQL outside the stores", "-- internal/front/x.go --\npackage front\nimport _ \"database/sql/driver\"",
			[]string{"internal/front: imports database/sql/driver: no SQL in edges; it stays in the stores"}},
		{"test support in the product", "-- internal/front/x.go --\npackage front\nimport _ \"house/internal/rulestest\"",
			[]string{"internal/front: imports internal/rulestest: only tests may import test support"}},
		{"package without a place", "-- internal/new/new.go --\n// Package new is new.\npackage new",
			[]string{"internal/new: no layer names this package; place it"}},
		{"vague name", "-- internal/store/util/x.go --\n// Package util is anything.\npackage util",
			[]string{`internal/store/util: the name "util" says nothing`}},
		{"no package comment", "-- internal/back/back.go --\npackage back",
			[]string{"internal/back: no package comment"}},
		{"long file", "-- internal/back/x.go --\npackage back\n" + strings.Repeat("\n", 12),
			[]string{"internal/back: x.go has 13 lines"}},
		{"init", "-- internal/back/x.go --\npackage back\nfunc init() {}",
			[]string{"internal/back: x.go:2:1: init()"}},
		{"init behind a build tag", "-- internal/back/x.go --\n//go:build never\n\npackage back\nfunc init() {}",
			[]string{"internal/back: x.go:4:1: init()"}},
		{"state", "-- internal/back/x.go --\npackage back\nimport \"time\"\nvar (\nn int\ncache = map[string]int{}\nnow = time.Now\nq = make(chan int)\n)",
			[]string{
				"internal/back: x.go:4:1: package variable n ", "internal/back: x.go:5:1: package variable cache ",
				"internal/back: x.go:6:1: package variable now ", "internal/back: x.go:7:1: package variable q ",
			}},
		{"skip and sleep", "-- internal/back/x_test.go --\npackage back\nimport (\"testing\"; \"time\")\nfunc Test(t *testing.T) {\ntime.Sleep(1)\nt.Skip()\n}",
			[]string{"internal/back: x_test.go:4:1: a test that sleeps", "internal/back: x_test.go:5:1: t.Skip"}},
		{"sleep in test support", "-- internal/rulestest/x.go --\npackage rulestest\nimport \"time\"\nfunc Wait() { time.Sleep(1) }",
			[]string{"internal/rulestest: x.go:3:15: a test that sleeps"}},
		{"file that does not parse", "-- internal/back/x.go --\npackage back\nfunc {",
			[]string{"internal/back: x.go:2:6: expected"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := inspect(t, plan, test.files)
			same := slices.EqualFunc(got, test.want, strings.HasPrefix)
			if !same {
				t.Errorf("complaints:\n%s\nwant these beginnings:\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

// inspect lays the sound house with changed files over it, and returns what h
// complains of.
func inspect(t *testing.T, h house, changed string) []string {
	t.Helper()
	dir := t.TempDir()
	for _, archive := range []string{sound, changed} {
		for _, f := range txtar.Parse([]byte(archive)).Files {
			name := filepath.Join(dir, filepath.FromSlash(f.Name))
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, f.Data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	packages, err := load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return h.complaints(packages)
}
