import { GradusError, quoted, shown, suggestion } from "../dsl/errors.ts";
import { chain } from "../runtime/chain.ts";
import type { Optimizer } from "../runtime/optimizer.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";
import type { Schedule } from "../dsl/schedules/mod.ts";
import { adafactor } from "./adafactor.ts";
import { adadelta, adagrad } from "./adagrad.ts";
import { adam, adamw, nadam, nadamw } from "./adam.ts";
import { adamax } from "./adamax.ts";
import { amsgrad, scaleByAmsgrad } from "./amsgrad.ts";
import { asgd } from "./asgd.ts";
import { addDecayedWeights } from "./decay.ts";
import { lbfgs } from "./lbfgs.ts";
import { muon } from "./muon.ts";
import type { NsCoefficients } from "./polar.ts";
import { radam, scaleByRadam } from "./radam.ts";
import { rmsprop } from "./rmsprop.ts";
import { rprop } from "./rprop.ts";
import { scale, scaleByLearningRate } from "./scale.ts";
import { sgd } from "./sgd.ts";
import { partition } from "./wrappers/mod.ts";

/** Options of a class of `torch.optim`, by PyTorch's names. */
export type TorchOptions = Readonly<Record<string, unknown>>;

/** What a trainer's configuration says of an optimizer, in one of the usual shapes. */
export type TorchConfig =
  & TorchOptions
  & ({
    /** The class, such as `"AdamW"` or `"torch.optim.AdamW"`; its options stand beside it. */
    readonly optimizer: string;
  } | {
    /** The class, as Lightning writes it. */
    readonly class_path: string;
    /** Its options. */
    readonly init_args?: TorchOptions;
  } | {
    /** The class, as DeepSpeed writes it. */
    readonly type: string;
    /** Its options. */
    readonly params?: TorchOptions;
  });

/** What one rule takes of its options, each checked as it is taken. */
interface Taken {
  number(name: string): number;
  truth(name: string): boolean;
  /** What another function is to check. */
  value(name: string): unknown;
  pair(name: string): readonly [number | null, number];
  readonly lr: HyperValue;
}

interface Rule {
  /** The options and defaults of the class in PyTorch 2.13. */
  readonly defaults: TorchOptions;
  make(options: Taken): Optimizer;
}

const BETAS = [0.9, 0.999];
const like = "torch" as const;

const moments = (of: Taken) => {
  const [b1, b2] = of.pair("betas");
  return { b1: b1!, b2, eps: of.number("eps") };
};

/** Decay that is added to the gradient, as PyTorch's `weight_decay` is unless it is decoupled. */
function withCoupledDecay(of: Taken, rule: Optimizer): Optimizer {
  const weightDecay = of.number("weight_decay");
  return weightDecay === 0 ? rule : chain(addDecayedWeights({ weightDecay }), rule);
}

/** A direction with decoupled decay. */
function withDecoupledDecay(of: Taken, direction: Optimizer): Optimizer {
  return chain(
    direction,
    addDecayedWeights({ weightDecay: of.number("weight_decay") }),
    scaleByLearningRate({ learningRate: of.lr }),
  );
}

function adamLike(of: Taken, isDecoupled: boolean): Optimizer {
  const options = moments(of);
  if (of.truth("amsgrad")) {
    return isDecoupled
      ? withDecoupledDecay(of, scaleByAmsgrad({ ...options, correctionAfterMax: true }))
      : withCoupledDecay(of, amsgrad({ learningRate: of.lr, ...options, like }));
  }
  return isDecoupled
    ? adamw({ learningRate: of.lr, ...options, weightDecay: of.number("weight_decay"), like })
    : withCoupledDecay(of, adam({ learningRate: of.lr, ...options, like }));
}

const RULES: Readonly<Record<string, Rule>> = {
  ASGD: {
    defaults: { lr: 0.01, lambd: 1e-4, alpha: 0.75, t0: 1e6, weight_decay: 0 },
    make: (of) =>
      withCoupledDecay(
        of,
        asgd({
          learningRate: of.lr,
          lambd: of.number("lambd"),
          alpha: of.number("alpha"),
          t0: of.number("t0"),
        }),
      ),
  },
  Adadelta: {
    defaults: { lr: 1, rho: 0.9, eps: 1e-6, weight_decay: 0 },
    make: (of) =>
      adadelta({
        learningRate: of.lr,
        rho: of.number("rho"),
        eps: of.number("eps"),
        weightDecay: of.number("weight_decay"),
        like,
      }),
  },
  Adafactor: {
    defaults: { lr: 0.01, beta2_decay: -0.8, eps: [null, 1e-3], d: 1, weight_decay: 0 },
    make: (of) => {
      const [eps, epsScale] = of.pair("eps");
      return adafactor({
        like,
        learningRate: of.lr,
        decayRate: -of.number("beta2_decay"),
        eps: eps ?? undefined,
        epsScale,
        clippingThreshold: of.number("d"),
        weightDecayRate: of.number("weight_decay"),
      });
    },
  },
  Adagrad: {
    defaults: { lr: 0.01, lr_decay: 0, weight_decay: 0, initial_accumulator_value: 0, eps: 1e-10 },
    make: (of) =>
      withCoupledDecay(
        of,
        adagrad({
          learningRate: fallen(of.lr, of.number("lr_decay")),
          initialAccumulatorValue: of.number("initial_accumulator_value"),
          eps: of.number("eps"),
          like,
        }),
      ),
  },
  Adam: {
    defaults: {
      lr: 1e-3,
      betas: BETAS,
      eps: 1e-8,
      weight_decay: 0,
      amsgrad: false,
      decoupled_weight_decay: false,
    },
    make: (of) => adamLike(of, of.truth("decoupled_weight_decay")),
  },
  AdamW: {
    defaults: {
      lr: 1e-3,
      betas: BETAS,
      eps: 1e-8,
      weight_decay: 0.01,
      amsgrad: false,
      decoupled_weight_decay: true,
    },
    make: (of) => adamLike(of, of.truth("decoupled_weight_decay")),
  },
  Adamax: {
    defaults: { lr: 2e-3, betas: BETAS, eps: 1e-8, weight_decay: 0 },
    make: (of) => withCoupledDecay(of, adamax({ learningRate: of.lr, ...moments(of), like })),
  },
  LBFGS: {
    defaults: {
      lr: 1,
      // PyTorch's 20 iterations a step are 20 steps here.
      max_iter: 1,
      tolerance_grad: 1e-7,
      tolerance_change: 1e-9,
      history_size: 50,
      line_search_fn: null,
    },
    make: (of) => {
      if (of.number("max_iter") !== 1 || of.value("line_search_fn") !== null) {
        refuse(
          "`max_iter` of LBFGS must be 1 and `line_search_fn` none, since a step here is one iteration: " +
            "call it as often",
        );
      }
      return lbfgs({
        like,
        learningRate: of.lr,
        memorySize: of.number("history_size"),
        toleranceGrad: of.number("tolerance_grad"),
        toleranceChange: of.number("tolerance_change"),
      });
    },
  },
  Muon: {
    defaults: {
      lr: 1e-3,
      weight_decay: 0.1,
      momentum: 0.95,
      nesterov: true,
      ns_coefficients: [3.4445, -4.775, 2.0315],
      eps: 1e-7,
      ns_steps: 5,
      adjust_lr_fn: null,
    },
    make: (of) =>
      muon({
        learningRate: of.lr,
        weightDecay: of.number("weight_decay"),
        beta: of.number("momentum"),
        nesterov: of.truth("nesterov"),
        nsCoeffs: of.value("ns_coefficients") as NsCoefficients,
        nsSteps: of.number("ns_steps"),
        eps: of.number("eps"),
        scaling: of.value("adjust_lr_fn") === "match_rms_adamw" ? "rms" : "original",
        like,
      }),
  },
  NAdam: {
    defaults: {
      lr: 2e-3,
      betas: BETAS,
      eps: 1e-8,
      weight_decay: 0,
      momentum_decay: 4e-3,
      decoupled_weight_decay: false,
    },
    make: (of) => {
      const options = {
        learningRate: of.lr,
        ...moments(of),
        momentumDecay: of.number("momentum_decay"),
      };
      return of.truth("decoupled_weight_decay")
        ? nadamw({ ...options, weightDecay: of.number("weight_decay") })
        : withCoupledDecay(of, nadam(options));
    },
  },
  RAdam: {
    defaults: { lr: 1e-3, betas: BETAS, eps: 1e-8, weight_decay: 0, decoupled_weight_decay: false },
    make: (of) =>
      of.truth("decoupled_weight_decay")
        ? withDecoupledDecay(of, scaleByRadam({ ...moments(of), epsBeforeCorrection: true }))
        : withCoupledDecay(of, radam({ learningRate: of.lr, ...moments(of), like })),
  },
  RMSprop: {
    defaults: { lr: 0.01, alpha: 0.99, eps: 1e-8, weight_decay: 0, momentum: 0, centered: false },
    make: (of) =>
      withCoupledDecay(
        of,
        rmsprop({
          learningRate: of.lr,
          decay: of.number("alpha"),
          eps: of.number("eps"),
          momentum: of.number("momentum"),
          centered: of.truth("centered"),
          like,
        }),
      ),
  },
  Rprop: {
    defaults: { lr: 0.01, etas: [0.5, 1.2], step_sizes: [1e-6, 50] },
    make: (of) => {
      const [etaMinus, etaPlus] = of.pair("etas");
      const [minStepSize, maxStepSize] = of.pair("step_sizes");
      return rprop({
        learningRate: of.lr,
        etaMinus: etaMinus!,
        etaPlus,
        minStepSize: minStepSize!,
        maxStepSize,
        like,
      });
    },
  },
  SGD: {
    defaults: { lr: 1e-3, momentum: 0, dampening: 0, weight_decay: 0, nesterov: false },
    make: (of) =>
      withCoupledDecay(
        of,
        sgd({
          learningRate: of.lr,
          momentum: of.number("momentum"),
          dampening: of.number("dampening"),
          nesterov: of.truth("nesterov"),
          like,
        }),
      ),
  },
};

/** What decides how PyTorch computes, and not what. */
const WITHOUT_EFFECT = ["foreach", "fused", "capturable", "differentiable"];

/** A rate that falls by the number of steps, as Adagrad's may. */
function fallen(lr: HyperValue, decay: number): HyperValue {
  if (decay === 0) return lr;
  const rate = typeof lr === "function" ? lr as Schedule : () => lr as number;
  return (count: number) => rate(count) / (1 + count * decay);
}

const DOING = "Cannot make an optimizer of a PyTorch configuration";

function refuse(message: string): never {
  throw new GradusError(`${DOING}: ${message}`);
}

/**
 * The optimizer that a PyTorch trainer's configuration names, by PyTorch's rule, options and defaults:
 * `{ optimizer: "AdamW", lr: 1e-3, betas: [0.9, 0.95] }`, or as Lightning and DeepSpeed write it. `lr` may
 * be a schedule besides. `param_groups` are groups with options of their own, whose `params` are patterns of
 * parameters' paths, `*` standing for any text; the first group that fits holds, and what no group names has
 * the options of the whole. What only decides how PyTorch computes, such as `fused`, has no effect.
 *
 * L-BFGS makes one iteration a step, without a line search; Adafactor's ε is that of float32.
 *
 * @example
 * ```ts
 * import { fromTorchConfig } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = fromTorchConfig({
 *   optimizer: "AdamW",
 *   lr: 0.1,
 *   weight_decay: 0.5,
 *   param_groups: [{ params: ["*bias"], weight_decay: 0 }],
 * });
 * const params = { weight: Float32Array.of(1), bias: Float32Array.of(1) };
 * opt.step(params, { weight: Float32Array.of(0), bias: Float32Array.of(0) }, opt.init(params));
 * assertEquals([params.weight[0], params.bias[0]], [Math.fround(0.95), 1]);
 * ```
 *
 * @throws {GradusError} if there is no such class or option, or a value is of the wrong kind.
 */
export function fromTorchConfig(config: TorchConfig): Optimizer {
  const { name, options } = classOf(config);
  const { param_groups: groups, ...whole } = options;
  if (groups === undefined) return make(name, whole);
  if (!Array.isArray(groups)) {
    return refuse(`\`param_groups\` must be a list of groups: given ${shown(groups)}`);
  }
  const patterns = groups.map((group, k) => patternsOf(group, `group ${k} of \`param_groups\``));
  const optimizers = groups.map(({ params: _, ...own }, k) => [
    `group${k}`,
    make(name, { ...whole, ...own }),
  ]);
  return partition(
    Object.fromEntries([...optimizers, ["others", make(name, whole)]]),
    {
      match: [
        ...patterns.flatMap((each, k) => each.map((pattern) => [pattern, `group${k}`] as const)),
        ["*", "others"],
      ],
    },
  );
}

function patternsOf(group: unknown, what: string): readonly string[] {
  const params = typeof group === "object" && group !== null && "params" in group
    ? group.params
    : undefined;
  const patterns = typeof params === "string" ? [params] : params;
  if (Array.isArray(patterns) && patterns.every((each) => typeof each === "string")) {
    return patterns;
  }
  return refuse(`${what} must have \`params\`, patterns of paths: given ${shown(params)}`);
}

/** The class and the options of a configuration in any of its shapes. */
function classOf(config: unknown): { name: string; options: TorchOptions } {
  if (typeof config !== "object" || config === null) {
    return refuse(`it must be an object: given ${shown(config)}`);
  }
  const { optimizer, class_path, init_args, type, params, ...beside } = config as TorchOptions;
  const given = optimizer ?? class_path ?? type;
  if (typeof given !== "string") {
    return refuse(
      `it must name a class as \`optimizer\`, \`class_path\` or \`type\`: given ${shown(given)}`,
    );
  }
  const name = given.replace(/^torch\.(optim\.(\w+\.)?)?/, "");
  const exact = Object.keys(RULES).find((each) => each.toLowerCase() === name.toLowerCase());
  if (exact === undefined) {
    return refuse(`there is no class ${quoted(given)}${suggestion(name, Object.keys(RULES))}`);
  }
  for (const own of [init_args, params]) {
    if (own !== undefined && (typeof own !== "object" || own === null || Array.isArray(own))) {
      return refuse(`the options of ${exact} must be an object: given ${shown(own)}`);
    }
  }
  return { name: exact, options: { ...beside, ...init_args as object, ...params as object } };
}

function make(name: string, options: TorchOptions): Optimizer {
  const { defaults, make } = RULES[name];
  const { maximize = false, ...given } = options;
  for (const key of Object.keys(given)) {
    if (Object.hasOwn(defaults, key) || WITHOUT_EFFECT.includes(key)) continue;
    refuse(`${name} has no option ${quoted(key)}${suggestion(key, Object.keys(defaults))}`);
  }
  const values = { ...defaults, ...given, maximize };
  const rule = make(new Options(name, values));
  return truthOf(name, "maximize", maximize) ? chain(scale({ stepSize: -1 }), rule) : rule;
}

function truthOf(name: string, option: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  return refuse(`\`${option}\` of ${name} must be true or false: given ${shown(value)}`);
}

/** The options of one class, checked as they are taken. */
class Options implements Taken {
  readonly #name: string;
  readonly #values: TorchOptions;

  constructor(name: string, values: TorchOptions) {
    this.#name = name;
    this.#values = values;
  }

  get lr(): HyperValue {
    const { lr } = this.#values;
    return typeof lr === "function" ? lr as Schedule : this.number("lr");
  }

  number(name: string): number {
    const value = this.#values[name];
    if (typeof value === "number") return value;
    return refuse(`\`${name}\` of ${this.#name} must be a number: given ${shown(value)}`);
  }

  truth(name: string): boolean {
    return truthOf(this.#name, name, this.#values[name]);
  }

  value(name: string): unknown {
    return this.#values[name];
  }

  pair(name: string): readonly [number | null, number] {
    const value = this.#values[name];
    const isPair = Array.isArray(value) && value.length === 2 && typeof value[1] === "number" &&
      (typeof value[0] === "number" || value[0] === null && name === "eps");
    if (isPair) return value as [number | null, number];
    return refuse(`\`${name}\` of ${this.#name} must be a pair of numbers: given ${shown(value)}`);
  }
}
