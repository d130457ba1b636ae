/** Each op's WGSL against its meaning, on the edges of the format. */
import { factory, parseProgram } from "../../mod.ts";
import { type ElementOp, elementOps } from "../../dsl/ops.ts";
import { edges32 } from "../numbers.ts";
import { assertEquals } from "../assert.ts";
import { gpuTest, onGpu } from "./gpu.ts";

/** How far an op may be from its meaning, relative to the result or to 1. */
const TOLERANCE = 1e-5;

/** Numbers that WGSL may take for 0 are left out: subnormal operands, and results. */
const isSubnormal = (x: number) => x !== 0 && Math.abs(x) < 2 ** -126;

const OPERANDS = ["g", "x", "y"];

/** How far from 0 an op is as good: WGSL promises no more of angles. */
const REACH: Readonly<Record<string, number>> = { Sin: 1e4, Cos: 1e4, Tan: 1e4 };

function written({ syntax, takes, gives }: ElementOp): string {
  const operands = takes.map((type, i) => type === "truth" ? `(${OPERANDS[i]} > 1)` : OPERANDS[i]);
  const text = "infix" in syntax
    ? operands.join(` ${syntax.infix} `)
    : "prefix" in syntax
    ? `${syntax.prefix}${operands[0]}`
    : `${syntax.call}(${operands.join(", ")})`;
  return gives === "truth" ? `where(${text}, 1, 0)` : text;
}

function triples(count: number): Float32Array[] {
  const numbers = [...edges32, 0.999, 1e-3, 7, 30, -0.1].map(Math.fround)
    .filter((x) => !isSubnormal(x));
  const columns = OPERANDS.slice(0, count);
  const all = columns.reduce<number[][]>(
    (rows) => rows.flatMap((row) => numbers.map((x) => [...row, x])),
    [[]],
  );
  return OPERANDS.map((_, k) => Float32Array.from(all, (row) => row[k] ?? 0));
}

for (const [name, row] of Object.entries(elementOps)) {
  gpuTest(`on the GPU, ${name} means what it means`, async () => {
    const opt = factory(parseProgram({
      name: "op",
      inputs: { x: "element", y: "element" },
      state: { r: 0 },
      step: `r = ${written(row)}\nu = 0*r`,
    }))();
    const [g, x, y] = triples(row.takes.length);
    const got = await onGpu(opt, async (gpu) => {
      const params = gpu.upload(new Float32Array(g.length));
      const state = gpu.init(params);
      gpu.step(params, gpu.upload(g), state, { x: gpu.upload(x), y: gpu.upload(y) });
      return (await gpu.download(state)).r as Float32Array;
    });
    const wrong: string[] = [];
    g.forEach((_, i) => {
      const operands = [g[i], x[i], y[i]].slice(0, row.takes.length)
        .map((value, k) => row.takes[k] === "truth" ? Number(value > 1) : value);
      const wanted = Math.fround(row.eval(...operands));
      if (isSubnormal(wanted) || Math.abs(g[i]) > (REACH[name] ?? Infinity)) return;
      const isExact = !row.rounds || !Number.isFinite(wanted);
      const isNear = isExact
        ? Object.is(got[i], wanted)
        : Math.abs(got[i] - wanted) <= TOLERANCE * Math.max(Math.abs(wanted), 1);
      if (!isNear) wrong.push(`${name}(${operands.join(", ")}) = ${wanted}, not ${got[i]}`);
    });
    assertEquals(wrong.slice(0, 10), [], `${wrong.length} of ${g.length}`);
  });
}
