/** Saves parameters and state, with the program that they belong to. */
import { programDigest } from "../../dsl/digest.ts";
import { GradusError, shown } from "../../dsl/errors.ts";
import { printJson } from "../../dsl/json.ts";
import { Binding, type Configured, ruleOf } from "../../runtime/step/binding.ts";
import { alignMaster, alignState, statesOf } from "../../runtime/step/gathered.ts";
import { type HostArray, memoryOf } from "../../runtime/trees/dtype.ts";
import { Layout, requireLeaves } from "../../runtime/trees/layout.ts";
import { asHostLeaf, isInGpuBuffer, type Leaf, spellPath } from "../../runtime/trees/leaf.ts";
import { MASTER, masterShape } from "../../runtime/trees/master.ts";
import { requireState, type State, treeNumber } from "../../runtime/trees/state.ts";
import { storageIn, storedAs } from "../../runtime/trees/state_storage.ts";
import { dtypeOf, type Stored } from "../../runtime/trees/stored.ts";
import { stateShape } from "../../runtime/step/initial.ts";
import { FORMAT, KEYS, VERSION } from "./metadata.ts";
import { lowOf, pathsOf, rebuilt, safeDType } from "./paths.ts";
import { carriedSettings, carriedTree } from "./settings.ts";
import { streamSafetensors, type TensorToWrite, writeSafetensors } from "./write.ts";

/** What a checkpoint is made of. */
export interface Checkpoint {
  /** What makes the steps, such as `adamw({ learningRate })`. */
  readonly optimizer: Configured;
  /** The parameters, in ordinary or resident arrays. */
  readonly params: object;
  /** The state that belongs to them. */
  readonly state: State;
}

/** Where arrays live that are not at hand, such as an optimizer on a GPU. */
export interface Downloads {
  /** A tree like the one given, with its numbers in arrays. */
  download(tree: object): Promise<object>;
}

/**
 * The bytes of a checkpoint: a safetensors file of parameters and state with the program in it.
 *
 * Its tensors are `params/<path>`, `state/<name>/<path>`, `master/<path>` and the number `count`; a path is a
 * JSON pointer. A state that is one number for the tree is a float64 without extents; the low bits of one
 * stored as `"bfloat16+8"` are a tensor of their own, `…~low`. Its metadata hold the program and its hash,
 * what the optimizer was made with, the hyperparameters written into the state, and the structure of the
 * tree. A schedule is saved as its expression; a function that has none is not, and then `load` must be given
 * the optimizer. A mask is saved as the tree that it comes to.
 *
 * @example
 * ```ts
 * import { load, save } from "@gradus/gradus/safetensors";
 * import { adamw } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const optimizer = adamw({ learningRate: 0.1 });
 * const params = { w: Float32Array.of(1, 2) };
 * const state = optimizer.init(params);
 * optimizer.step(params, { w: Float32Array.of(1, 1) }, state);
 * const saved = load(save({ optimizer, params, state }));
 * assertEquals(saved.params, params);
 * assertEquals(saved.state, state);
 * ```
 *
 * @throws {GradusError} if the state is not one of this optimizer on these parameters, or arrays are on a GPU.
 */
export function save(checkpoint: Checkpoint): Uint8Array<ArrayBuffer> {
  const { tensors, metadata } = contentsOf(checkpoint);
  return writeSafetensors(tensors, metadata);
}

/**
 * The same bytes as a stream, of which a mebibyte at a time is in memory. Parameters and state must stay as
 * they are until the last has been read. What lives on a GPU is downloaded first, by `from`.
 *
 * @example
 * ```ts
 * import { save, saveStream } from "@gradus/gradus/safetensors";
 * import { lion } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const optimizer = lion({ learningRate: 0.1 });
 * const params = { w: Float32Array.of(1, 2) };
 * const state = optimizer.init(params);
 * const bytes = await new Response(saveStream({ optimizer, params, state })).bytes();
 * assertEquals(bytes, save({ optimizer, params, state }));
 * ```
 *
 * @throws {GradusError} as `save` does; with `from`, whoever reads the stream is told.
 */
export function saveStream(
  checkpoint: Checkpoint & {
    /** Where the arrays live, such as a `WebGpuOptimizer` or an `OrtOptimizer`. Default: here. */
    readonly from?: Downloads;
  },
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const { from, ...own } = checkpoint;
  if (from === undefined) {
    const { tensors, metadata } = contentsOf(own);
    return streamSafetensors(tensors, metadata);
  }
  const through = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  const downloaded = async () => {
    const params = await from.download(own.params);
    const state = await from.download(own.state) as State;
    const { tensors, metadata } = contentsOf({ ...own, params, state });
    await streamSafetensors(tensors, metadata).pipeTo(through.writable);
  };
  downloaded().catch((error) => through.writable.abort(error).catch(() => {}));
  return through.readable;
}

/** What is written of a checkpoint. */
function contentsOf({ optimizer, params, state }: Checkpoint): {
  readonly tensors: ReadonlyMap<string, TensorToWrite>;
  readonly metadata: ReadonlyMap<string, string>;
} {
  const doing = "Cannot save a checkpoint";
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
  requireState(state, program, bound.live, layout.hasShort, ruleOf(optimizer).writable, doing);
  const names = statesOf(program, bound.live);
  const storage = storageIn(state, names, layout, made, readHost, doing);

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
    const [data, low] = memoryOf(array);
    tensors.set(name, { data, shape, dtype: safeDType(dtypeOf(stored)) });
    if (low !== undefined) tensors.set(lowOf(name), { data: low, shape });
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
      const shape = stateShape(program, name, info, bound.livesIn(i));
      put(`state/${name}`, i, array, storedAs(storage, name, info), shape);
    });
  }
  if (layout.hasShort) {
    alignMaster(layout, state[MASTER], readHost, doing).forEach((array, i) =>
      put(MASTER, i, array, "float32", masterShape(layout.leaves[i]))
    );
  }
  tensors.set("count", { data: BigInt64Array.of(BigInt(state.count)), shape: [] });

  const hyper = { written: {}, used: {} } as Record<"written" | "used", Record<string, unknown>>;
  for (const name in state.hyper) {
    const value = carriedTree(state.hyper[name], name, doing);
    hyper[Object.hasOwn(state.hyper, name) ? "written" : "used"][name] = value;
  }
  // What was made short may be stored in full all the same.
  const full = [...made.keys()].filter((name) => names.includes(name) && !storage.has(name));
  const kinds = layout.leaves.map(({ isBare }) => isBare ? "array" : "tensor");
  const json: Readonly<Record<string, unknown>> = {
    [KEYS.settings]: carriedSettings(settings, params, doing),
    [KEYS.storage]: Object.fromEntries(made),
    [KEYS.written]: hyper.written,
    [KEYS.used]: hyper.used,
    [KEYS.stored]: {
      ...Object.fromEntries(full.map((name) => [name, "float32"])),
      ...Object.fromEntries(storage),
    },
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
