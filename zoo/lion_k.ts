/** Lion with the gradient of another convex function than the sum of magnitudes, whose is the sign. */
import { printProgram } from "../dsl/program.ts";
import type { FixedNotes } from "../dsl/fix.ts";
import { optimizer, type OptimizerFactory } from "../runtime/define.ts";
import type { HyperValue } from "../runtime/hyper.ts";
import { lion, type LionOptions } from "./lion.ts";

/** What tells a Lion-𝒦 from Lion. */
export interface LionKDocument<H extends Readonly<Record<string, number>>> extends FixedNotes {
  /** The gradient of the convex function at `c`, the interpolated momentum. */
  readonly gradient: string;
  /** Further hyperparameters of the gradient, and their defaults. */
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
 * @throws {GradusError} if the gradient is no expression of `c` and hyperparameters; the message shows
 * where.
 */
export function lionK<const H extends Readonly<Record<string, number>> = Record<never, never>>(
  { name, doc, source, gradient, hyper }: LionKDocument<H>,
): OptimizerFactory<LionKOptions<H>> {
  const plain = printProgram(lion.program);
  return optimizer({
    ...plain,
    name,
    doc: doc ?? "Lion with the gradient of another convex function.",
    source: source ??
      "Chen et al. 2023, Lion Secretly Solves Constrained Optimization: As Lyapunov Predicts, " +
        "arXiv 2310.05898",
    hyper: { ...plain.hyper, ...hyper },
    step: plain.step.replace("sign(c)", () => `(${gradient})`),
  }) as OptimizerFactory<LionKOptions<H>>;
}
