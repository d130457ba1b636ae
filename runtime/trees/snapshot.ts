/** Tells cheaply whether a tree still holds the very arrays it held before. */

/** A tree as it was: its containers and what was in each. */
export class Snapshot {
  readonly #root: unknown;
  readonly #containers: { readonly object: object; readonly values: readonly unknown[] }[] = [];

  constructor(root: unknown) {
    this.#root = root;
    const visit = (node: unknown): void => {
      if (typeof node !== "object" || node === null || ArrayBuffer.isView(node)) return;
      const values = Object.values(node);
      this.#containers.push({ object: node, values });
      values.forEach(visit);
    };
    visit(root);
  }

  /** Whether `root` is that tree, unchanged but for the numbers in its arrays. */
  matches(root: unknown): boolean {
    if (root !== this.#root) return false;
    for (const { object, values } of this.#containers) {
      const now: unknown[] = Array.isArray(object) ? object : Object.values(object);
      if (now.length !== values.length) return false;
      for (let i = 0; i < values.length; i++) if (now[i] !== values[i]) return false;
    }
    return true;
  }
}
