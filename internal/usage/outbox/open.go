package outbox

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"

	"github.com/tidwall/gjson"

	"weir/internal/usage"
)

// Open opens the log in dir, and makes it where there is none. It fails when
// another process has it open, and with a *CorruptError when records are
// damaged that no crash can have torn: then weir must not start before someone
// has looked.
func Open(dir string, opts Options) (_ *Log, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the usage log's folder: %w", err)
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	l := &Log{
		dir: dir, opts: opts.withDefaults(), lock: lock,
		work: make(chan struct{}, 1), arrived: make(chan struct{}, 1),
		closing: make(chan struct{}), stopped: make(chan struct{}),
		batch: newBatch(), opens: map[string]place{},
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("opening the usage log: %w", errors.Join(err, lock.Close()))
		}
	}()
	if err := removeLeftovers(l.opts.FS, dir); err != nil {
		return nil, err
	}
	if l.segments, err = listSegments(dir); err != nil {
		return nil, err
	}
	if err := l.load(); err != nil {
		return nil, err
	}
	// Nothing is appended to a file of an earlier process. The fresh segment
	// cuts off a torn tail by saying how much of its predecessor counts.
	if err := l.roll(l.durable.Load() + 1); err != nil {
		return nil, err
	}
	go l.run()
	return l, nil
}

// load reads the segments, and makes durable what of the last one an earlier
// process had only written.
func (l *Log) load() error {
	if len(l.segments) == 0 {
		rand.Read(l.id[:]) // never fails
		return nil
	}
	l.id = l.active().id
	for i, s := range l.segments {
		last := uint64(endless)
		if i+1 < len(l.segments) {
			last = l.segments[i+1].follows
		}
		if err := l.loadSegment(s, last); err != nil {
			return err
		}
	}
	// Before anything here is shown to anyone: an event that the events store
	// has counted must not vanish from the log, or its position would be given
	// to another.
	if err := syncFile(l.opts.FS, l.active().path); err != nil {
		return err
	}
	l.durable.Store(l.active().last)
	l.recentAfter = l.active().last
	return l.findInterrupted()
}

func syncFile(fsys FS, path string) error {
	f, err := fsys.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// endless is where the last segment ends: nowhere yet.
const endless = math.MaxUint64

// loadSegment indexes a segment up to its last position that counts; what
// stands behind that was written again in the next segment. The last segment
// ends at the first bytes that are no record, if a crash may have left them.
func (l *Log) loadSegment(s *segment, last uint64) error {
	file, err := os.Open(s.path)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // only read
	info, err := file.Stat()
	if err != nil {
		return err
	}
	for frames := framesOf(file, segmentHeader, info.Size()); s.last < last; {
		f, err := frames.next()
		if errors.Is(err, io.EOF) || errors.Is(err, errBadFrame) {
			break
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.path, err)
		}
		id := gjson.GetBytes(f.payload, "id").String()
		if id == "" {
			return s.corrupt("record %d names no event", s.last+1)
		}
		l.index(s, record{kind: f.kind, id: id, size: frameHeader + len(f.payload)})
	}
	switch {
	case s.last == last:
		return nil
	case last != endless:
		return s.corrupt("record %d is damaged or missing", s.last+1)
	}
	rest := make([]byte, info.Size()-s.size)
	if _, err := file.ReadAt(rest, s.size); err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	if knownSynced(rest, s.last+1) {
		return s.corrupt("record %d is damaged, and a later one says that it was whole", s.last+1)
	}
	if slices.ContainsFunc(rest, func(b byte) bool { return b != 0 }) {
		l.opts.Logger.Warn("the usage log ends in an unfinished record, as after a crash; it is cut off",
			"path", s.path, "offset", s.size)
	}
	return nil
}

// findInterrupted reads the open records that nothing settled.
func (l *Log) findInterrupted() error {
	places := slices.SortedFunc(maps.Values(l.opens), func(a, b place) int {
		return cmp.Or(cmp.Compare(a.segment.base, b.segment.base), cmp.Compare(a.offset, b.offset))
	})
	for _, at := range places {
		f, err := at.read()
		if err != nil {
			return err
		}
		var ev usage.Event
		if err := json.Unmarshal(f.payload, &ev); err != nil {
			return fmt.Errorf("%s at byte %d: reading an event: %w", at.segment.path, at.offset, err)
		}
		l.interrupted = append(l.interrupted, ev)
	}
	return nil
}

// read returns the frame at a place.
func (p place) read() (frame, error) {
	file, err := os.Open(p.segment.path)
	if err != nil {
		return frame{}, err
	}
	defer file.Close() //nolint:errcheck // only read
	b := make([]byte, p.size)
	if _, err := file.ReadAt(b, p.offset); err != nil {
		return frame{}, fmt.Errorf("reading %s: %w", p.segment.path, err)
	}
	f, _, err := frameAt(b)
	if err != nil {
		return frame{}, &CorruptError{Path: p.segment.path, Offset: p.offset, Reason: "a record that was whole is damaged"}
	}
	return f, nil
}
