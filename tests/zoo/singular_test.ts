/** Gradients of a softmax sum to 0, and inputs that are always 0 have none: what is made of them has no inverse. */
import { dion, dion2, muon, normuon, type Optimizer, scion, shampoo, soap } from "../../mod.ts";
import { assert } from "../assert.ts";

const STEPS = 35;
const SHAPES = [[10, 64], [64, 64], [32, 8], [3, 50]] as const;

/** The same gradients of a shape at each call: columns sum to 0, and the latter half of them is 0. */
function gradientsOf([rows, columns]: readonly [number, number]): number[][] {
  let bits = 7;
  const draw = () => (bits = (bits * 1664525 + 1013904223) >>> 0) / 2 ** 32 - 0.5;
  return Array.from({ length: STEPS }, () => {
    const gradient = Array<number>(rows * columns).fill(0);
    for (let column = 0; column < columns / 2; column++) {
      for (let row = 0; row < rows - 1; row++) {
        const value = 0.01 * draw();
        gradient[row * columns + column] = value;
        gradient[(rows - 1) * columns + column] -= value;
      }
    }
    return gradient;
  });
}

/** Where a parameter comes to from 0. */
function stepped(
  opt: Optimizer,
  shape: readonly [number, number],
  Array: typeof Float32Array | typeof Float64Array,
): Float32Array | Float64Array {
  const params = { data: new Array(shape[0] * shape[1]), shape: [...shape] };
  const state = opt.init(params);
  for (const gradient of gradientsOf(shape)) {
    opt.step(params, { data: Array.from(gradient), shape: [...shape] }, state);
  }
  return params.data;
}

for (const b2 of [1, 0.95]) {
  Deno.test(`shampoo with b2 ${b2} comes in float32 to where it comes in float64, without inverses too`, () => {
    for (const shape of SHAPES) {
      const opt = shampoo({ learningRate: 0.01, b2 });
      const [short, long] = [Float32Array, Float64Array].map((Array) => stepped(opt, shape, Array));
      const apart = Math.hypot(...short.map((value, i) => value - long[i])) / Math.hypot(...long);
      assert(apart < 0.1, `${shape}: ${apart} apart`);
    }
  });
}

const OTHERS: Readonly<Record<string, Optimizer>> = {
  dion: dion({ learningRate: 0.01 }),
  dion2: dion2({ learningRate: 0.01 }),
  muon: muon({ learningRate: 0.01 }),
  normuon: normuon({ learningRate: 0.01 }),
  scion: scion({ learningRate: 0.01 }),
  soap: soap({ learningRate: 0.01 }),
};
for (const [name, opt] of Object.entries(OTHERS)) {
  Deno.test(`${name} stays finite and moves where factors have no inverse`, () => {
    for (const shape of SHAPES) {
      const reached = stepped(opt, shape, Float32Array);
      assert(reached.every(Number.isFinite), `${shape}`);
      assert(reached.some((value) => value !== 0), `${shape}`);
    }
  });
}
