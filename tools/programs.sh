#!/usr/bin/env bash
# Installs the programs that Go does not bring and tests or benchmarks run: those that are named, or else those of `make test`.
# It says what is missing, and installs it with apt-get where it runs as root; elsewhere it says so, and fails.
set -euo pipefail

installed() {
	case $1 in
	# Debian keeps PostgreSQL's programs outside PATH; a server of one's own does as well.
	postgresql) [[ -n ${DATA_API_TEST_DSN:-} ]] || command -v initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' ||
		docker info ;; # a client alone does not do
	chromium) command -v chromium || command -v chromium-browser || command -v google-chrome ;;
	*) command -v "$1" || [[ -x /usr/sbin/$1 ]] ;;
	esac >/dev/null 2>&1
}

package() { # of Debian
	case $1 in
	nginx) echo nginx-light ;;
	nft) echo nftables ;;
	etcd) echo etcd-server ;;
	ip) echo iproute2 ;;
	soffice) echo libreoffice-calc ;;
	*) echo "$1" ;;
	esac
}

(($#)) || set -- postgresql pgbouncer nginx curl
packages=()
for program; do
	installed "$program" || packages+=("$(package "$program")")
done
if ((${#packages[@]} == 0)); then
	echo "make tools: nothing is missing"
	exit
fi
if ! command -v apt-get >/dev/null || [[ $(id -u) != 0 ]]; then
	echo "make tools: missing are ${packages[*]}: install them (they are named as Debian's packages), or run this as root where" \
		"there is apt-get. Instead of PostgreSQL, Docker will do, or DATA_API_TEST_DSN" >&2
	exit 1
fi
echo "make tools: installing ${packages[*]} with apt-get"
# No cluster of the package's own, and no service: it would listen on a port that the machine's owner did not open.
export DEBIAN_FRONTEND=noninteractive PG_CREATE_MAIN_CLUSTER=no RUNLEVEL=1
apt-get -q update
apt-get -q install -y --no-install-recommends "${packages[@]}"
