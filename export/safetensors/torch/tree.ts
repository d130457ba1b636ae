/** Trees as torch sees them: parameters in a row, each with a name and numbers of its own. */
import { GradusError, shown, suggestion } from "../../../dsl/errors.ts";
import type { Configured } from "../../../runtime/step/rule.ts";
import type { HostArray } from "../../../runtime/trees/dtype.ts";
import {
  isScheduled,
  type LeafSetting,
  leafSettings,
} from "../../../runtime/trees/hyperparameters.ts";
import { Layout, requireLeaves } from "../../../runtime/trees/layout.ts";
import { asHostLeaf } from "../../../runtime/trees/host_leaf.ts";
import { isInGpuBuffer, type Leaf, spellPath } from "../../../runtime/trees/leaf.ts";
import type { State } from "../../../runtime/trees/state.ts";
import type { Numbers } from "./fields.ts";
import type { TorchRule } from "./rules.ts";
import { requireWholeLeaves } from "../../../runtime/step/views.ts";

/** An array in the memory of the host; what is in a GPU's is refused. */
export function hostLeaf(node: unknown, path: string, doing: string): Leaf<HostArray> | undefined {
  if (!isInGpuBuffer(node)) return asHostLeaf(node, path, doing);
  throw new GradusError(
    `${doing}: ${
      spellPath(path)
    } must be in the memory of the host: given a buffer of a GPU; download ` +
      `the tree first`,
  );
}

/** Parameters as torch numbers and names them. */
export interface TorchTree {
  readonly layout: Layout;
  /** The leaf of each id: in the order in which keys stand, as torch's are in the order they were given. */
  readonly order: readonly number[];
  /** The name of each leaf, its keys joined by dots. */
  readonly names: readonly string[];
}

/** How torch orders its parameters. */
export interface TorchOrder {
  /**
   * The names of all parameters in the order of their ids, as `model.named_parameters()` has them in torch.
   * Default: as the keys of the tree stand. Trees that Gradus makes, such as resident ones, have them sorted.
   */
  readonly names?: readonly string[];
}

/** The tree of `params`. */
export function torchTreeOf(params: object, given: TorchOrder, doing: string): TorchTree {
  const layout = Layout.of(params, doing, hostLeaf);
  requireLeaves(layout, doing);
  const order: number[] = [];
  const names: string[] = [];
  const visit = (node: unknown, index: unknown, keys: readonly string[]): void => {
    if (typeof index === "number") {
      order.push(index);
      names[index] = keys.join(".");
      return;
    }
    for (const key of Object.keys(node as object)) {
      const [inner, innerIndex] = [node, index].map((each) =>
        (each as Record<string, unknown>)[key]
      );
      visit(inner, innerIndex, [...keys, key]);
    }
  };
  visit(params, layout.build(layout.leaves.map((_, leaf) => leaf)), []);
  return {
    layout,
    order: given.names === undefined ? order : orderOf(given.names, names, doing),
    names,
  };
}

/** The leaves in the order in which their names are given. */
function orderOf(given: readonly string[], names: readonly string[], doing: string): number[] {
  const isAll = Array.isArray(given) && given.length === names.length &&
    new Set(given).size === names.length && given.every((name) => names.includes(name));
  if (isAll) return given.map((name) => names.indexOf(name));
  const strange = Array.isArray(given) ? given.find((name) => !names.includes(name)) : undefined;
  const what = strange === undefined ? shown(given) : shown(strange);
  throw new GradusError(
    `${doing}: \`names\` must be those of all ${names.length} parameters, each once: given ${what}` +
      (typeof strange === "string" ? suggestion(strange, names) : ""),
  );
}

/** What each leaf is given for each hyperparameter. */
export type Settings = ReadonlyMap<string, readonly LeafSetting[]>;

/** What `optimizer` was made with, by hyperparameter and leaf. */
export function settingsByLeaf(
  optimizer: Configured,
  { layout }: TorchTree,
  params: object,
  doing: string,
): Settings {
  const settings = new Map(
    [...optimizer.settings].map(([name, setting]) => [
      name,
      leafSettings(name, setting, layout, params, doing),
    ]),
  );
  const views = layout.leaves.map((_, i) =>
    [...settings.values()].find((leaves) => leaves[i].view !== undefined)?.[i].view
  );
  requireWholeLeaves({ layout, views }, "torch", doing);
  return settings;
}

/** Whether a hyperparameter follows a schedule that nothing written goes before. */
export function followsSchedule(
  { settings }: Configured,
  name: string,
  written: State["hyper"] = {},
): boolean {
  const value = settings.get(name)?.value;
  return value !== undefined && isScheduled(value) && !Object.hasOwn(written, name);
}

/** The hyperparameters of each leaf in the step after `count`, those `written` first. */
export function numbersByLeaf(
  settings: Settings,
  { layout }: TorchTree,
  written: State["hyper"],
  count: number,
  doing: string,
): Numbers[] {
  const all: Record<string, number | boolean>[] = layout.leaves.map(() => ({}));
  for (const [name, leaves] of settings) {
    const own = Object.hasOwn(written, name)
      ? layout.prefix(
        written[name],
        `hyperparameter \`${name}\``,
        doing,
        (part) => typeof part === "number",
      )
      : undefined;
    leaves.forEach(({ value: made, isMasked }, leaf) => {
      const value = (own?.[leaf].value ?? made) as typeof made;
      const now = typeof value === "function" ? value(count) : value;
      all[leaf][name] = !isMasked ? now : typeof now === "boolean" ? false : 0;
    });
  }
  return all;
}

/** What keeps torch from doing what the program does with these numbers and shapes. */
export function differences(
  rule: TorchRule,
  { layout, names }: TorchTree,
  numbers: readonly Numbers[],
): string[] {
  const found: string[] = [];
  for (const [name, [values, why]] of Object.entries(rule.only ?? {})) {
    const leaf = numbers.findIndex((each) =>
      Object.hasOwn(each, name) && !values.includes(each[name])
    );
    if (leaf < 0) continue;
    const where = names[leaf] === "" ? "" : ` at ${spellPath(names[leaf])}`;
    const must = `\`${name}\` must be ${values.join(" or ")}, since ${why}`;
    found.push(`${must}: given ${numbers[leaf][name]}${where}`);
  }
  const [holds, requires] = rule.shape ?? [() => true, ""];
  layout.leaves.forEach(({ shape, path }) => {
    if (holds(shape)) return;
    found.push(`${spellPath(path)} must be ${requires}: given shape [${shape.join(", ")}]`);
  });
  return found;
}

/** The message of several problems, never at length. */
export function listed(problems: readonly string[]): string {
  const most = 12;
  const rest = problems.length > most ? [`and ${problems.length - most} more`] : [];
  return [...problems.slice(0, most), ...rest].join("; ");
}
