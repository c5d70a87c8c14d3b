package main

import (
	"context"
	"database/sql"
	"io"
	"log/slog"
	"strings"
	"testing"

	"weir/internal/config"
	"weir/internal/sqldb"
)

func TestDoctorSeesAnAlteredAuditLog(t *testing.T) {
	cfg := config.Default()
	cfg.DataDir = t.TempDir()
	cfg = cfg.WithDerived()
	n, err := open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := n.bootstrap(t.Context(), io.Discard); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sqldb.Open(t.Context(), cfg.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if f := examineAudit(t.Context(), cfg, db); f.bad || !strings.Contains(f.text, "holds over all 5 events") {
		t.Errorf("as it was written: %+v", f)
	}
	for _, step := range []struct {
		change string
		bad    bool
	}{
		{`UPDATE audit_events SET resource_id = resource_id || 'x' WHERE seq = 2`, true},
		{`UPDATE audit_events SET resource_id = SUBSTR(resource_id, 1, LENGTH(resource_id) - 1) WHERE seq = 2`, false},
		{`DELETE FROM audit_events WHERE seq = 3`, true},
	} {
		err := db.Write(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, step.change)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if f := examineAudit(t.Context(), cfg, db); f.bad != step.bad {
			t.Errorf("after %s: %+v", step.change, f)
		}
	}
}
