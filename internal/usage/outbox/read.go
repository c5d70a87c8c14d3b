package outbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"weir/internal/usage"
)

// cursor is where the last read from disk ended, so that the next one need not
// look for it.
type cursor struct {
	after  uint64 // the position it was read up to
	base   uint64 // of the segment
	next   uint64 // position of the record at offset
	offset int64
}

// ReadFrom returns up to limit durable settled records after a position, in order
// of position. Positions grow but are not consecutive, since open records have
// theirs. An empty answer means that there are none; Arrived tells when to look
// again.
func (l *Log) ReadFrom(after uint64, limit int) ([]usage.Positioned, error) {
	l.mu.Lock()
	if after >= l.recentAfter {
		i := firstAfter(l.recent, after)
		found := slices.Clone(l.recent[i:min(i+limit, len(l.recent))])
		l.mu.Unlock()
		return found, nil
	}
	segments := l.durableSegments()
	l.mu.Unlock()

	l.reading.Lock()
	defer l.reading.Unlock()
	var found []usage.Positioned
	for _, s := range segments {
		if s.lastSettled <= after {
			continue
		}
		from := cursor{base: s.base, next: s.base, offset: segmentHeader}
		if l.cursor.after == after && l.cursor.base == s.base {
			from = l.cursor
		}
		end, err := s.read(from, after, func(p uint64, payload []byte) (bool, error) {
			var ev usage.Event
			if err := json.Unmarshal(payload, &ev); err != nil {
				return false, fmt.Errorf("reading an event: %w", err)
			}
			found = append(found, usage.Positioned{Position: p, Event: ev})
			return len(found) < limit, nil
		})
		if err != nil {
			return nil, err
		}
		if len(found) > 0 {
			after = found[len(found)-1].Position
			end.after = after
			l.cursor = end
		}
		if len(found) == limit {
			break
		}
	}
	return found, nil
}

// CountFrom counts the durable settled records after a position.
func (l *Log) CountFrom(after uint64) (int64, error) {
	l.mu.Lock()
	segments := l.durableSegments()
	l.mu.Unlock()
	var n int64
	for _, s := range segments {
		switch {
		case s.base > after:
			n += int64(s.settled)
		case s.lastSettled > after:
			if _, err := s.read(cursor{base: s.base, next: s.base, offset: segmentHeader}, after, func(uint64, []byte) (bool, error) {
				n++
				return true, nil
			}); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

// durableSegments copies what readers need to know. Called with l.mu.
func (l *Log) durableSegments() []segment {
	all := make([]segment, len(l.segments))
	for i, s := range l.segments {
		all[i] = *s
	}
	return all
}

// read calls yield for the settled records after a position, until it says
// false, and returns where it stopped.
func (s *segment) read(at cursor, after uint64, yield func(position uint64, payload []byte) (bool, error)) (cursor, error) {
	file, err := os.Open(s.path)
	if err != nil {
		return at, fmt.Errorf("reading the usage log: %w", err)
	}
	defer file.Close() //nolint:errcheck // only read
	frames := framesOf(file, at.offset, s.size)
	for at.next <= s.last {
		f, err := frames.next()
		if errors.Is(err, errBadFrame) || errors.Is(err, io.EOF) {
			return at, &CorruptError{Path: s.path, Offset: frames.offset, Reason: fmt.Sprintf("record %d was whole and is damaged", at.next)}
		}
		if err != nil {
			return at, fmt.Errorf("%s: %w", s.path, err)
		}
		position := at.next
		at.next, at.offset = position+1, frames.offset
		if f.kind != kindSettled || position <= after {
			continue
		}
		more, err := yield(position, f.payload)
		if err != nil {
			return at, fmt.Errorf("%s, record %d: %w", s.path, position, err)
		}
		if !more {
			break
		}
	}
	return at, nil
}

// firstAfter is the index of the first event after a position.
func firstAfter(events []usage.Positioned, after uint64) int {
	i, _ := slices.BinarySearchFunc(events, after, func(p usage.Positioned, after uint64) int {
		if p.Position <= after {
			return -1
		}
		return 1
	})
	return i
}
