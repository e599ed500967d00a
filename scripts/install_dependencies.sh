#!/usr/bin/env bash
# Installs the Debian 12 packages that Bitácora needs, and only those that are missing. Nothing is asked of apt when
# nothing is missing, so it costs well under a second to run again.
#
#   scripts/install_dependencies.sh            what a build needs
#   scripts/install_dependencies.sh --run      and the clients that scripts/run.sh tells you to try
#   scripts/install_dependencies.sh --tests    and what scripts/test.sh needs
set -euo pipefail

build_packages=(
  cmake ninja-build g++ ccache
  libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev
  libexpected-dev libtomlplusplus-dev libcli11-dev
  prometheus-cpp-dev libisal-dev libspdlog-dev libfmt-dev
  libsqlite3-dev libsqlitecpp-dev libssl-dev libargon2-dev zlib1g-dev
)
run_packages=(mosquitto-clients curl jq)
test_packages=(
  libgtest-dev libgmock-dev librapidcheck-dev libbenchmark-dev
  clang-format-14 clang-tidy-14
  mosquitto libmosquitto-dev libpaho-mqtt-dev libpaho-mqttpp-dev
  python3 python3-kafka python3-paho-mqtt strace procps
)

wanted=("${build_packages[@]}")
case "${1:-}" in
  "") ;;
  --run) wanted+=("${run_packages[@]}") ;;
  --tests) wanted+=("${run_packages[@]}" "${test_packages[@]}") ;;
  *)
    echo "install_dependencies.sh: unknown option '$1'; give --run, --tests or nothing" >&2
    exit 2
    ;;
esac

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
[ ${#missing[@]} -eq 0 ] && exit 0

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
