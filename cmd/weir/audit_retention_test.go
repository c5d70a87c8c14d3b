package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"weir/internal/audit"
	"weir/internal/config"
	"weir/internal/id"
	"weir/internal/org"
	"weir/internal/vault"
)

// prune prunes what is older than before.
func (in *install) prune(before time.Time) error {
	in.t.Helper()
	var err error
	in.node(func(n *node) {
		err = n.org.PruneAudit(in.t.Context(), org.AuditRetention{Signer: n.vault, Before: before})
	})
	return err
}

// log returns the actions left of the first organization's log, oldest first.
func (in *install) log() (actions []string, last audit.Event) {
	in.t.Helper()
	in.node(func(n *node) {
		err := n.store.View(in.t.Context(), func(r org.Reader) error {
			return r.AuditChain(in.t.Context(), in.first, 0, func(e audit.Event) error {
				actions, last = append(actions, e.Action), e
				return nil
			})
		})
		if err != nil {
			in.t.Fatal(err)
		}
	})
	return actions, last
}

func TestPruningLeavesALogThatVerifies(t *testing.T) {
	eachInstall(t, func(t *testing.T, in *install) {
		if err := in.prune(time.Time{}); err != nil {
			t.Fatal(err)
		}
		if err := in.prune(time.Now().AddDate(0, 0, -1)); err != nil {
			t.Fatal(err)
		}
		in.wants(0, "10 events hold, sequence 1 to 10", "audit", "verify")

		// Everything is too old; the last event stays, and says what was done next.
		if err := in.prune(time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		actions, last := in.log()
		var said struct {
			Events, ThroughSeq int64
			Hash               string
		}
		if err := json.Unmarshal([]byte(strings.ReplaceAll(string(last.Details), "through_seq", "ThroughSeq")), &said); err != nil {
			t.Fatal(err)
		}
		if len(actions) != 2 || actions[1] != "weir.audit.pruned" || last.Seq != 11 || said.Events != 9 || said.ThroughSeq != 9 || last.Actor.Type != audit.ActorSystem {
			t.Errorf("left are %v; %s", actions, last.Details)
		}
		in.wants(0, "2 events hold, sequence 10 to 11, ", "audit", "verify", "--organization", in.first)
		in.wants(0, "9 older ones were pruned", "audit", "verify", "--organization", in.first)

		code, out, stderr := in.weir("", "audit", "export")
		if code != 0 || !strings.Contains(stderr, "up to sequence 9 were pruned") {
			t.Errorf("export: %d %s", code, stderr)
		}
		if code, said, _ := in.weir(out, "audit", "verify", "--file", "-"); code != 0 || !strings.Contains(said, "they follow sequence 9") {
			t.Errorf("the export of a pruned log: %d %s", code, said)
		}
		if code, said, _ := in.weir(strings.Replace(out, `"count":9`, `"count":8`, 1), "audit", "verify", "--file", "-"); code != 1 {
			t.Errorf("an export with a forged checkpoint: %d %s", code, said)
		}
		// A second pruning goes on from the first.
		if err := in.prune(time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		in.wants(0, "2 events hold, sequence 11 to 12", "audit", "verify", "--organization", in.first)
		in.wants(0, "ok", "doctor")
	})
}

func TestTamperingWithTheCheckpointShows(t *testing.T) {
	eachInstall(t, func(t *testing.T, in *install) {
		if err := in.prune(time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		in.wants(0, "ok", "audit", "verify")
		for _, step := range []struct{ change, undo string }{
			{`UPDATE audit_checkpoints SET pruned = pruned - 1`, `UPDATE audit_checkpoints SET pruned = pruned + 1`},
			{`UPDATE audit_checkpoints SET through = through + 1`, `UPDATE audit_checkpoints SET through = through - 1`},
			{`UPDATE audit_checkpoints SET created_at = created_at + 1`, `UPDATE audit_checkpoints SET created_at = created_at - 1`},
			{`UPDATE audit_checkpoints SET hash = 'f' || hash`, `UPDATE audit_checkpoints SET hash = SUBSTR(hash, 2)`},
			{`UPDATE audit_checkpoints SET signature = 'ff' || signature`, `UPDATE audit_checkpoints SET signature = SUBSTR(signature, 3)`},
		} {
			in.change(step.change)
			in.wants(1, "not one that weir signed", "audit", "verify")
			if err := in.prune(time.Now().Add(time.Hour)); err == nil || !strings.Contains(err.Error(), "not one that weir signed") {
				t.Errorf("pruned behind a forged checkpoint: %v", err)
			}
			in.change(step.undo)
			in.wants(0, "ok", "audit", "verify")
		}
		// More was removed than weir did, and the checkpoint moved along.
		in.change(`DELETE FROM audit_events WHERE organization_id = $1 AND seq = 10`, in.first)
		in.wants(1, "sequence 10 of", "audit", "verify", "--organization", in.first)
		in.change(`UPDATE audit_checkpoints SET seq = 10, hash = (SELECT prev_hash FROM audit_events WHERE organization_id = $1 AND seq = 11) WHERE organization_id = $1`, in.first)
		in.wants(1, "not one that weir signed", "audit", "verify", "--organization", in.first)
		in.change(`DELETE FROM audit_checkpoints`)
		in.wants(1, "(sequence 1 of", "audit", "verify")
	})
}

func TestACheckpointNeedsTheMasterKey(t *testing.T) {
	in := newInstall(t, "")
	if err := in.prune(time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(in.cfg.DataDir, vault.MasterKeyFile)
	old, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	in.wants(2, "without the master key", "audit", "verify")
	if exists(key) {
		t.Error("verifying made a master key")
	}
	// A changed key signs anew in the next turn, and the old one may go.
	fresh := "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
	in.cfg.MasterKey = config.Secret(fresh + "," + strings.TrimSpace(string(old)))
	if err := in.prune(time.Time{}); err != nil {
		t.Fatal(err)
	}
	in.env = append(in.env, "WEIR_MASTER_KEY="+fresh)
	in.wants(0, "ok", "audit", "verify")
	in.env = append(in.env[:len(in.env)-1], "WEIR_MASTER_KEY=QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=")
	in.wants(2, "not configured", "audit", "verify")
}

// What somebody altered must not be pruned away with the traces of it.
func TestABrokenLogIsNotPruned(t *testing.T) {
	eachInstall(t, func(t *testing.T, in *install) {
		in.change(`UPDATE audit_events SET resource_id = 'x' WHERE organization_id = $1 AND seq = 3`, in.first)
		err := in.prune(time.Now().Add(time.Hour))
		var broken *audit.BrokenError
		if !errors.As(err, &broken) || broken.Seq != 3 {
			t.Errorf("%v", err)
		}
		if actions, _ := in.log(); len(actions) != 10 {
			t.Errorf("%d events are left", len(actions))
		}
		in.wants(1, "(sequence 3", "audit", "verify", "--organization", in.first)
		in.wants(1, "4 older ones were pruned", "audit", "verify") // the other organization's
	})
}

// A turn that ended between the checkpoint and the rows is finished by the next.
func TestPruningGoesOnWhereItEnded(t *testing.T) {
	eachInstall(t, func(t *testing.T, in *install) {
		var kept []audit.Event
		in.node(func(n *node) {
			ctx := t.Context()
			err := n.store.View(ctx, func(r org.Reader) (err error) { kept, err = r.AuditStretch(ctx, in.first, 3, 1); return err })
			if err != nil {
				t.Fatal(err)
			}
			c := audit.Checkpoint{
				OrganizationID: in.first, Link: audit.Link{Seq: 4, Hash: kept[0].Hash}, Through: kept[0].EffectiveAt, Count: 4,
				At: time.Now().Truncate(time.Microsecond),
			}
			if err := c.Sign(n.vault); err != nil {
				t.Fatal(err)
			}
			if _, err := n.store.Update(ctx, audit.System(in.first), func(tx org.Tx) error { return tx.PutAuditCheckpoint(ctx, c) }); err != nil {
				t.Fatal(err)
			}
		})
		in.wants(0, "6 events hold, sequence 5 to 10", "audit", "verify", "--organization", in.first)
		if err := in.prune(time.Now().AddDate(-1, 0, 0)); err != nil {
			t.Fatal(err)
		}
		if actions, _ := in.log(); len(actions) != 6 {
			t.Errorf("left are %v", actions)
		}
	})
}

// What was not pushed yet stays.
func TestPruningWaitsForThePushing(t *testing.T) {
	in := newInstall(t, "")
	in.node(func(n *node) {
		now := time.Now()
		_, err := n.store.HoldAuditSink(t.Context(), "webhook", "node", now, now.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if held, err := n.store.AdvanceAuditCursor(t.Context(), "webhook", "node", in.first, 3, now); !held || err != nil {
			t.Fatal(held, err)
		}
		retention := org.AuditRetention{Signer: n.vault, Before: now.Add(time.Hour), Sinks: []string{"webhook"}}
		if err := n.org.PruneAudit(t.Context(), retention); err != nil {
			t.Fatal(err)
		}
	})
	in.wants(0, "8 events hold, sequence 4 to 11", "audit", "verify", "--organization", in.first)
}

func TestRetentionIsCountedInDays(t *testing.T) {
	now := time.Date(2026, 11, 24, 13, 14, 15, 0, time.UTC)
	for days, want := range map[int]time.Time{
		0: {}, 1: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), 365: time.Date(2025, 11, 24, 0, 0, 0, 0, time.UTC),
		mostDays + 1: {}, 1 << 40: {},
	} {
		n := &node{}
		n.cfg.Audit.RetentionDays = days
		if got := n.auditRetention(now).Before; !got.Equal(want) {
			t.Errorf("%d days: %v, want %v", days, got, want)
		}
	}
}

// However the clocks of nodes differed, and wherever a log is cut, what is left
// is found by its time, and verifies.
func TestAPrunedLogIsSearchedByTime(t *testing.T) {
	in := newInstall(t, "")
	in.node(func(n *node) {
		base, organizations := time.Now().Add(time.Hour).Truncate(time.Second), 0
		rapid.Check(t, func(rt *rapid.T) {
			organizations++
			o, err := n.org.CreateOrganization(t.Context(), org.NewOrganization{
				Name: "Tenant", OwnerEmail: fmt.Sprintf("owner%d@example.com", organizations), OwnerName: "O", AdminSecret: id.Secret(id.AdminSecret),
			})
			if err != nil {
				t.Fatal(err)
			}
			seconds := rapid.SliceOfN(rapid.Int64Range(0, 20), 1, 30).Draw(rt, "seconds")
			_, err = n.store.Update(t.Context(), audit.System(o.ID), func(tx org.Tx) error {
				for _, s := range seconds {
					tx.Record(audit.Event{Action: "x", EffectiveAt: base.Add(time.Duration(s) * time.Second)})
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				before := base.Add(time.Duration(rapid.IntRange(-1, 22).Draw(rt, "before")) * time.Second)
				if err := n.org.PruneAudit(t.Context(), org.AuditRetention{Signer: n.vault, Before: before}); err != nil {
					rt.Fatal(err)
				}
			}
			from, to := base.Unix()+rapid.Int64Range(-1, 21).Draw(rt, "from"), base.Unix()+rapid.Int64Range(-1, 21).Draw(rt, "to")
			err = n.store.View(t.Context(), func(r org.Reader) error {
				report, err := org.VerifyAudit(t.Context(), r, n.vault, o.ID)
				if err != nil || report.Broken != nil {
					rt.Errorf("%v, %v", err, report.Broken)
				}
				want := map[string]bool{}
				if err := r.AuditChain(t.Context(), o.ID, 0, func(e audit.Event) error {
					if at := e.EffectiveAt.Unix(); at >= from && at <= to {
						want[e.ID] = true
					}
					return nil
				}); err != nil {
					return err
				}
				rows, err := r.AuditEvents(t.Context(), o.ID, audit.Query{Limit: 100, EffectiveGTE: &from, EffectiveLTE: &to})
				if err != nil {
					return err
				}
				if len(rows.Items) != len(want) {
					rt.Errorf("%d events found between the times, want %d", len(rows.Items), len(want))
				}
				for _, e := range rows.Items {
					if !want[e.ID] {
						rt.Errorf("event %d is found beside its time", e.Seq)
					}
				}
				return nil
			})
			if err != nil {
				rt.Fatal(err)
			}
		})
	})
}
