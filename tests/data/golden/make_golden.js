// Writes ONNX Runtime's outputs for the models of tests/data/models on inputs made by a formula, as raw float32.
//
// usage: node make_golden.js   (after: npm ci --prefix tests/node --ignore-scripts)
'use strict';
const fs = require('fs');
const path = require('path');
const ort = require(path.join(__dirname, '../../node/node_modules/onnxruntime-node'));

// Pixel k of a made-up image; the same formula stands in golden_test.cc.
const pixel = (k) => (Math.imul(k, 7919) + (k >> 5) * 31) % 256;

const MODELS = [
  {name: 'mnist_cnn', dims: [1, 1, 28, 28], scale: 1, shift: 0},
  {name: 'resnet8_cifar10', dims: [3, 3, 32, 32], scale: 1, shift: 0},
  {name: 'mobilenet_v1_025_224', dims: [2, 3, 224, 224], scale: 1 / 127.5, shift: -1},
  {name: 'vit_fmnist', dims: [3, 1, 28, 28], scale: 1 / 255 / 0.353, shift: -0.286 / 0.353},
];

async function main() {
  for (const {name, dims, scale, shift} of MODELS) {
    const session = await ort.InferenceSession.create(path.join(__dirname, '../models', `${name}.onnx`));
    const input = Float32Array.from({length: dims.reduce((a, b) => a * b)},
                                    (_, k) => Math.fround(((pixel(k) + 256) % 256) * scale + shift));
    const feeds = {[session.inputNames[0]]: new ort.Tensor('float32', input, dims)};
    const output = (await session.run(feeds))[session.outputNames[0]];
    fs.writeFileSync(path.join(__dirname, `${name}.f32`), Buffer.from(output.data.buffer, 0, output.data.length * 4));
    console.log(name, output.dims.join('x'));
  }
}

main();
