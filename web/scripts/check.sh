#!/bin/sh
# Checks the console's sources, builds it again, and compares each byte with what is committed.
set -eu
cd "$(dirname "$0")/.."
npm ci --ignore-scripts --no-audit --no-fund
npm run lint
npm test
again=$(mktemp -d)
trap 'rm -rf "$again"' EXIT
npx vite build --outDir "$again/dist" --emptyOutDir
if ! diff -r dist "$again/dist" >/dev/null; then
	diff -rq dist "$again/dist" || true
	echo "web/dist is not what web/src makes: run make web, and commit it" >&2
	exit 1
fi
npm run budget
