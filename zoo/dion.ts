import type { OptimizerFactory } from "../runtime/define.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";
import { type AdamHyper, besideAdam, withAdam, type WithAdamOptions } from "./beside_adam.ts";
import { type MatrixScaling, POLAR_NAMES, polarForm, type PolarOptions } from "./polar.ts";

/** Options of {@linkcode dion}. */
export interface DionOptions extends WithAdamOptions {
  /** Step size α of matrices. */
  learningRate: HyperValue;
  /** How much of what a step has used stays in the momentum. Default 0.95. */
  mu?: HyperValue;
  /** The rank of updates, or as many as the matrix has rows or columns. Default 768. */
  r?: number;
  /** Added to norms, and to AdamW's root. Default 1e-8. */
  eps?: HyperValue;
  /** Decoupled weight decay λ of matrices, multiplied by the learning rate. Default 0.01. */
  weightDecay?: HyperValue;
  /** Which random numbers the first basis is of. Default 0. */
  seed?: HyperValue;
}

/**
 * Dion: a step of low rank along the largest singular vectors of a momentum, all of one size. Its right
 * basis `q` is what the last step has left, and a power iteration of one step and one QR decomposition makes
 * the next. What a step does not see stays in the momentum. One state tensor, and `r` columns. As with
 * {@linkcode muon}, parameters that are no matrices go to AdamW. A matrix is outputs × inputs.
 *
 * ```text
 * m_t &\leftarrow m_{t-1} + g_t \\
 * q_t &\leftarrow \begin{cases} \mathcal{N}_t \left( \mathrm{seed} \right) & \text{if } t = 1 \\ q_{t-1} & \text{otherwise} \end{cases} \\
 * p_t &\leftarrow \operatorname{qr} \left( m_t q_t \right) \\
 * s_t &\leftarrow m_t^{\top} p_t \\
 * m_t &\leftarrow m_t - (1 - \mu) \cdot (p_t s_t^{\top}) \\
 * q_t &\leftarrow \frac{s_t}{\sqrt{\operatorname{sum} \left( s_t^{2} \right)_{\text{axis } 0}} + \epsilon} \\
 * o_t &\leftarrow -\alpha_t \cdot (\sqrt{\frac{\mathrm{rows}}{\mathrm{columns}}} \cdot (p_t q_t^{\top}) + \lambda \cdot \theta_{t-1}) \\
 * \mathrm{m\_adam}_t &\leftarrow \mathrm{b1\_adam} \cdot \mathrm{m\_adam}_{t-1} + (1 - \mathrm{b1\_adam}) \cdot g_t \\
 * \mathrm{v\_adam}_t &\leftarrow \mathrm{b2\_adam} \cdot \mathrm{v\_adam}_{t-1} + (1 - \mathrm{b2\_adam}) \cdot g_t^{2} \\
 * u_t &\leftarrow \begin{cases} o_t & \text{if } \mathrm{matrices} \land \mathrm{rank} = 2 \\ -\mathrm{learningRate\_adam} \cdot (\frac{\begin{cases} \frac{\mathrm{b1\_adam}}{1 - \mathrm{b1\_adam}^{t + 1}} \cdot \mathrm{m\_adam}_t + \frac{1 - \mathrm{b1\_adam}}{1 - \mathrm{b1\_adam}^{t}} \cdot g_t & \text{if } \mathrm{nesterov\_adam} \\ \frac{1}{1 - \mathrm{b1\_adam}^{t}} \cdot \mathrm{m\_adam}_t & \text{otherwise} \end{cases}}{\sqrt{\frac{1}{1 - \mathrm{b2\_adam}^{t}} \cdot \mathrm{v\_adam}_t + \mathrm{epsRoot\_adam}} + \mathrm{eps\_adam}} + \mathrm{weightDecay\_adam} \cdot \theta_{t-1}) & \text{otherwise} \end{cases} \\
 * S_t &\leftarrow (m_t, q_t, \mathrm{m\_adam}_t, \mathrm{v\_adam}_t)
 * ```
 *
 * Source: Ahn et al. 2025, Dion: Distributed Orthonormalized Updates, arXiv 2504.05295.
 *
 * @example
 * ```ts
 * import { dion } from "@gradus/gradus";
 * import { assert } from "@std/assert";
 *
 * const opt = dion({ learningRate: 0.5, weightDecay: 0 });
 * const params = { data: new Float32Array(4), shape: [2, 2] };
 * opt.step(params, { data: Float32Array.of(3, 0, 0, -2), shape: [2, 2] }, opt.init(params));
 * // Of full rank, it is half an orthogonal matrix: columns of length 1/2.
 * assert(Math.abs(Math.hypot(params.data[0], params.data[2]) - 0.5) < 0.2);
 * ```
 */
export const dion: OptimizerFactory<
  DionOptions,
  { m: "leaf"; q: "leaf"; m_adam: "leaf"; v_adam: "leaf" },
  "learningRate" | "mu" | "eps" | "weightDecay" | "seed" | AdamHyper
> = /* @__PURE__ */ withAdam(
  () =>
    besideAdam({
      name: "dion",
      doc: "Steps of low rank along a momentum's singular vectors; AdamW for the rest.",
      source: "Ahn et al. 2025, Dion: Distributed Orthonormalized Updates, arXiv 2504.05295",
      hyper: {
        learningRate: "required",
        mu: { default: 0.95, domain: "[0, 1]" },
        r: { default: 768, domain: "integer [1, inf)" },
        eps: { default: 1e-8, domain: "(0, inf)" },
        weightDecay: 0.01,
        seed: { default: 0, domain: "integer [0, inf)" },
      },
      state: { m: 0, q: { shape: "columns x min(r, rows, columns)" } },
      before: `
      m = m + g
      q = where(t == 1, normal(seed), q)
      p = qr(m@q)
      s = transpose(m)@p
      m = m - (1 - mu)*(p@transpose(s))
      q = s/(sqrt(sum(s^2, axis=0)) + eps)
      o = -learningRate*(sqrt(rows/columns)*(p@transpose(q)) + weightDecay*w)
    `,
    }),
  [],
);

/** Options of {@linkcode dion2}. */
export interface Dion2Options extends WithAdamOptions, PolarOptions {
  /** Step size α of matrices. */
  learningRate: HyperValue;
  /** Which share of the rows of a matrix moves at a step, or of its columns if it has fewer. Default 0.25. */
  fraction?: HyperValue;
  /** What the momentum of those that have moved is multiplied by. Default 0.95. */
  efDecay?: HyperValue;
  /** Added to norms, and to AdamW's root. Default 1e-8. */
  eps?: HyperValue;
  /** Decoupled weight decay λ of matrices, multiplied by the learning rate. Default 0.01. */
  weightDecay?: HyperValue;
  /** What updates of matrices are multiplied by. Default `"spectral"`, for matrices of outputs × inputs. */
  scaling?: MatrixScaling;
}

/**
 * Dion2: {@linkcode muon} of the rows with the largest momentum alone, or of the columns if there are fewer;
 * the momentum of the others grows until they are among them. One state tensor. Parameters that are no
 * matrices go to AdamW. Rows that do not move are 0 in the matrix that is orthogonalised, which comes to the
 * same as without them. By default, steps are those of the Polar Express.
 *
 * ```text
 * m_t &\leftarrow m_{t-1} + g_t \\
 * x_t &\leftarrow \begin{cases} m_t^{\top} & \text{if } \mathrm{rows} > \mathrm{columns} \\ m_t & \text{otherwise} \end{cases} \\
 * s_t &\leftarrow \operatorname{sum} \left( \left| x_t \right| \right)_{\text{axis } 1} + 0 \cdot (x_t x_t^{\top}) \\
 * k_t &\leftarrow \operatorname{sum} \left( \begin{cases} 1 & \text{if } s_t^{\top} > s_t \lor s_t^{\top} = s_t \land \operatorname{index}_{1} < \operatorname{index}_{0} \\ 0 & \text{otherwise} \end{cases} \right)_{\text{axis } 1} \\
 * x_t &\leftarrow \begin{cases} x_t & \text{if } k_t < \left\lceil \mathrm{fraction} \cdot \min \left( \mathrm{rows}, \mathrm{columns} \right) \right\rceil \\ 0 & \text{otherwise} \end{cases} \\
 * y_t &\leftarrow \begin{cases} x_t^{\top} & \text{if } \mathrm{rows} > \mathrm{columns} \\ x_t & \text{otherwise} \end{cases} \\
 * m_t &\leftarrow m_t - (1 - \mathrm{efDecay}) \cdot \begin{cases} y_t & \text{if } \mathrm{matrices} \land \mathrm{rank} = 2 \\ 0 & \text{otherwise} \end{cases} \\
 * x_t &\leftarrow \frac{\begin{cases} y_t^{\top} & \text{if } \mathrm{rows} > \mathrm{columns} \\ y_t & \text{otherwise} \end{cases}}{1.02 \cdot \left\lVert y_t \right\rVert + \epsilon} \\
 * \textbf{repeat } \left( a, b, c \right) \in \left( 8.156554524902461, -22.48329292557795, 15.878769915207462 \right), \left( 4.042929935166739, -2.808917465908714, 0.5000178451051316 \right), \left( 3.8916678022926607, -2.772484153217685, 0.5060648178503393 \right), \left( 3.285753657755655, -2.3681294933425376, 0.46449024233003106 \right), \left( 2.3465413258596377, -1.7097828382687081, 0.42323551169305323 \right) & \\
 * \quad x_t &\leftarrow a \cdot x_t + (b \cdot (x_t x_t^{\top}) + c \cdot (x_t x_t^{\top} (x_t x_t^{\top}))) x_t \\
 * o_t &\leftarrow \begin{cases} x_t^{\top} & \text{if } \mathrm{rows} > \mathrm{columns} \\ x_t & \text{otherwise} \end{cases} \\
 * o_t &\leftarrow -\alpha_t \cdot (\sqrt{\frac{\mathrm{rows}}{\mathrm{columns}}} \cdot o_t + \lambda \cdot \theta_{t-1}) \\
 * \mathrm{m\_adam}_t &\leftarrow \mathrm{b1\_adam} \cdot \mathrm{m\_adam}_{t-1} + (1 - \mathrm{b1\_adam}) \cdot g_t \\
 * \mathrm{v\_adam}_t &\leftarrow \mathrm{b2\_adam} \cdot \mathrm{v\_adam}_{t-1} + (1 - \mathrm{b2\_adam}) \cdot g_t^{2} \\
 * u_t &\leftarrow \begin{cases} o_t & \text{if } \mathrm{matrices} \land \mathrm{rank} = 2 \\ -\mathrm{learningRate\_adam} \cdot (\frac{\begin{cases} \frac{\mathrm{b1\_adam}}{1 - \mathrm{b1\_adam}^{t + 1}} \cdot \mathrm{m\_adam}_t + \frac{1 - \mathrm{b1\_adam}}{1 - \mathrm{b1\_adam}^{t}} \cdot g_t & \text{if } \mathrm{nesterov\_adam} \\ \frac{1}{1 - \mathrm{b1\_adam}^{t}} \cdot \mathrm{m\_adam}_t & \text{otherwise} \end{cases}}{\sqrt{\frac{1}{1 - \mathrm{b2\_adam}^{t}} \cdot \mathrm{v\_adam}_t + \mathrm{epsRoot\_adam}} + \mathrm{eps\_adam}} + \mathrm{weightDecay\_adam} \cdot \theta_{t-1}) & \text{otherwise} \end{cases} \\
 * S_t &\leftarrow (m_t, \mathrm{m\_adam}_t, \mathrm{v\_adam}_t)
 * ```
 *
 * Source: Ahn et al. 2025, Dion2: A Simple Method to Shrink Matrix in Muon, arXiv 2512.16928.
 *
 * @example
 * ```ts
 * import { dion2 } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = dion2({ learningRate: 0.5, fraction: 0.5, weightDecay: 0 });
 * const params = { data: new Float32Array(4), shape: [2, 2] };
 * opt.step(params, { data: Float32Array.of(1, 1, 0, 3), shape: [2, 2] }, opt.init(params));
 * assertEquals(Array.from(params.data, Math.sign), [0, 0, 0, -1]); // the second row has more
 * ```
 *
 * @throws {GradusError} if an option that chooses steps is not valid.
 */
export const dion2: OptimizerFactory<
  Dion2Options,
  { m: "leaf"; m_adam: "leaf"; v_adam: "leaf" },
  "learningRate" | "fraction" | "efDecay" | "eps" | "weightDecay" | AdamHyper
> = /* @__PURE__ */ withAdam(
  (options, doing) => {
    const usual = options.nsCoeffs === undefined ? "polarExpress" : "newtonSchulz";
    const { polar, scale } = polarForm({ polar: usual, ...options }, "spectral", doing);
    return besideAdam({
      name: "dion2",
      doc: "Muon of the rows with the largest momentum; AdamW for other parameters.",
      source: "Ahn et al. 2025, Dion2: A Simple Method to Shrink Matrix in Muon, arXiv 2512.16928",
      hyper: {
        learningRate: "required",
        fraction: { default: 0.25, domain: "(0, 1]" },
        efDecay: { default: 0.95, domain: "[0, 1]" },
        eps: { default: 1e-8, domain: "(0, inf)" },
        weightDecay: 0.01,
      },
      state: { m: 0 },
      before: `
      m = m + g
      x = where(rows > columns, transpose(m), m)
      s = sum(abs(x), axis=1) + 0*(x@transpose(x))
      k = sum(where(transpose(s) > s | transpose(s) == s & index(axis=1) < index(axis=0), 1, 0), axis=1)
      x = where(k < ceil(fraction*min(rows, columns)), x, 0)
      y = where(rows > columns, transpose(x), x)
      m = m - (1 - efDecay)*where(matrices & rank == 2, y, 0)
      ${polar("y", "eps")}
      o = -learningRate*(${scale}*o + weightDecay*w)
    `,
    });
  },
  /* @__PURE__ */ POLAR_NAMES.concat("scaling"),
);
