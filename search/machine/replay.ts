/** What programs update on inputs that lie ready, and fingerprints that tell programs apart by it. */
import { type Analysis, hex } from "../analysis/structure.ts";
import { DRAWS, Random } from "../programs/random.ts";
import type { Space } from "../programs/space.ts";
import { compile } from "./compile.ts";
import { Machine } from "./machine.ts";
import { Pack } from "./pack.ts";

/** Tensors with gradients of one size each, and learning rates of all sizes. */
const SIZES = [1, 0.3, 3, 0.01, 0.1, 10, 100, 1e-4];
const LENGTH = 8;
const LR = [0.2, 0.6, 1, 0.95, 0.8, 0.5, 0.3, 0.1, 0.03, 1e-3, 3e-5, 1];
const SEED = 20_230_213;

/** The updates of a program on a replay, a vector a step; overwritten by the next program's. */
export function updatesOf(space: Space, analysis: Analysis, pack: Pack): Float32Array {
  const { machine, bytes, steps } = pack;
  const { top } = machine;
  try {
    pack.advance(pack.load(compile(space, analysis, pack)), 0, steps);
    return machine.floats.subarray(pack.out!.address / 4, (pack.out!.address + bytes * steps) / 4);
  } finally {
    machine.top = top;
  }
}

/** Made-up parameters and gradients on which hardly any two programs do the same. */
export function probePack(): Pack {
  const lengths = SIZES.map(() => LENGTH);
  const pack = new Pack(new Machine(), { lr: Float64Array.from(LR), lengths, isReplay: true });
  LR.forEach((_, step) => {
    const random = new Random(SEED, DRAWS.probe, step);
    const gradients = pack.tensorsAt(pack.g, step);
    pack.tensorsAt(pack.w, step).forEach((w, k) => {
      for (let i = 0; i < LENGTH; i++) {
        w[i] = random.normal() * (i === 0 ? 10 : 1);
        gradients[k][i] = random.student(2) * SIZES[k];
      }
    });
  });
  return pack;
}

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
  readonly #space: Space;
  readonly #pack = probePack();

  /** A prober of programs of a space. */
  constructor(space: Space) {
    this.#space = space;
  }

  /** The updates, step after step. */
  updates(analysis: Analysis): Float32Array {
    return updatesOf(this.#space, analysis, this.#pack);
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
    return hex(a, b);
  }
}
