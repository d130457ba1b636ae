/** The hyperparameters of a step as numbers, group by group. */
import { GradusError, shown } from "../../dsl/errors.ts";
import type { Program } from "../../dsl/program.ts";
import { Binding, requireOneOfTree } from "./binding.ts";
import {
  type HyperNumbers,
  type HyperValue,
  isScheduled,
  numbersAt,
  type Setting,
} from "../trees/hyperparameters.ts";

/** The numbers of a step. */
export interface StepNumbers {
  /** The binding they are for: another than was given only if a tree was written across its groups. */
  readonly binding: Binding;
  /** The numbers of each group. */
  readonly groups: readonly ReadonlyMap<string, number>[];
  /** What was not written but follows from the settings. */
  readonly used: Record<string, HyperNumbers>;
}

/**
 * What each group is given: what is `written` in the state, else what it was made with, a schedule's by
 * the `clock` of its setting.
 */
export function numbersOf(
  program: Program,
  settings: ReadonlyMap<string, Setting>,
  binding: Binding,
  written: Readonly<Record<string, HyperNumbers>>,
  clock: (name: string | undefined) => number,
  params: unknown,
  doing: string,
): StepNumbers {
  const groups = binding.groups.map(() => new Map<string, number>());
  const used: Record<string, HyperNumbers> = {};
  for (const [name, setting] of settings) {
    if (typeof setting.value === "boolean") continue;
    const isWritten = Object.hasOwn(written, name);
    // A number that follows no schedule needs no clock, which may not be at hand.
    const count = clock(isScheduled(setting.value) ? setting.clock : undefined);
    const value = isWritten ? written[name] : numbersAt(setting.value, count);
    if (!isWritten) used[name] = value;
    const what = `hyperparameter \`${name}\``;
    const isTree = typeof value === "object" && value !== null;
    const leaves = isTree
      ? binding.layout.prefix(value, what, doing, (part) => typeof part === "number")
      : undefined;
    for (const [i, group] of binding.groups.entries()) {
      const given = leaves === undefined ? [value] : group.leaves.map((leaf) => leaves[leaf].value);
      for (const number of given) {
        if (typeof number !== "number" || Number.isNaN(number)) {
          throw new GradusError(
            `${doing}: ${what} must be a number: given ${shown(number)} at count ${count}`,
          );
        }
      }
      if (given.some((number) => number !== given[0])) {
        // A tree was written whose parts cut across the groups: group anew by it.
        const tree = { ...setting, value: value as HyperValue };
        const regrouped = new Map([...settings, [name, tree]]);
        const finer = new Binding(program, regrouped, binding.layout, params, doing, binding);
        return numbersOf(program, regrouped, finer, written, clock, params, doing);
      }
      const isMasked = group.settings.get(name)!.isMasked;
      groups[i].set(name, isMasked ? 0 : given[0] as number);
    }
  }
  // What was written may differ where what was given did not.
  requireOneOfTree(
    program,
    binding.live,
    doing,
    (name) => groups.map((numbers) => ({ value: numbers.get(name) })),
  );
  return { binding, groups, used };
}
