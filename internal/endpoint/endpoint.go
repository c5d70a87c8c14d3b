// Package endpoint is the table that weir's HTTP APIs are written in: one typed
// row per operation, naming its route, the permission it needs and where, and
// the audit actions it records. Handlers hold no status codes, JSON,
// authentication or logging.
//
// Streams, files and WebSockets do not belong in a table: they are plain
// handlers.
package endpoint

import (
	"context"
	"net/http"
	"reflect"
	"strings"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/identity"
	"weir/internal/org"
)

// Scope says where an endpoint's permission must be held.
type Scope uint8

// The scopes of permissions.
const (
	// AtOrganization asks at the organization.
	AtOrganization Scope = iota
	// AtProject asks at the project named by the path's {project_id}.
	AtProject
	// AtWorkspace asks at the workspace named by the path's {workspace_id}.
	AtWorkspace
	// Anywhere asks at any scope; the handler narrows what it shows or changes
	// with Call.Require, Call.Projects and Call.Workspaces.
	Anywhere
)

// Endpoint is one operation.
type Endpoint struct {
	Method  string
	Path    string // with {name} for each variable segment
	Needs   access.Permission
	Scope   Scope
	Records []audit.Action // what a successful call leaves in the audit log
	Open    bool           // anybody may call it; Needs is not asked

	strict bool // see Strict
	run    func(ctx context.Context, c *Call) (any, error)
}

// Route is method and path, as the table and the API description name it.
func (e *Endpoint) Route() string { return e.Method + " " + e.Path }

// Call is one request to an endpoint.
type Call struct {
	Caller  identity.Caller // zero for an Open endpoint
	Query   *Query
	Request *http.Request
	Header  http.Header // of the answer
	body    []byte
	strict  bool // fields nobody knows are refused
}

// Path returns the value of a path variable.
func (c *Call) Path(name string) string { return c.Request.PathValue(name) }

// OrganizationID is the tenant the caller belongs to.
func (c *Call) OrganizationID() string { return c.Caller.Actor.OrganizationID }

// Actor is the caller as the audit log names it.
func (c *Call) Actor() audit.Actor { return c.Caller.Actor }

// Grantor is the caller with what it holds, for what gives permissions away.
func (c *Call) Grantor() org.Grantor {
	return org.Grantor{Actor: c.Caller.Actor, Holds: c.Caller.Grants, Key: c.Caller.Key}
}

// Require refuses the call unless the caller holds p at the scope.
func (c *Call) Require(p access.Permission, at access.Scope) error {
	return require(c.Caller, p, at)
}

func require(caller identity.Caller, p access.Permission, at access.Scope) error {
	if caller.Grants.Allows(p, at) {
		return nil
	}
	return errMissing(p)
}

// Projects returns the projects in which the caller holds p; nil means every
// project of the organization.
func (c *Call) Projects(p access.Permission) []string {
	return c.holding(p, c.Caller.Grants.Projects)
}

// Workspaces is Projects for workspaces.
func (c *Call) Workspaces(p access.Permission) []string {
	return c.holding(p, c.Caller.Grants.Workspaces)
}

func (c *Call) holding(p access.Permission, scopes map[string]access.Set) []string {
	if c.Caller.Grants.Allows(p, access.Scope{}) {
		return nil
	}
	ids := []string{}
	for scopeID, held := range scopes {
		if held.Has(p) {
			ids = append(ids, scopeID)
		}
	}
	return ids
}

// RequireWorkspaces refuses callers who hold less in workspaces than memberships
// give: managing a project's keys is not managing the workspaces that their
// owners were let into.
func (c *Call) RequireWorkspaces(memberships []org.WorkspaceMembership) error {
	for _, m := range memberships {
		for p := range m.Role.Permissions() {
			if err := c.Require(p, access.Scope{WorkspaceID: m.WorkspaceID}); err != nil {
				return err
			}
		}
	}
	return nil
}

// errMissing is worded as OpenAI words it: clients look for "Missing scopes".
func errMissing(p access.Permission) error {
	return fault.New(fault.Forbidden, "insufficient_permissions", "",
		"You have insufficient permissions for this operation. Missing scopes: %s. Check that you have the correct role in your organization (Reader, Writer, Owner) and your project (Member, Owner), and if you're using a restricted API key, that it has the necessary scopes.", p)
}

// route splits "GET /v1/things".
func route(s string) (method, path string) {
	method, path, ok := strings.Cut(s, " ")
	if !ok {
		panic("endpoint: a route is a method and a path: " + s)
	}
	return method, path
}

// Read is an operation that answers one thing and changes nothing.
func Read[Out any](at string, needs access.Permission, scope Scope, fn func(context.Context, *Call) (Out, error)) Endpoint {
	method, path := route(at)
	return Endpoint{Method: method, Path: path, Needs: needs, Scope: scope, run: func(ctx context.Context, c *Call) (any, error) {
		return fn(ctx, c)
	}}
}

// Write is an operation with a JSON body that changes something. In is a
// struct; see Decode for its tags.
func Write[In, Out any](at string, needs access.Permission, scope Scope, records []audit.Action, fn func(context.Context, *Call, In) (Out, error)) Endpoint {
	method, path := route(at)
	return Endpoint{Method: method, Path: path, Needs: needs, Scope: scope, Records: records, run: func(ctx context.Context, c *Call) (any, error) {
		in, err := Decode[In](c.body)
		if err == nil && c.strict {
			err = checkKnown(c.body, reflect.TypeFor[In]())
		}
		if err != nil {
			return nil, err
		}
		return fn(ctx, c, in)
	}}
}

// Act is an operation without a body that changes something: an archive, a
// deletion.
func Act[Out any](at string, needs access.Permission, scope Scope, records []audit.Action, fn func(context.Context, *Call) (Out, error)) Endpoint {
	e := Read(at, needs, scope, fn)
	e.Records = records
	return e
}

// Strict refuses fields of a body that the endpoint does not know, as
// Options.StrictBodies does for all endpoints of a table.
func (e Endpoint) Strict() Endpoint {
	e.strict = true
	return e
}

// Public opens the endpoint to callers without any key.
func (e Endpoint) Public() Endpoint {
	e.Open = true
	return e
}
