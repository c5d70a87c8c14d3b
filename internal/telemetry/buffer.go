package telemetry

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// lingering is how long lines gather before they are written, and maxGathered
// the bytes after which they are written at once. A busy gateway writes an
// access record per request; a system call for each costs 5 µs and more.
const (
	lingering   = 100 * time.Millisecond
	maxGathered = 32 << 10
)

// lines gathers log lines and writes several at once. It is a handler on top of
// the one that writes into it: a warning or an error goes out at once, with all
// before it.
type lines struct {
	slog.Handler
	to *gatherer
}

// Handle implements slog.Handler.
func (l lines) Handle(ctx context.Context, r slog.Record) error {
	if err := l.Handler.Handle(ctx, r); err != nil {
		return err
	}
	if r.Level >= slog.LevelWarn {
		return l.to.flush()
	}
	return nil
}

// WithAttrs implements slog.Handler.
func (l lines) WithAttrs(attrs []slog.Attr) slog.Handler {
	return lines{l.Handler.WithAttrs(attrs), l.to}
}

// WithGroup implements slog.Handler.
func (l lines) WithGroup(name string) slog.Handler { return lines{l.Handler.WithGroup(name), l.to} }

// gatherer is a buffered writer that holds nothing for longer than lingering.
type gatherer struct {
	to io.Writer

	mu      sync.Mutex
	held    []byte
	timer   *time.Timer // made with the first line
	waiting bool        // the timer runs
	err     error       // of a write that nobody has been told of
}

// Write implements io.Writer. An error is that of an earlier write.
func (g *gatherer) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = append(g.held, p...)
	switch {
	case len(g.held) >= maxGathered:
		g.write()
	case g.waiting:
	case g.timer == nil:
		g.waiting = true
		g.timer = time.AfterFunc(lingering, g.due)
	default:
		g.waiting = true
		g.timer.Reset(lingering)
	}
	err := g.err
	g.err = nil
	return len(p), err
}

// due is when the oldest line has waited long enough.
func (g *gatherer) due() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = false
	g.write()
}

// flush writes what is held.
func (g *gatherer) flush() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.write()
	err := g.err
	g.err = nil
	return err
}

// write empties the buffer. Called with g.mu.
func (g *gatherer) write() {
	if len(g.held) == 0 {
		return
	}
	if _, err := g.to.Write(g.held); err != nil {
		g.err = err
	}
	if g.held = g.held[:0]; cap(g.held) > 4*maxGathered {
		g.held = nil
	}
}
