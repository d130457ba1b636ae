/** Trees whose arrays live in WebAssembly memory, where a step reads and writes them without a copy. */
import { GradusError, shown } from "../dsl/errors.ts";
import { useThreads } from "./backends/wasm/pass_run.ts";
import { runThreaded } from "./backends/wasm/threads.ts";
import { allocateResident, type Arena, blockOf, residentArray } from "./trees/arena.ts";
import type { MemoryArray } from "./trees/dtype.ts";
import { asLeaf, isShape, sizeOf, type Tensor, wrap } from "./trees/leaf.ts";
import { Layout } from "./trees/layout.ts";
import { allOrNone, disposable, place } from "./trees/placement.ts";

/**
 * The same tree with its arrays copied into WebAssembly memory: `step` then copies nothing. Optimizer
 * states made from it by `init` live there too. The arrays stay valid when other trees are made resident.
 * Free their memory with {@linkcode release}, or let `using` do it at the end of the scope.
 *
 * Where threads may share memory, this memory is shared, so `structuredClone` of such an array does not
 * copy it: use `array.slice()`.
 *
 * @example
 * ```ts
 * import { lion, resident } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * using params = resident({ w: Float32Array.of(1, 2) });
 * using gradients = resident({ w: Float32Array.of(1, -1) });
 * const opt = lion({ learningRate: 0.5, weightDecay: 0 });
 * using state = opt.init(params);
 * opt.step(params, gradients, state);
 * assertEquals(Array.from(params.w), [0.5, 2.5]);
 * ```
 *
 * @throws {GradusError} if it is not a tree of arrays, or there is not enough memory.
 */
export function resident<P extends object>(tree: P): P & Disposable {
  return placed(tree, "Cannot make a tree resident", place);
}

/**
 * A tree as `tree` is, of zeros, with its arrays in WebAssembly memory beside those of `tree` if these live
 * there. Who computes gradients writes them there, and `step` then copies nothing. It is to be freed as
 * what {@linkcode resident} gives is.
 *
 * @example
 * ```ts
 * import { like, resident, sgd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * using params = resident({ w: Float32Array.of(1, 2) });
 * using gradients = like(params);
 * const opt = sgd({ learningRate: 0.5 });
 * using state = opt.init(params);
 * gradients.w.set(params.w);
 * opt.step(params, gradients, state);
 * assertEquals(Array.from(params.w), [0.5, 1]);
 * ```
 *
 * @throws {GradusError} if it is not a tree of arrays, or there is not enough memory.
 */
export function like<P extends object>(tree: P): P & Disposable {
  return placed(tree, "Cannot make a resident tree like another", allocateResident);
}

/**
 * A float32 tensor of `shape`, of zeros, whose array lives in WebAssembly memory, where a step copies
 * nothing. `[n]` is the shape of a vector, `[]` that of one number. It is to be freed as what
 * {@linkcode resident} gives is.
 *
 * @example
 * ```ts
 * import { zeros } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * using weights = zeros([2, 3]);
 * assertEquals([weights.data.length, weights.shape], [6, [2, 3]]);
 * ```
 *
 * @throws {GradusError} if it is not a shape, or there is not enough memory.
 */
export function zeros(shape: readonly number[]): Tensor & Disposable {
  const doing = "Cannot make a resident tensor of zeros";
  if (!isShape(shape) || !Number.isSafeInteger(sizeOf(shape))) {
    throw new GradusError(
      `${doing}: its shape must be a list of whole numbers from 0 on, whose product an array can have ` +
        `elements of: given ${shown(shape)}`,
    );
  }
  requireMemory(doing);
  const data = residentArray(Float32Array, sizeOf(shape));
  return disposable({ data, shape: [...shape] });
}

function placed<P extends object>(tree: P, doing: string, make: Place): P & Disposable {
  const layout = Layout.of(tree, doing, asLeaf);
  const given = layout.alignLike(tree, "arrays", doing, asLeaf);
  requireMemory(doing);
  const arena = given.map((array) => blockOf(array)?.arena).find((each) => each !== undefined);
  const leaves = allOrNone(layout.leaves, (info, i) => wrap(info, make(given[i], arena)));
  return disposable(layout.build(leaves) as P);
}

/** Gives an array like one in WebAssembly memory. */
type Place = <A extends MemoryArray>(array: A, arena: Arena | undefined) => A;

function requireMemory(doing: string): void {
  useThreads(runThreaded);
  if (typeof WebAssembly !== "undefined") return;
  throw new GradusError(`${doing}: WebAssembly is required here: it is missing`);
}
