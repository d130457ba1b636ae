/** Where kernels find the leaves: which ranges of buffers are bound, and what of them is worked on together. */
import type { Width } from "./workgroup.ts";
import { ALIGNMENT, bytesOfPart, type GpuTensor } from "../../trees/gpu_tensor.ts";
import { sizeOf } from "../../trees/leaf.ts";

/** An array of a leaf, or one of the two that it is stored as. */
export interface LeafArray extends Pick<GpuTensor, "buffer" | "offset" | "shape"> {
  /** How many numbers a word of it holds, where it is bound as words; else it is bound as float32 vectors. */
  readonly each?: number;
}

/** A leaf's arrays in the order a kernel takes them. */
export interface LeafArrays {
  readonly leaf: number;
  readonly size: number;
  readonly tensors: readonly LeafArray[];
  /** Of which of them every part of the leaf takes all; none if left out. */
  readonly isWhole?: readonly boolean[];
}

/** A range of a buffer, in bytes. */
export interface Range {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly size: number;
}

/** A part of a leaf that one dispatch works on. */
export interface Piece {
  readonly leaf: number;
  /** The elements of the leaf before it. */
  readonly before: number;
  readonly elements: number;
  /** The vector or word at which each array begins, in what is bound. */
  readonly starts: readonly number[];
}

/** What one dispatch works on. */
export interface Dispatch {
  readonly ranges: readonly Range[];
  readonly pieces: readonly Piece[];
}

/** The part of a leaf before its arrays' ranges are known. */
interface Part {
  readonly leaf: number;
  readonly before: number;
  readonly elements: number;
  /** The bytes of each array, and how many of them its vectors or words have. */
  readonly spans: readonly {
    readonly buffer: GPUBuffer;
    readonly from: number;
    readonly to: number;
    readonly unit: number;
  }[];
}

/**
 * The dispatches for some leaves: as few as possible, where each range holds at most `most` bytes and no
 * two ranges of a dispatch overlap. A leaf whose array is larger is cut at multiples of `step` elements.
 */
export function dispatchesOf(
  leaves: readonly LeafArrays[],
  width: Width,
  most: number,
  step: number,
): Dispatch[] {
  const together: { parts: Part[]; ranges: readonly Range[] }[] = [];
  for (const part of leaves.flatMap((leaf) => partsOf(leaf, width, most, step))) {
    const last = together.at(-1);
    const joined = last && rangesOf([...last.ranges.map(spanOf), ...part.spans], part.spans.length);
    if (last && joined && isBindable(joined, most)) {
      last.parts.push(part);
      last.ranges = joined;
    } else {
      together.push({ parts: [part], ranges: rangesOf(part.spans, part.spans.length)! });
    }
  }
  return together.map(({ parts, ranges }) => ({
    ranges,
    pieces: parts.map(({ leaf, before, elements, spans }) => ({
      leaf,
      before,
      elements,
      starts: spans.map(({ from, unit }, i) => (from - ranges[i].offset) / unit),
    })),
  }));
}

function partsOf(
  { leaf, size, tensors, isWhole = [] }: LeafArrays,
  width: Width,
  most: number,
  step: number,
): Part[] {
  // What is bound begins up to an alignment before the array does.
  const each = Math.max(step, Math.floor((most - ALIGNMENT) / 4 / step) * step);
  const parts: Part[] = [];
  for (let first = 0; first < size; first += each) {
    const elements = Math.min(each, size - first);
    const spans = tensors.map(({ buffer, offset = 0, shape, each }, i) => {
      const unit = each === undefined ? 4 * width : 4;
      // Nothing cannot be bound.
      const whole = bytesOfPart(each ?? 1, Math.max(1, sizeOf(shape)));
      if (isWhole[i]) return { buffer, from: offset, to: offset + whole, unit };
      // Words are written by fours of numbers.
      const of = each === undefined ? width : 4;
      const from = offset + bytesOfPart(each ?? 1, first);
      const bytes = bytesOfPart(each ?? 1, Math.ceil(elements / of) * of);
      return { buffer, from, to: from + bytes, unit };
    });
    parts.push({ leaf, before: first, elements, spans });
  }
  return parts;
}

function spanOf({ buffer, offset, size }: Range): Part["spans"][number] {
  return { buffer, from: offset, to: offset + size, unit: 1 };
}

/** The hulls of every `count`th span, or undefined where one would reach over two buffers. */
function rangesOf(spans: Part["spans"], count: number): Range[] | undefined {
  const ranges: Range[] = [];
  for (let i = 0; i < count; i++) {
    const own = spans.filter((_, k) => k % count === i);
    const { buffer } = own[0];
    if (own.some((span) => span.buffer !== buffer)) return undefined;
    const from = Math.min(...own.map((span) => span.from));
    const offset = Math.floor(from / ALIGNMENT) * ALIGNMENT;
    ranges.push({ buffer, offset, size: Math.max(...own.map((span) => span.to)) - offset });
  }
  return ranges;
}

function isBindable(ranges: readonly Range[], most: number): boolean {
  return ranges.every(({ buffer, offset, size }, i) =>
    size <= most &&
    ranges.slice(i + 1).every((other) =>
      other.buffer !== buffer || other.offset >= offset + size ||
      offset >= other.offset + other.size
    )
  );
}
