/** Trees of arrays: what they may be, and how trees of one structure are held against each other. */
import { GradusError, shown } from "../../dsl/errors.ts";
import { insteadOf } from "./foreign.ts";
import { isShort } from "./dtype.ts";
import { isSameStored, spellStored, type Stored } from "./stored.ts";
import { firstMatch, isMatch } from "./match.ts";
import { type Leaf, type LeafInfo, type ReadLeaf, sameShape, sizeOf, spellPath } from "./leaf.ts";
import {
  child,
  inOrderOf,
  join,
  keysOf,
  ownOrder,
  requireKind,
  requireNode,
  requireNoOther,
  requireSameKeys,
  type Skeleton,
} from "./structure.ts";

/** What a tree-prefix says of one leaf. */
export interface PrefixValue {
  /** Which part of the prefix says it; unlike its path, never that of another. */
  readonly part: number;
  /** The path of that part. */
  readonly position: string;
  readonly value: unknown;
}

// A plan keeps which axes a value varies over as the bits of a number.
const MOST_AXES = 32;

const ONLY = {
  float32: ["float32"],
  float64: ["float64"],
  bfloat16: ["bfloat16"],
  float16: ["float16"],
  "bfloat16+8": [],
  block8: [],
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

  private constructor(leaves: readonly LeafInfo[], hasShort: boolean, skeleton: Skeleton) {
    [this.leaves, this.hasShort, this.#skeleton] = [leaves, hasShort, skeleton];
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
        if (ONLY[dtype].length === 0) {
          throw new GradusError(
            `${doing}: the parameter at ${spellPath(path)} must be of another type: ` +
              `given ${dtype}, which only states are stored as`,
          );
        }
        const number = leaves.length;
        leaves.push({
          number,
          path,
          shape: [...shape],
          size: sizeOf(shape),
          dtype,
          isBare,
          isHalf,
        });
        return { leaf: number };
      }
      const isLeaf = (inner: unknown) => read(inner, path, doing) !== undefined;
      requireNode(node, path, doing, depth, isLeaf);
      const keys = keysOf(node);
      const nodes = keys.map((key) => visit(child(node, key), join(path, key), depth + 1));
      return { keys, isArray: Array.isArray(node), nodes, seen: { keys, nodes } };
    };
    const skeleton = visit(tree, "", 0);
    return new Layout(leaves, leaves.some(({ dtype }) => isShort(dtype)), skeleton);
  }

  /** The same layout, which remembers by itself in which order keys stood last. */
  again(): Layout {
    return new Layout(this.leaves, this.hasShort, ownOrder(this.#skeleton));
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

  /**
   * The leaves of a tree of the parameters' structure, in their order, whatever they are like. `wayOut` ends
   * the message for one that is missing.
   */
  leavesOf<A>(
    tree: unknown,
    what: string,
    doing: string,
    read: ReadLeaf<A>,
    wayOut = "",
  ): Leaf<A>[] {
    const leaves: Leaf<A>[] = new Array(this.leaves.length);
    const reading = `${doing}: reading ${what}`;
    const visit = (skeleton: Skeleton, node: unknown, path: string): void => {
      if ("leaf" in skeleton) {
        const { path } = this.leaves[skeleton.leaf];
        const isMissing = node === null || node === undefined;
        const leaf = isMissing ? undefined : read(node, path, reading);
        if (leaf !== undefined) leaves[skeleton.leaf] = leaf;
        else {
          throw new GradusError(
            `${doing}: ${what} at ${spellPath(path)} must be an array as the parameter is: given ` +
              shown(node) + (isMissing ? wayOut : insteadOf(node)),
          );
        }
        return;
      }
      requireSameKeys(skeleton, node, path, what, doing, wayOut);
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
   * The leaves that there are of such a tree, of which leaves and branches may be null, undefined or left
   * out: undefined in the place of those that are missing.
   */
  leavesPresent<A>(
    tree: unknown,
    what: string,
    doing: string,
    read: ReadLeaf<A>,
  ): (Leaf<A> | undefined)[] {
    const leaves: (Leaf<A> | undefined)[] = this.leaves.map(() => undefined);
    const reading = `${doing}: reading ${what}`;
    const visit = (skeleton: Skeleton, node: unknown, path: string): void => {
      if (node === null || node === undefined) return;
      if ("leaf" in skeleton) {
        const { path } = this.leaves[skeleton.leaf];
        const leaf = read(node, path, reading);
        if (leaf === undefined) {
          throw new GradusError(
            `${doing}: ${what} at ${spellPath(path)} must be an array as the parameter is, or ` +
              `missing: given ${shown(node)}`,
          );
        }
        leaves[skeleton.leaf] = leaf;
        return;
      }
      requireKind(skeleton, node, path, what, doing);
      const own = Object.keys(node);
      let known = 0;
      skeleton.keys.forEach((key, i) => {
        if (!Object.hasOwn(node, key)) return;
        known++;
        const below = skeleton.nodes[i];
        visit(below, child(node, key), "leaf" in below ? "" : join(path, key));
      });
      if (known < own.length) requireNoOther(skeleton, own, path, what, doing);
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
    storedOf: (info: LeafInfo, index: number) => readonly Stored[],
    shapeOf: (info: LeafInfo, index: number) => readonly number[],
  ): A[] {
    return this.arraysOf(this.leavesOf(tree, what, doing, read), what, doing, storedOf, shapeOf);
  }

  /** As {@linkcode align}, of leaves that have been read. */
  arraysOf<A>(
    leaves: readonly Leaf<A>[],
    what: string,
    doing: string,
    storedOf: (info: LeafInfo, index: number) => readonly Stored[],
    shapeOf: (info: LeafInfo, index: number) => readonly number[],
  ): A[] {
    return leaves.map((leaf, i) => {
      const info = this.leaves[i];
      return arrayOf(leaf, info, storedOf(info, i), shapeOf(info, i), what, doing);
    });
  }

  /** The arrays of a tree whose arrays are like the parameters'. */
  alignLike<A>(tree: unknown, what: string, doing: string, read: ReadLeaf<A>): A[] {
    return this.align(tree, what, doing, read, ({ dtype }) => ONLY[dtype], ({ shape }) => shape);
  }

  /** The arrays of a tree like the parameters, where what mirrors a short one may be float32. */
  alignWidened<A>(
    tree: unknown,
    what: string,
    doing: string,
    read: ReadLeaf<A>,
    wayOut?: string,
  ): A[] {
    return this.leavesOf(tree, what, doing, read, wayOut)
      .map((leaf, i) => widened(leaf, this.leaves[i], what, doing));
  }

  /** As {@linkcode alignWidened}, with undefined in the place of leaves that are missing. */
  alignPresent<A>(
    tree: unknown,
    what: string,
    doing: string,
    read: ReadLeaf<A>,
  ): (A | undefined)[] {
    return this.leavesPresent(tree, what, doing, read)
      .map((leaf, i) => leaf && widened(leaf, this.leaves[i], what, doing));
  }

  /** A tree of this structure with `values` at its leaves; its keys stand as in the tree that was read last. */
  build(values: readonly unknown[]): unknown {
    const visit = (skeleton: Skeleton): unknown => {
      if ("leaf" in skeleton) return values[skeleton.leaf];
      const { keys, nodes } = skeleton.seen;
      const children = nodes.map(visit);
      return skeleton.isArray
        ? children
        : Object.fromEntries(keys.map((key, i) => [key, children[i]]));
    };
    return visit(this.#skeleton);
  }

  /** Whether what looks like rules may be a tree of values instead. */
  get #hasMatch(): boolean {
    return "keys" in this.#skeleton && this.#skeleton.keys.includes("match");
  }

  /**
   * What a tree-prefix says of each leaf: a value stands for everything below it. `isValue` tells
   * values from the prefix's own branches. Rules may stand in the place of the whole.
   */
  prefix(
    prefix: unknown,
    what: string,
    doing: string,
    isValue: (node: unknown) => boolean,
  ): PrefixValue[] {
    if (isMatch(prefix) && !this.#hasMatch) {
      const ruleOf = firstMatch(prefix, what, doing);
      return this.leaves.map(({ path, shape }) => {
        const part = ruleOf({ path, shape, rank: shape.length });
        const [, value] = prefix.match[part];
        if (isValue(value)) return { part, position: path, value };
        throw new GradusError(
          `${doing}: ${what} must have values in its rules: given ${shown(value)} in rule ${
            part + 1
          }`,
        );
      });
    }
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

/** The array of a leaf, which must be stored in one of these ways and have this shape. */
function arrayOf<A>(
  leaf: Leaf<A>,
  info: LeafInfo,
  stored: readonly Stored[],
  shape: readonly number[],
  what: string,
  doing: string,
): A {
  const isStored = stored.includes(leaf.stored) ||
    stored.some((each) => isSameStored(each, leaf.stored));
  if (isStored && sameShape(leaf.shape, shape)) return leaf.data;
  const where = `${doing}: ${what} at ${spellPath(info.path)} must`;
  if (!isStored) {
    const these = stored.map(spellStored).join(" or ");
    throw new GradusError(`${where} be ${these}: given ${spellStored(leaf.stored)}`);
  }
  const same = sameShape(info.shape, shape) ? " as the parameter has" : "";
  throw new GradusError(
    `${where} have shape [${shape.join(", ")}]${same}: given [${leaf.shape.join(", ")}]`,
  );
}

/** The array of a leaf like the parameter, which may be float32 where that is short. */
function widened<A>(leaf: Leaf<A>, info: LeafInfo, what: string, doing: string): A {
  return arrayOf(leaf, info, WIDENED[info.dtype], info.shape, what, doing);
}

/** Refuses a tree without any leaf. */
export function requireLeaves({ leaves }: Layout, doing: string): void {
  if (leaves.length > 0) return;
  throw new GradusError(`${doing}: the parameters must hold at least one array: given none`);
}
