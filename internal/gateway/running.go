package gateway

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"weir/internal/fault"
	"weir/internal/identity"
	"weir/internal/org"
	"weir/internal/peer"
)

// running holds the exchanges that are with a provider, so that those can be cut
// whose caller may no longer call: its key ended, its owner lost the role, its
// project was archived. It is reviewed with every new state of the Snapshot and
// when time ends a key; in between nothing runs. The zero value is ready.
type running struct {
	shards [runningShards]runningShard

	next  atomic.Int64 // when time ends the first of the keys, Unix nanoseconds; 0: it ends none
	mu    sync.Mutex   // of what follows, and of writes to next
	timer *time.Timer  // reviews at next
}

// runningShards keep requests that begin and end at once from waiting for each
// other.
const runningShards = 64

// runningShard is a list of exchanges, linked through themselves so that being in
// it allocates nothing.
type runningShard struct {
	mu    sync.Mutex
	first *exchange
	_     [48]byte // the next shard's lock is on another cache line
}

// revocation is why an exchange was cut: what a new request of the same caller
// is refused with.
type revocation struct{ refusal error }

func (r *revocation) Error() string { return r.refusal.Error() }

// Unwrap lets the refusal be answered as it is.
func (r *revocation) Unwrap() error { return r.refusal }

// revokedBy returns the revocation in err, nil when there is none.
func revokedBy(err error) *revocation {
	var r *revocation
	if errors.As(err, &r) {
		return r
	}
	return nil
}

// join lets the exchange be cut from now on, with a revocation as the cause of
// its context. What mayGoOn reads must not change until leave.
func (x *exchange) join() {
	running := &x.g.Snapshot.running
	shard := running.shard(x)
	shard.mu.Lock()
	if x.after = shard.first; x.after != nil {
		x.after.before = x
	}
	shard.first, x.joined = x, true
	shard.mu.Unlock()
	until := x.keyEnds(x.key)
	if state := x.g.Snapshot.state.Load(); state != x.state || x.in.certificates != nil { // a state may have been reviewed before x was in
		var err error
		if until, err = x.mayGoOn(state, time.Now()); err != nil {
			x.cancel(&revocation{err})
		}
	}
	running.lookAt(x.g.Snapshot, until)
}

// leave undoes join. Nothing cuts the exchange once it has returned.
func (x *exchange) leave() {
	if !x.joined {
		return
	}
	shard := x.g.Snapshot.running.shard(x)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if x.before == nil {
		shard.first = x.after
	} else {
		x.before.after = x.after
	}
	if x.after != nil {
		x.after.before = x.before
	}
	x.before, x.after, x.joined = nil, nil, false
}

func (r *running) shard(x *exchange) *runningShard {
	return &r.shards[lastByte(x.event.ID)%runningShards] // the end of an id is random
}

// review cuts what may no longer go on, by the present state and time.
func (r *running) review(s *Snapshot) {
	r.mu.Lock()
	r.next.Store(0) // before any exchange is looked at: who joins meanwhile sets it again
	r.mu.Unlock()
	state, now := s.state.Load(), time.Now()
	var next time.Time
	for i := range r.shards {
		shard := &r.shards[i]
		shard.mu.Lock()
		for x := shard.first; x != nil; x = x.after {
			until, err := x.mayGoOn(state, now)
			if err != nil {
				x.cancel(&revocation{err})
			} else {
				next = sooner(next, until)
			}
		}
		shard.mu.Unlock()
	}
	r.lookAt(s, next)
}

// lookAt has a review made at a moment, unless an earlier one will be; never for
// the zero time.
func (r *running) lookAt(s *Snapshot, at time.Time) {
	if at.IsZero() {
		return
	}
	before := func() bool { next := r.next.Load(); return next != 0 && next <= at.UnixNano() }
	if before() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if before() {
		return
	}
	r.next.Store(at.UnixNano())
	if r.timer == nil {
		r.timer = time.AfterFunc(time.Until(at), func() { r.review(s) })
		return
	}
	r.timer.Reset(time.Until(at))
}

// mayGoOn reports whether the caller of a running exchange may still call, as
// authenticate and permit would decide now, and until when that holds if nothing
// changes; zero: for ever. What it calls, a model endpoint or connection that was
// changed or deleted meanwhile, cuts nothing: it is no right of the caller's.
func (x *exchange) mayGoOn(s *state, now time.Time) (until time.Time, err error) {
	key := s.key(x.secret, now)
	if key == nil {
		return until, errRevokedKey(x)
	}
	project, in := s.project(key.ProjectID), s.organizations[key.OrganizationID]
	if project == nil || in == nil {
		return until, errRevokedKey(x)
	}
	if rules := in.addresses; rules != nil && !rules.Allow(key.ProjectID, peer.Address(x.r.RemoteAddr)) {
		return until, org.ErrAddressRefused(peer.Text(x.r.RemoteAddr))
	}
	if in.certificates != nil {
		if until, err = in.certificates.Admit(key.ProjectID, x.shown(), now); err != nil {
			return until, err
		}
	}
	if project.Archived() {
		return until, errArchived(project)
	}
	if err := scoped(key, s.standing(ownerOf(key), key.ProjectID), x.door.operation.needs); err != nil {
		return until, err
	}
	if w := in.byID[x.event.WorkspaceID]; w == nil || !w.Admits(project.ID) {
		return until, errWorkspace(project, x.target.workspace)
	}
	return sooner(until, x.keyEnds(key)), nil
}

func errRevokedKey(x *exchange) error {
	secret, err := identity.Bearer(x.r.Header.Get("Authorization"))
	if err != nil {
		return err
	}
	return identity.ErrBadKey(secret)
}

// keyEnds is when the secret that the exchange came with ends; zero: never.
func (x *exchange) keyEnds(key *org.APIKey) time.Time {
	if x.secret != key.Hash {
		return sooner(key.ExpiresAt, key.PreviousUntil)
	}
	return key.ExpiresAt
}

// sooner is the first of two moments; zero is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// errRevoked ends a stream that has begun.
func errRevoked(r *revocation) error {
	refusal := fault.Of(r.refusal)
	return fault.New(refusal.Kind, refusal.Code, "", "The stream was ended, since its caller may no longer call. %s", refusal.Message)
}
