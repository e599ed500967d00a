#!/usr/bin/env bash
# Installs the Debian 12 packages that Bitácora needs, and only those that are missing. Nothing is asked of apt when
# nothing is missing, so it costs well under a second to run again.
#
#   scripts/install_dependencies.sh            what a build needs
#   scripts/install_dependencies.sh --run      and the clients that scripts/run.sh tells you to try
#   scripts/install_dependencies.sh --tests    and what scripts/test.sh needs
#   scripts/install_dependencies.sh --bench    and the servers that scripts/bench.sh compares
#   scripts/install_dependencies.sh --fuzz     and what scripts/fuzz.sh needs
set -euo pipefail

build_packages=(
  cmake ninja-build g++ ccache
  libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev
  libexpected-dev libtomlplusplus-dev libcli11-dev
  prometheus-cpp-dev libisal-dev libspdlog-dev libfmt-dev
  libsqlite3-dev libsqlitecpp-dev libssl-dev libargon2-dev zlib1g-dev
)
run_packages=(mosquitto-clients curl jq openssl)
test_packages=(
  libgtest-dev libgmock-dev librapidcheck-dev libbenchmark-dev
  clang-format-14 clang-tidy-14
  mosquitto libmosquitto-dev libpaho-mqtt-dev libpaho-mqttpp-dev
  python3 python3-kafka python3-paho-mqtt strace procps
)
bench_packages=(mosquitto nats-server libbenchmark-dev python3)
fuzz_packages=(clang-14 libclang-rt-14-dev libgtest-dev libgmock-dev)

wanted=("${build_packages[@]}")
case "${1:-}" in
  "") ;;
  --run) wanted+=("${run_packages[@]}") ;;
  --tests) wanted+=("${run_packages[@]}" "${test_packages[@]}") ;;
  --bench) wanted+=("${run_packages[@]}" "${bench_packages[@]}") ;;
  --fuzz) wanted+=("${fuzz_packages[@]}") ;;
  *)
    echo "install_dependencies.sh: unknown option '$1'; give --run, --tests, --bench, --fuzz or nothing" >&2
    exit 2
    ;;
esac

# MQTT.js is no Debian package of the version the tests want: npm fetches what tests/e2e/mqttjs/package-lock.json names, each
# file checked against its hash there. Done once; without a registry the test that needs it is skipped.
mqttjs="$(dirname "$0")/../tests/e2e/mqttjs"
wants_mqttjs=no
[ "${1:-}" = --tests ] && [ ! -d "$mqttjs/node_modules/mqtt" ] && wants_mqttjs=yes
if [ $wants_mqttjs = yes ]; then  # node and npm often come from elsewhere than Debian
  command -v node > /dev/null || wanted+=(nodejs)
  command -v npm > /dev/null || wanted+=(npm)
fi
install_mqttjs() {
  [ $wants_mqttjs = yes ] || return 0
  echo "Installing: MQTT.js"
  (cd "$mqttjs" && npm ci --ignore-scripts --omit=dev --no-audit --no-fund --loglevel=error) && return 0
  echo "install_dependencies.sh: npm could not fetch MQTT.js: its test runs with Debian's node-mqtt if that is installed, and" >&2
  echo "is skipped otherwise. What npm said is above this message." >&2
}

if ! command -v dpkg-query > /dev/null; then
  echo "install_dependencies.sh: this is not a Debian system; install the counterparts of these by hand:" >&2
  printf '  %s\n' "${wanted[@]}" >&2
  exit 1
fi

installed="$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "${wanted[@]}" 2> /dev/null | sed -n 's/ installed$//p' || true)"
missing=()
for package in "${wanted[@]}"; do
  grep -qxF "$package" <<< "$installed" || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  install_mqttjs
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo > /dev/null; then
    echo "install_dependencies.sh: these packages are missing, and installing them needs root:" >&2
    echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

# Debian starts a mosquitto service on port 1883 as soon as the package is there. The tests only want the program, and
# bitacora wants the port, so services are told not to start during this one run of apt.
no_services=/usr/sbin/policy-rc.d
if [[ " ${missing[*]} " == *" mosquitto "* && ! -e $no_services ]]; then
  trap '"${as_root[@]}" rm -f "$no_services"' EXIT
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$no_services" > /dev/null
  "${as_root[@]}" chmod 755 "$no_services"
fi

echo "Installing: ${missing[*]}"
apt_get() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 "$@" < /dev/null
}
if ! apt_get update || ! apt_get install --yes --no-install-recommends "${missing[@]}" > /dev/null; then
  echo "install_dependencies.sh: apt-get could not install the packages above. Bitácora is built on Debian 12 (bookworm);" >&2
  echo "on another release some have other names. What apt said is above this message." >&2
  exit 1
fi
install_mqttjs
