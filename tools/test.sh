#!/usr/bin/env bash
# Runs all tests, each once: the packages in which goroutines meet under the race detector, if there is the C compiler that it needs. CI must
# have one.
set -euo pipefail

cd "$(dirname "$0")/.."
example=examples/source-echo # a source as a third party writes it: a module of its own, whose path keeps internal/ out of its reach

cc=$(go env CC)
if ! command -v "${cc%% *}" >/dev/null; then
	if [[ -n ${CI:-} ]]; then
		echo "make test: no C compiler ($cc) was found, and CI must run the race detector: install gcc" >&2
		exit 1
	fi
	go test -timeout 20m ./...
	(cd $example && go test ./...)
	echo "make test: the tests passed WITHOUT the race detector: it needs a C compiler, and $cc was not found" >&2
	exit
fi

# Whose code or tests begin goroutines, or have locks, channels or atomics. What is made once, or pooled, is shared by those who begin
# goroutines elsewhere. The end-to-end tests run the server as a process of its own.
meet='go func|[.]Go[^A-Za-z]|sync[.]([^OP]|Once$)|atomic[.]|make.chan'
directories=$(grep -rlE --include='*.go' "$meet" internal caddymodule source | grep -v '^internal/e2e/' | xargs -n1 dirname | sort -u)
raced=$(go list $(printf './%s ' $directories))
others=$(go list ./... | grep -vxF "$raced")

# Not under the detector: what counts objects and says so; and of the ways to run the suite of jobs all but the one in which most goroutines
# meet, three servers that share a store.
counting=$(grep -rl --include='*_test.go' '^//go:build !race' internal caddymodule source | xargs sed -n 's/^func \(Test[A-Za-z0-9]*\)(.*/\1/p')
suites='^(TestConformanceOfOneStore|TestConformanceThroughPgBouncer)$|^(TestConformanceShared|TestDocumentStore)$/^(1|2)_stores$'

echo "go test: the $(wc -w <<<"$others") packages in which no goroutines meet, and what is not for the race detector"
failed=
go test -timeout 20m $others || failed=yes
go test -timeout 20m -run "^(${counting//$'\n'/|})\$|$suites" $raced | { grep -Ev 'no tests to run|no test files' || true; } || failed=yes
echo "go test -race: the $(wc -w <<<"$raced") others"
# SQLite is one goroutine's at a time, and a translation into Go, which the detector would make tens of times slower.
export CGO_ENABLED=1
go test -race -gcflags=github.com/ncruces/go-sqlite3-wasm/v6/...=-race=false -timeout 30m -skip "$suites" $raced || failed=yes
(cd $example && go test -race ./...) || failed=yes
if [[ -n $failed ]]; then
	echo "make test: FAILED; the lines above with FAIL say where" >&2
	exit 1
fi
echo "make test: everything passed"
