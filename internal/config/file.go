package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// given is a value as some source gave it.
type given struct {
	text   string
	origin string // how to call the source in an error: "weir.yaml:12: listen"
}

// layer is what one source gives, by the name of the setting; a secret's twin
// has the name with fileSuffix.
type layer map[string]given

// parseFile reads the YAML text of the file called name. The layer holds what
// could be read, problems are all that is wrong, each with its line.
//
// The text is walked rather than decoded, so that every problem has a line, a
// value is read by the same rules as from the environment, and no error quotes
// the source, which may hold secrets.
func parseFile(name string, text []byte) (layer, []error) {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, []error{syntaxError(name, err)}
	}
	w := &walker{file: name, layer: layer{}, known: knownNames(), lists: listNames(), entries: entriesNames()}
	documents := 0
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if documents++; documents > 1 {
			w.problem(doc.Body, "only one YAML document is read")
			break
		}
		w.section("", doc.Body)
	}
	return w.layer, w.problems
}

func syntaxError(name string, err error) error {
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) && syntax.Token != nil && syntax.Token.Position != nil {
		return fmt.Errorf("%s:%d: it is not YAML: %s", name, syntax.Token.Position.Line, syntax.Message)
	}
	return fmt.Errorf("%s: it is not YAML", name)
}

// knownNames are all names a file may hold.
func knownNames() []string {
	var names []string
	for _, s := range Settings() {
		names = append(names, s.Name)
		if s.Secret {
			names = append(names, s.Name+fileSuffix)
		}
	}
	return names
}

// listNames are those of the settings that may be lists.
func listNames() []string {
	var names []string
	for _, s := range Settings() {
		if s.List {
			names = append(names, s.Name)
		}
	}
	return names
}

// entriesNames are those of the settings that are lists of sections.
func entriesNames() []string {
	var names []string
	for _, s := range Settings() {
		if s.Entries {
			names = append(names, s.Name)
		}
	}
	return names
}

type walker struct {
	file     string
	layer    layer
	known    []string
	lists    []string
	entries  []string // settings that are lists of sections
	problems []error
}

func (w *walker) problem(at ast.Node, format string, args ...any) {
	w.problems = append(w.problems, fmt.Errorf("%s: %s", w.place(at.GetToken()), fmt.Sprintf(format, args...)))
}

func (w *walker) place(t *token.Token) string {
	if t == nil || t.Position == nil {
		return w.file
	}
	return fmt.Sprintf("%s:%d", w.file, t.Position.Line)
}

// section reads a mapping whose keys are prefixed by prefix ("" or "gateway.").
func (w *walker) section(prefix string, node ast.Node) {
	switch n := node.(type) {
	case *ast.NullNode, *ast.CommentGroupNode: // all commented out
	case *ast.MappingNode:
		for _, entry := range n.Values {
			w.entry(prefix, entry)
		}
	case *ast.MappingValueNode:
		w.entry(prefix, n)
	default:
		if prefix == "" {
			w.problem(node, "the file must hold settings, one `name: value` per line")
			return
		}
		w.problem(node, "%s is a section with settings of its own", strings.TrimSuffix(prefix, "."))
	}
}

func (w *walker) entry(prefix string, entry *ast.MappingValueNode) {
	key, ok := entry.Key.(*ast.StringNode)
	if !ok {
		w.problem(entry, "a setting's name must be plain text")
		return
	}
	name := prefix + key.Value
	isSection := slices.ContainsFunc(w.known, func(known string) bool { return strings.HasPrefix(known, name+".") })
	switch {
	case isSection:
		w.section(name+".", entry.Value)
	case !slices.Contains(w.known, name):
		w.problem(key, "unknown setting %q%s", name, DidYouMean(name, w.known))
	default:
		w.value(name, key, entry.Value)
	}
}

func (w *walker) value(name string, key, node ast.Node) {
	if _, empty := node.(*ast.NullNode); empty {
		return // `listen:` with nothing after it leaves the default
	}
	text, ok := scalar(node)
	if list, isList := node.(*ast.SequenceNode); isList && slices.Contains(w.lists, name) {
		text, ok = joined(list)
	} else if isList && slices.Contains(w.entries, name) {
		text, ok = list.String(), true
	}
	if !ok {
		w.problem(key, "%s must be a single value", name)
		return
	}
	if _, twice := w.layer[name]; twice {
		w.problem(key, "%s is set twice", name)
		return
	}
	w.layer[name] = given{text: text, origin: w.place(key.GetToken()) + ": " + name}
}

// scalar is the text of a single value, as it is written.
func scalar(node ast.Node) (text string, ok bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return strings.TrimSuffix(n.Value.Value, "\n"), true // a block's last newline is not meant
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true // 1e3 or 0x10 is for the setting to judge
	}
	return "", false
}

// joined is a list as it stands outside the file.
func joined(list *ast.SequenceNode) (text string, ok bool) {
	items := make([]string, len(list.Values))
	for i, node := range list.Values {
		if items[i], ok = scalar(node); !ok {
			return "", false
		}
	}
	return strings.Join(items, ","), true
}
