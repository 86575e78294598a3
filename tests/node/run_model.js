// Runs one model in ONNX Runtime and writes its outputs down.
//
// usage: node run_model.js MODEL.onnx LEVEL OUT [NAME:TYPE:DIMS:FILE ...]
//
// LEVEL is a graph optimization level ("disabled", "basic", "extended", "all"). Each input is raw little-endian values of
// TYPE (float32, int64) and DIMS such as 2x3. Writes OUT.<output number>.bin, raw values, and OUT.onnx, the graph that the
// optimizer made. Prints one line an output: name, type, dims.
'use strict';
const fs = require('fs');
const ort = require('onnxruntime-node');

const ARRAYS = {float32: Float32Array, int64: BigInt64Array};

function readInput(text) {
  const [name, type, dims, file] = text.split(':');
  const bytes = fs.readFileSync(file);
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return [name, new ort.Tensor(type, new ARRAYS[type](copy.buffer), dims.split('x').map(Number))];
}

// Without it, ONNX Runtime adds pairs of 8-bit products in 16 bits and cuts the sums off, on x86 processors without VNNI.
const PRECISE = {x64quantprecision: '1'};

async function main() {
  const [model, level, out, ...inputs] = process.argv.slice(2);
  const session = await ort.InferenceSession.create(model, {
    graphOptimizationLevel: level, optimizedModelFilePath: `${out}.onnx`, intraOpNumThreads: 1,
    executionProviders: ['cpu'], logSeverityLevel: 3, extra: {session: PRECISE},
  });
  const outputs = await session.run(Object.fromEntries(inputs.map(readInput)));
  session.outputNames.forEach((name, i) => {
    const {data, type, dims} = outputs[name];
    fs.writeFileSync(`${out}.${i}.bin`, Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    console.log(`${name} ${type} ${dims.join('x')}`);
  });
}

main().catch((error) => {
  console.error(`run_model: ${error.message}`);
  process.exit(1);
});
