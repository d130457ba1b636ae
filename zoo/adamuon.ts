import type { OptimizerFactory } from "../runtime/define.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";
import {
  type AdamHyper,
  besideAdam,
  type PolarOptions,
  withAdam,
  type WithAdamOptions,
} from "./polar.ts";

/** Options of {@linkcode adamuon}. */
export interface AdaMuonOptions extends PolarOptions, WithAdamOptions {
  /** Step size α of matrices. */
  learningRate: HyperValue;
  /** Decay β of the momentum, and of the second moment. Default 0.95. */
  beta?: HyperValue;
  /** Added to roots and norms. Default 1e-8. */
  eps?: HyperValue;
  /** Decoupled weight decay λ of matrices, multiplied by the learning rate. Default 0. */
  weightDecay?: HyperValue;
  /** Whether momenta look one step ahead. Default true. */
  nesterov?: boolean;
}

/**
 * AdaMuon: the orthogonalised sign of a momentum, each element divided by the root of its second moment;
 * the update has the root mean square 0.2, as AdamW's. Two state tensors. As with {@linkcode muon},
 * parameters that are no matrices go to AdamW.
 *
 * ```text
 * ```
 *
 * Source: Si et al. 2025, AdaMuon: Adaptive Muon Optimizer, arXiv 2507.11005.
 *
 * @example
 * ```ts
 * import { adamuon } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = adamuon({ learningRate: 0.5 });
 * const params = { data: new Float32Array(4), shape: [2, 2] };
 * opt.step(params, { data: Float32Array.of(3, 2, 1, -2), shape: [2, 2] }, opt.init(params));
 * const meanSquare = params.data.reduce((sum, value) => sum + value ** 2, 0) / 4;
 * assertEquals(Math.sqrt(meanSquare).toFixed(6), "0.100000");
 * ```
 *
 * @throws {GradusError} if an option that chooses steps is not valid.
 */
export const adamuon: OptimizerFactory<
  AdaMuonOptions,
  { m: "leaf"; v: "leaf"; m_adam: "leaf"; v_adam: "leaf" },
  "learningRate" | "beta" | "eps" | "weightDecay" | AdamHyper
> = /* @__PURE__ */ withAdam(
  ({ size, steps }) =>
    besideAdam({
      name: "adamuon",
      doc: "The orthogonalised sign of a momentum over a second moment; two state tensors.",
      source: "Si et al. 2025, AdaMuon: Adaptive Muon Optimizer, arXiv 2507.11005",
      hyper: {
        learningRate: "required",
        beta: { default: 0.95, domain: "[0, 1)" },
        eps: { default: 1e-8, domain: "(0, inf)" },
        weightDecay: 0,
        nesterov: true,
      },
      state: { m: 0, v: 0 },
      before: `
      m = beta*m + (1 - beta)*g
      s = sign(where(nesterov, beta*m + (1 - beta)*g, m))
      x = where(rows > columns, transpose(s), s)/(${size("s")} + 1e-7)
      ${steps}
      o = where(rows > columns, transpose(x), x)
      v = beta*v + (1 - beta)*o^2
      p = o/(sqrt(v) + eps)
      o = -learningRate*(0.2*sqrt(size)/(norm(p) + eps)*p + weightDecay*w)
    `,
    }),
);
