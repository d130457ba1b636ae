/** Loads a checkpoint: training goes on as if it had never stopped, and with a changed tree as far as it can. */
import { ANY, type Kinds, oneOf, requireOptions } from "../../dsl/options.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { resident } from "../../runtime/resident.ts";
import type { NumberArray } from "../../runtime/trees/dtype.ts";
import { Layout, requireLeaves } from "../../runtime/trees/layout.ts";
import { asLeaf, type Tensor, wrap } from "../../runtime/trees/leaf.ts";
import { disposable, isResident, release } from "../../runtime/trees/placement.ts";
import { keyUnder } from "../../runtime/trees/plain.ts";
import type { State } from "../../runtime/trees/state.ts";
import { requireOptimizer } from "../../runtime/wrap.ts";
import { readContents } from "./contents.ts";
import { requireSameProgram } from "./difference.ts";
import { Fitting } from "./fitting.ts";
import { begun, fillState } from "./going_on.ts";
import { BUFFERS } from "./metadata.ts";
import { pathsOf, rebuilt } from "./paths.ts";
import type { SafeTensor } from "./read.ts";

/** How a checkpoint is loaded. */
export interface LoadOptions<P extends object = object> {
  /**
   * What makes the steps from now on: its program must be that of the checkpoint, its hyperparameters need not.
   * Default: the optimizer that the checkpoint was saved with, made from what the file says.
   */
  readonly optimizer?: Optimizer;
  /** What the parameters must be like. They are not changed. Default: as they were saved. */
  readonly params?: P;
  /**
   * What becomes of a tree that is not the one that was saved.
   *
   * - `"error"`, the default: it is refused, and every difference is told.
   * - `"init"`: a parameter that has the same path, type and shape in the file is taken from there, and with it
   *   its states, if they have the same type and shape. Other parameters keep the numbers given, and other states
   *   begin as `init` lets them. States that are one number for the tree are taken, and so is `count`;
   *   numbers written into `state.hyper` are too, unless they are a tree of other parameters.
   */
  readonly onMismatch?: "error" | "init";
  /** Whether parameters and state are placed in WebAssembly memory. Default: if `params` are. */
  readonly resident?: boolean;
}

const OPTIONS: Kinds<LoadOptions> = {
  optimizer: ANY,
  params: ANY,
  onMismatch: oneOf("error", "init"),
  resident: ANY,
};

/** What was loaded. */
export interface Loaded<P extends object = object> {
  /** What makes the steps. */
  readonly optimizer: Optimizer;
  /** The parameters, in arrays of their own. */
  readonly params: P;
  /** The state that belongs to them. */
  readonly state: State;
  /** Arrays that belong to the model and have no gradients, such as running statistics, by name. */
  readonly buffers: Readonly<Record<string, Tensor>>;
  /** The tensors that were taken from the file. */
  readonly fitted: readonly string[];
  /** The tensors that it would have had for these parameters, and `hyper/<name>`: they begin afresh. */
  readonly started: readonly string[];
  /** The tensors in the file that nothing took. */
  readonly leftover: readonly string[];
}

/**
 * Loads what {@linkcode save} wrote; steps go on bit for bit from there. Nothing of `bytes` or of the
 * parameters given is changed or held on to. The file may come from anywhere: whatever is wrong with it is
 * refused, and no code is in it.
 *
 * @example
 * ```ts
 * import { load, save } from "@gradus/gradus/safetensors";
 * import { lion } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const optimizer = lion({ learningRate: 0.5 });
 * const before = { body: Float32Array.of(1) };
 * const bytes = save({ optimizer, params: before, state: optimizer.init(before) });
 *
 * const params = { body: Float32Array.of(0), head: Float32Array.of(2) }; // a layer has been added
 * const loaded = load(bytes, { optimizer, params, onMismatch: "init" });
 * assertEquals(loaded.params, { body: Float32Array.of(1), head: Float32Array.of(2) });
 * assertEquals(loaded.started, ["params/head", "state/m/head"]);
 * ```
 *
 * @throws {GradusError} if it is no checkpoint, or one of another program, whose equations are then shown; or
 * one of other parameters.
 */
export function load<P extends object = object>(
  bytes: Uint8Array | ArrayBuffer,
  options: LoadOptions<P> & { readonly resident: true },
): Loaded<P & Disposable> & { readonly state: State & Disposable };
/** Loads what {@linkcode save} wrote. */
export function load<P extends object = object>(
  bytes: Uint8Array | ArrayBuffer,
  options?: LoadOptions<P>,
): Loaded<P>;
export function load<P extends object>(
  bytes: Uint8Array | ArrayBuffer,
  options: LoadOptions<P> = {},
): Loaded<P> {
  const doing = "Cannot load a checkpoint";
  requireOptions(doing, options, OPTIONS);
  const contents = readContents(bytes, doing);
  const { onMismatch = "error" } = options;
  if (options.optimizer !== undefined) {
    requireOptimizer(options.optimizer, "`optimizer`", doing);
    requireSameProgram(options.optimizer.program, contents.program, doing);
  }
  const optimizer = options.optimizer ?? contents.optimizer();
  const like = options.params ?? contents.params();
  const isPlaced = options.resident ?? (options.params !== undefined && isResident(like));

  const layout = Layout.of(like, doing, asLeaf);
  requireLeaves(layout, doing);
  const paths = pathsOf(layout);
  const { buffers, others } = buffersIn(contents.tensors);
  const fitting = new Fitting(others);
  fitting.take("count", [], "I64");
  const given = layout.alignLike(like, "parameters", doing, asLeaf);
  const taken = layout.leaves.map(({ dtype, shape }, i) =>
    fitting.arrays(`params${paths[i]}`, dtype, shape)
  );
  const leaves = layout.leaves.map((info, i) =>
    wrap(info, (taken[i]?.[0] ?? given[i]) as NumberArray)
  );
  // A list, so that the tree keeps the order of its keys.
  const own = isPlaced
    ? resident(leaves)
    : layout.leaves.map((info, i) => wrap(info, asLeaf(leaves[i], "", doing)!.data.slice()));
  const tree = rebuilt(like, layout, own) as P;
  const params = isPlaced ? disposable(tree) : tree;

  let state: State | undefined;
  try {
    state = begun(optimizer, params, options.optimizer === undefined, contents.stored, doing);
    fillState(state, contents, layout, taken.map(Boolean), fitting, doing);
    if (onMismatch === "error") fitting.requireAll(doing);
  } catch (error) {
    if (isPlaced) release([params, state]);
    throw error;
  }
  return { optimizer, params, state, buffers, ...fitting.lists() };
}

/** The arrays that are the model's alone, and the other tensors. */
function buffersIn(tensors: ReadonlyMap<string, SafeTensor>): {
  readonly buffers: Record<string, Tensor>;
  readonly others: ReadonlyMap<string, SafeTensor>;
} {
  const buffers: [string, Tensor][] = [];
  const others = new Map<string, SafeTensor>();
  for (const [path, tensor] of tensors) {
    const name = keyUnder(BUFFERS, path);
    const { data, shape } = tensor;
    const isWide = data instanceof Float32Array || data instanceof Float64Array;
    if (name === undefined || !isWide) others.set(path, tensor);
    else buffers.push([name, { data: data.slice(), shape: [...shape] }]);
  }
  return { buffers: Object.fromEntries(buffers), others };
}
