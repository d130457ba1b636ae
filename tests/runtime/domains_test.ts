/** Numbers outside of the domain of their hyperparameter are refused wherever they enter. */
import {
  adam,
  addNoise,
  averageParams,
  chain,
  clipByGlobalNorm,
  lookahead,
  multiSteps,
  type Optimizer,
  type State,
} from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import { assertRefused, assertRefusedUnchanged } from "../refused.ts";

for (
  const [name, make, says] of [
    ...[-1, 1, 1.5, Infinity].flatMap((b) =>
      (["b1", "b2"] as const).map((name) =>
        [
          `${name} = ${b}`,
          () => adam({ learningRate: 1, [name]: b }),
          `hyperparameter \`${name}\` must be a number in [0, 1): given ${b}`,
        ] as const
      )
    ),
    [
      "an eps that turns the step around",
      () => adam({ learningRate: 1e-3, eps: -1e-4 }),
      'Cannot make "adam": hyperparameter `eps` must be a number in [0, inf): given -0.0001',
    ],
    [
      "one of a tree",
      () => adam({ learningRate: 1, b1: { a: 0.5, b: [0.5, 2] } }),
      'Cannot make "adam": hyperparameter `b1` must be a number in [0, 1): given 2 at `b/1`',
    ],
    [
      "a norm below 0",
      () => clipByGlobalNorm({ maxNorm: -1 }),
      "hyperparameter `maxNorm` must be a number in [0, inf]: given -1",
    ],
    [
      "a seed beyond 32 bits",
      () => addNoise({ eta: 1, gamma: 0, seed: 2 ** 32 + 1 }),
      "hyperparameter `seed` must be a whole number in [0, 4294967295]: given 4294967297",
    ],
    [
      "a seed that is text",
      () => addNoise({ eta: 1, gamma: 0, seed: "1" as unknown as number }),
      'hyperparameter `seed` must be a whole number in [0, 4294967295], a schedule or a tree of those: given "1"',
    ],
    [
      "half a micro-batch",
      () => multiSteps(adam({ learningRate: 1 }), { everyKSchedule: 1.5 }),
      "Cannot make multiSteps: hyperparameter `everyKSchedule` must be a whole number in [1, inf): given 1.5",
    ],
    [
      "slow weights that overshoot",
      () => lookahead(adam({ learningRate: 1 }), { syncPeriod: 2, slowStepSize: 1.5 }),
      "hyperparameter `slowStepSize` must be a number in [0, 1]: given 1.5",
    ],
  ] as const
) {
  Deno.test(`making refuses ${name}`, () => {
    assertRefused(make, says);
  });
}

Deno.test("what stands at the edge of a domain is let through", () => {
  adam({ learningRate: -1, b1: 0, b2: 1 - 2 ** -53, eps: 0 });
  clipByGlobalNorm({ maxNorm: Infinity });
  addNoise({ eta: 0, gamma: -1, seed: 2 ** 32 - 1 });
  averageParams(adam({ learningRate: 1 }), { decay: 1 });
});

const params = () => ({ a: Float32Array.of(1, 2), b: Float32Array.of(3) });
const gradients = { a: Float32Array.of(1, -1), b: Float32Array.of(1) };

function stepped(opt: Optimizer, steps: number) {
  const given = params();
  const state = opt.init(given);
  for (let t = 0; t < steps; t++) opt.step(given, gradients, state);
  return { given, state };
}

Deno.test("a schedule that leaves the domain is refused at the count where it does, changing nothing", () => {
  const opt = adam({ learningRate: 1, b1: (count) => count / 2 });
  const { given, state } = stepped(opt, 2);
  assertRefusedUnchanged(
    () => opt.step(given, gradients, state),
    [given, state],
    'Cannot step by "adam": hyperparameter `b1` must be a number in [0, 1): given 1 at count 2',
  );
  assertRefused(() => opt.update(gradients, state, given), "given 1 at count 2");
});

Deno.test("a schedule of a chain is refused under its name there", () => {
  const opt = chain(clipByGlobalNorm({ maxNorm: (count) => 1 - count }), adam({ learningRate: 1 }));
  const { given, state } = stepped(opt, 2);
  assertRefusedUnchanged(
    () => opt.step(given, gradients, state),
    [given, state],
    "hyperparameter `maxNorm` must be a number in [0, inf]: given -1 at count 2",
  );
});

const writes: readonly [string, (hyper: State["hyper"]) => void, string][] = [
  ["a number", (hyper) => hyper.b2 = 1, "`b2` must be a number in [0, 1): given 1 at count 1"],
  ["-1", (hyper) => hyper.eps = -1, "`eps` must be a number in [0, inf): given -1 at count 1"],
  [
    "a tree",
    (hyper) => hyper.b1 = { a: 0.5, b: 1.5 },
    "`b1` must be a number in [0, 1): given 1.5 at count 1",
  ],
];
for (const [name, write, says] of writes) {
  Deno.test(`what is written into a state is refused outside of the domain: ${name}`, () => {
    const opt = adam({ learningRate: 1 });
    const { given, state } = stepped(opt, 1);
    write(state.hyper);
    assertRefusedUnchanged(() => opt.step(given, gradients, state), [given, state], says);
    for (const key of Object.keys(state.hyper)) delete state.hyper[key];
    opt.step(given, gradients, state);
    assertEquals(state.count, 2);
  });
}
