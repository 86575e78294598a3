#!/bin/sh
# The soak by hand: tests/soak/run.sh --minutes 10 [--seed N]. Needs a build in build/, or in $QUANTD_BUILD_DIR.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
build=${QUANTD_BUILD_DIR:-$source/build}
QUANTD_SOURCE_DIR=$source
QUANTD_BIN_DIR=$build/bin
QUANTD_PYTHON_PROTO_DIR=$build/python_proto
PYTHONPATH=$source/tests/e2e:$here
PYTHONDONTWRITEBYTECODE=1
export QUANTD_SOURCE_DIR QUANTD_BIN_DIR QUANTD_PYTHON_PROTO_DIR PYTHONPATH PYTHONDONTWRITEBYTECODE
exec /usr/bin/python3 "$here/soak.py" "$@"
