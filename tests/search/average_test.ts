/** Moving averages that are fitted to what a place should give, or to its signs; and masks that are 0 at 0. */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "../assert.ts";
import { GradusError } from "../../mod.ts";
import {
  ADAMW,
  analyse,
  average,
  Evaluator,
  type Genome,
  type Mutation,
  paperFunctions,
  parseGenome,
  printGenome,
  Random,
  repair,
  space,
  type TraceTask,
} from "../../search/mod.ts";
import { levelsOf } from "../../search/repair/levels.ts";
import { nearestSigns, nearestValues, shortest } from "../../search/repair/pairs.ts";

const paper = space();
const task = (rule: string): TraceTask => ({
  kind: "trace",
  name: "hidden",
  rule,
  size: 16,
  steps: 30,
  seeds: [1, 2],
  sparsity: 0.1,
  scale: "free",
});

function children(mutate: Mutation, count: number, parent = ADAMW, own = paper) {
  const genome = parseGenome(own, parent);
  return Array.from({ length: count }, (_, i) => mutate(own, genome, new Random(4, 80, i)));
}

/** The texts of children, those that score best first, with their scores. */
async function ranked(of: TraceTask, list: readonly (Genome | undefined)[]) {
  const evaluator = await Evaluator.of(paper, [of]);
  return list.flatMap((child) => {
    if (child === undefined) return [];
    const { score } = evaluator.evaluate(analyse(paper, child), { below: -Infinity });
    return [{ text: printGenome(paper, child), score }];
  }).toSorted((a, b) => b.score - a.score);
}

Deno.test("levels are told where there are two or three, and nowhere else", () => {
  const random = new Random(1, 81, 0);
  const draw = (f: () => number) => Float64Array.from({ length: 400 }, f);
  const sign = () => random.below(3) - 1;
  const three = draw(() => 2.5 * sign());
  assertEquals(levelsOf(three), { factor: 2.5, term: 0, signs: three.map((each) => each / 2.5) });
  const mask = draw(() => random.below(2));
  const levels = levelsOf(mask)!;
  assertEquals([levels.factor, levels.term], [0.5, 0.5]);
  assertEquals(levels.signs, mask.map((each) => 2 * each - 1));
  // What cannot be told is on no level; a few values beside the levels do not matter, many do.
  const few = three.map((each, i) => i % 50 === 0 ? 0.7 : i % 7 === 0 ? NaN : each);
  assertEquals(levelsOf(few)!.signs.filter(Number.isNaN).length, 64);
  assertEquals(levelsOf(three.map((each, i) => i % 5 === 0 ? 0.7 : each)), undefined);
  for (const none of [draw(() => random.normal()), draw(() => 1), draw(() => NaN)]) {
    assertEquals(levelsOf(none), undefined);
  }
});

Deno.test("the combination with the most right signs is no worse than any that is tried", () => {
  const random = new Random(2, 82, 0);
  for (let round = 0; round < 20; round++) {
    const [a, b, noise] = [0, 1, 2].map(() =>
      Float64Array.from({ length: 200 }, () => random.normal())
    );
    const share = random.uniform();
    const side = random.below(2) === 0 ? 1 : -1;
    const goal = a.map((x, i) =>
      Math.sign((1 - share) * x + side * share * b[i] + (round % 2) * noise[i])
    );
    const found = nearestSigns(a, b, goal);
    const offAt = (share: number, isSum: boolean, factor: number) =>
      goal.filter((sign, i) =>
        Math.sign(factor * ((1 - share) * a[i] + (isSum ? share : -share) * b[i])) !== sign
      ).length / goal.length;
    assertAlmostEquals(offAt(found.share, found.isSum, found.factor), found.off, 1e-12);
    if (round % 2 === 0) assertEquals(found.off, 0);
    for (let i = 0; i <= 50; i++) {
      for (const isSum of [true, false]) {
        for (const factor of [1, -1]) assert(offAt(i / 50, isSum, factor) >= found.off - 1e-12);
      }
    }
    const sum = a.map((x, i) => 3 * ((1 - share) * x - share * b[i]));
    const exact = nearestValues(a, b, sum);
    assert(exact.off < 1e-9 && !exact.isSum && Math.abs(exact.share - share) < 1e-6);
    assert(Math.abs(exact.factor - 3) < 1e-6);
  }
  assertEquals(
    [[0.8998, 0.9003], [0.98996, 0.99004], [0.2, 0.4]].map(([a, b]) => shortest([a, b])),
    [
      ...[0.9, 0.99, 0.3],
    ],
  );
});

Deno.test("two decays that only together are right are found at once, where only signs are recorded", async () => {
  const rules = [
    ["c = interp(g, m, 0.9)\nupdate = sign(c)\nm = interp(g, m, 0.99)", "0.99)"],
    // Decays that nobody proposes, and a difference of two averages.
    ["c = interp(g, m, 0.6)\nupdate = sign(c)\nm = interp(g, m, 0.93)", "0.93)"],
    ["m = interp(g, m, 0.7)\nv = interp(g, v, 0.96)\nd = sub(m, v)\nupdate = sign(d)", "sign("],
  ];
  for (const [rule, part] of rules) {
    const scaled = task(`${rule}\nupdate = mul(update, lr)`);
    const mutate = average({ tasks: [scaled] });
    const list = children(mutate, 60);
    assertEquals(children(mutate, 5), list.slice(0, 5));
    const found = (await ranked(scaled, list)).filter(({ score }) => score > 4);
    assert(found.some(({ text }) => text.includes(part)), found[0]?.text);
  }
});

Deno.test("an average is fitted by least squares where values are recorded, and its state is one that is free", async () => {
  const rule = task(
    "c = interp(w, m, 0.3)\nm = interp(w, m, 0.85)\nd = mul(c, g)\nupdate = mul(d, lr)",
  );
  const parent = "v = interp(g, v, 0.5)\nd = mul(v, g)\nupdate = mul(d, lr)";
  const [{ score, text }] = await ranked(rule, children(average({ tasks: [rule] }), 30, parent));
  assert(score > 5 && text.includes("m = interp(w, m, 0.85)"), `${score}: ${text}`);
  // Where both states are needed nothing is put in: here only the whole update can be another.
  const both = "d = add(m, v)\nm = interp(d, v, 0.5)\nv = interp(g, m, 0.5)\nupdate = add(d, g)";
  for (const child of children(average(), 20, both)) {
    const kept = child === undefined || !printGenome(paper, child).endsWith("update = add(d, g)");
    assert(kept, child && printGenome(paper, child));
  }
});

Deno.test("a space without a mean has no averages, and decays must be decays", () => {
  const { interp: _, ...functions } = paperFunctions;
  const small = space({ functions });
  const mutate = average({ tasks: [task("update = sign(g)")] });
  assert(children(mutate, 10, "update = tanh(g)", small).every((child) => child === undefined));
  for (const decays of [[], [1], [0.5, NaN]]) {
    assertThrows(() => average({ decays }), GradusError, "above 0 and below 1: given");
  }
});

Deno.test("a mask that is 0 where what it looks at is 0 is found at once", async () => {
  const rule = ADAMW.replace(
    "update = div(m, sqrt_v)",
    "u = div(m, sqrt_v)\na = mul(u, g)\nb = sign(a)\nmask = max(b, 0)\nupdate = mul(u, mask)",
  );
  const masked = task(rule);
  const [{ score }] = await ranked(masked, children(repair({ tasks: [masked] }), 30));
  assert(score > 9, `${score}`);
});
