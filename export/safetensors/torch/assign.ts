/** Finds which of torch's parameters each leaf of a tree is: by name, or by where it stands. */
import { GradusError, quoted, shown, suggestion } from "../../../dsl/errors.ts";
import type { Options } from "./fields.ts";
import type { TorchTree } from "./tree.ts";

/** What a dict says of one leaf. */
export interface Assigned {
  /** The key of its state. */
  readonly key: string;
  /** The options of its group; undefined where the dict has none. */
  readonly options: Options | undefined;
}

interface Listed {
  readonly key: string;
  readonly name: string | undefined;
  readonly options: Options | undefined;
}

/** Whether something is a plain object or one like it. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !ArrayBuffer.isView(value);
}

/**
 * What the dict says of each leaf. `grouped` are the ids of our groups: of several groups without names,
 * parameters are told by their places in groups of the same sizes, as torch does on loading.
 */
export function assign(
  state: Readonly<Record<string, unknown>>,
  groups: unknown,
  tree: TorchTree,
  grouped: readonly (readonly number[])[],
  doing: string,
): Assigned[] {
  const { order, names } = tree;
  const found: Assigned[] = new Array(order.length);
  const put = (leaf: number, { key, options }: Listed): void => {
    if (found[leaf] !== undefined) {
      throw new GradusError(
        `${doing}: each parameter must be given once: given ${quoted(found[leaf].key)} and ` +
          `${quoted(key)} for ${quoted(names[leaf])}`,
      );
    }
    found[leaf] = { key, options };
  };
  const lists = groups === undefined ? [inState(state, order.length)] : inGroups(groups, doing);
  const all = lists.flat();
  const seen = new Set<string>();
  for (const { key } of all) {
    if (seen.has(key)) {
      throw new GradusError(
        `${doing}: each parameter must be in one group, once: given ${quoted(key)} again`,
      );
    }
    seen.add(key);
  }
  if (all.length > 0 && all.every(({ name }) => name !== undefined)) {
    const unknown = all.filter(({ name }) => !names.includes(name!));
    const missing = names.filter((name) => !all.some((each) => each.name === name));
    const twice = names.find((name, leaf) => names.indexOf(name) !== leaf);
    if (twice !== undefined) {
      throw new GradusError(
        `${doing}: parameters must have names of their own: two are called ${quoted(twice)}`,
      );
    }
    if (unknown.length > 0 || missing.length > 0) {
      const spell = (list: readonly string[]) =>
        list.length === 0 ? "none" : list.slice(0, 8).map(quoted).join(", ");
      const strange = unknown.map(({ name }) => name!);
      const near = strange.length > 0 ? suggestion(strange[0], missing) : "";
      throw new GradusError(
        `${doing}: the dict must have the parameters of the tree: given unknown ones, ` +
          `${spell(strange)}, and missing, ${spell(missing)}${near}`,
      );
    }
    for (const each of all) put(names.indexOf(each.name!), each);
    return found;
  }
  if (groups === undefined) {
    for (const each of all) {
      const id = Number(each.key);
      put(order[id], each);
    }
    order.forEach((leaf, id) => found[leaf] ??= { key: String(id), options: undefined });
    return found;
  }
  if (all.length !== order.length) {
    throw new GradusError(
      `${doing}: the dict must have as many parameters as the tree, ${order.length}: given ${all.length}`,
    );
  }
  const ids = lists.length === 1 ? order.map((_, id) => id) : grouped.flat();
  const isSame = lists.length === 1 ||
    (lists.length === grouped.length &&
      lists.every((list, i) => list.length === grouped[i].length));
  if (!isSame) {
    throw new GradusError(
      `${doing}: the groups of the dict must be those of the optimizer, of ` +
        `${
          grouped.map(({ length }) => length).join(", ")
        } parameters, or name their parameters: given ` +
        `groups of ${lists.map(({ length }) => length).join(", ")}`,
    );
  }
  all.forEach((each, i) => put(order[ids[i]], each));
  return found;
}

/** The parameters of a dict without groups: ids if all can be, else names. */
function inState(state: Readonly<Record<string, unknown>>, size: number): Listed[] {
  const keys = Object.keys(state);
  const areIds = keys.every((key) => /^(0|[1-9]\d{0,8})$/.test(key) && Number(key) < size);
  return keys.map((key) => ({ key, name: areIds ? undefined : key, options: undefined }));
}

/** The parameters of each group. */
function inGroups(groups: unknown, doing: string): Listed[][] {
  if (!Array.isArray(groups)) {
    throw new GradusError(`${doing}: \`param_groups\` must be a list: given ${shown(groups)}`);
  }
  return groups.map((group, i) => {
    const { params, param_names: names } = isRecord(group) ? group : {};
    const isRef = (each: unknown) => typeof each === "number" || typeof each === "string";
    if (!Array.isArray(params) || !params.every(isRef)) {
      throw new GradusError(
        `${doing}: group ${i} must have \`params\`, a list of ids or names: given ${shown(params)}`,
      );
    }
    const areNames = Array.isArray(names) && names.length === params.length &&
      names.every((name) => typeof name === "string");
    if (names !== undefined && !areNames) {
      throw new GradusError(
        `${doing}: \`param_names\` of group ${i} must be as many names as it has parameters, ` +
          `${params.length}: given ${shown(names)}`,
      );
    }
    return params.map((param: number | string, k) => ({
      key: String(param),
      name: areNames ? names[k] as string : typeof param === "string" ? param : undefined,
      options: group,
    }));
  });
}
