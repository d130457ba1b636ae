/** Lion with the gradient of another convex function than the sum of magnitudes, whose is the sign. */
import { parseProgram } from "../dsl/check.ts";
import { type Program, required } from "../dsl/program.ts";
import { printProgram } from "../dsl/print.ts";
import type { FixedNotes } from "../dsl/fix.ts";
import {
  factory,
  type MaskOption,
  type MuDTypeOption,
  type OptimizerFactory,
} from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperNames } from "../runtime/trees/typed.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Lion's options, whatever is done with its momentum. */
export interface LionOptions extends MaskOption, MuDTypeOption {
  /** Step size α; 3 to 10 times smaller than for AdamW. */
  learningRate: HyperValue;
  /** Weight β1 of the momentum in the direction. Default 0.9. */
  b1?: HyperValue;
  /** Decay β2 of the momentum. Default 0.99. */
  b2?: HyperValue;
  /** Decoupled weight decay λ, multiplied by the learning rate. Default 1e-3. */
  weightDecay?: HyperValue;
}

/** The program of {@linkcode lion} in its own mode. */
export const plainLion: OptimizerFactory<LionOptions, { m: "leaf" }> = /* @__PURE__ */ optimizer({
  name: "lion",
  doc: "Sign of an interpolated momentum; one state tensor.",
  source: "Chen et al. 2023, Symbolic Discovery of Optimization Algorithms, arXiv 2302.06675",
  hyper: {
    learningRate: required,
    b1: { default: 0.9, domain: "[0, 1)" },
    b2: { default: 0.99, domain: "[0, 1)" },
    weightDecay: 1e-3,
  },
  state: { m: 0 },
  step: `
    c = b1*m + (1 - b1)*g
    u = -learningRate*(sign(c) + weightDecay*w)
    m = b2*m + (1 - b2)*g
  `,
});

/** Hyperparameters of the gradient of a Lion-𝒦, each with a default. */
export type LionKHyper = Readonly<
  Record<string, number | { readonly default: number; readonly domain: string }>
>;

/** What tells a Lion-𝒦 from Lion. */
export interface LionKDocument<H extends LionKHyper> extends FixedNotes {
  /** The gradient of the convex function at `c`, the interpolated momentum. */
  readonly gradient: string;
  /** Further hyperparameters of the gradient, and their defaults and domains. */
  readonly hyper?: H;
}

/** Options of a Lion-𝒦: Lion's, and the hyperparameters of its gradient. */
export type LionKOptions<H> = LionOptions & { -readonly [K in keyof H]?: HyperValue };

/**
 * Makes optimizers of Lion-𝒦: {@linkcode lion} with the gradient of a convex function 𝒦 in place of the
 * sign, which is that of 𝒦(c) = ‖c‖₁. With weight decay λ they minimise f(θ) + 𝒦*(λθ)/λ.
 *
 * Source: Chen et al. 2023, Lion Secretly Solves Constrained Optimization: As Lyapunov Predicts, arXiv
 * 2310.05898.
 *
 * @example
 * ```ts
 * import { lionK } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * // 𝒦(c) = ‖c‖₂: the momentum, normalised.
 * const normalised = lionK({ name: "normalisedLion", gradient: "c/norm(c)" });
 * const opt = normalised({ learningRate: 0.5, weightDecay: 0 });
 * const x = Float32Array.of(0, 0);
 * opt.step(x, Float32Array.of(3, -4), opt.init(x));
 * assertEquals(Array.from(x, (value) => value.toFixed(6)), ["-0.300000", "0.400000"]);
 * ```
 *
 * @throws {GradusError} if the gradient is not an expression of `c` and hyperparameters; the message shows
 * where.
 */
export function lionK<const H extends LionKHyper = Record<never, never>>(
  document: LionKDocument<H>,
): OptimizerFactory<LionKOptions<H>, { m: "leaf" }, HyperNames<LionKOptions<NoInfer<H>>>> {
  return factory(programOfLionK(document));
}

/** The program of {@linkcode lionK}. */
export function programOfLionK(
  { name, doc, source, gradient, hyper }: LionKDocument<LionKHyper>,
): Program {
  const plain = printProgram(plainLion.program);
  return parseProgram({
    ...plain,
    name,
    doc: doc ?? "Lion with the gradient of another convex function.",
    source: source ??
      "Chen et al. 2023, Lion Secretly Solves Constrained Optimization: As Lyapunov Predicts, " +
        "arXiv 2310.05898",
    hyper: { ...plain.hyper, ...hyper },
    step: plain.step.replace("sign(c)", () => `(${gradient})`),
  });
}
