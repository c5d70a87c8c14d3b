package sqlevents

import (
	"encoding/json"
	"fmt"
	"time"

	"weir/internal/money"
	"weir/internal/usage"
)

// requestColumns are the columns of usage_requests. What requests are found by
// has a column of its own; the rest is in detail.
var requestColumns = []string{
	"id", "organization_id", "project_id", "api_key_id", "received", "user_id", "model_asked", "model",
	"model_endpoint_id", "status", "error_code", "outcome", "latency_us", "detail",
}

// detail is what a row of usage_requests says beyond its columns, as JSON with
// short names: most of the file is these rows. Durations are in nanoseconds.
type detail struct {
	WorkspaceID    string         `json:"w,omitempty"`
	ServiceAccount string         `json:"sa,omitempty"`
	Kind           usage.Kind     `json:"k,omitempty"`
	Method         string         `json:"m,omitempty"`
	Path           string         `json:"p,omitempty"`
	ConnectionID   string         `json:"c,omitempty"`
	ServiceTier    string         `json:"t,omitempty"`
	Batch          bool           `json:"b,omitempty"`
	Stream         bool           `json:"s,omitempty"`
	Size           string         `json:"sz,omitempty"`
	Quality        string         `json:"qu,omitempty"`
	ImageSource    string         `json:"is,omitempty"`
	ContextLevel   string         `json:"cl,omitempty"`
	VectorStoreID  string         `json:"vs,omitempty"`
	Received       time.Duration  `json:"rn,omitempty"` // beyond the microsecond
	FirstByte      *time.Duration `json:"f,omitempty"`  // after received
	Done           *time.Duration `json:"d,omitempty"`  // after received
	Attempts       []attempt      `json:"a,omitempty"`

	Quantities usage.Quantities `json:"q,omitzero"`
	Source     usage.Source     `json:"src,omitempty"`
	Cost       *money.USD       `json:"$,omitempty"`
	Unpriced   bool             `json:"u,omitempty"`
	Lines      []costLine       `json:"l,omitempty"`

	RequestBytes  int64 `json:"i,omitempty"`
	ResponseBytes int64 `json:"o,omitempty"`

	Objects []object `json:"ob,omitempty"`
}

// attempt is a usage.Attempt.
type attempt struct {
	ConnectionID      string `json:"c,omitempty"`
	Model             string `json:"m,omitempty"`
	Status            int    `json:"s,omitempty"`
	Error             string `json:"e,omitempty"`
	UpstreamRequestID string `json:"r,omitempty"`
	StartMicros       int64  `json:"b,omitempty"`
	DurationMicros    int64  `json:"d,omitempty"`
}

// costLine is a usage.CostLine.
type costLine struct {
	LineItem string     `json:"l,omitempty"`
	Meter    string     `json:"m,omitempty"`
	Quantity int64      `json:"q,omitempty"`
	Unit     string     `json:"u,omitempty"`
	Amount   *money.USD `json:"$,omitempty"`
}

// object is a usage.Object.
type object struct {
	Kind    usage.ObjectKind `json:"k"`
	ID      string           `json:"i"`
	Deleted bool             `json:"d,omitempty"`
}

// requestValues is the row of an event, in the order of requestColumns.
func requestValues(e *usage.Event) ([]any, error) {
	d := detail{
		WorkspaceID: e.WorkspaceID, ServiceAccount: e.ServiceAccount, Kind: e.Kind, Method: e.Method, Path: e.Path,
		ConnectionID: e.ConnectionID, ServiceTier: e.ServiceTier, Batch: e.Batch, Stream: e.Stream,
		Size: e.Size, Quality: e.Quality, ImageSource: e.ImageSource, ContextLevel: e.ContextLevel, VectorStoreID: e.VectorStoreID,
		Received:  e.Received.Sub(time.UnixMicro(e.Received.UnixMicro())),
		FirstByte: after(e.Received, e.FirstByte), Done: after(e.Received, e.Done),
		Quantities: e.Quantities, Source: e.Source, Cost: e.Cost, Unpriced: e.Unpriced,
		RequestBytes: e.RequestBytes, ResponseBytes: e.ResponseBytes,
	}
	if len(e.Attempts) > 0 {
		d.Attempts = make([]attempt, len(e.Attempts))
		for i, a := range e.Attempts {
			d.Attempts[i] = attempt(a)
		}
	}
	for _, o := range e.Objects {
		d.Objects = append(d.Objects, object(o))
	}
	if len(e.Lines) > 0 {
		d.Lines = make([]costLine, len(e.Lines))
		for i, l := range e.Lines {
			d.Lines[i] = costLine(l)
		}
	}
	text, err := json.Marshal(&d)
	if err != nil {
		return nil, fmt.Errorf("request %s: %w", e.ID, err)
	}
	return []any{
		e.ID, e.OrganizationID, e.ProjectID, e.APIKeyID, e.Received.UnixMicro(), e.UserID, e.ModelAsked, e.Model,
		e.ModelEndpointID, int64(e.Status), e.ErrorCode, string(e.Outcome), latency(e).Microseconds(), string(text),
	}, nil
}

// after is how long t came after received; nil when it never did.
func after(received, t time.Time) *time.Duration {
	if t.IsZero() {
		return nil
	}
	d := t.Sub(received)
	return &d
}

// latency is the time from the request to the last byte of its answer, 0 when
// there was none.
func latency(e *usage.Event) time.Duration {
	if e.Done.IsZero() {
		return 0
	}
	return e.Done.Sub(e.Received)
}

// requestRow is a row of usage_requests as read.
type requestRow struct {
	event    usage.Event // what the columns say
	received int64       // microseconds since 1970
	detail   []byte
}

func scanRequest(scan func(...any) error) (r requestRow, err error) {
	var latency int64
	e := &r.event
	err = scan(
		&e.ID, &e.OrganizationID, &e.ProjectID, &e.APIKeyID, &r.received, &e.UserID, &e.ModelAsked, &e.Model,
		&e.ModelEndpointID, &e.Status, &e.ErrorCode, &e.Outcome, &latency, &r.detail,
	)
	return r, err
}

// whole is the event of a row.
func (r requestRow) whole() (usage.Event, error) {
	e := r.event
	var d detail
	if err := json.Unmarshal(r.detail, &d); err != nil {
		return usage.Event{}, fmt.Errorf("stored request %s: %w", e.ID, err)
	}
	e.WorkspaceID, e.ServiceAccount, e.Kind, e.Method, e.Path = d.WorkspaceID, d.ServiceAccount, d.Kind, d.Method, d.Path
	e.ConnectionID, e.ServiceTier, e.Batch, e.Stream = d.ConnectionID, d.ServiceTier, d.Batch, d.Stream
	e.Size, e.Quality, e.ImageSource, e.ContextLevel, e.VectorStoreID = d.Size, d.Quality, d.ImageSource, d.ContextLevel, d.VectorStoreID
	e.Received = time.UnixMicro(r.received).UTC().Add(d.Received)
	if d.FirstByte != nil {
		e.FirstByte = e.Received.Add(*d.FirstByte)
	}
	if d.Done != nil {
		e.Done = e.Received.Add(*d.Done)
	}
	for _, a := range d.Attempts {
		e.Attempts = append(e.Attempts, usage.Attempt(a))
	}
	e.Quantities, e.Source, e.Cost, e.Unpriced = d.Quantities, d.Source, d.Cost, d.Unpriced
	for _, l := range d.Lines {
		e.Lines = append(e.Lines, usage.CostLine(l))
	}
	for _, o := range d.Objects {
		e.Objects = append(e.Objects, usage.Object(o))
	}
	e.RequestBytes, e.ResponseBytes = d.RequestBytes, d.ResponseBytes
	return e, nil
}
