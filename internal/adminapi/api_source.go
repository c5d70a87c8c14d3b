package adminapi

import (
	"slices"

	"weir/internal/usage"
)

// byAPISource is a dimension that reports take and stores do not have: whether
// OpenAI's Agents API made the calls. No provider tells weir, so every row is
// unlabeled, which by OpenAI's words says nothing about where it came from.
const byAPISource usage.Dimension = "api_source"

// stored is groups without what the stores do not have.
func stored(groups []usage.Dimension) []usage.Dimension {
	return slices.DeleteFunc(slices.Clone(groups), func(d usage.Dimension) bool { return d == byAPISource })
}

// labelSource gives a row its source when it was grouped by it.
func labelSource(row map[usage.Dimension]*string, groups []usage.Dimension) {
	if slices.Contains(groups, byAPISource) {
		unlabeled := "unlabeled"
		row[byAPISource] = &unlabeled
	}
}
