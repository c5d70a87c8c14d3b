package routing

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// Sharer is one of several that share calls.
type Sharer interface {
	// Share returns its priority, lower first, and its share among equals.
	Share() (priority, weight int)
}

// Share implements Sharer.
func (u Upstream) Share() (priority, weight int) { return u.Priority, u.Weight }

// Sort puts upstreams by priority, as Order wants them.
func Sort[T Sharer](upstreams []T) {
	slices.SortStableFunc(upstreams, func(a, b T) int { return cmp.Compare(priority(a), priority(b)) })
}

func priority[T Sharer](s T) int { p, _ := s.Share(); return p }
func weight[T Sharer](s T) int   { _, w := s.Share(); return w }

// Order returns upstreams that are sorted in the order in which to try them: by
// priority, lower first, and among equals by weighted lot, so that traffic is
// shared by weight and the rest stand by. Weight 0 comes last among its equals.
// The result is the caller's to change.
func Order[T Sharer](sorted []T) []T {
	ordered := slices.Clone(sorted)
	for from := 0; from < len(ordered); {
		to := from + 1
		for to < len(ordered) && priority(ordered[to]) == priority(ordered[from]) {
			to++
		}
		draw(ordered[from:to])
		from = to
	}
	return ordered
}

// draw shuffles equals by weight: each place goes to one of those left, with
// its weight's share of the chances.
func draw[T Sharer](equals []T) {
	if len(equals) == 1 {
		return
	}
	for i := range equals {
		total := 0
		for _, u := range equals[i:] {
			total += weight(u)
		}
		if total == 0 {
			return
		}
		lot := rand.IntN(total)
		for j := i; ; j++ {
			if lot -= weight(equals[j]); lot < 0 {
				equals[i], equals[j] = equals[j], equals[i]
				break
			}
		}
	}
}
