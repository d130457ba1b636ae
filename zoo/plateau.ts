import { GradusError, shown } from "../dsl/errors.ts";
import { deciding, type OptimizerFactory } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import { requireChoice } from "../runtime/options.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";
import type { StateKinds } from "../runtime/trees/typed.ts";
import { isTorch } from "./like.ts";

/** Options of {@linkcode reduceOnPlateau}. */
export interface ReduceOnPlateauOptions {
  /** What the scale is multiplied by. Default 0.1. */
  factor?: HyperValue;
  /**
   * How many values in a row without improvement make the scale fall, at the last of them; 0 is as 1.
   * That is Optax's count, and one more than PyTorch's, whose scale falls at the value after. Default 10.
   */
  patience?: HyperValue;
  /** Whether a value improves by being less than the best, or by being more. Default `"min"`. */
  mode?: "min" | "max";
  /**
   * How much better than the best a value must be to count, as a part of its magnitude: PyTorch's
   * `threshold` of the mode `"rel"`. Default 1e-4.
   */
  rtol?: HyperValue;
  /** How much better besides, as a number: with an `rtol` of 0 that of the mode `"abs"`. Default 0. */
  atol?: HyperValue;
  /** How many values are not counted after a reduction. Default 0. */
  cooldown?: HyperValue;
  /** How many losses are averaged into one value. Default 1. */
  accumulationSize?: HyperValue;
  /** The least scale. Default 0. */
  minScale?: HyperValue;
  /**
   * `"torch"` for the rule of PyTorch's `ReduceLROnPlateau`: `patience` is one value more, and what must be
   * bettered relatively has the sign of the best value. Default: Optax's.
   */
  like?: "torch";
  /** PyTorch's name of `rtol` or `atol`, as `thresholdMode` says. Default 1e-4. */
  threshold?: number;
  /** Whether `threshold` is a part of the best value, or a number. Default `"rel"`. */
  thresholdMode?: "rel" | "abs";
}

/**
 * Multiplies updates by a scale that falls when the loss, the input `value`, no longer does. Chain it
 * after an optimizer. The scale is `state.scale`. A loss may be negative: better is what is less than
 * best - rtol·|best| - atol, where Optax and PyTorch have (1 - rtol)·best, which is more than a best
 * below 0. A value that improves never makes the scale fall.
 *
 * ```text
 * \mathrm{average}_t &\leftarrow \mathrm{average}_{t-1} + \frac{\mathrm{value} - \mathrm{average}_{t-1}}{\mathrm{seen}_{t-1} + 1} \\
 * \mathrm{isFull}_t &\leftarrow \mathrm{seen}_{t-1} + 1 \ge \mathrm{accumulationSize} \\
 * \mathrm{bar}_t &\leftarrow \mathrm{direction} \cdot \mathrm{best}_{t-1} \\
 * \mathrm{improves}_t &\leftarrow \mathrm{direction} \cdot \mathrm{average}_t < \begin{cases} \mathrm{bar}_t - \mathrm{rtol} \cdot \begin{cases} \mathrm{direction} \cdot \mathrm{bar}_t & \text{if } \mathrm{isSigned} \\ \left| \mathrm{bar}_t \right| & \text{otherwise} \end{cases} - \mathrm{atol} & \text{if } \mathrm{bar}_t < \infty \\ \mathrm{bar}_t & \text{otherwise} \end{cases} \\
 * \mathrm{waits}_t &\leftarrow \begin{cases} 0 & \text{if } \mathrm{improves}_t \\ \mathrm{plateau}_{t-1} + 1 & \text{otherwise} \end{cases} \\
 * \mathrm{cools}_t &\leftarrow \mathrm{cooling}_{t-1} > 0 \\
 * \mathrm{drops}_t &\leftarrow \mathrm{isFull}_t \land \lnot \mathrm{cools}_t \land \lnot \mathrm{improves}_t \land \mathrm{waits}_t \ge \mathrm{patience} \\
 * \mathrm{best}_t &\leftarrow \begin{cases} \mathrm{average}_t & \text{if } \mathrm{isFull}_t \land \mathrm{improves}_t \\ \mathrm{best}_{t-1} & \text{otherwise} \end{cases} \\
 * \mathrm{plateau}_t &\leftarrow \begin{cases} \begin{cases} 0 & \text{if } \mathrm{cools}_t \lor \mathrm{drops}_t \\ \mathrm{waits}_t & \text{otherwise} \end{cases} & \text{if } \mathrm{isFull}_t \\ \mathrm{plateau}_{t-1} & \text{otherwise} \end{cases} \\
 * \mathrm{cooling}_t &\leftarrow \begin{cases} \begin{cases} \mathrm{cooling}_{t-1} - 1 & \text{if } \mathrm{cools}_t \\ \begin{cases} \mathrm{cooldown} & \text{if } \mathrm{drops}_t \\ 0 & \text{otherwise} \end{cases} & \text{otherwise} \end{cases} & \text{if } \mathrm{isFull}_t \\ \mathrm{cooling}_{t-1} & \text{otherwise} \end{cases} \\
 * \mathrm{scale}_t &\leftarrow \begin{cases} \max \left( \mathrm{factor} \cdot \mathrm{scale}_{t-1}, \mathrm{minScale} \right) & \text{if } \mathrm{drops}_t \\ \mathrm{scale}_{t-1} & \text{otherwise} \end{cases} \\
 * \mathrm{average}_t &\leftarrow \begin{cases} 0 & \text{if } \mathrm{isFull}_t \\ \mathrm{average}_t & \text{otherwise} \end{cases} \\
 * \mathrm{seen}_t &\leftarrow \begin{cases} 0 & \text{if } \mathrm{isFull}_t \\ \mathrm{seen}_{t-1} + 1 & \text{otherwise} \end{cases} \\
 * u_t &\leftarrow \mathrm{scale}_t \cdot g_t \\
 * S_t &\leftarrow (\mathrm{scale}_t, \mathrm{best}_t, \mathrm{plateau}_t, \mathrm{cooling}_t, \mathrm{average}_t, \mathrm{seen}_t)
 * ```
 *
 * Source: the learning rate scheduler ReduceLROnPlateau of PyTorch and Keras.
 *
 * @example
 * ```ts
 * import { chain, reduceOnPlateau, sgd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = chain(sgd({ learningRate: 1 }), reduceOnPlateau({ patience: 2, factor: 0.5 }));
 * const x = Float32Array.of(0);
 * const state = opt.init(x);
 * const seen = [3, 2, 2, 2, 2].map((value) => {
 *   opt.step(x, Float32Array.of(0), state, { value });
 *   return state.scale;
 * });
 * assertEquals(seen, [1, 1, 1, 0.5, 0.5]);
 * ```
 */
export const reduceOnPlateau: OptimizerFactory<
  ReduceOnPlateauOptions,
  { scale: "tree"; best: "tree"; plateau: "tree"; cooling: "tree"; average: "tree"; seen: "tree" }
> = /* @__PURE__ */ withModes(
  /* @__PURE__ */ optimizer({
    name: "reduceOnPlateau",
    doc: "Scales updates down when the loss stops falling.",
    source: "The learning rate scheduler ReduceLROnPlateau of PyTorch and Keras",
    hyper: {
      factor: { default: 0.1, domain: "(0, 1)" },
      patience: { default: 10, domain: "integer [0, inf)" },
      direction: { default: 1, domain: "integer [-1, 1]" },
      rtol: { default: 1e-4, domain: "[0, 1]" },
      atol: { default: 0, domain: "[0, inf)" },
      cooldown: { default: 0, domain: "integer [0, inf)" },
      accumulationSize: { default: 1, domain: "integer [1, inf)" },
      minScale: { default: 0, domain: "[0, inf)" },
      isSigned: false,
    },
    state: {
      scale: { init: 1, over: "tree" },
      best: { init: "direction*inf", over: "tree" },
      plateau: { over: "tree" },
      cooling: { over: "tree" },
      average: { over: "tree" },
      seen: { over: "tree" },
    },
    inputs: { value: "scalar" },
    step: `
    average = average + (value - average)/(seen + 1)
    isFull = seen + 1 >= accumulationSize
    bar = direction*best
    improves = direction*average < where(bar < inf, bar - rtol*where(isSigned, direction*bar, abs(bar)) - atol, bar)
    waits = where(improves, 0, plateau + 1)
    cools = cooling > 0
    drops = isFull & !cools & !improves & waits >= patience
    best = where(isFull & improves, average, best)
    plateau = where(isFull, where(cools | drops, 0, waits), plateau)
    cooling = where(isFull, where(cools, cooling - 1, where(drops, cooldown, 0)), cooling)
    scale = where(drops, max(factor*scale, minScale), scale)
    average = where(isFull, 0, average)
    seen = where(isFull, 0, seen + 1)
    u = scale*g
  `,
  }),
);

/** What the option `mode` says, in the sign that values are compared by. */
function withModes<S extends StateKinds>(
  inner: OptimizerFactory<Record<string, unknown>>,
): OptimizerFactory<ReduceOnPlateauOptions, S> {
  return deciding<ReduceOnPlateauOptions, S>(
    inner,
    ["direction", "isSigned"],
    ["mode", "like", "threshold", "thresholdMode"],
    ({ mode = "min", like, threshold, thresholdMode, ...given }, doing) => {
      requireChoice("mode", mode, ["min", "max"], doing);
      const options = { ...given, direction: mode === "max" ? -1 : 1 };
      if (!isTorch(like, doing)) {
        if (threshold === undefined && thresholdMode === undefined) return options;
        throw new GradusError(
          `${doing}: \`threshold\` and \`thresholdMode\` need \`like: "torch"\`: \`rtol\` and ` +
            "`atol` are without it",
        );
      }
      requireChoice("thresholdMode", thresholdMode ?? "rel", ["rel", "abs"], doing);
      const { patience = 10 } = given;
      if (typeof patience !== "number") {
        throw new GradusError(
          `${doing}: PyTorch's \`patience\` must be a number: given ${shown(patience)}`,
        );
      }
      const isAbsolute = thresholdMode === "abs";
      return {
        ...options,
        patience: patience + 1,
        isSigned: true,
        rtol: isAbsolute ? 0 : threshold ?? given.rtol,
        atol: isAbsolute ? threshold ?? 1e-4 : given.atol,
      };
    },
  );
}
