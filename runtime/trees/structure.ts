/** The structure of a tree: its branches, their keys, and what a tree must be to have the same. */
import { GradusError, quoted, shown } from "../../dsl/errors.ts";
import { insteadOf, isOfNumbers } from "./foreign.ts";
import { spellPath } from "./leaf.ts";

/** The structure of a tree, at one place. */
export type Skeleton = { readonly leaf: number } | Branch;

/** A list or an object of trees. */
export interface Branch {
  readonly keys: readonly string[];
  readonly isArray: boolean;
  readonly nodes: readonly Skeleton[];
  /** Keys in the order in which they stood last, and the nodes in that order. */
  seen: { readonly keys: readonly string[]; readonly nodes: readonly Skeleton[] };
}

/** How deep trees may nest. */
export const DEEPEST = 100;

/** The keys of a branch in the order of `node`, which has the same ones. */
export function inOrderOf(branch: Branch, node: object): Branch["seen"] {
  const own = Object.keys(node);
  if (!own.every((key, i) => key === branch.seen.keys[i])) branch.seen = ordered(branch, own);
  return branch.seen;
}

/** The same structure, whose keys stand as they do in it now until it sees others. */
export function ownOrder(skeleton: Skeleton): Skeleton {
  if ("leaf" in skeleton) return skeleton;
  const { keys, isArray, seen } = skeleton;
  const nodes = skeleton.nodes.map(ownOrder);
  const isSeen = seen.keys === keys;
  const own = isSeen ? { keys, nodes } : ordered({ keys, nodes }, seen.keys);
  return { keys, isArray, nodes, seen: own };
}

/** The nodes of a branch in the order of `keys`. */
function ordered(branch: Pick<Branch, "keys" | "nodes">, keys: readonly string[]): Branch["seen"] {
  const nodes = new Map(branch.keys.map((key, i) => [key, branch.nodes[i]]));
  return { keys, nodes: keys.map((key) => nodes.get(key) ?? refuseKey(key)) };
}

/** Refuses a key that was not there when keys were compared. */
function refuseKey(key: string): never {
  throw new GradusError(
    `Cannot read a tree: its keys must stay while it is read: given the new ${quoted(key)}`,
  );
}

/** Refuses what is no branch with the keys of `skeleton`. `wayOut` ends the message for what is missing. */
export function requireSameKeys(
  skeleton: Branch,
  node: unknown,
  path: string,
  what: string,
  doing: string,
  wayOut = "",
): void {
  requireKind(skeleton, node, path, what, doing, wayOut);
  const own = Object.keys(node);
  const { keys } = skeleton.seen;
  if (own.length === keys.length && own.every((key, i) => key === keys[i])) return;
  for (const key of skeleton.keys) {
    if (!Object.hasOwn(node, key)) {
      const missing = spellPath(join(path, key));
      throw new GradusError(
        `${ofStructure(path, what, doing)}: ${missing} is missing${wayOut}`,
      );
    }
  }
  if (own.length > skeleton.keys.length) requireNoOther(skeleton, own, path, what, doing);
}

/** Refuses what is no list, or no object, as `skeleton` is. */
export function requireKind(
  { isArray, keys }: Branch,
  node: unknown,
  path: string,
  what: string,
  doing: string,
  wayOut = "",
): asserts node is object {
  const isBranch = typeof node === "object" && node !== null && !ArrayBuffer.isView(node);
  if (isBranch && Array.isArray(node) === isArray) return;
  const kind = isArray ? "an array" : "an object";
  const isMissing = node === null || node === undefined;
  throw new GradusError(
    `${ofStructure(path, what, doing)}, ${kind} of ${keys.length}: given ${shown(node)}` +
      (isMissing ? wayOut : ""),
  );
}

/** Refuses a key that `skeleton` has not. */
export function requireNoOther(
  { keys }: Branch,
  own: readonly string[],
  path: string,
  what: string,
  doing: string,
): void {
  const extra = own.find((key) => !keys.includes(key));
  if (extra === undefined) return;
  throw new GradusError(
    `${ofStructure(path, what, doing)}: there is no parameter ${spellPath(join(path, extra))}`,
  );
}

function ofStructure(path: string, what: string, doing: string): string {
  return `${doing}: ${what} at ${spellPath(path)} must have the parameters' structure`;
}

/** Refuses what can be no branch of a tree; `isLeaf` tells what stands for a leaf there. */
export function requireNode(
  node: unknown,
  path: string,
  doing: string,
  depth: number,
  isLeaf: (node: unknown) => boolean,
): asserts node is object {
  if (!isBranch(node) || isOfNumbers(node as object, isLeaf)) {
    throw new GradusError(
      `${doing}: ${spellPath(path)} must be an array such as a Float32Array, a Tensor, or a ` +
        `plain object or list of those: given ${shown(node)}${insteadOf(node)}`,
    );
  }
  requireDepth(depth, path, doing);
}

/** Whether something is a list or an object that is no array, no map and the like. */
export function isBranch(node: unknown): boolean {
  return Array.isArray(node) || Object.prototype.toString.call(node) === "[object Object]";
}

/** Refuses to go deeper into a tree than trees may nest. */
export function requireDepth(depth: number, path: string, doing: string): void {
  if (depth <= DEEPEST) return;
  throw new GradusError(
    `${doing}: a tree may nest at most ${DEEPEST} deep (does it contain itself?): at \`${
      path.slice(0, 60)
    }…\``,
  );
}

/** The keys of a branch: sorted, so that reductions over the tree do not depend on the order of insertion. */
export function keysOf(node: object): string[] {
  return Array.isArray(node) ? Array.from(node, (_, i) => String(i)) : Object.keys(node).sort();
}

/** What a branch has at a key. */
export function child(node: object, key: string): unknown {
  return (node as Record<string, unknown>)[key];
}

/** The path of a key below a path. */
export function join(path: string, key: string): string {
  return path === "" ? key : `${path}/${key}`;
}
