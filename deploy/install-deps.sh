#!/usr/bin/env bash
# Installs every package that building, testing and trying quantd needs on Debian 12. The one place that
# names them. Run as root or with sudo. Does nothing, quickly, when everything is there.
set -euo pipefail

build=(
  g++ cmake ninja-build ccache mold pkg-config git ca-certificates
  libgrpc++-dev protobuf-compiler-grpc grpc-proto protobuf-compiler libprotobuf-dev libabsl-dev
  libdnnl-dev opencl-headers ocl-icd-opencl-dev prometheus-cpp-dev
  libsqlite3-dev libssl-dev libseccomp-dev libzstd-dev zlib1g-dev nlohmann-json3-dev libyaml-cpp-dev libonnx-dev
  libjpeg62-turbo-dev libpng-dev
)
test=(
  libgtest-dev libgmock-dev openssl dataset-fashion-mnist libonnx-testdata chromium python3 python3-grpcio python3-numpy
  clang-14 libclang-rt-14-dev libomp-14-dev
)

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

wanted=("${build[@]}" "${test[@]}")
# ONNX Runtime, which checks our artifacts, comes as a package for Node.js; any Node.js from version 18 will do.
command -v node >/dev/null || wanted+=(nodejs)
command -v npm >/dev/null || wanted+=(npm)

missing=()
for package in "${wanted[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  as_root apt-get -o DPkg::Lock::Timeout=300 update -q
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -o DPkg::Lock::Timeout=300 install -q -y --no-install-recommends "${missing[@]}"
fi

# The packages of tests/node, at the versions of its lock file. Their install scripts would download more; they do not run.
here="$(cd "$(dirname "$0")/.." && pwd)"
if [ ! -e "$here/tests/node/node_modules/.package-lock.json" ]; then
  npm ci --prefix "$here/tests/node" --ignore-scripts --no-audit --no-fund
fi
