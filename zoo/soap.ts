import { required } from "../dsl/program.ts";
import {
  deciding,
  type MaskOption,
  type MuDTypeOption,
  optimizer,
  type OptimizerFactory,
} from "../runtime/define.ts";
import type { HyperValue, MatricesOption } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode soap}. */
export interface SoapOptions extends MaskOption, MuDTypeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β1 of the first moment. Default 0.95. */
  b1?: HyperValue;
  /** Decay β2 of the second moment. Default 0.95. */
  b2?: HyperValue;
  /** Decay of what the bases are of. Default: `b2`. */
  shampooBeta?: HyperValue;
  /** Added outside the square root. Default 1e-8. */
  eps?: HyperValue;
  /** Decoupled weight decay λ, multiplied by the learning rate. Default 0.01. */
  weightDecay?: HyperValue;
  /** How often the bases are brought nearer to eigenvectors. Default 10. */
  preconditionFrequency?: HyperValue;
  /** Longer sides of a matrix keep the basis that they have. Default 10000. */
  maxPrecondDim?: HyperValue;
  /** Which parameters are matrices, and how: {@linkcode Matrices}. Default `true`: those of two axes. */
  matrices?: MatricesOption;
}

const document = {
  name: "soap",
  doc:
    "Adam in the eigenbases of Shampoo; two state tensors, and two square ones a side of a matrix.",
  source: "Vyas et al. 2024, SOAP: Improving and Stabilizing Shampoo using Adam, arXiv 2409.11321",
  hyper: {
    learningRate: required,
    b1: { default: 0.95, domain: "[0, 1)" },
    b2: { default: 0.95, domain: "[0, 1)" },
    shampooBeta: { default: 0.95, domain: "[0, 1)" },
    eps: { default: 1e-8, domain: "(0, inf)" },
    weightDecay: 0.01,
    preconditionFrequency: { default: 10, domain: "integer [1, inf)" },
    maxPrecondDim: { default: 10000, domain: "[0, inf)" },
    matrices: true,
  },
  state: {
    m: 0,
    v: 0,
    L: { shape: "rows x rows" },
    R: { shape: "columns x columns" },
    A: { shape: "rows x rows", init: "where(index(axis=0) == index(axis=1), 1, 0)" },
    B: { shape: "columns x columns", init: "where(index(axis=0) == index(axis=1), 1, 0)" },
  },
} as const;

/** The text of what `inBoth`, `inLeft` and `inRight` make of a value by the sides that have bases. */
const bySides = (both: string, left: string, right: string, none: string) =>
  `where(left & right, ${both}, where(left, ${left}, where(right, ${right}, ${none})))`;

/** The text of the places to which the columns of a basis go that are as long as `e` says, the longest first. */
const order = (e: string, basis: string) =>
  `where(transpose(sum(where(transpose(${e}) > ${e} | transpose(${e}) == ${e} & index(axis=0) < index(axis=1), 1, 0), ` +
  `axis=0) + 0*${basis}) == index(axis=1), 1, 0)`;

/**
 * SOAP: Adam in the bases `A` and `B` in which Shampoo's factors `L` and `R` of a matrix are nearly
 * diagonal. A step of a power iteration and a QR decomposition brings them nearer, now and then, as the first
 * step does from the identity, where its authors decompose; the bases are all that this step makes. The first
 * moment is kept in no basis, the second in the present one. Parameters that are no matrices are stepped by
 * Adam; they do not move at the first step either.
 *
 * ```text
 * ```
 *
 * Source: Vyas et al. 2024, SOAP: Improving and Stabilizing Shampoo using Adam, arXiv 2409.11321.
 *
 * @example
 * ```ts
 * import { soap } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = soap({ learningRate: 0.1, weightDecay: 0, preconditionFrequency: 1 });
 * const x = { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] };
 * const state = opt.init(x);
 * const losses: string[] = [];
 * for (let step = 0; step < 6; step++) {
 *   opt.step(x, { data: x.data.map((value) => 2 * value), shape: [2, 2] }, state);
 *   losses.push(x.data.reduce((sum, value) => sum + value * value, 0).toPrecision(3));
 * }
 * assertEquals(losses, []);
 * ```
 */
export const soap: OptimizerFactory<
  SoapOptions,
  { m: "leaf"; v: "leaf"; L: "leaf"; R: "leaf"; A: "leaf"; B: "leaf" }
> = /* @__PURE__ */ deciding(
  /* @__PURE__ */ optimizer({
    ...document,
    step: `
    left = matrices & rank == 2 & rows <= maxPrecondDim
    right = matrices & rank == 2 & columns <= maxPrecondDim
    m = where(count == 0, m, b1*m + (1 - b1)*g)
    h = ${bySides("transpose(A)@g@B", "transpose(A)@g", "g@B", "g")}
    v = where(count == 0, v, b2*v + (1 - b2)*h^2)
    d = ${bySides("transpose(A)@m@B", "transpose(A)@m", "m@B", "m")}/(sqrt(v) + eps)
    d = learningRate*sqrt(1 - b2^count)/(1 - b1^count)*${
      bySides("A@d@transpose(B)", "A@d", "d@transpose(B)", "d")
    }
    u = where(count == 0, 0, -d - learningRate*weightDecay*(w - d))
    L = shampooBeta*L + (1 - shampooBeta)*(g@transpose(g))
    R = shampooBeta*R + (1 - shampooBeta)*(transpose(g)@g)
    e = sum(A*(L@A), axis=0) + 0*A
    S = ${order("e", "A")}
    f = sum(B*(R@B), axis=0) + 0*B
    T = ${order("f", "B")}
    v = every(preconditionFrequency, ${
      bySides("transpose(S)@v@T", "transpose(S)@v", "v@T", "v")
    }, v)
    A = every(preconditionFrequency, qr(L@A@S), A)
    B = every(preconditionFrequency, qr(R@B@T), B)
  `,
  }) as OptimizerFactory<never> as OptimizerFactory<Record<string, unknown>>,
  [],
  [],
  ({ shampooBeta, ...options }) => ({ ...options, shampooBeta: shampooBeta ?? options.b2 }),
);
