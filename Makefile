# Everything that a developer of this repository runs. It needs Go, make and git; the tests need the programs of `make tools`,
# and the race detector a C compiler.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Nothing here needs C, except the race detector. Go's own stamping of the version needs a git checkout that belongs to the
# user, and is no linked worktree, or it refuses to build: the server gets its version from the linker.
export CGO_ENABLED := 0
GO_BUILD := go build -buildvcs=false
STAMPED = $(GO_BUILD) -ldflags "-X $$(go list -m)/internal/buildinfo.stamped=$$(tools/version.sh)"

# Guides the compiler: it is beside the main package that it was measured of.
PROFILE := internal/cmd/caddy/server.pgo

# How long each fuzz target runs.
FUZZTIME ?= 2m

.PHONY: help
help: ## list the targets (the default)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(if $(filter postgres,$(STORE)),tools-postgresql) bin/caddy-quick bin/demo ## run the guide for real and keep serving http://localhost:3100; ONCE=1: one pass; STORE=postgres NODES=3: on three servers
	@bin/demo $(if $(filter-out 0,$(ONCE)),-once) $(if $(STORE),-store $(STORE)) $(if $(NODES),-nodes $(NODES))

.PHONY: tools-postgresql
tools-postgresql:
	@tools/programs.sh postgresql

.PHONY: build
build: ## build bin/caddy with xcaddy; further plug-ins: ./xcaddy.sh --with MODULE
	@./xcaddy.sh

.PHONY: tools
tools: ## install what the tests run beside Go: PostgreSQL, PgBouncer, nginx, curl (with apt-get, as root; else say what is missing)
	@tools/programs.sh

# A source as a third party writes it: a module of its own, whose path keeps internal/ out of its reach.
EXAMPLE := examples/source-echo

.PHONY: test
test: tools ## run all tests, under the race detector where goroutines meet
	@tools/test.sh

.PHONY: lint
lint: bin/golangci-lint ## check format, vet, go.mod, the linters, and who imports Caddy
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then \
		echo "make lint: not formatted; run gofmt -w on:" >&2; echo "$$unformatted" >&2; exit 1; fi
	@for module in . bench $(EXAMPLE); do (cd $$module && echo "lint $$module: go vet, go mod tidy, golangci-lint" && \
		go vet ./... && go mod tidy -diff && $(CURDIR)/bin/golangci-lint run ./...) || exit 1; done
	@grep -qF "$$(go list -m)/" .golangci.yml || { \
		echo "make lint: .golangci.yml holds rules for another module than $$(go list -m): its import rules check nothing" >&2; exit 1; }
	@packages=$$(go list ./internal/... | grep -Ev '/internal/(lease|config|cli|options|telemetry|cmd)(/|$$)') && \
	dependencies=$$(go list -deps $$packages) && \
	if echo "$$dependencies" | grep '^github.com/caddyserver/'; then \
		echo "make lint: internal/ outside lease, config, cli, options, telemetry and cmd depends on Caddy, through the packages above" >&2; exit 1; fi

.PHONY: packaging
packaging: ## lint packaging/; needs systemd, shellcheck, docker, promtool and the network, and says which of them is missing
	@packaging/check.sh

.PHONY: faults
faults: ## the long tests of faults, TestFaults..., in every package that has some, but for those below; needs Linux, strace and root
	@tools/programs.sh strace
	DATA_API_TEST_KILL_ROUNDS=100 go test -count 1 -v -p 1 -timeout 60m -tags faults -run '^TestFaults' -skip '^TestFaultsCluster' \
		$$(grep -rl --include='*_test.go' '^func TestFaults' . | xargs -n 1 dirname | sort -u)

.PHONY: faults-cluster
faults-cluster: bin/caddy-quick ## kill, stop, cut off and upgrade servers that share a store, and lose their database; needs Linux and root
	@tools/programs.sh ip nft postgresql patroni etcd
	DATA_API_TEST_CADDY=$(CURDIR)/bin/caddy go test -count 1 -v -p 1 -timeout 60m -tags faults -run '^TestFaultsCluster' \
		$$(grep -rl --include='*_test.go' '^func TestFaultsCluster' . | xargs -n 1 dirname | sort -u)

.PHONY: interop
interop: ## let what customers have read results, verify callbacks and tokens, lint OpenAPI, speak MCP; needs Node.js, npm, Python, LibreOffice
	@tools/programs.sh python3 soffice
	go test -count 1 -v -tags npm -run ReferenceLibraries ./internal/callback
	go test -count 1 -v -tags npm -run ApachesReader ./internal/result/columnar
	go test -count 1 -v -tags npm -run 'OpenAPI(PassesLinters|Clients)' ./internal/e2e
	go test -count 1 -v -tags npm -timeout 30m -run 'Jose|^TestMCP|^TestReaders' ./internal/e2e

.PHONY: web
web: ## build the console into web/dist, which is committed; needs Node.js and npm, which nothing else does
	cd web && npm ci --ignore-scripts --no-audit --no-fund && npm run build && npm run budget

.PHONY: web-check
web-check: ## lint and test the console's sources, build them again, and compare every byte with web/dist
	web/scripts/check.sh

.PHONY: browser
browser: ## drive the console and the documentation page in Chromium, and run the page's programs; needs Node.js, npm, curl and Python
	@tools/programs.sh chromium curl
	go test -count 1 -v -tags npm -timeout 30m -run 'InChromium|Snippets' ./internal/e2e

.PHONY: screenshots
screenshots: ## take pictures of every view, in four sizes and two themes, into web/shots; axe-core looks at each
	@tools/programs.sh chromium curl
	DATA_API_TEST_SCREENSHOTS=$(CURDIR)/web/shots go test -count 1 -v -tags npm -timeout 60m -run '^TestScreenshots$$' ./internal/e2e

.PHONY: observability
observability: ## let a real Prometheus scrape the server, and test the alert rules and every query of the dashboards; needs Prometheus
	@tools/programs.sh prometheus
	promtool check rules packaging/prometheus/alerts.yml
	promtool test rules packaging/prometheus/alerts_test.yml
	go test -count 1 -v -tags observability -run '^TestObservability$$' ./caddymodule

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME=2m
	@grep -rHoE '^func Fuzz[A-Za-z0-9_]+' --include='*_test.go' . | sed 's/:func / /' | sort | while read -r file target; do \
		echo "== $$target in $$(dirname "$$file") for $(FUZZTIME)"; \
		go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) "$$(dirname "$$file")" || exit 1; \
	done

# For `make bench`: ROW=point,page runs two groups of rows, ARGS='-rounds 3 -seconds 2' shortens it (bench/cmd/bench/main.go lists all).
.PHONY: bench
ifeq ($(ROW),scale)
bench: bin/caddy-guided
	@cd bench && $(GO_BUILD) -o ../bin/scale ./cmd/scale && cd .. && bin/scale $(ARGS)
else
bench: bin/caddy-guided bin/caddy-unobserved ## measure against the machine's limits and real peers, within 20 minutes; ROW=NAME,NAME runs some rows, ROW=scale what grows
	@tools/programs.sh wrk
	@cd bench && $(GO_BUILD) -o ../bin/bench ./cmd/bench
	@bin/bench $(if $(ROW),-row $(ROW)) $(ARGS)
endif

# What the profile holds: the ways of a request that are worth the compiler's care.
GUIDES := point-hs256 claimed page-hs256 big-hs256 cache sqlite-rows

.PHONY: pgo
pgo: bin/caddy-guided ## write the compiler's profile again: where the server's time goes, for the compiler
	@cd bench && $(GO_BUILD) -o ../bin/bench ./cmd/bench
	@rm -rf bin/profiles && bin/bench -row point,claims,page,big,cache,sqlite -rounds 1 -seconds 5 -profiles bin/profiles
	@go tool pprof -proto -output bin/profiles/all $(foreach guide,$(GUIDES),bin/profiles/$(guide)*.profile)
	@export LC_ALL=C; gunzip -c <bin/profiles/all | sed "s#$(CURDIR)#$$(echo '$(CURDIR)' | sed 's/./-/g')#g" | gzip -n9 >bin/profiles/guide
	@mv bin/profiles/guide $(PROFILE) && ls -l $(PROFILE) # without the path of this directory

.PHONY: timing
timing: bin/caddy-quick ## compare the times in which wrong credentials are refused; ARGS='-n 2000' shortens it
	@cd bench && $(GO_BUILD) -o ../bin/timing ./cmd/timing && cd .. && bin/timing $(ARGS)

.PHONY: fairness
fairness: bin/caddy-quick ## measure what a company with fifty callers does to the p99 of another
	@cd bench && $(GO_BUILD) -o ../bin/fairness ./cmd/fairness && cd .. && bin/fairness $(ARGS)

.PHONY: soak
soak: ## hold 500 jobs a second for an hour at a store in PostgreSQL, and see whether sizes stay flat; ARGS='-for 30m -rate 200'
	@cd bench && $(GO_BUILD) -o ../bin/soak ./cmd/soak && cd .. && bin/soak $(ARGS)

.PHONY: simulate
simulate: ## measure what servers cost a store in PostgreSQL, and simulate 10, 100 and 1,000 of them; ARGS='-cores 16'
	@cd bench && $(GO_BUILD) -o ../bin/simulate ./cmd/simulate && cd .. && bin/simulate $(ARGS)

.PHONY: bench-micro
bench-micro: bin/benchstat ## compare the hot path's micro-benchmarks with those of BASE=COMMIT
	@BASE='$(BASE)' bench/micro.sh

# The same plug-in as `make build`, without xcaddy: Go's build cache makes it quick from the second time on.
.PHONY: bin/caddy-quick
bin/caddy-quick:
	@echo "Building bin/caddy. The first time this downloads and compiles Caddy, which takes some minutes."
	@mkdir -p bin && $(STAMPED) -o bin/caddy ./internal/cmd/caddy

# Guided by a profile, as what xcaddy.sh builds is. Every package is compiled again for it.
.PHONY: bin/caddy-guided
bin/caddy-guided:
	@echo "Building bin/caddy, guided by a profile. The first time this downloads and compiles Caddy, which takes some minutes."
	@mkdir -p bin && $(STAMPED) -trimpath -pgo=$(PROFILE) -o bin/caddy ./internal/cmd/caddy

# The same code, told by the linker to count no calls: for the benchmark of what counting costs.
.PHONY: bin/caddy-unobserved
bin/caddy-unobserved:
	@mkdir -p bin && $(GO_BUILD) -trimpath -pgo=$(PROFILE) -o bin/caddy-unobserved \
		-ldflags "-X $$(go list -m)/internal/buildinfo.stamped=$$(tools/version.sh) -X $$(go list -m)/internal/server.unobserved=yes" ./internal/cmd/caddy

.PHONY: bin/demo
bin/demo:
	@mkdir -p bin && $(GO_BUILD) -o bin/demo ./examples/demo

bin/golangci-lint: tools/go.mod tools/go.sum
	@echo "Building bin/golangci-lint. The first time this takes some minutes."
	@mkdir -p bin && cd tools && $(GO_BUILD) -o ../bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint

bin/benchstat: tools/go.mod tools/go.sum
	@mkdir -p bin && cd tools && $(GO_BUILD) -o ../bin/benchstat golang.org/x/perf/cmd/benchstat
