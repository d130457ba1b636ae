/** Losses of rows, the last axis: of classes, distributions and directions. */
import { type Loss, lossOf } from "./loss.ts";

const CROSS_ENTROPY = "sum(where(y == 0, 0, y*(log(sum(exp(p - m), axis=-1)) - (p - m))), axis=-1)";
const DIVERGENCE = "sum(y*(where(y == 0, 0, log(where(y == 0, 1, y))) - p), axis=-1)";
const SIMILARITY = "sum(p/sqrt(max(sum(p^2, axis=-1), epsilon))" +
  "*(y/sqrt(max(sum(y^2, axis=-1), epsilon))), axis=-1)";

/**
 * The cross entropy of logits, -Σ y·log softmax(p) over a row, where targets are probabilities. What has the
 * target 0 counts nothing, even where its logit is -∞.
 *
 * @example
 * ```ts
 * import { softmaxCrossEntropy } from "@gradus/gradus/losses";
 * import { assertEquals } from "@std/assert";
 *
 * const logits = { data: Float32Array.of(0, 0, 5, -Infinity), shape: [2, 2] };
 * const labels = { data: Float32Array.of(1, 0, 1, 0), shape: [2, 2] };
 * assertEquals(softmaxCrossEntropy(logits, labels), {
 *   data: Float32Array.of(Math.log(2), 0),
 *   shape: [2],
 * });
 * const { data } = softmaxCrossEntropy.gradient(logits, labels);
 * assertEquals(data, Float32Array.of(-0.5, 0.5, 0, 0));
 * ```
 */
export const softmaxCrossEntropy: Loss = /* @__PURE__ */ lossOf({
  name: "softmaxCrossEntropy",
  loss: CROSS_ENTROPY,
  ofRows: true,
});

/** Options of {@linkcode polyLossCrossEntropy}. */
export interface PolyLossOptions {
  /** What the first term of the polynomial is raised by. Default 2. */
  epsilon?: number;
}

/**
 * The cross entropy of logits plus ε·Σ y·(1 - softmax(p)).
 *
 * Source: Leng et al. 2022, PolyLoss, arXiv 2204.12511.
 *
 * @example
 * ```ts
 * import { polyLossCrossEntropy } from "@gradus/gradus/losses";
 * import { assertEquals } from "@std/assert";
 *
 * const [logits, labels] = [Float32Array.of(0, 0), Float32Array.of(1, 0)];
 * assertEquals(polyLossCrossEntropy(logits, labels), Float32Array.of(Math.log(2) + 1));
 * ```
 */
export const polyLossCrossEntropy: Loss<PolyLossOptions> = /* @__PURE__ */ lossOf({
  name: "polyLossCrossEntropy",
  hyper: { epsilon: 2 },
  loss: `${CROSS_ENTROPY} + epsilon*sum(y*(1 - exp(p - m)/sum(exp(p - m), axis=-1)), axis=-1)`,
  ofRows: true,
});

/**
 * The divergence of Kullback and Leibler of a row, Σ y·(log y - p), where predictions are logarithms of
 * probabilities.
 *
 * @example
 * ```ts
 * import { klDivergence } from "@gradus/gradus/losses";
 * import { assertEquals } from "@std/assert";
 *
 * const [p, y] = [Float32Array.of(Math.log(0.5), Math.log(0.5)), Float32Array.of(1, 0)];
 * assertEquals(klDivergence(p, y), Float32Array.of(Math.log(2)));
 * assertEquals(klDivergence.gradient(p, y), Float32Array.of(-1, -0));
 * ```
 */
export const klDivergence: Loss = /* @__PURE__ */ lossOf({
  name: "klDivergence",
  loss: DIVERGENCE,
  ofRows: true,
});

/**
 * The same of logarithms of probabilities on both sides, Σ exp(y)·(y - p).
 *
 * @example
 * ```ts
 * import { klDivergenceWithLogTargets } from "@gradus/gradus/losses";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   klDivergenceWithLogTargets(Float32Array.of(-2), Float32Array.of(0)),
 *   Float32Array.of(2),
 * );
 * ```
 */
export const klDivergenceWithLogTargets: Loss = /* @__PURE__ */ lossOf({
  name: "klDivergenceWithLogTargets",
  loss: "sum(exp(y)*(y - p), axis=-1)",
  ofRows: true,
});

/**
 * The divergence plus Σ (exp(p) - y), which is no less than 0 even where a row does not sum to 1.
 *
 * @example
 * ```ts
 * import { generalizedKlDivergence } from "@gradus/gradus/losses";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   generalizedKlDivergence(Float32Array.of(0), Float32Array.of(0)),
 *   Float32Array.of(1),
 * );
 * ```
 */
export const generalizedKlDivergence: Loss = /* @__PURE__ */ lossOf({
  name: "generalizedKlDivergence",
  loss: `${DIVERGENCE} + sum(exp(p) - y, axis=-1)`,
  ofRows: true,
});

/** Options of {@linkcode cosineSimilarity} and {@linkcode cosineDistance}. */
export interface CosineOptions {
  /** What the square of a norm at least counts as. Default 0. */
  epsilon?: number;
}

/**
 * The cosine of the angle between a row and its target.
 *
 * @example
 * ```ts
 * import { cosineSimilarity } from "@gradus/gradus/losses";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   cosineSimilarity(Float32Array.of(3, 0), Float32Array.of(2, 0)),
 *   Float32Array.of(1),
 * );
 * ```
 */
export const cosineSimilarity: Loss<CosineOptions> = /* @__PURE__ */ lossOf({
  name: "cosineSimilarity",
  hyper: { epsilon: { default: 0, domain: "[0, inf)" } },
  loss: SIMILARITY,
  ofRows: true,
});

/**
 * 1 minus {@linkcode cosineSimilarity}.
 *
 * @example
 * ```ts
 * import { cosineDistance } from "@gradus/gradus/losses";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   cosineDistance(Float32Array.of(3, 0), Float32Array.of(0, 2)),
 *   Float32Array.of(1),
 * );
 * ```
 */
export const cosineDistance: Loss<CosineOptions> = /* @__PURE__ */ lossOf({
  name: "cosineDistance",
  hyper: { epsilon: { default: 0, domain: "[0, inf)" } },
  loss: `1 - ${SIMILARITY}`,
  ofRows: true,
});
