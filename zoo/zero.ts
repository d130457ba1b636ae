import type { OptimizerFactory } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";

/**
 * Makes every update 0: what it is given stays as it is.
 *
 * ```text
 * u_t &\leftarrow 0
 * ```
 *
 * Source: the neutral update.
 *
 * @example
 * ```ts
 * import { setToZero } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = setToZero();
 * const x = Float32Array.of(1);
 * opt.step(x, Float32Array.of(5), opt.init(x));
 * assertEquals(x, Float32Array.of(1));
 * ```
 */
export const setToZero: OptimizerFactory<Record<never, never>> = /* @__PURE__ */ optimizer({
  name: "setToZero",
  doc: "Makes every update 0.",
  source: "The neutral update",
  step: "u = 0",
});
