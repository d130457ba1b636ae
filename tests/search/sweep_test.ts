/** Sweeps: what is tried is spread as its method says, and the result is the same however it is come by. */
import { GradusError, parseJson } from "../../mod.ts";
import {
  localScorer,
  Random,
  sweep,
  type SweepOptions,
  sweepPage,
  type SweepResult,
  type SweepRun,
} from "../../search/mod.ts";
import { type Dimension, gridOf, placeOf, valueAt } from "../../search/sweep/dimension.ts";
import { importanceOf } from "../../search/sweep/importance.ts";
import { proposer } from "../../search/sweep/propose.ts";
import { MOST_DIMENSIONS, sobol } from "../../search/sweep/sobol.ts";
import type { Known } from "../../search/sweep/tpe.ts";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "../assert.ts";
import { tagsOf, textsOf } from "../svg.ts";

const RATE: Dimension = {
  ...{ name: "rate", low: 1e-4, high: 1, isLog: true, isWhole: false, points: 5 },
};

Deno.test("Sobol' points are those of Joe and Kuo, and scrambled ones are as evenly spread", () => {
  // As SobolEngine(21) of PyTorch 2.13 has them, in 64ths.
  const known = [
    ...[35, 49, 13, 3, 41, 27, 19, 11, 31, 35, 57, 29, 61, 31, 31, 39, 43, 35, 59, 1, 53],
  ];
  assertEquals(sobol(MOST_DIMENSIONS)(33).map((x) => 64 * x), known);
  for (const seed of [undefined, 1, 2]) {
    const point = sobol(MOST_DIMENSIONS, seed);
    const points = Array.from({ length: 64 }, (_, i) => point(i));
    for (let k = 0; k < MOST_DIMENSIONS; k++) {
      assertEquals(new Set(points.map((each) => Math.floor(64 * each[k]))).size, 64, `${k}`);
    }
    // Of the first two dimensions every box of area 1/64 has one.
    for (let bits = 0; bits <= 6; bits++) {
      const [across, up] = [2 ** bits, 2 ** (6 - bits)];
      const boxes = points.map(([x, y]) => Math.floor(across * x) * up + Math.floor(up * y));
      assertEquals(new Set(boxes).size, 64);
    }
  }
  assert(sobol(2, 1)(0)[0] !== sobol(2, 2)(0)[0]);
});

Deno.test("values of ranges and lists are where they should be, and grids have both ends", () => {
  assertEquals(gridOf(RATE), [1e-4, 1e-3, 0.01, 0.1, 1]);
  assertEquals(valueAt(RATE, 0.5), 0.01);
  const whole: Dimension = {
    ...{ name: "k", low: 1, high: 3, isLog: false, isWhole: true, points: 3 },
  };
  const counts = [1, 2, 3].map((value) =>
    Array.from({ length: 300 }, (_, i) => valueAt(whole, i / 300)).filter((x) => x === value).length
  );
  assertEquals(counts, [100, 100, 100]);
  for (const low of [1e-9, 0.9, 1e5]) {
    const high = 3 * low;
    for (const isLog of [true, false]) {
      const each: Dimension = { name: "x", low, high, isLog, isWhole: false, points: 2 };
      assertAlmostEquals(valueAt(each, 0) as number / low, 1, 1e-15);
      assertAlmostEquals(valueAt(each, 1) as number / high, 1, 1e-15);
      const value = valueAt(each, 0.3);
      assert(Math.abs(placeOf(each, value) - 0.3) < 1e-3, `${low} ${isLog} ${value}`);
    }
  }
  const list: Dimension = { name: "l", values: [false, true] };
  const grid = proposer("grid", [RATE, list], 1);
  assertEquals([0, 1, 2].map((trial) => grid(trial, [])), [[1e-4, false], [1e-4, true], [
    1e-3,
    false,
  ]]);
});

/** The best score of some trials of a valley that is narrow in one dimension, and its best choice. */
function bestOf(method: "random" | "tpe", seed: number): number {
  const dimensions: Dimension[] = [RATE, { ...RATE, name: "other" }, {
    name: "list",
    values: [0, 1, 2, 3],
  }];
  const propose = proposer(method, dimensions, seed);
  const known: Known[] = [];
  for (let trial = 0; trial < 60; trial++) {
    const values = propose(trial, known.slice(0, Math.max(0, trial - 3)));
    const [x, y, choice] = values as number[];
    const off = 3 * Math.abs(Math.log10(x / 0.02)) + Math.abs(Math.log10(y / 0.3));
    known.push({ values, score: x > 0.3 ? -Infinity : -off - (choice === 2 ? 0 : 1) });
  }
  return Math.max(...known.map(({ score }) => score));
}

Deno.test("TPE goes to where the best trials were, and random trials do not", () => {
  const mean = (method: "random" | "tpe") =>
    Array.from({ length: 12 }, (_, seed) => bestOf(method, seed)).reduce((a, b) => a + b) / 12;
  const [tpe, random] = [mean("tpe"), mean("random")];
  assert(tpe > 0.7 * random, `${tpe} ${random}`);
});

Deno.test("what a setting explains is its share, and what chance explains is nothing", () => {
  const random = new Random(1, 2, 3);
  const list: Dimension = { name: "list", values: [0, 1, 2] };
  const places = Array.from({ length: 60 }, () => [random.uniform(), random.below(3)]);
  const scores = places.map(([x]) => x < 0.1 ? -Infinity : -Math.abs(x - 0.6));
  const shares = [
    importanceOf(RATE, places.map(([x]) => valueAt(RATE, x)), scores)!,
    importanceOf(list, places.map(([, choice]) => choice), scores)!,
  ];
  assert(shares[0] > 0.7 && shares[1] < 0.1, `${shares}`);
  assertEquals(importanceOf(list, [0, 0], [1, 2]), null);
});

const quick: SweepOptions = {
  optimizers: {
    adamw: { learningRate: { log: [1e-3, 1] }, weightDecay: [0, 0.01] },
    sgd: { learningRate: { log: [0.01, 1e9] }, nesterov: [false, true], momentum: 0.5 },
  },
  tasks: ["quadratics"],
  trials: 14,
  parallel: 3,
  steps: 12,
};

async function swept(run: Partial<SweepOptions & SweepRun>, workers = 0): Promise<SweepResult> {
  const scorer = localScorer({ workers });
  try {
    return await sweep({ ...quick, ...run, scorer });
  } finally {
    await scorer.close();
  }
}

const told = (result: SweepResult) => JSON.stringify(result);

Deno.test("a sweep is the same for any number of workers and wherever it was cut off", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const checkpoint = `${folder}/sweep`;
    const result = await swept({ checkpoint });
    assertEquals(told(await swept({}, 3)), told(result));
    assert(told(await swept({ seed: 2 })) !== told(result));
    assert(told(await swept({ parallel: 4 })) !== told(result));
    const bytes = await Deno.readFile(checkpoint);
    for (const share of [0, 0.001, 0.3, 0.31, 0.999]) {
      await Deno.writeFile(checkpoint, bytes.subarray(0, Math.floor(share * bytes.length)));
      let trained = -1;
      const again = await swept({ checkpoint, progress: (done) => trained = done });
      assertEquals([told(again), trained], [told(result), 2 * 15 * 2]);
      assertEquals((await Deno.readFile(checkpoint)).length, bytes.length);
    }
    // More trials of the same train only what is new.
    const size = (await Deno.stat(checkpoint)).size;
    const more = await swept({ checkpoint, trials: 16 });
    assertEquals(more.optimizers.map(({ trials }) => trials.length), [16, 16]);
    assert((await Deno.stat(checkpoint)).size - size < 0.5 * size);

    // What is no checkpoint, or a damaged one, is refused and left as it is.
    const damaged = bytes.map((byte, i) => i === 100 ? byte ^ 1 : byte);
    for (const other of [new TextEncoder().encode("notes without an end"), damaged]) {
      await Deno.writeFile(checkpoint, other);
      await assertRejects(
        () => swept({ checkpoint }),
        GradusError,
        "Cannot go on from the checkpoint",
      );
      assertEquals(await Deno.readFile(checkpoint), other);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("what diverges is last, and said; the page of it is whole", async () => {
  const result = await swept({
    optimizers: {
      sgd: { learningRate: { log: [0.01, 1e9] } },
      "<b>": { learningRate: [1e9, 1e10] },
    },
    programs: {
      "<b>": parseJson(
        '{"name":"b","hyper":{"learningRate":"required"},"step":"u = -learningRate*g"}',
      ),
    },
    method: "sobol",
    steps: 30,
  });
  const [sgd, lost] = result.optimizers;
  assertEquals([sgd.name, lost.name, lost.best, lost.diverged], ["sgd", "b", null, 14]);
  assert(sgd.diverged > 3 && sgd.diverged < 14);
  assert(sgd.trials[sgd.best!].score! >= Math.max(...sgd.trials.map(({ score }) => score ?? -1e9)));
  assertEquals(JSON.parse(told(result)), result);
  const page = sweepPage(result);
  assert(!/NaN|undefined|Infinity|(src|href)=/.test(page));
  const texts = textsOf(page.replace(/<!DOCTYPE html>|<meta[^>]*>/g, ""));
  for (
    const part of [
      "sgd is the best, by more than chance over 2 other seeds.",
      "14 of 14",
      "learningRate",
    ]
  ) {
    assert(texts.includes(part), part);
  }
  assert(tagsOf(page.replace(/<!DOCTYPE html>|<meta[^>]*>/g, "")).includes("circle"));
  const none = await swept({ optimizers: { sgd: { learningRate: [1e9] } } });
  assertStringIncludes(sweepPage(none), "Every trial diverged.");
});
