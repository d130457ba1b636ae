/** Projections, losses and others by their exact values in Optax, on every backend: optax_names.json has them. */
import {
  adaptiveGradClip,
  type AdaptiveGradClipOptions,
  chain,
  clipByGlobalNorm,
  measureWithEma,
  monitor,
  type Optimizer,
  scaleByMuon,
  type ScaleByMuonOptions,
  sgd,
} from "../../mod.ts";
import * as losses from "../../losses/mod.ts";
import type { Loss } from "../../losses/mod.ts";
import * as projections from "../../zoo/projections/mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { camelCase } from "./cases.ts";
import { BACKENDS } from "./replay.ts";

interface Golden {
  trees: Record<string, number[]>;
  normals: Record<string, number[]>;
  inputs: Record<string, number[]>;
  projections: { fn: string; tree: string; options: object; expected: number[] }[];
  losses: {
    fn: string;
    predictions: string;
    targets: string;
    options: object;
    losses: number[];
    gradient: number[];
  }[];
  muon: {
    gradient: number[][];
    cases: { options: Record<string, unknown>; expected: number[] }[];
  };
  agc: { axis: AdaptiveGradClipOptions["axis"] | null; expected: number[] }[];
  monitor: [norm: number, average: number][];
}

const golden: Golden = JSON.parse(
  await Deno.readTextFile(new URL("optax_names.json", import.meta.url)),
);

const close = (
  given: ArrayLike<number>,
  expected: readonly number[],
  most: number,
  what: string,
) => {
  assertEquals(given.length, expected.length, what);
  const scale = Math.max(1e-300, ...expected.map(Math.abs));
  Array.from(given).forEach((each, i) => {
    const off = Math.abs(each - expected[i]);
    assert(off <= most * Math.max(1, scale), `${what}[${i}] is ${each}, not ${expected[i]}`);
  });
};

type Numbers = Float64ArrayConstructor | Float32ArrayConstructor;
const PRECISIONS: readonly (readonly [Numbers, number])[] = [
  [Float64Array, 1e-14],
  [Float32Array, 1e-6],
];

const treeOf = (values: readonly number[], Type: Numbers) => {
  const count = values.length === 5 ? 3 : 40;
  return { a: Type.from(values.slice(0, count)), b: Type.from(values.slice(count)) };
};
const flat = ({ a, b }: ReturnType<typeof treeOf>) => [...a, ...b];

for (const backend of BACKENDS) {
  Deno.test(`projections are Optax's on ${backend}`, () => {
    assertEquals(new Set(golden.projections.map(({ fn }) => fn)).size, 12);
    for (const { fn, tree, options, expected } of golden.projections) {
      const make = projections[camelCase(fn) as keyof typeof projections] as (
        o: object,
      ) => Optimizer;
      const opt = make(options).with({ backend });
      for (const [Type, most] of PRECISIONS) {
        const inputs = opt.program.inputs.has("a") ? { a: treeOf(golden.normals[tree], Type) } : {};
        const given = treeOf(golden.trees[tree], Type);
        const point = projections.project(given, opt, inputs);
        close(flat(point), expected, most, `${fn} of ${tree} ${JSON.stringify(options)}`);
        // At the end of a chain it is the same point.
        const w = treeOf(expected.map((each, i) => each + Math.sin(i)), Type);
        const way = treeOf(golden.trees[tree].map((x, i) => x - (expected[i] + Math.sin(i))), Type);
        opt.step(w, way, opt.init(w), inputs);
        close(flat(w), expected, 4 * most, `${fn} at the end of a step`);
      }
    }
  });
}

Deno.test("losses and their gradients are Optax's", () => {
  assertEquals(new Set(golden.losses.map(({ fn }) => fn)).size, Object.keys(losses).length);
  for (const { fn, predictions, targets, options, ...expected } of golden.losses) {
    const loss = losses[camelCase(fn) as keyof typeof losses] as Loss<object>;
    for (const [Type, most] of PRECISIONS) {
      const [p, y] = [predictions, targets].map((name) => ({
        data: Type.from(golden.inputs[name]),
        shape: [3, 4],
      }));
      const { data, shape } = loss(p, y, options) as typeof p;
      assertEquals(shape, expected.losses.length === 3 ? [3] : [3, 4]);
      close(data, expected.losses, 4 * most, fn);
      close(loss.gradient(p, y, options).data, expected.gradient, 4 * most, `gradient of ${fn}`);
      const row = loss(p.data.subarray(0, 4), y.data.subarray(0, 4), options) as Float32Array;
      assertEquals(Array.from(row), Array.from(data.subarray(0, row.length)), "a row by itself");
    }
  }
});

Deno.test("Muon's direction is that of scale_by_muon", () => {
  const [rows, columns] = [golden.muon.gradient.length, golden.muon.gradient[0].length];
  for (const { options, expected } of golden.muon.cases) {
    const named = Object.entries(options).map(([name, value]) => [camelCase(name), value]);
    const opt = scaleByMuon(Object.fromEntries(named) as ScaleByMuonOptions);
    const shape = [rows, columns];
    const x = { data: new Float64Array(rows * columns), shape };
    let [updates, state] = [x, opt.init(x)];
    for (let i = 0; i < 3; i++) {
      const gradient = golden.muon.gradient.flat().map((g) => g * (1 + 0.5 * i) + 0.1 * i * i);
      [updates, state] = opt.update({ data: Float64Array.from(gradient), shape }, state, x);
    }
    close(updates.data, expected, 1e-6, JSON.stringify(options));
  }
});

Deno.test("gradients are clipped along the axes that Optax clips along", () => {
  const shape = [2, 3, 2];
  const w = { data: Float64Array.from({ length: 12 }, (_, i) => i / 10 - 0.3), shape };
  const g = { data: Float64Array.from({ length: 12 }, (_, i) => Math.sin(i)), shape };
  for (const { axis, expected } of golden.agc) {
    const opt = adaptiveGradClip({ clipping: 0.1, axis: axis ?? undefined });
    close(opt.update(g, opt.init(w), w)[0].data, expected, 1e-14, `axis ${axis}`);
  }
});

Deno.test("a monitor keeps what Optax's keeps", () => {
  const opt = chain(
    sgd({ learningRate: 0.1, momentum: 0.9 }),
    monitor({ seen: "globalNorm(g)", average: measureWithEma("globalNorm(g)", { decay: 0.9 }) }),
    clipByGlobalNorm({ maxNorm: 1 }),
  );
  const x = Float64Array.of(1, 2, 3);
  const state = opt.init(x);
  for (const [seen, average] of golden.monitor) {
    opt.step(x, x.map((each) => 2 * each), state);
    close([state.seen as number, state.average as number], [seen, average], 1e-12, "monitor");
  }
});
