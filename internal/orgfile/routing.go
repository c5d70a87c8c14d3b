package orgfile

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"weir/internal/apiclient"
)

// Workspace is a workspace, and which projects may use what is in it.
type Workspace struct {
	Name     string   `yaml:"name"`
	Projects []string `yaml:"projects"` // nil: every project
}

// Connection is an account with a provider. Its secrets are named, never said.
type Connection struct {
	Name          string   `yaml:"name"`
	Description   string   `yaml:"description"`
	Provider      string   `yaml:"provider"`
	BaseURL       string   `yaml:"base_url"` // "": not in the file; the provider's own
	APIKey        *Secret  `yaml:"api_key"`
	AdminKey      *Secret  `yaml:"admin_key"`
	Headers       []Header `yaml:"headers"`      // sent with each request
	Organization  string   `yaml:"organization"` // at the provider
	Project       string   `yaml:"project"`      // at the provider
	Workspaces    []string `yaml:"workspaces"`
	Models        []string `yaml:"models"` // nil: those that the provider lists
	NoStreamUsage bool     `yaml:"no_stream_usage"`
}

// Secret says where a secret is: one of the two.
type Secret struct {
	Env  string `yaml:"env"`  // a variable of the environment of weir apply
	File string `yaml:"file"` // a file, whose last newline is not part of it
}

// Header is a request header, whose value is a secret.
type Header struct {
	Name  string  `yaml:"name"`
	Value *Secret `yaml:"value"`
}

// ModelEndpoint is a model under a name of the organization's own.
type ModelEndpoint struct {
	Workspace       string     `yaml:"workspace"`
	Name            string     `yaml:"name"`
	Upstreams       []Upstream `yaml:"upstreams"` // in the order in which weir has them
	Enabled         *bool      `yaml:"enabled"`   // what is nil is not in the file, and stays
	MaxOutputTokens *int64     `yaml:"max_output_tokens"`
	Hangup          string     `yaml:"hangup"`
	Retries         *int64     `yaml:"retries"`
}

// Upstream is a model on a connection.
type Upstream struct {
	Connection string `yaml:"connection" json:"connection"`
	Model      string `yaml:"model" json:"model"`
	Priority   int64  `yaml:"priority" json:"priority"` // 0: 1
	Weight     int64  `yaml:"weight" json:"weight"`     // 0: 1
}

// The kinds of what calls go through.
const (
	KindWorkspace     Kind = "workspace"
	KindConnection    Kind = "connection"
	KindModelEndpoint Kind = "model endpoint"
)

var routingPaths = map[Kind]string{
	KindWorkspace: "/weir/v1/workspaces", KindConnection: "/weir/v1/connections", KindModelEndpoint: "/weir/v1/model_endpoints",
}

func (k Kind) isRouting() bool { return routingPaths[k] != "" }

// isSet stands for a secret in the plan: whether there is one is all that weir
// tells.
const isSet = "set"

func sortedNames(names []string) []string {
	if names == nil {
		return nil
	}
	return append([]string{}, slices.Sorted(slices.Values(names))...)
}

func (c *collector) routing(f *File) {
	for _, w := range f.Workspaces {
		c.add(Ref{Kind: KindWorkspace, Name: w.Name}, Field{"projects", sortedNames(w.Projects)})
	}
	for _, conn := range f.Connections {
		c.connection(conn)
	}
	for _, m := range f.ModelEndpoints {
		if m.Workspace == "" || len(m.Upstreams) == 0 {
			c.problem("the model endpoint %q needs a workspace and upstreams", m.Name)
			continue
		}
		upstreams := slices.Clone(m.Upstreams)
		for i := range upstreams {
			upstreams[i].Priority = max(upstreams[i].Priority, 1)
			upstreams[i].Weight = max(upstreams[i].Weight, 1)
		}
		rest := m
		rest.Name, rest.Workspace, rest.Upstreams = "", "", nil
		c.add(Ref{Kind: KindModelEndpoint, Workspace: m.Workspace, Name: m.Name},
			append([]Field{{"upstreams", upstreams}}, fieldsOf(rest)...)...)
	}
}

func (c *collector) connection(conn Connection) {
	secrets := map[string]Secret{}
	text := func(name string, s *Secret) Field {
		if s == nil {
			return Field{name, ""}
		}
		if (s.Env == "") == (s.File == "") {
			c.problem("the %s of the connection %q is either in an env or in a file", name, conn.Name)
		}
		secrets[name] = *s
		return Field{name, isSet}
	}
	fields := []Field{{"description", conn.Description}, {"provider", conn.Provider}}
	if conn.BaseURL != "" {
		fields = append(fields, Field{"base_url", conn.BaseURL})
	}
	headers := []string{}
	for _, h := range conn.Headers {
		if h.Value == nil {
			c.problem("the header %q of the connection %q has no value", h.Name, conn.Name)
			continue
		}
		text("header "+h.Name, h.Value)
		headers = append(headers, h.Name)
	}
	slices.Sort(headers)
	workspaces := sortedNames(conn.Workspaces)
	if workspaces == nil {
		workspaces = []string{"default"}
	}
	before := len(c.objects)
	c.add(Ref{Kind: KindConnection, Name: conn.Name}, append(fields,
		text("api_key", conn.APIKey), text("admin_key", conn.AdminKey), Field{"headers", headers},
		Field{"organization", conn.Organization}, Field{"project", conn.Project}, Field{"workspaces", workspaces},
		Field{"models", sortedNames(conn.Models)}, Field{"no_stream_usage", conn.NoStreamUsage})...)
	if len(c.objects) > before {
		c.objects[before].secrets = secrets
	}
}

// refers are the things that the fields of an object name.
func (o *Object) refers() (refs []Ref) {
	named := func(kind Kind, names []string) {
		for _, name := range names {
			refs = append(refs, Ref{Kind: kind, Name: name})
		}
	}
	switch o.Kind {
	case KindActivation:
		named(KindCertificate, []string{o.Name})
	case KindWorkspace:
		named(KindProject, o.texts("projects"))
	case KindConnection:
		named(KindWorkspace, o.texts("workspaces"))
	case KindModelEndpoint:
		named(KindWorkspace, []string{o.Workspace})
		upstreams, _ := o.value("upstreams").([]Upstream)
		for _, u := range upstreams {
			named(KindConnection, []string{u.Connection})
		}
	}
	return refs
}

// notInVariables is what the names of variables do not have.
var notInVariables = regexp.MustCompile(`[^A-Z0-9]+`)

// placeholder is where an export says a secret is: weir gives none away.
func placeholder(connection, name string) *Secret {
	return &Secret{Env: strings.Trim(notInVariables.ReplaceAllString(strings.ToUpper(connection+"_"+name), "_"), "_")}
}

func (f *File) placeRouting(o Object) {
	switch o.Kind {
	case KindWorkspace:
		f.Workspaces = append(f.Workspaces, Workspace{Name: o.Name, Projects: o.texts("projects")})
	case KindConnection:
		c := Connection{
			Name: o.Name, Description: o.text("description"), Provider: o.text("provider"), BaseURL: o.text("base_url"),
			Organization: o.text("organization"), Project: o.text("project"),
			Workspaces: o.texts("workspaces"), Models: o.texts("models"),
		}
		c.NoStreamUsage, _ = o.value("no_stream_usage").(bool)
		if o.text("api_key") != "" {
			c.APIKey = placeholder(o.Name, "api_key")
		}
		if o.text("admin_key") != "" {
			c.AdminKey = placeholder(o.Name, "admin_key")
		}
		for _, name := range o.texts("headers") {
			c.Headers = append(c.Headers, Header{name, placeholder(o.Name, name)})
		}
		f.Connections = append(f.Connections, c)
	case KindModelEndpoint:
		m := ModelEndpoint{}
		fill(&m, o.Fields)
		m.Workspace, m.Name = o.Workspace, o.Name
		f.ModelEndpoints = append(f.ModelEndpoints, m)
	}
}

// readRouting reads workspaces, connections and model endpoints: all of them, since
// there are few.
func (r *Reader) readRouting(ctx context.Context) error {
	for _, kind := range []Kind{KindWorkspace, KindConnection, KindModelEndpoint} {
		items, err := apiclient.Collect(r.api.List(ctx, routingPaths[kind], url.Values{"limit": {"100"}}))
		if err != nil {
			return err
		}
		for _, raw := range items {
			got := gjson.ParseBytes(raw)
			o := r.world.routingObject(kind, got)
			id := got.Get("id").String()
			r.world.Objects[o.Ref] = Actual{Object: o, ID: id}
			r.world.Ambiguous[o.Ref]++
			r.world.IDs[o.Ref] = id
		}
	}
	return nil
}

// nameOf is the name of what has an id; "" when it was not read.
func (w *World) nameOf(kind Kind, id string) string {
	for ref, known := range w.IDs {
		if ref.Kind == kind && known == id {
			return ref.Name
		}
	}
	return ""
}

func (w *World) namesOf(kind Kind, ids gjson.Result) []string {
	names := []string{}
	for _, id := range ids.Array() {
		if name := w.nameOf(kind, id.String()); name != "" { // archived projects have none
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// routingObject is what the API says of one, with names for ids.
func (w *World) routingObject(kind Kind, got gjson.Result) Object {
	o := Object{Ref: Ref{Kind: kind, Name: got.Get("name").String()}}
	switch kind {
	case KindWorkspace:
		var projects []string
		if ids := got.Get("project_ids"); ids.IsArray() {
			projects = w.namesOf(KindProject, ids)
		}
		o.Fields = []Field{{"projects", projects}}
	case KindConnection:
		set := func(name string) Field {
			if got.Get(name+"_redacted").Type == gjson.Null {
				return Field{name, ""}
			}
			return Field{name, isSet}
		}
		var models []string
		if !got.Get("models_discovered").Bool() {
			models = sortedTexts(got.Get("models"))
		}
		o.Fields = []Field{
			{"description", got.Get("description").String()}, {"provider", got.Get("provider").String()}, {"base_url", got.Get("base_url").String()},
			set("api_key"), set("admin_key"), {"headers", sortedTexts(got.Get("header_names"))},
			{"organization", got.Get("organization").String()}, {"project", got.Get("project").String()},
			{"workspaces", w.namesOf(KindWorkspace, got.Get("workspaces"))}, {"models", models}, {"no_stream_usage", got.Get("no_stream_usage").Bool()},
		}
	case KindModelEndpoint:
		o.Workspace = w.nameOf(KindWorkspace, got.Get("workspace_id").String())
		var upstreams []Upstream
		for _, u := range got.Get("upstreams").Array() {
			upstreams = append(upstreams, Upstream{
				w.nameOf(KindConnection, u.Get("connection_id").String()), u.Get("model").String(), u.Get("priority").Int(), u.Get("weight").Int(),
			})
		}
		o.Fields = []Field{{"upstreams", upstreams}, {"enabled", got.Get("enabled").Bool()}}
		if limit := got.Get("max_output_tokens"); limit.Type != gjson.Null {
			o.Fields = append(o.Fields, Field{"max_output_tokens", limit.Int()})
		}
		o.Fields = append(o.Fields, Field{"hangup", got.Get("hangup").String()}, Field{"retries", got.Get("retries").Int()})
	}
	return o
}

// observeRouting reads the object of a step again.
func (r *Run) observeRouting(ctx context.Context, c Change) (o Object, there bool, err error) {
	for raw, err := range r.API.List(ctx, routingPaths[c.Kind], url.Values{"limit": {"100"}}) {
		if err != nil {
			return Object{}, false, err
		}
		if o := r.World.routingObject(c.Kind, gjson.ParseBytes(raw)); o.Ref == c.Ref {
			return o, true, nil
		}
	}
	return Object{}, false, nil
}

// routingBody is what is sent of a wanted object: ids for names, and secrets.
func (r *Run) routingBody(o Object) (map[string]any, error) {
	body := map[string]any{"name": o.Name}
	for _, f := range o.Fields {
		body[f.Name] = f.Value
	}
	ids := func(kind Kind, names []string) []string {
		all := []string{}
		for _, name := range names {
			all = append(all, r.World.IDs[Ref{Kind: kind, Name: name}])
		}
		return all
	}
	switch o.Kind {
	case KindWorkspace:
		delete(body, "projects")
		body["project_ids"] = nil
		if projects := o.texts("projects"); projects != nil {
			body["project_ids"] = ids(KindProject, projects)
		}
	case KindConnection:
		delete(body, "workspaces")
		body["workspace_ids"] = ids(KindWorkspace, o.texts("workspaces"))
		headers := map[string]string{}
		for name, at := range o.secrets {
			value, err := r.Secret(at)
			if err != nil {
				return nil, fmt.Errorf("the %s: %w", name, err)
			}
			if header, ok := strings.CutPrefix(name, "header "); ok {
				headers[header] = value
			} else {
				body[name] = value
			}
		}
		if body["headers"] = headers; len(headers) == 0 {
			delete(body, "headers")
		}
		for _, name := range []string{"api_key", "admin_key", "organization", "project"} {
			if body[name] == "" {
				body[name] = nil
			}
		}
	case KindModelEndpoint:
		body["workspace_id"] = r.World.IDs[Ref{Kind: KindWorkspace, Name: o.Workspace}]
		upstreams := []map[string]any{}
		wanted, _ := o.value("upstreams").([]Upstream)
		for _, u := range wanted {
			upstreams = append(upstreams, map[string]any{
				"connection_id": r.World.IDs[Ref{Kind: KindConnection, Name: u.Connection}], "model": u.Model,
				"priority": cmp.Or(u.Priority, 1), "weight": cmp.Or(u.Weight, 1),
			})
		}
		body["upstreams"] = upstreams
	}
	return body, nil
}

// route makes a change of a workspace, connection or model endpoint, and returns
// its id.
func (r *Run) route(ctx context.Context, c Change) (id string, err error) {
	path := routingPaths[c.Kind]
	if c.have.ID != "" {
		path += apiclient.Path(c.have.ID)
	}
	if c.Action == Delete {
		_, err = r.API.Delete(ctx, path, nil)
		return c.have.ID, err
	}
	body, err := r.routingBody(c.want)
	if err != nil {
		return "", err
	}
	if c.Kind == KindModelEndpoint && c.Action == Update {
		delete(body, "workspace_id") // an endpoint stays where it is
	}
	raw, err := r.API.Post(ctx, path, body)
	if err != nil {
		return "", err
	}
	id = gjson.GetBytes(raw, "id").String()
	r.World.IDs[c.Ref] = id
	return id, nil
}
