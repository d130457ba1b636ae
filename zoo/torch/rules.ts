/** The classes of `torch.optim`, each as an optimizer of the zoo by PyTorch's rule. */
import { chain } from "../../runtime/chain.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import type { HyperValue } from "../../runtime/trees/hyperparameters.ts";
import { apply, constant, COUNT, type Node } from "../../dsl/node.ts";
import { type Schedule, scheduleOf } from "../../dsl/schedules/schedule.ts";
import { adafactor } from "../adafactor.ts";
import { adadelta, adagrad } from "../adagrad.ts";
import { adam, adamw, nadam, nadamw } from "../adam.ts";
import { adamax } from "../adamax.ts";
import { amsgrad, scaleByAmsgrad } from "../amsgrad.ts";
import { asgd } from "../asgd.ts";
import { addDecayedWeights } from "../decay.ts";
import { lbfgs } from "../lbfgs.ts";
import { muon } from "../muon.ts";
import type { NsCoefficients } from "../polar.ts";
import { radam, scaleByRadam } from "../radam.ts";
import { rmsprop } from "../rmsprop.ts";
import { rprop } from "../rprop.ts";
import { scaleByLearningRate } from "../scale.ts";
import { sgd } from "../sgd.ts";
import { refuse, type Taken, type TorchOptions } from "./options.ts";

/** A class of `torch.optim`. */
export interface Rule {
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

/** The classes by name. */
export const RULES: Readonly<Record<string, Rule>> = {
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

/** A rate that falls by the number of steps, as Adagrad's may. */
function fallen(lr: HyperValue, decay: number): HyperValue {
  if (decay === 0) return lr;
  const by = apply("Add", constant(1), apply("Mul", COUNT, constant(decay)));
  const over = (rate: Node) => scheduleOf(apply("Div", rate, by));
  if (typeof lr === "number") return over(constant(lr));
  const { expression } = lr as Schedule;
  if (expression !== undefined) return over(expression);
  return (count: number) => (lr as Schedule)(count) / (1 + count * decay);
}
