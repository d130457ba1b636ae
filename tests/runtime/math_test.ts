/** The mathematical routines of one operand against the op table; power has its own tests. */
import { type ElementOp, elementOps } from "../../dsl/ops.ts";
import type { ElementOpName } from "../../dsl/node.ts";
import { Module } from "../../runtime/backends/wasm/module.ts";
import { addRoutine, routineTypes, routineUlps } from "../../runtime/backends/wasm/math.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { edges32, numbers32, randomWords } from "../numbers.ts";
import { fixed, PI } from "./coefficients.ts";
import { assertWithinUlps, runRoutine } from "./routines.ts";

const unary = [...routineTypes.keys()].filter((op) => op !== "Pow");

/** For each sign and exponent, the ends of its mantissas and `count` spread over all of them. */
function everyExponent(count: number, seed: number): Float32Array {
  const next = randomWords(seed);
  const ends = [0, 1, 2, 0x7ffffd, 0x7ffffe, 0x7fffff];
  const bits: number[] = [];
  for (let top = 0; top < 512; top++) {
    for (const mantissa of ends) bits.push(top * 2 ** 23 + mantissa);
    const step = 2 ** 23 / count;
    for (let i = 0; i < count; i++) {
      bits.push(top * 2 ** 23 + Math.floor(step * (i + next() / 2 ** 32)));
    }
  }
  return new Float32Array(Uint32Array.from(bits).buffer);
}

/** All float32 numbers up to `reach` places from each centre, of both signs. */
function around(centres: readonly number[], reach: number): Float32Array {
  const firsts = new Uint32Array(Float32Array.from(centres).buffer);
  const bits = [...firsts].flatMap((first) =>
    Array.from({ length: 2 * reach }, (_, i) => (first & 0x7fffffff) - reach + i)
  );
  const all = bits.flatMap((each) => [each, each + 2 ** 31]);
  return new Float32Array(Uint32Array.from(all).buffer);
}

Deno.test("every routine keeps within its ulps at every exponent of float32", () => {
  const inputs = everyExponent(8192, 1);
  assert(inputs.length > 4_000_000);
  for (const op of unary) assertWithinUlps(op, inputs);
});

const halfTurns = Array.from({ length: 2000 }, (_, k) => (k + 1) * Math.PI / 2);
const largeTurns = Array.from({ length: 2000 }, (_, k) => Math.PI / 2 * 1.043 ** (k + 1))
  .filter((x) => x < 2 ** 128);

/** Where a routine changes its ways, reaches a limit, or loses digits unless it takes care. */
const turningPoints: Partial<Record<ElementOpName, readonly number[]>> = {
  Exp: [88.72284, 87.33655, 103.97208, 103.27893, 100, 110, Math.LN2 / 2, 2 ** -24],
  Log: [1, Math.SQRT1_2, Math.SQRT2, 2, 0.5, 2 ** -126, Math.E],
  Sin: [...halfTurns, ...largeTurns, 2 ** 20, 2 ** 24, 2 ** -12],
  Cos: [...halfTurns, ...largeTurns, 2 ** 20, 2 ** 24, 2 ** -12],
  Tan: [...halfTurns, ...largeTurns, 2 ** 20, 2 ** 24, 2 ** -12],
  Asin: [0.5, 1, 2 ** -12, Math.SQRT1_2],
  Acos: [0.5, 1, 2 ** -12, Math.SQRT1_2],
  Atan: [Math.SQRT2 - 1, Math.SQRT2 + 1, 1, 2 ** 24, 2 ** -12],
  Sinh: [89.41599, 88.72284, 100, Math.LN2 / 2, 2 ** -12],
  Cosh: [89.41599, 88.72284, 100, Math.LN2 / 2, 2 ** -12],
  Tanh: [9.010914, 10, Math.LN2 / 4, 2 ** -12],
  Cbrt: [1, 8, 27, 1000, 2 ** -126, 2 ** 126],
};

Deno.test("every routine keeps within its ulps where it changes its ways", () => {
  for (const op of unary) {
    const centres = turningPoints[op];
    assert(centres !== undefined, `${op} has no turning points`);
    assertWithinUlps(op, around(centres, Math.ceil(100_000 / centres.length)));
  }
});

/** The convergents' denominators below 2^24: by which a number comes closest to whole numbers. */
function closestMultipliers(numerator: bigint, denominator: bigint): number[] {
  let [last, before] = [0n, 1n];
  const found: number[] = [];
  while (denominator !== 0n) {
    [last, before] = [numerator / denominator * last + before, last];
    [numerator, denominator] = [denominator, numerator % denominator];
    if (last >= 2n ** 24n) break;
    found.push(Number(last));
  }
  return found;
}

Deno.test("angles next to a whole number of quarter turns lose no digits", () => {
  const scales = Array.from({ length: 128 }, (_, i) => i - 24);
  const angles = scales.flatMap((scale) =>
    // 2^scale·2/π: over the scale where it is negative.
    closestMultipliers(fixed(2 ** Math.max(scale, 0)) * 2n, PI << BigInt(Math.max(-scale, 0)))
      .map((multiplier) => multiplier * 2 ** scale)
  );
  assert(Math.min(...angles.map((x) => Math.abs(Math.cos(x)))) < 2 ** -29);
  const inputs = Float32Array.from(angles.flatMap((x) => [x, -x]));
  assert(inputs.length > 2000);
  for (const op of ["Sin", "Cos", "Tan"] as const) assertWithinUlps(op, inputs);
});

Deno.test("special operands give what mathematics says", () => {
  const [inf, none] = [Infinity, NaN];
  const halfPi = Math.fround(Math.PI / 2);
  // Results for 0, -0, ∞, -∞, NaN, 1 and -1.
  const expected: Partial<Record<ElementOpName, readonly number[]>> = {
    Exp: [1, 1, inf, 0, none, Math.fround(Math.E), Math.fround(1 / Math.E)],
    Log: [-inf, -inf, inf, none, none, 0, none],
    Sin: [0, -0, none, none, none, Math.fround(Math.sin(1)), -Math.fround(Math.sin(1))],
    Cos: [1, 1, none, none, none, Math.fround(Math.cos(1)), Math.fround(Math.cos(1))],
    Tan: [0, -0, none, none, none, Math.fround(Math.tan(1)), -Math.fround(Math.tan(1))],
    Asin: [0, -0, none, none, none, halfPi, -halfPi],
    Acos: [halfPi, halfPi, none, none, none, 0, Math.fround(Math.PI)],
    Atan: [0, -0, halfPi, -halfPi, none, Math.fround(Math.PI / 4), -Math.fround(Math.PI / 4)],
    Sinh: [0, -0, inf, -inf, none, Math.fround(Math.sinh(1)), -Math.fround(Math.sinh(1))],
    Cosh: [1, 1, inf, inf, none, Math.fround(Math.cosh(1)), Math.fround(Math.cosh(1))],
    Tanh: [0, -0, 1, -1, none, Math.fround(Math.tanh(1)), -Math.fround(Math.tanh(1))],
    Cbrt: [0, -0, inf, -inf, none, 1, -1],
  };
  const inputs = Float32Array.of(0, -0, inf, -inf, none, 1, -1, 0);
  for (const op of unary) {
    assertEquals([...runRoutine(op, inputs)].slice(0, 7), expected[op], op);
  }
});

Deno.test("a NaN of any bits gives NaN", () => {
  const bits = [0x7f800001, 0x7fbfffff, 0x7fffffff, 0xff800001, 0xffc00000, 0xffffffff, 0x7fc00001];
  const inputs = new Float32Array(Uint32Array.of(...bits, 0x7fd55555).buffer);
  for (const op of unary) {
    assertEquals([...runRoutine(op, inputs)], new Array(8).fill(NaN), op);
  }
});

Deno.test("no lane changes what another gives", () => {
  const values = [...edges32, 1e30, -3e38, 2 ** 20, ...numbers32(100, 3).slice(edges32.length)];
  const next = randomWords(4);
  const mixed = Float32Array.from({ length: 4000 }, () => values[next() % values.length]);
  const fourfold = Float32Array.from({ length: 4 * mixed.length }, (_, i) => mixed[i >> 2]);
  for (const op of routineTypes.keys()) {
    const operands = (of: Float32Array, shift: number) =>
      op === "Pow" ? [of, Float32Array.from(of, (_, i) => of[(i + shift) % of.length])] : [of];
    const together = runRoutine(op, ...operands(mixed, 7));
    const alone = runRoutine(op, ...operands(fourfold, 28));
    for (let i = 0; i < mixed.length; i++) {
      for (let lane = 0; lane < 4; lane++) {
        assertEquals(alone[4 * i + lane], together[i], `${op} of ${mixed[i]}, lane ${lane}`);
      }
    }
  }
});

Deno.test("every operation that the table gives a routine has one as exact as its row", () => {
  const rows = Object.entries(elementOps) as [ElementOpName, ElementOp][];
  const without = rows.filter(([, { wasm }]) => wasm === "routine");
  assert(without.length >= 12);
  for (const [op, { takes, ulp }] of without) {
    assertEquals(routineTypes.get(op)?.params.length, takes.length, op);
    assert(routineUlps.get(op)! <= ulp, op);
  }
});

Deno.test("a routine and what it calls are added once", () => {
  const module = new Module({ shared: false, initial: 1, maximum: 1 });
  const added = new Map<string, number>();
  const indices = (["Sin", "Tan", "Exp", "Sin", "Cos"] as const).map((op) =>
    addRoutine(module, op, added)
  );
  // The reduction of large angles is the function before the first.
  assertEquals(indices, [1, 2, 3, 1, 4]);
  const names = [...module.text().matchAll(/^ {2}\(func \$(\S+)/gm)].map(([, name]) => name);
  assertEquals(names, ["math.reduce", "math.sin", "math.tan", "math.exp", "math.cos"]);
  assert(WebAssembly.validate(module.bytes()));
});

Deno.test("an operation that is an instruction has no routine", () => {
  const module = new Module({ shared: false, initial: 1, maximum: 1 });
  assertThrows(() => addRoutine(module, "Add", new Map()), Error, "there is no routine for Add");
});
