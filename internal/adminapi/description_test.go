package adminapi_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"weir/internal/adminapi"
)

// book is an API description that answers are held against.
type book struct {
	name   string
	doc    *openapi3.T
	prefix string // of every path, which the description leaves out
	routes []bookRoute
	// newer match the calls, "GET /v1/things/thing_1", that are newer than the
	// description: what they answer is not in it.
	newer []*regexp.Regexp
}

type bookRoute struct {
	pattern   *regexp.Regexp
	variables int
	item      *openapi3.PathItem
}

var pathVariable = regexp.MustCompile(`\\\{[a-z_]+\\\}`)

func readBook(name string, raw []byte, prefix string) (book, error) {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(raw)
	if err != nil {
		return book{}, fmt.Errorf("reading %s: %w", name, err)
	}
	b := book{name: name, doc: doc, prefix: prefix}
	for path, item := range doc.Paths.Map() {
		b.routes = append(b.routes, bookRoute{matching(prefix + path), strings.Count(path, "{"), item})
	}
	// things/activate is not things/{thing_id}: the words go before the variables.
	slices.SortFunc(b.routes, func(a, b bookRoute) int { return a.variables - b.variables })
	return b, nil
}

// matching is the pattern of what a path with variables stands for.
func matching(path string) *regexp.Regexp {
	return regexp.MustCompile("^" + pathVariable.ReplaceAllString(regexp.QuoteMeta(path), `[^/]+`) + "$")
}

func (b book) isNewer(call string) bool {
	return slices.ContainsFunc(b.newer, func(pattern *regexp.Regexp) bool { return pattern.MatchString(call) })
}

// ownBook is weir's own description.
func ownBook(t *testing.T) book {
	t.Helper()
	b, err := readBook("the description", adminapi.Description(), "")
	return must(t, b, err)
}

// check reports how an answer differs from its description. A path that is not
// described must be refused.
func (b book) check(r *http.Request, status int, body []byte) error {
	if r.Method == http.MethodHead {
		return nil // no body
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return err
	}
	if status != http.StatusOK {
		return b.schema("Error").VisitJSON(value, openapi3.EnableJSONSchema2020())
	}
	i := slices.IndexFunc(b.routes, func(route bookRoute) bool {
		return route.pattern.MatchString(r.URL.EscapedPath()) && route.item.GetOperation(r.Method) != nil
	})
	if i < 0 {
		if b.isNewer(r.Method + " " + r.URL.EscapedPath()) {
			return nil
		}
		return errors.New("no such operation")
	}
	response := b.routes[i].item.GetOperation(r.Method).Responses.Status(status)
	if response == nil {
		return errors.New("no such status")
	}
	return response.Value.Content.Get("application/json").Schema.Value.VisitJSON(value, openapi3.EnableJSONSchema2020())
}

// schema returns the schema of the error envelope, which the two descriptions
// call by different names.
func (b book) schema(name string) *openapi3.Schema {
	if s := b.doc.Components.Schemas["ErrorResponse"]; s != nil {
		return s.Value
	}
	return b.doc.Components.Schemas[name].Value
}

func TestDescriptionIsValid(t *testing.T) {
	b := ownBook(t)
	if err := b.doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// The rows of the table and the operations described are the same.
func TestDescriptionMatchesTable(t *testing.T) {
	w := newWorld(t)
	var rows, described []string
	for _, e := range w.api.Endpoints() {
		rows = append(rows, e.Route())
	}
	for path, item := range ownBook(t).doc.Paths.Map() {
		for method, operation := range item.Operations() {
			described = append(described, method+" "+path)
			if operation.Summary == "" || operation.OperationID == "" || len(operation.Tags) != 1 {
				t.Errorf("%s %s: needs a summary, an operation id and a tag", method, path)
			}
		}
	}
	slices.Sort(rows)
	slices.Sort(described)
	if got, want := strings.Join(rows, "\n"), strings.Join(described, "\n"); got != want {
		t.Errorf("table:\n%s\n\ndescription:\n%s", got, want)
	}
}
