/** Trees of arrays: what they may be, and how trees of one structure are held against each other. */
import { GradusError, shown } from "../../dsl/errors.ts";
import { insteadOf, isOfNumbers } from "./foreign.ts";
import { isShort } from "./dtype.ts";
import { isSameStored, spellStored, type Stored } from "./stored.ts";
import { type Leaf, type LeafInfo, type ReadLeaf, sameShape, sizeOf, spellPath } from "./leaf.ts";

type Skeleton = { readonly leaf: number } | Branch;

interface Branch {
  readonly keys: readonly string[];
  readonly isArray: boolean;
  readonly nodes: readonly Skeleton[];
  /** Keys in the order in which they stood last, and the nodes in that order. */
  seen: { readonly keys: readonly string[]; readonly nodes: readonly Skeleton[] };
}

/** What a tree-prefix says of one leaf. */
export interface PrefixValue {
  /** Which part of the prefix says it; unlike its path, never that of another. */
  readonly part: number;
  /** The path of that part. */
  readonly position: string;
  readonly value: unknown;
}

/** How deep trees may nest. */
export const DEEPEST = 100;
// A plan keeps which axes a value varies over as the bits of a number.
const MOST_AXES = 32;

const ONLY = {
  float32: ["float32"],
  float64: ["float64"],
  bfloat16: ["bfloat16"],
  float16: ["float16"],
  "bfloat16+8": [],
} as const;
const WIDENED = {
  ...ONLY,
  bfloat16: ["bfloat16", "float32"],
  float16: ["float16", "float32"],
} as const;

/** The structure of a parameter tree; leaves are numbered with keys in sorted order. */
export class Layout {
  readonly leaves: readonly LeafInfo[];
  /** Whether some leaf is stored short. */
  readonly hasShort: boolean;
  readonly #skeleton: Skeleton;

  private constructor(leaves: readonly LeafInfo[], skeleton: Skeleton) {
    this.leaves = leaves;
    this.hasShort = leaves.some(({ dtype }) => isShort(dtype));
    this.#skeleton = skeleton;
  }

  /** The layout of `tree`, whose leaves `read` tells from branches; `doing` begins the message of an error. */
  static of(tree: unknown, doing: string, read: ReadLeaf<unknown>): Layout {
    const leaves: LeafInfo[] = [];
    const visit = (node: unknown, path: string, depth: number): Skeleton => {
      const leaf = read(node, path, doing);
      if (leaf !== undefined) {
        const { shape, dtype, isBare, isHalf } = leaf;
        if (shape.length > MOST_AXES) {
          throw new GradusError(
            `${doing}: the tensor at ${spellPath(path)} must have at most ${MOST_AXES} axes: ` +
              `given one of ${shape.length}`,
          );
        }
        if (dtype === "bfloat16+8") {
          throw new GradusError(
            `${doing}: the parameter at ${spellPath(path)} must be of another type: ` +
              `given ${dtype}, which only states are stored as`,
          );
        }
        leaves.push({ path, shape: [...shape], size: sizeOf(shape), dtype, isBare, isHalf });
        return { leaf: leaves.length - 1 };
      }
      const isLeaf = (inner: unknown) => read(inner, path, doing) !== undefined;
      requireNode(node, path, doing, depth, isLeaf);
      const keys = keysOf(node);
      const nodes = keys.map((key) => visit(child(node, key), join(path, key), depth + 1));
      return { keys, isArray: Array.isArray(node), nodes, seen: { keys, nodes } };
    };
    return new Layout(leaves, visit(tree, "", 0));
  }

  /** Whether `tree` has this very structure, shapes and types. */
  matches(tree: unknown, read: ReadLeaf<unknown>): boolean {
    const visit = (skeleton: Skeleton, node: unknown): boolean => {
      if ("leaf" in skeleton) {
        const info = this.leaves[skeleton.leaf];
        const leaf = read(node, info.path, "");
        return leaf !== undefined && leaf.isBare === info.isBare && leaf.dtype === info.dtype &&
          leaf.isHalf === info.isHalf && sameShape(leaf.shape, info.shape);
      }
      if (typeof node !== "object" || node === null || ArrayBuffer.isView(node)) return false;
      if (Array.isArray(node) !== skeleton.isArray) return false;
      if (Object.keys(node).length !== skeleton.keys.length) return false;
      return skeleton.keys.every((key, i) =>
        Object.hasOwn(node, key) && visit(skeleton.nodes[i], child(node, key))
      );
    };
    try {
      return visit(this.#skeleton, tree);
    } catch {
      return false;
    }
  }

  /** The leaves of a tree of the parameters' structure, in their order, whatever they are like. */
  leavesOf<A>(tree: unknown, what: string, doing: string, read: ReadLeaf<A>): Leaf<A>[] {
    const leaves: Leaf<A>[] = new Array(this.leaves.length);
    const reading = `${doing}: reading ${what}`;
    const visit = (skeleton: Skeleton, node: unknown, path: string): void => {
      if ("leaf" in skeleton) {
        const { path } = this.leaves[skeleton.leaf];
        const leaf = read(node, path, reading);
        if (leaf !== undefined) leaves[skeleton.leaf] = leaf;
        else {
          throw new GradusError(
            `${doing}: ${what} at ${spellPath(path)} must be an array as the parameter is: given ` +
              shown(node) + insteadOf(node),
          );
        }
        return;
      }
      requireSameKeys(skeleton, node, path, what, doing);
      const { keys, nodes } = inOrderOf(skeleton, node as object);
      const children = Object.values(node as object);
      for (let i = 0; i < keys.length; i++) {
        visit(nodes[i], children[i], "leaf" in nodes[i] ? "" : join(path, keys[i]));
      }
    };
    visit(this.#skeleton, tree, "");
    return leaves;
  }

  /**
   * The arrays of a tree that mirrors the parameters, in their order. `storedOf` are the ways that
   * one may be stored, and `shapeOf` the shape that it must have.
   */
  align<A>(
    tree: unknown,
    what: string,
    doing: string,
    read: ReadLeaf<A>,
    storedOf: (info: LeafInfo) => readonly Stored[],
    shapeOf: (info: LeafInfo, index: number) => readonly number[],
  ): A[] {
    return this.leavesOf(tree, what, doing, read).map((leaf, index) => {
      const info = this.leaves[index];
      const [stored, shape] = [storedOf(info), shapeOf(info, index)];
      const where = () => `${doing}: ${what} at ${spellPath(info.path)} must`;
      if (!stored.some((each) => isSameStored(each, leaf.stored))) {
        const these = stored.map(spellStored).join(" or ");
        throw new GradusError(`${where()} be ${these}: given ${spellStored(leaf.stored)}`);
      }
      if (!sameShape(leaf.shape, shape)) {
        const same = sameShape(info.shape, shape) ? " as the parameter has" : "";
        throw new GradusError(
          `${where()} have shape [${shape.join(", ")}]${same}: given [${leaf.shape.join(", ")}]`,
        );
      }
      return leaf.data;
    });
  }

  /** The arrays of a tree whose arrays are like the parameters'. */
  alignLike<A>(tree: unknown, what: string, doing: string, read: ReadLeaf<A>): A[] {
    return this.align(tree, what, doing, read, ({ dtype }) => ONLY[dtype], ({ shape }) => shape);
  }

  /** The arrays of a tree like the parameters, where what mirrors a short one may be float32. */
  alignWidened<A>(tree: unknown, what: string, doing: string, read: ReadLeaf<A>): A[] {
    const dtypesOf = ({ dtype }: LeafInfo) => WIDENED[dtype];
    return this.align(tree, what, doing, read, dtypesOf, ({ shape }) => shape);
  }

  /** A tree of this structure with `values` at its leaves. */
  build(values: readonly unknown[]): unknown {
    const visit = (skeleton: Skeleton): unknown => {
      if ("leaf" in skeleton) return values[skeleton.leaf];
      const children = skeleton.nodes.map(visit);
      return skeleton.isArray
        ? children
        : Object.fromEntries(skeleton.keys.map((key, i) => [key, children[i]]));
    };
    return visit(this.#skeleton);
  }

  /**
   * What a tree-prefix says of each leaf: a value stands for everything below it. `isValue` tells
   * values from the prefix's own branches.
   */
  prefix(
    prefix: unknown,
    what: string,
    doing: string,
    isValue: (node: unknown) => boolean,
  ): PrefixValue[] {
    const values: PrefixValue[] = new Array(this.leaves.length);
    let parts = 0;
    const visit = (skeleton: Skeleton, node: unknown, path: string): void => {
      if (isValue(node)) {
        const part = parts++;
        return each(skeleton, (leaf) => values[leaf] = { part, position: path, value: node });
      }
      if ("leaf" in skeleton || typeof node !== "object" || node === null) {
        throw new GradusError(
          `${doing}: ${what} at ${spellPath(path)} must be a value: given ${shown(node)}`,
        );
      }
      requireSameKeys(skeleton, node, path, what, doing);
      skeleton.keys.forEach((key, i) =>
        visit(skeleton.nodes[i], child(node, key), join(path, key))
      );
    };
    const each = (skeleton: Skeleton, visitLeaf: (leaf: number) => void): void => {
      if ("leaf" in skeleton) visitLeaf(skeleton.leaf);
      else skeleton.nodes.forEach((node) => each(node, visitLeaf));
    };
    visit(this.#skeleton, prefix, "");
    return values;
  }
}

/** Refuses a tree without any leaf. */
export function requireLeaves({ leaves }: Layout, doing: string): void {
  if (leaves.length > 0) return;
  throw new GradusError(`${doing}: the parameters must hold at least one array: given none`);
}

/** The keys of a branch in the order of `node`, which has the same ones. */
function inOrderOf(branch: Branch, node: object): Branch["seen"] {
  const { keys } = branch.seen;
  const own = Object.keys(node);
  if (!own.every((key, i) => key === keys[i])) {
    branch.seen = { keys: own, nodes: own.map((key) => branch.nodes[branch.keys.indexOf(key)]) };
  }
  return branch.seen;
}

function requireSameKeys(
  skeleton: Branch,
  node: unknown,
  path: string,
  what: string,
  doing: string,
): void {
  const where = () => `${doing}: ${what} at ${spellPath(path)} must have the parameters' structure`;
  const isBranch = typeof node === "object" && node !== null && !ArrayBuffer.isView(node);
  if (!isBranch || Array.isArray(node) !== skeleton.isArray) {
    const kind = skeleton.isArray ? "an array" : "an object";
    throw new GradusError(`${where()}, ${kind} of ${skeleton.keys.length}: given ${shown(node)}`);
  }
  const own = Object.keys(node);
  const { keys } = skeleton.seen;
  if (own.length === keys.length && own.every((key, i) => key === keys[i])) return;
  for (const key of skeleton.keys) {
    if (!Object.hasOwn(node, key)) {
      throw new GradusError(`${where()}: ${spellPath(join(path, key))} is missing`);
    }
  }
  if (own.length !== skeleton.keys.length) {
    const extra = own.find((key) => !skeleton.keys.includes(key))!;
    throw new GradusError(`${where()}: there is no parameter ${spellPath(join(path, extra))}`);
  }
}

function requireNode(
  node: unknown,
  path: string,
  doing: string,
  depth: number,
  isLeaf: (node: unknown) => boolean,
): asserts node is object {
  const isBranch = Array.isArray(node) ||
    Object.prototype.toString.call(node) === "[object Object]";
  if (!isBranch || isOfNumbers(node as object, isLeaf)) {
    throw new GradusError(
      `${doing}: ${spellPath(path)} must be a Float32Array, a Tensor, or a plain object or ` +
        `list of those: given ${shown(node)}${insteadOf(node)}`,
    );
  }
  if (depth > DEEPEST) {
    throw new GradusError(
      `${doing}: a tree may nest at most ${DEEPEST} deep (does it contain itself?): at \`${
        path.slice(0, 60)
      }…\``,
    );
  }
}

// Sorted, so that reductions over the tree do not depend on the order of insertion.
function keysOf(node: object): string[] {
  return Array.isArray(node) ? Array.from(node, (_, i) => String(i)) : Object.keys(node).sort();
}

function child(node: object, key: string): unknown {
  return (node as Record<string, unknown>)[key];
}

function join(path: string, key: string): string {
  return path === "" ? key : `${path}/${key}`;
}
