import { GradusError, shown } from "../dsl/errors.ts";
import type { Document } from "../dsl/program.ts";
import { parseProgram } from "../dsl/check.ts";
import { factory, fixed, namesOf, type OptimizerFactory, resolving } from "../runtime/define.ts";
import { isTorch, type LikeOption } from "./like.ts";
import { chain } from "../runtime/chain.ts";
import type { Optimizer } from "../runtime/optimizer.ts";
import { requireOptimizer } from "../runtime/wrap.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode lbfgs}. */
export interface LbfgsOptions extends LikeOption {
  /** Step size α. Default 1. */
  learningRate?: HyperValue;
  /**
   * How many pairs of differences are remembered: a whole number from 1 to 50. Default 10; PyTorch's 100 is
   * more than that.
   */
  memorySize?: number;
  /** PyTorch's rule alone: the largest magnitude of a gradient that no step is made for. Default 1e-7. */
  toleranceGrad?: HyperValue;
  /** PyTorch's rule alone: what a step must lower the loss by, in first order. Default 1e-9. */
  toleranceChange?: HyperValue;
  /**
   * What finds how far each step goes, such as `scaleByZoomLinesearch({ maxLinesearchSteps: 20,
   * initialGuessStrategy: "one" })`, which Optax has by default: a step then takes the loss and a function
   * of loss and gradients. Default: none.
   */
  linesearch?: Optimizer;
  /** Whether the inverse Hessian begins as γ·I by the last pair, or else as I. Default true. */
  scaleInitPrecond?: boolean;
}

const MOST_PAIRS = 50;

/**
 * The program for a memory of `size` pairs, the newest first. PyTorch's shortens its first step alone, by
 * the sum of magnitudes, makes none where the gradient or what the step would gain is as small as said, and a pair of a curvature up to 1e-10 takes no other's place: the last of one more
 * counts while the first does not.
 */
function document(size: number, likeTorch = false): Document {
  if (likeTorch) size++;
  const pairs = Array.from({ length: size }, (_, i) => i + 1);
  const rho = (i: number) => likeTorch && i === size ? `where(rho1 > 0, 0, rho${i})` : `rho${i}`;
  const each = (write: (i: number) => string, order: readonly number[] = pairs) =>
    order.map(write).join("\n");
  const oldest = pairs.toReversed();
  // If the newest pair is left out, the one before it is the newest that counts.
  const newest = (name: string) => size === 1 ? `${name}1` : `where(rho1 > 0, ${name}1, ${name}2)`;
  // Whether the last pair counts is known before a step begins, so that no array is read in vain.
  const shifted = (i: number) =>
    ["s", "y", "rho"].map((name) => `${name}${i} = where(isTaken, ${name}${i - 1}, ${name}${i})`)
      .join("\n");
  return {
    name: "lbfgs",
    doc:
      "Limited-memory BFGS without line search; a product with an inverse Hessian made of pairs.",
    source: "Liu and Nocedal 1989, On the limited memory BFGS method for large scale optimization",
    hyper: {
      learningRate: 1,
      scaleInitPrecond: true,
      ...likeTorch ? { toleranceGrad: 1e-7, toleranceChange: 1e-9 } : {},
    },
    state: {
      theta: 0,
      grad: 0,
      // A single pair is made and used in one step.
      ...Object.fromEntries((size === 1 ? [] : pairs).flatMap((i) => [
        [`s${i}`, 0],
        [`y${i}`, 0],
        [`rho${i}`, { over: "tree" }],
      ])),
    },
    step: `
      ${size === 1 ? "" : "isTaken = rho1 > 0"}
      ${each(shifted, oldest.slice(0, -1))}
      s1 = where(count == 0, 0, w - theta)
      y1 = where(count == 0, 0, g - grad)
      theta = w
      grad = g
      kappa = globalSum(s1*y1)
      rho1 = where(kappa > ${likeTorch ? 1e-10 : 0} & 1/kappa < inf, 1/kappa, 0)
      q = g
      ${each((i) => `a${i} = ${rho(i)}*globalSum(s${i}*q)\nq = q - a${i}*y${i}`)}
      rho = ${newest("rho")}
      yy = globalSum(${newest("y")}^2)
      gamma = where(rho > 0, 1/(rho*yy), ${
      likeTorch ? "where(count == 0, min(1, 1/globalSum(abs(g))), 1)" : "min(1, 1/globalNorm(g))"
    })
      q = where(scaleInitPrecond, gamma, 1)*q
      ${each((i) => `q = q + (a${i} - ${rho(i)}*globalSum(y${i}*q))*s${i}`, oldest)}
      ${
      likeTorch
        ? "isDone = globalMax(abs(g)) <= toleranceGrad | globalSum(g*q) < toleranceChange"
        : ""
    }
      u = ${likeTorch ? "where(isDone, 0, -learningRate*q)" : "-learningRate*q"}
    `,
  };
}

/**
 * L-BFGS without line search: the gradient times an inverse Hessian that the last `memorySize` pairs
 * s = θ_t - θ_{t-1}, y = g_t - g_{t-1} make, by the two loops over them. States: `theta` and `grad`,
 * the last parameters and gradients, and for each pair, if there may be several, the tensors `s1`, `y1`
 * (the newest), … and the number `rho1`, …. A pair whose ⟨s, y⟩ is not above 0, as where the slope bends
 * down, would turn the direction uphill: its `rho1` is 0, which leaves it out, and the next pair takes its
 * place. Without any pair, as at the first step, γ is min(1, 1/‖g‖).
 *
 * ```text
 * \rho_i &= \begin{cases} 1/\langle s_i, y_i \rangle & \text{if } \langle s_i, y_i \rangle > 0 \\ 0 & \text{otherwise} \end{cases}, \quad q \leftarrow g_t \\
 * a_i &\leftarrow \rho_i \cdot \langle s_i, q \rangle, \quad q \leftarrow q - a_i \cdot y_i \quad (i = 1, …, m) \\
 * q &\leftarrow \gamma \cdot q, \quad \gamma = \frac{\langle s, y \rangle}{\langle y, y \rangle} \text{ of the newest pair with } \rho > 0 \\
 * q &\leftarrow q + (a_i - \rho_i \cdot \langle y_i, q \rangle) \cdot s_i \quad (i = m, …, 1) \\
 * u_t &\leftarrow -\alpha_t \cdot q
 * ```
 *
 * Source: Liu and Nocedal 1989, On the limited memory BFGS method for large scale optimization.
 *
 * @example
 * ```ts
 * import { lbfgs } from "@gradus/gradus";
 * import { assert } from "@std/assert";
 *
 * const opt = lbfgs({ memorySize: 3 });
 * const x = Float64Array.of(1, -2, 3);
 * const state = opt.init(x);
 * for (let step = 0; step < 12; step++) {
 *   opt.step(x, x.map((value, i) => (i + 1) * value), state);
 * }
 * assert(Math.hypot(...x) < 1e-6);
 * ```
 *
 * @throws {GradusError} if `memorySize` is not a whole number from 1 to 50.
 */
export const lbfgs: OptimizerFactory<LbfgsOptions> = /* @__PURE__ */ withMemory(
  (size, likeTorch) => factory(parseProgram(document(size, likeTorch))),
  ["linesearch"],
);

/** Options of {@linkcode scaleByLbfgs}. */
export type ScaleByLbfgsOptions = Omit<LbfgsOptions, "learningRate" | "linesearch">;

/**
 * The product of {@linkcode lbfgs} with the gradient, to be scaled by what follows in a chain; it points
 * up the hill, as the gradient does. It takes in the same pairs.
 *
 * ```text
 * \rho_i &= \begin{cases} 1/\langle s_i, y_i \rangle & \text{if } \langle s_i, y_i \rangle > 0 \\ 0 & \text{otherwise} \end{cases}, \quad q \leftarrow g_t \\
 * a_i &\leftarrow \rho_i \cdot \langle s_i, q \rangle, \quad q \leftarrow q - a_i \cdot y_i \quad (i = 1, …, m) \\
 * q &\leftarrow \gamma \cdot q, \quad \gamma = \frac{\langle s, y \rangle}{\langle y, y \rangle} \text{ of the newest pair with } \rho > 0 \\
 * q &\leftarrow q + (a_i - \rho_i \cdot \langle y_i, q \rangle) \cdot s_i \quad (i = m, …, 1) \\
 * u_t &\leftarrow q
 * ```
 *
 * Source: Liu and Nocedal 1989, On the limited memory BFGS method for large scale optimization.
 *
 * @example
 * ```ts
 * import { scaleByLbfgs } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const transform = scaleByLbfgs({ memorySize: 2 });
 * const gradients = Float64Array.of(3, -4);
 * const [updates] = transform.update(gradients, transform.init(gradients), gradients);
 * assertEquals(Array.from(updates, (value) => value.toFixed(2)), ["0.60", "-0.80"]);
 * ```
 *
 * @throws {GradusError} if `memorySize` is not a whole number from 1 to 50.
 */
export const scaleByLbfgs: OptimizerFactory<ScaleByLbfgsOptions> = /* @__PURE__ */ withMemory((
  size,
  likeTorch,
) =>
  fixed(
    { program: parseProgram(document(size, likeTorch)) },
    { name: "scaleByLbfgs", doc: "The direction of limited-memory BFGS." },
    { learningRate: -1 },
  )
);

/** A factory whose program depends on how many pairs are remembered, and by whose rule. */
function withMemory<Options extends ScaleByLbfgsOptions>(
  factoryOf: (size: number, likeTorch: boolean) => OptimizerFactory<Record<string, unknown>>,
  others: readonly string[] = [],
): OptimizerFactory<Options> {
  return resolving<Options>(
    () => factoryOf(10, false).program,
    ({ like, memorySize, ...options }, doing) => {
      const likeTorch = isTorch(like, doing);
      memorySize ??= likeTorch ? MOST_PAIRS : 10;
      if (!Number.isInteger(memorySize) || memorySize < 1 || memorySize > MOST_PAIRS) {
        throw new GradusError(
          `${doing}: \`memorySize\` must be a whole number from 1 to ${MOST_PAIRS}: ` +
            `given ${shown(memorySize)}`,
        );
      }
      const { linesearch, ...given } = options as LbfgsOptions;
      const direction = factoryOf(memorySize, likeTorch)({ ...given });
      if (linesearch === undefined || linesearch === null) return direction;
      requireOptimizer(linesearch, "`linesearch`", doing);
      return chain(direction, linesearch);
    },
    (
      program,
    ) => [...namesOf(program), "toleranceGrad", "toleranceChange", "memorySize", "like", ...others],
  );
}
