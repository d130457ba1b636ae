/** Random numbers: a function of a seed, a stream and how many were drawn, the same on every machine. */
import { numbers } from "../../dsl/random/doubles.ts";
import { wordOf } from "../../dsl/random/draw.ts";
import { normalQuantile } from "../../dsl/random/normal.ts";
import { integers, threefry } from "../../dsl/random/threefry.ts";

/** The kinds of what a search draws: no two share a stream. */
export const DRAWS = {
  axes: 1,
  start: 2,
  noise: 3,
  probe: 4,
  recording: 5,
  weights: 6,
  batch: 7,
  birth: 8,
  data: 9,
  units: 10,
  expressions: 11,
  cases: 12,
  survival: 13,
  sweep: 40,
  scramble: 41,
} as const;

/**
 * One stream of random numbers.
 *
 * @example
 * ```ts
 * import { Random } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(new Random(1, 2, 3).normal(), new Random(1, 2, 3).normal());
 * ```
 */
export class Random {
  readonly #key: readonly [number, number];
  readonly #stream: number;
  #drawn = 0;
  #spare: number | undefined;

  /** The stream of two numbers under a seed: `kind` keeps apart what is drawn for different ends. */
  constructor(seed: number, kind: number, stream: number) {
    [this.#key, this.#stream] = [[wordOf(seed) | 0, kind | 0], stream | 0];
  }

  /** 32 random bits. */
  bits(): number {
    if (this.#spare !== undefined) {
      const spare = this.#spare;
      this.#spare = undefined;
      return spare;
    }
    const [first, second] = threefry(integers, this.#key, [this.#drawn++, this.#stream]);
    this.#spare = second >>> 0;
    return first >>> 0;
  }

  /** A whole number from 0 up to `count`. */
  below(count: number): number {
    return Math.floor(this.uniform() * count);
  }

  /** A number from 0 up to 1. */
  uniform(): number {
    return this.bits() * 2 ** -32;
  }

  /** One of some choices. */
  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)];
  }

  /** A normal number of mean 0 and variance 1. */
  normal(): number {
    const [high, low] = [this.bits(), this.bits()];
    return normalQuantile(numbers, (high * 2 ** 20 + (low >>> 12) + 0.5) * 2 ** -52 - 0.5);
  }

  /** A number of Student's t distribution; heavy-tailed for few degrees of freedom. */
  student(degrees: number): number {
    let squares = 0;
    for (let i = 0; i < degrees; i++) {
      const normal = this.normal();
      squares += normal * normal;
    }
    return this.normal() / Math.sqrt(squares / degrees);
  }
}
