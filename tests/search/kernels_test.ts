/** Kernels: products are those of the definition, gradients are slopes, and proxies score what they scored. */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertRejects,
  assertThrows,
} from "../assert.ts";
import { Kernel } from "../../search/kernels/kernel.ts";
import { product, transposition } from "../../search/kernels/product.ts";
import { transformer } from "../../search/kernels/transformer.ts";
import {
  analyse,
  Evaluator,
  larger,
  parseGenome,
  programOf,
  proxy,
  Random,
  rankCorrelation,
  RIVAL_STATES,
  RIVALS,
  space,
  type Task,
} from "../../search/mod.ts";
import { equivalent } from "../../search/derive/mod.ts";
import { ALPHABET, grammarText } from "../../search/tasks/grammar.ts";
import { inContextProblem } from "../../search/tasks/in_context.ts";
import { languageProblem } from "../../search/tasks/language.ts";
import { bestOfRates } from "../../search/tasks/rates.ts";
import { factorsOf, rescaled } from "../../search/tasks/rescaling.ts";
import { zipfProblem } from "../../search/tasks/zipf.ts";
import { BUILT_IN } from "../../zoo/by_name.ts";

const wide = space({ states: RIVAL_STATES });
const normals = (count: number, seed: number): Float32Array => {
  const random = new Random(seed, 1, 1);
  return Float32Array.from({ length: count }, () => random.normal());
};

Deno.test("a product has the bits of sums in order, each operation rounded, whatever its strides", () => {
  for (const [rows, depth, columns, isAdded] of [[4, 8, 12, false], [8, 4, 16, true]] as const) {
    for (const isTurned of [false, true]) {
      const [right, result] = [columns + 4, columns + 8];
      const left: [number, number] = isTurned ? [1, rows] : [depth, 1];
      const kernel = new Kernel(() => [
        product("multiply", { rows, depth, columns, left, right, result, isAdded }),
      ]);
      const [to, a, b] = [rows * result, rows * depth, depth * right].map((count) =>
        kernel.take(count)
      );
      for (const [i, region] of [to, a, b].entries()) {
        region.data.set(normals(region.data.length, i));
      }
      const expected = to.data.slice();
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          let sum = isAdded ? expected[row * result + column] : 0;
          for (let k = 0; k < depth; k++) {
            const entry = a.data[row * left[0] + k * left[1]];
            sum = Math.fround(sum + Math.fround(entry * b.data[k * right + column]));
          }
          expected[row * result + column] = sum;
        }
      }
      kernel.run.multiply(to.at, a.at, b.at);
      assertEquals(to.data, expected);
    }
  }
  const kernel = new Kernel(() => [transposition("turn", { rows: 3, columns: 4, stride: 5 })]);
  const [to, from] = [kernel.take(12), kernel.take(15)];
  from.data.set(normals(15, 1));
  kernel.run.turn(to.at, from.at);
  assertEquals(
    [...to.data],
    Array.from({ length: 12 }, (_, i) => from.data[i % 3 * 5 + Math.floor(i / 3)]),
  );
});

/** The slope along a direction within one tensor, of the gradient and by differences. */
function slopes(
  loss: (w: Float32Array) => number,
  w: Float32Array,
  gradient: Float32Array,
  [from, to]: readonly [number, number],
): [number, number] {
  const h = 1e-3;
  const direction = normals(to - from, from + 1);
  const at = (by: number) => {
    const moved = w.slice();
    direction.forEach((x, i) => moved[from + i] += by * x);
    return loss(moved);
  };
  const along = direction.reduce((sum, x, i) => sum + x * gradient[from + i], 0);
  return [along, (at(h) - at(-h)) / (2 * h)];
}

Deno.test("a transformer's gradient is the slope of its loss, tensor by tensor", () => {
  const { shapes, spreads, loss } = transformer({
    ...{ characters: 12, context: 8, batch: 2 },
    ...{ width: 8, heads: 2, hidden: 12, blocks: 2 },
  });
  const lengths = shapes.map((shape) => shape.reduce((a, b) => a * b));
  const w = normals(lengths.reduce((a, b) => a + b), 3);
  let from = 0;
  lengths.forEach((length, i) => {
    for (let k = from; k < from + length; k++) {
      w[k] = spreads[i] === 0 ? 1 + 0.2 * w[k] : w[k] * spreads[i];
    }
    from += length;
  });
  const text = Uint8Array.from({ length: 18 }, (_, i) => (i * i) % 12);
  const gradient = new Float32Array(w.length);
  assertEquals(loss(w, text, gradient), loss(w, text));
  from = 0;
  for (const length of lengths) {
    const [along, rise] = slopes((w) => loss(w, text), w, gradient, [from, from += length]);
    assertAlmostEquals(along, rise, 2e-3 * Math.max(1, Math.abs(rise)));
    assert(along !== 0);
  }
  // What comes later is not seen: the last character has no say in what is told of those before it.
  const other = text.slice();
  [other[8], other[17]] = [(text[8] + 1) % 12, (text[17] + 1) % 12];
  const [before, after] = [text, other].map((each) => loss(w, each));
  assert(before !== after && Math.abs(before - after) < 1.5);
});

Deno.test("gradients of linear softmax and of linear attention are slopes", () => {
  const problems = [
    zipfProblem(1, { features: 8, classes: 12, batch: 4 }),
    inContextProblem(1, { width: 8, context: 8, batch: 4, layers: 2 }),
  ];
  for (const problem of problems) {
    const count = problem.tensors.reduce((a, b) => a + b);
    const [w, g, other] = [0, 0, 0].map(() => new Float32Array(count));
    problem.start(w);
    w.forEach((x, i) => w[i] = x + 0.1 * Math.sin(i));
    problem.gradient(w, 7, g);
    let from = 0;
    for (const length of problem.tensors) {
      const ends = [from, from += length] as const;
      const [along, rise] = slopes((w) => problem.gradient(w, 7, other), w, g, ends);
      assertAlmostEquals(along, rise, 3e-3 * Math.max(1, Math.abs(rise)));
    }
  }
});

Deno.test("in other units a problem starts at the same loss, and no unit is another's", () => {
  const plain = inContextProblem(2, { width: 8, context: 8, batch: 4, layers: 1 });
  const by = { tensors: 1, elements: 0.5 };
  const other = rescaled(plain, 2, by);
  const [w, v] = [0, 0].map(() => new Float32Array(128));
  plain.start(w);
  other.start(v);
  assertAlmostEquals(other.loss(v), plain.loss(w), 1e-5);
  const factors = factorsOf([64, 64], 2, by);
  assertEquals(new Set(factors).size, 128);
  assertEquals(factors, factorsOf([64, 64], 2, by));
  w.forEach((x, i) => assertAlmostEquals(v[i] * factors[i], x, 1e-6));
  const [g, h] = [0, 0].map(() => new Float32Array(128));
  plain.gradient(v.map((x, i) => x * factors[i]), 3, g);
  other.gradient(v, 3, h);
  assertEquals(h, g.map((x, i) => x * factors[i]));
});

Deno.test("a language is its seed's, and its texts have no other characters", () => {
  const text = (seed: number, part: number) =>
    [...grammarText(seed, part, 400)].map((code) => ALPHABET[code]).join("");
  assertEquals(text(1, 0), text(1, 0));
  assert(text(1, 0) !== text(2, 0) && text(1, 0) !== text(1, 1));
  assert(!text(3, 0).includes("undefined"));
  const words = (part: number) => new Set(text(1, part).match(/[a-z]+/g));
  assert(words(0).intersection(words(1)).size > 5);
});

Deno.test("rates are looked for within the tries, from 1, and the best is what counts", () => {
  for (const [peak, tries] of [[1, 1], [4, 3], [0.25, 3], [64, 6], [0.5, 5]]) {
    const tried: number[] = [];
    const { value } = bestOfRates(tries, (rate) => {
      tried.push(rate);
      return { value: -Math.abs(Math.log2(rate / peak)) };
    });
    assertEquals([tried[0], tried.length, new Set(tried).size], [1, tries, tries]);
    assertAlmostEquals(value, 0, 1e-12);
  }
  assertEquals(bestOfRates(4, () => ({ value: -Infinity })).value, -Infinity);
});

Deno.test("what versions of proxies score never changes", async () => {
  const lion = analyse(wide, parseGenome(wide, RIVALS.lion));
  const scores: Record<string, number> = {};
  for (const name of ["zipf@1", "context@1", "blocks@1", "charlm@1"]) {
    const steps = name === "charlm@1" ? 4 : 60;
    const evaluator = await Evaluator.of(wide, [proxy(name, { steps, rates: 2 })]);
    scores[name] = evaluator.evaluate(lion).score;
  }
  assertEquals(scores, {
    "zipf@1": 1.835002229531697,
    "context@1": 0.6616226347136794,
    "blocks@1": 1.5455862496039905,
    "charlm@1": 0.29507191463131177,
  });
});

Deno.test("a rate is tuned for each task by itself, and more tries never make it worse", async () => {
  const signum = analyse(wide, parseGenome(wide, RIVALS.signum));
  const score = async (...tasks: Task[]) =>
    (await Evaluator.of(wide, tasks)).evaluate(signum).score;
  const [one, other] = ["blocks@1", "zipf@1"].map((name) => (rates: number) =>
    proxy(name, { rates, steps: 50, seeds: [1, 2] })
  );
  const [a, b] = [await score(one(3)), await score(other(3))];
  assertAlmostEquals(await score(one(3), other(3)), (a + b) / 2, 1e-12);
  assert(a >= await score(one(1)) && b >= await score(other(1)));
});

Deno.test("rivals are the library's optimizers", () => {
  const hyper: Record<string, Record<string, number>> = {
    adamw: { b2: 0.999, weightDecay: 1e-4 },
    lion: { b2: 0.99, weightDecay: 1e-3 },
    signum: {},
    nadam: { b2: 0.999 },
  };
  for (const [name, text] of Object.entries(RIVALS)) {
    const program = programOf(
      wide,
      parseGenome(wide, text.replace(/mul\(lr, [\d.]+\)/, "mul(lr, 1)")),
    );
    const options = { hyper: { learningRate: 0.5, ...hyper[name] }, tolerance: 1e-5, seeds: 1 };
    assert(equivalent(program, BUILT_IN.get(name)!.program, options).equivalent, name);
  }
});

Deno.test("proxies that there are not are refused, and larger ones are", async () => {
  assertThrows(() => proxy("zipf"), Error, "did you mean");
  assertThrows(() => proxy("zipf@1", { rates: 0 }), Error, "`rates` must be");
  const recording = { kind: "trace", name: "signum", rule: RIVALS.signum, size: 8 } as const;
  const trace = { ...recording, steps: 9, seeds: [1], rates: 2 };
  await assertRejects(() => Evaluator.of(wide, [trace]), Error, "not of recordings");
  const { steps, seeds, ...task } = larger(proxy("context@1"), 10);
  assertEquals([steps, seeds], [632, [10_001]]);
  assert(task.kind === "proxy" && task.factor === 10);
  const tasks = [{ ...larger(proxy("zipf@1"), 2), steps: 3 }];
  const [{ task: name }] = (await Evaluator.of(wide, tasks)).problems;
  assertEquals(name, "zipf@1, 2 times larger");
});

Deno.test("a rank correlation is Spearman's, ties and all, with its interval", () => {
  const { rho, low, high, count } = rankCorrelation([[1, 1], [2, 3], [3, 2], [4, 4], [5, 6], [
    6,
    5,
  ]]);
  assertAlmostEquals(rho, 1 - 6 * 4 / (6 * 35), 1e-12);
  assert(low < rho && rho < high && high < 1 && count === 6);
  // Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4.
  assertAlmostEquals(
    rankCorrelation([[0, 0], [1, 1], [1, 2], [9, 3]]).rho,
    4.5 / Math.sqrt(4.5 * 5),
    1e-12,
  );
  assert(Number.isNaN(rankCorrelation([[0, 0], [1, 1], [2, 5]]).low));
});

Deno.test("the language task has its shapes, and is measured on texts that differ", () => {
  const { shapes, tensors, start, measure } = languageProblem(1);
  const w = new Float32Array(tensors.reduce((a, b) => a + b));
  assertEquals([shapes.length, w.length], [16, 50_928]);
  start(w);
  assert(measure(w, "validation") !== measure(w, "test"));
  assertAlmostEquals(measure(w, "test"), Math.log(32), 0.4);
});
