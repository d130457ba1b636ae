/** How many rows and columns the states have that are matrices of their own, beside one leaf. */
import { GradusError } from "../../dsl/errors.ts";
import { Evaluator } from "../../dsl/evaluate.ts";
import type { Structural } from "../../dsl/graph.ts";
import { constant, type Node, symbol, symbolsIn, ZERO } from "../../dsl/node.ts";
import type { Sizes } from "../../dsl/matrix.ts";
import { printExpression } from "../../dsl/print.ts";
import type { Program } from "../../dsl/program.ts";
import { SHAPE_SYMBOLS } from "../../dsl/scope.ts";
import type { Side } from "./extent.ts";

/** The sizes of each state that has some. */
export type StateSizes = ReadonlyMap<string, Sizes<Side>>;

/** More elements than one array of numbers can be relied on to hold. */
const MOST_ELEMENTS = 2 ** 31 - 1;
const SIDES: ReadonlySet<Node> = new Set([symbol("rows"), symbol("columns")]);

const hypersOfSizes = new WeakMap<Program, ReadonlySet<string>>();

/** The hyperparameters that sizes are made of: numbers that are known for good. */
export function sizeHypers(program: Program): ReadonlySet<string> {
  let known = hypersOfSizes.get(program);
  if (known === undefined) {
    const { state, hyper } = program;
    known = new Set([...symbolsIn(allSizes(state))].filter((name) => hyper.has(name)));
    hypersOfSizes.set(program, known);
  }
  return known;
}

/** The sizes that are not simply the rows or columns of the leaf: they are worked out for each shape. */
export function workedOut({ state }: Pick<Program, "state">): Node[] {
  return allSizes(state).filter((size) => !SIDES.has(size));
}

function allSizes(state: Program["state"]): Node[] {
  return [...state.values()].flatMap(({ sizes }) => sizes ?? []);
}

/** The sizes of a state, where hyperparameters and what the shape of the leaf tells are `known`. */
export function sizesOf(
  { name: program, state }: Pick<Program, "name" | "state">,
  name: string,
  known: Structural,
): Sizes<Side> {
  const sizes = state.get(name)!.sizes!;
  const [rows, columns] = sizes.map((size): Side => {
    if (SIDES.has(size)) return size.arg as Side;
    const evaluator = new Evaluator([size]);
    evaluator.evaluate(
      new Map([...known].map(([each, node]) => [each, node === ZERO ? 0 : node.arg as number])),
    );
    const length = evaluator.get(size);
    // A side is as long as the leaf has it, which may be empty.
    const side = sideIn(size, (node) => evaluator.get(node));
    if (side !== undefined) return side;
    if (Number.isSafeInteger(length) && length >= 1) return `${length}`;
    throw new GradusError(
      `Cannot plan optimizer "${program}": each size of state \`${name}\` must be a whole number from 1: ` +
        `given ${length} for \`${printExpression(size)}\`` +
        [...symbolsIn([size])].map((each) => {
          const node = known.get(each);
          return `, where \`${each}\` is ${node === ZERO ? 0 : node?.arg}`;
        }).join(""),
    );
  });
  return [rows, columns];
}

/** The side of the leaf that an expression chooses among others, as the first of those that are as long. */
function sideIn(size: Node, valueOf: (node: Node) => number): Side | undefined {
  if (SIDES.has(size)) return size.arg as Side;
  const { op, src } = size;
  if (op === "Where") return sideIn(src[valueOf(src[0]) ? 1 : 2], valueOf);
  if (op !== "Min" && op !== "Max") return undefined;
  return sideIn(src.find((each) => valueOf(each) === valueOf(size))!, valueOf);
}

/** Refuses a state with more elements than an array can hold. */
export function requireSize(shape: readonly number[], what: string): readonly number[] {
  const size = shape.reduce((a, b) => a * b, 1);
  if (size <= MOST_ELEMENTS) return shape;
  throw new GradusError(
    `Cannot make ${what}: it must have at most ${MOST_ELEMENTS} elements: given ${
      shape.join(" x ")
    }`,
  );
}

/** A settled size as an expression. */
export function sizeNode(side: Side): Node {
  return SHAPE_SYMBOLS.has(side) ? symbol(side) : constant(Number(side));
}
