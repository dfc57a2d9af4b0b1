#!/bin/sh
# Checks what can be checked of packaging/ without running it. Each check needs a program or the network; one that cannot be made
# is named, and fails. `go test ./docs` checks the rest: that every Caddyfile and catalog here loads, and that numbers agree.
set -eu

cd "$(dirname -- "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# check WORDS PROGRAM COMMAND...: runs the command, or function, if the program is there. "docker NAME" is a plugin of Docker.
check() {
	words=$1 program=$2
	shift 2
	if ! command -v "${program%% *}" >/dev/null; then
		echo "NOT CHECKED  $words: $program is missing"
		failed=1
	elif [ "$program" != "${program%% *}" ] && ! docker "${program#* }" version >/dev/null 2>&1; then
		echo "NOT CHECKED  $words: Docker's plugin ${program#* } is missing"
		failed=1
	elif "$@" >"$work/log" 2>&1; then
		echo "ok           $words"
	else
		echo "FAILED       $words"
		sed 's/^/             /' "$work/log"
		failed=1
	fi
}

# The programs of the units need not be installed here, nor Caddy's own package.
mkdir "$work/units"
sed "s#=/usr/local/bin/caddy#=$(command -v true)#" systemd/caddy-data-api.service >"$work/units/caddy-data-api.service"
cp -r systemd/caddy.service.d "$work/units/"
printf '[Service]\nType=notify\nExecStart=%s\nTimeoutStopSec=5s\nAmbientCapabilities=CAP_NET_ADMIN CAP_NET_BIND_SERVICE\n' "$(command -v true)" >"$work/units/caddy.service"
# systemd-analyze succeeds when it ignores a key or a value; it only says so.
verify() { systemd-analyze verify --man=no "$1" >"$work/said" 2>&1 && ! grep -F "$work/units" "$work/said"; }
check "unit (systemd-analyze verify)" systemd-analyze verify "$work/units/caddy-data-api.service"
check "drop-in (systemd-analyze verify)" systemd-analyze verify "$work/units/caddy.service"

check "shell scripts (shellcheck)" shellcheck shellcheck --exclude SC2317,SC2089,SC2090 check.sh release.sh docker/initdb/10-warehouse.sh ../xcaddy.sh
check "Dockerfile (docker build --check)" "docker buildx" docker build --check -f docker/Dockerfile ..
check "compose file (docker compose config)" "docker compose" env DATA_API_PASSWORD=x POSTGRES_PASSWORD=x docker compose -f docker/compose.yaml config --quiet
prometheus() { sed "s#/etc/prometheus/rules#$PWD/prometheus#" docker/prometheus.yml >"$work/prometheus.yml" && promtool check config "$work/prometheus.yml"; }
check "Prometheus' configuration (promtool check config)" promtool prometheus
# It gets the schemas from raw.githubusercontent.com.
check "Kubernetes manifest (kubeconform)" go go run github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0 -strict -kubernetes-version 1.34.0 kubernetes/data-api.yaml
exit $failed
