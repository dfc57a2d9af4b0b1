#!/bin/sh
# Builds what a release consists of, into dist/.
#
#   packaging/release.sh REVISION [OS/ARCH]...
#
# REVISION is a tag such as v1.2.3, or any commit to try it out. Without OS/ARCH it builds for linux and darwin, amd64 and arm64.
# For each: an archive with the program, and a list of the modules in it (SBOM, CycloneDX JSON). Beside them the SHA-256 of all.
# The same commit and the same Go give the same bytes. It needs Go, git, and GNU's tar, date and gzip.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
revision=${1:?usage: packaging/release.sh REVISION [OS/ARCH]...}
shift
if [ $# -eq 0 ]; then set -- linux/amd64 linux/arm64 darwin/amd64 darwin/arm64; fi

sbom=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
commit=$(git -C "$root" rev-parse --verify "$revision^{commit}")
time=$(git -C "$root" show -s --format=%ct "$commit")
module=$(go -C "$root" list -m)
dist=$root/dist
rm -rf "$dist"
mkdir -p "$dist"
go version
go env GOVERSION >"$dist/go-version.txt"

for target in "$@"; do
	work=$(mktemp -d)
	program=$work/caddy-data-api/caddy
	mkdir "$work/caddy-data-api"
	GOOS=${target%/*} GOARCH=${target#*/} "$root/xcaddy.sh" --commit "$revision" --output "$program"

	version=$(go version -m "$program" | awk -v module="$module" '$1 == "dep" && $2 == module { print $3 }')
	case $revision in
	v[0-9]*) if [ "$version" != "$revision" ]; then
		echo "release.sh: the program says that it is $version, not $revision: is that a tag that Go takes for a version, on this commit?" >&2
		exit 1
	fi ;;
	esac
	name=caddy-data-api_${version}_$(echo "$target" | tr / _)

	git -C "$root" archive "$commit" LICENSE NOTICE CHANGELOG.md Caddyfile.example packaging/systemd | tar -x -C "$work/caddy-data-api"
	tar -C "$work" --sort=name --mtime="@$time" --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw,a-s \
		-c caddy-data-api | gzip -n9 >"$dist/$name.tar.gz"
	# Without a serial number, and with the commit's time in place of its own, it is reproducible too.
	(cd "$work" && GOFLAGS=-trimpath go run "$sbom" bin -json -noserial -version "$version" -output sbom "$program")
	sed "s/\"timestamp\": \"[^\"]*\"/\"timestamp\": \"$(date -u -d "@$time" +%Y-%m-%dT%H:%M:%SZ)\"/" "$work/sbom" >"$dist/$name.cdx.json"
	rm -rf "$work"
	echo "Built dist/$name.tar.gz"
done

(cd "$dist" && sha256sum ./*.tar.gz ./*.cdx.json ./go-version.txt | sed 's# \./# #' >SHA256SUMS && cat SHA256SUMS)
