/** Loads a checkpoint: training goes on as if it had never stopped, and with a changed tree as far as it can. */
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { resident } from "../../runtime/resident.ts";
import { memoryOf, type NumberArray } from "../../runtime/trees/dtype.ts";
import { Layout, requireLeaves } from "../../runtime/trees/layout.ts";
import { asHostLeaf, asLeaf, wrap } from "../../runtime/trees/leaf.ts";
import { disposable, isResident } from "../../runtime/trees/placement.ts";
import { inheritUsed, markOf, type State } from "../../runtime/trees/state.ts";
import { requireOptimizer } from "../../runtime/wrap.ts";
import { type Contents, readContents } from "./contents.ts";
import { differingLines } from "./difference.ts";
import { Fitting } from "./fitting.ts";
import { pathsOf, rebuilt } from "./paths.ts";

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
   *   begin as `init` lets them. States that are one number for the tree are taken, and so is `count`.
   */
  readonly onMismatch?: "error" | "init";
  /** Whether parameters and state are placed in WebAssembly memory. Default: if `params` are. */
  readonly resident?: boolean;
}

/** What was loaded. */
export interface Loaded<P extends object = object> {
  /** What makes the steps. */
  readonly optimizer: Optimizer;
  /** The parameters, in arrays of their own. */
  readonly params: P;
  /** The state that belongs to them. */
  readonly state: State;
  /** The tensors that were taken from the file. */
  readonly fitted: readonly string[];
  /** The tensors that it would have had for these parameters: they begin afresh. */
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
  requireOptions(options, doing);
  const contents = readContents(bytes, doing);
  const { onMismatch = "error" } = options;
  if (options.optimizer !== undefined) requireSame(options.optimizer, contents, doing);
  const optimizer = options.optimizer ?? contents.optimizer();
  const like = options.params ?? contents.params();
  const isPlaced = options.resident ?? (options.params !== undefined && isResident(like));

  const layout = Layout.of(like, doing, asLeaf);
  requireLeaves(layout, doing);
  const paths = pathsOf(layout);
  const fitting = new Fitting(contents.tensors);
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

  const state = begun(optimizer, params, options.optimizer === undefined, contents, doing);
  fillState(state, optimizer, layout, fitting, paths, taken.map(Boolean), doing);
  if (onMismatch === "error") fitting.requireAll(doing);
  state.count = contents.count;
  Object.assign(state.hyper, contents.written);
  const others = Object.entries(contents.used).filter(([name]) =>
    !Object.hasOwn(state.hyper, name)
  );
  inheritUsed(state, Object.fromEntries(others));
  return { optimizer, params, state, ...fitting.lists() };
}

/** Writes into a new state what the file has of it. */
function fillState(
  state: State,
  { program }: Optimizer,
  layout: Layout,
  fitting: Fitting,
  paths: readonly string[],
  isTaken: readonly boolean[],
  doing: string,
): void {
  for (const [name, value] of Object.entries(state)) {
    if (["optimizer", "count", "hyper"].includes(name)) continue;
    const isState = program.state.has(name);
    const section = isState ? `state/${name}` : name;
    if (typeof value === "number") {
      const taken = fitting.take(section, [], "F64");
      if (taken !== undefined) state[name] = Number(taken[0]);
      continue;
    }
    layout.leavesOf(value, section, doing, asHostLeaf).forEach((leaf, i) => {
      // What a leaf does not keep is an empty array, of which a file has nothing.
      if (leaf.data.length === 0) return;
      if (!isTaken[i]) return fitting.start(section + paths[i], "its parameter is another");
      const taken = fitting.arrays(section + paths[i], leaf.dtype, leaf.shape);
      if (taken === undefined) return;
      memoryOf(leaf.data).forEach((part, k) => part.set(taken[k] as Float32Array));
    });
  }
}

/** A new state, stored as the file says and not as the optimizer was made to store it. */
function begun(
  optimizer: Optimizer,
  params: object,
  isOfFile: boolean,
  { stored }: Contents,
  doing: string,
): State {
  const full = [...optimizer.storage.keys()].map((name) => [name, "float32"] as const);
  try {
    return optimizer.init(params, { storage: { ...Object.fromEntries(full), ...stored } });
  } catch (error) {
    if (!isOfFile || !(error instanceof GradusError)) throw error;
    throw new GradusError(
      `${doing}: its optimizer does not fit these parameters; give \`optimizer\`, made for these ` +
        `parameters: ${error.message}`,
    );
  }
}

/** Refuses an optimizer of another program, and shows what the two compute otherwise. */
function requireSame(optimizer: Optimizer, { program }: Contents, doing: string): void {
  requireOptimizer(optimizer, "`optimizer`", doing);
  if (markOf(optimizer.program) === markOf(program)) return;
  const { name } = optimizer.program;
  throw new GradusError(
    `${doing}: it must be of the program of \`optimizer\`, "${name}" (+): given one of ` +
      `"${program.name}" (-), which differs in\n${differingLines(program, optimizer.program)}`,
  );
}

const OPTIONS: readonly (keyof LoadOptions)[] = ["optimizer", "params", "onMismatch", "resident"];

function requireOptions(options: LoadOptions, doing: string): void {
  if (typeof options !== "object" || options === null) {
    throw new GradusError(`${doing}: its options must be an object: given ${shown(options)}`);
  }
  for (const key of Object.keys(options)) {
    if ((OPTIONS as string[]).includes(key)) continue;
    throw new GradusError(
      `${doing}: there is no option ${quoted(key)}${suggestion(key, OPTIONS)}`,
    );
  }
  const { onMismatch = "error" } = options;
  if (onMismatch === "error" || onMismatch === "init") return;
  throw new GradusError(
    `${doing}: \`onMismatch\` must be "error" or "init": given ${shown(onMismatch)}`,
  );
}
