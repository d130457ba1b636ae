/** What a case is: an optimizer, trees of arrays to step it on, and what is known of both. */
import { elaborate, isAtMost, rates, rootsOf } from "../../dsl/graph.ts";
import { postorder } from "../../dsl/node.ts";
import { elementRow, matrixRow, randomRow, reduceRow } from "../../dsl/ops.ts";
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
   * Backends that are known to come to something else, and what. Such a one must not come to the same:
   * who mends it takes the line away.
   */
  readonly differs?: Readonly<Record<string, string>>;
}

/** How many steps a case has unless it says so. */
export const STEPS = 3;

/** What a backend's tolerance and refusals may rest on. */
export interface Facts {
  /** The types of the parameters. */
  readonly dtypes: ReadonlySet<string>;
  /** The types that states are stored in where that was chosen. */
  readonly storage: ReadonlySet<string>;
  /** The ops of the program, by their names in the op table. */
  readonly ops: ReadonlySet<string>;
  /** The largest `ulp` of an op that is computed for each element or tensor. */
  readonly ulp: number;
  readonly reduces: boolean;
  readonly draws: boolean;
  /** Whether matrices are multiplied or transposed for some parameter. */
  readonly multiplies: boolean;
  /** The most axes that a parameter has. */
  readonly rank: number;
  readonly of: Case;
}

/** What is known of a case. */
export function factsOf(of: Case): Facts {
  const { program, storage } = of.opt;
  const graph = elaborate(program);
  const roots = [
    ...rootsOf(graph),
    ...[...program.state.values()].map(({ init }) => init),
  ];
  const rate = rates(roots, program);
  const nodes = postorder(roots);
  const leaves = leavesOf(of.params());
  const rank = Math.max(0, ...leaves.map(({ shape }) => shape.length));
  return {
    dtypes: new Set(leaves.map(({ dtype }) => dtype)),
    storage: new Set([...storage.values(), ...Object.values(of.init?.storage ?? {})]),
    ops: new Set(nodes.map(({ op }) => op)),
    ulp: Math.max(
      0,
      ...nodes.map((node) => isAtMost(rate.get(node)!, "step") ? 0 : elementRow(node.op)?.ulp ?? 0),
    ),
    reduces: nodes.some(({ op }) => reduceRow(op) !== undefined),
    draws: nodes.some(({ op }) => randomRow(op) !== undefined),
    multiplies: rank > 1 && nodes.some(({ op }) => matrixRow(op) !== undefined),
    rank,
    of,
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
