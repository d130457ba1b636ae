/** Reads the state of PyTorch's optimizer as one of ours of the same rule. */
import { ANY_NUMBER, requireWithin } from "../../../dsl/domain.ts";
import { GradusError, quoted, shown, suggestion } from "../../../dsl/errors.ts";
import type { Optimizer } from "../../../runtime/optimizer.ts";
import { type HostArray, load, store } from "../../../runtime/trees/dtype.ts";
import type { HyperNumbers } from "../../../runtime/trees/hyperparameters.ts";
import { type Leaf, sameShape, spellPath } from "../../../runtime/trees/leaf.ts";
import type { State } from "../../../runtime/trees/state.ts";
import { requireOptimizer } from "../../../runtime/wrap.ts";
import { assign, type Assigned, isRecord } from "./assign.ts";
import { numberIn, type Numbers, SILENT, type TorchRule, torchRuleOf } from "./rules.ts";
import { groupsOf, isTooSmall, optionsOf, type TorchStateDict } from "./to.ts";
import {
  differences,
  followsSchedule,
  hostLeaf,
  listed,
  numbersByLeaf,
  type Settings,
  settingsByLeaf,
  type TorchTree,
  torchTreeOf,
} from "./tree.ts";

/** What a dict of torch's may not say. */
export interface FromTorchOptions {
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
  const rule = torchRuleOf(program, doing);
  const tree = torchTreeOf(params, doing);
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
  const fill = readStates(rule, optimizer, state, entries, numbers, tree, problems, doing);
  refuse(problems, doing);
  for (const each of fill) each();
  state.count = count;
  Object.assign(state.hyper, written);
  return state;
}

function refuse(problems: readonly string[], doing: string): void {
  const all = [...new Set(problems)];
  if (all.length > 0) throw new GradusError(`${doing}: ${listed(all)}`);
}

/** What is kept of a leaf, by torch's name; undefined of an optimizer that has made no step. */
interface Entry {
  readonly key: string;
  readonly values: Readonly<Record<string, unknown>> | undefined;
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

/** What the options of a group say of our hyperparameters. */
function numbersIn(
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
function settleRoot(
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
function writtenBy(
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

/** Whether two numbers are one, but for the rounding of a factor and its reciprocal. */
function isSame(a: number | boolean, b: number | boolean): boolean {
  if (a === b) return true;
  return Math.abs(Number(a) - Number(b)) <= 4 * Number.EPSILON * Math.abs(Number(a));
}

/** A tensor or array of a dict; undefined for anything else. */
function tensorIn(value: unknown, path: string): Leaf<HostArray> | undefined {
  try {
    return hostLeaf(value, path, "");
  } catch {
    return undefined;
  }
}

/** Checks every state of the dict; what is handed back fills those of `state`. */
function readStates(
  rule: TorchRule,
  optimizer: Optimizer,
  state: State,
  entries: readonly Entry[],
  numbers: readonly Numbers[],
  { layout }: TorchTree,
  problems: string[],
  doing: string,
): (() => void)[] {
  const fill: (() => void)[] = [];
  const isBegun = entries.some(({ values }) => values !== undefined);
  const known = ["step", ...rule.states.map(({ torch }) => torch)];
  for (const { key, values } of entries) {
    for (const name of Object.keys(values ?? {})) {
      if (known.includes(name)) continue;
      problems.push(
        `${rule.name} keeps no ${quoted(name)} of ${quoted(key)}${suggestion(name, known)}`,
      );
    }
  }
  for (const { ours, torch, isKept = () => true, scale } of rule.states) {
    const leaves = Object.hasOwn(state, ours)
      ? layout.leavesOf(state[ours], `state \`${ours}\``, doing, hostLeaf)
      : undefined;
    if (scale !== undefined && numbers.some(isKept) && followsSchedule(optimizer, "learningRate")) {
      problems.push(
        "`learningRate` must be a number where there is momentum, which torch multiplies by it",
      );
    }
    entries.forEach(({ key, values }, leaf) => {
      const { size, shape, path } = layout.leaves[leaf];
      const where = `${quoted(torch)} of ${quoted(key)}`;
      const value = values !== undefined && Object.hasOwn(values, torch)
        ? values[torch]
        : undefined;
      if (value === undefined || value === null) {
        // Momentum that has not begun is 0; of all else that has, something is missing.
        const mayBeMissing = torch === "momentum_buffer" && value === null;
        if (isBegun && isKept(numbers[leaf]) && !mayBeMissing) problems.push(`${where} is missing`);
        return;
      }
      const tensor = tensorIn(value, path);
      const fits = tensor !== undefined &&
        (tensor.isBare ? tensor.data.length === size : sameShape(tensor.shape, shape));
      if (!fits) {
        const given = tensor === undefined ? shown(value) : `one of [${tensor.shape.join(", ")}]`;
        problems.push(`${where} must be a tensor of shape [${shape.join(", ")}]: given ${given}`);
        return;
      }
      const own = leaves?.[leaf];
      if (own === undefined || own.data.length !== size) {
        if (isKept === undefined || !isKept(numbers[leaf]) || isOptional(rule, torch)) {
          problems.push(`${where} must not be there: the optimizer, as it was made, keeps none`);
        }
        return;
      }
      if (!isKept(numbers[leaf])) {
        problems.push(`${where} must not be there: with these options torch keeps none`);
        return;
      }
      fill.push(() => {
        for (let i = 0; i < size; i++) {
          const x = load(tensor.dtype, tensor.data, i);
          store(own.dtype, own.data, i, scale === undefined ? x : scale.from(x, numbers[leaf]));
        }
      });
    });
  }
  return fill;
}

/** Whether torch keeps a state only with some options: what it always keeps, a program may not read. */
function isOptional(rule: TorchRule, torch: string): boolean {
  return rule.states.some((each) => each.torch === torch && each.isKept !== undefined);
}
