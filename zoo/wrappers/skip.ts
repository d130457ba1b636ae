/** Which gradients are left out where several make one step: conditions, as texts of the language. */
import { GradusError, shown } from "../../dsl/errors.ts";
import { constant } from "../../dsl/node.ts";
import { printExpression } from "../../dsl/print.ts";

/**
 * Leaves out gradients in which an infinity or NaN is anywhere, as `shouldSkipUpdateFn` of
 * `multiSteps`.
 *
 * @example
 * ```ts
 * import { multiSteps, sgd, skipNotFinite } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const options = { everyKSchedule: 2, shouldSkipUpdateFn: skipNotFinite };
 * const opt = multiSteps(sgd({ learningRate: 1 }), options);
 * const x = Float32Array.of(0);
 * const state = opt.init(x);
 * for (const g of [1, NaN, 3]) opt.step(x, Float32Array.of(g), state);
 * assertEquals(x, Float32Array.of(-2));
 * ```
 */
export const skipNotFinite: string = "globalMax(where(abs(g) < inf, 0, 1)) > 0";

/** Options of {@linkcode skipLargeUpdates}. */
export interface SkipLargeUpdatesOptions {
  /** The square of the least norm that is left out. */
  maxSquaredNorm: number;
}

/**
 * Leaves out gradients whose squared norm over the tree is not below `maxSquaredNorm`, as
 * `shouldSkipUpdateFn` of `multiSteps`; it is not below where there is a NaN.
 *
 * @example
 * ```ts
 * import { multiSteps, sgd, skipLargeUpdates } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const shouldSkipUpdateFn = skipLargeUpdates({ maxSquaredNorm: 25 });
 * const opt = multiSteps(sgd({ learningRate: 1 }), { everyKSchedule: 2, shouldSkipUpdateFn });
 * const x = Float32Array.of(0);
 * const state = opt.init(x);
 * for (const g of [1, 5, NaN, 3]) opt.step(x, Float32Array.of(g), state);
 * assertEquals([x[0], state.skipped], [-2, 2]);
 * ```
 *
 * @throws {GradusError} if `maxSquaredNorm` is not a number.
 */
export function skipLargeUpdates({ maxSquaredNorm }: SkipLargeUpdatesOptions): string {
  if (typeof maxSquaredNorm === "number" && !Number.isNaN(maxSquaredNorm)) {
    return `!(globalSum(g^2) < ${printExpression(constant(maxSquaredNorm))})`;
  }
  throw new GradusError(
    `Cannot make skipLargeUpdates: \`maxSquaredNorm\` must be a number: given ${
      shown(maxSquaredNorm)
    }`,
  );
}
