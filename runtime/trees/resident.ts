/** Trees whose arrays live in WebAssembly memory, where a step reads and writes them without a copy. */
import { GradusError } from "../../dsl/errors.ts";
import { asLeaf, type LeafInfo, wrap } from "./leaf.ts";
import type { NumberArray } from "./dtype.ts";
import { Layout } from "./layout.ts";
import { allocateResident, type Arena, blockOf, releaseArray } from "./arena.ts";

/**
 * The same tree with its arrays copied into WebAssembly memory: `step` then copies nothing. Optimizer
 * states made from it by `init` live there too. The arrays stay valid whatever else is placed; give their
 * memory back by {@linkcode release}, or let `using` do it at the end of the scope.
 *
 * Where memory may be shared between threads it is, so `structuredClone` of such an array shares its
 * memory instead of copying it: copy by `array.slice()`.
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
 * @throws {GradusError} if it is no tree of arrays, or there is no memory for it.
 */
export function resident<P extends object>(tree: P): P & Disposable {
  const layout = Layout.of(tree, "Cannot make a tree resident");
  const given = layout.alignLike(tree, "arrays", "Cannot make a tree resident");
  if (typeof WebAssembly === "undefined") {
    throw new GradusError(
      "Cannot make a tree resident: WebAssembly is required here: it is missing",
    );
  }
  const arena = given.map((array) => blockOf(array)?.arena).find((each) => each !== undefined);
  const leaves = layout.leaves.map((info, i) => wrap(info, place(given[i], arena)));
  return disposable(layout.build(leaves) as P);
}

/**
 * Gives the WebAssembly memory of a tree's arrays back: a resident tree, or a state of one. The arrays must
 * not be used again; a step refuses them. Ordinary arrays are left alone.
 *
 * @example
 * ```ts
 * import { release, resident, sgd } from "@gradus/gradus";
 * import { assertThrows } from "@std/assert";
 *
 * const params = resident({ w: Float32Array.of(1) });
 * const opt = sgd({ learningRate: 1 });
 * const state = opt.init(params);
 * release(params);
 * assertThrows(() => opt.step(params, { w: Float32Array.of(1) }, state));
 * ```
 */
export function release(tree: object): void {
  const seen = new Set<unknown>();
  const visit = (node: unknown): void => {
    if (typeof node !== "object" || node === null || seen.has(node)) return;
    seen.add(node);
    if (ArrayBuffer.isView(node)) releaseArray(node as NumberArray);
    else Object.values(node).forEach(visit);
  };
  visit(tree);
}

/** A leaf of a state, in the memory of the parameter that it mirrors if that is resident. */
export function beside(leaf: unknown, info: LeafInfo, parameter: NumberArray): unknown {
  const block = blockOf(parameter);
  if (block === undefined) return leaf;
  const { data } = asLeaf(leaf, info.path, "")!;
  const placed = place(data, block.arena);
  return ArrayBuffer.isView(leaf) ? placed : { ...leaf as object, data: placed };
}

/** `tree` as something that `using` releases; what enumerates its keys does not see that. */
export function disposable<T extends object>(tree: T): T & Disposable {
  // Where an engine has no such symbol, this is the one that compiled `using` looks for.
  return Object.defineProperty(tree, Symbol.dispose ?? Symbol.for("Symbol.dispose"), {
    value: () => release(tree),
    enumerable: false,
    configurable: true,
  }) as T & Disposable;
}

function place(array: NumberArray, arena: Arena | undefined): NumberArray {
  const placed = allocateResident(array, arena);
  placed.set(array);
  return placed;
}
