/** The state with which training goes on: begun as any, and filled with what the file has of it. */
import { GradusError } from "../../dsl/errors.ts";
import { bind, type Optimizer } from "../../runtime/optimizer.ts";
import { memoryOf } from "../../runtime/trees/dtype.ts";
import type { HyperNumbers } from "../../runtime/trees/hyperparameters.ts";
import type { Layout } from "../../runtime/trees/layout.ts";
import { asHostLeaf } from "../../runtime/trees/host_leaf.ts";
import { inheritUsed, type State } from "../../runtime/trees/state.ts";
import type { StateStorage } from "../../runtime/trees/state_storage.ts";
import type { Contents } from "./contents.ts";
import type { Fitting } from "./fitting.ts";
import { pathsOf } from "./paths.ts";

/** A new state, stored as the file says and not as the optimizer was made to store it. */
export function begun(
  { program, settings }: Optimizer,
  params: object,
  isOfFile: boolean,
  storage: StateStorage,
  doing: string,
): State {
  try {
    return bind({ program, settings, storage }).init(params);
  } catch (error) {
    if (error instanceof RangeError) {
      throw new GradusError(`${doing}: there must be memory for its states: ${error.message}`);
    }
    if (!isOfFile || !(error instanceof GradusError)) throw error;
    throw new GradusError(
      `${doing}: its optimizer does not fit these parameters; give \`optimizer\`, made for these ` +
        `parameters: ${error.message}`,
    );
  }
}

/** Writes into a new state what the file has of it: arrays only where the parameter was taken too. */
export function fillState(
  state: State,
  { program, count, written, used }: Contents,
  layout: Layout,
  isTaken: readonly boolean[],
  fitting: Fitting,
  doing: string,
): void {
  const paths = pathsOf(layout);
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
  for (const [name, numbers] of Object.entries(written)) {
    if (isOf(layout, numbers)) state.hyper[name] = numbers;
    else fitting.start(`hyper/${name}`, "its numbers are a tree of other parameters");
  }
  state.count = count;
  const others = Object.entries(used).filter(([name]) => !Object.hasOwn(state.hyper, name));
  inheritUsed(state, Object.fromEntries(others));
}

/** Whether numbers of a hyperparameter are of these parameters: one number, or a tree that is a prefix. */
function isOf(layout: Layout, numbers: HyperNumbers): boolean {
  try {
    layout.prefix(numbers, "", "", (node) => typeof node === "number");
    return true;
  } catch {
    return false;
  }
}
