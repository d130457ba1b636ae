/** Losses of single elements: of numbers that are predicted, and of yes or no. */
import { type Loss, lossOf } from "./loss.ts";

/**
 * The square of the error, (p - y)².
 *
 * @example
 * ```ts
 * import { squaredError } from "@gradus/gradus/losses";
 * import { assertEquals } from "@std/assert";
 *
 * const [p, y] = [Float32Array.of(3, 1), Float32Array.of(1, 1)];
 * assertEquals(squaredError(p, y), Float32Array.of(4, 0));
 * assertEquals(squaredError.gradient(p, y), Float32Array.of(4, 0));
 * ```
 */
export const squaredError: Loss = /* @__PURE__ */ lossOf({
  name: "squaredError",
  loss: "(p - y)^2",
});

/**
 * Half the square of the error, (p - y)²/2.
 *
 * @example
 * ```ts
 * import { l2Loss } from "@gradus/gradus/losses";
 * import { assertEquals } from "@std/assert";
 *
 * const [p, y] = [Float32Array.of(3), Float32Array.of(1)];
 * assertEquals([l2Loss(p, y), l2Loss.gradient(p, y)], [Float32Array.of(2), Float32Array.of(2)]);
 * ```
 */
export const l2Loss: Loss = /* @__PURE__ */ lossOf({ name: "l2Loss", loss: "0.5*(p - y)^2" });

/** Options of {@linkcode huberLoss}. */
export interface HuberLossOptions {
  /** The magnitude of the error from which the loss grows in proportion to it. Default 1. */
  delta?: number;
}

/**
 * Half the square of small errors, and in proportion to the magnitude of large ones.
 *
 * Source: Huber 1964, Robust estimation of a location parameter.
 *
 * @example
 * ```ts
 * import { huberLoss } from "@gradus/gradus/losses";
 * import { assertEquals } from "@std/assert";
 *
 * const [p, y] = [Float32Array.of(0.5, 4), Float32Array.of(0, 0)];
 * assertEquals(huberLoss(p, y), Float32Array.of(0.125, 3.5));
 * assertEquals(huberLoss.gradient(p, y), Float32Array.of(0.5, 1));
 * ```
 */
export const huberLoss: Loss<HuberLossOptions> = /* @__PURE__ */ lossOf({
  name: "huberLoss",
  hyper: { delta: { default: 1, domain: "[0, inf)" } },
  loss: "0.5*min(abs(p - y), delta)^2 + delta*(abs(p - y) - min(abs(p - y), delta))",
});

/**
 * The logarithm of the hyperbolic cosine of the error: near half its square where it is small, near its
 * magnitude less log 2 where it is large.
 *
 * @example
 * ```ts
 * import { logCosh } from "@gradus/gradus/losses";
 * import { assert } from "@std/assert";
 *
 * const [loss] = logCosh(Float64Array.of(1), Float64Array.of(0)) as Float64Array;
 * assert(Math.abs(loss - Math.log(Math.cosh(1))) < 1e-15);
 * ```
 */
export const logCosh: Loss = /* @__PURE__ */ lossOf({
  name: "logCosh",
  loss: "abs(p - y) + log(1 + exp(-2*abs(p - y))) - log(2)",
});

/**
 * max(0, 1 - p·y), where a target is -1 or 1.
 *
 * Source: Cortes and Vapnik 1995, Support-vector networks.
 *
 * @example
 * ```ts
 * import { hingeLoss } from "@gradus/gradus/losses";
 * import { assertEquals } from "@std/assert";
 *
 * const [p, y] = [Float32Array.of(0.5, 2), Float32Array.of(1, 1)];
 * assertEquals(hingeLoss(p, y), Float32Array.of(0.5, 0));
 * assertEquals(hingeLoss.gradient(p, y), Float32Array.of(-1, 0));
 * ```
 */
export const hingeLoss: Loss = /* @__PURE__ */ lossOf({
  name: "hingeLoss",
  loss: "max(0, 1 - p*y)",
});

/**
 * max(0, -p·y), where a target is -1 or 1.
 *
 * Source: Rosenblatt 1958, The perceptron.
 *
 * @example
 * ```ts
 * import { perceptronLoss } from "@gradus/gradus/losses";
 * import { assertEquals } from "@std/assert";
 *
 * const [p, y] = [Float32Array.of(-2, 2), Float32Array.of(1, 1)];
 * assertEquals(perceptronLoss(p, y), Float32Array.of(2, 0));
 * ```
 */
export const perceptronLoss: Loss = /* @__PURE__ */ lossOf({
  name: "perceptronLoss",
  loss: "max(0, -p*y)",
});

/**
 * The cross entropy of a logit, -y·log σ(p) - (1 - y)·log σ(-p), where a target is from 0 to 1.
 *
 * @example
 * ```ts
 * import { sigmoidBinaryCrossEntropy } from "@gradus/gradus/losses";
 * import { assertEquals } from "@std/assert";
 *
 * const [p, y] = [Float32Array.of(0, 200, -200), Float32Array.of(1, 1, 1)];
 * assertEquals(sigmoidBinaryCrossEntropy(p, y), Float32Array.of(Math.log(2), 0, 200));
 * assertEquals(sigmoidBinaryCrossEntropy.gradient(p, y), Float32Array.of(-0.5, 0, -1));
 * ```
 */
export const sigmoidBinaryCrossEntropy: Loss = /* @__PURE__ */ lossOf({
  name: "sigmoidBinaryCrossEntropy",
  loss: "max(p, 0) - p*y + log(1 + exp(-abs(p)))",
});
