/** Gradus inside jax-js on WebAssembly: its program in jax-js's operations, the whole step under one `jit`. */
import { init, jit, numpy as np, tree } from "@jax-js/jax";
import { type JaxState, toJax } from "@gradus/gradus/jax";
import type { Contestant, Stepper } from "../contestant.ts";
import { numbersAt, shapeOf } from "../tasks.ts";

/** The same device as the one that is written by hand, on one thread. */
export const gradusInJax: Contestant = {
  name: "Gradus in jax-js jit",
  takes: () => true,
  open: async ({ optimizer }, size): Promise<Stepper> => {
    await init("wasm");
    const opt = toJax(optimizer, np);
    const step = jit((w: np.Array, g: np.Array, state: JaxState<np.Array>) => {
      const [updates, next] = opt.update(g, state, w.ref);
      return { w: w.add(updates), next };
    });
    const numbers = numbersAt(size);
    const matrix = (data: Float32Array<ArrayBuffer>) => np.array(data, { shape: shapeOf(size) });
    const g = matrix(numbers.g);
    let w = matrix(numbers.w);
    let state = opt.init(w.ref);
    return {
      step() {
        const made = step(w, g.ref, state);
        [w, state] = [made.w, made.next];
        // Nothing is computed until something is read: the smallest output computes them all.
        state.count.ref.dataSync();
      },
      result: () => w.ref.dataSync() as Float32Array,
      close: () => tree.dispose([w, g, state]),
    };
  },
};
