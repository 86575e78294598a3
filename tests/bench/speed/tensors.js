// Reads the folders of tensors that `speed_table` writes (tests/bench/speed/feeds.h).
'use strict';
const fs = require('fs');
const path = require('path');

const TYPES = {float: ['float32', Float32Array], int64: ['int64', BigInt64Array]};

// name -> {type, dims, data}, the type and data as onnxruntime-node's Tensor takes them.
function readTensors(folder, index) {
  const tensors = {};
  for (const line of fs.readFileSync(path.join(folder, index), 'utf8').split('\n').filter(Boolean)) {
    const [name, type, extents, file] = line.split(' ');
    if (!TYPES[type]) throw new Error(`${folder}: ${name} is of type ${type}`);
    const bytes = new Uint8Array(fs.readFileSync(path.join(folder, file)));
    const dims = extents.split(',').filter(Boolean).map(Number);
    tensors[name] = {type: TYPES[type][0], dims, data: new TYPES[type][1](bytes.buffer)};
  }
  return tensors;
}

module.exports = {readTensors};
