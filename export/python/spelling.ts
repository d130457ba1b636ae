/** What a framework is to a program: one spelling for each operation, and the helpers that spellings call. */
import type { Speller } from "../../dsl/lower.ts";
import type { ElementOpName, MatrixOpName, RandomOpName, ReduceOpName } from "../../dsl/node.ts";
import { LEVEL } from "../../dsl/ops.ts";
import type { StorageType } from "../../runtime/trees/dtype.ts";

/** A piece of Python; what binds less than its place needs is put in parentheses. */
export interface Term {
  readonly text: string;
  /** How strongly it binds: see {@linkcode LEVEL}. */
  readonly level: number;
  /** Whether it is one number, as an operand of an operation on arrays. */
  readonly isNumber?: boolean;
}

/** An operation on pieces of Python. */
export type Spell = (...operands: readonly Term[]) => Term;

/** How one operation is spelled of numbers of the step alone, and where an array is among its operands. */
export interface Row {
  readonly number: Spell;
  readonly array: Spell;
}

/** A framework: how a program's operations are written there. */
export interface Spelling {
  /** What messages call it. */
  readonly name: string;
  /** Element by element; `null` where the op table's lowering is written instead. */
  readonly element: Readonly<Record<ElementOpName, Row | null>>;
  /** Over the axes that a piece of Python gives, which are kept with an extent of 1. */
  readonly reduce: Readonly<Record<ReduceOpName, (x: Term, axes: Term) => Term>>;
  /** Of two axes; `null` where it has none. */
  readonly matrix: Readonly<Record<MatrixOpName, Spell | null>>;
  /** Over a parameter, what a reduction over the tree takes of it. */
  readonly part: Readonly<Record<ReduceOpName, Spell>>;
  /** A number as an array of the parameter's shape. */
  readonly spread: Spell;
  /** Places along an axis of an array whose shape is the second piece. */
  readonly index: (axis: number, shape: Term) => Term;
  /**
   * Places along an axis of a matrix beside the parameter, which has so many; `null` where there are none but of
   * the parameter's own shape.
   */
  readonly places: ((axis: number, length: Term) => Term) | null;
  /**
   * Random numbers by seed and counter: of a shape, or of the parameter's where there is none. They must have the
   * bits that Gradus draws; `null` where that cannot be.
   */
  readonly random:
    | ((op: RandomOpName, seed: Term, counter: Term, shape: Term | undefined) => Term)
    | null;
  /** Whether a file knows parameters by name, so that masks and trees of numbers can be told by it. */
  readonly knowsNames: boolean;
  /** Whether a file tells what to evaluate with, where that is not what is trained. */
  readonly evaluates: boolean;
  /** The types, besides the parameter's, that states are stored in, rounded to nearest. */
  readonly stores: readonly StorageType[];
  /** Names that are not given to hyperparameters. */
  readonly reserved: readonly string[];
  /** What the framework calls a hyperparameter, where it has a name for it. */
  readonly rename: (name: string) => string;
  /** Whether powers by counts must be formed so that float32 keeps their digits. */
  readonly isFloat32: boolean;
  /** Python of helpers by name, in the order in which they are written. */
  readonly helpers: Readonly<Record<string, string>>;
}

/** What a framework spells. */
export function spellerOf({ name, element }: Spelling): Speller {
  return { name, spells: (op) => element[op] !== null };
}

/** An atom. */
export const atom = (text: string): Term => ({ text, level: LEVEL.atom });

/** `{ text, level }` in parentheses if it binds less than `required`. */
export function enclose({ text, level }: Term, required: number): string {
  return level < required ? `(${text})` : text;
}

/** A function that is called. */
export const call = (name: string): Spell => (...operands) =>
  atom(`${name}(${operands.map(({ text }) => text).join(", ")})`);

/** An operator between two operands. */
export const infix =
  (sign: string, level: number, operands: readonly [number, number]): Spell => (a, b) => ({
    text: `${enclose(a, operands[0])} ${sign} ${enclose(b, operands[1])}`,
    level,
  });

/** The operators that Python shares with the language. */
export const operators: Readonly<Record<"Add" | "Sub" | "Mul" | "Div" | "Neg", Spell>> = {
  Add: infix("+", LEVEL.sum, [LEVEL.sum, LEVEL.product]),
  Sub: infix("-", LEVEL.sum, [LEVEL.sum, LEVEL.product]),
  Mul: infix("*", LEVEL.product, [LEVEL.product, LEVEL.unary]),
  Div: infix("/", LEVEL.product, [LEVEL.product, LEVEL.unary]),
  Neg: (x) => ({ text: `-${enclose(x, LEVEL.unary + 1)}`, level: LEVEL.unary }),
};

/** A comparison: one of a comparison is in parentheses, since Python would chain them. */
export const comparison = (sign: string): Spell =>
  infix(sign, LEVEL.compare, [LEVEL.sum, LEVEL.sum]);

/** The helpers that a text calls, and those that they call. */
export function helpersFor({ helpers }: Spelling, text: string): string {
  const sources = Object.entries(helpers);
  const used = new Set<string>();
  for (let all = text, before = -1; before < used.size;) {
    before = used.size;
    for (const [name, source] of sources) {
      if (used.has(name) || !new RegExp(`(?<![\\w.])${name}\\b`).test(all)) continue;
      used.add(name);
      all += source;
    }
  }
  return sources.flatMap(([name, source]) => used.has(name) ? [source.trim()] : []).join("\n\n\n");
}

/** Helpers of shapes, which every framework has as tuples. */
export const SHAPE_HELPERS: Spelling["helpers"] = {
  _axes: `
def _axes(shape, *items):
    """The axes that \`items\` are of a shape: numbers, slices, or names by extent."""
    by_extent = sorted(range(len(shape)), key=lambda axis: shape[axis])
    axes = set()
    for item in items:
        if isinstance(item, slice):
            axes.update(range(len(shape))[item])
        elif isinstance(item, str):
            axes.add(by_extent[{"largest": -1, "secondLargest": -2}[item]])
        else:
            axes.add(range(len(shape))[item])
    return tuple(sorted(axes))`,
  _kept: `
def _kept(shape, axes):
    return tuple(1 if axis in axes else size for axis, size in enumerate(shape))`,
};
