#!/usr/bin/env bash
# The clients of applications, on Node.js, through a weir with the sandbox
# provider: make check-clients.
set -euo pipefail
cd "$(dirname "$0")/../test/clients"

wanted=20
have=$(node --version 2>/dev/null || true)
if [ -z "$have" ] || ! command -v npm >/dev/null || [ "$(sed -E 's/^v([0-9]+).*/\1/' <<<"$have")" -lt "$wanted" ]; then
	echo "make check-clients needs Node.js $wanted or newer, with npm; ${have:-none} is here." >&2
	exit 1
fi
# What is installed is what the lockfile says, or npm ci is asked again.
if ! cmp -s package-lock.json node_modules/.weir-lock; then
	npm ci --silent
	cp package-lock.json node_modules/.weir-lock
fi
node --test --test-concurrency=1
