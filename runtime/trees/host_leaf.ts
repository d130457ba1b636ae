/** The leaves of trees in the memory of the host, states among them that are stored as two arrays. */
import { GradusError, shown } from "../../dsl/errors.ts";
import { BlockArray, scalesOf } from "./block8.ts";
import { type HostArray, SplitArray } from "./dtype.ts";
import {
  asLeaf,
  type BlockTensor,
  isShape,
  isTensor,
  type Leaf,
  requireKept,
  sizeOf,
  spellPath,
  type StoredTensor,
} from "./leaf.ts";
import { type Stored, storedOf } from "./stored.ts";

const SPLIT = "bfloat16+8";
const BLOCKS = "block8";

/** An array, a tensor, or a state that is stored as `"bfloat16+8"` or `"block8"`; undefined for anything else. */
export function asHostLeaf(
  node: unknown,
  path: string,
  doing: string,
): Leaf<HostArray> | undefined {
  if (typeof node !== "object" || node === null || ArrayBuffer.isView(node)) {
    return asLeaf(node, path, doing);
  }
  const dtype = isTensor(node) && node.dtype;
  if (dtype === SPLIT) return splitLeaf(node as StoredTensor, path, doing);
  if (dtype === BLOCKS) return blockLeaf(node as BlockTensor, path, doing);
  return asLeaf(node, path, doing);
}

function splitLeaf(
  // All but its further bits is like a bfloat16.
  { data, shape, low, rounding, seed }: Partial<StoredTensor>,
  path: string,
  doing: string,
): Leaf<HostArray> {
  const leaf = asLeaf({ data, shape, dtype: "bfloat16", rounding, seed }, path, doing)!;
  if (low instanceof Uint8Array) requireKept(low, path, doing);
  if (!(low instanceof Uint8Array) || low.length !== leaf.data.length) {
    throw new GradusError(
      `${doing}: the tensor at ${spellPath(path)} must have \`low\`, a Uint8Array as long as its ` +
        `data, ${leaf.data.length}: given ${shown(low)}`,
    );
  }
  const stored: Stored = typeof leaf.stored === "string" ? SPLIT : { ...leaf.stored, dtype: SPLIT };
  return { ...leaf, data: new SplitArray(leaf.data as Uint16Array, low), dtype: SPLIT, stored };
}

function blockLeaf(
  { data, scales, shape, unsigned }: Partial<BlockTensor>,
  path: string,
  doing: string,
): Leaf<HostArray> {
  const refuse = (must: string, given: unknown): never => {
    throw new GradusError(
      `${doing}: the tensor at ${spellPath(path)} must ${must}: given ${shown(given)}`,
    );
  };
  if (!(data instanceof Uint8Array)) {
    return refuse("hold the codes of a block8 in a Uint8Array", data);
  }
  requireKept(data, path, doing);
  if (!isShape(shape) || sizeOf(shape) !== data.length) {
    return refuse(`have a shape whose product is the length of its data, ${data.length}`, shape);
  }
  const count = scalesOf(data.length);
  if (scales instanceof Float32Array) requireKept(scales, path, doing);
  if (!(scales instanceof Float32Array) || scales.length !== count) {
    return refuse(
      `have \`scales\`, a Float32Array with one for each 256 numbers, ${count}`,
      scales,
    );
  }
  const stored = storedOf(BLOCKS, { unsigned }, `the tensor at ${spellPath(path)}`, doing);
  const array = new BlockArray(data, scales, unsigned === true);
  return { data: array, shape, dtype: BLOCKS, stored, isBare: false };
}
