package config

import (
	"slices"
	"strings"
)

// DidYouMean ends a sentence about an unknown name with the nearest known one,
// if one is near: ". Did you mean WEIR_LISTEN?", else ".".
func DidYouMean(name string, known []string) string {
	best, distance := "", max(2, len(name)/5)+1
	for _, candidate := range known {
		d := editDistance(name, candidate)
		if d < distance {
			best, distance = candidate, d
		}
	}
	if best == "" {
		i := slices.IndexFunc(known, func(candidate string) bool { return sharesEnd(name, candidate) })
		if i < 0 {
			return "."
		}
		best = known[i]
	}
	return ". Did you mean " + best + "?"
}

// sharesEnd reports whether name is known but for a forgotten section in front
// (WEIR_DRAIN_TIMEOUT) or the end of a secret's twin (--master-key).
func sharesEnd(name, known string) bool {
	for _, start := range [...]string{envPrefix, "--"} {
		name, known = strings.TrimPrefix(name, start), strings.TrimPrefix(known, start)
	}
	if name == "" {
		return false
	}
	front, ok := strings.CutSuffix(known, name)
	back, found := strings.CutPrefix(known, name)
	return ok && strings.ContainsAny(front[max(0, len(front)-1):], "_.-") || found && strings.ContainsAny(back[:min(1, len(back))], "_-")
}

// editDistance is the Levenshtein distance of a and b in bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitute, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
