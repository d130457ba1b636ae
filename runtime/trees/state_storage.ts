/** What states are stored as: what is asked for, and what a state's arrays are. */
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import type { Program } from "../../dsl/program.ts";
import type { LeafInfo, ReadLeaf } from "./leaf.ts";
import type { State } from "./state.ts";
import { arithmeticOf, type DType, STORAGE_TYPES, type StorageType } from "./dtype.ts";
import type { Layout } from "./layout.ts";

/** The types of states by name; one without is stored in the type its parameter computes in. */
export type StateStorage = ReadonlyMap<string, StorageType>;

/** How a state begins. */
export interface InitOptions {
  /**
   * What states are stored as, by name: `{ m: "bfloat16", v: "float16" }`. Arithmetic stays in the
   * parameters' type. Default: what the optimizer was made with, else the type that the parameter
   * computes in.
   */
  readonly storage?: Readonly<Record<string, StorageType>>;
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
  for (const [name, dtype] of Object.entries(storage)) {
    if (!program.state.has(name)) {
      const near = suggestion(name, program.state.keys());
      throw new GradusError(`${doing}: there is no state ${quoted(name)} to store${near}`);
    }
    all.set(name, requireStorage(program, name, dtype, `the storage of \`${name}\``, doing));
  }
  return all;
}

/** `dtype` if a state can be stored so; `what` says where it was asked for. */
export function requireStorage(
  program: Program,
  state: string,
  dtype: unknown,
  what: string,
  doing: string,
): StorageType {
  if (program.state.get(state)!.over === "tree") {
    throw new GradusError(
      `${doing}: ${what} cannot be chosen, since state \`${state}\` is one number for the tree`,
    );
  }
  if (!STORAGE_TYPES.includes(dtype as StorageType)) {
    throw new GradusError(
      `${doing}: ${what} must be one of ${STORAGE_TYPES.join(", ")}: given ${shown(dtype)}`,
    );
  }
  return dtype as StorageType;
}

/** What a state is stored as beside a parameter. */
export function storedAs(storage: StateStorage, state: string, { dtype }: LeafInfo): DType {
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
  const storage = new Map<string, StorageType>();
  for (const name of names) {
    const leaves = layout.leavesOf(state[name], `state \`${name}\``, doing, read);
    const isAs = (type: StorageType | undefined, i: number) =>
      leaves[i].dtype === (type ?? arithmeticOf(layout.leaves[i].dtype));
    const own = made.get(name);
    if (leaves.every((_, i) => isAs(own, i))) {
      if (own !== undefined) storage.set(name, own);
      continue;
    }
    const countOf = (type: StorageType | undefined) =>
      leaves.filter((_, i) => isAs(type, i)).length;
    const [best] = [own, undefined, ...STORAGE_TYPES]
      .map((type) => ({ type, count: countOf(type) }))
      .sort((a, b) => b.count - a.count);
    if (best.type !== undefined) storage.set(name, best.type);
  }
  return storage;
}
