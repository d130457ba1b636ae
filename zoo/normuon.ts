import type { OptimizerFactory } from "../runtime/define.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";
import {
  type AdamHyper,
  besideAdam,
  type MatrixScaling,
  type PolarOptions,
  withAdam,
  type WithAdamOptions,
} from "./polar.ts";

/** Options of {@linkcode normuon}. */
export interface NorMuonOptions extends PolarOptions, WithAdamOptions {
  /** Step size α of matrices. */
  learningRate: HyperValue;
  /** Decay β of the momentum. Default 0.95. */
  beta?: HyperValue;
  /** Decay β2 of the mean squares of rows. Default 0.95. */
  b2?: HyperValue;
  /** Added to roots and norms. Default 1e-10. */
  eps?: HyperValue;
  /** Decoupled weight decay λ of matrices, multiplied by the learning rate. Default 0. */
  weightDecay?: HyperValue;
  /** Whether momenta look one step ahead. Default true. */
  nesterov?: boolean;
  /** What updates of matrices are multiplied by. Default `"original"`, for matrices of outputs × inputs. */
  scaling?: MatrixScaling;
}

/**
 * NorMuon: {@linkcode muon} whose rows, the neurons of a matrix of outputs × inputs, are divided by the root
 * of an average of their mean squares, so that all of them learn; the update keeps its norm. One state
 * tensor and one number a row. As with Muon, parameters that are no matrices go to AdamW.
 *
 * ```text
 * ```
 *
 * Source: Li et al. 2025, NorMuon: Making Muon more efficient and scalable, arXiv 2510.05491.
 *
 * @example
 * ```ts
 * import { normuon } from "@gradus/gradus";
 * import { assert } from "@std/assert";
 *
 * const opt = normuon({ learningRate: 0.5 });
 * const params = { data: new Float32Array(4), shape: [2, 2] };
 * opt.step(params, { data: Float32Array.of(3, 0, 0, -0.02), shape: [2, 2] }, opt.init(params));
 * // Where steps of Newton and Schulz leave singular values apart, rows come to be alike.
 * assert(Math.abs(params.data[0] + params.data[3]) < 1e-6);
 * ```
 *
 * @throws {GradusError} if an option that chooses steps is not valid.
 */
export const normuon: OptimizerFactory<
  NorMuonOptions,
  { m: "leaf"; v: "leaf"; m_adam: "leaf"; v_adam: "leaf" },
  "learningRate" | "beta" | "b2" | "eps" | "weightDecay" | AdamHyper
> = /* @__PURE__ */ withAdam(
  ({ size, steps, scale }) =>
    besideAdam({
      name: "normuon",
      doc: "Muon with rows of one size, one state tensor and one number a row; AdamW for the rest.",
      source: "Li et al. 2025, NorMuon: Making Muon more efficient and scalable, arXiv 2510.05491",
      hyper: {
        learningRate: "required",
        beta: { default: 0.95, domain: "[0, 1)" },
        b2: { default: 0.95, domain: "[0, 1)" },
        eps: { default: 1e-10, domain: "(0, inf)" },
        weightDecay: 0,
        nesterov: true,
      },
      state: { m: 0, v: { over: "1:" } },
      before: `
      m = beta*m + (1 - beta)*g
      mhat = where(nesterov, beta*m + (1 - beta)*g, m)
      x = where(rows > columns, transpose(mhat), mhat)/(${size("mhat")} + 1e-7)
      ${steps}
      o = where(rows > columns, transpose(x), x)
      v = b2*v + (1 - b2)*mean(o^2, axis=1:)
      p = o/(sqrt(v) + eps)
      o = ${scale}*norm(o)/(norm(p) + eps)*p
      o = -learningRate*(o + weightDecay*w)
    `,
    }),
  "original",
);
