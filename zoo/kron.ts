import { parseProgram } from "../dsl/check.ts";
import { GradusError, shown } from "../dsl/errors.ts";
import { type Program, required } from "../dsl/program.ts";
import { schedule } from "../dsl/schedules/schedule.ts";
import {
  factory,
  type MaskOption,
  type MuDTypeOption,
  namesOf,
  type OptimizerFactory,
  resolving,
} from "../runtime/define.ts";
import { requireChoice } from "../runtime/options.ts";
import type { HyperValue, MatricesOption } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode kron}. */
export interface KronOptions extends MaskOption, MuDTypeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β1 of the first moment. Default 0.9. */
  b1?: HyperValue;
  /** Decoupled weight decay λ of what has two axes or more, multiplied by the learning rate. Default 0. */
  weightDecay?: HyperValue;
  /**
   * How many updates of the preconditioners a step makes: one every `1/probability` steps, one number for all
   * parameters. Default: the schedule `clip(exp(-0.001*(count - 500)), 0.03, 1)`.
   */
  preconditionerUpdateProbability?: HyperValue;
  /** Longer sides of a matrix have a diagonal preconditioner. Default 8192. */
  maxSizeTriangular?: number;
  /**
   * Which sides have a diagonal preconditioner besides: `"none"`, the longest if there is one
   * (`"smartOneDiag"`), the longest, of equals the columns (`"oneDiag"`), or both (`"allDiag"`).
   * Default `"none"`.
   */
  memorySaveMode?: "none" | "smartOneDiag" | "oneDiag" | "allDiag";
  /** Whether preconditioners are fitted to the first moment, and not to gradients. Default true. */
  momentumIntoPrecondUpdate?: boolean;
  /** Step size of the preconditioners. Default 0.1. */
  precondLr?: HyperValue;
  /** What the preconditioner multiplies by at first, without its square. Default 1. */
  precondInitScale?: number;
  /** Which random numbers the preconditioners are fitted with. Default 0. */
  seed?: HyperValue;
  /** Which parameters are matrices, and how: {@linkcode Matrices}. Default `true`: those of two axes. */
  matrices?: MatricesOption;
}

type KronStates = {
  m: "leaf";
  n: "tree";
  a: "leaf";
  b: "leaf";
  L: "leaf";
  R: "leaf";
};
type Mode = Exclude<KronOptions["memorySaveMode"], undefined>;

/** Of a mode, when the left and the right side may be triangular. */
const TRIANGULAR: Readonly<Record<Mode, readonly [string, string]>> = {
  none: ["", ""],
  smartOneDiag: [" & rows <= columns", " & columns <= rows"],
  oneDiag: [" & rows <= columns", " & columns < rows"],
  allDiag: [" & rows < 0", " & rows < 0"],
};
const IS_DIAGONAL = "index(axis=0) == index(axis=1)";
const DUE = "ceil(1/preconditionerUpdateProbability)";
const MOMENT = "1/(1 - b1^t)*m";
const noisy = (x: string) => `${x} + 2^-11.5*mean(abs(${x}))*normal(seed)`;

/** What the triangular factor of a side loses at an update, where `P` and `N` are its products of A and of B. */
function loss(P: string, N: string): string {
  const s = "1/(norm(A)^2 + norm(B)^2)";
  const T = `(${s}*(${P} + ${N}))`;
  const column = `sum((${P} + ${N})^2, axis=0)`;
  const along = (power: string) => `norm(where(${column} == max(${column}), ${power}, 0))`;
  return `precondLr*${s}*${along(`${T}@${T}`)}/${along(`${T}@${T}@${T}`)}` +
    `*where(index(axis=0) <= index(axis=1), ${P} - ${N}, 0)`;
}

function programOf(mode: Mode, maxSize: number, ofMoment: boolean): Program {
  const isMatrix = (side: string) => `matrices & rank == 2 & ${side} <= ${maxSize}`;
  const left = `${isMatrix("rows")}${TRIANGULAR[mode][0]}`;
  const right = `${isMatrix("columns")}${TRIANGULAR[mode][1]}`;
  /** What comes of x by both sides. */
  const sides = (x: string, L: string, a: string, R: string, b: string) => {
    const half = `where(${left}, ${L}@${x}, ${a}*${x})`;
    return `where(${right}, ${half}@${R}, ${b}*${half})`;
  };
  const sizes = (side: string) => `min(${side}, ${maxSize}) x min(${side}, ${maxSize})`;
  const P = sides(ofMoment ? "x" : `(${MOMENT})`, "transpose(L)@L", "a^2", "transpose(R)@R", "b^2");
  const largest = `where(${left}, max(abs(L)), max(a))`;
  const diagonal = (q: string, axis: string) =>
    `${q} - precondLr*${q}*sum(A^2 - B^2, axis=${axis})/max(sum(A^2 + B^2, axis=${axis}))`;
  return parseProgram({
    name: "kron",
    doc: "A momentum times Kronecker factors that whiten it, fitted on the way.",
    source: "Li 2018, Preconditioned Stochastic Gradient Descent, arXiv 1512.04202; " +
      "Pooladzandi and Li 2024, Curvature-Informed SGD via General Purpose Lie-Group Preconditioners, arXiv 2402.04553",
    hyper: {
      learningRate: required,
      b1: { default: 0.9, domain: "[0, 1)" },
      weightDecay: 0,
      preconditionerUpdateProbability: { default: 1, domain: "(0, 1]" },
      precondLr: { default: 0.1, domain: "[0, inf)" },
      precondInitScale: { default: 1, domain: "(0, inf)" },
      seed: { default: 0, domain: "integer [0, inf)" },
      matrices: true,
    },
    state: {
      m: 0,
      n: { over: "tree" },
      a: { over: "1:", init: "precondInitScale" },
      b: { over: 0, init: 1 },
      L: { shape: sizes("rows"), init: `where(${IS_DIAGONAL}, precondInitScale, 0)` },
      R: { shape: sizes("columns"), init: `where(${IS_DIAGONAL}, 1, 0)` },
    },
    step: `
    m = b1*m + (1 - b1)*g
    n = where(n + 1 >= 1/preconditionerUpdateProbability, 0, n + 1)
    ${ofMoment ? `x = every(${DUE}, ${noisy(`${MOMENT}`)}, ${MOMENT}, n)` : ""}
    X = where(${IS_DIAGONAL}, 1/L, 0)
    Y = where(${IS_DIAGONAL}, 1/R, 0)
    repeat ${Math.max(1, Math.ceil(Math.log2(maxSize)))} {
      X = 2*X - X@(L@X)
      Y = 2*Y - Y@(R@Y)
    }
    A = ${sides(ofMoment ? "x" : `(${noisy("g")})`, "L", "a", "transpose(R)", "b")}
    B = ${sides("normal(seed)", "transpose(X)", "1/a", "Y", "1/b")}
    b = where(rank >= 2 & !(${right}), every(${DUE}, ${largest}*(${diagonal("b", "0")}), b, n), b)
    R = every(${DUE}, ${largest}*(R - ${
      loss("transpose(A)@A", "transpose(B)@B")
    }@R), R, n)
    a = where(${left}, a, every(${DUE}, (${
      diagonal("a", "1:")
    })/where(rank >= 2, max(a), 1), a, n))
    L = every(${DUE}, (L - ${
      loss("A@transpose(A)", "B@transpose(B)")
    }@L)/max(abs(L)), L, n)
    u = -learningRate*(min(1, 1.1/(sqrt(mean((${P})^2)) + 1e-12))*${P} + where(rank >= 2, weightDecay, 0)*w)
  `,
  });
}

/**
 * PSGD Kron
 */
export const kron: OptimizerFactory<
  KronOptions,
  KronStates
> = /* @__PURE__ */ made();

/** The factory: a call of its own, so that a bundle without it leaves all of this out. */
function made(): typeof kron {
  const usual = programOf("none", 8192, true);
  return resolving<KronOptions, KronStates>(usual, (options, doing) => {
    const {
      memorySaveMode: mode = "none",
      maxSizeTriangular: most = 8192,
      momentumIntoPrecondUpdate: isMoment = true,
      preconditionerUpdateProbability = schedule("clip(exp(-0.001*(count - 500)), 0.03, 1)"),
      ...others
    } = options;
    requireChoice("memorySaveMode", mode, Object.keys(TRIANGULAR), doing);
    if (!Number.isSafeInteger(most) || most < 1) {
      throw new GradusError(
        `${doing}: \`maxSizeTriangular\` must be a whole number from 1: given ${shown(most)}`,
      );
    }
    if (typeof isMoment !== "boolean") {
      throw new GradusError(
        `${doing}: \`momentumIntoPrecondUpdate\` must be true or false: given ${shown(isMoment)}`,
      );
    }
    return factory(programOf(mode, most, isMoment))({ ...others, preconditionerUpdateProbability });
  }, [
    ...namesOf(usual),
    ...["memorySaveMode", "maxSizeTriangular", "momentumIntoPrecondUpdate"],
  ]);
}
