/** Makes optimizers of documents and programs. */
import { cautious, decaysOf, scaledDecay } from "../dsl/decay.ts";
import { GradusError, shown } from "../dsl/errors.ts";
import { fix, type FixedNotes } from "../dsl/fix.ts";
import { once } from "../dsl/once.ts";
import type { Document, Program } from "../dsl/program.ts";
import { parseProgram } from "../dsl/check.ts";
import {
  type HyperTree,
  type HyperValue,
  isMask,
  isScheduled,
  type Mask,
  type MatricesOption,
  requireOption,
  type Setting,
  settingsOf,
} from "./trees/hyperparameters.ts";
import { bind, type Optimizer } from "./optimizer.ts";
import { optionsOf, requireChoice } from "./options.ts";
import type { StorageType } from "./trees/dtype.ts";
import type { RoundedStorage } from "./trees/stored.ts";
import type { HyperNames, StateKinds } from "./trees/typed.ts";
import { requireStorable } from "./step/storable.ts";
import { requireStorage, type StateStorage } from "./trees/state_storage.ts";

/** What weight decay can be limited by, and what it is multiplied by. */
export interface MaskOption {
  /**
   * Which parameters decay: a tree-prefix of truth values over the parameters, or a function from the
   * parameters to one, which is called once for each structure. Default: all.
   */
  mask?: Mask;
  /** The same under the other name that Optax has for it; give only one of the two. */
  weightDecayMask?: Mask;
  /**
   * Whether a weight decays only where its step does not make it larger: d·θ ≥ 0, where the step without
   * decay takes a multiple of d from the weight θ. Default false. Source: Chen et al. 2025, Cautious
   * Weight Decay, arXiv 2510.12402.
   */
  cautiousWeightDecay?: boolean;
  /**
   * What the decay is multiplied by besides, for learning rates α that change and A, the largest of them:
   * `"rate"`, by nothing, so that it is αλ where it is multiplied by the learning rate; `"relative"`, by
   * 1/A, so that it is λα/A, a share that does not depend on how large learning rates are (Loshchilov and
   * Hutter 2019, Decoupled Weight Decay Regularization, arXiv 1711.05101); `"corrected"`, by α/A, so that
   * it is λα²/A (Defazio 2025, Why Gradients Rapidly Increase Near the End of Training, arXiv
   * 2506.02285). Default `"rate"`.
   */
  weightDecayScaling?: "rate" | "relative" | "corrected";
  /**
   * A, the largest learning rate, where `weightDecayScaling` needs it. Default: `learningRate`; required
   * where that is a schedule.
   */
  maxLearningRate?: number | HyperTree;
}

/** What the first moment can be stored as. */
export interface MuDTypeOption {
  /**
   * Storage of the state `m`, as in the option `storage` of `init`, which wins over it. Arithmetic stays
   * in the parameters' type. Default: the type they compute in. TypeScript's types know the option of
   * `init`, but not this one.
   */
  muDtype?: StorageType | RoundedStorage;
  /** The same under Optax's name for traces and averages; give only one of these. */
  accumulatorDtype?: StorageType | RoundedStorage;
  /** The same under Optax's name for Adafactor; give only one of these. */
  dtypeMomentum?: StorageType | RoundedStorage;
}

/** The hyperparameters of a document. */
export type HyperOf<D extends Document> = D extends { readonly hyper: infer H } ? H
  : Record<never, never>;
/** The states of a document. */
export type StateOf<D extends Document> = D extends { readonly state: infer S } ? S
  : Record<never, never>;

/** The default of a hyperparameter, by itself or beside its domain. */
export type DefaultOf<H> = H extends { readonly default: infer V } ? V : H;

/**
 * The options of an optimizer made from a document: its hyperparameters, and the options that these
 * bring.
 */
export type OptionsOf<D extends Document> =
  & {
    -readonly [
      K in keyof HyperOf<D> as DefaultOf<HyperOf<D>[K]> extends "required" ? K : never
    ]: HyperValue;
  }
  & {
    -readonly [K in keyof HyperOf<D> as DefaultOf<HyperOf<D>[K]> extends "required" ? never : K]?:
      HyperOf<D>[K] extends boolean ? (K extends "matrices" ? MatricesOption : Mask) : HyperValue;
  }
  & ("weightDecay" extends keyof HyperOf<D> ? MaskOption : Record<never, never>)
  & ("m" extends keyof StateOf<D> ? MuDTypeOption : Record<never, never>);

/** What the states of a document are. */
export type StateKindsOf<D extends Document> = {
  -readonly [K in keyof StateOf<D> & string]: StateOf<D>[K] extends { readonly over: "tree" }
    ? "tree"
    : "leaf";
};

/**
 * Makes optimizers of one program; options may be left out if none is required. `S` and `Hyper` say what
 * is known of their states and hyperparameters.
 */
export interface OptimizerFactory<
  Options,
  S extends StateKinds = Record<never, never>,
  Hyper extends string = HyperNames<Options>,
> {
  (
    ...options: Record<never, never> extends Options ? [options?: Options] : [options: Options]
  ): Optimizer<S, Hyper>;
  /** What its optimizers compute. */
  readonly program: Program;
}

/**
 * Defines an optimizer: checks its document and returns a function from options to optimizers.
 * `weightDecay` among the hyperparameters brings the option `mask`; a state `m` brings `muDtype`. A
 * hyperparameter that is true or false may also be a mask, and so differ between parameters; that of one called
 * `matrices` may say how parameters of more than two axes are seen as matrices ({@linkcode Matrices}).
 * `docs/language.md` lists what a document may say.
 *
 * @example
 * ```ts
 * import { optimizer, required } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const momentum = optimizer({
 *   name: "momentum",
 *   hyper: { learningRate: required, decay: 0.5 },
 *   state: { m: 0 },
 *   step: `
 *     m = decay*m + g
 *     u = -learningRate*m
 *   `,
 * });
 * const opt = momentum({ learningRate: 1 });
 * const params = { x: Float32Array.of(4) };
 * const state = opt.init(params);
 * opt.step(params, { x: Float32Array.of(1) }, state);
 * opt.step(params, { x: Float32Array.of(1) }, state);
 * assertEquals(params.x, Float32Array.of(1.5));
 * ```
 *
 * @throws {GradusError} if the document is not an optimizer; the message shows where.
 */
export function optimizer<const D extends Document>(
  document: D,
): OptimizerFactory<OptionsOf<D>, StateKindsOf<D>> {
  return factory(parseProgram(document));
}

/**
 * Makes optimizers of a program, such as one read from a file. The options are checked at each call.
 *
 * @example
 * ```ts
 * import { factory, parseJson } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const descent = factory(parseJson(`{
 *   "name": "descent",
 *   "hyper": { "learningRate": "required" },
 *   "step": "u = -learningRate*g"
 * }`));
 * const params = Float32Array.of(1);
 * const opt = descent({ learningRate: 0.5 });
 * opt.step(params, Float32Array.of(1), opt.init(params));
 * assertEquals(params, Float32Array.of(0.5));
 * ```
 */
export function factory<
  Options = Record<string, unknown>,
  S extends StateKinds = Record<never, never>,
  Hyper extends string = HyperNames<Options>,
>(program: Program): OptimizerFactory<Options, S, Hyper> {
  return factoryOf(() => program);
}

/** {@linkcode factory} of a program that is read when it is first needed. */
export function factoryOf<
  Options = Record<string, unknown>,
  S extends StateKinds = Record<never, never>,
  Hyper extends string = HyperNames<Options>,
>(read: () => Program): OptimizerFactory<Options, S, Hyper> {
  const programOf = once(read);
  const resolve = ({ mask, muDtype, ...options }: MaskOption & MuDTypeOption, doing: string) => {
    const { decaying, given } = decayingAs(programOf(), options, doing);
    const settings = settingsOf(decaying, given, doing);
    if (mask !== undefined) maskDecay(settings, mask, doing);
    const storage = storageOf(decaying, muDtype, doing);
    requireStorable(decaying, settings, storage, doing);
    return bind({ program: decaying, settings, storage });
  };
  return resolving(programOf, resolve) as unknown as OptimizerFactory<Options, S, Hyper>;
}

/** The program with the kind of weight decay that options ask for, and the options that are left. */
function decayingAs(
  program: Program,
  { cautiousWeightDecay = false, weightDecayScaling = "rate", ...others }: MaskOption,
  doing: string,
): { decaying: Program; given: Record<string, unknown> } {
  const given: Record<string, unknown> = others;
  requireChoice("weightDecayScaling", weightDecayScaling, ["rate", "relative", "corrected"], doing);
  if (typeof cautiousWeightDecay !== "boolean") {
    throw new GradusError(
      `${doing}: \`cautiousWeightDecay\` must be true or false: given ${
        shown(cautiousWeightDecay)
      }`,
    );
  }
  const masked = cautiousWeightDecay ? cautious(program, doing) : program;
  if (weightDecayScaling === "rate") return { decaying: masked, given };
  const decaying = scaledDecay(masked, weightDecayScaling, doing);
  const options = given as Readonly<Record<string, HyperValue | undefined>>;
  const most = [...decaysOf(program).values()].map((suffix) => {
    const rate = options[`learningRate${suffix}`] ?? program.hyper.get(`learningRate${suffix}`);
    const isKnown = rate !== "required" && !isScheduled(rate as HyperValue);
    const name = `maxLearningRate${suffix}`;
    return [name, options[name] ?? (isKnown ? rate : options.maxLearningRate)];
  });
  return { decaying, given: { ...given, ...Object.fromEntries(most) } };
}

/** The names of the options that a factory takes. */
const optionNames = new WeakMap<object, () => readonly string[]>();

/**
 * A factory that says itself what optimizer its options mean, such as one of several programs; `read`
 * gives that of the defaults, and is called when it is first needed, and `namesFor` the names of its
 * options. They are an object of their own by then, masks and storage types under their first names.
 */
export function resolving<
  Options,
  S extends StateKinds = Record<never, never>,
  Hyper extends string = HyperNames<Options>,
>(
  read: () => Program,
  resolve: (options: Options, doing: string) => Optimizer,
  namesFor: (program: Program) => readonly string[] = namesOf,
): OptimizerFactory<Options, S, Hyper> {
  const programOf = once(read);
  const names = once(() => namesFor(programOf()));
  const make = (options: object = {}) => {
    const doing = `Cannot make "${programOf().name}"`;
    const given = optionsOf(options, doing);
    for (const name of Object.keys(given)) {
      // What these need is told where they are read.
      if (name !== "mask" && name !== "muDtype") requireOption(name, names(), doing);
    }
    return resolve(given as Options, doing);
  };
  optionNames.set(make, names);
  Object.defineProperty(make, "program", { get: programOf, enumerable: true });
  return Object.freeze(make) as unknown as OptimizerFactory<Options, S, Hyper>;
}

/**
 * `inner` with options that decide several of its hyperparameters or go by other names: `decide` says what
 * they come to. Those of its options that are `decided` are none any more; `own` are further ones.
 */
export function deciding<
  Options,
  S extends StateKinds = Record<never, never>,
  Hyper extends string = HyperNames<Options>,
>(
  inner: OptimizerFactory<Record<string, unknown>>,
  decided: readonly string[],
  own: readonly string[],
  decide: (options: Options, doing: string) => Record<string, unknown>,
): OptimizerFactory<Options, S, Hyper> {
  return resolving<Options, S, Hyper>(
    () => inner.program,
    (options, doing) => inner(decide(options, doing)),
    () => [...optionNames.get(inner)!().filter((name) => !decided.includes(name)), ...own],
  );
}

const DECAY_OPTIONS = ["cautiousWeightDecay", "weightDecayScaling", "maxLearningRate"];

const namesKnown = new WeakMap<Program, readonly string[]>();

/** The names of the options of a program's optimizers. */
export function namesOf(program: Program): readonly string[] {
  let names = namesKnown.get(program);
  if (names === undefined) {
    const { hyper, state } = program;
    names = [
      ...hyper.keys(),
      ...decayOf(hyper) === undefined ? [] : ["mask"],
      ...state.has("m") ? ["muDtype"] : [],
      ...decayOf(hyper) === undefined ? [] : DECAY_OPTIONS,
    ];
    namesKnown.set(program, names);
  }
  return names;
}

/** The hyperparameter that `mask` limits. */
function decayOf(hyper: { has(name: string): boolean }): string | undefined {
  return ["weightDecayRate", "weightDecay"].find((name) => hyper.has(name));
}

function maskDecay(settings: Map<string, Setting>, mask: Mask, doing: string): void {
  const name = decayOf(settings) ?? "weightDecay";
  const setting = settings.get(name);
  if (setting === undefined) {
    throw new GradusError(`${doing}: \`mask\` limits \`weightDecay\`, which it does not have`);
  }
  if (!isMask(mask)) {
    throw new GradusError(
      `${doing}: \`mask\` must be a tree of truth values or a function: given ${shown(mask)}`,
    );
  }
  settings.set(name, { ...setting, mask });
}

function storageOf(
  program: Program,
  muDtype: StorageType | RoundedStorage | undefined,
  doing: string,
): StateStorage {
  if (muDtype === undefined || muDtype === null) return new Map();
  if (!program.state.has("m")) {
    throw new GradusError(
      `${doing}: \`muDtype\` is the storage of state \`m\`, which it does not have`,
    );
  }
  return new Map([["m", requireStorage(program, "m", muDtype, "`muDtype`", doing)]]);
}

/**
 * Makes optimizers like another's, with some hyperparameters fixed for good to numbers or truth values;
 * these are no longer options. What a 0 multiplies is removed from the program, with its states.
 *
 * @example
 * ```ts
 * import { adamw, fixed, printProgram } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * // A transform is an optimizer whose learning rate is -1.
 * const rms = fixed(adamw, { name: "rms" }, { learningRate: -1, b1: 0, weightDecay: 0, nesterov: false });
 * assertEquals(printProgram(rms.program).state, { v: 0 });
 * ```
 *
 * @throws {GradusError} if a name is not a hyperparameter, or its value is of the wrong kind.
 */
export function fixed<
  Options = Record<string, unknown>,
  S extends StateKinds = Record<never, never>,
  Hyper extends string = HyperNames<Options>,
>(
  { program }: { readonly program: Program },
  notes: FixedNotes,
  values: Readonly<Record<string, number | boolean>>,
): OptimizerFactory<Options, S, Hyper> {
  return factory(fix(program, notes, values));
}
