/** Tells cheaply whether a tree still holds the very arrays it held before. */
import { releases } from "./arena.ts";

/** A tree as it was: its containers and what was in each. */
export class Snapshot {
  readonly #root: unknown;
  readonly #containers: { readonly object: object; readonly values: readonly unknown[] }[] = [];
  readonly #arrays: { readonly array: ArrayLike<unknown>; readonly length: number }[] = [];
  readonly #releases = releases();

  constructor(root: unknown) {
    this.#root = root;
    const visit = (node: unknown): void => {
      if (typeof node !== "object" || node === null) return;
      if (ArrayBuffer.isView(node)) {
        const array = node as unknown as ArrayLike<unknown>;
        this.#arrays.push({ array, length: array.length });
        return;
      }
      const values = Object.values(node);
      this.#containers.push({ object: node, values });
      values.forEach(visit);
    };
    visit(root);
  }

  /** Whether `root` is that tree, unchanged but for the numbers in its arrays, all of which are there. */
  matches(root: unknown): boolean {
    if (root !== this.#root || this.#releases !== releases()) return false;
    for (const { object, values } of this.#containers) {
      const now: unknown[] = Array.isArray(object) ? object : Object.values(object);
      if (now.length !== values.length) return false;
      for (let i = 0; i < values.length; i++) if (now[i] !== values[i]) return false;
    }
    // An array whose buffer was transferred is the same object, and empty.
    for (const { array, length } of this.#arrays) if (array.length !== length) return false;
    return true;
  }
}
