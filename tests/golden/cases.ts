/**
 * The golden trajectories as typed data, and for each case the optimizer of this library that it
 * stands for. README.md describes the files.
 */
import {
  adabelief,
  adadelta,
  adafactor,
  adagrad,
  adam,
  adamax,
  adamaxw,
  adamw,
  adaptiveGradClip,
  addDecayedWeights,
  ademamix,
  adopt,
  amsgrad,
  applyEvery,
  applyIfFinite,
  type ApplyIfFiniteOptions,
  centralize,
  chain,
  clip,
  clipByBlockRms,
  clipByGlobalNorm,
  cocob,
  cosineDecaySchedule,
  dadaptAdamw,
  dog,
  dowg,
  ema,
  fromage,
  keepParamsNonnegative,
  type Labels,
  type LabelTree,
  lamb,
  lars,
  linearSchedule,
  lion,
  madgrad,
  type Mask,
  masked,
  type MaskTree,
  momo,
  momoAdam,
  multiSteps,
  type MultiStepsOptions,
  muon,
  nadam,
  nadamw,
  normalizeByUpdateNorm,
  novograd,
  optimisticAdamV2,
  optimisticGradientDescent,
  type Optimizer,
  partition,
  polyakSgd,
  prodigy,
  radam,
  rmsprop,
  scaleByAdam,
  scaleByLearningRate,
  scaleByLion,
  scaleByParamBlockNorm,
  scaleByParamBlockRms,
  scaleByRms,
  scaleByRss,
  scaleByStddev,
  scaleByTrustRatio,
  type Schedule,
  scheduleFreeAdamw,
  scheduleFreeSgd,
  sgd,
  signSgd,
  signum,
  simplifiedAdemamix,
  sm3,
  type Tensor,
  trace,
  warmupCosineDecaySchedule,
  yogi,
  zeroNans,
} from "../../mod.ts";

/** An argument of a case: plain, a schedule, or a mask. */
export type Argument = number | boolean | string | null | Call | MaskRule;

/** A function by its name in Optax, with its arguments. */
export interface Call {
  readonly fn: string;
  readonly args: Readonly<Record<string, Argument>>;
}

/** A mask by a rule on the leaves. */
export interface MaskRule {
  readonly mask: "ndim>1";
}

/** An optimizer as data: a call, or a composition `of` others. */
export interface Spec {
  readonly fn: string;
  readonly args?: Readonly<Record<string, Argument>>;
  readonly of?: Spec | readonly Spec[] | Readonly<Record<string, Spec>>;
  readonly by?: Readonly<Record<string, string>>;
}

/** The stream's parameters, updates or gradients as the files hold them. */
export interface StreamNumbers {
  readonly b: readonly number[];
  readonly w: readonly (readonly number[])[];
}

/** What Optax did with an optimizer. */
export interface Case extends Spec {
  /** Whether the loss is passed to each update of the stream. */
  readonly value?: true;
  /** Where Optax departs from the paper. */
  readonly note?: string;
  /** The first steps on the stream. */
  readonly trajectory: readonly {
    readonly updates: StreamNumbers;
    readonly params: StreamNumbers;
  }[];
  /** The first steps on f = Σx². */
  readonly quadratic: readonly { readonly f: number; readonly params: readonly number[] }[];
}

/** One of the files. */
export interface Golden {
  readonly meta: {
    readonly oracle: string;
    readonly quadratic: string;
    readonly stream: string;
  };
  readonly cases: readonly Case[];
}

/** Optax in float32, each operation rounded on its own. */
export const optax32: Golden = read("optax32.json");

/** Optax in float64 on the same inputs: the truth. */
export const optax64: Golden = read("optax64.json");

function read(name: string): Golden {
  const text = Deno.readTextFileSync(new URL(name, import.meta.url));
  // A loss that overflowed is written as Python does; 1e999 is its spelling in JSON.
  return JSON.parse(text.replaceAll(":Infinity", ":1e999"));
}

/**
 * The optimizers of the cases by their names in Optax; arguments become options of the same names in
 * camel case. A case that follows Optax away from a paper this library follows has no row.
 */
export const OPTIMIZERS: Readonly<Record<string, (options: never) => Optimizer>> = {
  adabelief,
  adadelta,
  adafactor,
  adagrad,
  adam,
  adamax,
  adamaxw,
  adamw,
  adaptive_grad_clip: adaptiveGradClip,
  add_decayed_weights: addDecayedWeights,
  ademamix,
  adopt,
  amsgrad,
  apply_every: applyEvery,
  centralize,
  clip,
  clip_by_block_rms: clipByBlockRms,
  clip_by_global_norm: clipByGlobalNorm,
  cocob,
  dadapt_adamw: dadaptAdamw,
  dog,
  dowg,
  ema,
  fromage,
  keep_params_nonnegative: keepParamsNonnegative,
  lamb,
  lars,
  lion,
  madgrad,
  momo,
  momo_adam: momoAdam,
  muon,
  nadam,
  nadamw,
  normalize_by_update_norm: normalizeByUpdateNorm,
  novograd,
  optimistic_adam_v2: optimisticAdamV2,
  optimistic_gradient_descent: optimisticGradientDescent,
  polyak_sgd: polyakSgd,
  prodigy,
  radam,
  rmsprop,
  scale_by_adam: scaleByAdam,
  scale_by_learning_rate: scaleByLearningRate,
  scale_by_lion: scaleByLion,
  scale_by_param_block_norm: scaleByParamBlockNorm,
  scale_by_param_block_rms: scaleByParamBlockRms,
  scale_by_rms: scaleByRms,
  scale_by_rss: scaleByRss,
  scale_by_stddev: scaleByStddev,
  scale_by_trust_ratio: scaleByTrustRatio,
  schedule_free_adamw: scheduleFreeAdamw,
  schedule_free_sgd: scheduleFreeSgd,
  sgd,
  sign_sgd: signSgd,
  signum,
  simplified_ademamix: simplifiedAdemamix,
  sm3,
  trace,
  yogi,
  zero_nans: zeroNans,
};

/** The compositions of the cases: what `of` and `by` mean. */
const COMPOSITIONS: Readonly<Record<string, (spec: Spec, parts: Optimizer[]) => Optimizer>> = {
  apply_if_finite: ({ args = {} }, [inner]) =>
    applyIfFinite(inner, optionsOf(args, {}) as unknown as ApplyIfFiniteOptions),
  chain: (_spec, [first, ...others]) => chain(first, ...others),
  masked: (_spec, [inner]) => masked(inner, isMatrix as Mask),
  multi_steps: ({ args = {} }, [inner]) =>
    multiSteps(inner, optionsOf(args, {}) as unknown as MultiStepsOptions),
  partition: ({ of = {}, by = {} }, parts) => {
    const names = Object.keys(of);
    const labels = (params: object): LabelTree => {
      const name = (chosen: boolean | MaskTree): LabelTree =>
        typeof chosen === "boolean" ? by[chosen ? "ndim>1" : "else"] : Object.fromEntries(
          Object.entries(chosen).map(([key, inner]) => [key, name(inner as boolean)]),
        );
      return name(isMatrix(params));
    };
    return partition(Object.fromEntries(names.map((key, i) => [key, parts[i]])), labels as Labels);
  },
};

/** Schedules by their names in Optax. */
export type ScheduleTable = Readonly<Record<string, (options: never) => Schedule>>;

/** The schedules that arguments may be. */
const SCHEDULES: ScheduleTable = {
  cosine_decay_schedule: cosineDecaySchedule,
  linear_schedule: linearSchedule,
  warmup_cosine_decay_schedule: warmupCosineDecaySchedule,
};

/** Whether the tables have all that an optimizer is made of. */
export function isKnown(spec: Spec): boolean {
  if (spec.of === undefined) return Object.hasOwn(OPTIMIZERS, spec.fn);
  return Object.hasOwn(COMPOSITIONS, spec.fn) && partsOf(spec).every(isKnown);
}

/** The optimizer that a case stands for; `schedules` go before the library's own. */
export function optimizerOf(spec: Spec, schedules: ScheduleTable = {}): Optimizer {
  if (!isKnown(spec)) throw new Error(`The tables lack a part of ${titleOf(spec)}`);
  if (spec.of !== undefined) {
    return COMPOSITIONS[spec.fn](spec, partsOf(spec).map((part) => optimizerOf(part, schedules)));
  }
  const options = optionsOf(spec.args ?? {}, { ...SCHEDULES, ...schedules });
  return OPTIMIZERS[spec.fn](options as never);
}

/** The cases of `golden` that are calls of one of `names`. */
export function casesOf(golden: Golden, ...names: readonly string[]): Case[] {
  return golden.cases.filter(({ fn }) => names.includes(fn));
}

/** A case as Optax writes it, for the name of a test. */
export function titleOf(spec: Spec): string {
  const write = (value: Argument): string => {
    if (typeof value !== "object" || value === null) return String(value);
    return "mask" in value ? value.mask : titleOf(value);
  };
  const named = Object.entries(spec.args ?? {}).map(([name, value]) => `${name}=${write(value)}`);
  return `${spec.fn}(${[...partsOf(spec).map(titleOf), ...named].join(", ")})`;
}

/** Whether any argument of a call is a schedule. */
export function isScheduled({ args = {} }: Spec): boolean {
  return Object.values(args).some((value) =>
    typeof value === "object" && value !== null && "fn" in value
  );
}

function partsOf({ of }: Spec): readonly Spec[] {
  if (of === undefined || of instanceof Array) return of ?? [];
  return isSpec(of) ? [of] : Object.values(of);
}

function isSpec(of: Spec | Readonly<Record<string, Spec>>): of is Spec {
  return typeof of.fn === "string";
}

function optionsOf(
  args: Readonly<Record<string, Argument>>,
  schedules: ScheduleTable,
): Record<string, unknown> {
  const option = (value: Argument): unknown => {
    if (typeof value !== "object" || value === null) return value;
    if ("mask" in value) return isMatrix;
    if (!Object.hasOwn(schedules, value.fn)) throw new Error(`The table lacks ${value.fn}`);
    return schedules[value.fn](optionsOf(value.args, schedules) as never);
  };
  return Object.fromEntries(
    Object.entries(args).map(([name, value]) => [camelCase(name), option(value)]),
  );
}

/** A name of Optax as this library writes it. */
export function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** The mask `ndim>1`. */
function isMatrix(params: object): boolean | MaskTree {
  if (ArrayBuffer.isView(params)) return false;
  if ("shape" in params) return (params as Tensor).shape.length > 1;
  return Object.fromEntries(
    Object.entries(params).map(([key, inner]) => [key, isMatrix(inner as object)]),
  );
}
