/** Optimizers train a network with moments in blocks of 8 bits about as well as with moments in float32. */
import {
  adabelief,
  adamw,
  adan,
  ademamix,
  amsgrad,
  applyIfFinite,
  type BlockTensor,
  lamb,
  lion,
  lookahead,
  masked,
  multiSteps,
  muon,
  nadamw,
  type Optimizer,
  partition,
  rmsprop,
  sgd,
  type State,
  type StorageChoice,
} from "../../mod.ts";
import { load as loadFile, save } from "../../export/safetensors/mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { throughJson } from "../saved.ts";
import { backends } from "./backends.ts";
import { randomArray } from "./random.ts";
import { assertSameBits } from "./same_bits.ts";

const INPUTS = 48;
const HIDDEN = 96;
const OUTPUTS = 48;

/** Weights of a network of one layer of tanh, first and last; each is large enough for blocks. */
type Weights = readonly [Float32Array, Float32Array];

/** Normally distributed numbers, always the same ones. */
function normals(seed: number): () => number {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

function weightsOf(seed: number, scale: number): Weights {
  const next = normals(seed);
  const array = (rows: number, columns: number) =>
    Float32Array.from({ length: rows * columns }, () => scale * next() / Math.sqrt(rows));
  return [array(INPUTS, HIDDEN), array(HIDDEN, OUTPUTS)];
}

function matrices([first, last]: Weights) {
  return [{ data: first, shape: [INPUTS, HIDDEN] }, { data: last, shape: [HIDDEN, OUTPUTS] }];
}

/** What a network makes of some inputs, and the layer before. */
function forward([first, last]: Weights, inputs: Float32Array) {
  const count = inputs.length / INPUTS;
  const hidden = product(inputs, first, count, INPUTS, HIDDEN).map(Math.tanh);
  return { hidden, outputs: product(hidden, last, count, HIDDEN, OUTPUTS) };
}

/** The product of a matrix of `rows` x `inner` and one of `inner` x `columns`, or of their transposes. */
function product(
  a: Float32Array,
  b: Float32Array,
  rows: number,
  inner: number,
  columns: number,
  turned: "none" | "first" | "second" = "none",
): Float32Array {
  const out = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < inner; k++) {
      const x = turned === "first" ? a[k * rows + i] : a[i * inner + k];
      for (let j = 0; j < columns; j++) {
        out[i * columns + j] += x * (turned === "second" ? b[j * inner + k] : b[k * columns + j]);
      }
    }
  }
  return out;
}

const teacher = weightsOf(5, 1.5);

/** The mean square that is left of a network that learns another, after so many steps. */
function left(opt: Optimizer, storage: StorageChoice, steps = 200): number {
  const next = normals(9);
  const batch = (count: number) => Float32Array.from({ length: count * INPUTS }, next);
  const weights = weightsOf(3, 1);
  const params = matrices(weights);
  const state = opt.init(params, { storage });
  for (const name of Object.keys(storage)) {
    const leaves = state[name] as BlockTensor[];
    assertEquals(leaves.map(({ dtype }) => dtype), leaves.map(() => "block8"), name);
  }
  const count = 12;
  for (let step = 0; step < steps; step++) {
    const inputs = batch(count);
    const wanted = forward(teacher, inputs).outputs;
    const { hidden, outputs } = forward(weights, inputs);
    const off = outputs.map((y, i) => (y - wanted[i]) / count);
    const back = product(off, weights[1], count, OUTPUTS, HIDDEN, "second")
      .map((g, i) => g * (1 - hidden[i] ** 2));
    const gradients: Weights = [
      product(inputs, back, INPUTS, count, HIDDEN, "first"),
      product(hidden, off, HIDDEN, count, OUTPUTS, "first"),
    ];
    opt.step(params, matrices(gradients), state);
  }
  const inputs = batch(100);
  const wanted = forward(teacher, inputs).outputs;
  const { outputs } = forward(weights, inputs);
  return outputs.reduce((sum, y, i) => sum + (y - wanted[i]) ** 2, 0) / outputs.length;
}

const rules: readonly [opt: Optimizer, states: readonly string[]][] = [
  [adamw({ learningRate: 3e-3 }), ["m", "v"]],
  [nadamw({ learningRate: 3e-3 }), ["m", "v"]],
  [amsgrad({ learningRate: 3e-3 }), ["m", "v"]],
  [adabelief({ learningRate: 3e-3 }), ["m", "s"]],
  [adan({ learningRate: 3e-3 }), ["m", "v", "n"]],
  [ademamix({ learningRate: 1e-3 }), ["m", "m2", "v"]],
  [lamb({ learningRate: 1e-2 }), ["m", "v"]],
  [lion({ learningRate: 1e-3 }), ["m"]],
  [sgd({ learningRate: 0.01, momentum: 0.9 }), ["m"]],
  [rmsprop({ learningRate: 1e-3 }), ["v"]],
  [muon({ learningRate: 1e-2 }), ["m"]],
];

for (const [opt, states] of rules) {
  Deno.test(`${opt.program.name} comes within 2 % of where float32 comes, with ${states} in blocks`, () => {
    const storage = Object.fromEntries(states.map((name) => [name, "block8" as const]));
    const [before, wide, blocks] = [left(opt, {}, 0), left(opt, {}), left(opt, storage)];
    assert(wide < before / 2, `it learns: ${before} to ${wide}`);
    assert(Math.abs(blocks / wide - 1) < 0.02, `${blocks} for ${wide}`);
  });
}

const adam = () => adamw({ learningRate: 0.01 });
const storage = { m: "block8", v: "block8" } as const;
const wrapped: readonly [name: string, make: () => Optimizer, storage: StorageChoice][] = [
  ["a mask", () => masked(adam(), { a: true, b: false, c: true }), storage],
  ["a mask of decay", () => adamw({ learningRate: 0.01, mask: { a: true, b: false, c: true } }), {
    ...storage,
  }],
  ["a partition", () =>
    partition({
      body: adam(),
      rest: lion({ learningRate: 0.01 }),
    }, { a: "body", b: "rest", c: "rest" }), {
    m_body: "block8",
    v_body: "block8",
    m_rest: "block8",
  }],
  ["several gradients a step", () => multiSteps(adam(), { everyKSchedule: 3 }), {
    ...storage,
    acc: "block8",
  }],
  ["lookahead", () => lookahead(adam(), { syncPeriod: 2, slowStepSize: 0.5 }), storage],
  ["finite steps", () => applyIfFinite(adam(), { maxConsecutiveErrors: 3 }), storage],
];

function tree(seed: number) {
  return {
    a: { data: randomArray(4500, seed), shape: [45, 100] },
    b: randomArray(5000, seed + 10),
    c: randomArray(100, seed + 20),
  };
}

/** Six steps; `interrupt` gives what goes on after the third. */
function run(
  opt: Optimizer,
  storage: StorageChoice,
  interrupt: (run: { params: ReturnType<typeof tree>; state: State }) => typeof run = (run) => run,
) {
  const params = tree(1);
  let run = { params, state: opt.init(params, { storage }) as State };
  for (let step = 2; step < 8; step++) {
    if (step === 5) run = interrupt(run);
    opt.step(run.params, tree(step), run.state);
  }
  return { params: run.params, state: { ...run.state } };
}

for (const [name, make, storage] of wrapped) {
  Deno.test(`${name}: blocks are saved and go on bit for bit, on every backend`, () => {
    const expected = run(make().with({ backend: "interpreter" }), storage);
    const kept = Object.values(expected.state).flatMap((state) => Object.values(state as object));
    assert(kept.some((leaf) => leaf?.dtype === "block8"));
    for (const backend of backends) {
      const opt = make().with({ backend });
      const ways: Record<string, Parameters<typeof run>[2]> = {
        "as it is": (run) => run,
        "through a file": ({ params, state }) => {
          const bytes = save({ optimizer: opt, params, state });
          const loaded = loadFile<typeof params>(bytes, { optimizer: opt, params });
          assertEquals([loaded.started, loaded.leftover], [[], []]);
          return loaded;
        },
        "through a file alone": ({ params, state }) =>
          loadFile<typeof params>(save({ optimizer: opt, params, state })),
        "through JSON": throughJson,
        "as a clone": ({ params, state }) => structuredClone({ params, state: { ...state } }),
      };
      for (const [way, interrupt] of Object.entries(ways)) {
        assertSameBits(run(opt, storage, interrupt), expected, `${backend}, ${way}`);
      }
    }
  });
}
