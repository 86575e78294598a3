// Runs every artifact that `quality_table --keep DIR` left in ONNX Runtime, on the very inputs that quantd evaluated,
// and compares the best classes.
//
// usage: NODE_PATH=tests/node/node_modules node check_rows.js DIR
//
// Prints one Markdown line a model and preset, all folds together: rows, and for graph optimization disabled and at
// its default the share of rows on which ONNX Runtime and quantd name the same class.
'use strict';
const fs = require('fs');
const path = require('path');
const ort = require('onnxruntime-node');

const BATCH = 50;
const LEVELS = ['disabled', 'all'];  // 'all' is ONNX Runtime's default.

function folders(parent) {
  return fs.readdirSync(parent, {withFileTypes: true}).filter((e) => e.isDirectory()).map((e) => e.name).sort();
}

// A float32 array in row-major order, as quality_table writes it.
function readNpy(file) {
  const bytes = fs.readFileSync(file);
  const end = 10 + bytes.readUInt16LE(8);
  const dictionary = bytes.toString('latin1', 10, end);
  if (!dictionary.includes("'<f4'")) throw new Error(`${file} does not hold float32`);
  const shape = dictionary.match(/'shape': \(([^)]*)\)/)[1].split(',').map(Number);
  const data = new Float32Array(new Uint8Array(bytes.subarray(end)).buffer);
  return {shape, data};
}

function readTopClasses(file) {
  const [header, ...lines] = fs.readFileSync(file, 'utf8').trim().split('\n');
  const column = header.split(',').indexOf('quantized_top1');
  return lines.map((line) => Number(line.split(',')[column]));
}

// The first of the largest, as quantd counts ties.
function topClass(scores) {
  let best = 0;
  for (let i = 1; i < scores.length; ++i) if (scores[i] > scores[best]) best = i;
  return best;
}

async function runModel(model, level, inputs) {
  const session = await ort.InferenceSession.create(model, {
    graphOptimizationLevel: level, intraOpNumThreads: 2, executionProviders: ['cpu'], logSeverityLevel: 3,
  });
  const [rows, ...rest] = inputs.shape;
  const size = rest.reduce((a, b) => a * b, 1);
  // Old exporters fix the batch to one row.
  const fixed = session.inputMetadata && session.inputMetadata[0].shape[0] === 1;
  const step = fixed ? 1 : BATCH;
  const top = [];
  for (let begin = 0; begin < rows; begin += step) {
    const count = Math.min(step, rows - begin);
    const data = inputs.data.subarray(begin * size, (begin + count) * size);
    const outputs = await session.run({[session.inputNames[0]]: new ort.Tensor('float32', data, [count, ...rest])});
    const scores = outputs[session.outputNames[0]].data;
    const classes = scores.length / count;
    for (let i = 0; i < count; ++i) top.push(topClass(scores.subarray(i * classes, (i + 1) * classes)));
  }
  await session.release();
  return top;
}

async function checkModel(folder, model) {
  const totals = {};
  for (const fold of folders(path.join(folder, model))) {
    const at = path.join(folder, model, fold);
    const inputs = readNpy(path.join(at, 'inputs.npy'));
    for (const preset of folders(at)) {
      const files = fs.readdirSync(path.join(at, preset));
      const artifact = path.join(at, preset, files.find((name) => name.endsWith('.onnx')));
      const expected = readTopClasses(path.join(at, preset, 'rows.csv'));
      const total = totals[preset] = totals[preset] || {rows: 0, equal: LEVELS.map(() => 0)};
      total.rows += expected.length;
      for (const [i, level] of LEVELS.entries()) {
        const top = await runModel(artifact, level, inputs);
        total.equal[i] += expected.filter((value, row) => value === top[row]).length;
      }
    }
  }
  for (const [preset, total] of Object.entries(totals)) {
    const shares = total.equal.map((equal) => (100 * equal / total.rows).toFixed(2));
    console.log(`| ${model} | ${preset} | ${total.rows} | ${shares.join(' | ')} |`);
  }
}

async function main() {
  const folder = process.argv[2];
  if (!folder) throw new Error('usage: node check_rows.js DIR');
  console.log('| model | preset | rows | agreement, optimization disabled, % | agreement, default, % |');
  console.log('|---|---|---|---|---|');
  for (const model of folders(folder)) await checkModel(folder, model);
}

main().catch((error) => {
  console.error(`check_rows: ${error.message}`);
  process.exit(1);
});
