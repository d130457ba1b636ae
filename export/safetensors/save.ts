/** Saves parameters and state, with the program that they belong to. */
import { GradusError, shown } from "../../dsl/errors.ts";
import { isReleased } from "../../runtime/trees/arena.ts";
import type { MemoryArray } from "../../runtime/trees/dtype.ts";
import type { State } from "../../runtime/trees/state.ts";
import { type Checkpoint, gatherCheckpoint } from "./gather.ts";
import { streamed, writeSafetensors } from "./write.ts";

/** Where arrays live that are not at hand, such as an optimizer on a GPU. */
export interface Downloads {
  /** A tree like the one given, with its numbers in arrays. */
  download(tree: object): Promise<object>;
}

/**
 * The bytes of a checkpoint: a safetensors file of parameters and state with the program in it.
 *
 * Its tensors are `params/<path>`, `state/<name>/<path>`, `master/<path>`, `buffers/<name>` and the number
 * `count`; a path is a JSON pointer. A state that is one number for the tree is a float64 without extents; the low bits of one
 * stored as `"bfloat16+8"` are a tensor of their own, `…~low`, and the scales of a `"block8"` are `…~scales`. Its metadata hold the program and its hash,
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
 * assertEquals([saved.state.count, saved.state.m, saved.state.v], [1, state.m, state.v]);
 * ```
 *
 * @throws {GradusError} if the state is not one of this optimizer on these parameters, or arrays are on a GPU.
 */
export function save(checkpoint: Checkpoint): Uint8Array<ArrayBuffer> {
  const { tensors, metadata } = gatherCheckpoint(checkpoint);
  return writeSafetensors(tensors, metadata);
}

/**
 * The same bytes as a stream, of which a mebibyte at a time is in memory. Parameters and state must stay as
 * they are until the last has been read: after a step meanwhile the stream ends with an error. What lives on a
 * GPU is downloaded first, by `from`.
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
  const { from, ...own } = checkpoint ?? {};
  if (from === undefined) return streamOf(own);
  if (typeof from?.download !== "function") {
    throw new GradusError(
      `Cannot save a checkpoint: \`from\` must have a method \`download\`: given ${shown(from)}`,
    );
  }
  const through = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  const downloaded = async () => {
    // Both are asked for before another step can be.
    const [params, state] = await Promise.all(
      [own.params, own.state].map((tree) => from.download(tree)),
    );
    await streamOf({ ...own, params, state: state as State }).pipeTo(through.writable);
  };
  downloaded().catch((error) => through.writable.abort(error).catch(() => {}));
  return through.readable;
}

/** A stream of what is at hand, which is refused as soon as it is seen to be another than in the beginning. */
function streamOf(checkpoint: Checkpoint): ReadableStream<Uint8Array<ArrayBuffer>> {
  const { tensors, metadata } = gatherCheckpoint(checkpoint);
  const { state, state: { count } } = checkpoint;
  const arrays = Array.from(tensors.values(), ({ data }) => data as MemoryArray);
  return streamed(tensors, metadata, () => {
    const change = state.count !== count
      ? `a step meanwhile, from ${count} to ${shown(state.count)}`
      : arrays.some(isReleased)
      ? "some that were given back by `release`"
      : undefined;
    if (change === undefined) return;
    throw new GradusError(
      `Cannot save a checkpoint: parameters and state must stay as they are until all of it has been ` +
        `written, which is to be awaited: given ${change}`,
    );
  });
}
