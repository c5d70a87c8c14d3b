package nativeapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/goccy/go-yaml"
	"weir/internal/endpoint"
)

// oracle knows what the description says about calls and answers.
type oracle struct {
	doc    *openapi3.T
	router routers.Router
}

func newOracle(t *testing.T) *oracle {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(Description())
	if err != nil {
		t.Fatal(err)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return &oracle{doc, router}
}

// check holds an answer against the description, and the call too when it
// succeeded: what the API takes, the description must allow.
func (o *oracle) check(req *http.Request, body []byte, a answer) error {
	route, params, err := o.router.FindRoute(req)
	if errors.Is(err, routers.ErrPathNotFound) || errors.Is(err, routers.ErrMethodNotAllowed) {
		return nil
	}
	if err != nil {
		return err
	}
	options := &openapi3filter.Options{
		IncludeResponseStatus: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true,
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	in := &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route, Options: options}
	if a.status == http.StatusOK && len(body) > 0 {
		if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
			return err
		}
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: a.status, Header: a.header, Options: options}
	return openapi3filter.ValidateResponse(context.Background(), out.SetBodyBytes(a.body))
}

func TestDescriptionIsOpenAPI31(t *testing.T) {
	o := newOracle(t)
	if o.doc.OpenAPI != "3.1.0" {
		t.Errorf("openapi: %s", o.doc.OpenAPI)
	}
	if err := o.doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestDescriptionAndTableNameTheSameCalls(t *testing.T) {
	f := newFixture(t)
	described := map[string]bool{}
	for path, item := range f.oracle.doc.Paths.Map() {
		for method, operation := range item.Operations() {
			described[method+" "+path] = operation.Security != nil && len(*operation.Security) == 0
		}
	}
	for _, e := range f.api.Endpoints() {
		open, ok := described[e.Route()]
		if !ok {
			t.Errorf("%s is in the table and not in the description", e.Route())
		}
		if open != e.Open {
			t.Errorf("%s: open is %t in the table and %t in the description", e.Route(), e.Open, open)
		}
		delete(described, e.Route())
	}
	for route := range described {
		t.Errorf("%s is in the description and not in the table", route)
	}
}

// The description must be able to fail an answer, or the other tests say
// nothing.
func TestOracleNoticesWrongAnswers(t *testing.T) {
	f := newFixture(t)
	f.connection()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url+root+"/connections", nil)
	if err != nil {
		t.Fatal(err)
	}
	good := f.owner().get("/connections")
	for name, spoil := range map[string]func(conn, list map[string]any){
		"a field too many":    func(conn, _ map[string]any) { conn["api_key"] = "sk-secret" },
		"a field missing":     func(conn, _ map[string]any) { delete(conn, "last_error") },
		"a wrong type":        func(conn, _ map[string]any) { conn["created_at"] = "yesterday" },
		"a wrong envelope":    func(_, list map[string]any) { delete(list, "has_more") },
		"a wrong object word": func(conn, _ map[string]any) { conn["object"] = "organization.connection" },
	} {
		list := ok[map[string]any](t, good)
		spoil(list["data"].([]any)[0].(map[string]any), list)
		bad := good
		if bad.body, err = json.Marshal(list); err != nil {
			t.Fatal(err)
		}
		if f.oracle.check(req, nil, bad) == nil {
			t.Errorf("%s passed", name)
		}
	}
}

func TestOpenAPIDocumentHoldsBothAPIs(t *testing.T) {
	admin, err := yaml.YAMLToJSON([]byte(`
openapi: 3.1.0
info: {title: Admin, version: v1}
servers: [{url: /}]
security: [{adminKey: []}]
tags: [{name: Users}, {name: Keys}]
paths:
  /v1/organization/users:
    get:
      tags: [Users]
      operationId: adminListUsers
      responses:
        '200': {description: A page, content: {application/json: {schema: {$ref: '#/components/schemas/List'}}}}
        4XX: {description: Refused, content: {application/json: {schema: {$ref: '#/components/schemas/Permissions'}}}}
components:
  securitySchemes: {adminKey: {type: http, scheme: bearer}}
  schemas:
    List: {type: object, required: [users], properties: {users: {type: array}}}
    Permissions: {type: array, items: {type: string}}
`))
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, func(o *Options) { o.AdminDescription = admin })
	a := f.as("").get("/openapi.json")
	doc, err := openapi3.NewLoader().LoadFromData(a.body)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	users := doc.Paths.Find("/v1/organization/users").Get
	if got := users.Responses.Status(200).Value.Content.Get("application/json").Schema.Value; !slices.Contains(got.Required, "users") {
		t.Errorf("the Admin API's list became %v", got.Required)
	}
	if users.Security == nil || (*users.Security)[0]["adminKey"] == nil {
		t.Errorf("the Admin API's security is lost: %v", users.Security)
	}
	native := doc.Paths.Find("/weir/v1/connections").Get.Responses.Status(200).Value.Content.Get("application/json").Schema.Value
	if !slices.Contains(native.AllOf[0].Value.Required, "has_more") {
		t.Errorf("weir's own list became %v", native.AllOf[0].Value.Required)
	}
	names := slices.Sorted(maps.Keys(doc.Components.Schemas))
	if !slices.Contains(names, "AdminList") || slices.Contains(names, "AdminPermissions") {
		t.Errorf("schemas: %v", names)
	}
	if n := strings.Count(string(a.body), `"name":"Keys"`); n != 1 {
		t.Errorf("the tag Keys stands there %d times", n)
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/weir/v1/nothing", "/weir", "/weir/v2/me", "/weir/v1/connections/", "/weir/v1/../v1/me", "/weir/v1/costs"} {
		refused(t, f.owner().get(path), http.StatusNotFound, "", "")
	}
	refused(t, f.owner().call(http.MethodPut, "/me", nil), http.StatusMethodNotAllowed, "method_not_supported", "")
}

// The document that is served is valid with the Admin API's own description
// beside it, and leaves nothing of it out.
func TestOpenAPIDocumentWithTheAdminAPI(t *testing.T) {
	admin, err := endpoint.Describe(os.DirFS("../adminapi"))
	if err != nil {
		t.Fatal(err)
	}
	alone, err := openapi3.NewLoader().LoadFromData(admin)
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, func(o *Options) { o.AdminDescription = admin })
	doc, err := openapi3.NewLoader().LoadFromData(f.as("").get("/openapi.json").body)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	if got, want := doc.Paths.Len(), alone.Paths.Len()+f.oracle.doc.Paths.Len(); got != want {
		t.Errorf("%d paths, want %d", got, want)
	}
}
