/** What lives in WebAssembly memory beside a resident tree, and how its memory is given back. */
import { DISPOSE } from "../../dsl/dispose.ts";
import { BlockArray } from "./block8.ts";
import { asHostLeaf } from "./host_leaf.ts";
import { isTensor, partsOf } from "./leaf.ts";
import { type HostArray, type MemoryArray, memoryOf, SplitArray } from "./dtype.ts";
import { bitsOf, halfOf, isHalf } from "./half.ts";
import { allocateResident, type Arena, blockOf, releaseArray } from "./arena.ts";

/**
 * Frees the WebAssembly memory of a tree's arrays: of a resident tree, or of a state made from one. The
 * arrays must not be used again; a step refuses them. Ordinary arrays are left alone.
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
  for (const array of arraysIn(tree)) releaseArray(array);
}

/** What `make` gives for each of `items`; where it throws, what has been placed for those before is given back. */
export function allOrNone<T, U>(items: readonly T[], make: (item: T, i: number) => U): U[] {
  const made: U[] = [];
  try {
    items.forEach((item, i) => made.push(make(item, i)));
  } catch (error) {
    release(made);
    throw error;
  }
  return made;
}

/** Whether some array of a tree is resident. */
export function isResident(tree: object): boolean {
  if (ArrayBuffer.isView(tree) && !isHalf(tree)) return blockOf(tree as MemoryArray) !== undefined;
  return [...arraysIn(tree)].some(blockOf);
}

function arraysIn(tree: unknown): Set<MemoryArray> {
  // Whatever is met is looked at once: it grows while it is gone through, and nothing is too deep.
  const seen = new Set<unknown>([tree]);
  const found = new Set<MemoryArray>();
  for (const node of seen) {
    if (typeof node !== "object" || node === null) continue;
    if (isHalf(node)) found.add(bitsOf(node));
    else if (ArrayBuffer.isView(node)) found.add(node as MemoryArray);
    else for (const child of isTensor(node) ? partsOf(node) : Object.values(node)) seen.add(child);
  }
  return found;
}

/** A leaf of a state, in the memory of the parameter that it mirrors if that is resident. */
export function beside(leaf: unknown, path: string, parameter: HostArray): unknown {
  const block = blockOf(memoryOf(parameter)[0]);
  if (block === undefined) return leaf;
  const { data } = asHostLeaf(leaf, path, "")!;
  if (data instanceof SplitArray) {
    const [high, low] = allOrNone([data.high, data.low], (part) => place(part, block.arena));
    return { ...leaf as object, data: high, low };
  }
  if (data instanceof BlockArray) {
    const [codes, scales] = allOrNone(
      [data.codes, data.scales],
      (part) => place(part, block.arena),
    );
    return { ...leaf as object, data: codes, scales };
  }
  const { data: given } = leaf as { data?: unknown };
  const placed = place(data, block.arena);
  const array = isHalf(leaf) || isHalf(given) ? halfOf(placed as Uint16Array) : placed;
  return ArrayBuffer.isView(leaf) ? array : { ...leaf as object, data: array };
}

/** `tree` as something that `using` releases; what enumerates its keys does not see that. */
export function disposable<T extends object>(tree: T): T & Disposable {
  return Object.defineProperty(tree, DISPOSE, {
    value: () => release(tree),
    enumerable: false,
    configurable: true,
  }) as T & Disposable;
}

/** A copy of an array in WebAssembly memory, in `arena` if there is room. */
export function place<A extends MemoryArray>(array: A, arena: Arena | undefined): A {
  const placed = allocateResident(array, arena);
  placed.set(array);
  return placed;
}
