#!/usr/bin/env bash
# golangci-lint by .golangci.yml, on all packages or as the arguments say:
#   scripts/lint.sh ./internal/org     scripts/lint.sh --fix ./...
set -euo pipefail
cd "$(dirname "$0")/.."

linter=$(scripts/tools.sh)
[ $# -gt 0 ] || set -- ./...
exec "$linter" run "$@"
