// ONNX Runtime's side of speed_table.js.
//
// usage: node ort_engine.js MODEL FEEDS THREADS
//
// Run by itself it runs the model a few times and prints "BYTES BYTES": the process's peak memory before the model was
// read and at the end.
'use strict';
const fs = require('fs');
const path = require('path');
const ort = require('onnxruntime-node');
const {readTensors} = require('./tensors.js');

const MEMORY_RUNS = 3;

class OrtEngine {
  static async create(model, feeds, threads, extra = {}) {
    const engine = new OrtEngine();
    engine.session = await ort.InferenceSession.create(model, {
      executionProviders: ['cpu'], executionMode: 'sequential', graphOptimizationLevel: 'all', intraOpNumThreads: threads,
      interOpNumThreads: 1, logSeverityLevel: 3, ...extra,
    });
    engine.feeds = {};
    for (const [name, {type, dims, data}] of Object.entries(feeds)) engine.feeds[name] = new ort.Tensor(type, data, dims);
    return engine;
  }

  outputs() {
    return this.session.run(this.feeds);
  }

  // {wall, processor} seconds of `count` runs, one after the other.
  async run(count) {
    const start = process.hrtime.bigint();
    const before = process.cpuUsage();
    for (let i = 0; i < count; ++i) await this.session.run(this.feeds);
    const used = process.cpuUsage(before);
    return {wall: Number(process.hrtime.bigint() - start) / 1e9, processor: (used.user + used.system) / 1e6};
  }

  release() {
    return this.session.release();
  }
}

// Milliseconds a run by operator type and the slowest nodes, from ONNX Runtime's own profiler; of each node the least
// of all rounds, as `speed_table profile` takes it.
async function printProfile(model, feeds, rounds, folder) {
  const engine = await OrtEngine.create(model, feeds, 1, {
    enableProfiling: true, profileFilePrefix: path.join(folder, 'ort_profile'),
  });
  await engine.run(rounds);
  engine.session.endProfiling();
  await engine.release();
  const file = fs.readdirSync(folder).find((name) => name.startsWith('ort_profile'));
  const events = JSON.parse(fs.readFileSync(path.join(folder, file), 'utf8'));
  fs.rmSync(path.join(folder, file));
  const nodes = new Map();
  for (const event of events) {
    if (event.cat !== 'Node' || !event.name.endsWith('_kernel_time')) continue;
    const name = event.name.slice(0, -'_kernel_time'.length);
    const node = nodes.get(name) || nodes.set(name, {type: event.args.op_name, times: []}).get(name);
    node.times.push(event.dur / 1000);
  }
  const types = new Map();
  const slowest = [];
  let total = 0;
  for (const [name, {type, times}] of nodes) {
    const time = Math.min(...times);
    const sum = types.get(type) || types.set(type, {time: 0, count: 0}).get(type);
    sum.time += time;
    sum.count += 1;
    total += time;
    slowest.push([time, type, name]);
  }
  console.log(`total ${total.toFixed(3)} ms`);
  for (const [type, {time, count}] of [...types].sort((a, b) => b[1].time - a[1].time)) {
    console.log(`${time.toFixed(3).padStart(10)} ms ${(100 * time / total).toFixed(1).padStart(5)} % ${
        String(count).padStart(5)} x ${type}`);
  }
  console.log('slowest nodes');
  for (const [time, type, name] of slowest.sort((a, b) => b[0] - a[0]).slice(0, 25)) {
    console.log(`${time.toFixed(3).padStart(10)} ms ${type} ${name}`);
  }
}

function peakMemoryBytes() {
  return 1024 * Number(fs.readFileSync('/proc/self/status', 'utf8').match(/VmHWM:\s*(\d+) kB/)[1]);
}

async function main() {
  const [model, feeds, threads] = process.argv.slice(2);
  const tensors = readTensors(feeds, 'inputs.txt');
  const before = peakMemoryBytes();
  const engine = await OrtEngine.create(model, tensors, Number(threads));
  await engine.run(MEMORY_RUNS);
  console.log(`${before} ${peakMemoryBytes()}`);
}

if (require.main === module) {
  main().catch((error) => {
    console.error(`ort_engine: ${error.message}`);
    process.exit(1);
  });
}

module.exports = {OrtEngine, printProfile};
