import { required } from "../dsl/program.ts";
import type { MaskOption, MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode fadam}. */
export interface FAdamOptions extends MaskOption, MuDTypeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β1 of the momentum. Default 0.9. */
  b1?: HyperValue;
  /** Decay β2 of the second moment. Default 0.999. */
  b2?: HyperValue;
  /** Times the gradient's root mean square, or 1 if that is larger: added to the root. Default 1e-8. */
  eps?: HyperValue;
  /** The power p of the second moment that gradients are divided by. Default 0.5. */
  p?: HyperValue;
  /** The largest root mean square of a natural gradient, and of a natural decay. Default 1. */
  clipThreshold?: HyperValue;
  /** Weight decay λ of weights that are divided as gradients are, multiplied by the learning rate. Default 0.1. */
  weightDecay?: HyperValue;
}

/**
 * FAdam: Adam as a natural gradient, with the second moment for a diagonal of the Fisher information;
 * weights that decay are divided by it too. Two state tensors. Where no gradient has been but 0, nothing
 * is divided.
 *
 * ```text
 * \beta_{2,t} &\leftarrow \frac{\beta_2 - \beta_2^{t}}{1 - \beta_2^{t}} \\
 * v_t &\leftarrow \beta_{2,t} \cdot v_{t-1} + (1 - \beta_{2,t}) \cdot g_t^{2} \\
 * f_t &\leftarrow v_t^{p} + \min \left( \sqrt{\operatorname{mean} \left( g_t^{2} \right)}, 1 \right) \cdot \epsilon \\
 * f_t &\leftarrow \begin{cases} 1 & \text{if } f_t = 0 \\ f_t & \text{otherwise} \end{cases} \\
 * d_t &\leftarrow \frac{g_t}{f_t} \\
 * d_t &\leftarrow \frac{\mathrm{clipThreshold}}{\max \left( 1, \sqrt{\operatorname{mean} \left( d_t^{2} \right)} \right)} \cdot d_t \\
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot d_t \\
 * c_t &\leftarrow \frac{\theta_{t-1}}{f_t} \\
 * c_t &\leftarrow \frac{\mathrm{clipThreshold}}{\max \left( 1, \sqrt{\operatorname{mean} \left( c_t^{2} \right)} \right)} \cdot c_t \\
 * u_t &\leftarrow -\alpha_t \cdot (m_t + \lambda \cdot c_t) \\
 * S_t &\leftarrow (m_t, v_t)
 * ```
 *
 * Source: Hwang 2024, FAdam: Adam is a natural gradient optimizer using diagonal empirical Fisher
 * information, arXiv 2405.12807.
 *
 * @example
 * ```ts
 * import { fadam } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = fadam({ learningRate: 0.1 });
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * for (let step = 0; step < 5; step++) opt.step(x, x.map((value) => 2 * value), state);
 * assertEquals(Array.from(x, (value) => value.toFixed(4)), ["0.8465", "1.8450", "2.8445"]);
 * ```
 */
export const fadam: OptimizerFactory<FAdamOptions, { m: "leaf"; v: "leaf" }> =
  /* @__PURE__ */ optimizer({
    name: "fadam",
    doc: "Adam as a natural gradient, with natural weight decay; two state tensors.",
    source:
      "Hwang 2024, FAdam: Adam is a natural gradient optimizer using diagonal empirical Fisher " +
      "information, arXiv 2405.12807",
    hyper: {
      learningRate: required,
      b1: { default: 0.9, domain: "[0, 1)" },
      b2: { default: 0.999, domain: "[0, 1)" },
      eps: { default: 1e-8, domain: "[0, inf)" },
      p: { default: 0.5, domain: "(0, inf)" },
      clipThreshold: { default: 1, domain: "(0, inf)" },
      weightDecay: 0.1,
    },
    state: { m: 0, v: 0 },
    step: `
    beta2 = (b2 - b2^t)/(1 - b2^t)
    v = beta2*v + (1 - beta2)*g^2
    f = v^p + min(sqrt(mean(g^2)), 1)*eps
    f = where(f == 0, 1, f)
    d = g/f
    d = clipThreshold/max(1, sqrt(mean(d^2)))*d
    m = b1*m + (1 - b1)*d
    c = w/f
    c = clipThreshold/max(1, sqrt(mean(c^2)))*c
    u = -learningRate*(m + weightDecay*c)
  `,
  });
