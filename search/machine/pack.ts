/** A pack: problems that are trained side by side in one vector, and the programs trained on them. */
import type { Workbench } from "./compile.ts";
import type { Machine } from "./machine.ts";
import { GRAIN, SEGMENT } from "./interpreter.ts";

/** A stretch of a vector that is one tensor: where it begins and how long it is, in elements. */
export interface Segment {
  readonly at: number;
  readonly length: number;
}

/** The table of segments that reductions go through. */
export function placeSegments(
  machine: Machine,
  segments: readonly Segment[],
): Pick<Workbench, "tensors" | "segments" | "segmentsEnd"> {
  const address = machine.take(SEGMENT.bytes * segments.length);
  segments.forEach(({ at, length }, i) => {
    const entry = address + i * SEGMENT.bytes;
    const whole = Math.floor(length / 4) * 16;
    machine.words[(entry + SEGMENT.offset) / 4] = 4 * at;
    machine.words[(entry + SEGMENT.whole) / 4] = whole;
    machine.words[(entry + SEGMENT.padded) / 4] = Math.ceil(length / 4) * 16;
    machine.doubles[(entry + SEGMENT.count) / 8] = length;
    for (let lane = 0; lane < 4; lane++) {
      machine.words[(entry + SEGMENT.mask) / 4 + lane] = lane < length % 4 ? -1 : 0;
    }
  });
  return {
    tensors: segments,
    segments: address,
    segmentsEnd: address + SEGMENT.bytes * segments.length,
  };
}

/** Elements rounded up so that segments and vectors are aligned. */
export const aligned = (elements: number, grain: number = 4): number =>
  Math.ceil(elements / grain) * grain;

/** The bytes of a vector of so many elements. */
export const vectorBytes = (elements: number): number => aligned(4 * elements, GRAIN);
