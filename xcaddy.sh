#!/bin/sh
# Builds bin/caddy: Caddy with this plug-in and any others that you name.
#
#   ./xcaddy.sh [--commit REVISION] [--with MODULE[@VERSION][=PATH]]... [--output FILE]
#
# --commit builds the plug-in as it is in that commit of this git repository, not as the files are now. Only such a build knows its
# version: the commit's tag, or a pseudo-version. `caddy list-modules --versions` shows it.
#
# All other arguments go to `xcaddy build`, which heeds GOOS and GOARCH. The versions of Caddy and xcaddy are those of go.mod. Without
# --with, everything comes out of Go's module cache, as go.sum fixes it; the network is asked only for what is missing there.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

commit=
if [ "${1:-}" = --commit ]; then
	commit=$(git -C "$root" rev-parse --verify "${2:?xcaddy.sh: --commit needs a tag or a commit}^{commit}")
	shift 2
fi

# The tools run here, whatever machine the build is for.
target_os=${GOOS:-} target_arch=${GOARCH:-}
unset GOOS GOARCH

echo "Downloading modules. The first time this takes a minute or two (about 100 MB)."
go -C "$root" mod download
# xcaddy begins with Caddy alone, in the versions that Caddy asks for. Where we ask for newer ones, these are not here yet.
# They are checked against Caddy's own go.sum.
GOFLAGS="$(go env GOFLAGS) -mod=readonly" go -C "$(go -C "$root" list -m -f '{{.Dir}}' github.com/caddyserver/caddy/v2)" mod download

module=$(go -C "$root" list -m)
caddy=$(go -C "$root" list -m -f '{{.Version}}' github.com/caddyserver/caddy/v2)
xcaddy=$(go -C "$root" tool -n xcaddy)

# xcaddy makes a module of its own. That has no go.sum, so what it takes from the cache cannot be looked up in the checksum
# database offline; the download above has checked the same files against our go.sum.
cache="file://$(go env GOMODCACHE)/cache/download"

# This module need not be published anywhere. Either xcaddy replaces it by this directory, or Go is led to this repository when it
# looks for the module's own, and puts the commit into the cache under its version.
if [ -z "$commit" ]; then
	# What the program says of its version: without one, Go would show a version that is in the cache, which these files need not be.
	version=$("$root/tools/version.sh")
	plugin="$module@${version:-v0.0.0}"
	replacement="$module=$root"
else
	found=$(
		export GIT_CONFIG_COUNT=2 GIT_CONFIG_KEY_0="url.file://$root.insteadOf" GIT_CONFIG_VALUE_0="https://$module" \
			GIT_CONFIG_KEY_1=safe.directory GIT_CONFIG_VALUE_1='*'
		cd / && GOFLAGS='' GOPROXY=direct GONOSUMDB="$module" GOVCS="$module:git" go mod download -json "$module@$commit"
	) || { echo "xcaddy.sh: Go does not find $module at commit $commit in $root: $found" >&2; exit 1; }
	version=$(echo "$found" | sed -n 's/^.*"Version": "\(.*\)",$/\1/p')
	# Go keeps what it has once seen under a version, though the tag may have been moved since.
	case $found in *"\"Hash\": \"$commit\""*) ;; *)
		echo "xcaddy.sh: Go's module cache has another commit as $version; remove it with go clean -modcache" >&2
		exit 1 ;;
	esac
	plugin="$module@$version"
	replacement=
fi

# The compiler is told where a loaded server spends its time, which is worth some percent of it. Nothing else changes.
# A -pgo in the user's own flags comes after it, and wins.
case $root in *\'*) quote='"' ;; *) quote="'" ;; esac
GOFLAGS="$quote-pgo=$root/internal/cmd/caddy/server.pgo$quote $(go env GOFLAGS)"
export GOFLAGS
if [ -n "$target_os" ]; then export GOOS="$target_os"; fi
if [ -n "$target_arch" ]; then export GOARCH="$target_arch"; fi

echo "Building Caddy $caddy with $plugin. The first time this takes some minutes."
mkdir -p "$root/bin"
# xcaddy tidies its module and warns of every test dependency that the cache lacks; only a failure needs these words.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
build() {
	"$xcaddy" build "$caddy" --with "$plugin" ${replacement:+--replace "$replacement"} --output "$root/bin/caddy" "$@" >"$log" 2>&1
}
# Alone, the plug-in needs nothing but what is in the cache. Go may still ask for a module there that the download above had no
# reason to fetch; it comes, as other plug-ins do, from where the user gets modules, and is checked as the user has set it.
case " $*" in
*' --with'*) alone=false ;;
*) alone=true ;;
esac
if ! { $alone && GOPROXY=$cache GONOSUMDB='*' build "$@"; } && ! GOPROXY="$cache,$(go env GOPROXY)" GONOSUMDB="$(go env GONOSUMDB),$module" build "$@"; then
	cat "$log" >&2
	exit 1
fi
sed -n 's/^.*\[INFO\] Build complete: /Built /p' "$log"
