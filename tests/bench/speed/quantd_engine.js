// quantd's side of speed_table.js: a `speed_table serve` process that runs on demand.
'use strict';
const {spawn, execFileSync} = require('child_process');
const readline = require('readline');
const {readTensors} = require('./tensors.js');

class QuantdEngine {
  static async create(program, model, feeds, threads) {
    const engine = new QuantdEngine();
    engine.folder = feeds;
    engine.child = spawn(program, ['serve', model, feeds, String(threads)], {stdio: ['pipe', 'pipe', 'pipe']});
    engine.complaints = '';
    engine.child.stderr.on('data', (text) => { engine.complaints += text; });
    engine.waiting = null;
    const settle = (action, value) => {
      const waiting = engine.waiting;
      engine.waiting = null;
      if (waiting) waiting[action](value);
    };
    readline.createInterface({input: engine.child.stdout}).on('line', (line) => settle('resolve', line));
    engine.child.on('close', () => settle('reject', new Error(engine.complaints.trim() || 'speed_table ended')));
    engine.child.stdin.on('error', () => {});  // Its end is reported by 'close'.
    await engine.answer();
    return engine;
  }

  answer() {
    return new Promise((resolve, reject) => { this.waiting = {resolve, reject}; });
  }

  ask(line) {
    const answer = this.answer();
    this.child.stdin.write(`${line}\n`);
    return answer;
  }

  async outputs() {
    await this.ask('outputs');
    return readTensors(this.folder, 'outputs.txt');
  }

  // {wall, processor} seconds of `count` runs.
  async run(count) {
    const [wall, processor] = (await this.ask(`run ${count}`)).split(' ').map(Number);
    return {wall, processor};
  }

  // The same of `count` runs, plain and observed.
  async calibrate(count) {
    const numbers = (await this.ask(`calibrate ${count}`)).split(' ').map(Number);
    return [{wall: numbers[0], processor: numbers[1]}, {wall: numbers[2], processor: numbers[3]}];
  }

  async release() {
    const closed = new Promise((resolve) => this.child.on('close', resolve));
    this.child.stdin.end();
    await closed;
  }
}

// What the program prints, without its last newline.
function callProgram(program, ...words) {
  return execFileSync(program, words.map(String), {encoding: 'utf8', maxBuffer: 1 << 24}).trim();
}

module.exports = {QuantdEngine, callProgram};
