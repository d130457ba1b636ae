/** Projections of what is hard for them: thresholds that are found late, sizes far from 1, sets that hold the point. */
import { chain, globalNorm, optimizer, sgd } from "../../mod.ts";
import {
  project,
  projectionBox,
  projectionL1Ball,
  projectionSimplex,
} from "../../zoo/projections/mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { BACKENDS } from "../golden/replay.ts";
import { randomArray } from "../runtime/random.ts";

/** The projection by sorting, in float64. */
function sorted(x: ArrayLike<number>, scale: number): number[] {
  const down = Array.from(x).sort((a, b) => b - a);
  let [sum, threshold] = [0, -Infinity];
  down.forEach((value, i) => {
    sum += value;
    const next = (sum - scale) / (i + 1);
    if (value > next) threshold = next;
  });
  return Array.from(x, (value) => Math.max(value - threshold, 0));
}

const HARD: Readonly<Record<string, Float32Array>> = {
  "all the same": new Float32Array(1000).fill(3),
  "each twice the next": Float32Array.from({ length: 60 }, (_, i) => 2 ** -i),
  "each half of what is left below": Float32Array.from({ length: 100 }, (_, i) => -(2 ** (i / 4))),
  "far from 0": randomArray(500, 1).map((x) => 1e6 + x),
  "many of which few count": randomArray(100_000, 2).map((x) => 5 * x),
  "harmonic": Float32Array.from({ length: 20_000 }, (_, i) => 1 / (i + 1)),
};

Deno.test("the simplex is found, however late its threshold shows", () => {
  for (const [name, x] of Object.entries(HARD)) {
    for (const scale of [1e-3, 1, 50]) {
      const given = project(x, projectionSimplex({ scale }));
      const expected = sorted(x, scale);
      const ulp = 2 ** -23 * Math.max(scale, Math.abs(x[0]) > 1e5 ? 1e6 : 0);
      const off = given.reduce((most, each, i) => Math.max(most, Math.abs(each - expected[i])), 0);
      assert(off <= 8 * ulp, `${name}, ${scale}: ${off}`);
      const sum = given.reduce((total, each) => total + each, 0);
      // Each of those that count is rounded once.
      const rounding = 1e-5 * scale + 1e-7 * given.filter((each) => each > 0).length;
      assert(Math.abs(sum - scale) <= rounding, `${name} sums to ${sum}, not ${scale}`);
      assert(given.every((each) => each >= 0));
    }
  }
});

Deno.test("projections give the same bits on every backend", () => {
  const x = { a: randomArray(5000, 3), b: { data: randomArray(12, 4), shape: [3, 4] } };
  const all = BACKENDS.map((backend) =>
    project(x, projectionL1Ball({ scale: 2 }).with({ backend }))
  );
  for (const each of all) assertEquals(each, all[0]);
});

Deno.test("a step that stays inside is not touched", () => {
  const x = randomArray(100, 5);
  const g = randomArray(100, 6);
  const plain = sgd({ learningRate: 0.1 });
  const boxed = chain(plain, projectionBox({ lower: -50, upper: 50 }));
  const [free] = plain.update(g, plain.init(x), x);
  assertEquals(boxed.update(g, boxed.init(x), x)[0], free);
});

Deno.test("a projection of short parameters is rounded to their type", () => {
  const w = { data: Uint16Array.of(0x4040, 0xbf80), shape: [2], dtype: "bfloat16" as const }; // 3, -1
  const { data } = project({ w }, projectionBox({ lower: 0, upper: 2 })).w;
  assertEquals(data, Uint16Array.of(0x4000, 0)); // 2, 0
  assertEquals(w.data, Uint16Array.of(0x4040, 0xbf80), "what was given stays");
});

Deno.test("globalNorm has the bits that a program's has", () => {
  const measured = optimizer({
    name: "measured",
    state: { total: { over: "tree" } },
    step: "total = globalNorm(g); u = g",
  })();
  const tree = [randomArray(10_001, 7), { data: randomArray(30, 8), shape: [5, 6] }];
  for (const backend of BACKENDS) {
    const opt = measured.with({ backend });
    assertEquals(opt.update(tree, opt.init(tree))[1].total, globalNorm(tree));
  }
});
