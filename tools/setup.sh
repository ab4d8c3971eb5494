#!/usr/bin/env bash
# Installs what Larnax is built and tested with: tools/setup.sh [base|app|rivals|spark|check]
#
#   base   compilers, libraries and the Python environment .venv      (make setup)
#   app    Prometheus and its node exporter, for the application test (make setup-app)
#   rivals the same and VictoriaMetrics, to measure beside them       (make bench-rivals)
#   spark  PySpark in .venv-spark, where Java 17 or newer is there     (make setup-spark)
#   check  clang-format and clang-tidy                                 (make check, make format)
#   fuzz   clang with libFuzzer                                        (make fuzz)
#
# Says what it installs, leaves alone what is there, and can be run again at any time. Debian 12,
# Ubuntu 24.04 or newer; as root or with sudo.
set -euo pipefail
cd "$(dirname "$0")/.."

# libcrypt-dev: bcrypt, for passwords of the server; openssl: certificates for its tests.
readonly base_packages=(
  build-essential cmake ninja-build ccache pkg-config git curl python3-venv
  libssl-dev libcrypt-dev openssl libcurl4-openssl-dev libsnappy-dev libzstd-dev zlib1g-dev libprotozero-dev libre2-dev
  libyaml-cpp-dev libcli11-dev libspdlog-dev libfmt-dev nlohmann-json3-dev libxxhash-dev
  libjemalloc-dev libgtest-dev libgmock-dev librapidcheck-dev libbenchmark-dev)
readonly boost_packages=(libboost1.81-dev libboost1.83-dev libboost1.88-dev libboost-dev)
readonly app_packages=(prometheus prometheus-node-exporter)
readonly rival_packages=("${app_packages[@]}" victoria-metrics)
readonly check_packages=(clang-format-19 clang-tidy-19)
readonly fuzz_packages=(clang-19 libclang-rt-19-dev)

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "not root, and there is no sudo; as root, run: $*"
  fi
}

# Package mirrors drop a connection now and then.
three_times() {
  local attempt
  for attempt in 1 2 3; do
    "$@" && return 0
    [ "$attempt" -lt 3 ] && { say "failed, trying again in 5 s: $*"; sleep 5; }
  done
  return 1
}

is_installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

update_package_lists() {
  [ -z "${package_lists_updated:-}" ] || return 0
  say "apt-get update"
  three_times as_root apt-get -qq update || fail "apt-get update failed"
  package_lists_updated=1
}

install_packages() {
  local package missing=()
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  if [ "${#missing[@]}" -eq 0 ]; then
    say "system packages: all $# there"
    return 0
  fi
  update_package_lists
  say "apt-get install ${missing[*]}"
  three_times as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null ||
    fail "apt-get install failed: ${missing[*]}"
}

installed_boost() {
  sed -n 's/^#define BOOST_VERSION //p' /usr/include/boost/version.hpp 2>/dev/null || true
}

# Boost 1.81 or newer. Debian's libboost-dev packages exclude each other, so installing one can
# remove another that somebody needs: said first, and asked where there is somebody to ask.
install_boost() {
  local version package candidate='' removed answer
  version=$(installed_boost)
  if [ "${version:-0}" -ge 108100 ]; then
    say "Boost: $((version / 100000)).$((version / 100 % 1000)) there"
    return 0
  fi
  update_package_lists
  for package in "${boost_packages[@]}"; do
    if apt-cache show "$package" >/dev/null 2>&1; then
      candidate=$package
      break
    fi
  done
  [ -n "$candidate" ] || fail "no Boost 1.81 or newer among the system's packages"
  removed=$(apt-get -s install --no-install-recommends "$candidate" 2>/dev/null |
            awk '$1 == "Remv" {printf "%s ", $2}')
  if [ -n "$removed" ]; then
    say "$candidate replaces these packages, which will be REMOVED: $removed"
    if [ -t 0 ]; then
      read -r -p 'setup: go on? [y/N] ' answer
      case "$answer" in [yY]*) ;; *) fail "stopped; Larnax needs Boost 1.81 or newer" ;; esac
    fi
  fi
  install_packages "$candidate"
  version=$(installed_boost)
  [ "${version:-0}" -ge 108100 ] || fail "$candidate is older than Boost 1.81"
}

# The wheels of Arrow need Python 3.11.
find_python() {
  local python
  for python in python3 python3.13 python3.12 python3.11; do
    if command -v "$python" >/dev/null &&
       "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
    then
      echo "$python"
      return 0
    fi
  done
  fail "no Python 3.11 or newer with venv (Debian 12, Ubuntu 24.04 or newer have one)"
}

# install_venv DIR REQUIREMENTS: a virtual environment with exactly those versions.
install_venv() {
  local venv=$1 requirements=$2 python
  if [ ! -x "$venv/bin/python" ]; then
    python=$(find_python)
    say "$venv: new environment of $("$python" --version)"
    "$python" -m venv "$venv"
  fi
  if cmp -s "$requirements" "$venv/installed-requirements.txt"; then
    say "$venv: as in $requirements"
    return 0
  fi
  say "$venv: pip install $(grep -v '^#' "$requirements" | tr '\n' ' ')"
  three_times "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --prefer-binary --retries 5 --timeout 120 -r "$requirements" || fail "pip install failed"
  cp "$requirements" "$venv/installed-requirements.txt"
}

setup_base() {
  install_packages "${base_packages[@]}"
  install_boost
  install_venv .venv test/requirements.txt
  # The DuckDB line that servers embed, beside the newest one of .venv.
  install_venv .venv-duckdb15 test/requirements-duckdb15.txt
}

# Debian's packages start services on ports such as 9090 and 9100; nobody asked for those.
install_without_services() {
  local package policy=/usr/sbin/policy-rc.d own_policy=''
  for package in "$@"; do
    is_installed "$package" && continue
    if [ -d /run/systemd/system ]; then
      say "systemctl mask $package (its service shall not start; undo: systemctl unmask $package)"
      as_root systemctl mask "$package.service"
    fi
    if [ ! -e "$policy" ]; then
      own_policy=1
      printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
      as_root chmod 755 "$policy"
    fi
  done
  if [ -n "$own_policy" ]; then
    trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  install_packages "$@"
}

setup_spark() {
  local version
  version=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1)
  if [ "${version:-0}" -lt 17 ]; then
    say "no Java 17 or newer: PySpark is left out, its tests are skipped"
    return 0
  fi
  install_venv .venv-spark test/requirements-spark.txt
}

case "${1:-base}" in
  base) setup_base ;;
  app) install_without_services "${app_packages[@]}" ;;
  rivals) install_without_services "${rival_packages[@]}" ;;
  spark) setup_spark ;;
  check) install_packages "${check_packages[@]}" ;;
  fuzz) install_packages "${fuzz_packages[@]}" ;;
  *) fail "unknown group: $1 (base, app, rivals, spark, check or fuzz)" ;;
esac
say "${1:-base}: done"
