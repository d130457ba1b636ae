/** Bounds and norms that are 0 or tiny: nothing becomes NaN, overflows or jumps. */
import {
  adamMini,
  adaptiveGradClip,
  applyUpdates,
  chain,
  clip,
  clipByBlockRms,
  clipByGlobalNorm,
  dadaptAdamw,
  dog,
  dowg,
  fromage,
  lamb,
  lars,
  linearSchedule,
  mechanize,
  muon,
  normalize,
  normalizeByUpdateNorm,
  novograd,
  type Optimizer,
  scaleByDistanceOverGradients,
  scaleByNovograd,
  scaleByTrustRatio,
  sgd,
} from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { BACKENDS } from "../golden/replay.ts";
import { MAKERS } from "./every.ts";

const TYPES = [Float32Array, Float64Array] as const;
type Dtype = typeof TYPES[number];

/** A vector and a matrix of these numbers. */
const tree = (dtype: Dtype, numbers: readonly number[]) => [
  { data: dtype.from(numbers.slice(0, 2)), shape: [2] },
  { data: dtype.from(numbers.slice(2)), shape: [2, 2] },
];
type Tree = ReturnType<typeof tree>;
const flat = (given: Tree) => given.flatMap(({ data }) => [...data]);

const START = [3, -4, 1, 2, -2, 4];
const NOTHING = [0, 0, 0, 0, 0, 0];

/** What steps and updates make of gradients, each in a tree of its own. */
function reached(opt: Optimizer, dtype: Dtype, start: readonly number[], gradients: number[][]) {
  const stepped = tree(dtype, start);
  let updated = tree(dtype, start);
  let [state, own] = [opt.init(updated), opt.init(stepped)];
  let updates = updated;
  for (const gradient of gradients) {
    opt.step(stepped, tree(dtype, gradient), own);
    [updates, state] = opt.update(tree(dtype, gradient), state, updated);
    updated = applyUpdates(updated, updates);
  }
  return { updates: flat(updates), updated: flat(updated), stepped: flat(stepped) };
}

for (const backend of BACKENDS) {
  for (const dtype of TYPES) {
    const test = (name: string, run: () => void) =>
      Deno.test(`${name} (${dtype.name}, ${backend})`, run);
    const on = (opt: Optimizer) => opt.with({ backend });

    const bounds: Readonly<Record<string, Optimizer>> = {
      clip: clip({ maxDelta: 0 }),
      clipByGlobalNorm: clipByGlobalNorm({ maxNorm: 0 }),
      clipByBlockRms: clipByBlockRms({ threshold: 0 }),
      adaptiveGradClip: adaptiveGradClip({ clipping: 0, eps: 0 }),
    };
    for (const [name, opt] of Object.entries(bounds)) {
      test(`${name} lets nothing through a bound of 0, but for NaN`, () => {
        for (const gradient of [NOTHING, START, START.map((x) => 1e-25 * x)]) {
          const { updates, stepped } = reached(on(opt), dtype, START, [gradient]);
          assertEquals(updates.map((x) => x + 0), NOTHING);
          assertEquals(stepped, START);
        }
        const { updates } = reached(on(opt), dtype, START, [START.with(1, NaN)]);
        assert(Number.isNaN(updates[1]));
      });
    }

    test("a clip by a norm that falls to 0 stops everything there", () => {
      const falls = linearSchedule({ initValue: 7, endValue: 0, transitionSteps: 1 });
      const clips = [clipByGlobalNorm({ maxNorm: falls }), clipByBlockRms({ threshold: falls })];
      for (const opt of clips) {
        const gradients = [START, NOTHING, START];
        const { updated, stepped } = reached(on(opt), dtype, NOTHING, gradients);
        const [first] = [reached(on(opt), dtype, NOTHING, [START]).updated];
        assert(Math.hypot(...first) > 6);
        for (const params of [updated, stepped]) assertEquals(params, first);
      }
    });

    const still: Readonly<Record<string, Optimizer>> = {
      normalize: normalize(),
      normalizeByUpdateNorm: normalizeByUpdateNorm({ eps: 0 }),
      scaleByTrustRatio: scaleByTrustRatio(),
      lars: lars({ learningRate: 0.1 }),
      larsOfSums: lars({ learningRate: 0.1, sumsNorms: true }),
      lamb: lamb({ learningRate: 0.1 }),
      novograd: novograd({ learningRate: 0.1, eps: 0 }),
      scaleByNovograd: scaleByNovograd({ eps: 0 }),
      adamMini: adamMini({ learningRate: 0.1, eps: 0 }),
      dog: dog({ eps: 0 }),
      dowg: dowg({ eps: 0, initEstimSqDist: 1e-4 }),
      scaleByDistanceOverGradients: scaleByDistanceOverGradients({ eps: 0 }),
      mechanize: mechanize(sgd({ learningRate: 0.1 }), { eps: 0 }),
      muon: muon({ learningRate: 0.1, eps: 0, matrices: [false, true] }),
    };
    for (const [name, opt] of Object.entries(still)) {
      // AdamW's part of Muon has a root for each element.
      const start = name === "muon" ? START.with(0, 0).with(1, 0) : START;
      test(`${name} stays while gradients are 0, and goes on after`, () => {
        const isMatrix = (i: number) => name !== "muon" || i > 1;
        for (const from of [start, NOTHING]) {
          const { updates, stepped } = reached(on(opt), dtype, from, [NOTHING, NOTHING, NOTHING]);
          updates.forEach((x, i) => assert(!isMatrix(i) || x === 0, `update ${i} is ${x}`));
          stepped.forEach((x, i) => assert(!isMatrix(i) || x === from[i], `${i} is ${x}`));
        }
        const later = reached(on(opt), dtype, START, [START, NOTHING, START]);
        for (const numbers of [later.updates, later.stepped]) {
          numbers.forEach((x, i) => assert(!isMatrix(i) || Number.isFinite(x), `${i} is ${x}`));
        }
        assert(later.updated.some((x, i) => x !== START[i]), "it moves");
      });
    }

    test("Fromage without a least norm shrinks the parameters alone", () => {
      const opt = on(fromage({ learningRate: 0.75, minNorm: 0 }));
      for (const from of [START, NOTHING]) {
        const { updates } = reached(opt, dtype, from, [NOTHING]);
        updates.forEach((x, i) => assert(Math.abs(x + 0.2 * from[i]) < 1e-6));
      }
      const { updates } = reached(opt, dtype, NOTHING, [START]);
      assertEquals(updates.map((x) => x + 0), NOTHING);
    });

    test("D-Adaptation without ε learns from its first step on", () => {
      const opt = on(dadaptAdamw({ eps: 0, estimLr0: 0.01 }));
      const { stepped } = reached(opt, dtype, START, [START, START, START]);
      stepped.forEach((x, i) => assert(Math.abs(x) < Math.abs(START[i]), `${i} is ${x}`));
    });

    test("a trust ratio and the like follow float64 where gradients are tiny", () => {
      const ratios: readonly Optimizer[] = [
        lars({ learningRate: 1, trustCoefficient: 1, momentum: 0 }),
        lars({ learningRate: 1, sumsNorms: true, nesterov: true }),
        scaleByTrustRatio(),
        chain(scaleByTrustRatio({ trustCoefficient: 1e3 }), clip({ maxDelta: 1e9 })),
        fromage({ learningRate: 0.75, minNorm: 0 }),
        normalize(),
        normalizeByUpdateNorm({ scaleFactor: 1e3, eps: 0 }),
        lamb({ learningRate: 1, b1: 0 }),
      ];
      for (const opt of ratios) {
        for (const factor of [1e-38, 1e-40, 1e-43]) {
          // What float32 holds of them; a subnormal norm has as few digits as they have.
          const gradient = [...Float32Array.from(START, (x) => factor * x)];
          const slack = 1e-6 + 2 ** -149 / factor;
          const exact = reached(opt.with({ backend: "interpreter" }), Float64Array, START, [
            gradient,
          ]);
          const { updates, stepped } = reached(on(opt), dtype, START, [gradient]);
          const scale = Math.max(...exact.updates.map(Math.abs));
          updates.forEach((x, i) => {
            const error = Math.abs(x - exact.updates[i]);
            assert(error <= slack * scale, `${opt.program.name}: ${x}, not ${exact.updates[i]}`);
          });
          stepped.forEach((x, i) => {
            const error = Math.abs(x - exact.stepped[i]);
            assert(error <= slack * scale + 1e-6, `${opt.program.name}: ${x}`);
          });
        }
      }
    });
  }
}

// What ADOPT divides by is ε alone there, as in its paper: the clipping is what bounds it.
const MAY_JUMP = /^(scaleByAdopt|adopt) with other .*useClipping/;
for (const { name, make } of MAKERS.filter(({ name }) => !MAY_JUMP.test(name))) {
  Deno.test(`${name} does not jump after three gradients of 0`, () => {
    const opt = make().with({ backend: "interpreter" });
    const gradients = (x: number) => [Float64Array.of(x, -x), Float64Array.of(0, x / 2)];
    const params = [Float64Array.of(1, -2), Float64Array.of(0.5, 0)];
    let state = opt.init(params);
    for (const x of [0, 0, 0, 1]) {
      const inputs = Object.fromEntries(
        [...opt.program.inputs].map((
          [input, kind],
        ) => [input, kind === "scalar" ? 1 : gradients(1)]),
      );
      const [updates, next] = opt.update(gradients(x), state, params, inputs);
      state = next;
      for (const u of updates.flatMap((leaf) => [...leaf])) assert(Math.abs(u) <= 10, `${u}`);
    }
  });
}
