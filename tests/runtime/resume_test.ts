/** A state that was saved, by whatever means, goes on as if it never had been. */
import {
  adamw,
  chain,
  clipByGlobalNorm,
  cosineDecaySchedule,
  factory,
  linearSchedule,
  lion,
  type Optimizer,
  parseProgram,
  type State,
  type StoredTensor,
  type Tensor,
} from "../../mod.ts";
import { toBfloat16 } from "../../runtime/trees/dtype.ts";
import { markOf } from "../../runtime/trees/state.ts";
import { assert, assertEquals } from "../assert.ts";
import { contents } from "../refused.ts";
import { throughJson } from "../saved.ts";
import { randomArray } from "./random.ts";

const ways: readonly [name: string, save: <T>(value: T) => T][] = [
  ["structuredClone", structuredClone],
  ["JSON", throughJson],
];

const learningRate = cosineDecaySchedule({ initValue: 0.1, decaySteps: 12, alpha: 0.1 });
const optimizers: readonly [name: string, make: () => Optimizer][] = [
  ["scheduled lion", () => lion({ learningRate, mask: { a: true, b: false } })],
  ["adamw with a short moment and a tree of schedules", () =>
    adamw({
      learningRate: { a: learningRate, b: [0.01] },
      weightDecay: linearSchedule({ initValue: 0, endValue: 0.1, transitionSteps: 5 }),
      muDtype: "bfloat16",
    })],
  [
    "adamw with a moment rounded stochastically",
    () => adamw({ learningRate, muDtype: { dtype: "bfloat16", rounding: "stochastic", seed: 5 } }),
  ],
  ["adamw with a moment of 24 bits", () => adamw({ learningRate, muDtype: "bfloat16+8" })],
  ["a chain", () => chain(clipByGlobalNorm({ maxNorm: learningRate }), adamw({ learningRate }))],
  [
    "a program with a state of the tree",
    factory(parseProgram({
      name: "sketch",
      hyper: { learningRate: 0.1 },
      state: { n: { over: "tree" }, v: { over: "tensor" }, z: "w" },
      step: `
        n = 0.9*n + globalNorm(g)
        v = v + mean(g^2)
        z = z - learningRate*g/n
        u = (z - w)/(1 + v)
      `,
    })),
  ],
];

type Second = "float64" | "bfloat16";

/** A bare array, and a tensor that is stored in another type. */
const tree = (seed: number, dtype: Second): { a: Float32Array; b: (Tensor | StoredTensor)[] } => {
  const numbers = randomArray(6, 2 * seed);
  return {
    a: randomArray(7, seed),
    b: [
      dtype === "float64"
        ? { data: new Float64Array(numbers), shape: [2, 3] }
        : { data: Uint16Array.from(numbers, toBfloat16), shape: [2, 3], dtype },
    ],
  };
};
const parameters = (dtype: Second = "float64") => tree(1, dtype);
const gradients = (step: number, dtype: Second = "float64") => tree(10 + step, dtype);

/** Ten steps; after the fourth, `interrupt` takes parameters and state and gives what goes on. */
function run(
  make: () => Optimizer,
  override: boolean,
  interrupt: <T>(value: T) => T,
  dtype: Second = "float64",
): string {
  let opt = make();
  let params = parameters(dtype);
  let state: State = opt.init(params);
  for (let step = 0; step < 10; step++) {
    if (step === 2 && override) {
      for (const name of opt.settings.keys()) {
        if (name.startsWith("learningRate")) state.hyper[name] = 0.03125;
      }
    }
    if (step === 4) {
      opt = make();
      [params, state] = interrupt([params, state] as const);
    }
    opt.step(params, gradients(step, dtype), state);
  }
  const { hyper, ...tensors } = state;
  const used = Object.fromEntries(
    [...opt.settings.keys()].map((name) => [name, hyper[name]]),
  );
  return contents([params, tensors, used]);
}

for (const [name, make] of optimizers) {
  for (const override of [false, true]) {
    for (const [way, save] of ways) {
      const after = override ? " after a number was written" : "";
      Deno.test(`${name} goes on from ${way} bit for bit${after}`, () => {
        const never = run(make, override, (value) => value);
        assertEquals(run(make, override, save), never);
      });

      Deno.test(`${name} of a short parameter goes on from ${way} bit for bit${after}`, () => {
        const never = run(make, override, (value) => value, "bfloat16");
        assertEquals(run(make, override, save, "bfloat16"), never);
      });
    }
  }

  Deno.test(`${name} heeds a number that is written`, () => {
    assert(run(make, true, (value) => value) !== run(make, false, (value) => value));
  });
}

Deno.test("a saved state of an update goes on bit for bit", () => {
  const opt = adamw({ learningRate });
  const params = parameters();
  let [state, saved] = [opt.init(params), opt.init(params)];
  for (let step = 0; step < 6; step++) {
    const [updates, next] = opt.update(gradients(step), state, params);
    const [savedUpdates, savedNext] = opt.update(gradients(step), saved, params);
    assertEquals(contents(savedUpdates), contents(updates));
    [state, saved] = [next, structuredClone(savedNext)];
  }
});

Deno.test("a state that was saved holds nothing but plain data", () => {
  const opt = adamw({ learningRate, muDtype: "float16" });
  const params = Float32Array.of(1);
  const state = opt.init(params);
  opt.step(params, Float32Array.of(1), state);
  state.hyper.learningRate = 0.5;
  assertEquals(
    JSON.parse(
      JSON.stringify(
        state,
        (_, part) => ArrayBuffer.isView(part) ? Array.from(part as Float32Array) : part,
      ),
    ),
    {
      optimizer: markOf(opt.program),
      count: 1,
      hyper: { learningRate: 0.5 },
      m: { data: [0x2e66], shape: [1], dtype: "float16" },
      v: [Math.fround(1 - 0.999)],
    },
  );
});
