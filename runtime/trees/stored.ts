/** How states are stored: in which type, and how they are rounded to it. */
import { GradusError, shown } from "../../dsl/errors.ts";
import { type DType, isShort, type StorageType } from "./dtype.ts";

/**
 * How a number x is stored that lies between low and high, two neighbours in a type of fewer bits.
 *
 * - `"nearest"`: as the nearer, of two equally near ones as the even. What changes it by less than half of
 *   high - low is lost, however often it comes.
 * - `"stochastic"`: as high with probability (x - low)/(high - low), else as low. The mean of what is stored
 *   is x, so that small changes add up. Gupta et al. 2015, Deep Learning with Limited Numerical Precision,
 *   arXiv 1502.02551.
 */
export type Rounding = "nearest" | "stochastic";

/** How a state is stored: its type, and how numbers are rounded to it. */
export interface RoundedStorage {
  /** What its numbers are stored as. */
  readonly dtype: StorageType;
  /** How they are rounded to it. Default `"nearest"`. */
  readonly rounding?: Rounding;
  /**
   * With `rounding: "stochastic"`, the seed of the random bits; another seed gives another run. The bits
   * depend only on the seed, the number of the step, the place of the state in its program, of the leaf
   * in the tree and of the element in the leaf. They are the same on every backend and for any number of
   * threads, and each state of a program has its own. Default 0.
   */
  readonly seed?: number;
  /**
   * With `"block8"`, whether no number is below 0, so that no code is kept for one. What is below 0 all the same
   * counts as 0. Default: whether the program leaves the state so for all that it may be given, such as a mean
   * of squares whose decay has the domain `"[0, 1)"`.
   */
  readonly unsigned?: boolean;
}

/** How an array is stored: a type alone is rounded to nearest. */
export type Stored = DType | RoundedStorage;

/** The type of what is stored. */
export function dtypeOf(stored: Stored): DType {
  return typeof stored === "string" ? stored : stored.dtype;
}

/** The seed of what is rounded stochastically; undefined where it is rounded to nearest. */
export function seedOf(stored: Stored): number | undefined {
  return typeof stored === "string" ? undefined : stored.seed;
}

/** Whether no number of what is stored is below 0, of a `"block8"`. */
export function isUnsigned(stored: Stored): boolean {
  return typeof stored === "object" && stored.unsigned === true;
}

/** Whether two ways of storing are one. */
export function isSameStored(a: Stored | undefined, b: Stored | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  return dtypeOf(a) === dtypeOf(b) && seedOf(a) === seedOf(b) && isUnsigned(a) === isUnsigned(b);
}

/** How something is stored, as messages show it. */
export function spellStored(stored: Stored): string {
  const seed = seedOf(stored);
  const dtype = isUnsigned(stored) ? `unsigned ${dtypeOf(stored)}` : dtypeOf(stored);
  return seed === undefined ? dtype : `${dtype} rounded stochastically by seed ${seed}`;
}

/** `dtype` with what else was given for `what`; refuses what is none. */
export function storedOf<D extends DType>(
  dtype: D,
  { rounding, seed, unsigned }: { readonly [key in keyof RoundedStorage]?: unknown },
  what: string,
  doing: string,
): D | RoundedStorage {
  if (unsigned !== undefined && (typeof unsigned !== "boolean" || dtype !== "block8")) {
    throw new GradusError(
      `${doing}: \`unsigned\` must be true or false, and of a block8: given ${
        shown(unsigned)
      } for ` +
        `${what}, ${dtype}`,
    );
  }
  if (rounding !== undefined && rounding !== "nearest" && rounding !== "stochastic") {
    throw new GradusError(
      `${doing}: the rounding of ${what} must be "nearest" or "stochastic": given ${
        shown(rounding)
      }`,
    );
  }
  if (rounding !== "stochastic") {
    if (seed === undefined) {
      return dtype === "block8"
        ? Object.freeze({ dtype: "block8" as const, unsigned: unsigned === true })
        : dtype;
    }
    throw new GradusError(
      `${doing}: the rounding of ${what} must be "stochastic" where there is a seed: given ${
        shown(rounding)
      } and seed ${shown(seed)}`,
    );
  }
  if (!isShort(dtype)) {
    throw new GradusError(
      `${doing}: what is rounded stochastically must be stored short, as ${SHORT}: ` +
        `given ${dtype} for ${what}`,
    );
  }
  const given = seed ?? 0;
  if (typeof given !== "number" || !Number.isFinite(given)) {
    throw new GradusError(
      `${doing}: the seed of ${what} must be a finite number: given ${shown(seed)}`,
    );
  }
  return Object.freeze({ dtype, rounding, seed: given });
}

const SHORT = "bfloat16, float16 or bfloat16+8";
