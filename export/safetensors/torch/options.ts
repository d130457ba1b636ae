/** Reads the options of torch's groups as hyperparameters of ours. */
import { ANY_NUMBER, requireWithin } from "../../../dsl/domain.ts";
import { quoted, shown, suggestion } from "../../../dsl/errors.ts";
import type { Optimizer } from "../../../runtime/optimizer.ts";
import { load } from "../../../runtime/trees/dtype.ts";
import type { HyperNumbers } from "../../../runtime/trees/hyperparameters.ts";
import { spellPath } from "../../../runtime/trees/leaf.ts";
import type { Assigned } from "./assign.ts";
import { isTooSmall } from "./groups.ts";
import type { Numbers } from "./fields.ts";
import { SILENT, type TorchRule } from "./rules.ts";
import { type Entry, tensorIn } from "./states.ts";
import { followsSchedule, numbersByLeaf, type Settings, type TorchTree } from "./tree.ts";

/** What the options of a group say of our hyperparameters. */
export function numbersIn(
  rule: TorchRule,
  options: Assigned["options"],
  shape: readonly number[],
  problems: string[],
): Record<string, number | boolean> {
  if (options === undefined) return {};
  const keys = rule.fields.map(({ key }) => key);
  for (const key of Object.keys(options)) {
    if (keys.includes(key) || SILENT.includes(key)) continue;
    problems.push(`${rule.name} has no option ${quoted(key)}${suggestion(key, keys)}`);
  }
  return Object.assign(
    {},
    ...rule.fields.map(({ key, from, requires }) => {
      if (!Object.hasOwn(options, key)) return {};
      const numbers = from(options[key], shape, options);
      if (numbers === undefined) {
        problems.push(`\`${key}\` must be ${requires}: given ${shown(options[key])}`);
      }
      return numbers ?? {};
    }),
  );
}

/** Where ε outside the root changes no number, and as sums only grow never will, it is 0 inside. */
export function settleRoot(
  rule: TorchRule,
  told: Record<string, number | boolean>[],
  entries: readonly Entry[],
  { layout }: TorchTree,
  problems: string[],
): void {
  const grown = rule.states.find(({ ours }) => ours === rule.outsideRoot);
  if (grown === undefined) return;
  told.forEach((numbers, leaf) => {
    const { eps } = numbers;
    if (eps === undefined || eps === 0) return;
    const { size, dtype, path } = layout.leaves[leaf];
    const sums = tensorIn(entries[leaf].values?.[grown.torch], path);
    const round = dtype === "float64" ? Number : Math.fround;
    const root = (i: number) => round(Math.sqrt(load(sums!.dtype, sums!.data, i)));
    const isSmall = sums !== undefined && sums.data.length === size &&
      isTooSmall(eps as number, size, root, round);
    if (isSmall) numbers.eps = 0;
    else {
      problems.push(
        `\`eps\` must be 0, or too small to change the root of a sum, since torch adds it outside the ` +
          `root: given ${eps} at ${spellPath(path)}`,
      );
    }
  });
}

/** What must be written so that a step uses what torch was told. */
export function writtenBy(
  optimizer: Optimizer,
  settings: Settings,
  told: readonly Numbers[],
  tree: TorchTree,
  count: number,
  problems: string[],
  doing: string,
): Record<string, HyperNumbers> {
  const { program } = optimizer;
  const made = numbersByLeaf(settings, tree, {}, count, doing);
  const written: Record<string, HyperNumbers> = {};
  for (const name of new Set(told.flatMap((each) => Object.keys(each)))) {
    // What a state begins with says nothing of one that has begun.
    if (name === "initialAccumulatorValue") continue;
    const values = told.map((each, leaf) => each[name] ?? made[leaf][name]);
    if (!program.hyper.has(name)) {
      const value = values.find((each) => each !== undefined && Number(each) !== 0);
      const hint = name === "weightDecay"
        ? ", which in torch is added to the gradient: chain(addDecayedWeights(…), …) does that"
        : "";
      if (value !== undefined) {
        problems.push(
          `there must be no \`${name}\`, which "${program.name}" does not have${hint}: given ${value}`,
        );
      }
      continue;
    }
    if (followsSchedule(optimizer, name)) continue;
    const differs = values.map((value, leaf) => !isSame(value, made[leaf][name]));
    const leaf = differs.indexOf(true);
    if (leaf < 0) continue;
    if (typeof made[leaf][name] === "boolean") {
      problems.push(
        `the optimizer must be made with \`${name}\` ${values[leaf]}, as torch's was: given ${
          made[leaf][name]
        }`,
      );
      continue;
    }
    const leaves = settings.get(name)!;
    const masked = leaves.findIndex(({ isMasked }, i) => isMasked && values[i] !== 0);
    if (masked >= 0) {
      problems.push(
        `\`${name}\` must be 0 at ${
          spellPath(tree.layout.leaves[masked].path)
        }, as the mask of the ` +
          `optimizer says: given ${values[masked]}`,
      );
      continue;
    }
    for (const value of values) {
      requireWithin(program.domains.get(name) ?? ANY_NUMBER, value, name, doing);
    }
    const open = values.filter((_, i) => !leaves[i].isMasked) as number[];
    written[name] = open.every((value) => value === open[0])
      ? open[0]
      : tree.layout.build(values) as HyperNumbers;
  }
  return written;
}

/** Whether two numbers are one, but for the rounding of what torch scales otherwise. */
function isSame(a: number | boolean, b: number | boolean): boolean {
  return a === b || Math.abs(Number(a) - Number(b)) <= 1e-14 * Math.abs(Number(a));
}
