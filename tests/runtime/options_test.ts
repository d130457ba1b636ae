/** Options under other names, choices and pairs: what they come to, and how bad ones are refused. */
import {
  adabelief,
  adafactor,
  adamw,
  applyIfFinite,
  averageParams,
  conditionallyMask,
  conditionallyTransform,
  dadaptAdamw,
  dog,
  dynamicLossScale,
  lars,
  lbfgs,
  lookahead,
  type Mask,
  mechanize,
  multiSteps,
  muon,
  type Optimizer,
  type OptimizerFactory,
  polyakSgd,
  prodigy,
  scaleByFactoredRms,
  scaleByLion,
  scaleByPolyak,
  scheduleFree,
  sgd,
} from "../../mod.ts";
import * as zoo from "../../zoo/mod.ts";
import { assertEquals } from "../assert.ts";
import { assertRefused } from "../refused.ts";

type Make = (options?: unknown) => Optimizer;
const factories = Object.entries(zoo) as unknown as [string, Make & OptimizerFactory<unknown>][];
const any = (factory: unknown, options: unknown) => () => (factory as Make)(options);

for (const [name, make] of factories) {
  Deno.test(`${name} of no object is refused`, () => {
    const says = `Cannot make "${name}": its options must be an object: given `;
    assertRefused(() => make(0.1), `${says}0.1`);
    assertRefused(() => make(null), `${says}null`);
    assertRefused(() => make("fast"), `${says}"fast"`);
    assertRefused(
      () => make({ nothing: 1 }),
      `Cannot make "${name}": there is no option \`nothing\``,
    );
  });
}

const mask: Mask = { a: true, b: false };
const params = () => ({ a: Float32Array.of(4, -2), b: Float32Array.of(3, 1) });
const gradients = { a: Float32Array.of(1, 0.5), b: Float32Array.of(-1, 2) };
const stepped = (opt: Optimizer) => {
  const after = params();
  const state = opt.init(after);
  opt.step(after, gradients, state);
  return { after, state: structuredClone(state) };
};

const decay = { learningRate: 0.1, weightDecay: 0.5 };
for (
  const [name, ours, theirs] of [
    ["adabelief", adabelief({ ...decay, mask }), adabelief({ ...decay, weightDecayMask: mask })],
    ["adamw", adamw({ ...decay, mask }), adamw({ ...decay, weightDecayMask: mask })],
    ["lars", lars({ ...decay, mask }), lars({ ...decay, weightDecayMask: mask })],
    ["prodigy", prodigy({ ...decay, mask }), prodigy({ ...decay, weightDecayMask: mask })],
    [
      "sgd",
      sgd({ learningRate: 0.1, momentum: 0.9, muDtype: "bfloat16" }),
      sgd({ learningRate: 0.1, momentum: 0.9, accumulatorDtype: "bfloat16" }),
    ],
    [
      "adafactor",
      adafactor({ weightDecayRate: 0.5, momentum: 0.9, muDtype: "float16", mask }),
      adafactor({
        ...{ weightDecayRate: 0.5, momentum: 0.9, dtypeMomentum: "float16" },
        weightDecayMask: mask,
      }),
    ],
  ] as const
) {
  Deno.test(`${name} takes masks and types by Optax's other names too`, () => {
    assertEquals(stepped(theirs), stepped(ours));
  });
}

Deno.test("the mask by its other name limits the decay", () => {
  // Adam divides by an infinite number, so that only the decay moves anything.
  const eps = Number.MAX_VALUE;
  const opt = adamw({ learningRate: 0.5, eps, weightDecay: 1, weightDecayMask: mask });
  assertEquals(stepped(opt).after, { a: Float32Array.of(2, -1), b: Float32Array.of(3, 1) });
});

const refused: readonly [name: string, make: () => unknown, ...says: string[]][] = [
  [
    "a mask under both of its names",
    any(adamw, { learningRate: 1, mask: true, weightDecayMask: false }),
    'Cannot make "adamw": `weightDecayMask` is another name of `mask`, and only one of them may be ' +
    "given: given false and true",
  ],
  [
    "a type under two names",
    any(sgd, { learningRate: 1, accumulatorDtype: "float16", dtypeMomentum: "bfloat16" }),
    '`dtypeMomentum` is another name of `muDtype`, and only one of them may be given: given "bfloat16"',
  ],
  [
    "a mask by its other name, of what does not decay",
    any(sgd, { learningRate: 1, weightDecayMask: true }),
    'Cannot make "sgd": `mask` limits `weightDecay`, which it does not have',
  ],
  [
    "a variant that there is not",
    any(polyakSgd, { variant: "sps++" }),
    'Cannot make "polyakSgd": `variant` must be "sps" or "sps+": given "sps++"',
  ],
  [
    "the truth value that the variant decides",
    any(scaleByPolyak, { positive: true }),
    'Cannot make "scaleByPolyak": there is no option `positive`',
  ],
  [
    "a mode that there is not",
    any(scaleByLion, { mode: "soft" }),
    'Cannot make "scaleByLion": `mode` must be "hard", "smooth" or "refined": given "soft"',
  ],
  [
    "a first step that is a number",
    any(dog, { initStep: 0.1 }),
    'Cannot make "dog": `initStep` must be a pair, how it begins and a number: given 0.1',
  ],
  [
    "a first step of another kind",
    any(dog, { initStep: ["learning_rate", 0.1] }),
    '`initStep[0]` must be "heuristic", "distance" or "learningRate": given "learning_rate"',
  ],
  [
    "a first step of no number",
    any(dog, { initStep: ["distance", "far"] }),
    'Cannot make "dog": hyperparameter `initStep` must be a number in [0, inf), a schedule or a tree of those',
  ],
  [
    "decays that are three",
    any(dadaptAdamw, { betas: [0.9, 0.99, 0.999] }),
    'Cannot make "dadaptAdamw": `betas` must be a pair, decays of two moments: given an array of 3',
  ],
  [
    "a decay that goes by `betas`",
    any(prodigy, { b1: 0.9 }),
    'Cannot make "prodigy": there is no option `b1`',
  ],
  [
    "a name that Adafactor's transform has otherwise",
    any(scaleByFactoredRms, { eps: 1e-8 }),
    'Cannot make "scaleByFactoredRms": there is no option `eps`',
  ],
  [
    "a memory of no whole number",
    any(lbfgs, { memorySize: 2.5 }),
    'Cannot make "lbfgs": `memorySize` must be a whole number from 1 to 50: given 2.5',
  ],
  [
    "a hyperparameter of Muon's AdamW by its name in the program",
    any(muon, { learningRate: 1, b1_adam: 0.5 }),
    'Cannot make "muon": there is no option `b1_adam`',
  ],
  [
    "a preconditioning that there is not",
    any(muon, { learningRate: 1, preconditioning: "nuclear" }),
    'Cannot make "muon": `preconditioning` must be "frobenius", "spectral", "aol" or "schatten": ' +
    'given "nuclear"',
  ],
];
for (const [name, make, ...says] of refused) {
  Deno.test(`${name} is refused`, () => {
    assertRefused(make, ...says);
  });
}

const wrappers: readonly (readonly [string, (inner: Optimizer, options: never) => Optimizer])[] = [
  ["applyIfFinite", applyIfFinite],
  ["averageParams", averageParams],
  ["conditionallyMask", conditionallyMask],
  ["conditionallyTransform", conditionallyTransform],
  ["dynamicLossScale", dynamicLossScale],
  ["lookahead", lookahead],
  ["mechanize", mechanize],
  ["multiSteps", multiSteps],
  ["scheduleFree", scheduleFree],
];
for (const [name, wrap] of wrappers) {
  Deno.test(`${name} of no object is refused`, () => {
    const says = `Cannot make ${name}: its options must be an object: given `;
    assertRefused(() => wrap(sgd({ learningRate: 1 }), 2 as never), `${says}2`);
    assertRefused(() => wrap(sgd({ learningRate: 1 }), null as never), `${says}null`);
  });
}
