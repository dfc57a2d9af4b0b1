#!/bin/sh
# Prints the version of this checkout in Go's form: the tag of its commit, or a pseudo-version that ends with the commit's first
# 12 digits. One with changes that are not committed ends with "dirty". Where there is no checkout, it prints nothing.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
commit=$(git -C "$root" rev-parse --verify -q HEAD 2>/dev/null) || exit 0
tag=$(git -C "$root" describe --tags --exact-match --match 'v[0-9]*.[0-9]*.[0-9]*' 2>/dev/null || true)
stamp=$(TZ=UTC git -C "$root" show -s --date=format-local:%Y%m%d%H%M%S --format=%cd "$commit")
version=${tag:-v0.0.0-$stamp-$(printf %.12s "$commit")}
if [ -n "$(git -C "$root" status --porcelain --untracked-files=no)" ]; then
	case $version in
	*-*) version=$version.dirty ;;
	*) version=$version-dirty ;;
	esac
fi
echo "$version"
