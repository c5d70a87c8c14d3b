// Package nativeapi serves weir's own API under /weir/v1: what OpenAI's Admin
// API has no words for — connections, workspaces, model endpoints, the request
// log, sessions — in the same manners.
//
// The API is one table of endpoints (package endpoint); a file holds one
// resource, its wire shapes and its rows. Project keys may call it as far as
// their grants reach. The folder openapi describes the same table from the
// reader's side and is written by hand: tests hold the two against each other.
package nativeapi

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"weir/internal/endpoint"
	"weir/internal/identity"
	"weir/internal/oidc"
	"weir/internal/org"
	"weir/internal/pricing"
	"weir/internal/routing"
	"weir/internal/usage"
)

// Options of an API. All but AdminDescription and SecureCookies are needed.
type Options struct {
	Org      *org.Service
	Usage    usage.Store
	Identity *identity.Service
	Book     *pricing.Book // says which models of a catalogue have a price
	// Upstreams is what this node knows of upstreams from calling them; nil: it
	// calls none.
	Upstreams Upstreams
	// Explainer answers what would become of a call.
	Explainer Explainer
	// AdminDescription is the OpenAPI description of the Admin API, in JSON; it
	// is served merged with this API's own.
	AdminDescription []byte
	Logger           *slog.Logger
	Now              func() time.Time
	// SecureCookies marks session cookies for HTTPS only, as they must be where
	// weir serves TLS. Behind a proxy that does, X-Forwarded-Proto marks them.
	SecureCookies bool
	// OIDC are the identity providers that people may sign in through.
	OIDC []*oidc.Provider
	// PublicURL is the address that browsers reach weir at. Links begin with it.
	PublicURL string
}

// Upstreams knows how the upstreams of connections fare (package gateway).
type Upstreams interface {
	// Circuits returns those of a connection that are not closed.
	Circuits(organizationID, connectionID string) []routing.UpstreamCircuit
}

// API is weir's own API of every organization of the install; whose it is, the
// caller's key or session says.
type API struct {
	org           *org.Service
	usage         usage.Store
	identity      *identity.Service
	book          *pricing.Book
	upstreams     Upstreams
	explainer     Explainer
	now           func() time.Time
	secureCookies bool
	oidc          []*oidc.Provider
	publicURL     string
	document      json.RawMessage
	table         *endpoint.Table
}

// New returns the API. An AdminDescription that cannot be read panics: both
// descriptions are compiled in.
func New(o Options) *API {
	a := &API{
		org: o.Org, usage: o.Usage, identity: o.Identity, book: o.Book, upstreams: o.Upstreams, explainer: o.Explainer, now: o.Now,
		secureCookies: o.SecureCookies, oidc: o.OIDC, publicURL: o.PublicURL, document: document(o.AdminDescription),
	}
	a.table = endpoint.NewTable(endpoint.Options{Identity: o.Identity, Logger: o.Logger, StrictBodies: true}, slices.Concat(
		a.workloadTokens(),
		a.connections(), a.catalogue(), a.workspaces(), a.members(), a.modelEndpoints(),
		a.keys(), a.requests(), a.auditEvents(), a.auditChain(), a.me(), a.sessions(), a.sessionList(), a.passwords(), a.secondFactors(), a.rateLimits(), a.description(),
		a.ipAllowlists(), a.oidcSignIn(), a.identities(), a.invites(), a.scimTokens(), a.notificationChannels(), a.explanations(),
	))
	return a
}

// Handler serves every path under /weir.
func (a *API) Handler() http.Handler { return withLinkedPages(a.table) }

// Endpoints returns the rows of the API's table.
func (a *API) Endpoints() []endpoint.Endpoint { return a.table.Endpoints() }
