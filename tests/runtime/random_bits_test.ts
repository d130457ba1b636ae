/** Random numbers differ where they must, and are the same wherever they are asked for. */
import {
  addNoise,
  chain,
  clipByGlobalNorm,
  factory,
  masked,
  multiSteps,
  noisySgd,
  type Optimizer,
  parseProgram,
  printProgram,
  type State,
} from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { backends } from "./backends.ts";
import { assertSameBits } from "./same_bits.ts";

const draw = (step: string, options = {}): Optimizer =>
  factory(parseProgram({ name: "draw", hyper: { seed: 7 }, state: { m: 0 }, step }))(options);

const tree = (sizes: readonly number[]) =>
  Object.fromEntries(
    sizes.map((size, i) => [`leaf${i}`, new Float32Array(size).fill(0.5 + i)]),
  );

for (const backend of backends) {
  /** The numbers that `step` draws for leaves of some sizes at the step after `count` others. */
  const drawn = (step: string, sizes: readonly number[] = [64], count = 0, seed = 7) => {
    const program = parseProgram({ name: "draw", hyper: { seed: 0 }, step });
    const opt = factory(program)({ seed }).with({ backend });
    const gradients = tree(sizes);
    const state = opt.init(gradients);
    state.count = count;
    return Object.values(opt.update(gradients, state)[0]);
  };
  const isApart = (a: Float32Array, b: Float32Array) =>
    a.filter((value, i) => value === b[i]).length < a.length / 8;

  Deno.test(`a leaf begins with the numbers of a shorter one (${backend})`, () => {
    const [long] = drawn("u = normal(seed)", [9_000]);
    for (const size of [1, 5, 4_097]) {
      assertEquals(drawn("u = normal(seed)", [size])[0], long.slice(0, size));
    }
  });

  Deno.test(`leaves, seeds, steps, elements and distributions differ (${backend})`, () => {
    const [first, second] = drawn("u = normal(seed)", [64, 64]);
    assert(isApart(first, second), "two leaves have the same numbers");
    assertEquals(new Set(first).size, 64);
    const others = [
      drawn("u = normal(seed + 1)"),
      drawn("u = normal(seed)", [64], 1),
      drawn("u = normal(seed)", [64], 2 ** 31),
      // These are one float32 number.
      drawn("u = normal(seed)", [64], 0, 2 ** 24),
      drawn("u = normal(seed)", [64], 0, 2 ** 24 + 1),
      drawn("u = normal(seed)", [64], 2 ** 24 + 1),
      drawn("u = normal(seed)", [64], 2 ** 24),
      drawn("u = normal(seed)", [64], 0, 0.1),
      drawn("u = normal(seed)", [64], 0, -0.1),
      drawn("u = normal(seed, seed)"),
    ].map(([numbers]) => numbers);
    for (const [i, a] of [first, ...others].entries()) {
      for (const b of [second, ...others.slice(i)]) assert(isApart(a, b), `${i} is like another`);
    }
    const [uniform] = drawn("u = uniform(seed)");
    const ranks = (numbers: Float32Array) =>
      numbers.map((x) => numbers.filter((y) => y < x).length);
    assert(isApart(ranks(first), ranks(uniform)), "a uniform number tells the normal one");
  });

  Deno.test(`one seed gives one number, however often it is asked for (${backend})`, () => {
    assertEquals(drawn("u = normal(seed) - normal(seed)")[0], new Float32Array(64));
    assertEquals(drawn("a = normal(7); u = a - normal(seed)")[0], new Float32Array(64));
  });

  Deno.test(`another counter takes the place of count (${backend})`, () => {
    assertEquals(
      drawn("u = normal(seed, 2*count + 1)", [64], 3),
      drawn("u = normal(seed)", [64], 7),
    );
  });

  Deno.test(`a float64 parameter gets the number before it is rounded (${backend})`, () => {
    const opt = draw("u = normal(seed)\nm = uniform(seed)").with({ backend });
    const wide = { a: new Float64Array(5_000), b: { data: new Float64Array(6), shape: [2, 3] } };
    const narrow = { a: new Float32Array(5_000), b: new Float32Array(6) };
    const [[of64, state64], [of32, state32]] = [
      opt.update(wide, opt.init(wide)),
      opt.update(narrow, opt.init(narrow)),
    ];
    assertEquals(Float32Array.from(of64.a), of32.a);
    assertEquals(Float32Array.from(of64.b.data), of32.b);
    assert(of64.a.some((value) => value !== Math.fround(value)));
    const [cut, whole] = [state32, state64].map(({ m }) => (m as typeof wide).a);
    assertEquals(
      Float64Array.from(cut),
      whole.map((value) => Math.floor(value * 2 ** 24) / 2 ** 24),
    );
  });

  Deno.test(`a seed that a reduction over the tree gives is known in its phase (${backend})`, () => {
    const [numbers] = drawn("u = normal(globalNorm(g))", [4]);
    assertEquals(numbers, drawn("u = normal(seed)", [4], 0, 1)[0]);
  });

  Deno.test(`within a wrapper numbers are drawn by its clock, and a leaf keeps its own (${backend})`, () => {
    const noisy = noisySgd({ learningRate: 1, eta: 1 });
    const gathered = multiSteps(noisy, { everyKSchedule: 2 });
    assert(printProgram(gathered.program).step.includes("normal(seed, gradientStep)"));
    const [plain, twice, some] = [tree([9, 9]), tree([9, 9]), tree([9, 9])];
    const mask = { leaf0: false, leaf1: true };
    const runs = [[noisy, plain, 2], [gathered, twice, 4], [masked(noisy, mask), some, 2]] as const;
    for (const [opt, params, steps] of runs) {
      const state = opt.init(params);
      for (let step = 0; step < steps; step++) {
        opt.with({ backend }).step(params, tree([9, 9]), state);
      }
    }
    assertEquals(twice, plain);
    assertEquals(some.leaf1, plain.leaf1);
  });

  Deno.test(`a run that is resumed goes on with the same numbers (${backend})`, () => {
    const make = () =>
      chain(
        clipByGlobalNorm({ maxNorm: 1 }),
        addNoise({ eta: 0.1, gamma: 0.5, seed: (count: number) => count % 3 }),
        noisySgd({ learningRate: 0.1 }),
      ).with({ backend });
    const run = (resumeAt: number) => {
      let params: Record<string, Float32Array> = tree([100, 7]);
      let opt = make();
      let state: State = opt.init(params);
      for (let step = 0; step < 6; step++) {
        if (step === resumeAt) {
          opt = make();
          [params, state] = structuredClone([params, { ...state, hyper: { ...state.hyper } }]);
        }
        opt.step(params, tree([100, 7]), state);
      }
      return params;
    };
    assertSameBits(run(3), run(-1), "");
  });
}
