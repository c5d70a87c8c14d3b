package server

import (
	"sync"
	"sync/atomic"
)

// running counts the requests that are being answered. The zero value counts
// from none.
type running struct {
	n    atomic.Int64
	mu   sync.Mutex
	none chan struct{} // closed when n falls to zero; nil while nobody waits
}

func (r *running) begin() { r.n.Add(1) }

func (r *running) end() {
	if r.n.Add(-1) > 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tell()
}

// idle returns a channel that is closed once no request runs.
func (r *running) idle() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.none == nil {
		r.none = make(chan struct{})
	}
	none := r.none
	r.tell()
	return none
}

// tell wakes who waits, if none runs. The lock is held.
func (r *running) tell() {
	if r.none != nil && r.n.Load() == 0 {
		close(r.none)
		r.none = nil
	}
}
