/** Reads the state of PyTorch's optimizer as one of ours of the same rule. */
import { GradusError, quoted, shown } from "../../../dsl/errors.ts";
import { ANY, requireOptions } from "../../../dsl/options.ts";
import type { Optimizer } from "../../../runtime/optimizer.ts";
import { isResident, release } from "../../../runtime/trees/placement.ts";
import type { State } from "../../../runtime/trees/state.ts";
import { requireOptimizer } from "../../../runtime/wrap.ts";
import { assign, type Assigned, isRecord } from "./assign.ts";
import { groupsOf, optionsOf } from "./groups.ts";
import { numbersIn, settleRoot, writtenBy } from "./options.ts";
import { numberIn } from "./fields.ts";
import { type TorchRule, torchRuleOf } from "./rules.ts";
import { type Entry, readStates } from "./states.ts";
import type { TorchStateDict } from "./to.ts";
import {
  differences,
  followsSchedule,
  listed,
  numbersByLeaf,
  settingsByLeaf,
  type TorchOrder,
  torchTreeOf,
} from "./tree.ts";

/** What a dict of torch's may not say. */
export interface FromTorchOptions extends TorchOrder {
  /**
   * The number of steps so far, where torch keeps no `step`: with `SGD`, Lion and `Muon`. Default 0; required
   * if a hyperparameter follows a schedule, and for `Muon`, whose first steps Gradus corrects for their bias
   * and torch does not: with a large count, such as 1000, Gradus steps as torch does.
   */
  readonly count?: number;
}

/**
 * The state of `optimizer` after the steps that PyTorch's optimizer has made: what
 * {@linkcode toTorchStateDict} writes, and with names as `torch.distributed.checkpoint` has them, such as
 * `layer.0.weight`, in place of ids. Tensors may be tensors or arrays of Gradus.
 *
 * Parameters are told by names where there are any. Ids count them in the order in which the keys of the
 * tree stand; of several groups, in groups of the same sizes as those of `optimizer`, as torch does.
 *
 * Options of a group that differ from what `optimizer` was made with are written into `state.hyper`, so that
 * training goes on as it did in torch; a schedule is kept. A dict without `param_groups` is read for its
 * states alone: then what they are is converted, and nothing is said of the rule.
 *
 * @example
 * ```ts
 * import { sgd } from "@gradus/gradus";
 * import { fromTorchStateDict } from "@gradus/gradus/safetensors";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = sgd({ learningRate: 1, momentum: 0.5 });
 * const params = { weight: Float32Array.of(1, 2) };
 * const state = fromTorchStateDict(opt, params, {
 *   state: { 0: { momentum_buffer: Float32Array.of(4, 8) } },
 *   param_groups: [{ lr: 0.25, momentum: 0.5, params: [0] }],
 * });
 * assertEquals(state.m, { weight: Float32Array.of(4, 8) });
 * opt.step(params, { weight: Float32Array.of(0, 0) }, state); // 1/4 of half the momentum
 * assertEquals(params.weight, Float32Array.of(0.5, 1));
 * ```
 *
 * @throws {GradusError} if torch has no such optimizer, or one whose options mean something that `optimizer`
 * cannot do; if parameters or states are unknown or missing, or shapes do not fit: all of them are listed.
 */
export function fromTorchStateDict(
  optimizer: Optimizer,
  params: object,
  dict: Partial<TorchStateDict>,
  options: FromTorchOptions = {},
): State {
  requireOptimizer(optimizer, "the optimizer", "Cannot read a state of torch's");
  const { program } = optimizer;
  const doing = `Cannot read the state of "${program.name}" from torch's`;
  requireOptions(doing, options, { count: ANY, names: ANY });
  const rule = torchRuleOf(program, doing);
  const tree = torchTreeOf(params, options, doing);
  const { layout } = tree;
  if (!isRecord(dict) || !isRecord(dict.state)) {
    throw new GradusError(
      `${doing}: the dict must have \`state\`, an object: given ${
        shown(isRecord(dict) ? dict.state : dict)
      }`,
    );
  }
  const settings = settingsByLeaf(optimizer, tree, params, doing);
  const made = numbersByLeaf(settings, tree, {}, 0, doing);
  const ours = made.map((each, leaf) => optionsOf(rule, each, layout.leaves[leaf]));
  const grouped = groupsOf(tree.order, ours);
  const assigned = assign(dict.state, dict.param_groups, tree, grouped, doing);
  const problems: string[] = [];
  const entries = entriesOf(dict.state, assigned, problems);
  const count = countOf(rule, optimizer, entries, options, problems);
  refuse(problems, doing);

  const told = assigned.map(({ options }, leaf) =>
    numbersIn(rule, options, layout.leaves[leaf].shape, problems)
  );
  refuse(problems, doing);
  settleRoot(rule, told, entries, tree, problems);
  const written = writtenBy(optimizer, settings, told, tree, count, problems, doing);
  const numbers = numbersByLeaf(settings, tree, written, count, doing);
  if (dict.param_groups !== undefined) problems.push(...differences(rule, tree, numbers));
  refuse(problems, doing);

  const state = optimizer.init(params);
  try {
    const fill = readStates(rule, optimizer, state, entries, numbers, tree, problems, doing);
    refuse(problems, doing);
    for (const each of fill) each();
  } catch (error) {
    if (isResident(params)) release(state);
    throw error;
  }
  state.count = count;
  Object.assign(state.hyper, written);
  return state;
}

function refuse(problems: readonly string[], doing: string): void {
  const all = [...new Set(problems)];
  if (all.length > 0) throw new GradusError(`${doing}: ${listed(all)}`);
}

function entriesOf(
  state: Readonly<Record<string, unknown>>,
  assigned: readonly Assigned[],
  problems: string[],
): Entry[] {
  const keys = new Set(assigned.map(({ key }) => key));
  for (const key of Object.keys(state)) {
    if (!keys.has(key)) problems.push(`the dict has a state of ${quoted(key)}, which no group has`);
  }
  return assigned.map(({ key }) => {
    const values = Object.hasOwn(state, key) ? state[key] : undefined;
    if (values === undefined || isRecord(values)) return { key, values };
    problems.push(`the state of ${quoted(key)} must be an object: given ${shown(values)}`);
    return { key, values: undefined };
  });
}

function countOf(
  rule: TorchRule,
  optimizer: Optimizer,
  entries: readonly Entry[],
  { count: given }: FromTorchOptions,
  problems: string[],
): number {
  const isCount = (value: unknown): value is number =>
    Number.isSafeInteger(value) && (value as number) >= 0;
  if (given !== undefined && !isCount(given)) {
    problems.push(`\`count\` must be a whole number from 0: given ${shown(given)}`);
  }
  const own = entries.filter(({ values }) => values !== undefined);
  if (own.length === 0) return given ?? 0;
  if (!rule.hasStep) {
    const name = [...optimizer.settings.keys()].find((each) => followsSchedule(optimizer, each));
    const why = name !== undefined
      ? `\`${name}\` follows a schedule`
      : rule.needsCount
      ? "first steps are corrected for their bias; a large one, such as 1000, leaves the correction out"
      : undefined;
    if (given === undefined && why !== undefined) {
      problems.push(`\`count\` must be given, since ${rule.name} keeps no step and ${why}`);
    }
    return given ?? 0;
  }
  const steps = own.map(({ key, values }) => {
    const step = numberIn(values!.step);
    if (!isCount(step)) {
      problems.push(
        `\`step\` of ${quoted(key)} must be a whole number from 0: given ${shown(values!.step)}`,
      );
    }
    return step;
  });
  const other = steps.findIndex((step) => step !== steps[0]);
  if (other >= 0) {
    problems.push(
      `\`step\` must be one for all parameters, as Gradus counts: given ${steps[0]} for ` +
        `${quoted(own[0].key)} and ${steps[other]} for ${quoted(own[other].key)}`,
    );
  }
  if (given !== undefined && given !== steps[0]) {
    problems.push(`\`count\` must be the \`step\` of the dict, ${steps[0]}: given ${shown(given)}`);
  }
  return steps[0] ?? 0;
}
