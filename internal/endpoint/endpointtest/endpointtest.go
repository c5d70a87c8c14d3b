// Package endpointtest sets up a whole control plane on throwaway SQLite files,
// for the tests of the tables built on it.
package endpointtest

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"weir/internal/audit"
	"weir/internal/changefeed"
	"weir/internal/endpoint"
	"weir/internal/eventstore/sqlevents"
	"weir/internal/id"
	"weir/internal/identity"
	"weir/internal/org"
	"weir/internal/pricing"
	"weir/internal/routing"
	"weir/internal/sqldb"
	"weir/internal/sqlstore"
	"weir/internal/vault"
)

// Password is the owner's.
const Password = "correct horse battery staple"

// Env is an organization with an owner and an admin key.
type Env struct {
	Organization org.Organization
	Owner        org.User
	AdminKey     string // the secret
	Store        *sqlstore.Store
	Usage        *sqlevents.Store
	Org          *org.Service
	Identity     *identity.Service
	Prober       *Prober
	Vault        *vault.Vault
}

// Prober answers what the test sets.
type Prober struct{ Result routing.Probe }

// Probe implements org.Prober.
func (p *Prober) Probe(context.Context, routing.Connection) routing.Probe { return p.Result }

// follower derives nothing: the tables read the store.
type follower struct{}

func (follower) Rebuild(context.Context) error             { return nil }
func (follower) Apply(context.Context, []org.Change) error { return nil }

// New sets up an organization.
func New(t *testing.T) *Env {
	t.Helper()
	ctx := t.Context()
	open := func(name string) *sqldb.DB {
		db, err := sqldb.Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	store, err := sqlstore.Open(ctx, open("weir.db"))
	if err != nil {
		t.Fatal(err)
	}
	events, err := sqlevents.Open(ctx, open("events.db"))
	if err != nil {
		t.Fatal(err)
	}
	feed, err := changefeed.Start(ctx, store, follower{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	env := &Env{Store: store, Usage: events, Prober: &Prober{}}
	master := id.HashOf(t.Name())
	if env.Vault, err = vault.New(master[:]); err != nil {
		t.Fatal(err)
	}
	book, err := pricing.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	env.Org = &org.Service{Store: store, Feed: feed, Sealer: env.Vault, Prober: env.Prober, Book: book, Now: time.Now}
	env.Identity = &identity.Service{Store: store, Org: env.Org, Now: time.Now, Used: &identity.LastUse{}, Vault: env.Vault, Denials: &audit.Denials{}}
	env.Organization, env.Owner, env.AdminKey = env.NewOrganization(t, "owner@example.com")
	return env
}

// NewOrganization adds a tenant.
func (env *Env) NewOrganization(t *testing.T, email string) (org.Organization, org.User, string) {
	t.Helper()
	hash, err := identity.HashPassword(Password)
	if err != nil {
		t.Fatal(err)
	}
	secret := id.Secret(id.AdminSecret)
	o, err := env.Org.CreateOrganization(t.Context(), org.NewOrganization{
		Name: "Example", OwnerEmail: email, OwnerName: "Owner", PasswordHash: hash, AdminSecret: secret,
	})
	if err != nil {
		t.Fatal(err)
	}
	users, err := env.Org.Users(t.Context(), o.ID, org.UserFilter{Page: org.Page{Limit: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return o, users.Items[0], secret
}

// Options of a table over the environment.
func (env *Env) Options() endpoint.Options {
	return endpoint.Options{Identity: env.Identity, Logger: slog.New(slog.DiscardHandler)}
}

// Serve serves a handler on loopback and returns its address.
func Serve(t *testing.T, h http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}
