// Package adminapi serves OpenAI's Admin API, wire-compatible, for weir's own
// organization: projects, service accounts, keys, people, groups, roles, limits,
// certificates, the audit log, usage and costs.
//
// The API is one table of endpoints (package endpoint); a file holds one
// resource, its wire shapes and its rows. What is listed nowhere is answered
// 404 in the error envelope. The folder openapi describes the same table from the
// reader's side and is written by hand: tests hold the two against each other.
package adminapi

import (
	"embed"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"weir/internal/endpoint"
	"weir/internal/identity"
	"weir/internal/org"
	"weir/internal/usage"
)

// Options of an API. All are needed.
type Options struct {
	Org      *org.Service
	Usage    usage.Store
	Identity *identity.Service
	Logger   *slog.Logger
	Now      func() time.Time // ends a report that names no end
}

// API is the Admin API of every organization of the install; whose it is, a
// caller's key says.
type API struct {
	org   *org.Service
	usage usage.Store
	now   func() time.Time
	table *endpoint.Table
}

// New returns the API. No project key may call any of it.
func New(o Options) *API {
	a := &API{org: o.Org, usage: o.Usage, now: o.Now}
	a.table = endpoint.NewTable(endpoint.Options{
		Identity: o.Identity, Logger: o.Logger, RefuseProjectKeys: true,
	}, slices.Concat(
		a.adminKeys(), a.projects(), a.serviceAccounts(), a.projectKeys(), a.users(),
		a.roles(), a.assignments(), a.groups(), a.projectUsers(), a.projectGroups(),
		a.rateLimits(), a.spendLimits(), a.spendAlerts(), a.dataRetention(),
		a.modelPermissions(), a.hostedTools(), a.serviceTiers(),
		a.invites(),
		a.auditLogs(), a.usageReports(), a.costs(),
		a.certificates(), a.checkpointPermissions(), a.externalKeys(), a.externalStorages(),
		a.workloadIdentityProviders(), a.federationRules(),
	))
	return a
}

// Handler serves every path under /v1/organization and /v1/projects, and the
// permissions of checkpoints under /v1/fine_tuning.
func (a *API) Handler() http.Handler { return a.table }

// Endpoints returns the rows of the API's table.
func (a *API) Endpoints() []endpoint.Endpoint { return a.table.Endpoints() }

//go:embed openapi/*.yaml
var description embed.FS

// Description returns the OpenAPI 3.1 description of the API, in JSON. It is
// written by hand, a file per resource. It panics when the files cannot be read
// as one.
func Description() []byte {
	raw, err := endpoint.Describe(description)
	if err != nil {
		panic("adminapi: reading the description: " + err.Error())
	}
	return raw
}
