// Package telemetry is what weir says about itself: the log and the metrics.
package telemetry

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/mattn/go-isatty"
)

// Names of log fields. One thing has one name in every line.
const (
	FieldRequestID    = "request_id"
	FieldOrganization = "organization_id"
	FieldProject      = "project_id"
	FieldKey          = "api_key_id"
	FieldConnection   = "connection_id"
	FieldProvider     = "provider"
	FieldModel        = "model"
	FieldMethod       = "method"
	FieldRoute        = "route" // the pattern, as in metrics
	FieldPath         = "path"
	FieldStatus       = "status"
	FieldIPAddress    = "ip_address" // of the caller
	FieldOutcome      = "outcome"
	FieldDuration     = "duration_ms"
	FieldClient       = "client" // address of the caller
	FieldError        = "error"
	FieldComponent    = "component"
)

// The log formats.
const (
	FormatAuto = "auto" // text on a terminal, else JSON
	FormatJSON = "json"
	FormatText = "text"
)

// NewLogger returns a logger that writes one line per record to w. level is
// debug, info, warn or error. As a last line of defence, whatever looks like a
// credential is masked in every line, wherever in the record it stands.
//
// Unless w is a terminal, lines below a warning reach it within 100 ms, several
// in one write. The caller calls flush before the process ends.
func NewLogger(w io.Writer, format, level string) (log *slog.Logger, flush func() error, err error) {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, nil, fmt.Errorf("log level %q: %w", level, err)
	}
	if format == FormatAuto {
		format = FormatJSON
		if isTerminal(w) {
			format = FormatText
		}
	}
	var handler func(io.Writer, *slog.HandlerOptions) slog.Handler
	switch format {
	case FormatText:
		handler = func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewTextHandler(w, o) }
	case FormatJSON:
		handler = func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewJSONHandler(w, o) }
	default:
		return nil, nil, fmt.Errorf("log format %q is not known", format)
	}
	options := &slog.HandlerOptions{Level: least}
	if isTerminal(w) {
		return slog.New(handler(maskingWriter{w}, options)), func() error { return nil }, nil
	}
	gathered := &gatherer{to: w}
	return slog.New(lines{handler(maskingWriter{gathered}, options), gathered}), gathered.flush, nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(interface{ Fd() uintptr })
	return ok && (isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()))
}
