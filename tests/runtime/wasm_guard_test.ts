/** No step reads or writes outside its arrays: what lies beside them neither changes nor matters. */
import fc from "fast-check";
import {
  adamw,
  chain,
  clipByGlobalNorm,
  factory,
  lion,
  type Optimizer,
  parseProgram,
  type State,
  type Tensor,
} from "../../mod.ts";
import { elementOps } from "../../dsl/ops.ts";
import { Arena } from "../../runtime/trees/arena.ts";
import { routineTypes } from "../../runtime/backends/wasm/math.ts";
import { assert, assertEquals } from "../assert.ts";
import { exactProgram, type Generated } from "../dsl/generate.ts";
import { anyNumber } from "../any_number.ts";
import { randomWords } from "../numbers.ts";
import { Guards, PATTERNS } from "./guarded.ts";
import { assertSameBits, type Compared } from "./same_bits.ts";
import { whereRun } from "./where.ts";
import { STORAGES, type Storing, storingMomentum } from "./storages.ts";

const SIZES = [0, 1, 2, 3, 4, 5, 7, 8, 31, 4_095, 4_096, 4_097, 8_193];
const STEPS = 2;

type Data = Float32Array | Float64Array;
type Tree = { readonly [leaf: string]: Data | Tensor };
/** A bare array of so many numbers, or a tensor. */
type Leaf = { readonly size: number | readonly number[]; readonly isWide: boolean };

function treeOf(leaves: readonly Leaf[], seed: number): Tree {
  const next = randomWords(seed);
  const entries = leaves.map(({ size, isWide }, i) => {
    const count = typeof size === "number" ? size : size.reduce((a, b) => a * b, 1);
    const data = isWide ? new Float64Array(count) : new Float32Array(count);
    for (let j = 0; j < count; j++) data[j] = (next() / 2 ** 32 - 0.5) * 8;
    return [`leaf${i}`, typeof size === "number" ? data : { data, shape: size }] as const;
  });
  return Object.fromEntries(entries);
}

/** A kind of memory for each of the trees of a step: in an arena of their own, in two, or ordinary. */
type Placing = "resident" | "ordinary" | "gradients ordinary" | "parameters ordinary" | "apart";
const PLACINGS: readonly Placing[] = [
  ...["resident", "ordinary", "gradients ordinary", "parameters ordinary", "apart"] as const,
];

interface Arenas {
  readonly first: Arena;
  readonly second: Arena;
}

function guardsOf(placing: Placing, pattern: readonly number[], { first, second }: Arenas) {
  const own = new Guards(pattern, placing.startsWith("ordinary") ? undefined : first);
  const ordinary = new Guards(pattern);
  const other = new Guards(pattern, second);
  return {
    params: placing === "parameters ordinary" ? ordinary : own,
    gradients: placing === "gradients ordinary" ? ordinary : placing === "apart" ? other : own,
    state: own,
  };
}

/** Everything that some steps make of guarded arrays, when the guards were looked at. */
function guarded(
  opt: Optimizer,
  leaves: readonly Leaf[],
  inputs: Record<string, number>,
  placing: Placing,
  pattern: readonly number[],
): unknown[] {
  const arenas = { first: Arena.of(0, true), second: Arena.of(0, true) };
  const guards = guardsOf(placing, pattern, arenas);
  const check = (when: string) => {
    for (const each of new Set(Object.values(guards))) each.check(when);
  };
  const params = guards.params.copy(treeOf(leaves, 1), "w");
  const state = guards.state.copy<State>({ ...opt.init(treeOf(leaves, 1)) }, "state");
  const made: unknown[] = [];
  for (let step = 1; step <= STEPS; step++) {
    const gradients = guards.gradients.copy(treeOf(leaves, 10 * step), `g${step}`);
    const before = structuredClone({ gradients: ordinary(gradients), params: ordinary(params) });
    const [updates, next] = opt.update(gradients, state, params, inputs);
    check(`update ${step}`);
    assertSameBits({ gradients, params }, before, `what update ${step} was given`);
    opt.step(params, gradients, state, inputs);
    check(`step ${step}`);
    assertSameBits(gradients, before.gradients, `the gradients of step ${step}`);
    made.push(ordinary([updates, { ...next }, params, { ...state }]));
  }
  return made;
}

/** A copy in memory of its own. */
function ordinary<T>(tree: T): T {
  if (ArrayBuffer.isView(tree)) return (tree as unknown as Float32Array).slice() as T;
  if (typeof tree !== "object" || tree === null) return tree;
  if (Array.isArray(tree)) return tree.map(ordinary) as T;
  return Object.fromEntries(
    Object.entries(tree).map(([key, inner]) => [key, ordinary(inner)]),
  ) as T;
}

/** What the interpreter makes of the same, with no guards. */
function interpreted(
  opt: Optimizer,
  leaves: readonly Leaf[],
  inputs: Record<string, number>,
): unknown[] {
  const own = opt.with({ backend: "interpreter" });
  const params = treeOf(leaves, 1);
  const state = own.init(params);
  const made: unknown[] = [];
  for (let step = 1; step <= STEPS; step++) {
    const gradients = treeOf(leaves, 10 * step);
    const [updates, next] = own.update(gradients, state, params, inputs);
    own.step(params, gradients, state, inputs);
    made.push(ordinary([updates, { ...next }, params, { ...state }]));
  }
  return made;
}

function optimizerOf(
  { document }: Generated,
  numbers: readonly number[],
  short: Storing,
): Optimizer {
  const { hyper = {}, state = {} } = document;
  const options: Record<string, unknown> = {};
  Object.entries(hyper).forEach(([name, value], i) => {
    if (value === "required") options[name] = numbers[i];
  });
  const { m } = state;
  const isTree = typeof m === "object" && m.over === "tree";
  const program = parseProgram(document);
  const mayStore = m !== undefined && !isTree;
  return factory(program)(mayStore ? storingMomentum(program, options, short) : options);
}

const size = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...SIZES) },
  { weight: 1, arbitrary: fc.nat(9_000) },
);
const shape = fc.constantFrom([3, 5], [1, 7], [9, 1], [0, 3], [70, 123], [2, 3, 5], [3, 1, 2, 9]);
const scenario = fc.constantFrom(0, 2).chain((rank) =>
  fc.record({
    generated: exactProgram({ rank }),
    leaves: fc.array(
      fc.record({
        size: rank === 0 ? size : shape,
        isWide: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.boolean()),
      }),
      { minLength: 1, maxLength: 4 },
    ),
    numbers: fc.array(anyNumber, { minLength: 4, maxLength: 4 }),
    short: fc.constantFrom(...STORAGES),
  })
);

for (const placing of PLACINGS) {
  Deno.test(`random programs stay within their arrays, whatever lies beside (${placing})`, () => {
    const compared: Compared = { numbers: 0, finite: 0 };
    const law = fc.property(scenario, ({ generated, leaves, numbers, short }) => {
      const opt = optimizerOf(generated, numbers, short);
      const names = Object.keys(generated.document.inputs ?? {});
      const inputs = Object.fromEntries(names.map((name, i) => [name, numbers[i]]));
      const expected = interpreted(opt, leaves, inputs);
      for (const [name, pattern] of Object.entries(PATTERNS)) {
        const actual = guarded(opt, leaves, inputs, placing, pattern);
        assertSameBits(actual, expected, `beside ${name}`, compared);
      }
    });
    fc.assert(law, { numRuns: 30, seed: 21, includeErrorInReport: true });
    const { finite, numbers } = compared;
    assert(finite > numbers / 3, `only ${finite} of ${numbers} numbers were finite`);
  });
}

const optimizers: Readonly<Record<string, Optimizer>> = {
  "lion in bfloat16": lion({ learningRate: 0.1, muDtype: "bfloat16" }),
  "lion in 24 bits": lion({ learningRate: 0.1, muDtype: "bfloat16+8" }),
  "lion rounded stochastically": lion({
    learningRate: 0.1,
    muDtype: { dtype: "bfloat16", rounding: "stochastic" },
  }),
  "lion in float16": lion({ learningRate: 0.1, muDtype: "float16" }),
  "clipped adamw": chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate: 0.1 })),
  "six states": factory(parseProgram({
    name: "six",
    state: { a: 0, b: 0, c: 0, d: 0, e: 0, f: 0 },
    step: "a=a+g\nb=b+2*a\nc=c+3*b\nd=d-4*c\ne=e+5*d\nf=f-6*e\nu=a+b+c+d+e+f",
  }))(),
  "reductions of every kind": factory(parseProgram({
    name: "reductions",
    state: { m: 0, r: { init: 1, over: "tensor" } },
    step: `
      m = 0.5*m + g
      r = r/2 + norm(m) + mean(w) + max(g)
      u = -0.1*(m*r + min(w) + globalNorm(w) + globalMax(m) + sum(g))
    `,
  }))(),
};

for (const [name, opt] of Object.entries(optimizers)) {
  Deno.test(`${name}: every size, alone and together, stays within its arrays`, () => {
    const alone = [...SIZES, 33_000].map((size) => [{ size, isWide: false }]);
    const together = [SIZES.map((size) => ({ size, isWide: false }))];
    for (const leaves of [...alone, ...together]) {
      const expected = interpreted(opt, leaves, {});
      for (const placing of PLACINGS) {
        for (const pattern of [PATTERNS.NaN, PATTERNS.large]) {
          const actual = guarded(opt, leaves, {}, placing, pattern);
          assertSameBits(actual, expected, `${leaves.map(({ size }) => size)} ${placing}`);
        }
      }
    }
  });
}

const SHAPES = [[1, 1], [3, 5], [1, 9], [9, 1], [0, 3], [3, 0], [66, 125], [4_097, 3], [2, 8_195]];

Deno.test("rows and columns: every shape, alone and together, stays within its arrays", () => {
  const opt = factory(parseProgram({
    name: "matrices",
    state: { m: 0, r: { over: 1 }, c: { over: 0 } },
    step: `
      m = 0.5*m + g
      r = 0.9*r + mean(g^2, axis=1)
      c = max(c, max(abs(m), axis=0))
      u = -m/(sqrt(r*c/mean(r)) + 1) - w/(1 + norm(r*g) + globalMax(c))
    `,
  }));
  for (const muDtype of ["float32", "bfloat16", "float16"]) {
    const own = opt({ muDtype });
    const alone = SHAPES.map((size) => [{ size, isWide: false }]);
    const together = [SHAPES.map((size) => ({ size, isWide: false }))];
    for (const leaves of [...alone, ...together]) {
      const expected = interpreted(own, leaves, {});
      for (const placing of PLACINGS) {
        for (const pattern of [PATTERNS.NaN, PATTERNS.large]) {
          let actual: unknown;
          const where = whereRun(() => actual = guarded(own, leaves, {}, placing, pattern));
          assertSameBits(actual, expected, `${leaves.map(({ size }) => `[${size}]`)} ${placing}`);
          assertEquals(where, { wasm: true, js: false });
        }
      }
    }
  }
});

Deno.test("routines do not mind what lies beside an array", () => {
  const step = "u = " + [...routineTypes.keys()].map((op) => {
    const { syntax, takes } = elementOps[op];
    const given = ["w", "g"].slice(0, takes.length);
    return "call" in syntax ? `${syntax.call}(${given})` : "abs(w)^g";
  }).join(" + ");
  const opt = factory(parseProgram({ name: "routines", step }))();
  for (const size of [1, 2, 3, 5, 7, 4_097]) {
    const leaves = [{ size, isWide: false }];
    const made = Object.values(PATTERNS).flatMap((pattern) =>
      PLACINGS.map((placing) => guarded(opt, leaves, {}, placing, pattern))
    );
    for (const each of made) assertSameBits(each, made[0], `${size}`);
  }
});

Deno.test("the guards tell of a write on either side, and of one within a block's last line", () => {
  for (const arena of [undefined, Arena.of(0, true), Arena.of(0, false)]) {
    for (const pattern of Object.values(PATTERNS)) {
      for (const at of [-1, 5]) {
        const guards = new Guards(pattern, arena);
        const { a } = guards.copy({ a: new Float32Array(5) }, "it");
        guards.check("at first");
        a.fill(7);
        guards.check("then");
        const beside = new Float32Array(a.buffer, a.byteOffset + 4 * at, 1);
        beside[0] = 7;
        let found = "";
        try {
          guards.check("last");
        } catch (error) {
          found = (error as Error).message;
        }
        assert(/has been written/.test(found), `${at}: ${found}`);
      }
    }
  }
});
