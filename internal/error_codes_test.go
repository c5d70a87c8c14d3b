package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Clients program against the codes of errors, so each is in one list, and the
// list has no others.
func TestErrorCodesAreListed(t *testing.T) {
	page, err := os.ReadFile("../docs/operate/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for line := range strings.Lines(string(page)) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		cells := strings.Split(line, "|") // the code is in the cell before the last
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[len(cells)-3], -1) {
			listed[m[1]] = true
		}
	}
	packages, err := load("..")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]string{}
	for _, p := range packages {
		if p.Name == "sandbox" { // speaks as a provider would
			continue
		}
		for name, code := range codesOf(t, p) {
			used[name] = code
		}
	}
	if len(used) < 80 {
		t.Errorf("%d codes found in the source, which cannot be all", len(used))
	}
	for _, code := range slices.Sorted(maps.Keys(used)) {
		switch {
		case !regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`).MatchString(code):
			t.Errorf("%s: the code %q is not in snake case", used[code], code)
		case !listed[code]:
			t.Errorf("%s: the code %q is not in docs/operate/errors.md: add it to the row it belongs to", used[code], code)
		}
	}
	for _, code := range slices.Sorted(maps.Keys(listed)) {
		if used[code] == "" {
			t.Errorf("docs/operate/errors.md lists %q, which nothing answers", code)
		}
	}
}

// codesOf are the codes that a package makes errors with, and where: those that
// stand in the call, or in a constant of the package.
func codesOf(t *testing.T, p source) map[string]string {
	t.Helper()
	set, constants, codes := token.NewFileSet(), map[string]string{}, map[string]string{}
	var calls []ast.Expr
	for name, text := range p.files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				for i, name := range n.Names {
					if i < len(n.Values) {
						constants[name.Name] = literal(n.Values[i])
					}
				}
			case *ast.CallExpr:
				called := ""
				switch f := n.Fun.(type) {
				case *ast.SelectorExpr:
					called = written(f)
				case *ast.Ident:
					called = p.Name + "." + f.Name
				}
				switch {
				case called == "fault.Invalidf" && len(n.Args) > 2:
					calls = append(calls, n.Args[0])
				case called == "fault.New" && len(n.Args) > 3:
					calls = append(calls, n.Args[1])
				}
			}
			return true
		})
	}
	for _, e := range calls {
		code := literal(e)
		if name, ok := e.(*ast.Ident); ok {
			code = constants[name.Name]
		}
		if code != "" {
			codes[code] = p.ImportPath + ": " + set.Position(e.Pos()).String()
		}
	}
	return codes
}

// literal is a string literal's value; "" for anything else.
func literal(e ast.Expr) string {
	b, ok := e.(*ast.BasicLit)
	if !ok || b.Kind != token.STRING {
		return ""
	}
	s, err := strconv.Unquote(b.Value)
	if err != nil {
		return ""
	}
	return s
}
