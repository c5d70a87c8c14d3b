package sqlstore_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"weir/internal/audit"
	"weir/internal/id"
	"weir/internal/org"
	"weir/internal/sqldb/sqldbtest"
	"weir/internal/sqlstore"
)

var (
	epoch = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	acme  = org.Organization{ID: "org-acme", Name: "Acme", DefaultProjectID: "proj_acme", CreatedAt: epoch}
)

// fillKeys makes an organization with n API keys in one project.
func fillKeys(tb testing.TB, s *sqlstore.Store, n int) {
	tb.Helper()
	ctx := tb.Context()
	_, err := s.Update(ctx, audit.System(acme.ID), func(tx org.Tx) error {
		if err := tx.InsertOrganization(ctx, acme); err != nil {
			return err
		}
		if err := tx.InsertProject(ctx, org.Project{ID: acme.DefaultProjectID, OrganizationID: acme.ID, CreatedAt: epoch}); err != nil {
			return err
		}
		if err := tx.InsertUser(ctx, org.User{ID: "user-acme", OrganizationID: acme.ID, Email: "a@example.com", CreatedAt: epoch}); err != nil {
			return err
		}
		for i := range n {
			at := epoch.Add(time.Duration(i) * time.Second)
			plain := id.Secret(id.ProjectSecret)
			if err := tx.InsertAPIKey(ctx, org.APIKey{
				ID: id.At(id.Key, at), OrganizationID: acme.ID, ProjectID: acme.DefaultProjectID, Name: fmt.Sprint("Key ", i),
				UserID: "user-acme", Scopes: []string{"api.model.request"}, Secret: org.Secret{Hash: id.HashOf(plain), Redacted: id.Redact(plain)},
				CreatedAt: at,
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
}

func openSQLite(tb testing.TB) *sqlstore.Store {
	tb.Helper()
	s, err := sqlstore.Open(tb.Context(), sqldbtest.SQLite(tb))
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

const benchKeys = 100_000

// BenchmarkEachAPIKey reads 100,000 keys, as a node does when it starts.
func BenchmarkEachAPIKey(b *testing.B) {
	s := openSQLite(b)
	fillKeys(b, s, benchKeys)
	b.ReportAllocs()
	for b.Loop() {
		if n := countKeys(b, s); n != benchKeys {
			b.Fatalf("%d keys", n)
		}
	}
}

func countKeys(tb testing.TB, s *sqlstore.Store) (n int) {
	tb.Helper()
	if err := s.View(tb.Context(), func(r org.Reader) error {
		return r.EachAPIKey(tb.Context(), func(org.APIKey) error { n++; return nil })
	}); err != nil {
		tb.Fatal(err)
	}
	return n
}

// BenchmarkAPIKeysPage reads a page of 100 from the middle of 100,000 keys.
func BenchmarkAPIKeysPage(b *testing.B) {
	s := openSQLite(b)
	fillKeys(b, s, benchKeys)
	middle := keyAt(b, s, benchKeys/2)
	b.ReportAllocs()
	for b.Loop() {
		if err := pageOfKeys(b.Context(), s, middle); err != nil {
			b.Fatal(err)
		}
	}
}

func pageOfKeys(ctx context.Context, s *sqlstore.Store, after string) error {
	return s.View(ctx, func(r org.Reader) error {
		rows, err := r.APIKeys(ctx, acme.ID, acme.DefaultProjectID, org.APIKeyFilter{Page: org.Page{After: after, Limit: 100}})
		if err == nil && len(rows.Items) != 100 {
			err = fmt.Errorf("%d keys", len(rows.Items))
		}
		return err
	})
}

// keyAt is the id of the key that was made as number i.
func keyAt(tb testing.TB, s *sqlstore.Store, i int) (keyID string) {
	tb.Helper()
	name := fmt.Sprint("Key ", i)
	if err := s.View(tb.Context(), func(r org.Reader) error {
		return r.EachAPIKey(tb.Context(), func(k org.APIKey) error {
			if k.Name == name {
				keyID = k.ID
			}
			return nil
		})
	}); err != nil {
		tb.Fatal(err)
	}
	return keyID
}

// BenchmarkUpdate commits one row with its audit event.
func BenchmarkUpdate(b *testing.B) {
	s := openSQLite(b)
	fillKeys(b, s, 1)
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		p := org.Project{ID: id.New(id.Project), OrganizationID: acme.ID, Name: "p", CreatedAt: epoch}
		if _, err := s.Update(ctx, audit.System(acme.ID), func(tx org.Tx) error {
			tx.Record(audit.Event{Action: "project.created", Type: "project.created", ResourceID: p.ID})
			return tx.InsertProject(ctx, p)
		}); err != nil {
			b.Fatal(err)
		}
	}
}
