/** Masks that a graph takes and whoever runs it draws: anew for each step, and the same for the same step. */
import { GradusError, quoted, shown } from "../../dsl/errors.ts";
import { bitsAt, wordOf } from "../../dsl/random/draw.ts";
import { sizeOf } from "../../runtime/trees/leaf.ts";
import { parseRecord } from "../onnx/read.ts";
import type { BatchInput } from "./batch.ts";
import type { Value } from "./engine.ts";

/** A mask. */
export interface DrawnMask {
  readonly input: BatchInput;
  /** How often an element is 0; the others are 1/(1 - probability). */
  readonly probability: number;
  readonly seed: number;
  /** Which of the masks it is, so that each has numbers of its own. */
  readonly number: number;
}

/** Reads the masks that metadata tell of. */
export function parseMasks(
  text: string,
  inputOf: (name: string) => BatchInput | undefined,
): DrawnMask[] {
  return parseRecord(text).map(([name, value], number) => {
    const input = inputOf(name);
    const { probability, seed } = (value ?? {}) as Record<string, unknown>;
    const isProbability = typeof probability === "number" && probability >= 0 && probability < 1;
    if (isProbability && Number.isSafeInteger(seed) && input?.type === "float32") {
      return { input, probability, seed: seed as number, number };
    }
    throw new GradusError(
      `${
        quoted(name)
      } must be a float32 input, with a \`probability\` of [0, 1) and a whole \`seed\`: ` +
        `given ${shown(value)}`,
    );
  });
}

/** The masks of the step at `count`, whose extents with names have these `sizes`. */
export function drawMasks(
  masks: readonly DrawnMask[],
  sizes: ReadonlyMap<string, number>,
  count: number,
  doing: string,
): [name: string, mask: Value][] {
  return masks.map(({ input: { name, shape = [] }, probability, seed, number }) => {
    const whole = shape.map((size) => {
      const known = typeof size === "string" ? sizes.get(size) : size;
      if (known !== undefined) return known;
      throw new GradusError(
        `${doing}: the extents of the mask ${
          quoted(name)
        } must be numbers, or names that inputs of the ` +
          `batch have: given ${shown(shape)}`,
      );
    });
    const kept = Math.fround(1 / (1 - probability));
    const limit = probability * 2 ** 32;
    const key = [wordOf(seed), wordOf(count)] as const;
    const data = Float32Array.from(
      { length: sizeOf(whole) },
      (_, element) => bitsAt(key, element, number, 0)[0] < limit ? 0 : kept,
    );
    return [name, { type: "float32", data, shape: whole }];
  });
}
