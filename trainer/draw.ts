/** Which examples are held out, and which make a batch: functions of a seed and a step alone. */
import { wordOf } from "../dsl/random/draw.ts";
import { integers, threefry } from "../dsl/random/threefry.ts";
import { GradusError, shown } from "../dsl/errors.ts";

/** Examples by their numbers. */
export interface Split {
  readonly train: Uint32Array;
  readonly heldOut: Uint32Array;
}

/** What is drawn: no two kinds share numbers. */
const DRAWS = { split: 0, epoch: 1 } as const;

/** The numbers from 0 to `count` - 1 in an order that a seed and a number choose. */
function shuffled(count: number, seed: number, kind: number, number: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  const key = [wordOf(seed) | 0, kind] as const;
  for (let i = count - 1; i > 0; i--) {
    const [bits] = threefry(integers, key, [i, number | 0]);
    const other = Math.floor((bits >>> 0) * 2 ** -32 * (i + 1));
    [order[i], order[other]] = [order[other], order[i]];
  }
  return order;
}

/**
 * Holds out a share of `count` examples, chosen by a seed: at least one and not all of them, in the order of the file.
 * A share of 0 holds out none. The number held out is a multiple of `multiple`, for models that take batches of one size.
 *
 * @throws {GradusError} if the share is not from 0 to below 1, or there are too few examples for both parts.
 */
export function split(count: number, share: number, seed: number, multiple: number = 1): Split {
  const doing = "Cannot hold out examples";
  if (!(share >= 0 && share < 1)) {
    throw new GradusError(`${doing}: the share must be from 0 to below 1: given ${shown(share)}`);
  }
  const held = share === 0 ? 0 : multiple * Math.max(1, Math.round(share * count / multiple));
  if (held >= count) {
    throw new GradusError(
      `${doing}: ${held} must be held out and others left to train on: given ${count} examples`,
    );
  }
  const order = shuffled(count, seed, DRAWS.split, 0);
  return { heldOut: order.slice(0, held).sort(), train: order.slice(held).sort() };
}

/**
 * Draws batches: the examples are shuffled anew for each epoch, and batches run on from one epoch to the next, so that
 * all examples are used equally often. What step `step` takes, from 0, follows from the seed alone.
 */
export class Batches {
  readonly #rows: Uint32Array;
  readonly #size: number;
  readonly #seed: number;
  #order: Uint32Array = new Uint32Array();
  #epoch = -1;

  constructor(rows: Uint32Array, size: number, seed: number) {
    [this.#rows, this.#size, this.#seed] = [rows, size, seed];
  }

  /** The numbers of the examples of a step. */
  at(step: number): Uint32Array {
    return Uint32Array.from(
      { length: this.#size },
      (_, i) => this.#rowAt(step * this.#size + i),
    );
  }

  #rowAt(place: number): number {
    const count = this.#rows.length;
    const epoch = Math.floor(place / count);
    if (epoch !== this.#epoch) {
      [this.#order, this.#epoch] = [shuffled(count, this.#seed, DRAWS.epoch, epoch), epoch];
    }
    return this.#rows[this.#order[place - epoch * count]];
  }
}
