/** Copies of trees, to hold what a later step changes. */

/** A copy of a tree of arrays and numbers, in which what an object inherits is its own. */
export function copied<T>(tree: T): T {
  return copyOf(tree) as T;
}

function copyOf(tree: unknown): unknown {
  if (ArrayBuffer.isView(tree)) return (tree as Float32Array).slice();
  if (typeof tree !== "object" || tree === null) return tree;
  if (Array.isArray(tree)) return tree.map(copyOf);
  const entries: [string, unknown][] = [];
  for (const key in tree) entries.push([key, copyOf((tree as Record<string, unknown>)[key])]);
  return Object.fromEntries(entries);
}
