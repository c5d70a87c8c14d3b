// Package scim serves SCIM 2.0 (RFC 7643 and 7644) under /scim/v2: an identity
// provider creates, changes and deactivates the people of an organization and
// keeps its groups. Whose organization it is, the provider's token says.
//
// Identity providers differ from the standard and from each other. What is read
// is therefore lenient — booleans as text, names in any letters, attributes that
// weir does not keep — and what is written is strict.
package scim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	cleanpath "path"
	"runtime/debug"
	"strings"
	"time"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/envelope"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/identity"
	"weir/internal/org"
	"weir/internal/peer"
	"weir/internal/telemetry"
)

const root = "/scim/v2"

// maxBody bounds a body, in bytes: a group of 40,000 people fits.
const maxBody = 4 << 20

// Options of an API. All but PublicURL are needed.
type Options struct {
	Org       *org.Service
	Identity  *identity.Service
	Logger    *slog.Logger
	PublicURL string // which locations begin with; "": as the provider calls it
}

// API is SCIM for every organization of the install.
type API struct {
	org       *org.Service
	identity  *identity.Service
	log       *slog.Logger
	publicURL string
	mux       *http.ServeMux
}

// call is one request of a provider.
type call struct {
	*http.Request
	actor audit.Actor
	base  string // of locations
	body  []byte
}

// reply is an answer. A nil body is none.
type reply struct {
	status   int
	body     any
	version  string
	location string
}

type handler func(ctx context.Context, c *call) (reply, error)

// New returns the API.
func New(o Options) *API {
	a := &API{org: o.Org, identity: o.Identity, log: o.Logger, publicURL: strings.TrimSuffix(o.PublicURL, "/"), mux: http.NewServeMux()}
	for route, h := range map[string]handler{
		"GET /ServiceProviderConfig": a.serviceProviderConfig,
		"GET /ResourceTypes":         a.listResourceTypes,
		"GET /ResourceTypes/{id}":    a.getResourceType,
		"GET /Schemas":               a.listSchemas,
		"GET /Schemas/{id}":          a.getSchema,

		"GET /Users":         a.listUsers,
		"POST /Users":        a.createUser,
		"GET /Users/{id}":    a.getUser,
		"PUT /Users/{id}":    a.replaceUser,
		"PATCH /Users/{id}":  a.patchUser,
		"DELETE /Users/{id}": a.deleteUser,

		"GET /Groups":         a.listGroups,
		"POST /Groups":        a.createGroup,
		"GET /Groups/{id}":    a.getGroup,
		"PUT /Groups/{id}":    a.replaceGroup,
		"PATCH /Groups/{id}":  a.patchGroup,
		"DELETE /Groups/{id}": a.deleteGroup,
	} {
		method, at, _ := strings.Cut(route, " ")
		pattern := method + " " + root + at
		a.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { a.serve(w, r, pattern, h) })
	}
	return a
}

// ServeHTTP implements http.Handler. Paths that are not clean are unknown, not
// redirected: a redirect would be followed with the provider's token.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, pattern := a.mux.Handler(r); pattern != "" && r.URL.Path == cleanpath.Clean(r.URL.Path) {
		a.mux.ServeHTTP(w, r)
		return
	}
	a.serve(w, r, "", func(context.Context, *call) (reply, error) {
		return reply{}, &problem{http.StatusNotFound, "", fmt.Sprintf("There is no %s %s.", brief(r.Method), brief(r.URL.Path))}
	})
}

func (a *API) serve(w http.ResponseWriter, r *http.Request, route string, h handler) {
	received := time.Now()
	requestID := id.Request()
	envelope.Begin(w.Header(), requestID)
	actor, out, err := a.answer(w, r, h)
	envelope.Processed(w.Header(), received)
	if err != nil {
		a.deny(r, route, actor, err)
		p := problemOf(err)
		out = reply{status: p.status, body: errorBody(p)}
		if p.status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Bearer realm="scim"`)
		}
	}
	if failed := out.write(w); failed != nil {
		err = failed
	}
	a.record(r, route, requestID, actor, out.status, received, err)
}

// answer runs the handler: who, and what.
func (a *API) answer(w http.ResponseWriter, r *http.Request, h handler) (actor audit.Actor, out reply, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	secret, err := identity.Bearer(r.Header.Get("Authorization"))
	if err != nil {
		return actor, out, err
	}
	if actor, err = a.identity.BySCIMToken(r.Context(), secret, endpoint.From(r)); err != nil {
		return audit.Actor{}, out, err
	}
	body, err := readBody(w, r)
	if err != nil {
		return actor, out, err
	}
	if r.Body != http.NoBody { // which may have taken a minute
		if actor, err = a.identity.BySCIMToken(r.Context(), secret, endpoint.From(r)); err != nil {
			return audit.Actor{}, out, err
		}
	}
	c := &call{Request: r, actor: actor, body: body, base: a.publicURL + root}
	if a.publicURL == "" {
		scheme := "http"
		if r.TLS != nil {
			scheme = "https"
		}
		c.base = scheme + "://" + r.Host + root
	}
	out, err = h(r.Context(), c)
	return actor, out, err
}

// readBody takes JSON under either of its names.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, &problem{http.StatusRequestEntityTooLarge, "", fmt.Sprintf("The body of the request is larger than %d bytes.", maxBody)}
		}
		return nil, bad(typeInvalidSyntax, "The body of the request could not be read.")
	}
	if kind := r.Header.Get("Content-Type"); len(body) > 0 && kind != "" {
		switch media, _, err := mime.ParseMediaType(kind); {
		case err != nil, media != "application/scim+json" && media != "application/json":
			return nil, &problem{http.StatusUnsupportedMediaType, "", "The body must be application/scim+json."}
		}
	}
	return body, nil
}

// object reads the body as a JSON object.
func (c *call) object() (map[string]any, error) {
	var fields map[string]any
	if err := json.Unmarshal(c.body, &fields); err != nil || fields == nil {
		return nil, bad(typeInvalidSyntax, "The body of the request is not a JSON object.")
	}
	return fields, nil
}

func (out *reply) write(w http.ResponseWriter) error {
	h := w.Header()
	if out.version != "" {
		h.Set("ETag", out.version)
	}
	if out.location != "" {
		h.Set("Location", out.location)
	}
	if out.body == nil {
		w.WriteHeader(out.status)
		return nil
	}
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out.body); err != nil {
		out.status = http.StatusInternalServerError
		w.WriteHeader(out.status)
		return err
	}
	h.Set("Content-Type", "application/scim+json")
	w.WriteHeader(out.status)
	_, _ = w.Write(body.Bytes()) // a failed write means the client is gone
	return nil
}

const errorSchema = "urn:ietf:params:scim:api:messages:2.0:Error"

func errorBody(p *problem) resource {
	body := resource{"schemas": []string{errorSchema}, "status": fmt.Sprint(p.status), "detail": p.detail}
	if p.scimType != "" {
		body["scimType"] = p.scimType
	}
	return body
}

// deny takes note of a call that was refused for who made it, unless it showed
// nothing.
func (a *API) deny(r *http.Request, route string, actor audit.Actor, err error) {
	refusal := fault.Of(err)
	if refusal == nil || refusal.Kind != fault.Unauthenticated && refusal.Kind != fault.Forbidden {
		return
	}
	if _, err := identity.Bearer(r.Header.Get("Authorization")); err != nil {
		return
	}
	if route == "" {
		route = r.Method + " " + root
	}
	denial := audit.Denial{
		Actor: actor, Route: route, Permission: string(access.SCIMWrite), Code: refusal.Code, Status: problemOf(err).status,
	}
	if denial.Actor.OrganizationID == "" {
		known, ok := audit.ActorOf(err)
		if !ok {
			known.Type = audit.ActorUnknown
		}
		from := endpoint.From(r)
		known.IPAddress, known.UserAgent = from.IPAddress, from.UserAgent
		denial.Actor = known
	}
	a.identity.Denials.Add(denial, time.Now())
}

// record logs the request once, with its cause when it failed inside.
func (a *API) record(r *http.Request, route, requestID string, actor audit.Actor, status int, received time.Time, err error) {
	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.String(telemetry.FieldRequestID, requestID),
		slog.String(telemetry.FieldMethod, brief(r.Method)),
		slog.String(telemetry.FieldRoute, route),
		slog.String(telemetry.FieldPath, brief(r.URL.Path)),
		slog.String(telemetry.FieldIPAddress, peer.Text(r.RemoteAddr)),
		slog.Int(telemetry.FieldStatus, status),
		slog.Duration("duration", time.Since(received)),
	}
	if actor.OrganizationID != "" {
		attrs = append(attrs, slog.String(telemetry.FieldOrganization, actor.OrganizationID), slog.String(telemetry.FieldKey, actor.APIKeyID))
	}
	if err != nil {
		text := err.Error()
		if status == http.StatusInternalServerError {
			level = slog.LevelError
		} else {
			text = brief(text)
		}
		attrs = append(attrs, slog.String(telemetry.FieldError, text))
	}
	a.log.LogAttrs(r.Context(), level, "request", attrs...)
}
