#!/bin/sh
# Builds bin/caddy: Caddy with this plug-in and any others that you name.
#
#   ./xcaddy.sh [--with MODULE[@VERSION][=PATH]]... [--output FILE]
#
# All arguments go to `xcaddy build`. The versions of Caddy and xcaddy are those of go.mod. Without --with, everything
# comes out of Go's module cache, as go.sum fixes it; the network is asked only for what is missing there.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

echo "Downloading modules. The first time this takes a minute or two (about 100 MB)."
go -C "$root" mod download
# xcaddy begins with Caddy alone, in the versions that Caddy asks for. Where we ask for newer ones, these are not here yet.
# They are checked against Caddy's own go.sum.
GOFLAGS="$(go env GOFLAGS) -mod=readonly" go -C "$(go -C "$root" list -m -f '{{.Dir}}' github.com/caddyserver/caddy/v2)" mod download

module=$(go -C "$root" list -m)
caddy=$(go -C "$root" list -m -f '{{.Version}}' github.com/caddyserver/caddy/v2)
xcaddy=$(go -C "$root" tool -n xcaddy)

# This module need not be published anywhere: xcaddy makes a module of its own that replaces it by this directory. That
# module has no go.sum, so what it takes from the cache cannot be looked up in the checksum database offline; the
# download above has checked the same files against our go.sum.
cache="file://$(go env GOMODCACHE)/cache/download"

# The compiler is told where a loaded server spends its time, which is worth some percent of it. Nothing else changes.
# A -pgo in the user's own flags stands behind it, and wins.
case $root in *\'*) quote='"' ;; *) quote="'" ;; esac
GOFLAGS="$quote-pgo=$root/internal/cmd/caddy/server.pgo$quote $(go env GOFLAGS)"
export GOFLAGS

echo "Building Caddy $caddy with $module. The first time this takes some minutes."
mkdir -p "$root/bin"
# xcaddy tidies its module and warns of every test dependency that the cache lacks; only a failure needs these words.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
build() {
	"$xcaddy" build "$caddy" --with "$module" --replace "$module=$root" --output "$root/bin/caddy" "$@" >"$log" 2>&1
}
# Alone, the plug-in needs nothing but what is in the cache. Go may still ask for a module there that the download above had no
# reason to fetch; it comes, as other plug-ins do, from where the user gets modules, and is checked as the user has set it.
case " $*" in
*' --with'*) alone=false ;;
*) alone=true ;;
esac
if ! { $alone && GOPROXY=$cache GONOSUMDB='*' build "$@"; } && ! GOPROXY="$cache,$(go env GOPROXY)" build "$@"; then
	cat "$log" >&2
	exit 1
fi
sed -n 's/^.*\[INFO\] Build complete: /Built /p' "$log"
