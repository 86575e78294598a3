#!/usr/bin/env bash
# Sets up, builds and runs every test. With a preset name (asan, tsan) it does so for that preset only.
# usage: tests/run.sh [release|asan|tsan]
set -euo pipefail
cd "$(dirname "$0")/.."

preset="${1:-release}"
bash deploy/install-deps.sh
cmake --preset "$preset"
cmake --build --preset "$preset"
ctest --preset "$preset" --parallel "$(nproc)"
