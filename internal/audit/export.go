package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// ExportVersion is that of the export's form, docs/formats/audit-export.md.
const ExportVersion = 1

// The kinds of line in an export.
const (
	lineBegin = "audit_export"
	lineEvent = "audit_event"
	lineEnd   = "audit_export_end"
)

// exportTime is RFC 3339 in UTC with all of the microseconds.
const exportTime = "2006-01-02T15:04:05.000000Z"

// ExportBegin is the first line of an organization's section.
type ExportBegin struct {
	Object         string            `json:"object"` // audit_export
	Version        int               `json:"version"`
	OrganizationID string            `json:"organization_id"`
	After          Link              `json:"after"` // the events begin behind this one
	Checkpoint     *ExportCheckpoint `json:"checkpoint"`
}

// ExportCheckpoint is the log's checkpoint, null when nothing was pruned.
type ExportCheckpoint struct {
	Link
	Through   string `json:"through"`
	Count     int64  `json:"count"`
	At        string `json:"at"`
	KeyID     string `json:"key_id"`
	Signature string `json:"signature"`
}

// ExportEnd is the last line of a section.
type ExportEnd struct {
	Object         string `json:"object"` // audit_export_end
	OrganizationID string `json:"organization_id"`
	Events         int64  `json:"events"`
	Last           Link   `json:"last"`
}

// exportEvent has the fields of an event in the order in which they are hashed.
type exportEvent struct {
	Object         string          `json:"object"` // audit_event
	OrganizationID string          `json:"organization_id"`
	Seq            int64           `json:"seq"`
	PrevHash       string          `json:"prev_hash"`
	ID             string          `json:"id"`
	Action         string          `json:"action"`
	Type           string          `json:"type"`
	EffectiveAt    string          `json:"effective_at"`
	ProjectID      string          `json:"project_id"`
	ProjectName    string          `json:"project_name"`
	Actor          Actor           `json:"actor"`
	ResourceID     string          `json:"resource_id"`
	Details        json.RawMessage `json:"-"`
	Hash           string          `json:"-"`
}

// NewExportBegin is the line before the events behind after.
func NewExportBegin(organizationID string, after Link, c Checkpoint) ExportBegin {
	b := ExportBegin{Object: lineBegin, Version: ExportVersion, OrganizationID: organizationID, After: after}
	if c != (Checkpoint{}) {
		b.Checkpoint = &ExportCheckpoint{
			Link: c.Link, Through: c.Through.UTC().Format(exportTime), Count: c.Count, At: c.At.UTC().Format(exportTime),
			KeyID: c.KeyID, Signature: c.Signature,
		}
	}
	return b
}

// NewExportEnd is the line after them.
func NewExportEnd(organizationID string, events int64, last Link) ExportEnd {
	return ExportEnd{Object: lineEnd, OrganizationID: organizationID, Events: events, Last: last}
}

// AppendJSON appends e as one line of an export, without the line break. The
// details stand as they are stored, byte by byte, since their hash does: details
// that somebody made something else than one line of JSON of stand as a string.
func (e *Event) AppendJSON(to []byte) ([]byte, error) {
	head, err := json.Marshal(exportEvent{
		Object: lineEvent, OrganizationID: e.OrganizationID, Seq: e.Seq, PrevHash: e.PrevHash, ID: e.ID, Action: e.Action,
		Type: e.Type, EffectiveAt: e.EffectiveAt.UTC().Format(exportTime), ProjectID: e.ProjectID, ProjectName: e.ProjectName,
		Actor: e.Actor, ResourceID: e.ResourceID,
	})
	if err != nil {
		return nil, fmt.Errorf("exporting audit event %s: %w", e.ID, err)
	}
	details := []byte(e.Details)
	if !json.Valid(details) || bytes.ContainsAny(details, "\r\n") {
		if details, err = json.Marshal(string(details)); err != nil {
			return nil, fmt.Errorf("exporting audit event %s: %w", e.ID, err)
		}
	}
	hash, err := json.Marshal(e.Hash)
	if err != nil {
		return nil, fmt.Errorf("exporting audit event %s: %w", e.ID, err)
	}
	to = append(to, head[:len(head)-1]...)
	to = append(append(to, `,"details":`...), details...)
	to = append(append(to, `,"hash":`...), hash...)
	return append(to, '}'), nil
}

// parseEvent reads a line that AppendJSON wrote. A line in any other form is
// refused: what two readers read differently is no evidence.
func parseEvent(line []byte) (Event, error) {
	var read struct {
		exportEvent
		Details json.RawMessage `json:"details"`
		Hash    string          `json:"hash"`
	}
	if err := json.Unmarshal(line, &read); err != nil {
		return Event{}, err
	}
	at, err := time.Parse(exportTime, read.EffectiveAt)
	if err != nil {
		return Event{}, fmt.Errorf("effective_at: %w", err)
	}
	e := Event{
		ID: read.ID, OrganizationID: read.OrganizationID, Seq: read.Seq, Action: read.Action, Type: read.Type,
		EffectiveAt: at, ProjectID: read.ProjectID, ProjectName: read.ProjectName, Actor: read.Actor,
		ResourceID: read.ResourceID, Details: read.Details, PrevHash: read.PrevHash, Hash: read.Hash,
	}
	again, err := e.AppendJSON(nil)
	if err != nil {
		return Event{}, err
	}
	if !bytes.Equal(again, line) {
		return e, errForm
	}
	return e, nil
}

// checkpoint is c as it was signed.
func (c *ExportCheckpoint) checkpoint(organizationID string) (Checkpoint, error) {
	if c == nil {
		return Checkpoint{}, nil
	}
	through, err := time.Parse(exportTime, c.Through)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint.through: %w", err)
	}
	at, err := time.Parse(exportTime, c.At)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint.at: %w", err)
	}
	return Checkpoint{
		OrganizationID: organizationID, Link: c.Link, Through: through, Count: c.Count, At: at, KeyID: c.KeyID, Signature: c.Signature,
	}, nil
}
