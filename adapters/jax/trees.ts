/** Trees of jax-js arrays: what a leaf is, and trees of Gradus's own tensors made of them and back. */
import { GradusError, shown } from "../../dsl/errors.ts";
import { Layout } from "../../runtime/trees/layout.ts";
import { asLeaf, type Leaf, sizeOf, spellPath, type Tensor } from "../../runtime/trees/leaf.ts";
import type { JaxArray, JaxNumpy, JaxTree, ReadableArray } from "./types.ts";

/** Whether a node of a tree is an array. Its `ref` is not looked at, since that counts a use. */
export function isArray(node: unknown): node is JaxArray {
  return typeof node === "object" && node !== null && "ref" in node && "dispose" in node &&
    Array.isArray((node as { shape?: unknown }).shape) &&
    typeof (node as { dtype?: unknown }).dtype === "string";
}

/** An array of float32 as a leaf, or undefined for what is none. */
export function readArray<A extends JaxArray>(
  node: unknown,
  path: string,
  doing: string,
): Leaf<A> | undefined {
  if (!isArray(node)) return undefined;
  const { shape, dtype } = node;
  if (dtype !== "float32") {
    throw new GradusError(
      `${doing}: the array at ${spellPath(path)} must be float32, which is what is computed in: ` +
        `given ${shown(dtype)}`,
    );
  }
  return { data: node as A, shape, dtype: "float32", stored: "float32", isBare: false };
}

/**
 * What an array is like, which masks and labels that are functions are asked with: so none uses an array up.
 * Like arrays, it is no plain object, so that jax-js's `tree.map` takes it for a leaf.
 */
export class ArrayInfo {
  /** Its extents. */
  readonly shape: readonly number[];
  /** What its elements are. */
  readonly dtype = "float32";

  constructor(shape: readonly number[]) {
    this.shape = shape;
  }

  /** The number of its axes. */
  get ndim(): number {
    return this.shape.length;
  }

  /** The number of its elements. */
  get size(): number {
    return sizeOf(this.shape);
  }
}

/** `built`, whose keys are sorted, with its keys in the order of `template`: jax-js pairs leaves by order. */
export function inOrderOf<A>(
  template: unknown,
  built: unknown,
  isLeaf: (node: unknown) => boolean,
): JaxTree<A> {
  if (isLeaf(template)) return built as A;
  const child = (key: string) =>
    inOrderOf<A>(
      (template as Record<string, unknown>)[key],
      (built as Record<string, unknown>)[key],
      isLeaf,
    );
  const keys = Object.keys(template as object);
  return Array.isArray(template)
    ? keys.map(child)
    : Object.fromEntries(keys.map((key) => [key, child(key)]));
}

/** A tree like `T` with a tensor for each array. */
export type Tensors<T> = T extends { readonly dtype: unknown } ? Tensor
  : { -readonly [K in keyof T]: Tensors<T[K]> };

/** A tree like `T` with an array for each tensor or bare array. */
export type Arrays<T, A> = T extends Tensor | ArrayBufferView ? A
  : { -readonly [K in keyof T]: Arrays<T[K], A> };

/**
 * A tree of jax-js arrays as tensors of Gradus, each copied once. The arrays are used up, as by every
 * function of jax-js: hand over `tree.ref(params)` to go on using them.
 *
 * @example
 * ```ts
 * import { adamw } from "@gradus/gradus";
 * import { fromJaxTree, toJaxTree } from "@gradus/gradus/jax";
 * import { init, numpy as np } from "@jax-js/jax";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * await init("cpu");
 * const opt = adamw({ learningRate: 0.1 });
 * const params = fromJaxTree({ w: np.array([1, 2]) });
 * const state = opt.init(params);
 * // Gradus's own kernels, with bias corrections in float64.
 * opt.step(params, fromJaxTree({ w: np.array([0.5, -0.5]) }), state);
 * const { w } = toJaxTree(params, np);
 * assertAlmostEquals(w.js()[0], 0.89999, 1e-6);
 * ```
 *
 * @throws {GradusError} if an array is neither float32 nor float64, or something is no tree of arrays;
 * then none has been used up.
 */
export function fromJaxTree<T extends object>(tree: T): Tensors<T> {
  const doing = "Cannot read a tree of jax-js";
  const read = (node: unknown, path: string): Leaf<ReadableArray> | undefined => {
    if (!isArray(node)) return undefined;
    const { dtype, shape } = node;
    if (dtype !== "float32" && dtype !== "float64") {
      throw new GradusError(
        `${doing}: the array at ${spellPath(path)} must be float32 or float64: given ${
          shown(dtype)
        }`,
      );
    }
    return { data: node as ReadableArray, shape, dtype, stored: dtype, isBare: false };
  };
  const layout = Layout.of(tree, doing, read);
  const leaves = layout.leavesOf(tree, "the tree", doing, read);
  const tensors = leaves.map(({ data, shape, dtype }): Tensor => {
    const numbers = data.dataSync();
    const Type = dtype === "float32" ? Float32Array : Float64Array;
    return {
      data: new Type(
        numbers.buffer as ArrayBuffer,
        numbers.byteOffset,
        numbers.byteLength / Type.BYTES_PER_ELEMENT,
      ),
      shape: [...shape],
    };
  });
  return inOrderOf(tree, layout.build(tensors), isArray) as Tensors<T>;
}

/**
 * A tree of Gradus's tensors and arrays as jax-js arrays, each copied once; `np` is jax-js's `numpy`.
 *
 * @example
 * ```ts
 * import { toJaxTree } from "@gradus/gradus/jax";
 * import { init, numpy as np } from "@jax-js/jax";
 * import { assertEquals } from "@std/assert";
 *
 * await init("cpu");
 * const { w } = toJaxTree({ w: { data: Float32Array.of(1, 2), shape: [2, 1] } }, np);
 * assertEquals(w.js(), [[1], [2]]);
 * ```
 *
 * @throws {GradusError} if an array is stored short, or something is no tree of arrays.
 */
export function toJaxTree<T extends object, A extends JaxArray>(
  tree: T,
  np: JaxNumpy<A>,
): Arrays<T, A> {
  const doing = "Cannot make a tree of jax-js";
  const layout = Layout.of(tree, doing, asLeaf);
  const leaves = layout.leavesOf(tree, "the tree", doing, asLeaf);
  const short = leaves.findIndex(({ dtype }) => dtype !== "float32" && dtype !== "float64");
  if (short >= 0) {
    const { path, dtype } = layout.leaves[short];
    throw new GradusError(
      `${doing}: the tensor at ${spellPath(path)} must be float32 or float64: given ${dtype}`,
    );
  }
  const arrays = leaves.map(({ data, shape: given, dtype: type }) => {
    const [shape, dtype] = [[...given], type as never];
    // jax-js copies, from memory that is not shared; and it takes no array of nothing.
    return data.length === 0
      ? np.full(shape, 0, { dtype })
      : np.array(data.slice(), { shape, dtype });
  });
  const isLeaf = (node: unknown) => asLeaf(node, "", doing) !== undefined;
  return inOrderOf<A>(tree, layout.build(arrays), isLeaf) as Arrays<T, A>;
}
