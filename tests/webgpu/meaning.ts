/** What an op gives on the GPU beside its meaning, held to the bounds that the library states. */
import { factory, type Optimizer, parseProgram } from "../../mod.ts";
import { type ElementOp, elementOps } from "../../dsl/ops.ts";
import type { ElementOpName } from "../../dsl/node.ts";
import type { WebGpuOptimizer } from "../../runtime/devices/webgpu/mod.ts";

/** Units in the last place that an op may be off by; of square roots, "a few more" than a division's. */
const ULPS: Readonly<Partial<Record<ElementOpName, number>>> = {
  Add: 0,
  Sub: 0,
  Mul: 0,
  Div: 2.5,
  Sqrt: 5,
};

/** How far from its meaning an op that has no units may be, by the greater of the result and 1. */
const SHARE = 1e-5;

/** How far from 0 an op is as good: WGSL promises no more of angles. */
const REACH: Readonly<Record<string, number>> = { Sin: 1e4, Cos: 1e4, Tan: 1e4 };

const OPERANDS = ["g", "x", "y"];

/** How an op was found to compute. */
export interface Found {
  /** How many results were compared. */
  readonly compared: number;
  /** The largest error, in units in the last place and by the greater of the result and 1. */
  readonly ulps: number;
  readonly share: number;
  /** Each result that is out of bounds. */
  readonly wrong: readonly string[];
}

/** What an op is held to, in words. */
export function spellBound(name: ElementOpName): string {
  const ulps = elementOps[name].rounds ? ULPS[name] : 0;
  return ulps === undefined
    ? `${SHARE} of the result or of 1`
    : ulps === 0
    ? "bits"
    : `${ulps} ulp`;
}

/** An optimizer that does nothing but the op. */
export function optimizerOf(row: ElementOp): Optimizer {
  return factory(parseProgram({
    name: "op",
    inputs: { x: "element", y: "element" },
    state: { r: 0 },
    step: `r = ${written(row)}\nu = 0*r`,
  }))();
}

/** Compares on columns of operands, where truth is what is greater than 1. */
export async function compare(
  gpu: WebGpuOptimizer,
  name: ElementOpName,
  columns: readonly Float32Array[],
): Promise<Found> {
  const { takes, rounds, eval: meaning } = elementOps[name];
  const [g, x, y] = OPERANDS.map((_, k) => columns[k] ?? new Float32Array(columns[0].length));
  const params = gpu.upload(new Float32Array(g.length));
  const [gradients, inputs] = [gpu.upload(g), { x: gpu.upload(x), y: gpu.upload(y) }];
  const state = gpu.init(params);
  gpu.step(params, gradients, state, inputs);
  const got = (await gpu.download(state)).r as Float32Array;
  [params, gradients, inputs, state].forEach((tree) => gpu.release(tree));

  const wrong: string[] = [];
  let [compared, mostUlps, mostShare] = [0, 0, 0];
  for (let i = 0; i < g.length; i++) {
    const given = [g[i], x[i], y[i]].slice(0, takes.length);
    const operands = given.map((value, k) => takes[k] === "truth" ? Number(value > 1) : value);
    const exact = meaning(...operands);
    const wanted = Math.fround(exact);
    if (
      given.some(isTiny) || isTiny(wanted * BEFORE_ROUNDING) ||
      Math.abs(g[i]) > (REACH[name] ?? Infinity)
    ) {
      continue;
    }
    compared++;
    const [ulps, share] = errorOf(got[i], exact);
    const most = rounds ? ULPS[name] : 0;
    const isNear = most === undefined ? share <= SHARE : most === 0 ? ulps === 0 : ulps <= most;
    // Only where something is rounded may a 0 have the other sign.
    const isRight = Object.is(got[i], wanted) || (isNear && (rounds || got[i] !== 0));
    if (!isRight) wrong.push(`${name}(${operands.join(", ")}) = ${wanted}, not ${got[i]}`);
    if (!Number.isFinite(ulps)) continue;
    [mostUlps, mostShare] = [Math.max(mostUlps, ulps), Math.max(mostShare, share)];
  }
  return { compared, ulps: mostUlps, share: mostShare, wrong };
}

/** How far a float32 number is from an exact one; 0 from what rounding it gives. */
function errorOf(got: number, exact: number): [ulps: number, share: number] {
  const wanted = Math.fround(exact);
  if (got === wanted || Object.is(got, wanted)) return [0, 0];
  // Next to the greatest number, one may have overflowed and the other not.
  const finite = Number.isFinite(got) || Number.isNaN(got) ? got : Math.sign(got) * 2 ** 128;
  const distance = Math.abs(finite - exact);
  if (!Number.isFinite(distance)) return [Infinity, Infinity];
  const exponent = Math.max(-126, Math.floor(Math.log2(Math.abs(exact))));
  return [distance / 2 ** (exponent - 23), distance / Math.max(1, Math.abs(exact))];
}

/** What a result may have been less before it was rounded. */
const BEFORE_ROUNDING = 1 - 2 ** -24;

/** WGSL may take these for 0, as operands and as results. */
function isTiny(x: number): boolean {
  return x !== 0 && Math.abs(x) < 2 ** -126;
}

function written({ syntax, takes, gives }: ElementOp): string {
  const operands = takes.map((type, i) => type === "truth" ? `(${OPERANDS[i]} > 1)` : OPERANDS[i]);
  const text = "infix" in syntax
    ? operands.join(` ${syntax.infix} `)
    : "prefix" in syntax
    ? `${syntax.prefix}${operands[0]}`
    : `${syntax.call}(${operands.join(", ")})`;
  return gives === "truth" ? `where(${text}, 1, 0)` : text;
}

/** Every choice of `count` of some numbers, as columns of operands. */
export function choices(numbers: readonly number[], count: number): Float32Array[] {
  const rows = Array.from({ length: count }).reduce<number[][]>(
    (rows) => rows.flatMap((row) => numbers.map((x) => [...row, x])),
    [[]],
  );
  return Array.from({ length: count }, (_, k) => Float32Array.from(rows, (row) => row[k]));
}
