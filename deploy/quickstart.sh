#!/usr/bin/env bash
# From a clean clone on Debian 12 to a quantized model: installs packages, builds, starts a server with one worker,
# quantizes a vision transformer to W8A8 on Fashion-MNIST, and lets ONNX Runtime judge the artifact.
# Leaves everything in build/quickstart.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "== packages"
bash deploy/install-deps.sh

echo "== build"
cmake --preset release -DQUANTD_BUILD_TESTS=OFF
cmake --build --preset release

folder=build/quickstart
rm -rf "$folder"
mkdir -p "$folder"
build/bin/quantd --embedded --workers 1 --data-dir "$folder/data" --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0 \
  --port-file "$folder/ports.json" > "$folder/server.log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || true' EXIT
for _ in $(seq 100); do
  [ -e "$folder/ports.json" ] && break
  kill -0 "$server" 2>/dev/null || { cat "$folder/server.log" >&2; exit 3; }
  sleep 0.1
done
QUANTD_SERVER="127.0.0.1:$(sed -E 's/.*"grpc":([0-9]+).*/\1/' "$folder/ports.json")"
export QUANTD_SERVER

echo "== main job"
images=/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz
labels=/usr/share/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz
# Pixels as the model was trained on: (x / 255 - 0.2860) / 0.3530.
build/bin/quantctl submit --name quickstart --model tests/data/models/vit_fmnist.onnx \
  --data "$images" "$labels" --bind "image=$(basename "$images")" --labels "$(basename "$labels")" \
  --scale 1/255 --mean 0.2860 --std 0.3530 --preset w8a8-mse --calibration-rows 256 --evaluation-rows 4000 \
  --gate 'top1_agreement.lower >= 0.98' --gate 'accuracy_difference.lower >= -0.015' \
  --wait --download "$folder/artifact"

echo "== ONNX Runtime on the artifact"
node tests/node/check_artifact.js "$folder/artifact/vit_fmnist.onnx_qdq.onnx" "$folder/artifact/rows.csv" \
  "$images" 0.2860 0.3530 | node deploy/quickstart_summary.js

echo "== files"
echo "artifact     $folder/artifact/vit_fmnist.onnx_qdq.onnx"
echo "HTML report  $folder/artifact/report.html"
