/** jax-js on WebAssembly: AdamW as its Optax computes it, the whole step under one `jit`. */
import { init, jit, numpy as np } from "@jax-js/jax";
import type { Contestant, Stepper } from "../contestant.ts";
import { HYPER, numbersAt, shapeOf } from "../tasks.ts";

const B1 = 0.9;
const B2 = 0.999;
const EPS = 1e-8;
const DECAY = 1e-4;

type State = [w: np.Array, m: np.Array, v: np.Array, count: np.Array];

/** jax-js, one thread: its synchronous reads keep it off its worker pool. */
export const jax: Contestant = {
  name: "jax-js jit AdamW",
  takes: ({ optimizer }) => optimizer.program.name === "adamw",
  open: async (_task, size): Promise<Stepper> => {
    await init("wasm");
    const numbers = numbersAt(size);
    const matrix = (data: Float32Array<ArrayBuffer>) => np.array(data, { shape: shapeOf(size) });
    const g = matrix(numbers.g);
    let state: State = [
      matrix(numbers.w),
      np.zeros(shapeOf(size)),
      np.zeros(shapeOf(size)),
      np.array(0),
    ];
    let t = 0;
    return {
      step() {
        t++;
        // In jax-js a call takes over its arrays; the corrections change, so they are arguments.
        const [c1, c2] = [np.array(1 / (1 - B1 ** t)), np.array(1 / (1 - B2 ** t))];
        state = step(...state, g.ref, c1, c2);
        // Nothing is computed until something is read: the smallest output computes them all.
        state[3].ref.dataSync();
      },
      result: () => state[0].ref.dataSync() as Float32Array,
      close: () => [...state, g].forEach((array) => array.dispose()),
    };
  },
};

const step = jit((
  w: np.Array,
  m: np.Array,
  v: np.Array,
  count: np.Array,
  g: np.Array,
  c1: np.Array,
  c2: np.Array,
): State => {
  const nextM = m.mul(B1).add(g.ref.mul(1 - B1));
  const nextV = v.mul(B2).add(np.square(g).mul(1 - B2));
  const direction = nextM.ref.mul(c1).div(np.sqrt(nextV.ref.mul(c2)).add(EPS));
  const u = direction.add(w.ref.mul(DECAY)).mul(HYPER.learningRate);
  return [w.sub(u), nextM, nextV, count.add(1)];
});
