/** What an optimizer is: a document of plain data, and the program that it is checked into. */
import type { AxisDocument } from "./axes.ts";
import type { Domain } from "./domain.ts";
import type { Node } from "./node.ts";

/**
 * Marks a hyperparameter without a default: to leave it out is a type error and a run-time error.
 *
 * @example
 * ```ts
 * import { optimizer, required } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const descent = optimizer({
 *   name: "descent",
 *   hyper: { learningRate: required },
 *   step: "u = -learningRate*g",
 * });
 * assertEquals(descent.program.hyper.get("learningRate"), "required");
 * ```
 */
export const required = "required" as const;

/**
 * What a state is kept over: one value per element or per tensor, or one for the whole tree. Axes are the
 * reduced ones: `0`, `"1:"` for all but the first, `"largest"`, or a list of those.
 */
export type StateOver = "element" | "tensor" | "tree" | AxisDocument | readonly AxisDocument[];

/** A state as a document declares it: its initial value, or that and its extent. */
export type StateDocument =
  | number
  | string
  | {
    /** The initial value: a number, or an expression of `w` and hyperparameters. Default 0. */
    readonly init?: number | string;
    /**
     * One value per element (the default), per tensor, for the tree, or per index of the axes that are
     * not reduced.
     */
    readonly over?: StateOver;
    readonly shape?: undefined;
  }
  | {
    /** The initial value: a number, or an expression of hyperparameters and places (`index`). Default 0. */
    readonly init?: number | string;
    /**
     * The shape of a state that is a matrix of its own beside each parameter that is one, such as
     * `"rows x rows"` or `"rows x min(r, columns)"`: an expression of `rows`, `columns`, numbers and
     * hyperparameters on either side of the `x`.
     */
    readonly shape: string;
    readonly over?: undefined;
  };

/** What an input is: one number, or a tree like the parameters, such as a diagonal of the Hessian. */
export type InputKind = "scalar" | "element";

/**
 * A hyperparameter as a document declares it: its default, or that and its domain, an interval such as
 * `"[0, 1)"`, `"(0, inf)"` or `"integer [1, inf)"`. A number outside the domain is refused wherever it is
 * given: when an optimizer is made, by a schedule at a step, or in a state. A truth value has no domain.
 */
export type HyperDocument =
  | number
  | boolean
  | "required"
  | { readonly default: number | "required"; readonly domain: string };

/** An optimizer as plain data: what a TypeScript object, a YAML file and a JSON file hold. */
export interface Document {
  /** An identifier. */
  readonly name: string;
  /** One or two sentences for a reader. */
  readonly doc?: string;
  /** The paper. */
  readonly source?: string;
  /** Hyperparameters and their defaults: a number, a truth value, or {@linkcode required}. */
  readonly hyper?: Readonly<Record<string, HyperDocument>>;
  /** State carried from step to step and its initial value. */
  readonly state?: Readonly<Record<string, StateDocument>>;
  /** Further inputs of a step, such as the loss `value`. */
  readonly inputs?: Readonly<Record<string, InputKind>>;
  /** The statements of one step, a line each; `docs/language.md` lists what they may be. */
  readonly step: string;
  /**
   * The parameters to evaluate with, as an expression of what a step leaves: the parameter `w`, the
   * states and hyperparameters; `t` is the number of steps made. Default: `w`.
   */
  readonly evaluate?: string;
}

/** One line of a program: `target = value`. */
export interface Statement {
  /** The name it assigns. */
  readonly target: string;
  /** The expression it assigns. */
  readonly value: Node;
}

/** A state of a checked program. */
export interface StateDeclaration {
  /** Its initial value: a number, or an expression of `w` and hyperparameters. */
  readonly init: Node;
  /** `"element"`, `"tensor"`, `"tree"`, `"sizes"`, or the list of reduced axes, such as `"0,2:"`. */
  readonly over: string;
  /** How many rows and columns one over `"sizes"` has. */
  readonly sizes?: readonly [rows: Node, columns: Node];
}

/** The expressions of a state: its beginning, and its sizes. */
export function expressionsOf({ init, sizes }: StateDeclaration): Node[] {
  return [init, ...(sizes ?? [])];
}

/** A state with these changed. */
export function mapState(
  { init, over, sizes }: StateDeclaration,
  change: (node: Node) => Node,
): StateDeclaration {
  if (sizes === undefined) return { init: change(init), over };
  return { init: change(init), over, sizes: [change(sizes[0]), change(sizes[1])] };
}

/**
 * A checked optimizer: immutable and interned, so that equal programs are the same object. Made by
 * `parseProgram`.
 */
export interface Program {
  /** An identifier. */
  readonly name: string;
  /** One or two sentences for a reader, or the empty string. */
  readonly doc: string;
  /** The paper, or the empty string. */
  readonly source: string;
  /** Hyperparameters and their defaults. */
  readonly hyper: ReadonlyMap<string, number | boolean | "required">;
  /** The domains of those that have one. */
  readonly domains: ReadonlyMap<string, Domain>;
  /** States. */
  readonly state: ReadonlyMap<string, StateDeclaration>;
  /** Further inputs of a step. */
  readonly inputs: ReadonlyMap<string, InputKind>;
  /** What a step does, in order. */
  readonly statements: readonly Statement[];
  /** The parameters to evaluate with, in terms of `w` and the states as a step leaves them. */
  readonly evaluate: Node;
}
