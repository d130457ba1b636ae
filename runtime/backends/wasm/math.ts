/**
 * The mathematical functions that are no instruction, on four float32 at a time. They are computed in
 * float64 to 12 digits or more, so that the last rounding, to float32, is nearly always right; special
 * cases are those of the op table.
 */
import { elementOps } from "../../../dsl/ops.ts";
import type { ElementOpName } from "../../../dsl/node.ts";
import { Code, type FunctionType } from "./code.ts";
import type { Module } from "./module.ts";
import { cosh, exp, sinh, tanh } from "./math/exponential.ts";
import { acos, asin, atan, cbrt } from "./math/inverse.ts";
import { Lanes, type Quad, type Routine } from "./math/lanes.ts";
import { log, pow } from "./math/logarithm.ts";
import { type Drawn, randomRoutines } from "./math/random.ts";
import { cos, sin, tan } from "./math/trigonometric.ts";

type Formula = (lanes: Lanes, ...operands: Quad[]) => Quad;

const formulas = new Map<ElementOpName, Formula>([
  ["Exp", exp],
  ["Log", log],
  ["Pow", pow],
  ["Sin", sin],
  ["Cos", cos],
  ["Tan", tan],
  ["Asin", asin],
  ["Acos", acos],
  ["Atan", atan],
  ["Sinh", sinh],
  ["Cosh", cosh],
  ["Tanh", tanh],
  ["Cbrt", cbrt],
]);

const routines: ReadonlyMap<ElementOpName, Routine> = new Map(
  [...formulas].map(([op, formula]) => [op, {
    type: {
      name: `math.${op.toLowerCase()}`,
      params: elementOps[op].takes.map(() => "v128" as const),
      results: ["v128" as const],
    },
    write: (lanes) =>
      lanes.give(formula(lanes, ...elementOps[op].takes.map((_, i) => lanes.param(i)))),
  }]),
);

/** How each routine is called. */
export const routineTypes: ReadonlyMap<ElementOpName, FunctionType> = new Map(
  [...routines].map(([op, { type }]) => [op, type]),
);

/**
 * How far each routine may be from `eval` of its row, rounded to float32, in units in the last place. Of all
 * 2^32 operands of a function of one, fewer than one in a million give other than 0.
 */
export const routineUlps: ReadonlyMap<ElementOpName, number> = new Map(
  [...routines.keys()].map((op) => [op, 1]),
);

/**
 * Adds the routine of `op` and what it calls to a module, unless they are there; returns its index. `added`
 * keeps account of what is there, and starts empty with the module.
 */
export function addRoutine(
  module: Module,
  op: ElementOpName,
  added: Map<ElementOpName | string, number>,
): number {
  const routine = routines.get(op);
  if (routine === undefined) throw new Error(`there is no routine for ${op}`);
  return include(module, op, routine, added);
}

/** Adds the routine of the random numbers or bits `op`, unless it is there; returns its index. */
export function addRandom(
  module: Module,
  op: Drawn,
  added: Map<ElementOpName | string, number>,
): number {
  return include(module, op, randomRoutines[op], added);
}

function include(
  module: Module,
  key: ElementOpName | string,
  { type, write }: Routine,
  added: Map<ElementOpName | string, number>,
): number {
  const known = added.get(key);
  if (known !== undefined) return known;
  const code = new Code(type);
  write(new Lanes(code, (inner) => include(module, inner.type.name, inner, added)));
  const index = module.add(code);
  added.set(key, index);
  return index;
}
