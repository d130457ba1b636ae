/** Every element-wise operation of the language, in ONNX Runtime. */
import { type ElementOp, elementOps } from "../../dsl/ops.ts";
import { type Optimizer, optimizer } from "../../mod.ts";
import { toOnnx } from "../../export/onnx/mod.ts";
import { OrtOptimizer } from "../../export/ort/mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { assertRefused } from "../refused.ts";
import { edges32, numbers32, numbers64, ulpsBetween } from "../numbers.ts";

type Precision = "float32" | "float64";
const COUNT = 3000;
const OPERANDS = ["g", "w", "m"];

/** `row` as text on these operands; where it takes truth, on the operand's being positive. */
function textOf({ syntax, takes }: ElementOp, names: readonly string[]): string {
  const operands = takes.map((type, i) => type === "truth" ? `(${names[i]} > 0)` : names[i]);
  if ("call" in syntax) return `${syntax.call}(${operands.join(", ")})`;
  if ("prefix" in syntax) return `${syntax.prefix}${operands[0]}`;
  return operands.join(` ${syntax.infix} `);
}

function numberOf(row: ElementOp, text: string): string {
  return row.gives === "truth" ? `where(${text}, 1, 2)` : text;
}

/** Operands: all pairs and triples of edges by turns, and random bits. */
function operandsOf(precision: Precision): (Float32Array | Float64Array)[] {
  return OPERANDS.map((_, k) => {
    const random = precision === "float32" ? numbers32(COUNT, 7 + k) : numbers64(COUNT, 7 + k);
    const n = edges32.length;
    const numbers = random.map((x, i) =>
      i < n * n ? edges32[[i % n, Math.floor(i / n), (i * 7 + Math.floor(i / n)) % n][k]] : x
    );
    return precision === "float32" ? Float32Array.from(numbers) : Float64Array.from(numbers);
  });
}

async function runBoth(opt: Optimizer, precision: Precision) {
  const [g, w, m] = operandsOf(precision);
  const exported = await OrtOptimizer.load(toOnnx(opt, w));
  const results = [opt.with({ backend: "interpreter" }), exported].map(async (each) => {
    const params: Float32Array | Float64Array = w.slice();
    const state = { ...each.init(params), m: m.slice(), out: params.slice().fill(0) };
    await each.step(params, g, state);
    return state.out;
  });
  const [ours, theirs] = await Promise.all(results);
  await exported.dispose();
  return { ours, theirs, operands: [g, w, m] };
}

/** ONNX Runtime does not keep the sign of a zero that `where` chooses first, nor min's and max's. */
function isZeroQuirk(name: string, ours: number, theirs: number): boolean {
  return ["Where", "Min", "Max", "Clip"].includes(name) && ours === 0 && theirs === 0;
}

/** ONNX Runtime has these for float32 elements alone. */
const NO_FLOAT64 = ["Tan", "Asin", "Acos", "Atan"];

/**
 * ONNX Runtime's tanh of float32 is a quotient of polynomials: 7 ulp off at most, and next to the subnormals,
 * where an ulp is no measure, at most 2^-142.
 */
function isTanhQuirk(name: string, precision: Precision, ours: number, theirs: number): boolean {
  if (name !== "Tanh" || precision !== "float32") return false;
  return ulpsBetween(ours, theirs, precision) <= 7 || Math.abs(ours - theirs) <= 2 ** -142;
}

for (const [name, row] of Object.entries(elementOps)) {
  if (NO_FLOAT64.includes(name)) {
    Deno.test(`${name} in float64 is refused, of elements and once a step`, () => {
      const refuse = (operand: string, params: Float32Array | Float64Array) =>
        assertRefused(
          () =>
            toOnnx(
              optimizer({
                name: "op",
                inputs: { x: "scalar" },
                step: `u = 2*g + ${textOf(row, [operand])}`,
              })(),
              params,
            ),
          'Cannot export "op" to ONNX',
          `\`${textOf(row, [operand])}\` would be computed in float64`,
          `no float64 ${name}`,
        );
      refuse("g", new Float64Array(1));
      refuse("x", new Float64Array(1));
      refuse("x", new Float32Array(1));
    });
  }

  for (const precision of ["float32", "float64"] as const) {
    if (precision === "float64" && NO_FLOAT64.includes(name)) continue;
    const bound = name === "Tanh" && precision === "float32" ? 7 : row.ulp;
    Deno.test(`${name} of ${precision} elements is within ${bound} ulp in ONNX Runtime`, async () => {
      const opt = optimizer({
        name: "op",
        state: { m: 0, out: 0 },
        step: `out = ${numberOf(row, textOf(row, OPERANDS))}; m = m + out; u = g + w + m`,
      })();
      const { ours, theirs, operands } = await runBoth(opt, precision);
      let kinds = 0;
      ours.forEach((expected, i) => {
        const given = operands.slice(0, row.takes.length).map((operand) => operand[i]);
        const what = `${name}(${given}) is ${theirs[i]}, not ${expected}`;
        kinds |= Number.isNaN(expected) ? 1 : 2;
        if (isZeroQuirk(name, expected, theirs[i])) return;
        if (isTanhQuirk(name, precision, expected, theirs[i])) return;
        if (row.ulp === 0) assert(Object.is(theirs[i], expected), what);
        else assert(ulpsBetween(theirs[i], expected, precision) <= row.ulp, what);
      });
      assert((kinds & 2) === 2, "every result was NaN");
    });
  }

  if (NO_FLOAT64.includes(name)) continue;
  Deno.test(`${name} once a step is within ${row.ulp} ulp in ONNX Runtime`, async () => {
    const opt = optimizer({
      name: "op",
      inputs: { x: "scalar", y: "scalar", z: "scalar" },
      step: `u = ${numberOf(row, textOf(row, ["x", "y", "z"]))}`,
    })();
    const zero = Float64Array.of(-0);
    const exported = await OrtOptimizer.load(toOnnx(opt, zero));
    const [xs, ys, zs] = operandsOf("float64");
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

Deno.test("1 and -1 to a power without bounds are in ONNX Runtime what they are here", async () => {
  const g = Float32Array.of(1, 1, 1, -1, -1, -1);
  const start = Float32Array.of(Infinity, -Infinity, NaN, Infinity, -Infinity, NaN);
  const opt = optimizer({ name: "power", state: { m: 0 }, step: "m = g^w; u = m" })();
  const exported = await OrtOptimizer.load(toOnnx(opt, start));
  const [state, theirState] = [opt.init(start), exported.init(start)];
  opt.with({ backend: "interpreter" }).step(start.slice(), g, state);
  await exported.step(start.slice(), g, theirState);
  assertEquals(theirState.m, state.m);
  await exported.dispose();
});
