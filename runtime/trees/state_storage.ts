/** What states are stored as: what is asked for, and what a state's arrays are. */
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import type { Program } from "../../dsl/program.ts";
import { type LeafInfo, type ReadLeaf, storedOf } from "./leaf.ts";
import type { State } from "./state.ts";
import {
  arithmeticOf,
  isSameStored,
  type RoundedStorage,
  STORAGE_TYPES,
  type StorageType,
  type Stored,
} from "./dtype.ts";
import type { Layout } from "./layout.ts";

/**
 * How states are stored, by name; one without is stored in the type its parameter computes in. What is
 * rounded to nearest is a type alone.
 */
export type StateStorage = ReadonlyMap<string, StorageType | RoundedStorage>;

/** How a state begins. */
export interface InitOptions {
  /**
   * What states are stored as, by name: `{ m: "bfloat16", v: "float16" }`. Arithmetic stays in the
   * parameters' type. Default: what the optimizer was made with, else the type that the parameter
   * computes in.
   */
  readonly storage?: Readonly<Record<string, StorageType | RoundedStorage>>;
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
  const { dtype, rounding, seed, ...others } = (isObject ? given : { dtype: given }) as {
    readonly [key in keyof RoundedStorage]: unknown;
  };
  if (!STORAGE_TYPES.includes(dtype as StorageType)) {
    throw new GradusError(
      `${doing}: ${what} must be one of ${STORAGE_TYPES.join(", ")}: given ${shown(dtype)}`,
    );
  }
  for (const key of Object.keys(others)) {
    const near = suggestion(key, ["dtype", "rounding", "seed"]);
    throw new GradusError(`${doing}: ${what} has no ${quoted(key)} to choose${near}`);
  }
  return storedOf(dtype as StorageType, rounding, seed, `state \`${state}\``, doing);
}

/** What a state is stored as beside a parameter. */
export function storedAs(storage: StateStorage, state: string, { dtype }: LeafInfo): Stored {
  return storage.get(state) ?? arithmeticOf(dtype);
}

/**
 * What the arrays of a state are: they decide, not what the optimizer was `made` with. Where they are
 * not of one type, what most are, so that the others are refused.
 */
export function storageIn(
  state: State,
  names: readonly string[],
  layout: Layout,
  made: StateStorage,
  read: ReadLeaf<unknown>,
  doing: string,
): StateStorage {
  const storage = new Map<string, StorageType | RoundedStorage>();
  for (const name of names) {
    const leaves = layout.leavesOf(state[name], `state \`${name}\``, doing, read);
    const countOf = (way: Stored | undefined) =>
      leaves.filter(({ stored }, i) =>
        isSameStored(stored, way ?? arithmeticOf(layout.leaves[i].dtype))
      ).length;
    const rounded = leaves.flatMap(({ stored }) => typeof stored === "string" ? [] : [stored])
      .filter((stored, i, all) => all.findIndex((other) => isSameStored(other, stored)) === i);
    const [best] = [made.get(name), undefined, ...STORAGE_TYPES, ...rounded]
      .map((way) => ({ way, count: countOf(way) }))
      .sort((a, b) => b.count - a.count);
    if (best.way !== undefined) storage.set(name, best.way);
  }
  return storage;
}
