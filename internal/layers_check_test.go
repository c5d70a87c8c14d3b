package internal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// house is what a module is held to.
type house struct {
	module      string
	layers      []layer // from the top down
	support     func(path string) bool
	vague       []string
	sqlPackages []string
	maxLines    int
	tableMakers []string          // functions, as written in the source, that make a table or an error
	variables   map[string]string // "path.name" or "path.*" of a package variable, to the reason it may be
}

// layer is a row of packages, named by their paths in the module. "x/..." is x
// and all below it.
type layer struct {
	name     string
	packages []string
	apart    bool     // its packages never import each other, but for their own subpackages
	http     bool     // may import net/http
	sql      bool     // may import database/sql and its drivers
	onlyFor  []string // the layers that may import it; all above where empty
}

// source is one package as go list names it, and its parsed files.
type source struct {
	ImportPath string
	Name       string
	Dir        string
	Doc        string
	GoFiles    []string
	Imports    []string

	files map[string][]byte // by name, those behind build tags included
}

// load lists the module at root in one call and reads its files.
func load(root string) ([]source, error) {
	list := exec.Command("go", "list", "-e", "-json=ImportPath,Name,Dir,Doc,GoFiles,Imports", "./...")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return nil, fmt.Errorf("go list: %s", exit.Stderr)
		}
		return nil, fmt.Errorf("go list: %w", err)
	}
	var packages []source
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p source
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		if p.files, err = read(p.Dir); err != nil {
			return nil, err
		}
		packages = append(packages, p)
	}
}

func read(dir string) (map[string][]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	for _, e := range entries {
		if e.IsDir() || filepath.Ext(e.Name()) != ".go" {
			continue
		}
		if files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// complaints returns a sentence for everything that is not as planned, in order.
func (h house) complaints(packages []source) []string {
	var all []string
	for _, p := range packages {
		at := strings.TrimPrefix(p.ImportPath, h.module+"/")
		say := func(format string, args ...any) { all = append(all, at+": "+fmt.Sprintf(format, args...)) }
		if len(p.GoFiles) > 0 {
			h.checkPackage(at, p, say)
			h.checkImports(at, p.Imports, say)
		}
		h.checkFiles(at, p.files, say)
	}
	slices.Sort(all)
	return all
}

type sayer func(format string, args ...any)

func (h house) checkPackage(at string, p source, say sayer) {
	for _, element := range strings.Split(at, "/") {
		if slices.Contains(h.vague, element) {
			say("the name %q says nothing about what is inside", element)
		}
	}
	if p.Doc == "" {
		say("no package comment: one sentence on what it is, and what matters")
	}
}

func (h house) checkImports(at string, imports []string, say sayer) {
	support := h.support(at)
	here := h.place(at)
	if here < 0 && !support {
		say("no layer names this package; place it in the table of internal/layers_test.go")
		return
	}
	for _, imported := range imports {
		other, inside := strings.CutPrefix(imported, h.module+"/")
		switch {
		case support && inside && strings.HasPrefix(other, "cmd/"):
			say("test support imports %s: commands are imported by nobody", other)
		case support:
			continue
		case inside:
			h.checkEdge(at, here, other, say)
		case isHTTP(imported) && !h.layers[here].http:
			say("imports %s: no HTTP in %s", imported, h.layers[here].name)
		case h.isSQL(imported) && !h.layers[here].sql:
			say("imports %s: no SQL in %s; it stays in the stores", imported, h.layers[here].name)
		}
	}
}

// checkEdge holds one import, from at in layer here, to the plan.
func (h house) checkEdge(at string, here int, other string, say sayer) {
	if h.support(other) {
		say("imports %s: only tests may import test support", other)
		return
	}
	there := h.place(other)
	if there < 0 {
		return // said where that package is looked at
	}
	from, to := h.layers[here], h.layers[there]
	switch {
	case there < here:
		say("imports %s: %s may not import %s, which stand above", other, from.name, to.name)
	case there == here && from.apart && root(at) != root(other):
		say("imports %s: %s never import each other", other, from.name)
	case there > here && to.onlyFor != nil && !slices.Contains(to.onlyFor, from.name):
		say("imports %s: %s are imported by %s and tests only", other, to.name, strings.Join(to.onlyFor, ", "))
	}
}

// place returns the index of the layer that names the package, -1 for none.
func (h house) place(at string) int {
	return slices.IndexFunc(h.layers, func(l layer) bool {
		return slices.ContainsFunc(l.packages, func(name string) bool {
			if below, ok := strings.CutSuffix(name, "/..."); ok {
				return at == below || strings.HasPrefix(at, below+"/")
			}
			return at == name
		})
	})
}

// root is the part of a path that two packages of one family share.
func root(at string) string {
	elements := strings.SplitN(at, "/", 3)
	return path.Join(elements[:min(2, len(elements))]...)
}

func isHTTP(imported string) bool {
	return imported == "net/http" || strings.HasPrefix(imported, "net/http/")
}

func (h house) isSQL(imported string) bool {
	return slices.ContainsFunc(h.sqlPackages, func(p string) bool {
		return imported == p || strings.HasPrefix(imported, p+"/")
	})
}

func (h house) checkFiles(at string, files map[string][]byte, say sayer) {
	for name, text := range files {
		if n := bytes.Count(text, []byte("\n")); n > h.maxLines {
			say("%s has %d lines; a file is one noun, and %d are the most", name, n, h.maxLines)
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			say("%v", err)
			continue
		}
		isTest := strings.HasSuffix(name, "_test.go")
		for _, declaration := range file.Decls {
			switch d := declaration.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == "init" {
					say("%s: init() acts behind the reader's back", set.Position(d.Pos()))
				}
			case *ast.GenDecl:
				if d.Tok == token.VAR && !isTest {
					h.checkVariables(at, set, d, say)
				}
			}
		}
		if isTest || h.support(at) {
			checkTestHabits(set, file, say)
		}
	}
}

// checkVariables complains of package variables that are state.
func (h house) checkVariables(at string, set *token.FileSet, d *ast.GenDecl, say sayer) {
	for _, spec := range d.Specs {
		v := spec.(*ast.ValueSpec)
		if isEmbedded(d.Doc) || isEmbedded(v.Doc) {
			continue
		}
		for i, name := range v.Names {
			if name.Name == "_" || h.variables[at+"."+name.Name] != "" || h.variables[at+".*"] != "" {
				continue
			}
			if i >= len(v.Values) || !h.isTable(v.Values[i]) {
				say("%s: package variable %s is neither an error nor a table; pass it, or name it in the table of internal/layers_test.go with a reason", set.Position(name.Pos()), name.Name)
			}
		}
	}
}

func isEmbedded(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

func (h house) isTable(value ast.Expr) bool {
	switch v := value.(type) {
	case *ast.BasicLit:
		return true
	case *ast.UnaryExpr:
		return v.Op == token.AND && h.isTable(v.X)
	case *ast.CompositeLit:
		return len(v.Elts) > 0
	case *ast.CallExpr:
		switch f := v.Fun.(type) {
		case *ast.ArrayType: // []byte("constant")
			return len(v.Args) == 1 && h.isTable(v.Args[0])
		case *ast.SelectorExpr:
			return slices.Contains(h.tableMakers, written(f))
		case *ast.IndexExpr: // sync.OnceValue[T](…)
			s, ok := f.X.(*ast.SelectorExpr)
			return ok && slices.Contains(h.tableMakers, written(s))
		}
	}
	return false
}

// written is a qualified name as the source has it, "" for other selectors.
func written(s *ast.SelectorExpr) string {
	if x, ok := s.X.(*ast.Ident); ok {
		return x.Name + "." + s.Sel.Name
	}
	return ""
}

// checkTestHabits complains of skipped tests, and of sleeps but for those in a
// synctest bubble, where the clock is not the world's.
func checkTestHabits(set *token.FileSet, file *ast.File, say sayer) {
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		s, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		switch name := written(s); name {
		case "synctest.Test":
			return false
		case "time.Sleep":
			say("%s: a test that sleeps is slow or flaky; use a channel, synctest or an injected clock", set.Position(call.Pos()))
		case "t.Skip", "t.Skipf", "t.SkipNow", "b.Skip", "b.Skipf", "b.SkipNow", "f.Skip", "f.Skipf", "f.SkipNow", "tb.Skip", "tb.Skipf", "tb.SkipNow":
			say("%s: %s; nothing in make check skips, what is optional is a target of its own", set.Position(call.Pos()), name)
		}
		return true
	})
}
