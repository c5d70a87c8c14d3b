package outbox

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// Release deletes the segments at the beginning of the log whose settled
// records are all at or below mark: the events store has them.
//
// A request that runs for hours would keep its segment, and all after it, on
// disk. So open records still unsettled there are first written again at the
// end of the log.
func (l *Log) Release(mark uint64) error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return unavailable(errClosed)
	}
	if mark >= l.recentAfter {
		l.forget(firstAfter(l.recent, mark))
	}
	done := l.doneSegments(mark)
	if len(done) == 0 {
		l.mu.Unlock()
		return nil
	}
	waiting, err := l.carry(done)
	l.mu.Unlock()
	if err != nil {
		return fmt.Errorf("releasing the usage log: %w", err)
	}
	if waiting != nil {
		poke(l.work)
		<-waiting.done
		if waiting.err != nil {
			return unavailable(waiting.err)
		}
	}
	if err := l.remove(mark); err != nil {
		return fmt.Errorf("releasing the usage log: %w", err)
	}
	return nil
}

// doneSegments are those whose settled records are all at or below mark, from
// the beginning and without the active one. Called with l.mu.
func (l *Log) doneSegments(mark uint64) []*segment {
	n := 0
	for n < len(l.segments)-1 && l.segments[n].lastSettled <= mark {
		n++
	}
	return l.segments[:n]
}

// carry appends copies of the open records of done segments and returns who to
// wait for; nil when there are none. An event that is in the tail already is
// left out: most likely it is being settled, and an open record after the
// settled one would bring it back to life. Called with l.mu.
func (l *Log) carry(done []*segment) (*batch, error) {
	opens := 0
	for _, s := range done {
		opens += s.opens
	}
	if opens == 0 {
		return nil, nil
	}
	if err := l.Err(); err != nil {
		return nil, unavailable(err)
	}
	inTail := map[string]bool{}
	for _, r := range l.records {
		inTail[r.id] = true
	}
	limit := done[len(done)-1].base
	for id, at := range l.opens {
		if at.segment.base > limit || inTail[id] {
			continue
		}
		f, err := at.read()
		if err != nil {
			return nil, err
		}
		b := append(beginFrame(nil), f.payload...)
		endFrame(b, kindOpen, l.durable.Load())
		l.append(record{kind: kindOpen, id: id, size: len(b)}, b)
	}
	return l.batch, nil
}

// remove deletes from the beginning and forgets each segment only when its file
// is gone, so that neither a crash nor an error in between leaves a gap.
func (l *Log) remove(mark uint64) error {
	removed := 0
	for {
		l.mu.Lock()
		done := l.doneSegments(mark)
		if len(done) == 0 || done[0].opens > 0 {
			l.mu.Unlock()
			break
		}
		oldest := done[0]
		l.mu.Unlock()
		if err := l.opts.FS.Remove(oldest.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		l.mu.Lock()
		l.segments = slices.Delete(l.segments, 0, 1)
		l.mu.Unlock()
		removed++
	}
	if removed == 0 {
		return nil
	}
	return l.opts.FS.SyncDir(l.dir)
}

// Advance makes the next position higher than after. It is for a log that was
// lost or restored from a backup while the events store remembers higher
// positions: what it has seen it would not count again. It must be called
// before anything is appended.
func (l *Log) Advance(after uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.durable.Load() >= after {
		return nil
	}
	if len(l.tail) > 0 {
		return errors.New("the usage log's positions can only be advanced before it is used")
	}
	if err := l.roll(after + 1); err != nil {
		return fmt.Errorf("advancing the usage log: %w", err)
	}
	l.recentAfter = max(l.recentAfter, after)
	return nil
}
