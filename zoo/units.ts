/** Transforms of units, the slices of a tensor along its last axis that each feed one output. */
import { type AxisDocument, axisItem } from "../dsl/axes.ts";
import { GradusError, shown } from "../dsl/errors.ts";
import { required } from "../dsl/program.ts";
import { namesOf, type OptimizerFactory, resolving } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode adaptiveGradClip}. */
export interface AdaptiveGradClipOptions {
  /** The largest norm of an update let through, as a part of the parameter's norm. */
  clipping: HyperValue;
  /** What a parameter's norm at least counts as. Default 1e-3. */
  eps?: HyperValue;
  /**
   * The axes that a unit goes along, as `axis=` in a program: `0`, `"1:"`, `[0, 2]`. Every parameter must have
   * them. Default: as said below.
   */
  axis?: AxisDocument | readonly AxisDocument[];
}

/**
 * Adaptive gradient clipping: scales each unit of the updates down to a part of the norm of the unit of
 * the parameter where it exceeds it. A vector, and a matrix of one row, is one unit; a tensor of rank 2
 * or 3 has its units along the first axis, and one of a higher rank, such as a kernel, along all axes but
 * the last.
 *
 * ```text
 * \mathrm{whole}_t &\leftarrow \mathrm{rank} < 2 \lor \mathrm{rank} = 2 \land \mathrm{rows} = 1 \\
 * n_t &\leftarrow \begin{cases} \left\lVert \theta_{t-1} \right\rVert & \text{if } \mathrm{whole}_t \\ \begin{cases} \left\lVert \theta_{t-1} \right\rVert_{\text{axis } :1} & \text{if } \mathrm{rank} < 4 \\ \left\lVert \theta_{t-1} \right\rVert_{\text{axis } :-1} & \text{otherwise} \end{cases} & \text{otherwise} \end{cases} \\
 * q_t &\leftarrow \begin{cases} \left\lVert g_t \right\rVert & \text{if } \mathrm{whole}_t \\ \begin{cases} \left\lVert g_t \right\rVert_{\text{axis } :1} & \text{if } \mathrm{rank} < 4 \\ \left\lVert g_t \right\rVert_{\text{axis } :-1} & \text{otherwise} \end{cases} & \text{otherwise} \end{cases} \\
 * \mathrm{most}_t &\leftarrow \mathrm{clipping} \cdot \max \left( n_t, \epsilon \right) \\
 * u_t &\leftarrow \begin{cases} 1 & \text{if } q_t < \mathrm{most}_t \\ \frac{\mathrm{most}_t}{\max \left( q_t, 0.000001 \right)} & \text{otherwise} \end{cases} \cdot g_t
 * ```
 *
 * Source: Brock et al. 2021, High-Performance Large-Scale Image Recognition Without Normalization, arXiv
 * 2102.06171.
 *
 * @example
 * ```ts
 * import { adaptiveGradClip } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = adaptiveGradClip({ clipping: 0.5 });
 * const params = { data: Float32Array.of(3, 1, 4, 0), shape: [2, 2] };
 * const gradients = { data: Float32Array.of(0, 0.25, 10, 0), shape: [2, 2] };
 * const [updates] = opt.update(gradients, opt.init(params), params);
 * assertEquals(updates.data, Float32Array.of(0, 0.25, 2.5, 0));
 * ```
 *
 * @throws {GradusError} if `axis` is no axis or list of them.
 */
export const adaptiveGradClip: OptimizerFactory<AdaptiveGradClipOptions> = /* @__PURE__ */ (() => {
  const clipOf = (normOf: (name: string) => string, before = "") =>
    optimizer({
      name: "adaptiveGradClip",
      doc: "Scales each unit of the updates down to a part of the norm of the parameter's.",
      source:
        "Brock et al. 2021, High-Performance Large-Scale Image Recognition Without Normalization, " +
        "arXiv 2102.06171",
      hyper: {
        clipping: { default: required, domain: "[0, inf]" },
        eps: { default: 1e-3, domain: "[0, inf)" },
      },
      step: `
      ${before}
      n = ${normOf("w")}
      q = ${normOf("g")}
      most = clipping*max(n, eps)
      u = where(q < most, 1, most/max(q, 1e-6))*g
    `,
    });
  const usual = clipOf(
    (x) => `where(whole, norm(${x}), where(rank < 4, norm(${x}, axis=:1), norm(${x}, axis=:-1)))`,
    "whole = rank < 2 | (rank == 2 & rows == 1)",
  );
  return resolving<AdaptiveGradClipOptions>(() => usual.program, ({ axis, ...others }, doing) => {
    if (axis === undefined || axis === null) return usual(others);
    const axes = (Array.isArray(axis) ? axis : [axis]).map(axisItem);
    if (axes.length === 0 || axes.includes(undefined)) {
      throw new GradusError(
        `${doing}: \`axis\` must be a number, a range such as "1:" or a list of them: given ${
          shown(axis)
        }`,
      );
    }
    return clipOf((x) => `norm(${x}, axis=(${axes.join(", ")}))`)(others);
  }, (program) => [...namesOf(program), "axis"]);
})();

/**
 * Gradient centralization: subtracts from the updates of each row their mean over all axes but the
 * first. Those of a vector stay as they are.
 *
 * ```text
 * u_t &\leftarrow g_t - \begin{cases} \operatorname{mean} \left( g_t \right)_{\text{axis } 1:} & \text{if } \mathrm{rank} > 1 \\ 0 & \text{otherwise} \end{cases}
 * ```
 *
 * Source: Yong et al. 2020, Gradient Centralization: A New Optimization Technique for Deep Neural
 * Networks, arXiv 2004.01461.
 *
 * @example
 * ```ts
 * import { centralize } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = centralize();
 * const gradients = { data: Float32Array.of(1, 2, 3, 5), shape: [2, 2] };
 * const [updates] = opt.update(gradients, opt.init(gradients));
 * assertEquals(updates.data, Float32Array.of(-0.5, 0.5, -1, 1));
 * ```
 */
export const centralize: OptimizerFactory<Record<never, never>> = /* @__PURE__ */ optimizer({
  name: "centralize",
  doc: "Subtracts from the updates of each row their mean.",
  source:
    "Yong et al. 2020, Gradient Centralization: A New Optimization Technique for Deep Neural " +
    "Networks, arXiv 2004.01461",
  step: "u = g - where(rank > 1, mean(g, axis=1:), 0)",
});
