/**
 * Losses of predictions and targets, with their gradients: for tests, for small models, and for predictions
 * whose own gradients another library computes. Each is a formula of the language, and its gradient follows from that.
 *
 * @example
 * ```ts
 * import { huberLoss } from "@gradus/gradus/losses";
 * import { sgd } from "@gradus/gradus";
 * import { assert } from "@std/assert";
 *
 * // The prediction is the parameter itself.
 * const opt = sgd({ learningRate: 0.5 });
 * const [p, y] = [Float32Array.of(5), Float32Array.of(1)];
 * const state = opt.init(p);
 * for (let step = 0; step < 40; step++) opt.step(p, huberLoss.gradient(p, y), state);
 * assert(Math.abs(p[0] - 1) < 1e-6);
 * ```
 *
 * @module
 */
export * from "./elements.ts";
export type { Loss, LossArray } from "./loss.ts";
export * from "./rows.ts";
