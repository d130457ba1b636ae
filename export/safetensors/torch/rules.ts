/** What PyTorch's optimizers keep and are told, beside the programs that compute the same. */
import { compose } from "../../../dsl/compose.ts";
import { programDigest } from "../../../dsl/digest.ts";
import { GradusError } from "../../../dsl/errors.ts";
import type { Program } from "../../../dsl/program.ts";
import { adagrad } from "../../../zoo/adagrad.ts";
import { adam, adamw } from "../../../zoo/adam.ts";
import { addDecayedWeights } from "../../../zoo/decay.ts";
import { amsgrad } from "../../../zoo/amsgrad.ts";
import { lion } from "../../../zoo/lion.ts";
import { muon } from "../../../zoo/muon.ts";
import { rmsprop } from "../../../zoo/rmsprop.ts";
import { sgd } from "../../../zoo/sgd.ts";
import {
  always,
  betas,
  byWidth,
  type Field,
  number,
  type Numbers,
  type Shape,
  truth,
} from "./fields.ts";

/** A state of ours and the one of torch's that means the same. */
export interface Kept {
  readonly ours: string;
  readonly torch: string;
  /** Whether torch keeps it. Default: always. */
  readonly isKept?: (numbers: Numbers) => boolean;
  /** Torch's number of ours, and back, where they are not the same. */
  readonly scale?: {
    readonly to: (x: number, numbers: Numbers) => number;
    readonly from: (x: number, numbers: Numbers) => number;
  };
}

/** One of torch's optimizers. */
export interface TorchRule {
  readonly name: string;
  /** Which programs compute what it does. */
  readonly programs: () => readonly Program[];
  readonly states: readonly Kept[];
  /** Whether it keeps `step`. */
  readonly hasStep: boolean;
  /** Whether steps of ours depend on a count that torch does not keep. */
  readonly needsCount?: boolean;
  readonly fields: readonly Field[];
  /** What hyperparameters of ours must be, since torch has none for them, and why. */
  readonly only?: Readonly<Record<string, readonly [values: readonly unknown[], why: string]>>;
  /**
   * The state that only grows, of which ε is added inside the root here and outside it by torch: the two are
   * one only where ε is too small to change a number.
   */
  readonly outsideRoot?: string;
  /** What must hold of the shape of each parameter. */
  readonly shape?: readonly [holds: (shape: Shape) => boolean, requires: string];
}

const learningRate = number("lr", "learningRate");
const weightDecay = number("weight_decay", "weightDecay");
const maximize = always(false, "maximize", "Gradus descends");
const noAmsgrad = always(
  false,
  "amsgrad",
  "torch keeps the largest second moment before its bias is corrected, Gradus after that",
);

/** What is the same for whatever value: how torch computes it, or what its schedulers note. */
export const SILENT: readonly string[] = [
  ...["params", "param_names", "name", "foreach", "fused", "capturable", "differentiable"],
  ...["use_triton", "initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum", "swa_lr"],
];

const moments: readonly Kept[] = [
  { ours: "m", torch: "exp_avg" },
  { ours: "v", torch: "exp_avg_sq" },
];
const plainRoot = {
  epsRoot: [[0], "torch adds nothing inside the root"],
  nesterov: [[false], "torch's looks not ahead"],
} as const;

const adjusted: Field = {
  key: "adjust_lr_fn",
  to: ({ consistentRms }) => consistentRms === 0 ? "original" : "match_rms_adamw",
  from: (value) => {
    if (value === null || value === "original") return { consistentRms: 0 };
    return value === "match_rms_adamw" ? { consistentRms: 0.2 } : undefined;
  },
  requires: '"original" or "match_rms_adamw"',
};

/** `program` with torch's weight decay, which is added to the gradient. */
function decayed(program: Program): Program {
  return compose([addDecayedWeights.program, program]).program;
}

/** What torch's Muon is for either scaling of ours. */
const matrices = {
  name: "torch.optim.Muon",
  states: [{ ours: "m", torch: "momentum_buffer" }],
  hasStep: false,
  fields: [
    ...[number("momentum", "beta"), truth("nesterov", "nesterov"), number("eps", "eps")],
    always([3.4445, -4.775, 2.0315], "ns_coefficients", "the program has these"),
    always(5, "ns_steps", "the program has five"),
    adjusted,
  ],
  only: {
    consistentRms: [[0, 0.2], "torch has no other"],
    adaptive: [[false], "torch scales no update by its product with the momentum"],
    matrices: [
      [true],
      "torch's takes all parameters: give the others an optimizer of their own",
    ],
  },
  shape: [
    (shape: Shape) => shape.length === 2,
    "a matrix, as all parameters of torch's Muon are",
  ],
} as const satisfies Omit<TorchRule, "programs">;

const RULES: readonly TorchRule[] = [
  {
    name: "torch.optim.SGD",
    programs: () => [sgd.program, decayed(sgd.program)],
    states: [{ ours: "m", torch: "momentum_buffer", isKept: ({ momentum }) => momentum !== 0 }],
    hasStep: false,
    fields: [
      ...[learningRate, number("momentum", "momentum")],
      always(0, "dampening", "Gradus adds gradients to the momentum as they are"),
      ...[weightDecay, truth("nesterov", "nesterov"), maximize],
    ],
  },
  {
    name: "torch.optim.Adam",
    programs: () => [adam.program, decayed(adam.program)],
    states: moments,
    hasStep: true,
    fields: [
      ...[learningRate, betas, number("eps", "eps"), weightDecay, noAmsgrad, maximize],
      always(false, "decoupled_weight_decay", "that is `adamw`", true),
    ],
    only: plainRoot,
  },
  {
    name: "torch.optim.AdamW",
    programs: () => [adamw.program],
    states: moments,
    hasStep: true,
    fields: [
      ...[learningRate, betas, number("eps", "eps"), weightDecay, noAmsgrad, maximize],
      always(true, "decoupled_weight_decay", "the decay of `adamw` is", true),
    ],
    only: plainRoot,
  },
  {
    name: "torch.optim.Adagrad",
    programs: () => [adagrad.program, decayed(adagrad.program)],
    states: [{ ours: "s", torch: "sum" }],
    hasStep: true,
    fields: [
      learningRate,
      always(0, "lr_decay", "in Gradus that is a schedule"),
      ...[number("eps", "eps"), weightDecay, maximize],
      number("initial_accumulator_value", "initialAccumulatorValue"),
    ],
    outsideRoot: "s",
  },
  {
    name: "torch.optim.RMSprop",
    programs: () => [rmsprop.program, decayed(rmsprop.program)],
    states: [
      { ours: "v", torch: "square_avg" },
      {
        ours: "m",
        torch: "momentum_buffer",
        isKept: ({ momentum }) => momentum !== 0,
        // Ours is of steps, theirs is of what the learning rate has yet to multiply.
        scale: {
          to: (x, { learningRate }) => -x / (learningRate as number),
          from: (x, { learningRate }) => -x * (learningRate as number),
        },
      },
      { ours: "gbar", torch: "grad_avg", isKept: ({ centered }) => centered === true },
    ],
    hasStep: true,
    fields: [
      ...[learningRate, number("momentum", "momentum"), number("alpha", "decay")],
      ...[number("eps", "eps"), truth("centered", "centered"), weightDecay, maximize],
    ],
    only: {
      epsInSqrt: [[false], "torch adds ε outside the root"],
      nesterov: [[false], "torch's looks not ahead"],
      biasCorrection: [[false], "torch corrects no bias"],
    },
  },
  {
    name: "lion_pytorch.Lion",
    programs: () => [lion.program],
    states: [{ ours: "m", torch: "exp_avg" }],
    hasStep: false,
    fields: [
      ...[learningRate, betas, weightDecay],
      always(1, "cautious_factor", "Lion is not cautious", true),
    ],
  },
  {
    ...matrices,
    programs: () => [muon.program],
    needsCount: true,
    fields: [
      byWidth(learningRate, "learningRate", 1),
      byWidth(weightDecay, "weightDecay", -1),
      ...matrices.fields,
    ],
  },
  {
    ...matrices,
    programs: () => [muon({ learningRate: 1, scaling: "original" }).program],
    fields: [learningRate, weightDecay, ...matrices.fields],
    only: {
      ...matrices.only,
      biasCorrection: [[false], "torch corrects no bias"],
      epsAsFloor: [[true], "torch has norms that are at least `eps`"],
    },
  },
];

/** Why some programs are not torch's that seem to be. */
const WHY: readonly (readonly [{ readonly program: Program }, string])[] = [
  [
    amsgrad,
    "; torch's `amsgrad` keeps the largest second moment before its bias is corrected, Gradus after that",
  ],
  [
    muon,
    "; torch's Muon is the one with five standard steps of Newton and Schulz from the Frobenius norm",
  ],
];

let byDigest: ReadonlyMap<string, TorchRule> | undefined;

/** What torch calls the states of `program` that it has, by our names: none of a program that is none of its. */
export function torchStateNames(program: Program): ReadonlyMap<string, string> {
  const { states = [] } = ruleFor(program) ?? {};
  return new Map(
    states.flatMap(({ ours, torch, scale }) => scale === undefined ? [[ours, torch]] : []),
  );
}

function ruleFor(program: Program): TorchRule | undefined {
  byDigest ??= new Map(
    RULES.flatMap((rule) => rule.programs().map((each) => [programDigest(each), rule])),
  );
  return byDigest.get(programDigest(program));
}

/** Torch's optimizer that does what `program` does; refuses a program that is none of its. */
export function torchRuleOf(program: Program, doing: string): TorchRule {
  const rule = ruleFor(program);
  if (rule !== undefined) return rule;
  const [, why = ""] = WHY.find(([other]) => other.program.name === program.name) ?? [];
  throw new GradusError(
    `${doing}: torch must have the same rule: it has that of sgd, adam, adamw, adagrad, rmsprop, lion and ` +
      `muon, and of sgd, adam, adagrad and rmsprop after addDecayedWeights: given "${program.name}"${why}`,
  );
}
