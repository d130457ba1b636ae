/** Tells programs apart by the updates they give on fixed inputs. */
import type { Analysis } from "../analysis/analyse.ts";
import { Random } from "../programs/random.ts";
import { Recorder } from "./recorder.ts";
import type { Space } from "../programs/space.ts";

/** Tensors with gradients of one size each, and learning rates of all sizes. */
const PROBE = { size: 64, seed: 20_230_213 } as const;
const LR = [0.2, 0.6, 1, 0.95, 0.8, 0.5, 0.3, 0.1, 0.03, 1e-3, 3e-5, 1];
const SIZES = [1, 0.3, 3, 0.01, 0.1, 10, 100, 1e-4];
const EACH = PROBE.size / SIZES.length;

/**
 * Tells programs apart by what they do.
 *
 * @example
 * ```ts
 * import { analyse, parseGenome, Prober, space } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * const prober = new Prober(space());
 * const print = (text: string) => prober.fingerprint(analyse(space(), parseGenome(space(), text)));
 * assertEquals(print("update = add(g, g)"), print("update = mul(g, 2)"));
 * ```
 */
export class Prober {
  readonly #recorder: Recorder;

  /** A prober of programs of a space. */
  constructor(space: Space) {
    const { size, seed } = PROBE;
    const steps = LR.length;
    const draws = Array.from({ length: steps }, (_, step) => {
      const random = new Random(seed, 4, step);
      return Array.from({ length: size }, (_, i) =>
        [
          random.normal() * (i % 8 === 0 ? 10 : 1),
          random.student(2) * SIZES[Math.floor(i / EACH)],
        ] as const);
    });
    this.#recorder = new Recorder(space, {
      steps,
      size,
      tensors: SIZES.map((_, i) => ({ at: i * EACH, length: EACH })),
      lr: Float64Array.from(LR),
      at: (step, i) => draws[step][i],
    });
  }

  /** The updates, step after step. */
  updates(analysis: Analysis): Float32Array {
    return this.#recorder.updates(analysis);
  }

  /** A hash of the updates: 64 bits in hexadecimal. */
  fingerprint(analysis: Analysis): string {
    const updates = this.updates(analysis);
    const words = new Int32Array(updates.buffer, updates.byteOffset, updates.length);
    let [a, b] = [0x243f6a88, 0x13198a2e];
    for (let i = 0; i < words.length; i++) {
      // A NaN has many bit patterns.
      const word = updates[i] === updates[i] ? words[i] : 0x7fc00000;
      a = Math.imul(a ^ word, 0x9e3779b1);
      a ^= a >>> 15;
      b = Math.imul(b ^ word, 0x85ebca6b);
      b ^= b >>> 13;
    }
    return (a >>> 0).toString(16).padStart(8, "0") + (b >>> 0).toString(16).padStart(8, "0");
  }
}
