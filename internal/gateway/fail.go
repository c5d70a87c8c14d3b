package gateway

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"weir/internal/envelope"
	"weir/internal/fault"
	"weir/internal/openaiwire"
	"weir/internal/peer"
	"weir/internal/telemetry"
	"weir/internal/usage"
)

// statusGone is what the record of a request says whose caller did not wait for
// any answer. It is nginx's number for it; nobody receives it.
const statusGone = 499

// fail answers what went wrong before an answer began, and settles it.
func (x *exchange) fail(err error) {
	x.deny(err)
	e := &x.event
	gone := errors.Is(err, errGone) || x.gone() && !x.slow
	status, body := openaiwire.Body(err)
	e.Status, e.ErrorCode = status, ""
	if body.Error.Code != nil {
		e.ErrorCode = *body.Error.Code
	}
	switch {
	case gone:
		e.Outcome, e.Status, e.ErrorCode = usage.OutcomeClientGone, statusGone, "client_gone"
	case e.Outcome != usage.OutcomeTruncated:
		e.Outcome = usage.OutcomeFailed
	}
	if failed := x.settleFailure(err, gone); failed != nil && x.opened {
		err = errUnavailable(failed) // a refusal is answered all the same: it was not served
		e.Status = http.StatusServiceUnavailable
	}
	if fault.KindOf(err) == fault.Internal && !gone {
		x.g.Logger.ErrorContext(x.r.Context(), "a request failed inside the gateway", "request_id", e.ID, "error", err)
	}
	if gone || x.wrote || x.aborted {
		x.cut()
		return
	}
	x.clearHeader()
	x.processed()
	envelope.Error(x.w, err)
}

// settleFailure settles a request that got no answer of a provider's. A provider
// that was reached may have worked, and charges for that; one that refused
// does not.
func (x *exchange) settleFailure(err error, gone bool) error {
	e := &x.event
	answered := len(e.Attempts) > 0 && e.Attempts[len(e.Attempts)-1].Status != 0
	if x.reached && e.Source == "" && (gone || !answered || e.Outcome == usage.OutcomeTruncated || fault.Is(err, fault.UpstreamTimeout) || revokedBy(err) != nil) {
		x.consumed(openaiwire.Reading{}, 0)
	}
	switch {
	case e.OrganizationID == "":
		return nil // a refusal of somebody unknown is nobody's usage
	case x.unrecorded:
		return nil
	}
	return x.settle()
}

// fell ends a request in which something panicked with v.
func (x *exchange) fell(v any) {
	err := fmt.Errorf("panic: %v", v)
	if v == http.ErrAbortHandler { //nolint:errorlint // a sentinel that is compared, as net/http does
		x.cut()
	} else {
		x.g.Logger.ErrorContext(x.r.Context(), "a request panicked", "request_id", x.event.ID, "error", err, "stack", string(debug.Stack()))
	}
	x.fail(err)
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
		slog.String(telemetry.FieldIPAddress, peer.Text(x.r.RemoteAddr)),
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
