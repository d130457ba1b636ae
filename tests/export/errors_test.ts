/** What `toOnnx` refuses, and how it says so. */
import { adamw, lion, noisySgd, type Optimizer, optimizer, sgd } from "../../mod.ts";
import { toOnnx } from "../../export/onnx/mod.ts";
import { assertEquals } from "../assert.ts";
import { assertRefused, assertRefusedUnchanged } from "../refused.ts";

const params = () => ({ w: Float32Array.of(1, 2) });
const descent = sgd({ learningRate: 1 });

Deno.test("a state in bfloat16 is refused with the types that ONNX Runtime takes", () => {
  for (const opt of [lion, adamw].map((make) => make({ learningRate: 1, muDtype: "bfloat16" }))) {
    assertRefusedUnchanged(
      () => toOnnx(opt, params()),
      [opt.settings, opt.storage],
      `Cannot export "${opt.program.name}" to ONNX`,
      "state `m` is stored as bfloat16",
      "float16 or float32",
    );
  }
  toOnnx(sgd({ learningRate: 1, muDtype: "bfloat16" }), params());
});

Deno.test("a state that is rounded stochastically, or has 24 bits, is refused by name", () => {
  const stochastic = { dtype: "float16", rounding: "stochastic" } as const;
  assertRefused(
    () => toOnnx(lion({ learningRate: 1, muDtype: stochastic }), params()),
    "state `m` is stored as float16 rounded stochastically by seed 0, for which ONNX has no operator",
  );
  assertRefused(
    () => toOnnx(lion({ learningRate: 1, muDtype: "bfloat16+8" }), params()),
    "state `m` is stored as bfloat16+8, which ONNX Runtime takes neither in nor out",
  );
});

Deno.test("a program that draws random numbers is refused with what it draws and its line", () => {
  assertRefused(
    () => toOnnx(noisySgd({ learningRate: 1 }), { w: [2, 2] }),
    'Cannot export "noisySgd" to ONNX',
    "a graph must be made of operators of ONNX, and none draws random numbers by a counter",
    "as `normal(seed)` in `u = -learningRate*(g + …*…)` does",
  );
});

Deno.test("an opset that is none, or too old or too new, is refused", () => {
  for (const opset of [16, 22, 20.5, "21", NaN]) {
    assertRefused(
      () => toOnnx(descent, params(), { opset: opset as number }),
      'Cannot export "sgd" to ONNX',
      "`opset` must be a whole number from 17 to 21",
    );
  }
});

Deno.test("a precision that is none, or narrower than a parameter, is refused", () => {
  assertRefused(
    () => toOnnx(descent, params(), { precision: "float16" as "float32" }),
    'Cannot export "sgd" to ONNX',
    '`precision` must be "float64" or "float32": given "float16"',
  );
  assertRefused(
    () => toOnnx(descent, { w: new Float64Array(2) }, { precision: "float32" }),
    'Cannot export "sgd" to ONNX',
    "float64 at `w`",
  );
});

Deno.test("a state that was left out for a 0 cannot come back with an input", () => {
  assertRefused(
    () => toOnnx(sgd({ learningRate: 1, momentum: 0 }), params(), { inputs: ["momentum"] }),
    'Cannot export "sgd" to ONNX',
    "state `m` was left out for `w`, since a hyperparameter that it needs is 0",
  );
});

Deno.test("a name that is no hyperparameter cannot stay an input", () => {
  for (const name of ["m", "w", "count", "toString", ""]) {
    assertRefused(
      () => toOnnx(lion({ learningRate: 1 }), params(), { inputs: ["learningRate", name] }),
      'Cannot export "lion" to ONNX',
      `no hyperparameter \`${name}\` to stay an input`,
    );
  }
});

Deno.test("a misspelt hyperparameter is refused with the one that is meant", () => {
  assertRefused(
    () => toOnnx(lion({ learningRate: 1 }), params(), { inputs: ["learningrate"] }),
    "no hyperparameter `learningrate`",
    "did you mean `learningRate`?",
  );
});

Deno.test("a truth value cannot stay an input, since it decides what the graph computes", () => {
  assertRefused(
    () => toOnnx(sgd({ learningRate: 1, momentum: 0.5 }), params(), { inputs: ["nesterov"] }),
    'Cannot export "sgd" to ONNX',
    "`nesterov`",
  );
});

Deno.test("parameters that are no tree of arrays or shapes are refused with the place", () => {
  const refuse = (given: unknown, ...parts: string[]) =>
    assertRefused(
      () => toOnnx(descent, given as object),
      'Cannot export "sgd" to ONNX',
      ...parts,
    );
  refuse(null, "the root", "given null");
  refuse(undefined, "the root", "given undefined");
  refuse("w", "the root", 'given "w"');
  refuse({}, "at least one array");
  refuse({ w: { a: {} } }, "at least one array");
  refuse({ a: { b: 3 } }, "`a/b`", "given 3");
  refuse({ a: [[-1]] }, "`a`", "given an array of 1", "Float32Array.of(-1), shape: [1, 1]");
  refuse({ a: [1.5] }, "`a`", "given an array of 1", "`Float32Array.of(1.5)`");
  refuse({ a: new Int8Array(2) }, "`a`", "given an Int8Array of 2");
  refuse({ a: new Uint16Array(2) }, "`a`", "given a Uint16Array of 2");
  refuse({ a: { data: new Float32Array(3), shape: [2] } }, "`a`", "its data, 3", "given [2]");
  refuse(new Map([["a", [1]]]), "the root");
});

Deno.test("a shape that no array can have is refused", () => {
  for (const shape of [[1e20, 2], [2 ** 53, 2 ** 53], [Number.MAX_VALUE]]) {
    assertRefused(() => toOnnx(descent, { a: shape }), 'Cannot export "sgd" to ONNX', "`a`");
  }
});

Deno.test("a tree of parameters that contains itself is refused", () => {
  const tree: Record<string, unknown> = { a: [1] };
  tree.b = tree;
  assertRefused(() => toOnnx(descent, tree), 'Cannot export "sgd" to ONNX', "deep");
});

Deno.test("a hyperparameter or mask that does not fit the parameters is refused", () => {
  const given = { a: [1], b: [1] };
  assertRefused(
    () => toOnnx(lion({ learningRate: { a: 1 } }), given),
    'Cannot export "lion" to ONNX: hyperparameter `learningRate`',
    "`b` is missing",
  );
  assertRefused(
    () => toOnnx(lion({ learningRate: 1, mask: { a: true, b: true, c: true } }), given),
    'Cannot export "lion" to ONNX: the mask',
    "there is no parameter `c`",
  );
});

Deno.test("parts of a hyperparameter that are one when joined are refused", () => {
  const learningRate = { "a/b": 1, a: { b: 2 } };
  assertRefused(
    () => toOnnx(sgd({ learningRate }), { "a/b": { x: [1] }, a: { b: { y: [1] } } }),
    'Cannot export "sgd" to ONNX',
    "`a/b` stands for two parts of hyperparameter `learningRate`",
  );
});

Deno.test("a state that begins at a value without a number is refused", () => {
  const opt = optimizer({
    name: "begun",
    hyper: { a: 1 },
    state: { m: "2*a" },
    step: "m = m + a*g; u = m",
  })({ a: () => NaN });
  assertRefused(
    () => toOnnx(opt, params()),
    'Cannot export "begun" to ONNX',
    "state `m` begins at a value that needs `a`",
  );
});

Deno.test("what is no optimizer is refused, a factory with a hint", () => {
  for (const given of [null, undefined, {}, lion, lion.program]) {
    const { message } = assertRefused(
      () => toOnnx(given as unknown as Optimizer, params()),
      "Cannot export",
      "optimizer",
    );
    assertEquals(message.includes("call it with its options"), given === lion);
  }
});
