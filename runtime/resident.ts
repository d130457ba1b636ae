/** Trees whose arrays live in WebAssembly memory, where a step reads and writes them without a copy. */
import { GradusError } from "../dsl/errors.ts";
import { useThreads } from "./backends/wasm/pass_run.ts";
import { runThreaded } from "./backends/wasm/threads.ts";
import { blockOf } from "./trees/arena.ts";
import { asLeaf, wrap } from "./trees/leaf.ts";
import { Layout } from "./trees/layout.ts";
import { disposable, place } from "./trees/placement.ts";

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
  useThreads(runThreaded);
  const doing = "Cannot make a tree resident";
  const layout = Layout.of(tree, doing, asLeaf);
  const given = layout.alignLike(tree, "arrays", doing, asLeaf);
  if (typeof WebAssembly === "undefined") {
    throw new GradusError(
      `${doing}: WebAssembly is required here: it is missing`,
    );
  }
  const arena = given.map((array) => blockOf(array)?.arena).find((each) => each !== undefined);
  const leaves = layout.leaves.map((info, i) => wrap(info, place(given[i], arena)));
  return disposable(layout.build(leaves) as P);
}
