/** The words and signs of the language: its functions, its operators, its named numbers. */
import type { ElementOpName, MatrixOpName, RandomOpName, ReduceOpName } from "./node.ts";
import { elementOps, indexOp, matrixOps, randomOps, reduceOps, treeName } from "./ops.ts";

/** Numbers that have names. */
export const NAMED_NUMBERS: ReadonlyMap<string, number> = new Map([
  ["pi", Math.PI],
  ["π", Math.PI],
  ["inf", Infinity],
  ["nan", NaN],
]);

/** The function that chooses between values by what counts steps. */
export const EVERY = "every";
/** The word that begins a loop. */
export const REPEAT = "repeat";

export type OpName = ElementOpName | MatrixOpName;
export const ops = { ...elementOps, ...matrixOps };
export const infixes = new Map<string, { op: OpName; level: number; right: number }>();
export const calls = new Map<string, OpName>();
for (const [name, { syntax }] of Object.entries(ops) as [OpName, (typeof ops)[OpName]][]) {
  if ("infix" in syntax) {
    infixes.set(syntax.infix, { op: name, level: syntax.level, right: syntax.operands[1] });
  } else if ("call" in syntax) calls.set(syntax.call, name);
}
export const reductions = new Map<string, { op: ReduceOpName; tree: boolean }>();
for (
  const [name, row] of Object.entries(reduceOps) as [ReduceOpName, typeof reduceOps.ReduceL2][]
) {
  reductions.set(row.call, { op: name, tree: false });
  reductions.set(treeName(row.call), { op: name, tree: true });
}
export const distributions = new Map(
  (Object.keys(randomOps) as RandomOpName[]).map((op) => [randomOps[op].call, op]),
);

/** Whether a name belongs to the language: a function or a named number. */
export function isReserved(name: string): boolean {
  return isFunction(name) || NAMED_NUMBERS.has(name) || name === "axis";
}

export function isFunction(name: string): boolean {
  return calls.has(name) || reductions.has(name) || distributions.has(name);
}

/** Functions of names that programs may also give to things of their own. */
export function isOpenFunction(name: string): boolean {
  return name === indexOp.call || name === EVERY;
}
