/** What a case is: an optimizer, trees of arrays to step it on, and what is known of both. */
import { elaborate, isAtMost, rates, rootsOf } from "../../dsl/graph.ts";
import { postorder, symbol } from "../../dsl/node.ts";
import { elementRow, matrixRow, randomRow, reduceRow } from "../../dsl/ops.ts";
import { spellStored } from "../../runtime/trees/stored.ts";
import type { InitOptions } from "../../runtime/trees/state_storage.ts";
import type { Optimizer, Schedule, State, StoredTensor, Tensor } from "../../mod.ts";

/** Parameters, gradients, or something like them. */
export type Tree = Float32Array | Float64Array | Tensor | StoredTensor | Tree[] | {
  [key: string]: Tree;
};

/** Something that every backend steps, and that comes to the same on each. */
export interface Case {
  readonly name: string;
  readonly opt: Optimizer;
  /** The parameters at the beginning: made anew at each call, always of the same numbers. */
  readonly params: () => Tree;
  /** The gradients of step `t`, from 0. */
  readonly gradients: (t: number) => Tree;
  /** Whether leaves are left out of some gradients, and are skipped. Default false. */
  readonly skips?: boolean;
  /** The program's further inputs at step `t`. */
  readonly inputs?: (t: number) => Readonly<Record<string, unknown>>;
  /** How many steps. Default {@linkcode STEPS}. */
  readonly steps?: number;
  /** How the state begins, where it is not as the optimizer was made. */
  readonly init?: InitOptions;
  /** What is written into the state's hyperparameters before step `t`. */
  readonly write?: (hyper: State["hyper"], t: number) => void;
  /** The hyperparameters that stay inputs where the program becomes a graph, since they are written. */
  readonly written?: readonly string[];
  /** The functions that hyperparameters are, for a graph that can hold none, by its inputs' names. */
  readonly functions?: Readonly<Record<string, Schedule>>;
  /**
   * Whether every number of its states is what one op makes of numbers that are given, so that a
   * backend comes as near as the op's row says, and no error grows on its way. Default false.
   */
  readonly isDirect?: boolean;
  /**
   * Whether numbers of very different sizes stand beside one another in its arrays, so that each is held
   * against itself and not against the largest. Default false.
   */
  readonly isUneven?: boolean;
  /** Whether its sums cancel, so that the last digits of float32 are the first of its results. Default false. */
  readonly cancels?: boolean;
  /** Backends whose numbers may be any, by name, and what leaves them open: no more than forms are compared. */
  readonly open?: Readonly<Record<string, string>>;
  /**
   * Backends that are known to come to something else, by name, and what. Such a one must not come to the
   * same: who mends it takes the line away.
   */
  readonly differs?: Readonly<Record<string, string>>;
}

/** How many steps a case has unless it says so. */
export const STEPS = 3;

/** What a backend's tolerance and refusals may rest on. */
export interface Facts {
  readonly of: Case;
  /** The types of the parameters. */
  readonly dtypes: ReadonlySet<string>;
  /** The types that the optimizer was made to store states in. */
  readonly storage: ReadonlySet<string>;
  /** Whether nothing is reduced, and each op in its loops has one right result, rounded once. */
  readonly isExact: boolean;
  /** Whether any op for elements or tensors rounds. */
  readonly rounds: boolean;
  /** Whether no op is left to a mathematical library, for elements or tensors: the op table's `ulp` is 0. */
  readonly isDefined: boolean;
  /** The ops that are computed for elements or tensors, by their names in the op table. */
  readonly ops: ReadonlySet<string>;
  /** Whether it reduces over anything. */
  readonly reduces: boolean;
  /** Whether it draws random numbers. */
  readonly draws: boolean;
  /** Whether matrices are multiplied or transposed for some parameter. */
  readonly multiplies: boolean;
  /** Whether there are matrices of their own shapes for some parameter, or places along its axes. */
  readonly hasShapes: boolean;
  /** Whether a state begins as something that is made of the parameter. */
  readonly begins: boolean;
  /** Whether a list of the parameters is empty. */
  readonly hasEmptyList: boolean;
  /** How many elements the parameters have. */
  readonly elements: number;
}

// Ops that are one rounding, or none, by every definition of float32.
const EXACT: ReadonlySet<string> = new Set([
  ...["Const", "Zero", "Symbol", "Add", "Sub", "Mul", "Neg", "Abs", "Sign", "Floor", "Ceil", "Min"],
  ...["Max", "Clip", "Where", "IsNaN", "And", "Or", "Not"],
  ...["Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"],
]);

/** What is known of a case. */
export function factsOf(of: Case): Facts {
  const { program, storage } = of.opt;
  const inits = [...program.state.values()].map(({ init }) => init);
  const graph = elaborate(program);
  const roots = [...rootsOf(graph), ...inits];
  const rate = rates(roots, program);
  const nodes = postorder(roots);
  const inLoops = nodes.filter((node) => !isAtMost(rate.get(node)!, "step"));
  const reduces = graph.globals.length > 0 ||
    nodes.some(({ op }) => reduceRow(op) !== undefined);
  const params = of.params();
  const leaves = leavesOf(params);
  return {
    of,
    dtypes: new Set(leaves.map(({ dtype }) => dtype)),
    storage: new Set([...storage.values()].map(spellStored)),
    isExact: !reduces && inLoops.every(({ op }) => EXACT.has(op)),
    rounds: inLoops.some(({ op }) => elementRow(op)?.rounds ?? false),
    isDefined: inLoops.every(({ op }) => (elementRow(op)?.ulp ?? 0) === 0),
    ops: new Set(inLoops.map(({ op }) => op)),
    reduces,
    draws: nodes.some(({ op }) => randomRow(op) !== undefined),
    multiplies: leaves.some(({ shape }) => shape.length > 1) &&
      nodes.some(({ op }) => matrixRow(op) !== undefined),
    hasShapes: nodes.some(({ op }) => op === "Index") ||
      [...program.state.values()].some(({ sizes }) => sizes !== undefined),
    begins: inits.some((init) => init !== symbol("w") && postorder([init]).includes(symbol("w"))),
    hasEmptyList: hasEmptyList(params),
    elements: leaves.reduce((sum, { data }) => sum + data.length, 0),
  };
}

/** An array of a tree, and where it is. */
export interface Leaf {
  readonly path: string;
  readonly data: Float32Array | Float64Array | Uint16Array;
  readonly shape: readonly number[];
  readonly dtype: string;
}

/** The arrays of a tree. */
export function leavesOf(tree: unknown, path = ""): Leaf[] {
  if (tree instanceof Float32Array || tree instanceof Float64Array) {
    return [{ path, data: tree, shape: [tree.length], dtype: dtypeOf(tree) }];
  }
  const { data, shape, dtype } = tree as Partial<StoredTensor>;
  if (ArrayBuffer.isView(data)) {
    return [{ path, data, shape: shape!, dtype: dtype ?? dtypeOf(data) }];
  }
  return Object.keys(tree as object).sort().flatMap((key) =>
    leavesOf((tree as Record<string, unknown>)[key], path === "" ? key : `${path}/${key}`)
  );
}

function dtypeOf(data: ArrayBufferView): string {
  return data instanceof Float64Array ? "float64" : "float32";
}

function hasEmptyList(tree: unknown): boolean {
  if (typeof tree !== "object" || tree === null || ArrayBuffer.isView(tree)) return false;
  if (Array.isArray(tree) && tree.length === 0) return true;
  return Object.entries(tree).some(([key, child]) => key !== "shape" && hasEmptyList(child));
}
