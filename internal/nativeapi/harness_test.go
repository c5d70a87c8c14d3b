package nativeapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/config"
	"weir/internal/endpoint/endpointtest"
	"weir/internal/id"
	"weir/internal/oidc"
	"weir/internal/oidc/oidctest"
	"weir/internal/optional"
	"weir/internal/org"
	"weir/internal/pricing"
	"weir/internal/routing"
)

// fixture is the API on loopback over real stores. Every answer that a client
// of it gets is held against the description and kept.
type fixture struct {
	*endpointtest.Env
	t         *testing.T
	url       string
	api       *API
	clock     *clock
	oracle    *oracle
	workspace routing.Workspace  // default
	idp       *oidctest.Provider // of the name test; vouches for the owner
	flow      string             // the cookie of the sign-in that was begun last

	principals []principal // join every workspace that the matrix makes

	mu   sync.Mutex
	n    int
	seen []string // bodies of answers
}

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newFixture(t *testing.T, change ...func(*Options)) *fixture {
	t.Helper()
	env := endpointtest.New(t)
	f := &fixture{Env: env, t: t, clock: &clock{now: time.Now()}, oracle: newOracle(t)}
	env.Org.Now, env.Identity.Now = f.clock.Now, f.clock.Now
	book, err := pricing.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		Org: env.Org, Usage: env.Usage, Identity: env.Identity, Book: book,
		Logger: slog.New(slog.DiscardHandler), Now: f.clock.Now, Explainer: explainer{f},
	}
	f.idp = oidctest.New(t)
	f.idp.Now = f.clock.Now
	f.idp.Person["email"] = env.Owner.Email
	f.with(&o, f.idp.Config("test"))
	for _, fn := range change {
		fn(&o)
	}
	f.api = New(o)
	f.url = endpointtest.Serve(t, f.api.Handler())
	if f.workspace, err = env.Org.DefaultWorkspace(t.Context(), env.Organization.ID); err != nil {
		t.Fatal(err)
	}
	return f
}

// with gives the API one more identity provider.
func (f *fixture) with(o *Options, cfg config.OIDCProvider) {
	o.OIDC = append(o.OIDC, oidc.New(cfg, OIDCRedirect("https://weir.example.com/", cfg.Name), f.clock.Now))
}

// must returns what fn did, which has to succeed.
func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (f *fixture) actor() audit.Actor {
	return audit.Actor{OrganizationID: f.Organization.ID, Type: audit.ActorAPIKey, UserID: f.Owner.ID, UserEmail: f.Owner.Email, APIKeyID: "key_test"}
}

// name returns a fresh name that can stand in an address.
func (f *fixture) name() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
	return fmt.Sprintf("thing-%d", f.n)
}

// The makers below go past the API, so that a test begins with what it is about.

func (f *fixture) connection(workspaceIDs ...string) routing.Connection {
	f.t.Helper()
	in := org.ConnectionFields{
		Name: optional.Of(f.name()), Provider: optional.Of("openai"), APIKey: optional.Of("sk-upstream-0123456789abcdef"),
		Models: optional.Of([]string{"gpt-4o-mini"}),
	}
	if workspaceIDs != nil {
		in.WorkspaceIDs = optional.Of(workspaceIDs)
	}
	c, _, err := f.Org.CreateConnection(f.t.Context(), f.actor(), in)
	return must[routing.Connection](f.t)(c, err)
}

func (f *fixture) newWorkspace() routing.Workspace {
	f.t.Helper()
	return must[routing.Workspace](f.t)(f.Org.CreateWorkspace(f.t.Context(), f.actor(), org.NewWorkspace{Name: f.name()}))
}

func (f *fixture) modelEndpoint(workspaceID string) routing.ModelEndpoint {
	f.t.Helper()
	c := f.connection(workspaceID)
	return must[routing.ModelEndpoint](f.t)(f.Org.CreateModelEndpoint(f.t.Context(), f.actor(), org.ModelEndpointFields{
		Name: optional.Of(f.name()), WorkspaceID: optional.Of(workspaceID),
		Upstreams: optional.Of([]routing.Upstream{{ConnectionID: c.ID, Model: "gpt-4o-mini", Priority: 1, Weight: 1}}),
	}))
}

func (f *fixture) project() org.Project {
	f.t.Helper()
	return must[org.Project](f.t)(f.Org.CreateProject(f.t.Context(), f.actor(), org.NewProject{Name: f.name()}))
}

// serviceAccount makes one with a role, and its key.
func (f *fixture) serviceAccount(projectID string, role access.ProjectRole) (org.ServiceAccount, org.APIKey, string) {
	f.t.Helper()
	account, key, secret, err := f.Org.CreateServiceAccount(f.t.Context(), f.actor(), projectID, org.NewServiceAccount{Name: f.name()})
	if err == nil {
		account, err = f.Org.UpdateServiceAccount(f.t.Context(), f.actor(), projectID, account.ID, org.ServiceAccountChange{Role: optional.Of(string(role))})
	}
	return must[org.ServiceAccount](f.t)(account, err), *key, secret
}

// user makes a person with an admin key.
func (f *fixture) user(role access.OrganizationRole) (org.User, string) {
	f.t.Helper()
	u := org.User{ID: id.New(id.User), OrganizationID: f.Organization.ID, Email: f.name() + "@example.com", Name: "Somebody", Role: role, CreatedAt: f.clock.Now()}
	if _, err := f.Store.Update(f.t.Context(), audit.System(f.Organization.ID), func(tx org.Tx) error { return tx.InsertUser(f.t.Context(), u) }); err != nil {
		f.t.Fatal(err)
	}
	_, secret, err := f.Org.CreateAdminKey(f.t.Context(), f.actor(), org.NewAdminKey{Name: "key", UserID: u.ID})
	return u, must[string](f.t)(secret, err)
}

func (f *fixture) join(workspaceID, principalID string, role access.WorkspaceRole) {
	f.t.Helper()
	must[org.WorkspaceMembership](f.t)(f.Org.PutWorkspaceMember(f.t.Context(), f.actor(), workspaceID, principalID, string(role)))
}

// events returns the audit events after seq, oldest first.
func (f *fixture) events(seq int64) []audit.Event {
	f.t.Helper()
	rows := must[org.Rows[audit.Event]](f.t)(f.Org.AuditEvents(f.t.Context(), f.Organization.ID, audit.Query{Limit: 100}))
	var events []audit.Event
	for i := len(rows.Items) - 1; i >= 0; i-- {
		if rows.Items[i].Seq > seq {
			events = append(events, rows.Items[i])
		}
	}
	return events
}

// lastSeq is the sequence of the newest audit event.
func (f *fixture) lastSeq() int64 {
	events := f.events(0)
	return events[len(events)-1].Seq
}

// client calls the API as somebody.
type client struct {
	f      *fixture
	header http.Header
}

// as is a client with a key; "" sends none.
func (f *fixture) as(key string) client {
	c := client{f: f, header: http.Header{}}
	if key != "" {
		c.header.Set("Authorization", "Bearer "+key)
	}
	return c
}

func (f *fixture) owner() client { return f.as(f.AdminKey) }

// with is the client with another header field.
func (c client) with(name, value string) client {
	c.header = c.header.Clone()
	c.header.Set(name, value)
	return c
}

type answer struct {
	call   string
	status int
	header http.Header
	body   []byte
}

func (c client) get(path string) answer            { return c.call(http.MethodGet, path, nil) }
func (c client) post(path string, body any) answer { return c.call(http.MethodPost, path, body) }
func (c client) delete(path string) answer         { return c.call(http.MethodDelete, path, nil) }

// call sends body, which is JSON text or encoded as such, to a path under
// /weir/v1.
func (c client) call(method, path string, body any) answer {
	c.f.t.Helper()
	var raw []byte
	switch b := body.(type) {
	case nil:
	case string:
		raw = []byte(b)
	default:
		raw = must[[]byte](c.f.t)(json.Marshal(b))
	}
	if !strings.HasPrefix(path, "/weir") {
		path = root + path
	}
	req := must[*http.Request](c.f.t)(http.NewRequestWithContext(context.Background(), method, c.f.url+path, bytes.NewReader(raw)))
	req.Header = c.header.Clone()
	if raw != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	here := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res := must[*http.Response](c.f.t)(here.Do(req))
	defer res.Body.Close()
	a := answer{call: method + " " + path, status: res.StatusCode, header: res.Header, body: must[[]byte](c.f.t)(io.ReadAll(res.Body))}
	c.f.mu.Lock()
	c.f.seen = append(c.f.seen, string(a.body))
	c.f.mu.Unlock()
	if !strings.HasPrefix(res.Header.Get("X-Request-Id"), "req_") {
		c.f.t.Errorf("%s: no x-request-id", a.call)
	}
	if err := c.f.oracle.check(req, raw, a); err != nil {
		c.f.t.Errorf("%s: %d %s: %v", a.call, a.status, a.body, err)
	}
	return a
}

// ok decodes a successful answer.
func ok[T any](t *testing.T, a answer) T {
	t.Helper()
	var v T
	if a.status != http.StatusOK {
		t.Fatalf("%s: %d %s", a.call, a.status, a.body)
	}
	decoder := json.NewDecoder(bytes.NewReader(a.body))
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("%s: %v in %s", a.call, err, a.body)
	}
	return v
}

// refused checks an error; "" as code or param means null.
func refused(t *testing.T, a answer, status int, code, param string) {
	t.Helper()
	var e struct {
		Error struct{ Message, Type, Param, Code string }
	}
	if err := json.Unmarshal(a.body, &e); err != nil {
		t.Errorf("%s: %v in %s", a.call, err, a.body)
	}
	if a.status != status || e.Error.Code != code || e.Error.Param != param {
		t.Errorf("%s: %d %s; want %d with code %q and param %q", a.call, a.status, a.body, status, code, param)
	}
}

// page is a list as a client reads it.
type page[T any] struct {
	Object  string
	Data    []T
	FirstID *string `json:"first_id"`
	LastID  *string `json:"last_id"`
	HasMore bool    `json:"has_more"`
}
