/** The diagonal of the Hessian, by products of it with random signs. */
import { once } from "../../dsl/once.ts";
import { parseProgram } from "../../dsl/check.ts";
import { GradusError, shown } from "../../dsl/errors.ts";
import { asking } from "../../runtime/oracle.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import type { HyperValue } from "../../runtime/trees/hyperparameters.ts";
import { wrapperSettings } from "../../runtime/wrap.ts";

/** Options of {@linkcode hutchinsonEstimatorDiagHessian}. */
export interface HutchinsonEstimatorDiagHessianOptions {
  /** Which signs: equal seeds give equal ones. */
  seed: HyperValue;
}

const HYPER = { seed: { default: "required", domain: "integer [0, 4294967295]" } } as const;

const PROGRAM = /* @__PURE__ */ once(() =>
  parseProgram({
    name: "hutchinsonEstimatorDiagHessian",
    doc: "The diagonal of the Hessian, estimated by its product with random signs.",
    source: "Hutchinson 1990, A stochastic estimator of the trace of the influence matrix",
    hyper: HYPER,
    inputs: { product: "element" },
    step: "u = where(uniform(seed) < 0.5, -1, 1)*product",
  })
);

const ONES = /* @__PURE__ */ once(() => parseProgram({ name: "ones", step: "u = g^0" }));

/**
 * An estimate of the diagonal of the Hessian H: z·(H·z), where z is 1 or -1 with equal chance for each
 * element, independent for elements and steps. Its mean is the diagonal; for one that is nothing else it is
 * exact. It takes the place of gradients in a chain, or is the input `hessian` of `sophia`.
 *
 * ```text
 * u = z ∘ (H·z)
 * ```
 *
 * A step takes the input `hessianVectorProduct`, a function from parameters and a tree of directions z to
 * H·z, such as the derivative of the gradient along z that an automatic differentiator gives, or
 * (∇f(θ + h·z) - ∇f(θ - h·z))/2h.
 *
 * Source: Hutchinson 1990, A stochastic estimator of the trace of the influence matrix for Laplacian
 * smoothing splines.
 *
 * @example
 * ```ts
 * import { hutchinsonEstimatorDiagHessian } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const estimator = hutchinsonEstimatorDiagHessian({ seed: 1 });
 * const x = Float64Array.of(1, -2); // of x₀² + 100·x₁²
 * const hessianVectorProduct = (_: Float64Array, [a, b]: Float64Array) => Float64Array.of(2 * a, 200 * b);
 * const gradients = Float64Array.of(2, -400);
 * const [hessian] = estimator.update(gradients, estimator.init(x), x, { hessianVectorProduct });
 * assertEquals(hessian, Float64Array.of(2, 200));
 * ```
 *
 * @throws {GradusError} if `seed` is not a whole number from 0 below 2³².
 */
export function hutchinsonEstimatorDiagHessian(
  options: HutchinsonEstimatorDiagHessianOptions,
): Optimizer<Record<never, never>, "seed"> {
  const { name } = PROGRAM();
  const settings = wrapperSettings({ name, hyper: HYPER }, options, `Cannot make ${name}`);
  return asking({ program: PROGRAM(), settings, storage: new Map() }, {
    name,
    answer: ({ params, gradients, state, inputs }, direct, made, doing) => {
      const product = inputs?.hessianVectorProduct;
      if (typeof product !== "function") {
        throw new GradusError(
          `${doing}: input \`hessianVectorProduct\` must be a function from parameters and directions to ` +
            `products: given ${shown(product)}`,
        );
      }
      const ones = made(ONES());
      const [whole] = ones.update(gradients, ones.init(gradients));
      const [signs] = direct.update(gradients, state, params, { ...inputs, product: whole });
      return { gradients, inputs: { ...inputs, product: product(params, signs) } };
    },
  });
}
