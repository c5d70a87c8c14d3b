package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"weir/internal/audit"
	"weir/internal/config"
	"weir/internal/org"
)

const auditVerifyHelp = `Usage: weir audit verify [--organization ID] [--file FILE] [flags]

Follows the chain of every organization's audit log, or of one, from the first
event, or from the signed checkpoint where events were pruned, to the end, and
names the first event that is not as it was written. With --file it reads an
export of 'weir audit export' instead of the database; - is standard input.

Exit codes: 0 all of it holds, 1 some of it does not, 2 it could not be checked.
`

// runAuditVerify ends with exitFailed for a broken chain alone: whatever else
// goes wrong says nothing about the log.
func runAuditVerify(ctx context.Context, c *cli, args []string) error {
	fs := flags("audit verify")
	organization := fs.String("organization", "", "")
	file := fs.String("file", "", "")
	cfg, err := configure(c, fs, args, auditVerifyHelp)
	if err != nil {
		return ended(err)
	}
	if *file != "" {
		if *organization != "" {
			return usageError{errors.New("--organization and --file do not go together: a file is checked as a whole")}
		}
		err = verifyFile(c, cfg, *file)
	} else {
		err = verifyLog(ctx, c, cfg, *organization)
	}
	if err != nil && !errors.Is(err, errReported) {
		return usageError{err}
	}
	return err
}

// verifyLog verifies the logs in the database.
func verifyLog(ctx context.Context, c *cli, cfg config.Config, organizationID string) error {
	signer, err := auditSigner(cfg)
	if err != nil {
		return err
	}
	store, db, err := openLog(ctx, cfg)
	if err != nil {
		return err
	}
	var broken, unchecked error
	err = store.View(ctx, func(r org.Reader) error {
		ids, err := auditedOrganizations(ctx, r, organizationID)
		if err != nil {
			return err
		}
		for _, id := range ids {
			report, err := org.VerifyAudit(ctx, r, signer, id)
			if err != nil {
				return err
			}
			if err := printReport(c.stdout, report); err != nil {
				return err
			}
			switch {
			case report.Broken != nil:
				broken = errReported
			case report.Unchecked != nil:
				unchecked = errors.New("some of the log could not be checked")
			}
		}
		return nil
	})
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	if broken != nil {
		return broken
	}
	return unchecked
}

func printReport(w io.Writer, report org.AuditReport) error {
	line := ""
	switch held := heldEvents(report.Checkpoint.Link, report.Last, report.Events); {
	case report.Broken != nil:
		line = fmt.Sprintf("BROKEN     %s  %v. Before it: %s", report.OrganizationID, report.Broken, held)
	case report.Unchecked != nil:
		line = fmt.Sprintf("UNCHECKED  %s  %v. Behind it: %s", report.OrganizationID, report.Unchecked, held)
	default:
		line = fmt.Sprintf("ok         %s  %s", report.OrganizationID, held)
	}
	if c := report.Checkpoint; c.Seq > 0 {
		line += fmt.Sprintf("; %d older ones were pruned, the last of them on %s", c.Seq, c.At.UTC().Format("2006-01-02"))
	}
	return say(w, line)
}

// say writes a line, without what somebody may have put into the log for the
// terminal that it is read on.
func say(w io.Writer, line string) error {
	_, err := fmt.Fprintln(w, audit.Legible(line))
	return err
}

func heldEvents(after, last audit.Link, events int64) string {
	if events == 0 {
		return "no events"
	}
	return fmt.Sprintf("%d events hold, sequence %d to %d, the last with hash %s", events, after.Seq+1, last.Seq, last.Hash)
}

// verifyFile verifies an export.
func verifyFile(c *cli, cfg config.Config, path string) error {
	signer, err := auditSigner(cfg)
	if err != nil {
		return err
	}
	in := c.stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // it was only read
		in = f
	}
	err = audit.VerifyExport(in, signer, func(s audit.Section) error {
		line := fmt.Sprintf("ok         %s  %s", s.OrganizationID, heldEvents(s.After, s.Last, s.Events))
		if s.After.Seq > 0 {
			line += fmt.Sprintf("; they follow sequence %d with hash %s", s.After.Seq, s.After.Hash)
		}
		if s.Unsigned {
			line += ", a checkpoint whose signature is not checked without the master key"
		}
		return say(c.stdout, line)
	})
	var broken *audit.BrokenError
	if errors.As(err, &broken) {
		if err := say(c.stdout, fmt.Sprintf("BROKEN     %v", broken)); err != nil {
			return err
		}
		return errReported
	}
	return err
}
