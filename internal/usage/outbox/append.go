package outbox

import (
	"errors"
	"sync"

	"weir/internal/usage"
)

// syncOpens is how many bytes of open records may gather before they are synced
// for their own sake. They do not need it; the memory of the tail does.
const syncOpens = 1 << 20

// buffers are frames under construction.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// recycle keeps a buffer for the next frame, but not one grown by a rare event.
func recycle(buf *[]byte) {
	if cap(*buf) <= 64<<10 {
		buffers.Put(buf)
	}
}

var errNoID = errors.New("an event without an id cannot be recorded")

// AppendOpen records that a request is let through. When it returns nil the
// record survives the process, not yet a power cut. After an error, which is a
// fault of kind Unavailable when the disk is at fault, the request is not
// recorded and must not be served.
func (l *Log) AppendOpen(ev usage.Event) error {
	if err := l.Err(); err != nil {
		return unavailable(err) // without waiting for whoever works on it
	}
	buf := buffers.Get().(*[]byte)
	defer recycle(buf)
	if err := l.encode(buf, kindOpen, &ev); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.refusal(len(*buf)); err != nil {
		return unavailable(err)
	}
	if err := l.Err(); err != nil {
		return unavailable(err)
	}
	l.append(record{kind: kindOpen, id: ev.ID, size: len(*buf)}, *buf)
	if err := l.flush(); err != nil {
		l.tail = l.tail[:len(l.tail)-len(*buf)]
		l.records = l.records[:len(l.records)-1]
		l.fail(err)
		poke(l.work)
		return unavailable(err)
	}
	if len(l.tail) >= syncOpens {
		poke(l.work)
	}
	return nil
}

// AppendSettled records what a request consumed and returns, when the record
// survives a power cut, its position.
//
// After a fault of kind Unavailable it is not durable, and what it was to be
// durable before must not happen. If the process lives to see the disk work
// again it is written then: it is not to be settled a second time. If not, its
// open record stands, and the next start finds the request interrupted.
//
// The log keeps ev: what it points to must not change.
func (l *Log) AppendSettled(ev usage.Event) (uint64, error) {
	// As it would come back from disk: in UTC and without the monotonic clock.
	ev.Received, ev.FirstByte, ev.Done = ev.Received.UTC().Round(0), ev.FirstByte.UTC().Round(0), ev.Done.UTC().Round(0)
	buf := buffers.Get().(*[]byte)
	if err := l.encode(buf, kindSettled, &ev); err != nil {
		return 0, err
	}
	l.mu.Lock()
	if err := l.refusal(len(*buf)); err != nil {
		l.mu.Unlock()
		return 0, unavailable(err)
	}
	l.append(record{kind: kindSettled, id: ev.ID, size: len(*buf), event: &ev}, *buf)
	position := l.durable.Load() + uint64(len(l.records))
	waiting, leads := l.batch, l.leads()
	l.mu.Unlock()
	recycle(buf)

	if leads {
		l.lead()
	}
	<-waiting.done
	if waiting.err != nil {
		return 0, unavailable(waiting.err)
	}
	return position, nil
}

func (l *Log) encode(buf *[]byte, k kind, ev *usage.Event) error {
	if ev.ID == "" {
		return errNoID
	}
	b, err := appendEvent(beginFrame((*buf)[:0]), ev)
	if err != nil {
		return err
	}
	*buf = b
	if len(b) > frameHeader+maxPayload {
		return errTooLarge
	}
	endFrame(b, k, l.durable.Load())
	return nil
}

var (
	errTooLarge = errors.New("an event of more than 16 MiB cannot be recorded")
	errBehind   = errors.New("too much waits for the disk")
)

// refusal is why not even the tail may take another frame. Called with l.mu.
func (l *Log) refusal(size int) error {
	switch {
	case l.closed:
		return errClosed
	case len(l.tail)+size > l.opts.MaxUnsynced:
		return errBehind
	}
	return nil
}

// append adds a frame to the tail. Called with l.mu.
func (l *Log) append(r record, frame []byte) {
	l.tail = append(l.tail, frame...)
	l.records = append(l.records, r)
}

// maxAllocation is how far ahead of its records a segment is filled with zeros.
// A sync that only overwrites costs a quarter of one that makes the file longer,
// which on ext4 waits for a journal commit.
const maxAllocation = 512 << 10

// flush writes what the file lacks of the tail. After an error the file is not
// written again: the next roll replaces its end. Called with l.mu.
func (l *Log) flush() error {
	if l.written == len(l.tail) {
		return nil
	}
	missing := l.tail[l.written:]
	at := l.active().size + int64(l.written)
	end := at + int64(len(missing))
	ahead := min(maxAllocation, l.opts.SegmentSize)
	if end > l.allocated {
		missing = append(missing[:len(missing):len(missing)], make([]byte, ahead)...)
	}
	if err := writeAt(l.file, missing, at); err != nil {
		return err
	}
	l.written = len(l.tail)
	if end > l.allocated {
		l.allocated = end + ahead
	}
	return nil
}
