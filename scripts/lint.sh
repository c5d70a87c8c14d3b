#!/usr/bin/env bash
# golangci-lint by .golangci.yml, on all packages or on those named.
set -euo pipefail
cd "$(dirname "$0")/.."

linter=$(scripts/tools.sh)
[ $# -gt 0 ] || set -- ./...
exec "$linter" run "$@"
