/**
 * The contestant that is Gradus, of any checkout:
 * `gradus.ts DIR resident|ordinary [threads]`; by default as many threads as Gradus takes by itself.
 */
import { blockOf, type Opened, type Opening, repeated, sampled, serve, sizeOf } from "./lines.ts";
import { gradusOf, optimizerOf } from "./rules.ts";

type Tree = { readonly data: Float32Array<ArrayBuffer>; readonly shape: readonly number[] }[];

const [directory, place, threads] = Deno.args;
const gradus = await gradusOf(directory);

await serve(
  `Gradus of ${directory} on Deno ${Deno.version.deno}, ${place} arrays, ` +
    (threads === undefined ? "threads by default" : `threads: ${threads}`),
  open,
);

function open({ rule, form, folder, shapes, numbers }: Opening): Opened | string {
  const { sets: setCount, shift, trainingSteps, ahead, ...own } = numbers;
  const chosen = threads === undefined ? {} : { threads: Number(threads) };
  const opt = optimizerOf(gradus, rule, own)?.with({ backend: "wasm", ...chosen });
  if (opt === undefined) return "it has no such rule here";
  const sizes = shapes.map(sizeOf);
  const isResident = place === "resident";
  const placed = (arrays: Float32Array<ArrayBuffer>[]): Tree => {
    const tree = arrays.map((data, i) => ({ data, shape: shapes[i] }));
    return isResident ? gradus.resident(tree) : tree;
  };
  const free = (...trees: object[]) => {
    if (isResident) trees.forEach(gradus.release);
  };
  const [start, block] = [blockOf(folder, "w"), blockOf(folder, "g")];
  const gradients = (k: number) => placed(repeated(block, sizes, k * shift));
  const sets = Array.from({ length: setCount }, (_, k) => gradients(k));
  let params = placed(repeated(start, sizes));
  let state = opt.init(params);
  const times: Readonly<Record<string, (steps: number) => number>> = {
    fresh(steps) {
      let spent = 0;
      for (let left = steps; left > 0;) {
        const trees = Array.from({ length: Math.min(left, ahead) }, (_, k) => gradients(k));
        const begun = performance.now();
        for (const tree of trees) opt.step(params, tree, state);
        spent += performance.now() - begun;
        free(...trees);
        left -= trees.length;
      }
      return spent;
    },
    training(count) {
      let spent = 0;
      for (let k = 0; k < count; k++) {
        const arrays = repeated(start, sizes);
        const begun = performance.now();
        free(params, state);
        // As everyone does, it begins with a copy.
        params = placed(isResident ? arrays : arrays.map((each) => each.slice()));
        state = opt.init(params);
        for (let i = 0; i < trainingSteps; i++) opt.step(params, sets[i % setCount], state);
        spent += performance.now() - begun;
      }
      return spent;
    },
  };
  return {
    check(steps, stride) {
      const turns = setCount > 1 ? sets : [sets[0], gradients(1)];
      for (let k = 0; k < steps; k++) opt.step(params, turns[k % turns.length], state);
      if (setCount === 1) free(turns[1]);
      return sampled(params.map(({ data }) => data), stride);
    },
    time(steps) {
      if (Object.hasOwn(times, form)) return times[form](steps);
      const begun = performance.now();
      for (let k = 0; k < steps; k++) opt.step(params, sets[0], state);
      return performance.now() - begun;
    },
    close: () => free(params, state, ...sets),
  };
}
