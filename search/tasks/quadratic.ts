/** Tasks that are cheap enough to search on, and those that what was found is held to. */
import { quadratic, type QuadraticTask } from "./task.ts";

/**
 * Two quadratics of 64 elements, one noisier; with Student's t of 2 degrees, rules like sign pay.
 *
 * @example
 * ```ts
 * import { quadraticProxy } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(quadraticProxy(Infinity).map(({ noise }) => noise.scale), [1, 0.3]);
 * ```
 */
export function quadraticProxy(
  degrees: number,
  seeds: readonly number[] = [1, 2],
): QuadraticTask[] {
  return [1, 0.3].map((scale) =>
    quadratic({ name: `quadratic of noise ${scale}`, noise: { degrees, scale }, seeds })
  );
}

/**
 * What a search on {@linkcode quadraticProxy} never sees: twice the size and steps, ten times the condition,
 * and an optimum 5 times as far from 0, all of a noise between those of the proxy.
 *
 * @example
 * ```ts
 * import { quadraticsHeldOut } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(quadraticsHeldOut(2).map(({ name }) => name), [
 *   "twice the size",
 *   "condition 1000",
 *   "far from 0",
 * ]);
 * ```
 */
export function quadraticsHeldOut(degrees: number): QuadraticTask[] {
  const noise = { degrees, scale: 0.6 };
  return [
    quadratic({ name: "twice the size", size: 128, steps: 600, noise, seeds: [101, 102] }),
    quadratic({ name: "condition 1000", condition: 1000, noise, seeds: [103, 104] }),
    quadratic({ name: "far from 0", optimum: 5, noise, seeds: [105, 106] }),
  ];
}
