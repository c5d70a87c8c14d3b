package gateway

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"weir/internal/envelope"
	"weir/internal/fault"
	"weir/internal/openaiwire"
	"weir/internal/telemetry"
	"weir/internal/usage"
)

// statusGone is what the record of a request says whose caller did not wait for
// any answer. It is nginx's number for it; nobody receives it.
const statusGone = 499

// fail answers what went wrong before an answer began, and settles it.
func (x *exchange) fail(err error) {
	e := &x.event
	status, body := openaiwire.Body(err)
	gone := errors.Is(err, errGone) || x.gone()
	switch {
	case gone:
		e.Outcome, e.Status, e.ErrorCode = usage.OutcomeClientGone, statusGone, "client_gone"
	default:
		if e.Outcome == "" {
			e.Outcome = usage.OutcomeFailed
		}
		e.Status = status
		if body.Error.Code != nil {
			e.ErrorCode = *body.Error.Code
		}
	}
	// A provider that was reached may have worked, and charges for that.
	if reached := x.opened && len(e.Attempts) > 0 && (gone || e.Outcome == usage.OutcomeTruncated || fault.Is(err, fault.UpstreamTimeout)); reached && e.Source == "" {
		x.consumed(openaiwire.Reading{}, 0)
	}
	// A refusal of somebody unknown is nobody's usage.
	if e.OrganizationID != "" && (x.opened || e.Status != http.StatusServiceUnavailable) {
		if failed := x.settle(); failed != nil {
			err = errUnavailable(failed)
		}
	}
	if fault.KindOf(err) == fault.Internal && !gone {
		x.g.Logger.ErrorContext(x.r.Context(), "a request failed inside the gateway", "request_id", e.ID, "error", err)
	}
	if gone || x.wrote {
		return
	}
	x.w.Header().Del("Content-Encoding")
	x.processed()
	envelope.Error(x.w, err)
}

// report writes the access record and counts the request.
func (x *exchange) report() {
	e := &x.event
	took := time.Since(x.received)
	done := telemetry.Request{
		Route: x.door.route(), Status: e.Status, Outcome: e.Outcome, Duration: took,
		Kind: e.Kind, Quantities: e.Quantities, Cost: e.Cost, Unpriced: e.Unpriced,
	}
	if !e.FirstByte.IsZero() {
		done.FirstByte = e.FirstByte.Sub(e.Received)
	}
	x.g.Metrics.RequestDone(done)
	x.g.Logger.LogAttrs(x.r.Context(), slog.LevelInfo, "request",
		slog.String("request_id", e.ID),
		slog.String("method", e.Method),
		slog.String("path", e.Path),
		slog.Int("status", e.Status),
		slog.String("outcome", string(e.Outcome)),
		slog.String("error_code", e.ErrorCode),
		slog.String("organization_id", e.OrganizationID),
		slog.String("project_id", e.ProjectID),
		slog.String("api_key_id", e.APIKeyID),
		slog.String("model", e.Model),
		slog.String("connection_id", e.ConnectionID),
		slog.Int("attempts", len(e.Attempts)),
		slog.Int64("input_tokens", e.Quantities.Input()),
		slog.Int64("output_tokens", e.Quantities.Output()),
		slog.Duration("duration", took),
	)
}
