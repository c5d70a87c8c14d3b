package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/internal/audit"
	"weir/internal/config"
	"weir/internal/org"
	"weir/internal/sqldb"
	"weir/internal/sqldb/sqldbtest"
)

// install is a data directory that no weir works on, on either database, with
// two organizations.
type install struct {
	t        *testing.T
	env      []string
	cfg      config.Config
	first    string // the bootstrapped organization
	db       *sqldb.DB
	node     func(fn func(n *node))
	firstSeq int64 // of the first organization's last event
}

// eachInstall runs fn on an install on each database.
func eachInstall(t *testing.T, fn func(t *testing.T, in *install)) {
	t.Helper()
	urls := map[string]string{"sqlite": ""}
	if postgres := os.Getenv(sqldbtest.URLVariable); postgres != "" {
		urls["postgres"] = postgres
	}
	for name, url := range urls {
		t.Run(name, func(t *testing.T) {
			if url != "" {
				url = sqldbtest.PostgresURL(t, url)
			}
			fn(t, newInstall(t, url))
		})
	}
}

func newInstall(t *testing.T, databaseURL string) *install {
	t.Helper()
	in := &install{t: t}
	in.cfg = config.Default()
	in.cfg.DataDir, in.cfg.DatabaseURL = filepath.Join(t.TempDir(), "data"), databaseURL
	in.cfg = in.cfg.WithDerived()
	in.env = []string{"WEIR_DATA_DIR=" + in.cfg.DataDir, "WEIR_DATABASE_URL=" + in.cfg.DatabaseURL}
	in.node = func(fn func(n *node)) {
		t.Helper()
		n, err := open(t.Context(), in.cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		fn(n)
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	}
	in.node(func(n *node) {
		if err := n.bootstrap(t.Context(), io.Discard); err != nil {
			t.Fatal(err)
		}
		ids := in.organizations(n)
		in.first = ids[0]
		for i := range 5 {
			if _, err := n.org.CreateProject(t.Context(), audit.System(in.first), org.NewProject{Name: fmt.Sprint("Project ", i)}); err != nil {
				t.Fatal(err)
			}
		}
		in.firstSeq = 10
		if _, err := n.org.CreateOrganization(t.Context(), org.NewOrganization{
			Name: "Second", OwnerEmail: "second@example.com", OwnerName: "S", AdminSecret: "sk-admin-second-0123456789abcdefghijklmnop",
		}); err != nil {
			t.Fatal(err)
		}
	})
	db, err := sqldb.Open(t.Context(), in.cfg.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	in.db = db
	return in
}

func (in *install) organizations(n *node) (ids []string) {
	in.t.Helper()
	err := n.store.View(in.t.Context(), func(r org.Reader) (err error) { ids, err = r.OrganizationsAudited(in.t.Context()); return err })
	if err != nil {
		in.t.Fatal(err)
	}
	return ids
}

// weir runs a command and returns its exit code and what it wrote.
func (in *install) weir(stdin string, args ...string) (code int, stdout, stderr string) {
	in.t.Helper()
	var out, errs bytes.Buffer
	code = run(in.t.Context(), &cli{stdin: strings.NewReader(stdin), stdout: &out, stderr: &errs, env: in.env}, args)
	return code, out.String(), errs.String()
}

func (in *install) wants(code int, says string, args ...string) {
	in.t.Helper()
	got, stdout, stderr := in.weir("", args...)
	if got != code || !strings.Contains(stdout+stderr, says) {
		in.t.Errorf("weir %s: exit code %d, want %d and %q:\n%s%s", strings.Join(args, " "), got, code, says, stdout, stderr)
	}
}

// change does something to the database that weir never would.
func (in *install) change(statement string, args ...any) {
	in.t.Helper()
	err := in.db.Write(in.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	})
	if err != nil {
		in.t.Fatalf("%s: %v", statement, err)
	}
}

func TestAuditVerify(t *testing.T) {
	eachInstall(t, func(t *testing.T, in *install) {
		in.wants(0, "10 events hold, sequence 1 to 10", "audit", "verify")
		in.wants(0, "ok         "+in.first, "audit", "verify", "--organization", in.first)
		in.wants(2, "no organization org-none", "audit", "verify", "--organization", "org-none")

		// Another's log is checked all the same.
		in.change(`UPDATE audit_events SET details = '{}' WHERE organization_id = $1 AND seq = 6`, in.first)
		in.wants(1, "(sequence 6 of "+in.first+") was altered. Before it: 5 events hold", "audit", "verify")
		in.wants(1, "ok         org-", "audit", "verify")
		in.change(`UPDATE audit_events SET details = (SELECT '{"id":"' || resource_id || '","data":{"name":"Project 0","title":"Project 0"}}') WHERE organization_id = $1 AND seq = 6`, in.first)
		in.wants(0, "ok", "audit", "verify")

		in.change(`UPDATE audit_events SET late = 1 WHERE organization_id = $1 AND seq = 4`, in.first)
		in.wants(1, "(sequence 4 of "+in.first+") is not found by its time", "audit", "verify")
		in.change(`UPDATE audit_events SET late = 0`)
		in.wants(0, "ok", "audit", "verify")

		in.change(`DELETE FROM audit_events WHERE organization_id = $1 AND seq >= 9`, in.first)
		in.wants(1, "sequence 9: the last 2 events were removed", "audit", "verify")
		in.change(`DELETE FROM audit_events WHERE organization_id = $1`, in.first)
		in.change(`DELETE FROM audit_heads WHERE organization_id = $1`, in.first)
		in.wants(1, "there are no events", "audit", "verify")
	})
}

func TestAuditVerifyWhatCannotBeChecked(t *testing.T) {
	in := newInstall(t, "")
	in.env = []string{"WEIR_DATA_DIR=" + filepath.Join(t.TempDir(), "none")}
	in.wants(2, "no install here", "audit", "verify")
	in.wants(1, "no install here", "audit", "export")
	in.env = []string{"WEIR_DATA_DIR=" + in.cfg.DataDir}
	in.change(`DELETE FROM schema_checksums_control_plane WHERE version > 1`)
	in.wants(2, "use the weir that serves from it", "audit", "verify")
	for _, args := range [][]string{
		{"audit"}, {"audit", "look"}, {"audit", "verify", "more"}, {"audit", "verify", "--file", "/nowhere/export"},
		{"audit", "verify", "--file", "-", "--organization", "x"},
		{"audit", "export", "--since", "yesterday"}, {"audit", "export", "--after-sequence", "3"},
		{"audit", "export", "--since", "2026-01-02", "--until", "2026-01-01"},
	} {
		if code, out, _ := in.weir("", args...); code != 2 || out != "" {
			t.Errorf("weir %v: exit code %d, %s", args, code, out)
		}
	}
	for _, args := range [][]string{{"audit", "--help"}, {"audit", "verify", "--help"}, {"audit", "export", "--help"}} {
		if code, out, _ := in.weir("", args...); code != 0 || !strings.Contains(out, "Usage: weir audit") {
			t.Errorf("weir %v: exit code %d, %s", args, code, out)
		}
	}
}

func TestAuditExport(t *testing.T) {
	eachInstall(t, func(t *testing.T, in *install) {
		code, whole, stderr := in.weir("", "audit", "export")
		if code != 0 || stderr != "" {
			t.Fatalf("%d %s", code, stderr)
		}
		if n := strings.Count(whole, "\n"); n != 10+5+4 {
			t.Errorf("%d lines", n)
		}
		if code, out, _ := in.weir(whole, "audit", "verify", "--file", "-"); code != 0 || strings.Count(out, "ok  ") != 2 {
			t.Errorf("its own export: %d %s", code, out)
		}
		file := filepath.Join(t.TempDir(), "export.jsonl")
		if err := os.WriteFile(file, []byte(strings.Replace(whole, "Project 3", "Project 4", 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		in.wants(1, "(sequence 9 of "+in.first+") was altered", "audit", "verify", "--file", file)
		if code, out, _ := in.weir(whole[:len(whole)-200], "audit", "verify", "--file", "-"); code != 1 {
			t.Errorf("cut off: %d %s", code, out)
		}
		count := func(want int, args ...string) {
			t.Helper()
			args = append([]string{"audit", "export", "--organization", in.first}, args...)
			code, out, stderr := in.weir("", args...)
			if n := strings.Count(out, `"object":"audit_event"`); code != 0 || n != want {
				t.Errorf("%v: %d events, want %d: %d %s", args, n, want, code, stderr)
			}
			if code, said, _ := in.weir(out, "audit", "verify", "--file", "-"); code != 0 {
				t.Errorf("%v: %d %s", args, code, said)
			}
		}
		at := time.Now().UTC()
		count(10)
		count(4, "--after-sequence", "6")
		count(0, "--after-sequence", "10")
		count(0, "--after-sequence", "99")
		count(10, "--since", at.AddDate(0, 0, -1).Format(time.DateOnly))
		count(0, "--since", at.AddDate(0, 0, 2).Format(time.DateOnly))
		count(0, "--until", at.AddDate(0, 0, -1).Format(time.RFC3339))
		count(10, "--since", at.Add(-time.Hour).Format(time.RFC3339), "--until", at.Add(time.Hour).Format(time.RFC3339))
	})
}
