package outbox

import (
	"cmp"
	"encoding/hex"
	"errors"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"weir/internal/fault"
	"weir/internal/usage"
)

// Options tune a log. The zero value is what a server wants.
type Options struct {
	SegmentSize int64         // bytes after which a segment is followed by the next; 0: 64 MiB
	MaxUnsynced int           // bytes that may wait for the disk before settling is refused; 0: 64 MiB
	Recent      int           // settled events kept in memory for ReadFrom, so that it need not decode them; 0: 4096, negative: none
	RetryDelay  time.Duration // before the second try at a failed disk, doubling up to 32 times that; 0: 50 ms
	FS          FS            // nil: the operating system's
	Logger      *slog.Logger  // nil: silent
}

// maxSegmentSize keeps a damaged segment within what the start can read at once.
const maxSegmentSize = 1 << 30

func (o Options) withDefaults() Options {
	o.SegmentSize = min(cmp.Or(o.SegmentSize, 64<<20), maxSegmentSize)
	o.MaxUnsynced = cmp.Or(o.MaxUnsynced, 64<<20)
	o.Recent = max(cmp.Or(o.Recent, 4096), 0)
	o.RetryDelay = cmp.Or(o.RetryDelay, 50*time.Millisecond)
	if o.FS == nil {
		o.FS = disk{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Log is one node's usage log. Appends may come from any number of goroutines;
// reading and releasing from one.
type Log struct {
	dir         string
	opts        Options
	id          [idSize]byte
	lock        *os.File
	interrupted []usage.Event

	failure     atomic.Pointer[error] // why nothing can be appended right now
	durable     atomic.Uint64         // position up to which all records survive a power cut
	lastSettled atomic.Uint64         // position of the last settled record up to there
	settled     atomic.Int64          // settled records that this process made durable

	work    chan struct{} // to the committer: there is something to write or sync
	arrived chan struct{} // to the reader: there are new settled records
	closing chan struct{}
	stopped chan struct{}

	// turn is held while the log is synced, rolled or got over a failure: by the
	// committer or by one who settles.
	turn   sync.Mutex
	failed *failure // what a settler leaves the committer; guarded by turn

	mu        sync.Mutex
	closed    bool
	gathering bool             // whoever has the turn has yet to take what is in the tail
	segments  []*segment       // oldest first; the last is being written
	file      File             // of the last segment
	tail      []byte           // the frames after the durable position, in order
	records   []record         // what the frames of the tail are
	written   int              // bytes of the tail that are in file
	allocated int64            // size of file; behind the records it holds zeros
	batch     *batch           // those who wait for the tail to be synced
	opens     map[string]place // durable open records without a durable settled one, by event id

	recent      []usage.Positioned // the last durable settled events
	recentAfter uint64             // all after this position are in recent

	reading sync.Mutex
	cursor  cursor
}

// record is what the log remembers of a frame.
type record struct {
	kind  kind
	id    string       // of the event
	size  int          // of the whole frame
	event *usage.Event // of settled records this process wrote
}

// place is where a durable frame stands.
type place struct {
	segment *segment
	offset  int64
	size    int
}

// batch is the settlers one sync serves.
type batch struct {
	done chan struct{}
	err  error // set before done is closed
}

func newBatch() *batch { return &batch{done: make(chan struct{})} }

func (b *batch) finish(err error) {
	b.err = err
	close(b.done)
}

// errClosed is the failure of a log that was closed.
var errClosed = errors.New("the usage log is closed")

func unavailable(cause error) error {
	return fault.New(fault.Unavailable, "usage_log_unavailable", "", "The usage log cannot be written right now.").With(cause)
}

// ID is the log's own name, made with its folder. It tells the positions of
// this log from those of any other.
func (l *Log) ID() string { return hex.EncodeToString(l.id[:]) }

// First is the position of the first record the log still holds, or the next
// one to be written when it holds none.
func (l *Log) First() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.segments[0].base
}

// LastSettled is the position of the last settled record that is durable; 0
// when there has been none since the log was opened and none was in it.
func (l *Log) LastSettled() uint64 { return l.lastSettled.Load() }

// Settled counts the settled records made durable since the log was opened,
// late ones included: those whose settler was told the log was unavailable.
func (l *Log) Settled() int64 { return l.settled.Load() }

// Interrupted are the requests that an earlier process opened and did not
// settle, oldest first, as they were opened. They stay open until settled.
func (l *Log) Interrupted() []usage.Event { return l.interrupted }

// Arrived receives after new settled records became readable. Several arrivals
// may be told as one.
func (l *Log) Arrived() <-chan struct{} { return l.arrived }

// Err is why nothing can be appended right now; nil when all is well.
func (l *Log) Err() error {
	if err := l.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// Close syncs what was appended and gives the folder free. Appends after it are
// refused.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		<-l.stopped
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	close(l.closing)
	<-l.stopped
	err := l.Err()
	l.failure.Store(new(errClosed))
	return errors.Join(err, l.file.Close(), l.lock.Close())
}

func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
