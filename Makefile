# `make` alone prints the targets. Anything longer than a line is in scripts/.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# Where Go's own archive unpacks, for shells whose PATH does not have it.
export PATH := $(PATH):/usr/local/go/bin

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
SERVICES := scripts/services.sh run --
TEST_FLAGS ?=
BENCH_FLAGS ?=

.PHONY: help build demo run test check check-clients check-contract bench bench-data soak fuzz fmt lint services-up services-down tools clean

help: ## print the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-22s%s\n", $$1, $$2 }'

build: ## bin/weir, one static binary
	@scripts/deps.sh go
	CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/weir ./cmd/weir

demo: build ## build, and serve a demo with a sandbox provider until Ctrl-C
	@exec bin/weir demo

run: build ## build, and serve on ./weir-data with your own settings (WEIR_*)
	@exec bin/weir serve

test: ## all tests, with PostgreSQL and Redis, without the race detector
	@scripts/deps.sh
	$(SERVICES) go test $(TEST_FLAGS) ./...

check: ## all that a change has to pass, and all that CI runs
	@scripts/check.sh

check-clients: build ## OpenAI's, the AI SDK's, LangChain's and the agents SDK's Node clients, through weir
	@scripts/clients.sh

check-contract: ## hold the API descriptions against the contract in ../shared/contract
	@[ -d ../shared/contract ] || { echo "check-contract compares with ../shared/contract, and there is no such folder beside this checkout." >&2; exit 1; }
	WEIR_CONTRACT_DIR="$$(realpath ../shared/contract)" go test -count=1 -tags contract -run Contract ./internal/...

bench: build ## weir beside direct, Go's ReverseProxy and nginx (BENCH_FLAGS=…)
	bin/weir bench $(BENCH_FLAGS)

bench-data: ## large stores: list pages, look-ups, start-up, reports, against their bounds
	@scripts/deps.sh
	$(SERVICES) go test -count=1 -tags scale -run Scale -timeout 90m -v ./...

soak: ## long crash and fuzz runs (hours)
	@scripts/deps.sh
	WEIR_CRASH_ROUNDS=200 $(SERVICES) go test -count=1 -run Crash -timeout 4h -v ./...
	FUZZTIME=10m scripts/fuzz.sh

fuzz: ## every fuzz target for a short while (FUZZTIME=10s)
	@scripts/fuzz.sh

fmt: ## format the Go files
	gofmt -l -w $(wildcard cmd internal test)

lint: ## golangci-lint, by .golangci.yml
	@scripts/lint.sh

services-up: ## start the PostgreSQL and Redis the tests use, and print their variables
	@scripts/deps.sh
	@scripts/services.sh up

services-down: ## stop them, and remove their data
	@scripts/services.sh down

tools: ## build the pinned linter into .tools/
	@scripts/tools.sh

clean: services-down ## remove what was built; data folders and .tools/ stay
	rm -rf bin
	go clean -testcache
