#!/bin/bash
# usage: run_case.sh EXPORT_FORMS MODEL PRESET FORM
# Quantizes, then compares with ONNX Runtime, in a folder of its own.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$1" "$2" "$3" "$4" "$folder"
node "$QUANTD_SOURCE_DIR/tests/node/check_form.js" "$folder"
