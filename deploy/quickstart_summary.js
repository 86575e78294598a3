// Reads the JSON of tests/node/check_artifact.js, prints it for people, and fails below 99.5 % agreement.
'use strict';
const AGREEMENT_MIN = 0.995;
const result = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const percent = (share) => `${(100 * share).toFixed(2)} %`;
for (const [name, title] of [['disabled', 'optimization disabled'], ['default', 'default optimization']]) {
  const {agreement_with_quantd: agreement, accuracy} = result[name];
  console.log(`${title.padEnd(22)} same top-1 as quantd on ${percent(agreement)} of ${result.rows} rows, ` +
    `accuracy ${percent(accuracy)}`);
}
if (result.disabled.agreement_with_quantd < AGREEMENT_MIN) {
  console.error(`ONNX Runtime and quantd agree on fewer than ${percent(AGREEMENT_MIN)} of the rows`);
  process.exit(1);
}
