/** Line searches step by step as in Optax, to minima, with the same bits on every backend. */
import {
  chain,
  GradusError,
  lbfgs,
  masked,
  type Optimizer,
  scaleByBacktrackingLinesearch,
  scaleByLbfgs,
  scaleByZoomLinesearch,
  sgd,
  valueAndGradFromState,
} from "../../mod.ts";
import { toOnnx } from "../../export/onnx/mod.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { BACKENDS } from "./replay.ts";

type Vector = Float64Array<ArrayBuffer>;
type Loss = (x: Vector) => [value: number, gradients: Vector];

/** The losses of Optax's tests, with gradients by hand. */
const LOSSES: Readonly<Record<string, { readonly start: readonly number[]; readonly of: Loss }>> = {
  rosenbrock: {
    start: [0, 0],
    of: ([x, y]) => {
      const rest = y - x * x;
      return [
        (1 - x) ** 2 + 100 * rest ** 2,
        Float64Array.of(2 * (x - 1) - 400 * x * rest, 200 * rest),
      ];
    },
  },
  himmelblau: {
    start: [1, 1],
    of: ([x, y]) => {
      const [p, q] = [x * x + y - 11, x + y * y - 7];
      return [p * p + q * q, Float64Array.of(4 * p * x + 2 * q, 2 * p + 4 * q * y)];
    },
  },
  matyas: {
    start: [6, 6],
    of: ([x, y]) => [
      0.26 * (x * x + y * y) - 0.48 * x * y,
      Float64Array.of(0.52 * x - 0.48 * y, 0.52 * y - 0.48 * x),
    ],
  },
  eggholder: {
    start: [6, 6],
    of: ([x, y]) => {
      const [a, b] = [x / 2 + y + 47, x - (y + 47)];
      const [p, q] = [Math.sqrt(Math.abs(a)), Math.sqrt(Math.abs(b))];
      const [dp, dq] = [Math.sign(a) / (2 * p), Math.sign(b) / (2 * q)];
      const [cp, cq] = [(y + 47) * Math.cos(p) * dp, x * Math.cos(q) * dq];
      return [
        -(y + 47) * Math.sin(p) - x * Math.sin(q),
        Float64Array.of(-cp / 2 - Math.sin(q) - cq, -Math.sin(p) - cp + cq),
      ];
    },
  },
  zakharov: {
    start: [600, 700, 200, 100, 90, 1000],
    of: (x) => {
      const sum = x.reduce((all, each, i) => all + 0.5 * (i + 1) * each, 0);
      return [
        x.reduce((all, each) => all + each * each, 0) + sum ** 2 + sum ** 4,
        x.map((each, i) => 2 * each + (2 * sum + 4 * sum ** 3) * 0.5 * (i + 1)),
      ];
    },
  },
};

const zoom = scaleByZoomLinesearch;
const backtracking = scaleByBacktrackingLinesearch;
const linesearch = zoom({ maxLinesearchSteps: 20, initialGuessStrategy: "one" });
const descent = sgd({ learningRate: 1 });

const OPTIMIZERS: Readonly<Record<string, Optimizer>> = {
  "lbfgs": lbfgs({ linesearch }),
  "lbfgs by parts": chain(scaleByLbfgs({ memorySize: 5 }), descent, linesearch),
  "sgd, zoom": chain(descent, zoom({ maxLinesearchSteps: 15 })),
  "sgd, zoom, bounded": chain(
    descent,
    zoom({ maxLinesearchSteps: 4, maxLearningRate: 0.05, curvRtol: 0.1, approxDecRtol: null }),
  ),
  "sgd, backtracking": chain(descent, backtracking({ maxBacktrackingSteps: 50 })),
  "sgd, backtracking, short": chain(
    descent,
    backtracking({
      maxBacktrackingSteps: 5,
      slopeRtol: 0.3,
      decreaseFactor: 0.5,
      increaseFactor: Infinity,
      rtol: 0.1,
      atol: 0.01,
      maxLearningRate: 0.5,
      storeGrad: true,
    }),
  ),
};

interface Case {
  readonly optimizer: string;
  readonly loss: string;
  /** By step: the rate, how many places were looked at, the error, the loss, the parameters. */
  readonly steps: readonly (readonly (number | string)[])[];
}

const cases: readonly Case[] = JSON.parse(
  Deno.readTextFileSync(new URL("linesearch.json", import.meta.url)),
);

/** The rows of a run as the cases have them. */
function run(opt: Optimizer, { start, of }: typeof LOSSES[string], steps: number): number[][] {
  const x = Float64Array.from(start);
  const state = opt.init(x);
  const rate = Object.keys(state).find((name) => /^learningRate(_2)?$/.test(name))!;
  return Array.from({ length: steps }, () => {
    const [value, gradients] = of(x);
    opt.step(x, gradients, state, { value, valueAndGrad: of });
    const { numLinesearchSteps, decreaseError, value: found } = state;
    return [state[rate], numLinesearchSteps, decreaseError, found, ...x] as number[];
  });
}

const isClose = (actual: number, expected: number) =>
  Object.is(actual, expected) ||
  Math.abs(actual - expected) <= 1e-9 * Math.max(1e-3, Math.abs(expected));

for (const { optimizer, loss, steps } of cases) {
  Deno.test(`${optimizer} on ${loss} goes as in Optax`, () => {
    const actual = run(OPTIMIZERS[optimizer], LOSSES[loss], steps.length);
    for (let t = 0; t < steps.length; t++) {
      const expected = steps[t].map((value) => Number(value === "inf" ? Infinity : value));
      actual[t].forEach((value, i) =>
        assert(isClose(value, expected[i]), `step ${t}, entry ${i}: ${value}, not ${expected[i]}`)
      );
      // After a rate of 0 Optax stays where it is, and at a minimum nothing but rounding is left.
      if (expected[0] === 0 || Math.abs(expected[3]) < 1e-20) break;
    }
  });
}

Deno.test("a search has the same bits on every backend, and updates are what steps add", () => {
  for (const [name, opt] of Object.entries(OPTIMIZERS)) {
    for (const loss of ["rosenbrock", "zakharov"]) {
      const [first, ...others] = BACKENDS.map((backend) =>
        run(opt.with({ backend }), LOSSES[loss], 6)
      );
      for (const other of others) assertEquals(other, first, `${name} on ${loss}`);
    }
  }
  const { start, of } = LOSSES.himmelblau;
  const opt = OPTIMIZERS.lbfgs;
  const [x, y] = [Float64Array.from(start), Float64Array.from(start)];
  let [stepped, updated] = [opt.init(x), opt.init(y)];
  for (let t = 0; t < 5; t++) {
    const [value, gradients] = of(x);
    const inputs = { value, valueAndGrad: of };
    const before = structuredClone(updated);
    const [updates, next] = opt.update(gradients, updated, y, inputs);
    assertEquals(structuredClone(updated), before);
    y.forEach((_, i) => y[i] += updates[i]);
    updated = next as typeof updated;
    opt.step(x, gradients, stepped, inputs);
    assertEquals(y, x);
    assertEquals(structuredClone(updated), structuredClone(stepped));
  }
  stepped = updated;
});

Deno.test("L-BFGS with a search comes to the minima of Optax's tests", () => {
  const minima: Readonly<Record<string, readonly number[]>> = {
    rosenbrock: [1, 1],
    himmelblau: [3, 2],
    matyas: [0, 0],
    eggholder: [8.456934465, 15.650918135],
    zakharov: [0, 0, 0, 0, 0, 0],
  };
  for (const [loss, minimum] of Object.entries(minima)) {
    const [last] = run(OPTIMIZERS.lbfgs, LOSSES[loss], 60).slice(-1);
    minimum.forEach((value, i) =>
      assert(Math.abs(last[4 + i] - value) < 1e-5, `${loss}: ${last.slice(4)}`)
    );
  }
  const steep = {
    start: [1, 2, 3],
    of: (x: Vector): [number, Vector] => [
      x.reduce((sum, each) => sum + 1e4 * each * each, 0),
      x.map((each) => 2e4 * each),
    ],
  };
  const [last] = run(OPTIMIZERS.lbfgs, steep, 5).slice(-1);
  assert(Math.hypot(...last.slice(4)) < 1e-5, String(last));
});

Deno.test("a function that uses its arrays again does not change what is found", () => {
  const { start, of } = LOSSES.rosenbrock;
  const shared = new Float64Array(2);
  const again: Loss = (x) => {
    const [value, gradients] = of(x);
    shared.set(gradients);
    return [value, shared];
  };
  for (const [name, opt] of Object.entries(OPTIMIZERS)) {
    assertEquals(run(opt, { start, of: again }, 6), run(opt, { start, of }, 6), name);
  }
});

Deno.test("a loss that is lost after a wild step is found again", () => {
  // Optax's rate is 0 from then on.
  const barrier: Loss = ([x]) => [x - Math.log(x), Float64Array.of(1 - 1 / x)];
  for (
    const search of [backtracking({ maxBacktrackingSteps: 20 }), zoom({ maxLinesearchSteps: 20 })]
  ) {
    const opt = chain(descent, search);
    const x = Float64Array.of(1e-2);
    const state = opt.init(x);
    const isLost = (value: number, gradients: Vector) => ({
      value,
      valueAndGrad: () => [NaN, gradients],
      valueFn: () => NaN,
    });
    const [value, gradients] = barrier(x);
    opt.step(x, gradients, state, isLost(value, gradients));
    assertEquals([x[0], state.decreaseError], [1e-2, Infinity]);
    for (let t = 0; t < 60; t++) {
      const [value, gradients] = barrier(x);
      opt.step(x, gradients, state, { value, valueAndGrad: barrier });
    }
    assert(Math.abs(x[0] - 1) < 1e-4, `${search.program.name}: ${x[0]}`);
  }
});

Deno.test("what a search cannot do is refused by its name, and changes nothing", () => {
  const opt = OPTIMIZERS.lbfgs;
  const x = Float64Array.of(1, 2);
  const state = opt.init(x);
  const before = structuredClone({ x, state });
  const g = Float64Array.of(2, 4);
  const valueAndGrad = () => [1, g];
  const refused: readonly (readonly [() => unknown, RegExp])[] = [
    [() => opt.step(x, g, state), /`valueAndGrad` must be a function/],
    [() => opt.step(x, g, state, { valueAndGrad }), /input `value` must be a number/],
    [() => opt.step(x, g, state, { value: 1, valueAndGrad: () => 3 }), /\[loss, gradients\]/],
    [() => opt.step(x, g, state, { value: 1, valueAndGrad: async () => await [1, g] }), /at once/],
    [
      () => opt.step(x, g, state, { value: 1, valueAndGrad: () => [1, Float64Array.of(1)] }),
      /gradients/,
    ],
    [() => opt.update(g, state, undefined, { value: 1, valueAndGrad }), /third argument/],
    [() => opt.step(x, g, state, { value: 1, valueAndGrad }, { missing: "skip" }), /skip/],
    [() => toOnnx(opt, { x: { data: Float32Array.of(1), shape: [1] } }), /scaleByZoomLinesearch/],
    [() => masked(opt, true), /scaleByZoomLinesearch/],
    [() => chain(opt, descent), /scaleByZoomLinesearch/],
    [() => zoom({ maxLinesearchSteps: 0 }), /maxLinesearchSteps/],
    [() => backtracking({ maxBacktrackingSteps: 3, decreaseFactor: 1 }), /decreaseFactor/],
    [() => valueAndGradFromState(descent, LOSSES.matyas.of), /search/],
    [
      () => valueAndGradFromState(backtracking({ maxBacktrackingSteps: 3 }), LOSSES.matyas.of),
      /keep/,
    ],
  ];
  for (const [act, why] of refused) {
    const { message } = assertThrows(act, GradusError);
    assert(why.test(message), message);
    assertEquals(structuredClone({ x, state }), before);
  }
});
