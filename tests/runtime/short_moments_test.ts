/** Optimizers whose states are stored short go where those in float32 go, or are refused. */
import {
  adagrad,
  adam,
  adamax,
  adamw,
  chain,
  clipByGlobalNorm,
  cocob,
  ema,
  explain,
  multiSteps,
  type Optimizer,
  resident,
  type RoundedStorage,
  scheduleFreeSgd,
  type State,
  type StorageType,
  yogi,
} from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { assertRefused } from "../refused.ts";
import { backends } from "./backends.ts";
import { randomArray } from "./random.ts";
import { assertSameBits } from "./same_bits.ts";

const stochastic = (dtype: StorageType, seed = 0): RoundedStorage => ({
  dtype,
  rounding: "stochastic",
  seed,
});

type Storages = Readonly<Record<string, StorageType | RoundedStorage>>;

/** How far Adam moves each of some parameters, on the mean, by gradients that are all alike. */
function moved(
  moments: StorageType | RoundedStorage,
  learningRate: number,
  gradients: readonly (readonly [value: number, steps: number])[],
): number {
  const params = new Float32Array(256);
  const opt = adam({ learningRate });
  const state = opt.init(params, { storage: { m: moments, v: moments } });
  for (const [value, steps] of gradients) {
    const each = new Float32Array(params.length).fill(value);
    for (let step = 0; step < steps; step++) opt.step(params, each, state);
  }
  return -params.reduce((sum, x) => sum + x, 0) / params.length;
}

/** Gradients that are small all the time, and one that is large before others. */
const runs = [
  { learningRate: 1e-3, gradients: [[1e-3, 3_000]] },
  { learningRate: 0.1, gradients: [[1e4, 1], [1, 20_000]] },
] as const;

for (const [k, { learningRate, gradients }] of runs.entries()) {
  Deno.test(`short moments move parameters as far as float32 does: ${gradients.join(" then ")}`, () => {
    const expected = moved("float32", learningRate, gradients);
    const off = (moments: StorageType | RoundedStorage) =>
      Math.abs(moved(moments, learningRate, gradients) / expected - 1);
    assert(Math.abs(expected - [3, 987.5][k]) < 0.1, `${expected}`);
    assert(off(stochastic("bfloat16")) < 0.01, "bfloat16");
    assert(off(stochastic("bfloat16+8")) < 1e-4, "24 bits, stochastically");
    // A decay of 0.001 ends half a unit, 2^-16, over 0.001 above where it goes: 1.5 % of v at most.
    assert(off("bfloat16+8") < [1e-3, 3e-3][k], "24 bits, to nearest");
  });
}

const ways = {
  "bfloat16": { m: stochastic("bfloat16"), v: stochastic("bfloat16", 3) },
  "float16 and 24 bits": { m: stochastic("float16"), v: "bfloat16+8" },
  "24 bits": { m: "bfloat16+8", v: stochastic("bfloat16+8") },
} as const;

const SIZES = [140_001, 1, 8, 4_097];
const tree = (seed: number) =>
  Object.fromEntries(SIZES.map((size, i) => [`leaf${i}`, randomArray(size, 10 * seed + i)]));
const reduced = (options: object) =>
  chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate: 0.01, ...options }));

for (const [name, storage] of Object.entries(ways)) {
  /** Parameters and state after four steps, saved and taken up again in the middle. */
  const trained = async (opt: Optimizer, isResident: boolean, mode: "step" | "update") => {
    const place = <T extends object>(made: T): T => isResident ? resident(made) : made;
    const params = place(tree(1));
    let state: State = opt.init(params, { storage });
    for (let step = 0; step < 4; step++) {
      const gradients = place(tree(2 + step));
      if (mode === "update") state = opt.update(gradients, state, params)[1];
      opt.step(params, gradients, mode === "update" ? opt.init(params) : state);
      // Time for threads to start, and to take part in the later steps.
      if (isResident) await new Promise((resolve) => setTimeout(resolve, 20));
      if (step === 1 && !isResident) state = structuredClone({ ...state, hyper: {} });
    }
    return { m: state.m, v: state.v, ...mode === "step" ? { params: { ...params } } : {} };
  };

  Deno.test(`moments in ${name} have the same bits however they are stepped`, async () => {
    for (const mode of ["step", "update"] as const) {
      const expected = await trained(reduced({}).with({ backend: "interpreter" }), false, mode);
      for (const backend of ["js", "wasm"] as const) {
        const opt = reduced({}).with({ backend, threads: 1 });
        assertSameBits(await trained(opt, false, mode), expected, `${backend} ${mode}`);
      }
      for (const threads of [1, 3]) {
        const actual = await trained(reduced({}).with({ threads }), true, mode);
        assertSameBits(actual, expected, `${threads} threads, ${mode}`);
      }
    }
  });
}

for (const backend of backends) {
  Deno.test(`a step and an update round alike, and a seed of its own otherwise (${backend})`, () => {
    const opt = adam({ learningRate: 0.1 }).with({ backend });
    const gradients = { w: randomArray(64, 3), b: new Float64Array(randomArray(64, 4)) };
    const states = [0, 0, 1].map((seed) =>
      opt.init(gradients, { storage: { m: stochastic("bfloat16", seed) } })
    );
    const params = structuredClone(gradients);
    const [, updated] = opt.update(gradients, states[0], params);
    for (const state of states) opt.step(structuredClone(params), gradients, state);
    assertSameBits(updated.m, states[0].m, "an update");
    assertSameBits(states[1].m, states[0].m, "the same seed");
    const bits = states.map(({ m }) => (m as { w: { data: Uint16Array } }).w.data.join());
    assert(bits[2] !== bits[0]);
  });
}

Deno.test("leaves say how they are stored, and a state goes on by what they say", () => {
  const params = Float32Array.of(1, 2);
  const storage = { m: stochastic("float16", 2), v: stochastic("bfloat16+8") };
  const state = adam({ learningRate: 0.1 }).init(params, { storage });
  assertEquals<unknown>(state.m, { data: new Uint16Array(2), shape: [2], ...storage.m });
  const low = new Uint8Array(2);
  assertEquals<unknown>(state.v, { data: new Uint16Array(2), low, shape: [2], ...storage.v });
  const nearest = { dtype: "bfloat16", rounding: "nearest" } as const;
  const plain = adam({ learningRate: 0.1, muDtype: nearest }).init(params);
  assertEquals<unknown>(plain.m, { data: new Uint16Array(2), shape: [2], dtype: "bfloat16" });

  const opt = adam({ learningRate: 0.1 });
  const copy: State = structuredClone({ ...state, hyper: {} });
  (copy.m as { seed: number }).seed = 3;
  for (const each of [state, copy]) opt.step(params, randomArray(2, 1), each);
  assertEquals([(state.m as RoundedStorage).seed, (copy.m as RoundedStorage).seed], [2, 3]);
});

Deno.test("explain counts two bytes of a bfloat16 and three of 24 bits", () => {
  const bytesOf = (muDtype: StorageType | RoundedStorage) => {
    const { stateBytes, bytesMoved } = explain(adam({ learningRate: 1, muDtype }));
    return [stateBytes, bytesMoved];
  };
  // Moved: w, m and v there and back, and g.
  assertEquals(bytesOf("float32"), [8, 28]);
  assertEquals(bytesOf(stochastic("bfloat16")), [6, 24]);
  assertEquals(bytesOf("bfloat16+8"), [7, 26]);
});

const refused: readonly [name: string, opt: Optimizer, storage: Storages, ...says: string[]][] = [
  [
    "squares as float16",
    adam({ learningRate: 1 }),
    { v: "float16" },
    'Cannot initialise "adam": state `v` must not be stored as float16 rounded to nearest, since it is ' +
    "made of squares of gradients: float16 has no number between 0 and 2^-24",
  ],
  ["squares as float16, whatever the rounding", adam({ learningRate: 1 }), {
    v: stochastic("float16"),
  }, "made of squares"],
  [
    "sums of squares as float16",
    adagrad({ learningRate: 1 }),
    { s: stochastic("float16") },
    "squares",
  ],
  ["squares of a clipped gradient", reduced({}), { v: stochastic("float16") }, "squares"],
  [
    "squares in Yogi's spelling",
    yogi({ learningRate: 1 }),
    { v: stochastic("float16") },
    "squares",
  ],
  [
    "a slow average to nearest",
    adam({ learningRate: 1 }),
    { v: "bfloat16" },
    "state `v` must not be stored as bfloat16 rounded to nearest, since a step lets go of 0.001 of it, " +
    "and what changes it by less than 2^-9 is rounded away",
  ],
  ["the same within wrappers", multiSteps(reduced({}), { everyKSchedule: 2 }), {
    v: "bfloat16",
  }, "0.001"],
  ["a maximum that decays", adamax({ learningRate: 1 }), { v: "bfloat16" }, "0.001"],
  ["one of the numbers of a tree", adam({ learningRate: 1, b2: { a: 0.9, b: 0.9995 } }), {
    v: "bfloat16",
  }, "0.0005"],
  [
    "a float16 that is slower still",
    adam({ learningRate: 1, b1: 0.9999 }),
    {
      m: "float16",
    },
    "0.0001",
    "2^-12",
  ],
  [
    "24 bits that are slower than those",
    adam({ learningRate: 1, b2: 0.999999 }),
    {
      v: "bfloat16+8",
    },
    "0.000001",
    "2^-17",
  ],
  [
    "a running sum to nearest",
    adagrad({ learningRate: 1 }),
    { s: "bfloat16" },
    "since it is a running sum, and what is added is rounded away when it is less than 2^-9 of the sum",
  ],
  [
    "a sum of steps",
    scheduleFreeSgd({ learningRate: 1 }),
    { z: "float16" },
    "running sum",
    "2^-12",
  ],
  ["Yogi's sum", yogi({ learningRate: 1 }), { v: "bfloat16" }, "running sum"],
  [
    "a beginning that is 0 there",
    cocob(),
    { L: "float16" },
    "state `L` must not be stored as float16 rounded to nearest, since it begins at 1e-8, which would " +
    "be 0",
  ],
  ["the same, whatever the rounding", cocob(), { L: stochastic("float16") }, "begins at 1e-8"],
];

for (const [name, opt, storage, ...says] of refused) {
  Deno.test(`refused: ${name}`, () => {
    assertRefused(
      () => opt.init({ a: Float32Array.of(1), b: Float32Array.of(1) }, { storage }),
      ...says,
    );
  });
}

Deno.test("refused when it is made: a slow first moment to nearest", () => {
  assertRefused(
    () => ema({ decay: 0.999, muDtype: "bfloat16" }),
    'Cannot make "ema": state `m` must not be stored as bfloat16 rounded to nearest',
  );
  ema({ decay: 0.999, muDtype: stochastic("bfloat16") });
  ema({ decay: 0.999, muDtype: "float16" });
});

Deno.test("not refused: averages that are fast enough, follow a schedule, or do not decay", () => {
  const params = Float32Array.of(1);
  adam({ learningRate: 1, b2: 0.99 }).init(params, { storage: { m: "float16", v: "bfloat16" } });
  adam({ learningRate: 1, b2: () => 0.9999 }).init(params, { storage: { v: "bfloat16" } });
  cocob().init(params, { storage: { L: "bfloat16" } });
  cocob({ eps: 1e-4 }).init(params, { storage: { L: "float16" } });
});

Deno.test("a coin bettor whose largest gradient is a float16 stays finite", () => {
  const opt = cocob({ eps: 1e-4 });
  const params = Float32Array.of(0, 1);
  const state = opt.init(params, { storage: { L: "float16" } });
  for (let step = 0; step < 20; step++) {
    opt.step(
      params,
      params.map((x, i) => i * (x - 0.5)),
      state,
    );
  }
  assert(params.every(Number.isFinite), `${params}`);
  assertEquals(params[0], 0);
});

const bad: readonly [name: string, stored: unknown, says: string][] = [
  [
    "a rounding that there is not",
    { dtype: "bfloat16", rounding: "up" },
    'the rounding of state `v` must be "nearest" or "stochastic": given "up"',
  ],
  [
    "chance in float32",
    { dtype: "float32", rounding: "stochastic" },
    "what is rounded stochastically must be stored short, as bfloat16, float16 or bfloat16+8: given " +
    "float32 for state `v`",
  ],
  [
    "a seed that nothing is drawn by",
    { dtype: "bfloat16", seed: 1 },
    'the rounding of state `v` must be "stochastic" where there is a seed: given undefined and seed 1',
  ],
  [
    "a seed that is no number",
    { dtype: "bfloat16", rounding: "stochastic", seed: "1" },
    'the seed of state `v` must be a finite number: given "1"',
  ],
  [
    "what there is not to choose",
    { dtype: "bfloat16", seeds: 1 },
    "the storage of `v` has no `seeds` to choose; did you mean `seed`?",
  ],
];

for (const [name, stored, says] of bad) {
  Deno.test(`refused: ${name}`, () => {
    const init = () =>
      adam({ learningRate: 1 }).init(Float32Array.of(1), { storage: { v: stored as StorageType } });
    assertRefused(init, `Cannot initialise "adam": ${says}`);
  });
}

Deno.test("leaves that are no parameter, or lack their further bits, are refused", () => {
  const opt = adam({ learningRate: 1 });
  const params = Float32Array.of(1, 2);
  const state = opt.init(params, { storage: { m: stochastic("bfloat16"), v: "bfloat16+8" } });
  const v = state.v as { low?: Uint8Array };
  assertRefused(
    () => opt.init({ w: { ...v, dtype: "bfloat16+8" } }),
    "the parameter at `w` must be of another type: given bfloat16+8, which only states are stored as",
  );
  assertRefused(
    () => opt.init({ w: state.m as object }),
    "parameters at `w` must be bfloat16: given bfloat16 rounded stochastically by seed 0",
  );
  assertRefused(
    () => opt.step(params, params, { ...state, v: { ...v, low: new Uint8Array(1) } } as State),
    "the tensor at the root must have `low`, a Uint8Array as long as its data, 2: given a Uint8Array of 1",
  );
  delete v.low;
  assertRefused(() => opt.step(params, params, state), "must have `low`");
});
