/** Every element-wise operation of the language once a step, in ONNX Runtime. */
import { type ElementOp, elementOps } from "../../dsl/ops.ts";
import { optimizer } from "../../mod.ts";
import { toOnnx } from "../../export/onnx/mod.ts";
import { OrtOptimizer } from "../../export/ort/mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { assertRefused } from "../refused.ts";
import { edges32, numbers64, ulpsBetween } from "../numbers.ts";

const COUNT = 3000;
const OPERANDS = ["x", "y", "z"];

/** `row` as text on these operands; where it takes truth, on the operand's being positive. */
function textOf({ syntax, takes, gives }: ElementOp, names: readonly string[]): string {
  const operands = takes.map((type, i) => type === "truth" ? `(${names[i]} > 0)` : names[i]);
  const text = "call" in syntax
    ? `${syntax.call}(${operands.join(", ")})`
    : "prefix" in syntax
    ? `${syntax.prefix}${operands[0]}`
    : operands.join(` ${syntax.infix} `);
  return gives === "truth" ? `where(${text}, 1, 2)` : text;
}

/** Operands: all pairs and triples of edges by turns, and random bits. */
function operands(): number[][] {
  const n = edges32.length;
  return OPERANDS.map((_, k) =>
    numbers64(COUNT, 7 + k).map((x, i) =>
      i < n * n ? edges32[[i % n, Math.floor(i / n), (i * 7 + Math.floor(i / n)) % n][k]] : x
    )
  );
}

/** ONNX Runtime does not keep the sign of a zero that `where` chooses first, nor min's and max's. */
function isZeroQuirk(name: string, ours: number, theirs: number): boolean {
  return ["Where", "Min", "Max", "Clip"].includes(name) && ours === 0 && theirs === 0;
}

/** ONNX Runtime has these for float32 elements alone. */
const NO_FLOAT64 = ["Tan", "Asin", "Acos", "Atan"];

for (const [name, row] of Object.entries(elementOps)) {
  if (NO_FLOAT64.includes(name)) {
    Deno.test(`${name} once a step is refused, which is float64`, () => {
      const text = textOf(row, ["x"]);
      const opt = optimizer({ name: "op", inputs: { x: "scalar" }, step: `u = 2*g + ${text}` })();
      for (const params of [new Float64Array(1), new Float32Array(1)]) {
        assertRefused(
          () => toOnnx(opt, params),
          'Cannot export "op" to ONNX',
          `\`${text}\` would be computed in float64`,
          `no float64 ${name}`,
        );
      }
    });
    continue;
  }

  Deno.test(`${name} once a step is within ${row.ulp} ulp in ONNX Runtime`, async () => {
    const opt = optimizer({
      name: "op",
      inputs: { x: "scalar", y: "scalar", z: "scalar" },
      step: `u = ${textOf(row, OPERANDS)}`,
    })();
    const zero = Float64Array.of(-0);
    const exported = await OrtOptimizer.load(toOnnx(opt, zero));
    const [xs, ys, zs] = operands();
    for (let i = 0; i < COUNT; i += 23) {
      const inputs = { x: xs[i], y: ys[i], z: zs[i] };
      const [ours, theirs] = [zero.slice(), zero.slice()];
      opt.with({ backend: "interpreter" }).step(ours, zero, opt.init(zero), inputs);
      await exported.step(theirs, zero, exported.init(zero), inputs);
      const what = `${name}(${Object.values(inputs)}) is ${theirs[0]}, not ${ours[0]}`;
      if (isZeroQuirk(name, ours[0], theirs[0])) continue;
      if (row.ulp === 0) assertEquals([what, theirs[0]], [what, ours[0]]);
      else assert(ulpsBetween(theirs[0], ours[0], "float64") <= row.ulp, what);
    }
    await exported.dispose();
  });
}
