/** The polar factor of a momentum, by steps of Newton and Schulz: the text that Muon and its kin share. */
import { GradusError, shown } from "../dsl/errors.ts";
import { requireChoice } from "../runtime/options.ts";

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
   * Where the coefficients are from: `"newtonSchulz"`, `nsCoeffs`; `"polarExpress"`, those that are best for
   * each of five steps in turn, after a norm taken 2 % larger, and for further steps those that they tend to
   * (Amsel et al. 2025, arXiv 2505.16932). Default `"newtonSchulz"`.
   */
  polar?: "newtonSchulz" | "polarExpress";
  /**
   * What a matrix X is divided by at first: `"frobenius"`, its norm; `"spectral"`, the
   * largest singular value, by 24 products of matrices; `"schatten"`, the root of that of XXᵀ,
   * the 4-norm, which is nearer to the largest singular value; `"aol"`, each row by the root of the sum of
   * magnitudes in its row of XXᵀ, which brings rows near to orthogonal (Boissin et al. 2025, Turbo-Muon,
   * arXiv 2512.04632). Rows are those of the shorter side. Default `"frobenius"`.
   */
  preconditioning?: "frobenius" | "spectral" | "schatten" | "aol";
}

/** The names of {@linkcode PolarOptions}. */
export const POLAR_NAMES = ["nsCoeffs", "nsSteps", "polar", "preconditioning"];

/**
 * What an update of a matrix is multiplied by: `"original"`, √max(1, rows/columns), for matrices of
 * outputs × inputs; `"transposed"`, √max(1, columns/rows), the same for those of inputs × outputs;
 * `"spectral"`, √(rows/columns), so that what it does to inputs of one size has one size; `"rms"`, 0.2·√max(rows, columns), which gives it the root mean square of AdamW's; `"none"`, nothing.
 */
export type MatrixScaling = "original" | "transposed" | "spectral" | "rms" | "none";

const SCALINGS: Readonly<Record<MatrixScaling, string>> = {
  original: "sqrt(max(1, rows/columns))",
  transposed: "sqrt(max(1, columns/rows))",
  spectral: "sqrt(rows/columns)",
  rms: "0.2*sqrt(max(rows, columns))",
  none: "1",
};

/** What options choose of the text of a program. */
export interface PolarForm {
  /**
   * Statements that make `o` of a matrix by its name: its polar factor. What it is divided by at first is
   * larger by `eps`, more than 0, or at least that; of Muon as its options say, where it may be 0.
   */
  readonly polar: (matrix: string, eps: string, isMuon?: boolean) => string;
  /** Whether it is larger by that, and not at least that. */
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
/** What the best coefficients come to where all singular values are near 1. */
const NEAR_ONE: NsCoefficients = [1.875, -1.25, 0.375];
const MOST_STEPS = 50;

/**
 * The projection p of a matrix y = xxᵀ on its largest eigenvector, and its trace r: a power of y, of which
 * other eigenvalues are left no more than 6e-8 times as far as they are from the largest.
 */
const LARGEST = `
        y = x@transpose(x)
        p = y
        repeat 24 {
          p = p/where(norm(p) == 0, 1, norm(p))
          p = p@p
        }
        r = sum(where(index(axis=0) == index(axis=1), p, 0))
`;

/** What options come to, for an optimizer whose scaling is `usual` by default. */
export function polarForm(
  options: PolarOptions & { scaling?: MatrixScaling },
  usual: MatrixScaling,
  doing: string,
): PolarForm {
  const { nsCoeffs, nsSteps = 5, polar = "newtonSchulz", scaling = usual } = options;
  const { preconditioning = "frobenius" } = options;
  requireChoice("polar", polar, ["newtonSchulz", "polarExpress"], doing);
  requireChoice(
    "preconditioning",
    preconditioning,
    ["frobenius", "spectral", "aol", "schatten"],
    doing,
  );
  requireChoice("scaling", scaling, Object.keys(SCALINGS), doing);
  const isExpress = polar === "polarExpress";
  if (isExpress && nsCoeffs !== undefined) {
    throw new GradusError(
      `${doing}: \`nsCoeffs\` and \`polar: "polarExpress"\` both say which steps, and only one of them ` +
        `may be given: given ${shown(nsCoeffs)}`,
    );
  }
  const triples = isExpress
    ? repeated(nsSteps, (k) => POLAR_EXPRESS[k] ?? NEAR_ONE, doing)
    : stepsOf(nsCoeffs, nsSteps, doing);
  const factor = isExpress ? "1.02*" : "";
  const steps = `repeat (a, b, c) in ${triples.map((each) => `(${each.join(", ")})`).join(", ")} {
          x = a*x + (b*(x@transpose(x)) + c*((x@transpose(x))@(x@transpose(x))))@x
        }`;
  return {
    polar: (matrix, eps, isMuon = false) => {
      const oriented = `where(rows > columns, transpose(${matrix}), ${matrix})`;
      const padded = (size: string) =>
        isMuon ? `where(epsAsFloor, max(${size}, ${eps}), ${size} + ${eps})` : `(${size} + ${eps})`;
      const size = {
        frobenius: padded(`${factor}norm(${matrix})`),
        spectral: padded(`${factor}sqrt(sum(p*y)/where(r == 0, 1, r))`),
        schatten: `${factor}sqrt(max(norm(x@transpose(x)), ${eps}))`,
        aol: `${factor}sqrt(max(sum(abs(x@transpose(x)), axis=1), ${eps}))`,
      }[preconditioning];
      const isFirst = preconditioning !== "frobenius";
      return `
        ${isFirst ? `x = ${oriented}` : ""}
        ${preconditioning === "spectral" ? LARGEST : ""}
        ${isMuon ? `q = ${size}` : ""}
        x = ${isFirst ? "x" : oriented}/${isMuon ? "where(q == 0, 1, q)" : size}
        ${steps}
        o = where(rows > columns, transpose(x), x)
      `;
    },
    isPadded: preconditioning === "frobenius" || preconditioning === "spectral",
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
