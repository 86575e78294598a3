// Loads a quantized model in ONNX Runtime and compares with what quantd's executor made of the same inputs.
//
// usage: node check_form.js FOLDER    (see tests/conformance/export_forms/main.cc)
//
// Without graph optimization:
//   - tensors that are marked exact must be equal to the last bit;
//   - codes of inner activations are rounded float sums, whose last bits hang on the order of addition: where a sum lies on the
//     edge between two codes, one code differs, and behind it differences grow. So every step is compared given our codes
//     before it: in each tensor codes must differ by at most one, in at most one of a thousand (of a hundred, where 16 bits have
//     256 times as many edges), and outputs must be within 2e-3 of the range of ours;
//   - from end to end outputs must be within 2e-3 where no code differs, and within 2e-2 behind codes that do.
// With all optimizations the model must load and run to finite outputs of the same shape: what
// the optimizer fuses computes with integers, and on processors without VNNI its sums may saturate.
// A case may ask that its optimizer does less; below 'all' outputs must be as close as without optimization.
'use strict';
const fs = require('fs');
const path = require('path');
const ort = require('onnxruntime-node');

const TOLERANCE = 2e-3;
const TOLERANCE_BEHIND_EDGES = 2e-2;
const EDGE_SHARE_MAX = {uint8: 1e-3, int8: 1e-3, uint16: 1e-2, int16: 1e-2};
const FLOAT = 1, UINT8 = 2, INT8 = 3, UINT16 = 4, INT16 = 5, INT32 = 6, INT64 = 7;
const TYPES = {
  [FLOAT]: ['float32', Float32Array], [UINT8]: ['uint8', Uint8Array], [INT8]: ['int8', Int8Array],
  [UINT16]: ['uint16', Uint16Array], [INT16]: ['int16', Int16Array],
  [INT32]: ['int32', Int32Array], [INT64]: ['int64', BigInt64Array],
};

// The few fields of onnx.TensorProto that quantd writes: dims = 1, data_type = 2, name = 8, raw_data = 9.
function readTensor(file) {
  const bytes = fs.readFileSync(file);
  const tensor = {dims: [], raw: Buffer.alloc(0)};
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(value);
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const field = key >> 3;
    if ((key & 7) === 0) {
      const value = varint();
      if (field === 1) tensor.dims.push(value);
      if (field === 2) tensor.type = value;
    } else {
      const length = varint();
      const part = bytes.subarray(at, at + length);
      at += length;
      if (field === 1) for (at -= length; at < part.byteOffset - bytes.byteOffset + length;) tensor.dims.push(varint());
      if (field === 9) tensor.raw = part;
    }
  }
  const [name, ArrayType] = TYPES[tensor.type];
  const aligned = new Uint8Array(tensor.raw).buffer;
  return {type: name, dims: tensor.dims, data: new ArrayType(aligned)};
}

// Without it, ONNX Runtime adds pairs of 8-bit products in 16 bits and cuts the sums off, on x86 processors without VNNI.
const PRECISE = {x64quantprecision: '1'};

function session(model, optimization) {
  return ort.InferenceSession.create(model, {
    graphOptimizationLevel: optimization.level, intraOpNumThreads: 1, executionProviders: ['cpu'], logSeverityLevel: 3,
    extra: {session: {...PRECISE, ...(optimization.leaves_codes_alone ? {disable_quant_qdq: '1'} : {})}},
  });
}

function sameShape(name, actual, expected) {
  if (JSON.stringify(actual.dims) !== JSON.stringify(expected.dims)) {
    throw new Error(`'${name}' has shape [${actual.dims}], ours is [${expected.dims}]`);
  }
}

function checkExact(name, actual, expected) {
  sameShape(name, actual, expected);
  const bits = (array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);
  if (bits(actual.data).equals(bits(expected.data))) return;
  const at = expected.data.findIndex((value, i) => !Object.is(value, actual.data[i]));
  throw new Error(`'${name}'[${at}] is ${actual.data[at]}, ours is ${expected.data[at]}; they must be equal`);
}

function gapsOf(actual, expected) {
  return Array.from(expected.data, (value, i) => Math.abs(value - actual.data[i]));
}

function checkCodes(name, actual, expected) {
  sameShape(name, actual, expected);
  const gaps = gapsOf(actual, expected).filter((gap) => gap !== 0);
  if (gaps.some((gap) => gap !== 1) || gaps.length > Math.max(1, EDGE_SHARE_MAX[expected.type] * expected.data.length)) {
    throw new Error(`${gaps.length} of ${expected.data.length} codes of '${name}' differ, by up to ${Math.max(...gaps)}`);
  }
  return gaps.length;
}

function checkClose(name, actual, expected, tolerance) {
  sameShape(name, actual, expected);
  const range = Math.max(...expected.data) - Math.min(...expected.data);
  let worst = 0, at = 0;
  expected.data.forEach((value, i) => {
    const gap = Math.abs(value - actual.data[i]);
    if (!(gap <= worst)) [worst, at] = [gap, i];
  });
  if (!(worst <= tolerance * range)) {
    throw new Error(`'${name}'[${at}] is ${actual.data[at]}, ours is ${expected.data[at]}: ` +
                    `${worst / range} of the range, ${tolerance} is allowed`);
  }
  return worst / range;
}

async function main() {
  const folder = process.argv[2];
  const description = JSON.parse(fs.readFileSync(path.join(folder, 'case.json'), 'utf8'));
  const read = (file) => readTensor(path.join(folder, file));
  const feeds = {};
  for (const [name, file] of Object.entries(description.inputs)) {
    const {type, data, dims} = read(file);
    feeds[name] = new ort.Tensor(type, data, dims);
  }
  const probed = await (await session(path.join(folder, 'probed.onnx'), {level: 'disabled'})).run(feeds);
  const ofKind = (kind) => description.outputs.filter((output) => output.kind === kind);
  for (const output of ofKind('exact')) checkExact(output.name, probed[output.name], read(output.file));
  let edges = 0, worst = 0;
  if (description.given) {
    const given = {...feeds};
    for (const [name, file] of Object.entries(description.given)) {
      const {type, data, dims} = read(file);
      given[name] = new ort.Tensor(type, data, dims);
    }
    const stepwise = await (await session(path.join(folder, 'stepwise.onnx'), {level: 'disabled'})).run(given);
    for (const output of ofKind('codes')) edges += checkCodes(output.name, stepwise[output.name], read(output.file));
    for (const output of ofKind('output')) checkClose(output.name, stepwise[output.name], read(output.file), TOLERANCE);
  }
  const differs = ofKind('codes').some((output) => gapsOf(probed[output.name], read(output.file)).some((gap) => gap !== 0));
  // Behind a code that fell to the other side of an edge, two right runtimes are two draws of the quantization's noise: no
  // further apart than it moved ONNX Runtime's outputs from those of the model before. Which edges those are is each
  // processor's own, by its order of addition.
  const before = await (await session(path.join(folder, 'float.onnx'), {level: 'disabled'})).run(feeds);
  const toleranceOf = (output) => {
    if (!differs && !description.hidden_codes) return TOLERANCE;
    const values = Array.from(before[output.name].data);
    const moved = Math.max(...gapsOf(probed[output.name], before[output.name]));
    return Math.max(TOLERANCE_BEHIND_EDGES, moved / (Math.max(...values) - Math.min(...values)));
  };
  for (const output of ofKind('output')) {
    worst = Math.max(worst, checkClose(output.name, probed[output.name], read(output.file), toleranceOf(output)));
  }
  const optimized = await (await session(path.join(folder, 'model.onnx'), description.optimization)).run(feeds);
  let fused = 0;
  for (const output of ofKind('output')) {
    const expected = read(output.file);
    if (description.optimization.level !== 'all') checkClose(output.name, optimized[output.name], expected, toleranceOf(output));
    sameShape(output.name, optimized[output.name], expected);
    const range = Math.max(...expected.data) - Math.min(...expected.data);
    optimized[output.name].data.forEach((value, i) => {
      if (!Number.isFinite(value)) throw new Error(`'${output.name}'[${i}] is ${value} with all optimizations`);
      fused = Math.max(fused, Math.abs(value - expected.data[i]) / range);
    });
  }
  console.log(`${ofKind('exact').length} tensors exact, ${edges} inner codes on an edge, outputs within ${worst.toExponential(1)} of their range ` +
              `(${fused.toExponential(1)} optimized)`);
}

main().catch((error) => {
  console.error(`check_form: ${error.message}`);
  process.exit(1);
});
