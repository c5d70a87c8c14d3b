package routing

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// Order returns the upstreams in the order in which to try them: by priority,
// lower first, and among equals by weighted lot, so that traffic is shared by
// weight and the rest stand by. Weight 0 comes last among its equals.
func Order(upstreams []Upstream) []Upstream {
	if len(upstreams) == 1 {
		return upstreams
	}
	ordered := slices.Clone(upstreams)
	slices.SortStableFunc(ordered, func(a, b Upstream) int { return cmp.Compare(a.Priority, b.Priority) })
	for from := 0; from < len(ordered); {
		to := from + 1
		for to < len(ordered) && ordered[to].Priority == ordered[from].Priority {
			to++
		}
		draw(ordered[from:to])
		from = to
	}
	return ordered
}

// draw shuffles equals by weight: each place goes to one of those left, with
// its weight's share of the chances.
func draw(equals []Upstream) {
	for i := range equals {
		total := 0
		for _, u := range equals[i:] {
			total += u.Weight
		}
		if total == 0 {
			return
		}
		lot := rand.IntN(total)
		for j := i; ; j++ {
			if lot -= equals[j].Weight; lot < 0 {
				equals[i], equals[j] = equals[j], equals[i]
				break
			}
		}
	}
}
