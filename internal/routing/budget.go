package routing

import (
	"sync"
	"sync/atomic"
	"time"
)

// What a budget allows, in hundredths of a retry.
const (
	oneRetry   = 100
	perRequest = oneRetry / 5 // a fifth of the requests may be sent again
	reserve    = 10 * oneRetry
	ceiling    = 10 * reserve // what quiet times save up
	perSecond  = oneRetry     // up to the reserve, for those who call seldom
)

// Budget bounds retries to a fifth of the requests and a reserve of ten, which
// one per second refills: when a provider is down, everybody's retries must not
// make a storm of it. The zero value is not ready; see NewBudget.
type Budget struct {
	left atomic.Int64

	mu       sync.Mutex
	refilled time.Time
}

// NewBudget returns a budget with a full reserve.
func NewBudget() *Budget {
	b := &Budget{}
	b.left.Store(reserve)
	return b
}

// Deposit counts a request.
func (b *Budget) Deposit() {
	if b.left.Load() < ceiling {
		b.left.Add(perRequest)
	}
}

// Spend takes one retry and reports whether there was one.
func (b *Budget) Spend(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if passed := now.Sub(b.refilled); passed > 0 {
		b.refilled = now
		if left := b.left.Load(); left < reserve {
			b.left.Add(min(int64(passed.Seconds()*perSecond), reserve-left))
		}
	}
	if b.left.Load() < oneRetry {
		return false
	}
	b.left.Add(-oneRetry)
	return true
}
