/** What states are stored as: chosen when a state is made, and told by its arrays from then on. */
import {
  adamw,
  chain,
  lion,
  type Optimizer,
  optimizer,
  type State,
  type StorageType,
  type StoredTensor,
} from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import { assertRefused, assertRefusedUnchanged } from "../refused.ts";
import { backends } from "./backends.ts";
import { randomArray } from "./random.ts";
import { assertSameBits } from "./same_bits.ts";
import type { Storing } from "./storages.ts";

const stochastic = (dtype: StorageType, seed = 0) =>
  ({ dtype, rounding: "stochastic", seed }) as const;

const adam = (options = {}) => adamw({ learningRate: 0.01, ...options });

const parameters = () => ({
  a: randomArray(9, 1),
  b: { data: new Float64Array(randomArray(6, 2)), shape: [2, 3] },
});
const gradients = (step: number) => ({
  a: randomArray(9, 10 + step),
  b: { data: new Float64Array(randomArray(6, 20 + step)), shape: [2, 3] },
});

/** The type of each array of a state. */
function typesOf(state: State, name: string): string[] {
  return Object.values(state[name] as Record<string, StoredTensor>).map((leaf) =>
    leaf.dtype ?? (leaf.data ?? leaf).constructor.name
  );
}

/** Parameters and state after three steps, and the same by updates. */
function trained(opt: Optimizer, state: State): unknown {
  const params = parameters();
  let updated = structuredClone(state);
  for (let step = 0; step < 3; step++) {
    [, updated] = opt.update(gradients(step), updated, params);
    opt.step(params, gradients(step), state);
    assertSameBits({ ...updated }, { ...state }, `step ${step}`);
  }
  return [params, { ...state }];
}

for (const backend of backends) {
  Deno.test(`a state steps by what its arrays are, whatever the optimizer says (${backend})`, () => {
    const made = (muDtype?: Storing) => adam({ muDtype }).with({ backend });
    const reference = (muDtype?: Storing) => adam({ muDtype }).with({ backend: "interpreter" });
    const ways = [
      "float32",
      "bfloat16",
      "float16",
      "bfloat16+8",
      stochastic("bfloat16", 3),
    ] as const;
    for (const m of ways) {
      const expected = trained(reference(m), reference(m).init(parameters()));
      for (const other of [undefined, ...ways, stochastic("bfloat16", 4)]) {
        // One is given the type when it is made, the other when its state is.
        const chosen = made(other).init(parameters(), { storage: { m } });
        const what = [m, other].map((way) => JSON.stringify(way)).join(" over ");
        assertSameBits(trained(made(other), chosen), expected, `chosen ${what}`);
        const given = made(m).init(parameters());
        assertSameBits(trained(made(other), given), expected, `given ${what}`);
      }
    }
  });

  Deno.test(`each state has the type it was given (${backend})`, () => {
    const opt = chain(adam({ muDtype: "float32" }), lion({ learningRate: 1 })).with({ backend });
    const storage = { m: "bfloat16", v: "bfloat16+8", m_2: "float16" } as const;
    const state = opt.init(parameters(), { storage });
    for (const steps of [0, 2]) {
      for (let step = 0; step < steps; step++) opt.step(parameters(), gradients(step), state);
      for (const [name, dtype] of Object.entries(storage)) {
        assertEquals(typesOf(state, name), [dtype, dtype]);
      }
    }
    const interpreted = opt.with({ backend: "interpreter" });
    const expected = trained(interpreted, interpreted.init(parameters(), { storage }));
    assertSameBits(trained(opt, opt.init(parameters(), { storage })), expected, "chain");
  });

  Deno.test(`one optimizer steps states of several types in turn (${backend})`, () => {
    const opt = adam().with({ backend });
    const all = [{}, { m: "bfloat16" }, { v: stochastic("bfloat16") }, {
      v: "bfloat16+8",
    }] as const;
    const states = all.map((storage) => opt.init(parameters(), { storage }));
    const params = states.map(parameters);
    for (let step = 0; step < 3; step++) {
      states.forEach((state, i) => opt.step(params[i], gradients(step), state));
    }
    all.forEach((storage, i) => {
      const alone = adam().with({ backend: "interpreter" });
      const expected = trained(alone, alone.init(parameters(), { storage }));
      assertSameBits([params[i], { ...states[i] }], expected, `state ${i}`);
    });
  });
}

Deno.test("a state that no choice names is stored as its parameter, or as the optimizer was made", () => {
  const own = ["Float32Array", "Float64Array"];
  const plain = adam().init(parameters(), { storage: { v: stochastic("bfloat16") } });
  assertEquals([typesOf(plain, "m"), typesOf(plain, "v")], [own, ["bfloat16", "bfloat16"]]);
  const short = adam({ muDtype: "float16" }).init(parameters(), { storage: {} });
  assertEquals([typesOf(short, "m"), typesOf(short, "v")], [["float16", "float16"], own]);
});

const counter = optimizer({
  name: "counter",
  state: { total: { over: "tree" }, momentum: 0 },
  step: "total = total + globalNorm(g)\nmomentum = g\nu = -momentum/total",
})();

const bad: readonly [name: string, opt: Optimizer, options: unknown, ...says: string[]][] = [
  [
    "a state that there is not is refused with the nearest",
    counter,
    { storage: { momentun: "bfloat16" } },
    'Cannot initialise "counter": there is no state `momentun` to store; did you mean `momentum`?',
  ],
  [
    "the master copies are no state to choose for",
    counter,
    { storage: { master: "bfloat16" } },
    "there is no state `master` to store",
  ],
  [
    "a state that is a number is refused",
    counter,
    { storage: { total: "float32" } },
    "the storage of `total` cannot be chosen, since state `total` is one number for the tree",
  ],
  [
    "an unknown type is refused with those that there are",
    counter,
    { storage: { momentum: "float8" } },
    "the storage of `momentum` must be one of float32, bfloat16, float16, bfloat16+8, block8: " +
    'given "float8"',
  ],
  [
    "float64 is no type to choose",
    counter,
    { storage: { momentum: "float64" } },
    "the storage of `momentum` must be one of float32, bfloat16, float16, bfloat16+8, block8: " +
    'given "float64"',
  ],
  [
    "another option is refused with the nearest",
    counter,
    { storages: {} },
    "there is no option `storages`; did you mean `storage`?",
  ],
  [
    "text in place of the types is refused",
    counter,
    { storage: "bfloat16" },
    '`storage` must be an object of types by state: given "bfloat16"',
  ],
  [
    "text in place of the options is refused",
    counter,
    "m",
    'its options must be an object: given "m"',
  ],
];

for (const [name, opt, options, ...says] of bad) {
  Deno.test(`init: ${name}`, () => {
    assertRefused(() => opt.init(Float32Array.of(1), options as Record<never, never>), ...says);
  });
}

Deno.test("a short type for a state that is a number is refused when the optimizer is made", () => {
  const tree = optimizer({
    name: "tree",
    state: { m: { over: "tree" } },
    step: "m = m + 1\nu = -g/m",
  });
  assertRefused(
    () => tree({ muDtype: "bfloat16" } as never),
    'Cannot make "tree": `muDtype` cannot be chosen, since state `m` is one number for the tree',
  );
});

Deno.test("a state with arrays of several types is refused at the one that is like no other", () => {
  const params = { a: Float32Array.of(1), b: Float32Array.of(1), c: Float32Array.of(1) };
  const opt = adam({ muDtype: "float16" });
  const state = opt.init(params, { storage: { m: "bfloat16" } });
  (state.m as Record<string, unknown>).b = Float32Array.of(0);
  const run = [
    () => opt.step(params, params, state),
    () => opt.update(params, state, params),
  ];
  for (const each of run) {
    const says = "state `m` at `b` must be bfloat16: given float32";
    assertRefusedUnchanged(each, [params, state], says);
  }
});
