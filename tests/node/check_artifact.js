// Runs a quantized model in ONNX Runtime on the rows that quantd evaluated, and compares top-1 classes.
//
// usage: node check_artifact.js MODEL.onnx ROWS.csv IMAGES.idx[.gz] MEAN STD
//
// ROWS.csv is the artifact's rows.csv. Prints one JSON object: rows, and for graph optimization disabled and at its
// default the share of rows on which ONNX Runtime and quantd name the same class, and ONNX Runtime's accuracy.
'use strict';
const fs = require('fs');
const zlib = require('zlib');
const ort = require('onnxruntime-node');

const BATCH = 50;

function readCsv(path) {
  const [header, ...lines] = fs.readFileSync(path, 'utf8').trim().split('\n');
  const names = header.split(',');
  return lines.map((line) => Object.fromEntries(line.split(',').map((v, i) => [names[i], v])));
}

function readIdxImages(path) {
  let bytes = fs.readFileSync(path);
  if (path.endsWith('.gz')) bytes = zlib.gunzipSync(bytes);
  if (bytes.readUInt32BE(0) !== 0x803) throw new Error(`${path} is not a file of IDX images`);
  return {height: bytes.readUInt32BE(8), width: bytes.readUInt32BE(12), pixels: bytes.subarray(16)};
}

// Without it, ONNX Runtime adds pairs of 8-bit products in 16 bits and cuts the sums off, on x86 processors without VNNI.
const PRECISE = {x64quantprecision: '1'};

async function topClasses(model, level, images, rows, mean, std) {
  const session = await ort.InferenceSession.create(model, {
    graphOptimizationLevel: level, intraOpNumThreads: 2, executionProviders: ['cpu'], logSeverityLevel: 3,
    extra: {session: PRECISE},
  });
  const size = images.height * images.width;
  const top = [];
  for (let begin = 0; begin < rows.length; begin += BATCH) {
    const batch = rows.slice(begin, begin + BATCH);
    const input = new Float32Array(batch.length * size);
    batch.forEach((row, i) => {
      const offset = Number(row.row) * size;
      for (let k = 0; k < size; ++k) {
        input[i * size + k] = (images.pixels[offset + k] / 255 - mean) / std;
      }
    });
    const tensor = new ort.Tensor('float32', input, [batch.length, 1, images.height, images.width]);
    const outputs = await session.run({[session.inputNames[0]]: tensor});
    const scores = outputs[session.outputNames[0]];
    const classes = scores.dims[1];
    for (let i = 0; i < batch.length; ++i) {
      const row = Array.from(scores.data.subarray(i * classes, (i + 1) * classes));
      top.push(row.indexOf(Math.max(...row)));
    }
  }
  return top;
}

async function main() {
  const [model, csv, idx, mean, std] = process.argv.slice(2);
  const rows = readCsv(csv);
  const images = readIdxImages(idx);
  const result = {rows: rows.length};
  for (const [name, level] of [['disabled', 'disabled'], ['default', 'all']]) {
    const top = await topClasses(model, level, images, rows, Number(mean), Number(std));
    const share = (test) => rows.filter(test).length / rows.length;
    result[name] = {
      agreement_with_quantd: share((row, i) => Number(row.quantized_top1) === top[i]),
      accuracy: share((row, i) => Number(row.label) === top[i]),
    };
  }
  console.log(JSON.stringify(result));
}

main().catch((error) => {
  console.error(`check_artifact: ${error.message}`);
  process.exit(1);
});
