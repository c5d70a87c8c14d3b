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
func NewLogger(w io.Writer, format, level string) (*slog.Logger, error) {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("log level %q: %w", level, err)
	}
	options := &slog.HandlerOptions{Level: least}
	masked := maskingWriter{w}
	switch format {
	case FormatText:
		return slog.New(slog.NewTextHandler(masked, options)), nil
	case FormatJSON:
		return slog.New(slog.NewJSONHandler(masked, options)), nil
	case FormatAuto:
		if isTerminal(w) {
			return slog.New(slog.NewTextHandler(masked, options)), nil
		}
		return slog.New(slog.NewJSONHandler(masked, options)), nil
	}
	return nil, fmt.Errorf("log format %q is not known", format)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(interface{ Fd() uintptr })
	return ok && (isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()))
}
