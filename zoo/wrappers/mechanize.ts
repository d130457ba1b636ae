/** A learning rate that finds itself. */
import { GradusError, shown } from "../../dsl/errors.ts";
import type { Wrapper } from "../../dsl/weave.ts";
import type { HyperValue } from "../../runtime/trees/hyperparameters.ts";
import type { StateKinds, Suffixed, WrappedStates } from "../../runtime/trees/typed.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { ownOptions } from "../../runtime/options.ts";
import { requireOptimizer, wrap, wrapperSettings } from "../../runtime/wrap.ts";

/** Options of {@linkcode mechanize}. */
export interface MechanizeOptions {
  /** Decay λ that is added to the gradients which the tuner sees. Default 0.01. */
  weightDecay?: HyperValue;
  /** Added to denominators. Default 1e-8. */
  eps?: HyperValue;
  /** The first scale. Default 1e-6. */
  sInit?: HyperValue;
  /** How many decays βᵢ = 1 - 0.1^i the tuner averages over, from 1 to 16. Default 6. */
  numBetas?: number;
}

const MOST_BETAS = 16;

function mechanic(betas: number): Wrapper {
  const each = (write: (i: number) => string): string[] =>
    Array.from({ length: betas }, (_, i) => write(i + 1));
  const scale = each((i) => `s${i}`).join(" + ");
  // Before anything is learned, and without ε, both sides of a division may be 0.
  const safe = (text: string) => `where(${text} == 0, 1, ${text})`;
  const names = ["m", "v", "r", "s"].flatMap((name) => each((i) => `${name}${i}`));
  return {
    name: "mechanize",
    doc: "Tunes the scale of the updates by betting on their correlation with the gradients.",
    source: "Cutkosky et al. 2023, Mechanic: A Learning Rate Tuner, arXiv 2306.00144",
    hyper: {
      weightDecay: 0.01,
      eps: { default: 1e-8, domain: "[0, inf)" },
      sInit: { default: 1e-6, domain: "(0, inf)" },
    },
    state: {
      theta0: { init: "w" },
      ...Object.fromEntries(names.map((name) => [name, { over: "tree" }])),
    },
    before: "given = g",
    after: `
      scale = ${scale}
      decayed = given + weightDecay*scale*globalNorm(given)/${safe("(globalNorm(w) + eps)")}*w
      delta = (theta0 - w)/${safe("(scale + eps)")}
      h = globalSum(delta*decayed)
      ${
      each((i) => `
      m${i} = max((1 - 0.1^${i})*m${i}, abs(h) + eps)
      v${i} = (1 - 0.1^${i})^2*v${i} + h^2
      r${i} = max(0, (1 - 0.1^${i})*r${i} + h*s${i})
      q${i} = sqrt(v${i}) + eps
      s${i} = where(q${i} == 0, sInit/${betas}, (sInit/${betas}*m${i} + r${i})/q${i})`).join("")
    }
      u = theta0 - (${scale})*(delta - u) - w
    `,
  };
}

/**
 * Mechanic: scales the updates of `inner` by a number that it learns online, the sum of the states `s1`,
 * `s2`, …. The learning rate of `inner` should be about 1 times its schedule. Until something is learned,
 * the number is `sInit`, for any ε.
 *
 * ```text
 * Δ = (θ0 - w)/Σs, h = ⟨Δ, g + λ·Σs·‖g‖/‖w‖·w⟩, and for each β of 1 - 0.1, 1 - 0.01, …:
 * m = max(β·m, |h|), v = β²·v + h², r = max(0, β·r + h·s), s = (sInit/n·m + r)/√v;
 * w = θ0 - Σs·(Δ - u)
 * ```
 *
 * Source: Cutkosky et al. 2023, Mechanic: A Learning Rate Tuner, arXiv 2306.00144.
 *
 * @example
 * ```ts
 * import { mechanize, sgd } from "@gradus/gradus";
 * import { assert } from "@std/assert";
 *
 * const opt = mechanize(sgd({ learningRate: 0.1 }));
 * const x = Float64Array.of(1, -2);
 * const state = opt.init(x);
 * for (let step = 0; step < 3000; step++) opt.step(x, x.map((value) => 2 * value), state);
 * assert(Math.hypot(...x) < 0.03);
 * ```
 *
 * @throws {GradusError} if `numBetas` is not a whole number from 1 to 16.
 */
export function mechanize<S extends StateKinds, Hyper extends string>(
  inner: Optimizer<S, Hyper>,
  options: MechanizeOptions = {},
): Optimizer<
  WrappedStates<S, { theta0: "leaf" }>,
  Suffixed<Hyper> | "weightDecay" | "eps" | "sInit"
> {
  const doing = "Cannot make mechanize";
  requireOptimizer(inner, "`inner`", doing);
  const { numBetas = 6, ...given } = ownOptions(options, doing) as MechanizeOptions;
  if (!Number.isInteger(numBetas) || numBetas < 1 || numBetas > MOST_BETAS) {
    throw new GradusError(
      `${doing}: \`numBetas\` must be a whole number from 1 to ${MOST_BETAS}: given ${
        shown(numBetas)
      }`,
    );
  }
  const wrapper = mechanic(numBetas);
  return wrap(inner, wrapper, wrapperSettings(wrapper, given, doing));
}
