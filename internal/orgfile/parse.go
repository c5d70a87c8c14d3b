package orgfile

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"weir/internal/config"
)

// MaxSize bounds a file, in bytes.
const MaxSize = 8 << 20

// Parse reads the YAML text of the file called name. Its error lists all that is
// wrong, a line each: "org.yaml:3:5: unknown field …".
//
// The text is walked rather than decoded, as the configuration is, so that every
// problem is found and has its place.
func Parse(name string, text []byte) (File, error) {
	var f File
	if len(text) > MaxSize {
		return f, fmt.Errorf("%s is larger than %d bytes", name, MaxSize)
	}
	tree, err := parser.ParseBytes(text, 0)
	if err != nil {
		return f, syntaxError(name, err)
	}
	r := reader{name: name}
	bodies := slices.DeleteFunc(tree.Docs, func(d *ast.DocumentNode) bool { return d.Body == nil })
	if len(bodies) != 1 {
		return f, fmt.Errorf("%s: there has to be one YAML document, and there are %d", name, len(bodies))
	}
	r.read("the file", bodies[0].Body, reflect.ValueOf(&f).Elem())
	return f, errors.Join(r.problems...)
}

func syntaxError(name string, err error) error {
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) && syntax.Token != nil && syntax.Token.Position != nil {
		at := syntax.Token.Position
		return fmt.Errorf("%s:%d:%d: it is not YAML: %s", name, at.Line, at.Column, syntax.Message)
	}
	return fmt.Errorf("%s: it is not YAML", name)
}

type reader struct {
	name     string
	problems []error
}

func (r *reader) problem(at ast.Node, format string, args ...any) {
	place := r.name
	if t := at.GetToken(); t != nil && t.Position != nil {
		place = fmt.Sprintf("%s:%d:%d", r.name, t.Position.Line, t.Position.Column)
	}
	r.problems = append(r.problems, fmt.Errorf("%s: %s", place, fmt.Sprintf(format, args...)))
}

// read puts what a node says into a value. what is how to call it.
func (r *reader) read(what string, node ast.Node, into reflect.Value) {
	switch into.Kind() {
	case reflect.Struct:
		r.mapping(what, node, into)
	case reflect.Slice:
		list, ok := node.(*ast.SequenceNode)
		if !ok {
			r.problem(node, "%s is a list", what)
			return
		}
		into.Set(reflect.MakeSlice(into.Type(), 0, len(list.Values)))
		for _, item := range list.Values {
			value := reflect.New(into.Type().Elem()).Elem()
			r.read("an entry of "+what, item, value)
			into.Set(reflect.Append(into, value))
		}
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		r.read(what, node, into.Elem())
	case reflect.Bool:
		b, ok := node.(*ast.BoolNode)
		if !ok {
			r.problem(node, "%s is true or false", what)
			return
		}
		into.SetBool(b.Value)
	case reflect.Int, reflect.Int64:
		n, ok := node.(*ast.IntegerNode)
		if ok {
			v, err := strconv.ParseInt(n.GetToken().Value, 10, into.Type().Bits())
			ok = err == nil
			into.SetInt(v)
		}
		if !ok {
			r.problem(node, "%s is a whole number", what)
		}
	default:
		text, ok := text(node)
		if !ok {
			r.problem(node, "%s is text; what YAML takes for something else stands in quotes", what)
			return
		}
		into.SetString(text)
	}
}

func text(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	}
	return "", false
}

func (r *reader) mapping(what string, node ast.Node, into reflect.Value) {
	var entries []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		entries = n.Values
	case *ast.MappingValueNode:
		entries = []*ast.MappingValueNode{n}
	default:
		r.problem(node, "%s is a section with fields of its own", what)
		return
	}
	fields := fieldNames(into.Type())
	seen := map[string]bool{}
	for _, entry := range entries {
		key, ok := entry.Key.(*ast.StringNode)
		switch {
		case !ok:
			r.problem(entry.Key, "the name of a field is plain text")
		case !slices.Contains(fields, key.Value):
			r.problem(key, "unknown field %q%s", key.Value, config.DidYouMean(key.Value, fields))
		case seen[key.Value]:
			r.problem(key, "%s is there twice", key.Value)
		case entry.Value == nil || entry.Value.Type() == ast.NullType:
			r.problem(key, "%s says nothing; leave it out", key.Value)
		default:
			r.read(key.Value, entry.Value, into.Field(slices.Index(fields, key.Value)))
		}
		if ok {
			seen[key.Value] = true
		}
	}
}

// fieldNames are the names of a struct's fields in the file, in its order.
func fieldNames(t reflect.Type) []string {
	names := make([]string, t.NumField())
	for i := range names {
		names[i] = t.Field(i).Tag.Get("yaml")
	}
	return names
}

// isPlain reports whether text stands for itself in YAML without quotes: what it
// could otherwise be taken for, the library says.
func isPlain(text string) bool {
	tokens := token.New(text, text, &token.Position{})
	return tokens.Type == token.StringType && plainText.MatchString(text)
}
