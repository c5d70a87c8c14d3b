// Package internal_test holds the house to its plan: which package may import
// which, and the habits that no compiler checks. The plan is the tables in this
// file; layers_check_test.go reads the module against them.
package internal_test

import (
	"strings"
	"testing"
)

// weir is the plan of this module, from the top down. A package may import its
// own layer and the layers below it, and nothing above. A new package that no
// layer names fails the test: say here where it belongs.
var weir = house{
	module: "weir",
	layers: []layer{
		{name: "commands", packages: []string{"cmd/weir"}, http: true, sql: true},

		// What commands are made of beside the server.
		{name: "tools", packages: []string{"internal/bench", "internal/demo", "internal/apiclient", "internal/orgfile"}, http: true},

		{name: "server", packages: []string{"internal/server"}, http: true},

		// Edges speak to the outside and never to each other; what two of them
		// need is domain, or a manner.
		{name: "edges", apart: true, http: true, packages: []string{
			"internal/gateway", "internal/adminapi", "internal/nativeapi",
			"internal/scim", "internal/console", "internal/jobs", "internal/auditpush",
		}},

		// How the edges read requests and write answers.
		{name: "manners", packages: []string{"internal/endpoint", "internal/envelope"}, http: true},

		// What stands behind a connection, and who vouches for people and programs.
		{name: "providers", packages: []string{"internal/upstream", "internal/upstream/http1", "internal/sandbox", "internal/oidc", "internal/smtpmail", "internal/issuer", "internal/webhook"}, http: true},

		// Stores implement what the domain declares. Who needs one is handed it
		// by a command.
		{name: "stores", sql: true, onlyFor: []string{"commands"}, packages: []string{
			"internal/sqlstore", "internal/eventstore/...",
		}},
		{name: "databases", sql: true, onlyFor: []string{"commands", "stores"}, packages: []string{"internal/sqldb"}},

		// Telemetry counts what the domain tells, and serves it: /metrics is
		// Prometheus's own handler. The domain is handed its logger.
		{name: "telemetry", packages: []string{"internal/telemetry"}, http: true},

		{name: "domain", packages: []string{
			"internal/org", "internal/identity", "internal/access", "internal/audit", "internal/mail", "internal/notify", "internal/changefeed",
			"internal/vault", "internal/routing", "internal/limit", "internal/pricing",
			"internal/usage", "internal/usage/outbox", "internal/usage/recorder",
			"internal/cost", "internal/openaiwire", "internal/verdict",
		}},

		{name: "foundations", packages: []string{
			"internal/fault", "internal/id", "internal/money", "internal/optional", "internal/config", "internal/peer", "internal/poll",
		}},
	},

	// Test support: conformance suites, fixtures, fake providers. It may import
	// whatever it tests, and only tests may import it.
	support: func(path string) bool { return strings.HasSuffix(path, "test") || strings.HasPrefix(path, "test/") },

	// Names that say nothing about what is inside.
	vague: []string{"util", "utils", "common", "model", "models", "controller", "controllers", "service", "services", "helper", "helpers", "misc", "shared"},

	sqlPackages: []string{"database/sql", "modernc.org/sqlite", "github.com/jackc/pgx/v5", "github.com/pressly/goose/v3"},

	maxLines: 500,

	// Package variables are errors and tables. A table is a composite literal
	// that is not empty, or what one of these returns; the rest is state.
	tableMakers: []string{
		"errors.New", "fmt.Errorf", "fault.New", "fault.Invalidf", "fault.NotFoundf", "fault.MissingParam",
		"regexp.MustCompile", "strings.NewReplacer", "crc32.MakeTable", "time.Date",
		"netip.MustParsePrefix", "netip.MustParseAddr",
		"prometheus.NewDesc", "sync.OnceValue", "sync.OnceValues",
	},

	// The exceptions, each with its reason.
	variables: map[string]string{
		"cmd/weir.version": "set by the linker, see Makefile",
		"internal/audit.*": "the table of actions, made by same and own",

		"internal/access.*": "the table of permission areas, and what follows from it",
	},
}

func TestLayers(t *testing.T) {
	packages, err := load("..")
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) < 10 {
		t.Fatalf("go list names %d packages: too few to be this module", len(packages))
	}
	for _, complaint := range weir.complaints(packages) {
		t.Error(complaint)
	}
}
