package outbox

import (
	"runtime"
	"time"

	"weir/internal/usage"
)

// patience is how often a fresh segment is tried before those who settle are
// told that the log is unavailable.
const patience = 3

// run is the committer: it syncs for those who settle while somebody else does,
// and is the only one who gets the log over failures.
func (l *Log) run() {
	defer close(l.stopped)
	for {
		select {
		case <-l.work:
			l.serve()
		case <-l.closing:
			l.serve()
			return
		}
	}
}

// serve is one turn of the committer.
func (l *Log) serve() {
	l.turn.Lock()
	defer l.turn.Unlock()
	f := l.failed // of a settler's turn
	if l.failed = nil; f == nil {
		l.mu.Lock()
		l.gathering = true
		l.mu.Unlock()
		f = l.commit()
	}
	if f != nil {
		l.recover(f.err, f.waiting)
	}
}

// leads decides who makes the tail durable that a settler has just added to:
// somebody who is about to, the settler itself, or, while another syncs, the
// committer. Alone, as most are where requests take seconds, a settler then
// neither wakes the committer nor is woken by it. Called with l.mu.
func (l *Log) leads() bool {
	if l.gathering {
		return false
	}
	if l.turn.TryLock() {
		if l.Err() == nil {
			l.gathering = true
			return true
		}
		l.turn.Unlock()
	}
	poke(l.work)
	return false
}

// lead is a settler's turn. What goes wrong in it is left to the committer.
func (l *Log) lead() {
	defer l.turn.Unlock()
	if l.failed = l.commit(); l.failed != nil {
		l.fail(l.failed.err) // before the next one tries
		poke(l.work)
	}
}

// failure is a commit that did not work.
type failure struct {
	err     error
	waiting *batch // those it was for
}

// commit makes the tail durable, and begins the next segment when it is time.
// Called with l.turn.
func (l *Log) commit() *failure {
	runtime.Gosched() // whoever can run shares this sync; with nobody there it costs 0.2 µs
	l.mu.Lock()
	err := l.Err() // an open record met a failing disk
	if err == nil {
		err = l.flush()
	}
	waiting := l.takeBatch()
	l.gathering = false
	size, count, file := len(l.tail), len(l.records), l.file
	l.mu.Unlock()

	if err == nil && size > 0 {
		err = file.Sync()
	}
	if err != nil {
		return &failure{err, waiting}
	}
	l.mu.Lock()
	l.synced(size, count)
	full := l.active().size >= l.opts.SegmentSize
	l.mu.Unlock()
	waiting.finish(nil)
	if full {
		return l.rotate()
	}
	return nil
}

// rotate begins the next segment. It does so under the lock: an open record
// written to the old file meanwhile would not be in the new one.
func (l *Log) rotate() *failure {
	l.mu.Lock()
	waiting := l.takeBatch() // the roll syncs the tail too
	err := l.roll(l.durable.Load() + 1)
	if err != nil {
		// Before anyone can append: the next segment may have got its name
		// already, and then nothing more counts in this one.
		l.fail(err)
	}
	l.mu.Unlock()
	if err != nil {
		return &failure{err, waiting}
	}
	waiting.finish(nil)
	return nil
}

// recover gets the log out of a failure: a fresh segment with the whole tail,
// since after a failed sync nobody knows what the disk has of it. It returns
// when that worked or the log is being closed.
func (l *Log) recover(err error, waiting *batch) {
	delay := l.opts.RetryDelay
	for try := 1; ; try++ {
		l.fail(err)
		l.mu.Lock()
		if err = l.roll(l.durable.Load() + 1); err == nil {
			l.failure.Store(nil)
			later := l.takeBatch()
			l.mu.Unlock()
			l.opts.Logger.Info("the usage log is written again")
			waiting.finish(nil)
			later.finish(nil)
			return
		}
		l.mu.Unlock()
		closing := !l.pause(delay)
		if closing || try >= patience {
			waiting.finish(err)
			l.mu.Lock()
			waiting = l.takeBatch()
			l.mu.Unlock()
		}
		if closing {
			waiting.finish(err)
			return
		}
		delay = min(2*delay, 32*l.opts.RetryDelay)
	}
}

// pause reports false at once when the log is being closed.
func (l *Log) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.closing:
		return false
	}
}

// fail makes appends of open records fail with err until a roll succeeds.
func (l *Log) fail(err error) {
	if l.failure.Swap(&err) == nil {
		l.opts.Logger.Error("the usage log cannot be written; no request is served until it can", "error", err, "dir", l.dir)
	}
}

// takeBatch returns those who wait and lets the next gather. Called with l.mu.
func (l *Log) takeBatch() *batch {
	b := l.batch
	l.batch = newBatch()
	return b
}

func (l *Log) active() *segment { return l.segments[len(l.segments)-1] }

// roll begins a segment whose first position is base, with the tail in it. When
// it returns nil all is durable; when not, nothing has changed. Called with
// l.mu.
func (l *Log) roll(base uint64) error {
	next := &segment{
		path: segmentPath(l.dir, base), id: l.id,
		base: base, follows: l.durable.Load(), last: base - 1, size: segmentHeader,
	}
	file, err := next.create(l.opts.FS, l.tail)
	if err != nil {
		return err
	}
	if l.file != nil {
		l.file.Close() // what it must hold is synced, or in the new one
	}
	l.file, l.allocated = file, segmentHeader+int64(len(l.tail))
	if n := len(l.segments); n > 0 && l.active().base == base {
		l.segments = l.segments[:n-1] // it held nothing durable, and was replaced by its name
	}
	l.segments = append(l.segments, next)
	l.synced(len(l.tail), len(l.records))
	return nil
}

// synced notes that the first size bytes of the tail, count records, are
// durable in the active segment. Called with l.mu.
func (l *Log) synced(size, count int) {
	s := l.active()
	arrived := false
	for _, r := range l.records[:count] {
		l.index(s, r)
		arrived = arrived || r.kind == kindSettled
	}
	l.durable.Store(s.last)
	l.tail = l.tail[:copy(l.tail, l.tail[size:])]
	kept := copy(l.records, l.records[count:])
	clear(l.records[kept:])
	l.records = l.records[:kept]
	l.written = max(l.written-size, 0)
	if arrived {
		poke(l.arrived)
	}
}

// index counts a durable record, the next one of s.
func (l *Log) index(s *segment, r record) {
	s.last++
	at := place{segment: s, offset: s.size, size: r.size}
	s.size += int64(r.size)
	if before, known := l.opens[r.id]; known {
		before.segment.opens--
	}
	if r.kind == kindOpen {
		l.opens[r.id] = at
		s.opens++
		return
	}
	delete(l.opens, r.id)
	s.settled++
	s.lastSettled = s.last
	l.lastSettled.Store(s.last)
	if r.event != nil {
		l.settled.Add(1)
		l.remember(usage.Positioned{Position: s.last, Event: *r.event})
	}
}

// remember keeps p for ReadFrom. The older half goes when there are too many:
// the reader is behind and will find them on disk.
func (l *Log) remember(p usage.Positioned) {
	if l.opts.Recent == 0 {
		l.recentAfter = p.Position
		return
	}
	if len(l.recent) >= l.opts.Recent {
		l.forget((len(l.recent) + 1) / 2)
	}
	l.recent = append(l.recent, p)
}

// forget drops the n oldest of the remembered events.
func (l *Log) forget(n int) {
	if n == 0 {
		return
	}
	l.recentAfter = l.recent[n-1].Position
	kept := copy(l.recent, l.recent[n:])
	clear(l.recent[kept:])
	l.recent = l.recent[:kept]
}
