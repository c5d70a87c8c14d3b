package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"weir/internal/audit"
	"weir/internal/org"
	"weir/internal/sqlstore"
)

const auditExportHelp = `Usage: weir audit export [--organization ID] [--since TIME] [--until TIME]
                         [--after-sequence N] [flags]

Writes the audit log of every organization, or of one, to standard output as JSON
Lines (docs/formats/audit-export.md), oldest first. --since and --until take a
date or a time of RFC 3339 and choose a stretch of the chain: from where the log
reached the one to before where it reached the other. --after-sequence goes on
behind an earlier export of one organization. 'weir audit verify --file' checks
what was written.
`

func runAuditExport(ctx context.Context, c *cli, args []string) error {
	fs := flags("audit export")
	e := exporter{out: bufio.NewWriterSize(c.stdout, 256<<10), stderr: c.stderr}
	organization := fs.String("organization", "", "")
	fs.Func("since", "", func(s string) (err error) { e.since, err = parseTime(s); return err })
	fs.Func("until", "", func(s string) (err error) { e.until, err = parseTime(s); return err })
	fs.Int64Var(&e.after, "after-sequence", 0, "")
	cfg, err := configure(c, fs, args, auditExportHelp)
	if err != nil {
		return ended(err)
	}
	switch {
	case e.after < 0:
		return usageError{errors.New("--after-sequence is less than 0")}
	case e.after > 0 && *organization == "":
		return usageError{errors.New("--after-sequence needs --organization: each has sequences of its own")}
	case !e.since.IsZero() && !e.until.IsZero() && !e.since.Before(e.until):
		return usageError{errors.New("--since is not before --until")}
	}
	store, db, err := openLog(ctx, cfg)
	if err != nil {
		return err
	}
	e.store = store
	return errors.Join(e.export(ctx, *organization), db.Close())
}

// parseTime reads a date, which is its beginning in UTC, or a time.
func parseTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("want a date such as 2026-11-24, or a time such as 2026-11-24T12:00:00Z")
}

// exporter writes sections of the log.
type exporter struct {
	store        *sqlstore.Store
	out          *bufio.Writer
	stderr       io.Writer
	since, until time.Time // zero: unbounded
	after        int64
}

// exportBatch is how many events are read at once. A slow reader of the output
// must not hold a transaction open, which on SQLite keeps the write-ahead log
// from being emptied.
const exportBatch = 1000

func (e *exporter) export(ctx context.Context, organizationID string) error {
	var ids []string
	err := e.store.View(ctx, func(r org.Reader) (err error) {
		ids, err = auditedOrganizations(ctx, r, organizationID)
		return err
	})
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := e.section(ctx, id); err != nil {
			return err
		}
	}
	return e.out.Flush()
}

// stretch is what of a log is exported: the events after after, up to and with
// through.
type stretch struct {
	after      audit.Link
	through    int64
	checkpoint audit.Checkpoint
}

func (e *exporter) section(ctx context.Context, id string) error {
	s, events, err := e.begin(ctx, id)
	if err != nil {
		return err
	}
	if e.after < s.checkpoint.Seq && e.since.IsZero() {
		if _, err := fmt.Fprintf(e.stderr, "weir: the events of %s up to sequence %d were pruned; the export begins behind them\n", id, s.checkpoint.Seq); err != nil {
			return err
		}
	}
	if err := e.line(audit.NewExportBegin(id, s.after, s.checkpoint)); err != nil {
		return err
	}
	count, last := int64(0), s.after
	var line []byte
	for len(events) > 0 && last.Seq < s.through {
		for i := range events {
			if events[i].Seq > s.through {
				break
			}
			if line, err = events[i].AppendJSON(line[:0]); err != nil {
				return err
			}
			if _, err := e.out.Write(append(line, '\n')); err != nil {
				return err
			}
			count++
			last = audit.Link{Seq: events[i].Seq, Hash: events[i].Hash}
		}
		if events, err = e.next(ctx, id, max(last.Seq, events[len(events)-1].Seq)); err != nil {
			return err
		}
	}
	return e.line(audit.NewExportEnd(id, count, last))
}

// begin finds the stretch, and reads its first events.
func (e *exporter) begin(ctx context.Context, id string) (s stretch, events []audit.Event, err error) {
	err = e.store.View(ctx, func(r org.Reader) error {
		if s.checkpoint, err = r.AuditCheckpoint(ctx, id); err != nil {
			return err
		}
		head, err := r.AuditHead(ctx, id)
		if err != nil {
			return err
		}
		s.after.Seq, s.through = max(e.after, s.checkpoint.Seq), math.MaxInt64
		if !e.since.IsZero() {
			seq, found, err := r.AuditReached(ctx, id, e.since)
			if err != nil {
				return err
			}
			if !found {
				seq = head.Seq + 1
			}
			s.after.Seq = max(s.after.Seq, seq-1)
		}
		if !e.until.IsZero() {
			seq, found, err := r.AuditReached(ctx, id, e.until)
			if err != nil {
				return err
			}
			if found {
				s.through = seq - 1
			}
		}
		if events, err = r.AuditStretch(ctx, id, s.after.Seq, exportBatch); err != nil {
			return err
		}
		switch {
		case s.after.Seq == s.checkpoint.Seq:
			s.after.Hash = s.checkpoint.Hash
		case len(events) > 0:
			s.after.Hash = events[0].PrevHash
		case s.after.Seq == head.Seq:
			s.after.Hash = head.Hash
		}
		return nil
	})
	return s, events, err
}

// next reads the events after seq. It fails when those were pruned meanwhile,
// since the export would have a hole.
func (e *exporter) next(ctx context.Context, id string, seq int64) (events []audit.Event, err error) {
	err = e.store.View(ctx, func(r org.Reader) error {
		checkpoint, err := r.AuditCheckpoint(ctx, id)
		if err != nil {
			return err
		}
		if checkpoint.Seq > seq {
			return fmt.Errorf("the events of %s up to sequence %d were pruned during the export; begin anew", id, checkpoint.Seq)
		}
		events, err = r.AuditStretch(ctx, id, seq, exportBatch)
		return err
	})
	return events, err
}

func (e *exporter) line(v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = e.out.Write(append(raw, '\n'))
	return err
}
