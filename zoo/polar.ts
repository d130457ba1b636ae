/** The polar factor of a momentum, by steps of Newton and Schulz: the text that Muon and its kin share. */
import { GradusError, shown } from "../dsl/errors.ts";
import type { Program } from "../dsl/program.ts";
import { parseProgram } from "../dsl/check.ts";
import { printProgram } from "../dsl/print.ts";
import { weave, type Wrapper } from "../dsl/weave.ts";
import {
  deciding,
  factory,
  type MaskOption,
  type MuDTypeOption,
  namesOf,
  type OptimizerFactory,
  resolving,
} from "../runtime/define.ts";
import { bind } from "../runtime/optimizer.ts";
import { requireChoice } from "../runtime/options.ts";
import type { HyperValue, MatricesOption } from "../runtime/trees/hyperparameters.ts";
import type { StateStorage } from "../runtime/trees/state_storage.ts";
import type { StateKinds } from "../runtime/trees/typed.ts";
import { adamw } from "./adam.ts";

/** Coefficients (a, b, c) of one step X ← aX + (bA + cA²)X, A = XXᵀ, of Newton and Schulz. */
export type NsCoefficients = readonly [a: number, b: number, c: number];

/** How a momentum is made orthogonal: options of {@linkcode muon} and its kin. */
export interface PolarOptions {
  /**
   * The steps of the orthogonalisation: coefficients for all of them, one triple a step, or the names
   * `"standard"` (Jordan's) and `"dion"` (five of their own). Default `"standard"`.
   */
  nsCoeffs?: NsCoefficients | readonly NsCoefficients[] | "standard" | "dion";
  /** How many steps, where the coefficients do not say. Default 5. */
  nsSteps?: number;
  /**
   * Where the coefficients are from: `"newtonSchulz"`, `nsCoeffs`; `"polarExpress"`, those that are best
   * for each step in turn, the last one of five for all further steps, after a norm taken 2 % larger
   * (Amsel et al. 2025, arXiv 2505.16932). Default `"newtonSchulz"`.
   */
  polar?: "newtonSchulz" | "polarExpress";
  /**
   * What a matrix X is divided by at first: `"frobenius"`, its norm; `"schatten"`, the root of that of XXᵀ,
   * the 4-norm, which is nearer to the largest singular value; `"aol"`, each row by the root of the sum of
   * magnitudes in its row of XXᵀ, which brings rows near to orthogonal (Boissin et al. 2025, Turbo-Muon,
   * arXiv 2512.04632). Rows are those of the shorter side. Default `"frobenius"`.
   */
  preconditioning?: "frobenius" | "schatten" | "aol";
}

/** The names of {@linkcode PolarOptions}. */
export const POLAR_NAMES = ["nsCoeffs", "nsSteps", "polar", "preconditioning"];

/** What is stepped by AdamW, and how: options of {@linkcode muon} and its kin. */
export interface WithAdamOptions extends MaskOption, MuDTypeOption {
  /**
   * Which parameters are orthogonalised, given as a mask is, and how: {@linkcode Matrices}. All others go to
   * AdamW. Default `true`, as in Optax: parameters of two axes. Those of more, such as the kernel of a
   * convolution, are matrices only where this says how: `"flatten"` makes of `[3, 3, 4, 8]` one of 36 x 8, as the
   * paper does; `"last two"` 9 of 4 x 8; `{ reductionAxis: [1, 2, 3], outputAxis: 0 }` takes a kernel that has its
   * outputs first, as PyTorch's. `explain` shows what each parameter is seen as.
   */
  matrices?: MatricesOption;
  /** AdamW's step size. Default: `learningRate`. */
  adamLearningRate?: HyperValue;
  /** AdamW's β1. Default 0.9. */
  adamB1?: HyperValue;
  /** AdamW's β2. Default 0.999. */
  adamB2?: HyperValue;
  /** Added inside AdamW's root. Default 0. */
  adamEpsRoot?: HyperValue;
  /** AdamW's weight decay, which no mask limits. Default 0. */
  adamWeightDecay?: HyperValue;
}

/** AdamW's hyperparameters beside others. */
export type AdamHyper = `${"learningRate" | "b1" | "b2" | "eps" | "epsRoot" | "weightDecay"}_adam`;

/**
 * What an update of a matrix is multiplied by: `"original"`, √max(1, rows/columns), for matrices of
 * outputs × inputs; `"transposed"`, √max(1, columns/rows), the same for those of inputs × outputs;
 * `"rms"`, 0.2·√max(rows, columns), which gives it the root mean square of AdamW's; `"none"`, nothing.
 */
export type MatrixScaling = "original" | "transposed" | "rms" | "none";

const SCALINGS: Readonly<Record<MatrixScaling, string>> = {
  original: "sqrt(max(1, rows/columns))",
  transposed: "sqrt(max(1, columns/rows))",
  rms: "0.2*sqrt(max(rows, columns))",
  none: "1",
};

/** What options choose of the text of a program. */
export interface PolarForm {
  /**
   * Statements that make `o` of a matrix by its name: its polar factor. `padded` says what becomes of its
   * size, so that nothing is divided by 0; `least` is the least square of a size that is told otherwise.
   */
  readonly polar: (matrix: string, padded: (size: string) => string, least: string) => string;
  /** Whether that size is padded at all. */
  readonly isPadded: boolean;
  /** What an update is multiplied by. */
  readonly scale: string;
}

const STANDARD: NsCoefficients = [3.4445, -4.775, 2.0315];
const DION: readonly NsCoefficients[] = [
  [4.0848, -6.8946, 2.927],
  [3.9505, -6.3029, 2.6377],
  [3.7418, -5.5913, 2.3037],
  [2.8769, -3.1427, 1.2046],
  [2.8366, -3.0525, 1.2012],
];
const POLAR_EXPRESS: readonly NsCoefficients[] = [
  [8.156554524902461, -22.48329292557795, 15.878769915207462],
  [4.042929935166739, -2.808917465908714, 0.5000178451051316],
  [3.8916678022926607, -2.772484153217685, 0.5060648178503393],
  [3.285753657755655, -2.3681294933425376, 0.46449024233003106],
  [2.3465413258596377, -1.7097828382687081, 0.42323551169305323],
];
const MOST_STEPS = 50;

/** What options come to, for an optimizer whose scaling is `usual` by default. */
export function polarForm(
  options: PolarOptions & { scaling?: MatrixScaling },
  usual: MatrixScaling = "none",
  doing: string = "",
): PolarForm {
  const { nsCoeffs, nsSteps = 5, polar = "newtonSchulz", scaling = usual } = options;
  const { preconditioning = "frobenius" } = options;
  requireChoice("polar", polar, ["newtonSchulz", "polarExpress"], doing);
  requireChoice("preconditioning", preconditioning, ["frobenius", "schatten", "aol"], doing);
  requireChoice("scaling", scaling, Object.keys(SCALINGS), doing);
  const isExpress = polar === "polarExpress";
  if (isExpress && nsCoeffs !== undefined) {
    throw new GradusError(
      `${doing}: \`nsCoeffs\` and \`polar: "polarExpress"\` both say which steps, and only one of them ` +
        `may be given: given ${shown(nsCoeffs)}`,
    );
  }
  const triples = isExpress
    ? repeated(nsSteps, (k) => POLAR_EXPRESS[Math.min(k, POLAR_EXPRESS.length - 1)], doing)
    : stepsOf(nsCoeffs, nsSteps, doing);
  const factor = isExpress ? "1.02*" : "";
  const steps = triples.map(([a, b, c]) =>
    `x = ${a}*x + (${b}*(x@transpose(x)) + ${c}*((x@transpose(x))@(x@transpose(x))))@x`
  ).join("\n");
  return {
    polar: (matrix, padded, least) => {
      const oriented = `where(rows > columns, transpose(${matrix}), ${matrix})`;
      const sizes = {
        frobenius: padded(`${factor}norm(${matrix})`),
        schatten: `${factor}sqrt(max(norm(x@transpose(x)), ${least}))`,
        aol: `${factor}sqrt(max(sum(abs(x@transpose(x)), axis=1), ${least}))`,
      };
      const q = sizes[preconditioning];
      return `
        ${q.includes("x@") ? `x = ${oriented}` : ""}
        q = ${q}
        x = ${q.includes("x@") ? "x" : oriented}/where(q == 0, 1, q)
        ${steps}
        o = where(rows > columns, transpose(x), x)
      `;
    },
    isPadded: preconditioning === "frobenius",
    scale: SCALINGS[scaling],
  };
}

function stepsOf(
  given: PolarOptions["nsCoeffs"] = "standard",
  count: number,
  doing: string,
): readonly NsCoefficients[] {
  const coefficients = given === "standard" ? STANDARD : given === "dion" ? DION : given;
  const isTriple = (each: unknown): each is NsCoefficients =>
    Array.isArray(each) && each.length === 3 && each.every((value) => Number.isFinite(value));
  if (isTriple(coefficients)) return repeated(count, () => coefficients, doing);
  const isList = Array.isArray(coefficients) && coefficients.length > 0 &&
    coefficients.length <= MOST_STEPS && coefficients.every(isTriple);
  if (isList) return coefficients;
  throw new GradusError(
    `${doing}: \`nsCoeffs\` must be three numbers, a list of such, "standard" or "dion": given ` +
      shown(given),
  );
}

function repeated(
  count: number,
  step: (k: number) => NsCoefficients,
  doing: string,
): readonly NsCoefficients[] {
  if (Number.isInteger(count) && count >= 1 && count <= MOST_STEPS) {
    return Array.from({ length: count }, (_, k) => step(k));
  }
  throw new GradusError(
    `${doing}: \`nsSteps\` must be a whole number from 1 to ${MOST_STEPS}: given ${shown(count)}`,
  );
}

/** A program that says what becomes of a matrix, `o`; other parameters go to AdamW. */
export function besideAdam(wrapper: Omit<Wrapper, "after">): Program {
  const { program } = weave(
    {
      ...wrapper,
      hyper: { ...wrapper.hyper, matrices: true },
      after: "u = where(matrices & rank == 2, o, u)",
    },
    adamw.program,
    "adam",
  );
  const { name, doc, source } = wrapper;
  return parseProgram({ ...printProgram(program), name, doc, source });
}

/** Options as they are given to what {@linkcode besideAdam} has made. */
type Given =
  & WithAdamOptions
  & PolarOptions
  & { scaling?: MatrixScaling; nesterov?: boolean; learningRate?: HyperValue; eps?: HyperValue };

/**
 * Optimizers of programs that {@linkcode besideAdam} makes: options choose the form of the program, or stand
 * for what it has under names of AdamW's. `usual` is the scaling by default, if that is an option.
 */
export function withAdam<Options, S extends StateKinds, Hyper extends string>(
  programOf: (form: PolarForm) => Program,
  usual?: MatrixScaling,
): OptimizerFactory<Options, S, Hyper> {
  const first = programOf(polarForm({}, usual));
  const names = [
    ...namesOf(first).filter((name) => !name.endsWith("_adam")),
    ...POLAR_NAMES,
    ...usual === undefined ? [] : ["scaling"],
    ...["adamLearningRate", "adamB1", "adamB2", "adamEpsRoot", "adamWeightDecay"],
  ];
  const resolve = (
    { nsCoeffs, nsSteps, polar, preconditioning, scaling, ...rest }: Given,
    doing: string,
  ) => {
    const program = programOf(
      polarForm({ nsCoeffs, nsSteps, polar, preconditioning, scaling }, usual, doing),
    );
    const { adamLearningRate, adamB1, adamB2, adamEpsRoot, adamWeightDecay, ...others } = rest;
    const adam = {
      learningRate_adam: adamLearningRate ?? others.learningRate,
      b1_adam: adamB1,
      b2_adam: adamB2,
      eps_adam: others.eps,
      epsRoot_adam: adamEpsRoot,
      weightDecay_adam: adamWeightDecay ?? 0,
      nesterov_adam: others.nesterov ?? true,
    };
    const decide = (options: Record<string, unknown>) => ({ ...options, ...adam });
    const made = deciding(factory(program), Object.keys(adam), [], decide)({ ...others });
    // The type of the momentum is that of AdamW's too.
    const type = made.storage.get("m");
    if (type === undefined) return made;
    const storage: StateStorage = new Map([["m", type], ["m_adam", type]]);
    return bind({ program: made.program, settings: made.settings, storage });
  };
  return resolving(first, resolve, names) as unknown as OptimizerFactory<Options, S, Hyper>;
}
