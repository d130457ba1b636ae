/** Between which numbers the states of a program stay, whatever it is given. */
import { elaborate, globalIndex } from "./graph.ts";
import { foldNodes, type Node } from "./node.ts";
import { elementRow, indexOp, type Interval, matrixRow, randomRow, reduceRow } from "./ops.ts";
import type { Program } from "./program.ts";
import { SHAPE_SYMBOLS } from "./scope.ts";

const EVERYTHING: Interval = [-Infinity, Infinity];
const NOT_NEGATIVE: Interval = [0, Infinity];

const known = new WeakMap<Program, ReadonlySet<string>>();

/**
 * The states that are never below 0: they begin so, and a step that finds them so leaves them so, for any
 * parameters and gradients, and any hyperparameters of their domains. Such is a mean of squares
 * `b2*v + (1 - b2)*g^2` where the domain of `b2` is within `[0, 1]`.
 */
export function neverNegative(program: Program): ReadonlySet<string> {
  const found = known.get(program);
  if (found !== undefined) return found;
  const { states, globals } = elaborate(program);
  const given = givenRanges(program);
  const isRight = ([least]: Interval) => least >= 0;
  const names = [...program.state].filter(([, { init }]) =>
    isRight(rangesOf([init], (name) => given.get(name) ?? EVERYTHING).get(init)!)
  );
  // What is not left so is no longer assumed to be so, until all that is assumed holds.
  const assumed = new Set(names.map(([name]) => name));
  for (let size = -1; size !== assumed.size;) {
    size = assumed.size;
    const reduced: Interval[] = [];
    const rangeOf = (name: string) =>
      assumed.has(name)
        ? NOT_NEGATIVE
        : reduced[globalIndex(name) ?? -1] ?? given.get(name) ?? EVERYTHING;
    for (const { op, node } of globals) {
      reduced.push(reduceRow(op)!.range(rangesOf([node], rangeOf).get(node)!));
    }
    const ranges = rangesOf([...states.values()], rangeOf);
    for (const name of [...assumed]) {
      if (!isRight(ranges.get(states.get(name)!)!)) assumed.delete(name);
    }
  }
  known.set(program, assumed);
  return assumed;
}

/** The ranges of hyperparameters, which a mask may make 0, of the clock, and of what a shape tells. */
function givenRanges({ hyper, domains }: Program): ReadonlyMap<string, Interval> {
  return new Map<string, Interval>([
    ...["count", "t", ...SHAPE_SYMBOLS.keys()].map((name) => [name, NOT_NEGATIVE] as const),
    ...[...hyper].map(([name, value]): [string, Interval] => {
      if (typeof value === "boolean") return [name, [0, 1]];
      const { least, greatest } = domains.get(name) ??
        { least: -Infinity, greatest: Infinity };
      return [name, [Math.min(least, 0), Math.max(greatest, 0)]];
    }),
  ]);
}

function rangesOf(
  roots: readonly Node[],
  rangeOf: (name: string) => Interval,
): ReadonlyMap<Node, Interval> {
  return foldNodes<Interval>(roots, (node, src) => {
    const { op, arg } = node;
    if (op === "Const") return [arg as number, arg as number];
    if (op === "Zero") return [0, 0];
    if (op === "Symbol") return rangeOf(arg as string);
    if (op === "Index") return indexOp.range;
    // Of a square, both factors have one sign.
    if (op === "Mul" && node.src[0] === node.src[1]) return NOT_NEGATIVE;
    return randomRow(op)?.range ?? reduceRow(op)?.range(src[0]) ??
      (elementRow(op) ?? matrixRow(op))!.range(...src);
  });
}
