/** What states are stored as: what is asked for, and what a state's arrays are. */
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import type { Program } from "../../dsl/program.ts";
import { neverNegative } from "../../dsl/ranges.ts";
import { LEAST_BLOCKED } from "./block8.ts";
import { type Leaf, type LeafInfo, type ReadLeaf, sizeOf } from "./leaf.ts";
import type { State } from "./state.ts";
import type { StorageChoice } from "./typed.ts";
import { type Arithmetic, arithmeticOf, STORAGE_TYPES, type StorageType } from "./dtype.ts";
import { dtypeOf, isSameStored, type RoundedStorage, type Stored, storedOf } from "./stored.ts";
import type { Layout } from "./layout.ts";

/**
 * How states are stored, by name; a type alone means rounding to nearest. A state that is not named is
 * stored in the type that its parameter computes in.
 */
export type StateStorage = ReadonlyMap<string, StorageType | RoundedStorage>;

/**
 * How a state begins.
 *
 * What is stored short is rounded at every step, and a short average s = b·s + (1 - b)·x changes little in
 * one. Rounded to nearest, to p bits, it comes to rest where (1 - b)·|x - s| is less than half a unit: up to
 * 2^-p·|s|/(1 - b) away from x. So there are four ways to store moments in fewer bytes than float32 takes:
 *
 * - Two bytes, `{ dtype: "bfloat16", rounding: "stochastic" }`: right on average for any b, with noise of
 *   about 2^-8 of the value. The first choice, for second moments too.
 * - Three bytes, `"bfloat16+8"`: p is 16, so that Adam's v with b2 = 0.999 comes within 1.6 % of where it
 *   goes; and without noise. With stochastic rounding it does as float32 does.
 * - Two bytes to nearest, `"bfloat16"` (p = 8) or `"float16"` (p = 11): for averages that are fast, such as
 *   momentum with b = 0.9.
 * - One byte, `"block8"`: 256 numbers share a scale, which is kept as a float32. A number changes beside the others of
 *   its block where a step changes it by more than half the space between two fractions, which is 0.7 % of the
 *   scale near it, or 1.4 % where there are as many below 0. A slow average whose gradients come to rest does
 *   not follow them until its scale does; the noise of training carries it on. Arrays of fewer than 4,096 numbers
 *   stay float32.
 *
 * What cannot work is refused: float16 for squares of gradients, which are below its least number; a state
 * that begins at what would be stored as 0; and nearest rounding for running sums, in blocks too, and for
 * averages with a constant 1 - b below 2^-(p + 1), which would never decay.
 *
 * Zamirai et al. 2020, Revisiting BFloat16 Training, arXiv 2010.06192; Micikevicius et al. 2017, Mixed
 * Precision Training, arXiv 1710.03740; Dettmers et al. 2021, 8-bit Optimizers via Block-wise Quantization,
 * arXiv 2110.02861.
 *
 * @example
 * ```ts
 * import { adam } from "@gradus/gradus";
 * import { assert, assertThrows } from "@std/assert";
 *
 * const short = { dtype: "bfloat16", rounding: "stochastic" } as const;
 * const opt = adam({ learningRate: 1e-3 });
 * const params = new Float32Array(100);
 * const state = opt.init(params, { storage: { m: short, v: short } });
 * const gradients = new Float32Array(100).fill(1e-3);
 * for (let step = 0; step < 3000; step++) opt.step(params, gradients, state);
 * const mean = params.reduce((sum, x) => sum + x, 0) / 100;
 * assert(Math.abs(mean + 3) < 0.03); // in float32 each is -3
 *
 * assertThrows(() => opt.init(params, { storage: { v: "bfloat16" } })); // v would never decay
 * ```
 */
export interface InitOptions<C extends StorageChoice = StorageChoice> {
  /**
   * How states are stored, by name: a type, rounded to nearest, or a type and a rounding. Arithmetic
   * stays in the parameters' type. The leaves of the state carry this, with `rounding` and `seed`, and
   * each step reads it there. Default: what the optimizer was made with, else the type that the parameter
   * computes in.
   */
  readonly storage?: C;
}

/** `made`, the types an optimizer was made with, and those asked for in `options`. */
export function storageWith(
  program: Program,
  made: StateStorage,
  options: InitOptions,
  doing: string,
): StateStorage {
  if (typeof options !== "object" || options === null) {
    throw new GradusError(`${doing}: its options must be an object: given ${shown(options)}`);
  }
  for (const key of Object.keys(options)) {
    if (key !== "storage") {
      throw new GradusError(
        `${doing}: there is no option ${quoted(key)}${suggestion(key, ["storage"])}`,
      );
    }
  }
  const { storage = {} } = options;
  if (typeof storage !== "object" || storage === null || Array.isArray(storage)) {
    throw new GradusError(
      `${doing}: \`storage\` must be an object of types by state: given ${shown(storage)}`,
    );
  }
  const all = new Map(made);
  for (const [name, stored] of Object.entries(storage)) {
    if (!program.state.has(name)) {
      const near = suggestion(name, program.state.keys());
      throw new GradusError(`${doing}: there is no state ${quoted(name)} to store${near}`);
    }
    all.set(name, requireStorage(program, name, stored, `the storage of \`${name}\``, doing));
  }
  return all;
}

/** `given` if a state can be stored so; `what` says where it was asked for. */
export function requireStorage(
  program: Program,
  state: string,
  given: unknown,
  what: string,
  doing: string,
): StorageType | RoundedStorage {
  if (program.state.get(state)!.over === "tree") {
    throw new GradusError(
      `${doing}: ${what} cannot be chosen, since state \`${state}\` is one number for the tree`,
    );
  }
  const isObject = typeof given === "object" && given !== null;
  const { dtype, rounding, seed, unsigned, ...others } = (isObject ? given : { dtype: given }) as {
    readonly [key in keyof RoundedStorage]: unknown;
  };
  if (!STORAGE_TYPES.includes(dtype as StorageType)) {
    throw new GradusError(
      `${doing}: ${what} must be one of ${STORAGE_TYPES.join(", ")}: given ${shown(dtype)}`,
    );
  }
  for (const key of Object.keys(others)) {
    const near = suggestion(key, ["dtype", "rounding", "seed", "unsigned"]);
    throw new GradusError(`${doing}: ${what} has no ${quoted(key)} to choose${near}`);
  }
  // Told here and carried from here on: codes must not change their meaning by what else becomes known.
  const isUnsigned = dtype === "block8" ? unsigned ?? neverNegative(program).has(state) : unsigned;
  const options = { rounding, seed, unsigned: isUnsigned };
  return storedOf(dtype as StorageType, options, `state \`${state}\``, doing);
}

/** What a state of this shape is stored as beside a parameter. */
export function storedAs(
  storage: StateStorage,
  state: string,
  { dtype }: Pick<LeafInfo, "dtype">,
  shape: readonly number[],
): Stored {
  return sized(storage.get(state), arithmeticOf(dtype), shape);
}

/** A way of storing, if there are enough numbers for it. */
function sized(
  way: Stored | undefined,
  arithmetic: Arithmetic,
  shape: readonly number[],
): Stored {
  if (way === undefined) return arithmetic;
  return dtypeOf(way) === "block8" && sizeOf(shape) < LEAST_BLOCKED ? arithmetic : way;
}

/** The leaves of states, by name. */
export type StateLeaves<A> = ReadonlyMap<string, readonly Leaf<A>[]>;

/** The leaves of the states of these names. */
export function leavesOfStates<A>(
  state: State,
  names: readonly string[],
  layout: Layout,
  read: ReadLeaf<A>,
  doing: string,
): StateLeaves<A> {
  const found = new Map<string, readonly Leaf<A>[]>();
  for (const name of names) {
    found.set(name, layout.leavesOf(state[name], `state \`${name}\``, doing, read));
  }
  return found;
}

/**
 * What the arrays of a state are: they decide, not what the optimizer was `made` with. Where they are
 * not of one type, what most are, so that the others are refused.
 */
export function storageIn(
  states: StateLeaves<unknown>,
  layout: Layout,
  made: StateStorage,
): StateStorage {
  const storage = new Map<string, StorageType | RoundedStorage>();
  states.forEach((leaves, name) => {
    const isAs = (way: Stored | undefined, i: number) => {
      const { stored, shape } = leaves[i];
      return isSameStored(stored, sized(way, arithmeticOf(layout.leaves[i].dtype), shape));
    };
    const own = made.get(name);
    let isMade = true;
    for (let i = 0; isMade && i < leaves.length; i++) isMade = isAs(own, i);
    if (isMade) {
      if (own !== undefined) storage.set(name, own);
      return;
    }
    const countOf = (way: Stored | undefined) => leaves.filter((_, i) => isAs(way, i)).length;
    const rounded = leaves.flatMap(({ stored }) => typeof stored === "string" ? [] : [stored])
      .filter((stored, i, all) => all.findIndex((other) => isSameStored(other, stored)) === i);
    const [best] = [own, undefined, ...rounded, ...STORAGE_TYPES]
      .map((way) => ({ way, count: countOf(way) }))
      .sort((a, b) => b.count - a.count);
    if (best.way !== undefined) storage.set(name, best.way);
  });
  return storage;
}
