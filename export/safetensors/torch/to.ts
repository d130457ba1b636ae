/** Writes the state of an optimizer as PyTorch's optimizer of that rule would. */
import { GradusError, shown } from "../../../dsl/errors.ts";
import { ANY, requireOptions } from "../../../dsl/options.ts";
import type { Optimizer } from "../../../runtime/optimizer.ts";
import { arithmeticOf, type HostArray, load } from "../../../runtime/trees/dtype.ts";
import { type LeafInfo, spellPath, type Tensor } from "../../../runtime/trees/leaf.ts";
import { markOf, type State } from "../../../runtime/trees/state.ts";
import { requireOptimizer } from "../../../runtime/wrap.ts";
import { groupsOf, isTooSmall, optionsOf } from "./groups.ts";
import { torchRuleOf } from "./rules.ts";
import { NO_SCHEDULE } from "./states.ts";
import {
  differences,
  followsSchedule,
  hostLeaf,
  listed,
  numbersByLeaf,
  settingsByLeaf,
  type TorchOrder,
  torchTreeOf,
} from "./tree.ts";

/** Parameters that torch steps with the same options. */
export interface TorchParamGroup {
  /** The ids of its parameters, or their names. */
  params: (number | string)[];
  /** The names of its parameters, as PyTorch keeps them since 2.6. */
  param_names?: string[];
  /** Its options, such as `lr` and `betas`. */
  [option: string]: unknown;
}

/** What `optimizer.state_dict()` gives in PyTorch, with tensors of ours or arrays in place of its own. */
export interface TorchStateDict {
  /** What is kept of each parameter, by its id or name. */
  state: Record<string, Record<string, unknown>>;
  /** The options, by group. */
  param_groups: TorchParamGroup[];
}

/** A state of ours as torch has it, of a new array. */
function tensorOf(
  info: LeafInfo,
  array: HostArray | undefined,
  stored: Parameters<typeof load>[0],
  scale: (x: number) => number,
): Tensor {
  const { size, dtype, shape } = info;
  const data = arithmeticOf(dtype) === "float64" ? new Float64Array(size) : new Float32Array(size);
  // What no step reads, torch keeps all the same, and multiplies by 0.
  if (array !== undefined && array.length === size) {
    for (let i = 0; i < size; i++) data[i] = scale(load(stored, array, i));
  }
  return { data, shape: [...shape] };
}

/**
 * What PyTorch's `optimizer.state_dict()` would be after the same steps: `exp_avg`, `exp_avg_sq`,
 * `momentum_buffer`, `sum`, `square_avg`, `grad_avg` and `step` by id, in new float32 tensors (float64 beside
 * float64 parameters), and the options by group. Ids count parameters in the order in which the keys of the
 * tree stand; `param_names` are their keys joined by dots.
 *
 * | optimizer                         | of torch       | what is kept                                     |
 * | --------------------------------- | -------------- | ------------------------------------------------ |
 * | `sgd`                             | `SGD`          | `momentum_buffer` = m, with momentum             |
 * | `adam`, `adamw`                   | `Adam`, `AdamW`| `exp_avg` = m, `exp_avg_sq` = v                  |
 * | `adagrad`                         | `Adagrad`      | `sum` = s                                        |
 * | `rmsprop`                         | `RMSprop`      | `square_avg` = v; `grad_avg`, the averaged gradient, if centered; `momentum_buffer` = -m/α, with momentum |
 * | `lion`                            | lion-pytorch   | `exp_avg` = m                                    |
 * | `muon`                            | `Muon` (2.9)   | `momentum_buffer` = m                            |
 *
 * What is stored in fewer bits, `"block8"` among them, is widened to what a step reads of it.
 *
 * After `addDecayedWeights`, sgd, adam, adagrad and rmsprop are torch's with `weight_decay`. What torch does
 * in another way is refused, unless it comes to the same numbers:
 *
 * - `adagrad` adds ε inside the root and torch outside it: ε must be 0, or too small to change any sum.
 * - `rmsprop` must be made with `epsInSqrt: false`, and with momentum not follow a schedule: torch multiplies
 *   the whole trace by the present learning rate.
 * - `muon` must have matrices only. With `scaling: "original"`, `biasCorrection: false` and
 *   `epsAsFloor: true` it is torch's, but for the bfloat16 that torch computes in. By default Gradus scales
 *   updates by √max(1, columns/rows), where torch has √max(1, rows/columns), so `lr` is α·√(columns/rows),
 *   and a group a shape; and the first steps after a small `count` differ by the correction of the bias.
 * - Master copies of short parameters have no place.
 *
 * @example
 * ```ts
 * import { adamw } from "@gradus/gradus";
 * import { toTorchStateDict } from "@gradus/gradus/safetensors";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = adamw({ learningRate: 0.1, b1: 0.5 });
 * const params = { layer: { weight: Float32Array.of(1, 2) } };
 * const state = opt.init(params);
 * opt.step(params, { layer: { weight: Float32Array.of(4, 8) } }, state);
 * const dict = toTorchStateDict(opt, params, state);
 * assertEquals(dict.state[0].exp_avg, { data: Float32Array.of(2, 4), shape: [2] });
 * assertEquals(dict.state[0].step, { data: Float32Array.of(1), shape: [] });
 * assertEquals(dict.param_groups[0].betas, [0.5, 0.999]);
 * assertEquals(dict.param_groups[0].param_names, ["layer.weight"]);
 * ```
 *
 * @throws {GradusError} if torch has no such optimizer, or not with these hyperparameters, or the state is not
 * one of these parameters.
 */
export function toTorchStateDict(
  optimizer: Optimizer,
  params: object,
  state: State,
  options: TorchOrder = {},
): TorchStateDict {
  requireOptimizer(optimizer, "the optimizer", "Cannot write a state as torch's");
  const { program } = optimizer;
  const doing = `Cannot write the state of "${program.name}" as torch's`;
  requireOptions(doing, options, { names: ANY });
  const rule = torchRuleOf(program, doing);
  const tree = torchTreeOf(params, options, doing);
  const { layout, order, names } = tree;
  if (state?.optimizer !== markOf(program)) {
    throw new GradusError(
      `${doing}: the state must be one of "${program.name}": given ${
        shown(state?.optimizer ?? state)
      }`,
    );
  }
  const { count, hyper } = state;
  if (!Number.isSafeInteger(count) || count < 0 || (rule.hasStep && count > 2 ** 24)) {
    throw new GradusError(
      `${doing}: its \`count\` must be a whole number that torch's \`step\`, a float32, can be: given ${
        shown(count)
      }`,
    );
  }
  const settings = settingsByLeaf(optimizer, tree, params, doing);
  const numbers = numbersByLeaf(settings, tree, hyper, count, doing);
  const problems = differences(rule, tree, numbers);
  if (layout.hasShort) {
    problems.push(
      "parameters must be float32 or float64, since torch keeps no master copies: some are short",
    );
  }
  const live = rule.states.flatMap((kept) => {
    if (!Object.hasOwn(state, kept.ours)) return [];
    const leaves = layout.leavesOf(state[kept.ours], `state \`${kept.ours}\``, doing, hostLeaf);
    leaves.forEach(({ data }, leaf) => {
      const { size, path } = layout.leaves[leaf];
      if (data.length === 0 || data.length === size) return;
      problems.push(
        `\`${kept.ours}\` at ${spellPath(path)} must hold ${size} numbers: given ${data.length}`,
      );
    });
    return [[kept.ours, leaves] as const];
  });
  const leavesOf = new Map(live);
  for (const { scale, isKept = () => true } of rule.states) {
    if (scale === undefined || !numbers.some(isKept)) continue;
    if (followsSchedule(optimizer, "learningRate", hyper)) {
      problems.push(NO_SCHEDULE);
    }
    if (numbers.some((each) => isKept(each) && each.learningRate === 0)) {
      problems.push("`learningRate` must not be 0, since the momentum is divided by it");
    }
  }
  const told = numbers.map((each, leaf) => {
    const grown = rule.outsideRoot === undefined
      ? undefined
      : leavesOf.get(rule.outsideRoot)?.[leaf];
    if (grown === undefined || each.eps === 0) return each;
    const { size, dtype, path } = layout.leaves[leaf];
    const round = dtype === "float64" ? Number : Math.fround;
    const sum = (i: number) => load(grown.dtype, grown.data, i);
    if (isTooSmall(each.eps as number, size, sum, round)) return { ...each, eps: 0 };
    problems.push(
      `\`eps\` must be 0, or too small to change a sum, since torch adds it outside the root: given ` +
        `${each.eps} at ${spellPath(path)}`,
    );
    return each;
  });
  if (problems.length > 0) throw new GradusError(`${doing}: ${listed(problems)}`);

  const dict: TorchStateDict = { state: {}, param_groups: [] };
  order.forEach((leaf, id) => {
    const entry: Record<string, unknown> = {};
    if (rule.hasStep) entry.step = { data: Float32Array.of(count), shape: [] };
    for (const { ours, torch, isKept = () => true, scale } of rule.states) {
      if (!isKept(told[leaf])) continue;
      const kept = leavesOf.get(ours)?.[leaf];
      const to = (x: number) => scale === undefined ? x : scale.to(x, told[leaf]);
      entry[torch] = tensorOf(layout.leaves[leaf], kept?.data, kept?.dtype ?? "float32", to);
    }
    if (Object.keys(entry).length > 0) dict.state[id] = entry;
  });
  const written = layout.leaves.map((info, leaf) => optionsOf(rule, told[leaf], info));
  for (const ids of groupsOf(order, written)) {
    const param_names = ids.map((id) => names[order[id]]);
    dict.param_groups.push({ ...written[order[ids[0]]], params: ids, param_names });
  }
  return dict;
}
