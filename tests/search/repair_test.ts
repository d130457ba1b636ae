/** Semantic repair: the library holds all that differs, what follows is inverted, and hits are checked. */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "../assert.ts";
import { elementOps } from "../../dsl/ops.ts";
import type { ElementOpName } from "../../dsl/node.ts";
import { GradusError } from "../../mod.ts";
import {
  ADAMW,
  analyse,
  Evaluator,
  paperFunctions,
  parseGenome,
  printGenome,
  Random,
  repair,
  round,
  scale,
  space,
  type TraceTask,
} from "../../search/mod.ts";
import { Machine } from "../../search/machine/machine.ts";
import { BoundLibrary } from "../../search/repair/bound.ts";
import { called, inverted, isInvertible } from "../../search/repair/calls.ts";
import { fitOf, shareOff } from "../../search/repair/fit.ts";
import { inverses, ofSquare } from "../../search/repair/inverses.ts";
import { PROBES } from "../../search/repair/known.ts";
import { Library } from "../../search/repair/library.ts";
import { Trajectory } from "../../search/repair/trajectory.ts";
import { Recording } from "../../search/tasks/trace.ts";

const paper = space();
const task = (rule: string, own: Partial<TraceTask> = {}): TraceTask => ({
  kind: "trace",
  name: "hidden",
  rule,
  size: 16,
  steps: 20,
  seeds: [1, 2],
  ...own,
});

/** Whether numbers are the same, but for what rounding to float32 leaves of a sum. */
function isNear(a: number, b: number, share: number = 1e-5): boolean {
  return a === b || (a !== a && b !== b) || Math.abs(a - b) <= share * (1 + Math.abs(a));
}

/** Values of a few variables. */
function drawnVariables(seed: number, count: number): Float64Array[] {
  const random = new Random(seed, 60, 0);
  return Array.from(
    { length: count },
    () => Float64Array.from({ length: PROBES }, () => Math.fround(random.normal() * 2)),
  );
}

Deno.test("a library is the same whenever it is built, and counts what it is known to hold", () => {
  const options = { variables: 2, size: 3 };
  const [one, two] = [new Library(paper, options), new Library(paper, options)];
  assertEquals(one.sizes, two.sizes);
  const variables = drawnVariables(1, 2);
  assertEquals([...one.bind(variables)], [...two.bind(variables)]);
  // Two variables and 1; of size 2 abs, square, sqrt, exp, log and tanh of each, and signs: of 1 they are known, but e and tanh 1.
  assertEquals(one.sizes.filter((size) => size === 1).length, 3);
  assertEquals(one.sizes.filter((size) => size === 2).length, 2 * 7 + 3);
  assert(one.made > one.length);
  assertEquals(new Library(paper, { ...options, most: 10 }).length, 10);
  assertThrows(() => new Library(paper, { size: 0 }), GradusError, "from 1 to 16: given 0");
  assertThrows(() => new Library(paper, { most: 3 }), GradusError, "the number of its leaves");
});

Deno.test("every small expression has its values in the library, on numbers that did not build it", () => {
  const library = new Library(paper, { variables: 2, size: 4 });
  const variables = drawnVariables(7, 2);
  const values = library.bind(variables);
  const random = new Random(3, 61, 0);
  const { functions, weights, constants } = library.options;
  const made = (size: number): Float64Array => {
    if (size === 1) {
      const leaf = random.below(3);
      return leaf < 2 ? variables[leaf] : new Float64Array(PROBES).fill(constants[0]);
    }
    const given = paper.functions[paper.index.get(random.pick(functions))!];
    const tensors = given.parameters.filter(({ kind }) => kind !== "scalar").length;
    if (tensors > size - 1) return made(size);
    let left = size - 1;
    const sizes = Array.from({ length: tensors }, (_, i) => {
      const own = i === tensors - 1 ? left : 1 + random.below(left - (tensors - 1 - i));
      left -= own;
      return own;
    });
    const args = given.parameters.map(({ kind }) =>
      kind === "scalar" ? weights[0] : made(sizes.shift()!)
    );
    return called(given, args) as Float64Array;
  };
  for (let i = 0; i < 200; i++) {
    const wanted = made(1 + random.below(4));
    let isThere = false;
    for (let at = 0; at < values.length && !isThere; at += PROBES) {
      isThere = wanted.every((value, k) => isNear(value, values[at + k], 1e-3));
    }
    // What is no number on most of its own probes is left out.
    assert(isThere || wanted.filter(Number.isFinite).length < PROBES, `${[...wanted].slice(0, 5)}`);
  }
});

Deno.test("the inverse of every operation undoes it, for each operand", () => {
  const random = new Random(5, 62, 0);
  for (const [name, list] of Object.entries(inverses)) {
    const { takes, eval: apply } = elementOps[name as ElementOpName];
    assertEquals(list.length, takes.length);
    list.forEach((inverse, k) => {
      if (inverse === null) return;
      const of = (x: number, other: number) =>
        takes.length === 1 ? apply(x) : k === 0 ? apply(x, other) : apply(other, x);
      let [undone, hit] = [0, 0];
      for (let i = 0; i < 500; i++) {
        const [x, other, wanted] = [0, 1, 2].map(() =>
          random.normal() * 2 ** (random.below(5) - 3)
        );
        const y = of(x, other);
        if (Number.isFinite(y)) {
          const again = inverse(y, x, other);
          // Where several operands give the same, the one that is there stays.
          if (Number.isFinite(again)) {
            undone++;
            assert(
              isNear(again, x, 1e-7) || isNear(of(again, other), y, 1e-12),
              `${name} ${x} ${y}`,
            );
          }
        }
        const found = inverse(wanted, x, other);
        if (!Number.isFinite(found)) continue;
        hit++;
        assert(isNear(of(found, other), wanted, 1e-7), `${name}: ${wanted} of ${found}, ${other}`);
      }
      assert(undone > 100 && hit > 20, `${name} is undone ${undone} times, and hits ${hit} times`);
    });
  }
  assertEquals([4, -1].map((y) => ofSquare(y, -3, -3)), [-2, NaN]);
});

Deno.test("what an argument must be is what it was where nothing is to change, for every function", () => {
  const random = new Random(6, 63, 0);
  const invertible: string[] = [];
  for (const given of paper.functions) {
    given.parameters.forEach(({ name }, k) => {
      if (!isInvertible(given, k)) return;
      invertible.push(`${given.name} ${name}`);
      const args = given.parameters.map(({ kind }) =>
        kind === "scalar"
          ? 0.75
          : Float64Array.from({ length: 64 }, () => Math.fround(random.normal() / 2))
      );
      const result = called(given, args) as Float64Array;
      const again = inverted(given, k, result, args);
      const known = again.filter(Number.isFinite).length;
      assert(known > 20, `${given.name} tells ${known} of 64`);
      const changed = called(given, args.map((arg, i) => i === k ? again : arg)) as Float64Array;
      changed.forEach((value, i) =>
        assert(Number.isNaN(again[i]) || isNear(value, result[i], 1e-4), `${given.name} ${name}`)
      );
    });
  }
  // Of cubes, of what goes up and down again and of reductions too much is lost.
  for (const each of ["cube x", "sin x", "norm x", "dot x", "clip x", "interp a"]) {
    assert(!invertible.includes(each), each);
  }
  for (const each of ["square x", "sqrt x", "interp y", "div y", "exp10 x", "max x"]) {
    assert(invertible.includes(each), each);
  }
});

Deno.test("what places should give is what they give where the recording is of the program itself", () => {
  const rules = [
    ADAMW,
    "c = interp(g, m, 0.9)\nupdate = tanh(c)\nm = interp(g, m, 0.99)",
    // One state is what the other was a step before.
    "d = sub(g, v)\nv = mul(m, 1)\nm = interp(g, m, 0.5)\ne = add(d, 3)\nupdate = mul(e, w)",
  ];
  for (const rule of rules) {
    const recording = new Recording(new Machine(), paper, task(rule));
    const trajectory = new Trajectory(paper, parseGenome(paper, rule), recording);
    const places = trajectory.places(new Random(1, 64, 0));
    assert(places.length > 4);
    for (const place of places) {
      const [present, desired] = [trajectory.presentAt(place), trajectory.desiredAt(place)];
      const usual = [...present].map(Math.abs).sort((a, b) => a - b)[present.length >> 1];
      const known = desired.filter(Number.isFinite).length;
      assert(known > present.length / 2, `${JSON.stringify(place.place)}: ${known}`);
      const off = desired.filter((value, i) =>
        Number.isFinite(value) &&
        Math.abs(value - present[i]) > 0.02 * (Math.abs(present[i]) + usual)
      );
      // Rounding counts a thousandfold behind a mean of a thousand steps.
      assert(off.length < known / 20, `${JSON.stringify(place.place)}: ${off.length} of ${known}`);
    }
  }
});

Deno.test("a hit that only a few large numbers make is found by least squares, and told to be false", () => {
  const library = new Library(paper, { variables: 2, size: 2 });
  const [x, y] = drawnVariables(9, 2);
  x[5] = 1e5;
  const sum = x.map((value, i) => value + y[i]);
  const bound = new BoundLibrary(library, [x, y]);
  const [{ expression }] = bound.exact(sum);
  assertEquals(expression, 0);
  const { factor, term } = fitOf(bound.valuesOf(expression), sum);
  assertAlmostEquals(factor, 1, 1e-3);
  assert(shareOff(x.map((value) => factor * value + term), sum) > 0.9);
  assertEquals(shareOff(sum.map((value) => value * (1 + 1e-6)), sum), 0);
});

Deno.test("a repair puts in what is missing, and without recordings what comes near", async () => {
  const rule = `${
    ADAMW.replace("update = div(m, sqrt_v)", "s = sign(g)\nupdate = mul(s, sqrt_v)")
  }`;
  const exact = task(rule, { sparsity: 0.1 });
  const mutate = repair({ tasks: [exact], size: 3 });
  const parent = parseGenome(paper, ADAMW);
  const children = Array.from(
    { length: 40 },
    (_, i) => mutate(paper, parent, new Random(2, 65, i)),
  );
  const again = Array.from({ length: 40 }, (_, i) => mutate(paper, parent, new Random(2, 65, i)));
  assertEquals(children, again);
  const texts = children.flatMap((child) => child === undefined ? [] : [printGenome(paper, child)]);
  assert(texts.length > 20);
  const evaluator = await Evaluator.of(paper, [exact]);
  const scores = texts.map((text) =>
    evaluator.evaluate(analyse(paper, parseGenome(paper, text)), { below: -Infinity }).score
  );
  assert(scores.some((score) => score > 10), scores.join());
  const near = repair({ size: 3 });
  const others = Array.from({ length: 20 }, (_, i) => near(paper, parent, new Random(3, 65, i)));
  assert(new Set(others.map((child) => child && printGenome(paper, child))).size > 10);
  // A space in which nothing can be multiplied has repairs that need no factor, or none.
  const { mul: _, add: __, ...functions } = paperFunctions;
  const small = space({ functions, states: ["m"] });
  const bare = repair({ tasks: [task("update = sign(g)")], size: 2 });
  const first = parseGenome(small, "update = tanh(g)");
  const found = Array.from({ length: 20 }, (_, i) => bare(small, first, new Random(4, 65, i)));
  assert(found.some((child) => child && printGenome(small, child).includes("sign(g)")));
});

Deno.test("constants change together, in terms of what they lack of 0 or of 1", () => {
  const genome = parseGenome(
    paper,
    "m = interp(g, m, 0.987)\nx = mul(m, 0.0123)\nupdate = sign(x)",
  );
  const seen = new Set<string>();
  for (let i = 0; i < 50; i++) {
    const child = scale(paper, genome, new Random(1, 66, i));
    if (child === undefined) continue;
    const [{ args: [, , weight] }, { args: [, factor] }] = child;
    assert(Number(weight) < 1 && Number(factor) > 0);
    const rounded = round(paper, genome, new Random(1, 66, i));
    if (rounded !== undefined) seen.add(printGenome(paper, rounded).split("\n")[0]);
  }
  assertEquals([...seen].sort(), ["0.987", "0.99"].map((each) => `m = interp(g, m, ${each})`));
});
