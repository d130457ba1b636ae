/** Gathers what is written of a checkpoint: its tensors, and what it says of itself. */
import { programDigest } from "../../dsl/digest.ts";
import { GradusError, shown } from "../../dsl/errors.ts";
import { printJson } from "../../dsl/json.ts";
import { carriedSettings, carriedTree } from "../../runtime/carried.ts";
import { Binding } from "../../runtime/step/binding.ts";
import { type Configured, ruleOf } from "../../runtime/step/rule.ts";
import { alignMaster, alignState, statesOf } from "../../runtime/step/gathered.ts";
import { type HostArray, memoryOf } from "../../runtime/trees/dtype.ts";
import { maskTree } from "../../runtime/trees/hyperparameters.ts";
import { Layout, requireLeaves } from "../../runtime/trees/layout.ts";
import { asHostLeaf } from "../../runtime/trees/host_leaf.ts";
import { isInGpuBuffer, type Leaf, spellPath, type Tensor } from "../../runtime/trees/leaf.ts";
import { MASTER, masterShape } from "../../runtime/trees/master.ts";
import { under } from "../../runtime/trees/plain.ts";
import { requireState, type State, treeNumber } from "../../runtime/trees/state.ts";
import { leavesOfStates, storageIn, storedAs } from "../../runtime/trees/state_storage.ts";
import { dtypeOf, type Stored } from "../../runtime/trees/stored.ts";
import { BUFFERS, FORMAT, KEYS, VERSION } from "./metadata.ts";
import { pathsOf, rebuilt, safeDType, secondOf } from "./paths.ts";
import type { TensorToWrite } from "./write.ts";

/** What a checkpoint is made of. */
export interface Checkpoint {
  /** What makes the steps, such as `adamw({ learningRate })`. */
  readonly optimizer: Configured;
  /** The parameters, in ordinary or resident arrays. */
  readonly params: object;
  /** The state that belongs to them. */
  readonly state: State;
  /** Arrays that belong to the model and have no gradients, such as running statistics, by name. */
  readonly buffers?: Readonly<Record<string, Tensor>>;
}

/** What is written of a checkpoint. */
export function gatherCheckpoint(checkpoint: Checkpoint): {
  readonly tensors: ReadonlyMap<string, TensorToWrite>;
  readonly metadata: ReadonlyMap<string, string>;
} {
  const doing = "Cannot save a checkpoint";
  const { optimizer, params, state, buffers = {} } = checkpoint ?? {};
  if (optimizer?.program === undefined || !(optimizer.settings instanceof Map)) {
    throw new GradusError(
      `${doing}: \`optimizer\` must be what was made with its hyperparameters, such as ` +
        `\`adamw({ learningRate })\`: given ${shown(optimizer)}`,
    );
  }
  const { program, settings, storage: made } = optimizer;
  const layout = Layout.of(params, doing, readHost);
  requireLeaves(layout, doing);
  const bound = new Binding(program, settings, layout, params, doing);
  requireState(state, program, bound.live, layout.hasShort, ruleOf(optimizer), doing);
  for (const [name, numbers] of Object.entries(state.hyper)) {
    const what = `hyperparameter \`${name}\` of the state`;
    layout.prefix(numbers, what, doing, (node) => typeof node === "number");
  }
  const names = statesOf(program, bound.live);
  const storage = storageIn(leavesOfStates(state, names, layout, readHost, doing), layout, made);

  const paths = pathsOf(layout);
  const tensors = new Map<string, TensorToWrite>();
  const put = (
    section: string,
    i: number,
    array: HostArray,
    stored: Stored,
    shape: readonly number[],
  ) => {
    // What a leaf does not keep is an empty array.
    if (section !== "params" && array.length === 0) return;
    const name = section + paths[i];
    const dtype = dtypeOf(stored);
    const [data, second] = memoryOf(array);
    tensors.set(name, { data, shape, dtype: safeDType(dtype) });
    if (second !== undefined) {
      const own = secondOf(name, dtype, shape)!;
      tensors.set(own.name, { data: second, shape: own.shape, dtype: own.dtype });
    }
  };
  layout.alignLike(params, "parameters", doing, readHost).forEach((array, i) => {
    const { dtype, shape } = layout.leaves[i];
    put("params", i, array, dtype, shape);
  });
  for (const name of bound.live) {
    if (!names.includes(name)) {
      tensors.set(`state/${name}`, {
        data: Float64Array.of(treeNumber(state, name, doing)),
        shape: [],
      });
      continue;
    }
    alignState(bound, state[name], name, storage, readHost, doing).forEach((array, i) => {
      const info = layout.leaves[i];
      const shape = bound.stateShape(name, i);
      put(`state/${name}`, i, array, storedAs(storage, name, info, shape), shape);
    });
  }
  if (layout.hasShort) {
    alignMaster(layout, state[MASTER], readHost, doing).forEach((array, i) =>
      put(MASTER, i, array, "float32", masterShape(layout.leaves[i]))
    );
  }
  for (const [name, { data, shape }] of Object.entries(buffers)) {
    tensors.set(under(BUFFERS, name), { data, shape });
  }
  tensors.set("count", { data: BigInt64Array.of(BigInt(state.count)), shape: [] });

  const kinds = layout.leaves.map(({ isBare }) => isBare ? "array" : "tensor");
  const json: Readonly<Record<string, unknown>> = {
    [KEYS.settings]: carriedSettings(
      settings,
      (mask) => maskTree(mask, layout, params, doing),
      doing,
    ),
    [KEYS.storage]: Object.fromEntries(made),
    [KEYS.written]: carriedHyper(state, true, doing),
    [KEYS.used]: carriedHyper(state, false, doing),
    [KEYS.stored]: Object.fromEntries(storage),
    [KEYS.tree]: rebuilt(params, layout, kinds),
  };
  const metadata = new Map([
    [KEYS.checkpoint, FORMAT],
    [KEYS.version, VERSION],
    [KEYS.program, printJson(program)],
    [KEYS.hash, programDigest(program)],
    ...Object.entries(json).map(([key, value]) => [key, JSON.stringify(value)] as const),
  ]);
  return { tensors, metadata };
}

/** The hyperparameters that were written into a state, or the others that its last step used. */
function carriedHyper(
  { hyper }: State,
  isWritten: boolean,
  doing: string,
): Record<string, unknown> {
  const carried: Record<string, unknown> = {};
  for (const name in hyper) {
    if (Object.hasOwn(hyper, name) !== isWritten) continue;
    carried[name] = carriedTree(hyper[name], `hyperparameter \`${name}\``, doing);
  }
  return carried;
}

/** A leaf of a tree in the memory of the host. */
function readHost(node: unknown, path: string, doing: string): Leaf<HostArray> | undefined {
  if (!isInGpuBuffer(node)) return asHostLeaf(node, path, doing);
  throw new GradusError(
    `${doing}: the array at ${
      spellPath(path)
    } must be in the memory of the host: given one on a GPU; ` +
      `\`await gpu.download(params)\` and \`await gpu.download(state)\` first, or use \`saveStream\` with ` +
      `\`from: gpu\``,
  );
}
