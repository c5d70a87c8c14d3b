package endpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"weir/internal/access"
	"weir/internal/envelope"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/identity"
	"weir/internal/peer"
	"weir/internal/telemetry"
)

// SessionCookie is the cookie of a signed-in person. Over HTTPS its name begins
// with __Host-, which browsers take from this very host alone and never send in
// the clear (RFC 6265bis, section 4.1.3): no neighbour below the same domain can
// plant one.
const SessionCookie = "weir_session"

const hostPrefix = "__Host-"

// SessionCookieName is the cookie's name, by whether it is for HTTPS alone.
func SessionCookieName(secure bool) string {
	if secure {
		return hostPrefix + SessionCookie
	}
	return SessionCookie
}

// OverHTTPS reports whether the browser spoke TLS, to weir or to a proxy in front
// that says so. Nobody can make another's browser say it.
func OverHTTPS(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// sessionToken is what the session cookie of r holds.
func sessionToken(r *http.Request) (token string, ok bool) {
	cookie, err := r.Cookie(SessionCookieName(true))
	if err != nil && !OverHTTPS(r) {
		cookie, err = r.Cookie(SessionCookie)
	}
	if err != nil {
		return "", false
	}
	return cookie.Value, true
}

// CSRFHeader carries the token that a session's changes must show.
const CSRFHeader = "X-Csrf-Token"

// MaxBody bounds the body of a call, in bytes.
const MaxBody = 1 << 20

// Table serves endpoints.
type Table struct {
	endpoints []Endpoint
	mux       *http.ServeMux
	identity  *identity.Service
	log       *slog.Logger
	// refuseProjectKeys: no project key may call any of the endpoints.
	refuseProjectKeys bool
	strictBodies      bool
}

// Options of a table.
type Options struct {
	Identity          *identity.Service
	Logger            *slog.Logger
	RefuseProjectKeys bool
	// StrictBodies refuses fields of a body that the endpoint does not know.
	// OpenAI's Admin API passes over them, so adminapi does.
	StrictBodies bool
}

// NewTable returns a handler of endpoints. Two rows of one route panic.
func NewTable(o Options, endpoints []Endpoint) *Table {
	t := &Table{
		endpoints: endpoints, mux: http.NewServeMux(), identity: o.Identity, log: o.Logger,
		refuseProjectKeys: o.RefuseProjectKeys, strictBodies: o.StrictBodies,
	}
	for i := range endpoints {
		e := &endpoints[i]
		t.mux.Handle(e.Route(), t.serve(e))
	}
	return t
}

// Endpoints returns the table's rows.
func (t *Table) Endpoints() []Endpoint { return slices.Clone(t.endpoints) }

// ServeHTTP implements http.Handler. Paths that are not clean are unknown, not
// redirected: a redirect would be followed with the caller's key.
func (t *Table) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, pattern := t.mux.Handler(r); pattern != "" && isClean(r.URL.Path) {
		t.mux.ServeHTTP(w, r)
		return
	}
	received := time.Now()
	requestID := id.Request()
	envelope.Begin(w.Header(), requestID)
	envelope.Processed(w.Header(), received)
	err := fault.New(fault.NotFound, "", "", "Invalid URL (%s %s)", r.Method, r.URL.Path)
	if others := t.otherMethods(r); len(others) > 0 {
		w.Header().Set("Allow", strings.Join(others, ", "))
		err = fault.New(fault.MethodNotSupported, "method_not_supported", "", "Not allowed to %s on %s .", r.Method, r.URL.Path)
	}
	status := envelope.Error(w, err)
	t.record(r, "", requestID, identity.Caller{}, status, received, err)
}

func isClean(p string) bool { return p == path.Clean(p) }

// otherMethods returns the methods under which the path is one of the table's.
func (t *Table) otherMethods(r *http.Request) []string {
	if !isClean(r.URL.Path) {
		return nil
	}
	var methods []string
	probe := r.Clone(r.Context())
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
		probe.Method = method
		if _, pattern := t.mux.Handler(probe); pattern != "" {
			methods = append(methods, method)
		}
	}
	return methods
}

func (t *Table) serve(e *Endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		received := time.Now()
		requestID := id.Request()
		envelope.Begin(w.Header(), requestID)
		caller, out, err := t.call(e, w, r)
		if org := caller.Actor.OrganizationID; org != "" {
			w.Header()[envelope.HeaderOrganization] = []string{org}
		}
		envelope.Processed(w.Header(), received)
		status := http.StatusOK
		if err != nil {
			status = envelope.Error(w, err)
			t.deny(e, r, caller, err)
		} else if elsewhere, ok := out.(Redirect); ok {
			status = http.StatusFound
			w.Header().Set("Location", elsewhere.To)
			w.WriteHeader(status)
		} else if err = envelope.JSON(w, status, out); err != nil { // it has answered so itself
			status = http.StatusInternalServerError
		}
		t.record(r, e.Path, requestID, caller, status, received, err)
	})
}

// call runs the endpoint: who, whether, what.
func (t *Table) call(e *Endpoint, w http.ResponseWriter, r *http.Request) (caller identity.Caller, out any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	ctx := r.Context()
	if caller, err = t.admit(ctx, e, r); err != nil {
		return caller, nil, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return caller, nil, fault.New(fault.TooLarge, "request_too_large", "", "The body of the request is larger than %d bytes.", MaxBody)
		}
		return caller, nil, fault.Invalidf("", "", "The body of the request could not be read.").With(err)
	}
	// A body may take a minute, in which keys are deleted and roles taken away.
	// Who is refused at once has none of it read; who is let in is let in again.
	if r.Body != http.NoBody {
		if caller, err = t.admit(ctx, e, r); err != nil {
			return caller, nil, err
		}
	}
	c := &Call{Caller: caller, Query: ParseQuery(r.URL.RawQuery), Request: r, Header: w.Header(), body: body, strict: t.strictBodies || e.strict}
	// A query that cannot be read is refused before anything is changed; what a
	// handler that only reads found wrong with it, after.
	if err := c.Query.Err(); err != nil {
		return caller, nil, err
	}
	out, err = e.run(ctx, c)
	if err == nil {
		err = c.Query.Err()
	}
	return caller, out, err
}

// admit works out who is calling an endpoint, and whether it may. Callers of an
// open one are nobody.
func (t *Table) admit(ctx context.Context, e *Endpoint, r *http.Request) (identity.Caller, error) {
	if e.Open {
		return identity.Caller{}, nil
	}
	caller, err := t.caller(ctx, r)
	if err == nil {
		err = t.permit(e, caller, r)
	}
	return caller, err
}

// caller works out who is calling: a key in the Authorization header, else the
// session cookie.
func (t *Table) caller(ctx context.Context, r *http.Request) (identity.Caller, error) {
	from := From(r)
	authorization := r.Header.Get("Authorization")
	if token, signedIn := sessionToken(r); signedIn && authorization == "" {
		changes := r.Method != http.MethodGet && r.Method != http.MethodHead
		return t.identity.BySession(ctx, token, r.Header.Get(CSRFHeader), changes, from)
	}
	secret, err := identity.Bearer(authorization)
	if err != nil {
		return identity.Caller{}, err
	}
	return t.identity.ByKey(ctx, secret, from)
}

// From is where r comes from. The server has put that into RemoteAddr.
func From(r *http.Request) identity.From {
	return identity.From{IPAddress: peer.Text(r.RemoteAddr), UserAgent: r.UserAgent()}
}

// Certificate is what the caller of r showed to identify itself. The server has seen
// to it that the header is a trusted proxy's.
func Certificate(r *http.Request) *peer.Certificate {
	shown := peer.CertificateOf(r.TLS, r.Header[peer.ForwardedCertificate])
	return &shown
}

func (t *Table) permit(e *Endpoint, caller identity.Caller, r *http.Request) error {
	if t.refuseProjectKeys && caller.Project != "" {
		return errMissing(e.Needs)
	}
	switch e.Scope {
	case Anywhere:
		if !caller.Grants.AllowsSomewhere(e.Needs) {
			return errMissing(e.Needs)
		}
		return nil
	case AtProject:
		return require(caller, e.Needs, access.Scope{ProjectID: r.PathValue("project_id")})
	case AtWorkspace:
		return require(caller, e.Needs, access.Scope{WorkspaceID: r.PathValue("workspace_id")})
	}
	return require(caller, e.Needs, access.Scope{})
}

// record logs the request once, with its cause when it failed inside.
func (t *Table) record(r *http.Request, route, requestID string, caller identity.Caller, status int, received time.Time, err error) {
	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.String(telemetry.FieldRequestID, requestID),
		slog.String(telemetry.FieldMethod, brief(r.Method, maxLoggedText)),
		slog.String(telemetry.FieldRoute, route),
		slog.String(telemetry.FieldPath, brief(r.URL.Path, maxLoggedText)),
		slog.String(telemetry.FieldIPAddress, peer.Text(r.RemoteAddr)),
		slog.Int(telemetry.FieldStatus, status),
		slog.Duration("duration", time.Since(received)),
	}
	if org := caller.Actor.OrganizationID; org != "" {
		attrs = append(attrs, slog.String(telemetry.FieldOrganization, org), slog.String("principal_id", caller.PrincipalID()))
	}
	if err != nil {
		switch fault.KindOf(err) {
		case fault.Internal:
			level = slog.LevelError
		case fault.Unavailable:
			level = slog.LevelWarn
		}
		attrs = append(attrs, slog.String(telemetry.FieldError, brief(err.Error(), maxLoggedError)))
	}
	t.log.LogAttrs(r.Context(), level, "request", attrs...)
}

// What callers send stands in the log only up to these bounds, in bytes:
// anybody can send a megabyte that an error repeats.
const (
	maxLoggedText  = 512
	maxLoggedError = 8 << 10 // a stack fits
)

func brief(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit] + "…"
	}
	return strings.ToValidUTF8(s, "?")
}
