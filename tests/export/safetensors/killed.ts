/** Steps and writes a checkpoint again and again, until it is killed: a process of `files_test.ts`. */
import { readCheckpoint, writeCheckpoint } from "../../../export/safetensors/mod.ts";
import { sgd } from "../../../zoo/sgd.ts";

const [path] = Deno.args;
const optimizer = sgd({ learningRate: 0.5, momentum: 1 });
const isThere = await Deno.stat(path).then(() => true, () => false);
const begun = () => {
  const params = { w: new Float32Array(500_000), b: new Float32Array(3) };
  return { params, state: optimizer.init(params) };
};
const { params, state } = isThere ? await readCheckpoint(path) : begun();
const gradients = { w: new Float32Array(500_000).fill(1), b: new Float32Array(3).fill(1) };
while (true) {
  optimizer.step(params as typeof gradients, gradients, state);
  await writeCheckpoint(path, { optimizer, params, state });
  console.log(state.count);
}
