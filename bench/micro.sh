#!/bin/sh
# Compares the hot path's micro-benchmarks with those of a base commit: token check, bind, look-up, limits, decoding
# and encoding of each type, job acceptance.
#
#   BASE=COMMIT COUNT=6 bench/micro.sh
#
# The base is by default where this branch left origin/main, or else the commit before this one. Figures of a busy machine
# mean little; allocations never vary.
set -eu

root=$(git rev-parse --show-toplevel)
cd "$root"
head=$(git rev-parse HEAD)
if [ -z "${BASE:-}" ]; then
	BASE=$(git merge-base origin/main HEAD 2>/dev/null || true)
	if [ -z "$BASE" ] || [ "$BASE" = "$head" ]; then
		BASE=$(git rev-parse HEAD~1)
	fi
fi
count=${COUNT:-6}
chosen='VerifyAccessHit|ResolveAndPermit|Find$|BindTwoParameters$|Take$|Decode$|AppendJSON|JSON10000Rows|Accept$'
packages='./internal/token ./internal/identity ./internal/catalog ./internal/params ./internal/ratelimit ./internal/source/postgres/... ./internal/result ./internal/store/boltstore'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/base"
git archive "$BASE" | tar -x -C "$work/base"

# Alternating, so that a machine that grows slow grows slow for both.
round=1
while [ "$round" -le "$count" ]; do
	echo "round $round of $count" >&2
	# shellcheck disable=SC2086 # a list
	(cd "$work/base" && go test -run '^$' -bench "$chosen" -benchmem -benchtime 200ms $packages) >>"$work/base.txt"
	# shellcheck disable=SC2086
	go test -run '^$' -bench "$chosen" -benchmem -benchtime 200ms $packages >>"$work/now.txt"
	round=$((round + 1))
done
echo "base: $(git log -1 --format='%h %s' "$BASE")"
bin/benchstat base="$work/base.txt" now="$work/now.txt"
