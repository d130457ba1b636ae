/** Writes a checkpoint to the path given, twice, reads it, and prints what came of it. */
import { readCheckpoint, save, writeCheckpoint } from "../../export/safetensors/mod.ts";
import { adam } from "../../zoo/adam.ts";

const { argv } = (globalThis as unknown as { process: { argv: string[] } }).process;
const [path] = argv.slice(2);
const optimizer = adam({ learningRate: 0.5 });
// Larger than a piece of the stream.
const params = { w: new Float32Array(300_000).fill(1) };
const state = optimizer.init(params);
for (let step = 0; step < 2; step++) {
  optimizer.step(params, { w: new Float32Array(300_000).fill(1) }, state);
  await writeCheckpoint(path, { optimizer, params, state });
}
const run = await readCheckpoint(path);
const [read, written] = [save(run), save({ optimizer, params, state })];
const missing = await readCheckpoint(`${path}.none`).catch((error) => error.message);
console.log(JSON.stringify([
  run.state.count,
  read.length === written.length && read.every((byte, i) => byte === written[i]),
  missing.startsWith(`Cannot read the checkpoint \`${path}.none\`: ENOENT`),
]));
