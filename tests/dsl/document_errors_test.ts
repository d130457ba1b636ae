import { type Document, parseProgram, schedule } from "../../mod.ts";
import { assert } from "../assert.ts";
import { assertRefused, pointer } from "../refused.ts";

/** A bad document: what the message must say. */
const badDocuments: readonly [name: string, document: unknown, ...says: string[]][] = [
  [
    "nothing is no optimizer",
    undefined,
    "Cannot read an optimizer: an optimizer must be an object of named entries: given undefined",
  ],
  [
    "a list is no optimizer",
    [{ name: "x", step: "u = g" }],
    "Cannot read an optimizer: an optimizer must be an object of named entries: given an array of 1",
  ],
  [
    "an optimizer needs a name",
    { step: "u = g" },
    "Cannot read an optimizer: `name` must be an identifier: given undefined",
  ],
  [
    "the name of an optimizer is an identifier",
    { name: "my optimizer", step: "u = g" },
    'Cannot read an optimizer: `name` must be an identifier: given "my optimizer"',
  ],
  [
    "an unknown key of a document is refused with the nearest known one",
    { name: "x", hypers: {}, step: "u = g" },
    'Cannot read optimizer "x": it has no key `hypers`; did you mean `hyper`?',
  ],
  [
    "a misspelt key of a document is refused with the nearest known one",
    { name: "x", setp: "u = g" },
    'Cannot read optimizer "x": it has no key `setp`; did you mean `step`?',
  ],
  [
    "the step of an optimizer is text",
    { name: "x", step: ["u = g"] },
    'Cannot read optimizer "x": `step` must be the text of its statements: given an array of 1',
  ],
  [
    "an optimizer needs a step",
    { name: "x" },
    'Cannot read optimizer "x": `step` must be the text of its statements: given undefined',
  ],
  [
    "a note is text",
    { name: "x", doc: 3, step: "u = g" },
    'Cannot read optimizer "x": `doc` must be text of at most 4096 characters: given 3',
  ],
  [
    "a note has at most 4096 characters",
    { name: "x", source: "s".repeat(4097), step: "u = g" },
    'Cannot read optimizer "x": `source` must be text of at most 4096 characters: given "sss',
  ],
  [
    "hyperparameters are named",
    { name: "x", hyper: ["learningRate"], step: "u = g" },
    'Cannot read optimizer "x": `hyper` must be an object of named entries: given an array of 1',
  ],
  [
    "the default of a hyperparameter is no NaN",
    { name: "x", hyper: { b1: NaN }, step: "u = g" },
    'Cannot read optimizer "x": the default of `b1` must be a number, true, false or "required": ' +
    "given NaN",
  ],
  [
    "the default of a hyperparameter is no text",
    { name: "x", hyper: { b1: "0.9" }, step: "u = g" },
    'the default of `b1` must be a number, true, false or "required": given "0.9"',
  ],
  [
    "the default of a hyperparameter is not null",
    { name: "x", hyper: { b1: null }, step: "u = g" },
    'the default of `b1` must be a number, true, false or "required": given null',
  ],
  [
    "a hyperparameter is not named as the parameter is",
    { name: "x", hyper: { w: 1 }, step: "u = g" },
    'Cannot read optimizer "x": `w` in `hyper` is already the parameter',
  ],
  [
    "a hyperparameter is not named `axis`",
    { name: "x", hyper: { axis: 1 }, step: "u = g" },
    'Cannot read optimizer "x": `axis` in `hyper` is already part of the language',
  ],
  [
    "a hyperparameter is not named as a function is",
    { name: "x", hyper: { sqrt: 1 }, step: "u = g" },
    'Cannot read optimizer "x": `sqrt` in `hyper` is already part of the language',
  ],
  [
    "a hyperparameter is not named as a reduction over the tree is",
    { name: "x", hyper: { globalNorm: 1 }, step: "u = g" },
    'Cannot read optimizer "x": `globalNorm` in `hyper` is already part of the language',
  ],
  [
    "a state is not named as what a state tree keeps of its own",
    { name: "x", state: { optimizer: 0 }, step: "u = g" },
    'Cannot read optimizer "x": `optimizer` in `state` is already kept for the state tree',
  ],
  [
    "a state is not named as the hyperparameters of a state tree are",
    { name: "x", state: { hyper: 0 }, step: "u = g" },
    'Cannot read optimizer "x": `hyper` in `state` is already kept for the state tree',
  ],
  [
    "a name is declared once",
    { name: "x", hyper: { m: 0 }, state: { m: 0 }, step: "u = g" },
    'Cannot read optimizer "x": `m` in `state` is already declared in `hyper`',
  ],
  [
    "a name has at most 64 characters",
    { name: "x", hyper: { ["a".repeat(65)]: 0 }, step: "u = g" },
    'Cannot read optimizer "x": a name in `hyper` must be an identifier: given "aaa',
  ],
  [
    "an input is a scalar or a tree",
    { name: "x", inputs: { value: "tensor" }, step: "u = g" },
    'Cannot read optimizer "x": input `value` must be "scalar" or "element": given "tensor"',
  ],
  [
    "a state has no keys but its own",
    { name: "x", state: { m: { initial: 0 } }, step: "u = g" },
    'Cannot read optimizer "x": state `m` has keys `init`, `over` and `shape`: given `initial`',
  ],
  [
    "the initial value of a state is a number or an expression",
    { name: "x", state: { m: true }, step: "u = g" },
    'Cannot read optimizer "x": the initial value of state `m` must be a number or an expression: ' +
    "given true",
  ],
  [
    "the extent of a state is one of those that there are",
    { name: "x", state: { m: { over: "row" } }, step: "u = g" },
    'Cannot read optimizer "x": `over` of state `m` must be "element", "tensor", "tree" or reduced ' +
    'axes: given "row"',
  ],
  [
    "the reduced axes of a state are whole numbers",
    { name: "x", state: { m: { over: [0, 0.5] } }, step: "u = g" },
    '`over` of state `m` must be "element", "tensor", "tree" or reduced axes: given an array of 2',
  ],
  [
    "the reduced axes of a state are no such range",
    { name: "x", state: { m: { over: "1:2:3" as never } }, step: "u = g" },
    '`over` of state `m` must be "element", "tensor", "tree" or reduced axes: given "1:2:3"',
  ],
  [
    "the number of an axis is no fraction",
    { name: "x", state: { m: { over: ["largest", "1.5" as never] } }, step: "u = g" },
    '`over` of state `m` must be "element", "tensor", "tree" or reduced axes: given an array of 2',
  ],
  [
    "the reduced axes of a state are not none",
    { name: "x", state: { m: { over: [] } }, step: "u = g" },
    '`over` of state `m` must be "element", "tensor", "tree" or reduced axes: given an array of 0',
  ],
  [
    "an initial value reads no gradient",
    { name: "x", state: { m: "2*g" }, step: "u = m" },
    'Cannot read the initial value of state `m` of optimizer "x": an initial value is made of ' +
    "hyperparameters and `w`: `g` is none",
    pointer(1, 3, "2*g", 1),
  ],
  [
    "an initial value is refused with the nearest hyperparameter",
    { name: "x", hyper: { scale: 1 }, state: { m: "1 + scle" }, step: "u = m" },
    "`scle` is none; did you mean `scale`?",
    pointer(1, 5, "1 + scle", 4),
  ],
  [
    "the initial value of a state over the tensor reads no parameter",
    { name: "x", state: { m: { init: "w", over: "tensor" } }, step: "u = g*m" },
    "an initial value is made of hyperparameters: `w` is none",
  ],
];

for (const [name, document, ...says] of badDocuments) {
  Deno.test(name, () => {
    assertRefused(() => parseProgram(document as Document), ...says);
  });
}

const badSchedules: readonly [name: string, text: string, says: string, at: string][] = [
  [
    "a schedule reads no hyperparameter",
    "0.1*coutn",
    "a schedule reads `count` and `t` only: there is no `coutn`; did you mean `count`?",
    pointer(1, 5, "0.1*coutn", 5),
  ],
  [
    "a schedule is one expression",
    "0.1\n0.2",
    "expected the end, found `0.2`",
    pointer(2, 1, "0.2", 3),
  ],
  [
    "a schedule is a number",
    "count > 3",
    "a number is required here, and this is a condition",
    pointer(1, 1, "count > 3", 9),
  ],
  [
    "an empty schedule is refused",
    "",
    "expected a value, found the end of the text",
    pointer(1, 1, "", 1),
  ],
];

for (const [name, text, says, at] of badSchedules) {
  Deno.test(name, () => {
    const { message } = assertRefused(() => schedule(text), `Cannot read a schedule: ${says}`);
    assert(message.endsWith(at), message);
  });
}

Deno.test("a schedule has nothing to reduce", () => {
  assertRefused(
    () => schedule("0.1*sum(count)"),
    "Cannot read a schedule: it has nothing to reduce: given 0.1*sum(count)",
  );
});

Deno.test("an axis may be a number in quotes, as YAML files have it", () => {
  const step = "m = max(g, axis=0)\nv = max(g, axis=(-1, 0))\nu = m*v";
  const read = (m: "0" | 0, v: readonly ("-1" | -1 | "1:" | 0)[]) =>
    parseProgram({ name: "x", state: { m: { over: m }, v: { over: v } }, step });
  assert(read("0", ["-1", 0]) === read(0, [-1, 0]));
});
