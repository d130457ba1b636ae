/** Bad options, when an optimizer is made and when it first meets parameters. */
import { adamw, chain, clipByGlobalNorm, lion, type Optimizer, partition, sgd } from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import { assertRefused, contents } from "../refused.ts";

type Options = Record<string, unknown>;
const anyLion = lion as unknown as (options?: unknown) => Optimizer;
const anySgd = sgd as unknown as (options?: unknown) => Optimizer;
const anyAdamw = adamw as unknown as (options?: unknown) => Optimizer;

const cyclic: Options = {};
cyclic.a = cyclic;

const badOptions: readonly [name: string, make: () => unknown, ...says: string[]][] = [
  [
    "a missing required hyperparameter is refused by name",
    () => anyLion({ b1: 0.9 }),
    'Cannot make "lion": hyperparameter `learningRate` is required and has no default: given ' +
    "undefined",
  ],
  [
    "no options at all miss the required hyperparameter",
    () => anyLion(),
    'Cannot make "lion": hyperparameter `learningRate` is required and has no default',
  ],
  [
    "a number in place of the options is refused",
    () => anyLion(0.1),
    'Cannot make "lion": its options must be an object: given 0.1',
  ],
  [
    "null in place of the options is refused",
    () => anyLion(null),
    'Cannot make "lion": its options must be an object: given null',
  ],
  [
    "a label that no optimizer has is refused with those that there are",
    () => partition({ body: lion({ learningRate: 1 }), head: sgd({ learningRate: 1 }) }, "x"),
    'Cannot partition: a label must name one of the optimizers: given "x"; they are `body`, `head`',
  ],
  [
    "an unknown option is refused with the nearest known one",
    () => anyLion({ learningRate: 0.1, weightdecay: 0.1 }),
    'Cannot make "lion": there is no option `weightdecay`; did you mean `weightDecay`?',
  ],
  [
    "an option of Optax's spelling is refused with that of Gradus",
    () => anyLion({ learning_rate: 0.1 }),
    'Cannot make "lion": there is no option `learning_rate`; did you mean `learningRate`?',
  ],
  [
    "a NaN hyperparameter is refused",
    () => anyLion({ learningRate: NaN }),
    'Cannot make "lion": hyperparameter `learningRate` must be a number, a schedule or a tree of ' +
    "those: given NaN",
  ],
  [
    "a text hyperparameter is refused",
    () => anyLion({ learningRate: "0.1" }),
    "hyperparameter `learningRate` must be a number, a schedule or a tree of those: given",
    'given "0.1"',
  ],
  [
    "a truth value as a number is refused",
    () => anyLion({ learningRate: true }),
    "hyperparameter `learningRate` must be a number, a schedule or a tree of those: given true",
  ],
  [
    "a bigint hyperparameter is refused",
    () => anyLion({ learningRate: 1n }),
    "hyperparameter `learningRate` must be a number, a schedule or a tree of those: given 1",
  ],
  [
    "an array as a hyperparameter is refused",
    () => anyLion({ learningRate: Float32Array.of(0.1) }),
    "hyperparameter `learningRate` must be a number, a schedule or a tree of those: given",
    "Float32Array of 1",
  ],
  [
    "text in a tree of a hyperparameter is refused",
    () => anyLion({ learningRate: { a: 0.1, b: "0.1" } }),
    "hyperparameter `learningRate` must be a number, a schedule or a tree of those: given",
    'given "0.1"',
  ],
  [
    "a hyperparameter that contains itself is refused",
    () => anyLion({ learningRate: cyclic }),
    "hyperparameter `learningRate` must be a number, a schedule or a tree of those: given an object",
  ],
  [
    "a number as a truth value is refused",
    () => anyAdamw({ learningRate: 0.1, nesterov: 1 }),
    'Cannot make "adamw": `nesterov` must be true or false: given 1',
  ],
  [
    "text as a truth value is refused",
    () => anyAdamw({ learningRate: 0.1, nesterov: "yes" }),
    'Cannot make "adamw": `nesterov` must be true or false: given "yes"',
  ],
  [
    "an option object's own `__proto__` is refused by name",
    () => anyLion(JSON.parse('{ "learningRate": 0.1, "__proto__": { "b1": 0 } }')),
    'Cannot make "lion": there is no option `__proto__`',
  ],
  [
    "options that are only inherited are not seen",
    () => anyLion(Object.create({ learningRate: 0.1 })),
    'Cannot make "lion": hyperparameter `learningRate` is required and has no default',
  ],
  [
    "`mask` of an optimizer without weight decay is refused",
    () => anySgd({ learningRate: 0.1, mask: true }),
    'Cannot make "sgd": `mask` limits `weightDecay`, which it does not have',
  ],
  [
    "text as `mask` is refused",
    () => anyLion({ learningRate: 0.1, mask: "bias" }),
    'Cannot make "lion": `mask` must be a tree of truth values or a function: given "bias"',
  ],
  [
    "null as `mask` is refused",
    () => anyLion({ learningRate: 0.1, mask: null }),
    'Cannot make "lion": `mask` must be a tree of truth values or a function: given null',
  ],
  [
    "an unknown `muDtype` is refused with those that there are",
    () => anyLion({ learningRate: 0.1, muDtype: "float8" }),
    'Cannot make "lion": `muDtype` must be one of float32, bfloat16, float16, bfloat16+8, block8: given "float8"',
  ],
  [
    "what objects inherit is no `muDtype`",
    () => anyLion({ learningRate: 0.1, muDtype: "constructor" }),
    'Cannot make "lion": `muDtype` must be one of float32, bfloat16, float16, bfloat16+8, block8: given "constructor"',
  ],
  [
    "`muDtype` of an optimizer without a first moment is refused",
    () => (clipByGlobalNorm as unknown as typeof anyLion)({ maxNorm: 1, muDtype: "float16" }),
    'Cannot make "clipByGlobalNorm": `muDtype` is the storage of state `m`, which it does not have',
  ],
  [
    "a chain of a factory is refused with the remedy",
    () => chain(clipByGlobalNorm({ maxNorm: 1 }), lion as unknown as Optimizer),
    "Cannot chain: argument 2 must be an optimizer: given a function",
    "call it with its options first",
  ],
  [
    "a chain of a list is refused",
    () => chain([sgd({ learningRate: 0.1 })] as unknown as Optimizer),
    "Cannot chain: argument 1 must be an optimizer: given an array of 1",
  ],
  [
    "a chain of nothing is refused",
    () => (chain as unknown as () => Optimizer)(),
    "Cannot chain: argument 1 must be an optimizer: given undefined",
  ],
  [
    "a backend that there is not is refused",
    () => lion({ learningRate: 0.1 }).with({ backend: "cuda" as never }),
    'Cannot run "lion": `backend` must be ',
    'given "cuda"',
  ],
];

for (const [name, make, ...says] of badOptions) {
  Deno.test(name, () => {
    assertRefused(make, ...says);
  });
}

const badPrefixes: readonly [name: string, make: () => Optimizer, ...says: string[]][] = [
  [
    "a tree of a hyperparameter that misses a parameter is refused at its path",
    () => lion({ learningRate: { a: 0.1 } }),
    "hyperparameter `learningRate` at the root must have the parameters' structure: `b` is missing",
  ],
  [
    "a tree of a hyperparameter with one too many is refused at its path",
    () => lion({ learningRate: { a: 0.1, b: 0.1, c: 0.1 } }),
    "hyperparameter `learningRate` at the root must have the parameters' structure: there is no " +
    "parameter `c`",
  ],
  [
    "a tree of a hyperparameter that goes deeper than the parameters is refused at its path",
    () => lion({ learningRate: { a: { x: 0.1 }, b: 0.1 } }),
    "hyperparameter `learningRate` at `a` must be a value: given an object with keys x",
  ],
  [
    "a list in place of a tree of a hyperparameter is refused",
    () => lion({ learningRate: [0.1, 0.1] }),
    "hyperparameter `learningRate` at the root must have the parameters' structure, an object of 2",
  ],
  [
    "a mask that misses a parameter is refused at its path",
    () => lion({ learningRate: 0.1, mask: { b: true } }),
    "the mask at the root must have the parameters' structure: `a` is missing",
  ],
  [
    "a mask that goes deeper than the parameters is refused at its path",
    () => lion({ learningRate: 0.1, mask: { a: true, b: { x: [true, false], y: true } } }),
    "the mask at `b/x` must be a value: given an array of 2",
  ],
  [
    "a mask of numbers is refused at its path",
    () => anyLion({ learningRate: 0.1, mask: { a: 1, b: 0 } }),
    "the mask at `a` must be a value: given 1",
  ],
  [
    "a mask function that returns nothing is refused",
    () => anyLion({ learningRate: 0.1, mask: () => undefined }),
    "the mask at the root must be a value: given undefined",
  ],
  [
    "a schedule that begins with NaN is refused with the count",
    () => lion({ learningRate: () => NaN }),
    "hyperparameter `learningRate` must be a number: given NaN at count 0",
  ],
];

for (const [name, make, ...says] of badPrefixes) {
  Deno.test(name, () => {
    const params = { a: Float32Array.of(1), b: { x: Float32Array.of(2), y: Float32Array.of(3) } };
    const opt = make();
    assertRefused(() => opt.init(params), 'Cannot initialise "lion": ', ...says);
    const state = lion({ learningRate: 0.1 }).init(params);
    delete state.hyper.learningRate;
    const before = contents([params, state]);
    assertRefused(() => opt.step(params, params, state), 'Cannot step by "lion": ', ...says);
    assertEquals(contents([params, state]), before);
  });
}

for (
  const [name, nesterov, says] of [
    [
      "a tree of truth values",
      { b: true },
      "the mask at the root must have the parameters' structure",
    ],
    ["a schedule as a truth value", (count: number) => count, "the mask at `a` must be a value"],
  ] as const
) {
  Deno.test(`${name} that fits no parameters is refused`, () => {
    const params = { a: Float32Array.of(1), b: Float32Array.of(2) };
    const opt = anyAdamw({ learningRate: 0.1, nesterov });
    assertRefused(() => opt.init(params), 'Cannot initialise "adamw": ', says);
  });
}
