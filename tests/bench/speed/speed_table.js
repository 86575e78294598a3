// Compares quantd's float32 executor with ONNX Runtime in throughput and memory, and calibration with plain execution.
// docs/performance.md says how it measures.
//
// usage: NODE_PATH=tests/node/node_modules node tests/bench/speed/speed_table.js [flags]
//   --program FILE   (default: build/tests/speed_table)
//   --models DIR     every .onnx file there (default: tests/data/models)
//   --work DIR       generated models and inputs; kept, and generated once (default: build/speed)
//   --threads N      of each engine (default: 1)
//   --rounds N       turns of each engine (default: 9)
//   --seconds S      length of one turn (default: 0.4)
//   --clock NAME     wall, or processor: time that the engine's process ran; for one thread on a busy machine
//                    (default: wall)
//   --only NAME      models whose name contains it
//   --profile        where the time goes in each engine, instead of the table
//
// Prints Markdown. A model that an engine cannot run, or on which the outputs differ, is a line that says so.
'use strict';
const fs = require('fs');
const path = require('path');
const {parseArgs} = require('util');
const {OrtEngine, printProfile} = require('./ort_engine.js');
const {QuantdEngine, callProgram} = require('./quantd_engine.js');
const {readTensors} = require('./tensors.js');

const GENERATED = ['resnet50', 'bert_base', 'vit_b16'];
const SEQUENCE = 128;
const MANY = 16;             // The second batch of the small models.
const DIFFERENCE_MAX = 1e-3;  // Of the range of an output.
const CALL_RUNS = 2000;
const MEMORY_PROCESSES = 3;

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const geometricMean = (values) => Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
const mebibytes = (bytes) => (bytes / 2 ** 20).toFixed(0);

// The largest difference between the engines' outputs, as a share of the output's range.
function difference(expected, actual) {
  let worst = 0;
  for (const [name, {data}] of Object.entries(expected)) {
    const other = actual[name];
    if (!other || other.data.length !== data.length) throw new Error(`output ${name} is missing or of another size`);
    let low = Infinity, high = -Infinity, apart = 0;
    for (let i = 0; i < data.length; ++i) {
      low = Math.min(low, data[i]);
      high = Math.max(high, data[i]);
      const gap = Math.abs(data[i] - other.data[i]);
      if (!(gap <= apart)) apart = gap;  // NaN counts.
    }
    const share = apart / (high - low);
    if (!(share <= worst)) worst = share;
  }
  return worst;
}

// How many runs fill a turn; a multiple of the threads, so that none of ours idles.
async function runsPerTurn(engine, flags) {
  await engine.run(flags.threads);
  let runs = flags.threads;
  for (;;) {
    const seconds = (await engine.run(runs)).wall;
    if (seconds >= flags.seconds / 4) {
      return Math.max(1, Math.ceil(flags.seconds / (seconds / runs) / flags.threads)) * flags.threads;
    }
    runs *= 2;
  }
}

// Peak memory of both engines in bytes, in processes of their own: the median of a few, since a peak depends on when
// memory goes back.
function memory(flags, model, feeds) {
  const ours = () => callProgram(flags.program, 'memory', model, feeds, flags.threads);
  const theirs = () => callProgram(process.execPath, path.join(__dirname, 'ort_engine.js'), model, feeds, flags.threads);
  return [ours, theirs].map((measureOnce) => {
    const peaks = Array.from({length: MEMORY_PROCESSES}, () => measureOnce().split(' ').map(Number));
    return {raw: median(peaks.map(([, after]) => after)), net: median(peaks.map(([before, after]) => after - before))};
  });
}

// One line's figures: seconds a batch of both engines, medians over the rounds, and what else is measured.
async function measure(flags, model, feeds, callSeconds) {
  const ours = await QuantdEngine.create(flags.program, model, feeds, flags.threads);
  const theirs = await OrtEngine.create(model, readTensors(feeds, 'inputs.txt'), flags.threads);
  try {
    const apart = difference(await theirs.outputs(), await ours.outputs());
    if (!(apart <= DIFFERENCE_MAX)) throw new Error(`outputs differ by ${apart} of their range`);
    const runs = {ours: await runsPerTurn(ours, flags), theirs: await runsPerTurn(theirs, flags)};
    const rounds = [];
    for (let round = 0; round < flags.rounds; ++round) {
      const a = (await ours.run(runs.ours))[flags.clock] / runs.ours;
      const b = (await theirs.run(runs.theirs))[flags.clock] / runs.theirs - callSeconds;
      rounds.push({ours: a, theirs: b, ratio: b / a});
    }
    const overheads = [];
    for (let round = 0; round < flags.rounds; ++round) {
      const [plain, observed] = await ours.calibrate(runs.ours);
      overheads.push(observed[flags.clock] / plain[flags.clock] - 1);
    }
    return {
      apart, ours: median(rounds.map((r) => r.ours)), theirs: median(rounds.map((r) => r.theirs)),
      ratio: median(rounds.map((r) => r.ratio)), overhead: median(overheads), memory: memory(flags, model, feeds),
    };
  } finally {
    await ours.release();
    await theirs.release();
  }
}

// What one call through the Node binding takes with nothing to compute.
async function callCost(flags) {
  const feeds = path.join(flags.work, 'feeds', 'empty');
  const model = path.join(flags.work, 'empty.onnx');
  callProgram(flags.program, 'inputs', model, 1, 1, feeds);
  const engine = await OrtEngine.create(model, readTensors(feeds, 'inputs.txt'), flags.threads);
  await engine.run(CALL_RUNS);
  const times = [];
  for (let round = 0; round < flags.rounds; ++round) times.push((await engine.run(CALL_RUNS))[flags.clock] / CALL_RUNS);
  await engine.release();
  return median(times);
}

// {name, file, batches}, the given models first.
function listModels(flags) {
  const given = fs.readdirSync(flags.models).filter((name) => name.endsWith('.onnx')).sort();
  return [
    ...given.map((name) => ({name: name.slice(0, -5), file: path.join(flags.models, name), batches: [1, MANY]})),
    ...GENERATED.map((name) => ({name, file: path.join(flags.work, `${name}.onnx`), batches: [1]})),
  ].filter(({name}) => name.includes(flags.only));
}

// Calls work(model, batch, feeds) for each model and each batch that the model takes.
async function forEachCase(flags, work) {
  for (const model of listModels(flags)) {
    for (const batch of model.batches) {
      const feeds = path.join(flags.work, 'feeds', `${model.name}_${batch}`);
      const taken = Number(callProgram(flags.program, 'inputs', model.file, batch, SEQUENCE, feeds));
      if (taken === batch) await work(model, batch, feeds);
    }
  }
}

async function printTable(flags) {
  const callSeconds = await callCost(flags);
  console.log(`${flags.threads} thread(s); ${flags.rounds} rounds; ${flags.clock} time; oneDNN runs on ${
      callProgram(flags.program, 'isa')}; an empty call of ONNX Runtime takes ${
      (callSeconds * 1e6).toFixed(0)} us and is taken off.\n`);
  console.log('| model | batch | quantd, ms | ONNX Runtime, ms | throughput ratio | calibration overhead | quantd, MiB net (raw) | ONNX Runtime, MiB net (raw) | memory ratio | outputs apart |');
  console.log('|---|---|---|---|---|---|---|---|---|---|');
  const lines = [];
  await forEachCase(flags, async (model, batch, feeds) => {
    try {
      const line = {name: model.name, batch, ...await measure(flags, model.file, feeds, callSeconds)};
      const [ours, theirs] = line.memory;
      line.memoryRatio = ours.net / theirs.net;
      lines.push(line);
      console.log(`| ${[line.name, batch, (line.ours * 1e3).toFixed(3), (line.theirs * 1e3).toFixed(3), line.ratio.toFixed(2),
        `${(100 * line.overhead).toFixed(1)} %`, `${mebibytes(ours.net)} (${mebibytes(ours.raw)})`,
        `${mebibytes(theirs.net)} (${mebibytes(theirs.raw)})`, line.memoryRatio.toFixed(2),
        line.apart.toExponential(1)].join(' | ')} |`);
    } catch (error) {
      console.log(`| ${model.name} | ${batch} | ${error.message.split('\n')[0]} |`);
    }
  });
  if (lines.length === 0) return;
  const names = [...new Set(lines.map((line) => line.name))];
  const models = names.map((name) => geometricMean(lines.filter((l) => l.name === name).map((l) => l.ratio)));
  const least = lines.reduce((a, b) => (a.ratio < b.ratio ? a : b));
  const dearest = lines.reduce((a, b) => (a.overhead > b.overhead ? a : b));
  const largest = lines.reduce((a, b) => (a.memoryRatio > b.memoryRatio ? a : b));
  const label = (line) => `${line.name}, batch ${line.batch}`;
  console.log(`\nThroughput over ONNX Runtime's: geometric mean of the ${names.length} models ${
      geometricMean(models).toFixed(2)}x (a model with two batches counts once), least ${least.ratio.toFixed(2)}x (${
      label(least)}). Calibration overhead: at most ${(100 * dearest.overhead).toFixed(1)} % (${
      label(dearest)}). Net peak memory: at most ${largest.memoryRatio.toFixed(2)}x (${label(largest)}), geometric mean ${
      geometricMean(lines.map((l) => l.memoryRatio)).toFixed(2)}x.`);
}

async function printProfiles(flags) {
  await forEachCase(flags, async (model, batch, feeds) => {
    try {
      console.log(`\n## ${model.name}, batch ${batch}: quantd\n`);
      console.log(callProgram(flags.program, 'profile', model.file, feeds, flags.rounds));
      console.log(`\n## ${model.name}, batch ${batch}: ONNX Runtime\n`);
      await printProfile(model.file, readTensors(feeds, 'inputs.txt'), flags.rounds, feeds);
    } catch (error) {
      console.log(error.message);
    }
  });
}

async function main() {
  const text = (value) => ({type: 'string', default: value});
  const root = path.join(__dirname, '..', '..', '..');
  const {values: flags} = parseArgs({options: {
    program: text(path.join(root, 'build/tests/speed_table')), models: text(path.join(root, 'tests/data/models')),
    work: text(path.join(root, 'build/speed')), threads: text('1'), rounds: text('9'), seconds: text('0.4'),
    clock: text('wall'), only: text(''), profile: {type: 'boolean', default: false},
  }});
  for (const name of ['threads', 'rounds', 'seconds']) {
    flags[name] = Number(flags[name]);
    if (!(flags[name] > 0)) throw new Error(`--${name} must be a positive number`);
  }
  if (!['wall', 'processor'].includes(flags.clock)) throw new Error('--clock is wall or processor');
  if (!fs.existsSync(path.join(flags.work, 'empty.onnx'))) callProgram(flags.program, 'generate', flags.work);
  await (flags.profile ? printProfiles(flags) : printTable(flags));
}

main().catch((error) => console.error(`speed_table: ${error.message}`));
