/**
 * Kernels that copy an array into another order or another way of being stored: where kernels need matrices
 * that are not in the order of their leaf, or float32 numbers that are not stored so.
 */
import {
  CHUNK,
  chunkWords,
  HEAD,
  HEADER,
  indented,
  type Kernel,
  kernel,
  VECTORS,
} from "./kernel.ts";
import { WORKGROUP } from "./workgroup.ts";
import type { Commands } from "./commands.ts";
import { dispatchesOf, type LeafArray } from "./pieces.ts";
import {
  codesOf,
  isPacked,
  type Parts,
  readOne,
  type RoundingWords,
  writeBlock,
  writeFour,
} from "./storage.ts";
import { type GpuTensor, partsOfStored, storedIn } from "../../trees/gpu_tensor.ts";
import { sizeOf } from "../../trees/leaf.ts";
import { dtypeOf, type Stored } from "../../trees/stored.ts";

/** One axis of what is copied to: how many places it has, and how far apart they are in what is copied from. */
export interface CopyAxis {
  readonly size: number;
  readonly stride: number;
}

/** An array that is copied. */
export interface Copy {
  readonly from: GpuTensor;
  readonly to: GpuTensor;
  /** The axes of `to`; one of all elements if left out. */
  readonly axes?: readonly CopyAxis[];
  /** Where `to` is rounded stochastically: the words of its key, and where the numbers of its group are. */
  readonly rounding?: { readonly words: RoundingWords; readonly hosts: number };
  /** The number of the leaf, or of the first of the matrices that it is seen as, and the elements of each. */
  readonly leaf?: number;
  readonly each?: number;
}

/** The number of the `k`th of the matrices that a leaf is seen as: apart from those of as many leaves. */
export function numberOfMatrix(leaf: number, k: number): number {
  return leaf + k * LEAVES;
}

const LEAVES = 2 ** 16;
const WORDS = 4;

/** A tensor as the arrays that it is stored as. */
export function arraysOf(tensor: GpuTensor): LeafArray[] {
  const stored = storedIn(tensor);
  const { buffer, offset, shape, second } = tensor;
  if (!isPacked(stored)) return [{ buffer, offset, shape }];
  return partsOfStored(stored).map(({ each }, k) =>
    k === 0 ? { buffer, offset, shape, each } : { ...second!, shape, each }
  );
}

/** Adds the commands of a copy. */
export function addCopy(commands: Commands, copy: Copy, most: number): void {
  const { from, to, rounding, leaf = 0, each = sizeOf(to.shape) } = copy;
  const size = sizeOf(to.shape);
  if (size === 0) return;
  const axes = copy.axes ?? [{ size, stride: 1 }];
  const code = copyKernel(storedIn(from), storedIn(to), rounding?.words);
  const tensors = [...arraysOf(from), ...arraysOf(to)];
  const isWhole = code.arrays.map(() => true);
  for (const dispatch of dispatchesOf([{ leaf: 0, size: 1, tensors, isWhole }], 1, most, 1)) {
    const chunks = Math.ceil(size / 4 / WORKGROUP / VECTORS);
    const row = HEADER + 2 * chunks;
    const table = [
      ...Array.from({ length: chunks }, (_, part) => [row, part]).flat(),
      ...[size, leaf, each, axes.length, ...dispatch.pieces[0].starts],
      ...axes.flatMap(({ size, stride }) => [size, stride]),
    ];
    commands.add(code, chunks, [chunks, rounding?.hosts ?? 0, 0, 0], table, dispatch);
  }
}

/**
 * A copy: a thread takes four numbers at a time. Its table has the number of chunks, two words for each (the row,
 * and its number), and the row: how many numbers, the number of the leaf, the elements of each of its matrices, how
 * many axes; where each array begins; and, for each axis, its size and its stride.
 */
function copyKernel(from: Stored, to: Stored, words: RoundingWords | undefined): Kernel {
  const arrays = [from, to].flatMap((stored, k) =>
    partsOfStored(stored).map(({ each }) => ({
      ...{ name: "", isWritten: k === 1, isWhole: true },
      ...(isPacked(stored) ? { each } : {}),
    }))
  );
  const parts = arrays.map((_, i): Parts[number] => ({
    array: `x${i}`,
    start: `table[row + ${WORDS + i}u]`,
  }));
  const given = partsOfStored(from).length;
  const [source, target] = [parts.slice(0, given), parts.slice(given)];
  const isInBlocks = dtypeOf(to) === "block8";
  const value = isPacked(from)
    ? readOne(from, source, "at[e]")
    : `${source[0].array}[${source[0].start} + at[e]]`;
  const written = isInBlocks
    ? writeBlock(to, target, "four", "quad", "4u * quad < size")
    : isPacked(to)
    ? [
      `if (4u * quad < size) {`,
      `  let codes = ${codesOf(to, "four", "(at % each)", words)};`,
      ...writeFour(to, target, "quad", "codes").map((line) => `  ${line}`),
      `}`,
    ]
    : [
      `for (var e = 0u; e < 4u && 4u * quad + e < size; e++) {`,
      `  ${target[0].array}[${target[0].start} + 4u * quad + e] = four[e];`,
      `}`,
    ];
  const body = `${CHUNK}
${HEAD}
${chunkWords("part")}
  let size = table[row];
  let each = table[row + 2u];
  let axes = table[row + 3u];
  let last = row + ${WORDS + arrays.length}u + 2u * axes;
  for (var k = 0u; k < ${VECTORS}u; k++) {
    let quad = (part * ${VECTORS}u + k) * ${WORKGROUP}u + lane;
    var four = vec4<f32>();
    var at = vec4<u32>();
    for (var e = 0u; e < 4u && 4u * quad + e < size; e++) {
      var rest = 4u * quad + e;
      for (var axis = 1u; axis <= axes; axis++) {
        let word = last - 2u * axis;
        at[e] += (rest % table[word]) * table[word + 1u];
        rest = rest / table[word];
      }
      four[e] = ${value};
    }
    let leaf = table[row + 1u] + (at / each) * ${LEAVES}u;
${indented(written, 4)}
  }`;
  return kernel(1, WORKGROUP, { writesNumbers: false, arrays, partials: "none" }, body);
}
