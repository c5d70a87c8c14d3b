#!/usr/bin/env bash
# Builds the linter at its pinned version into .tools/, once, and prints its path.
set -euo pipefail
cd "$(dirname "$0")/.."

version=v2.15.0
linter=.tools/golangci-lint-$version

if [ ! -x "$linter" ]; then
	echo "building golangci-lint $version into .tools/ (once; takes some minutes)" >&2
	mkdir -p .tools
	into=$(mktemp -d .tools/build.XXXXXX)
	trap 'rm -rf "$into"' EXIT
	GOBIN=$PWD/$into GOFLAGS=-trimpath go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$version" >&2
	mv "$into/golangci-lint" "$linter"
fi
echo "$linter"
