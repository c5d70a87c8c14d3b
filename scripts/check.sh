#!/usr/bin/env bash
# All that a change has to pass, and all that CI runs: make check. Every step
# prints its command; the first that fails ends the run.
set -euo pipefail
cd "$(dirname "$0")/.."

# Tests that would leave something out without a service fail under this.
export WEIR_CHECK=1

step() {
	local title=$1 since=$SECONDS
	shift
	printf '\n== %s\n' "$title"
	[ "$(type -t "$1")" = function ] || printf '   %s\n' "$*"
	if ! "$@"; then
		printf '\n== FAILED: %s\n' "$title" >&2
		exit 1
	fi
	printf '   %d s\n' $((SECONDS - since))
}

# All files that git knows or would add, present ones only, NUL between them.
files() {
	git ls-files -z --cached --others --exclude-standard --deduplicate -- "$@" |
		while IFS= read -r -d '' file; do [ ! -f "$file" ] || printf '%s\0' "$file"; done
}

formatted() {
	local files
	files=$(files '*.go' | xargs -0 gofmt -l) || return 1
	[ -z "$files" ] || { printf 'not formatted (make fmt mends it):\n%s\n' "$files" >&2; return 1; }
}

# What is in the tree, one line per file.
tree() {
	files . | xargs -0 sha256sum
}

# Generated files must come out as they are committed.
generated() {
	local before changed
	before=$(tree) || return 1
	go generate ./... || return 1
	changed=$(diff <(echo "$before") <(tree)) || {
		printf 'go generate changes these files; commit what it writes:\n%s\n' "$changed" >&2
		return 1
	}
}

# Allocation ceilings mean nothing under the race detector, so their tests
# (named …Allocations…, in files of the build tag !race) run here.
allocations() {
	local packages
	packages=$(files '*_test.go' | xargs -0 grep -l 'AllocsPerRun(' | xargs -r dirname | sort -u | sed 's|^|./|')
	# shellcheck disable=SC2086 # one argument per package is meant
	[ -z "$packages" ] || go test -count=1 -run Allocations $packages
}

# Nothing that ran above may have written into the tree.
tree_unchanged() {
	local changed
	changed=$(diff <(echo "$tree_before") <(tree)) || {
		printf 'the tests changed these files:\n%s\n' "$changed" >&2
		return 1
	}
}

since=$SECONDS
step "what the machine needs" scripts/deps.sh
step "format: gofmt -l" formatted
step "modules as go.sum has them" go mod verify
step "vet" go vet ./...
step "lint" scripts/lint.sh
step "build, static" make --no-print-directory build
step "generated files: go generate changes nothing" generated
tree_before=$(tree)
step "tests, race detector, PostgreSQL and Redis" scripts/services.sh run -- go test -race -timeout 15m ./...
step "allocation ceilings: go test -run Allocations" allocations
step "tests leave the tree alone" tree_unchanged
printf '\n== check passed, %d s\n' $((SECONDS - since))
