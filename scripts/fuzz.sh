#!/usr/bin/env bash
# Runs every fuzz target of the module for FUZZTIME each (10s unless set),
# wherever one is.
set -euo pipefail
cd "$(dirname "$0")/.."

found=0
while IFS=: read -r file target; do
	found=$((found + 1))
	echo "== $(dirname "$file") $target"
	go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-10s}" "$(dirname "$file")"
done < <(grep -rHoE --include='*_test.go' --exclude-dir=node_modules '^func Fuzz[A-Za-z0-9_]*\(' ./*/ | sed -E 's/:func (Fuzz[A-Za-z0-9_]*)\(/:\1/' | sort)
[ "$found" -gt 0 ] || { echo "no fuzz target found" >&2; exit 1; }
echo "$found fuzz targets, ${FUZZTIME:-10s} each: nothing found"
