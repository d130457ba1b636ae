/** Tensors of no elements: no state becomes NaN or infinite, and no other tensor is the worse for them. */
import {
  adafactor,
  applyIfFinite,
  averageParams,
  dynamicLossScale,
  type HyperValue,
  lookahead,
  mechanize,
  multiSteps,
  type Optimizer,
  type OptimizerFactory,
  reduceOnPlateau,
  scaleByFactoredRms,
  scheduleFree,
  sgd,
  zeroNans,
} from "../../mod.ts";
import * as zoo from "../../zoo/mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { BACKENDS } from "../golden/replay.ts";

/** Every optimizer by its options, which say more than its hyperparameters, and wrappers. */
const OPTIMIZERS: readonly (readonly [string, Optimizer])[] = [
  ...Object.entries(zoo).map(([name, factory]) => {
    const required = [...factory.program.hyper]
      .filter(([each, value]) => value === "required" && !each.endsWith("_adam"))
      .map(([each]) => [each, factory.program.domains.get(each)?.isWhole ? 1 : 0.125]);
    const make = factory as OptimizerFactory<Record<string, HyperValue>>;
    return [name, make(Object.fromEntries(required))] as const;
  }),
  ["adafactor of any axes", adafactor({ minDimSizeToFactor: 0 })],
  ["scaleByFactoredRms of any axes", scaleByFactoredRms({ minDimSizeToFactor: 0 })],
  ["applyIfFinite", applyIfFinite(sgd({ learningRate: 0.5 }), { maxConsecutiveErrors: 2 })],
  ["averageParams", averageParams(sgd({ learningRate: 0.5 }), { decay: 0.5 })],
  ["dynamicLossScale", dynamicLossScale(sgd({ learningRate: 0.5 }))],
  [
    "lookahead",
    lookahead(sgd({ learningRate: 0.5, momentum: 0.5 }), { syncPeriod: 2, slowStepSize: 0.5 }),
  ],
  ["mechanize", mechanize(sgd({ learningRate: 0.5 }))],
  ["multiSteps", multiSteps(sgd({ learningRate: 0.5 }), { everyKSchedule: 2 })],
  ["scheduleFree", scheduleFree(sgd({ learningRate: 0.5 }), { learningRate: 0.5 })],
];

const EMPTY = [[0], [0, 3], [3, 0], [0, 0], [2, 0, 4], [0, 2, 1, 3]];

/** Fails at a number in `tree` that is NaN or infinite. */
function assertFinite(tree: unknown, path: string): void {
  if (typeof tree === "number") assert(Number.isFinite(tree), `${path} is ${tree}`);
  else if (ArrayBuffer.isView(tree)) {
    for (const number of tree as Float32Array) {
      assert(Number.isFinite(number), `${path}: ${number}`);
    }
  } else if (typeof tree === "object" && tree !== null) {
    for (const [key, inner] of Object.entries(tree)) assertFinite(inner, `${path}/${key}`);
  }
}

for (const backend of BACKENDS) {
  for (const dtype of [Float32Array, Float64Array]) {
    const empty = EMPTY.map((shape) => ({ data: dtype.of(), shape }));
    const filled = (...numbers: number[]) => [{ data: dtype.from(numbers), shape: [2, 2] }];
    for (const [name, optimizer] of OPTIMIZERS) {
      Deno.test(`${name} of nothing keeps finite numbers (${dtype.name}, ${backend})`, () => {
        const opt = optimizer.with({ backend });
        const inputs = (t: number, gradients: object) =>
          Object.fromEntries(
            [...opt.program.inputs].map((
              [input, kind],
            ) => [input, kind === "scalar" ? 4 - t : gradients]),
          );
        for (const full of [[], filled(1, -2, 3, 4)]) {
          const params = [...full, ...empty];
          const stepped = structuredClone(params);
          let [state, own] = [opt.init(params), opt.init(stepped)];
          let alone = full.length === 0 ? state : opt.init(full);
          for (let t = 0; t < 3; t++) {
            const few = full.length === 0 ? [] : filled(t, -1, 0.5, 2);
            const gradients = [...few, ...empty];
            const [updates, next] = opt.update(gradients, state, params, inputs(t, gradients));
            opt.step(stepped, gradients, own, inputs(t, gradients));
            state = next;
            // A best loss of infinity is no reduction.
            const { hyper: _, best: _best, ...states } = state;
            const { hyper: _hyper, best: _other, ...others } = own;
            assertFinite([updates, states, stepped, others], name);
            if (full.length === 0) continue;
            const [expected, after] = opt.update(few, alone, full, inputs(t, few));
            assertEquals(updates.slice(0, 1), expected);
            alone = after;
          }
        }
      });
    }

    Deno.test(`zeroNans says of each tensor whether it had one (${dtype.name}, ${backend})`, () => {
      const opt = zeroNans().with({ backend });
      const gradients = [dtype.of(), dtype.of(1, NaN), dtype.of(1, 2)];
      const [updates, state] = opt.update(gradients, opt.init(gradients));
      assertEquals(updates, [dtype.of(), dtype.of(1, 0), dtype.of(1, 2)]);
      assertEquals(state.foundNan, [dtype.of(0), dtype.of(1), dtype.of(0)]);
    });
  }
}

Deno.test("a plateau of an empty tree is told by its losses", () => {
  const opt = reduceOnPlateau({ patience: 1, factor: 0.5 });
  const params = Float32Array.of();
  const state = opt.init(params);
  for (const value of [2, 2]) opt.step(params, Float32Array.of(), state, { value });
  assertEquals(state.scale, 0.5);
});
