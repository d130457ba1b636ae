/** Sums of gradients of single examples, each clipped. */
import { once } from "../dsl/once.ts";
import { parseProgram } from "../dsl/check.ts";
import { GradusError, shown } from "../dsl/errors.ts";
import { factory } from "../runtime/define.ts";
import { ownOptions } from "../runtime/options.ts";
import { asLeaf } from "../runtime/trees/leaf.ts";
import { Layout } from "../runtime/trees/layout.ts";
import { type HyperTree, requireOption } from "../runtime/trees/hyperparameters.ts";
import type { StateTree } from "../runtime/trees/typed.ts";

/** Options of {@linkcode perExampleGlobalNormClip}. */
export interface PerExampleGlobalNormClipOptions {
  /** The largest norm of the gradient of one example, from 0. */
  l2NormClip: number;
}

/** Options of {@linkcode perExampleLayerNormClip}. */
export interface PerExampleLayerNormClipOptions {
  /** The largest norm of the gradient of one example, C, from 0. */
  globalL2NormClip: number;
  /**
   * Whether each of K layers is clipped to C/√K; if not, to C·√(D_i/D), where it has D_i of all D elements.
   * Default true.
   */
  uniform?: boolean;
}

const program = (norm: string, over: "tensor" | "tree") =>
  once(() =>
    parseProgram({
      name: "perExampleClip",
      hyper: { l2NormClip: { default: "required", domain: "[0, inf]" } },
      state: { clipped: { over } },
      step: `
      n = ${norm}(g)
      share = where(n <= l2NormClip, 1, l2NormClip/n)
      clipped = where(share < 1, clipped + 1, clipped)
      u = share*g
    `,
    })
  );

const GLOBAL = /* @__PURE__ */ program("globalNorm", "tree");
const LAYER = /* @__PURE__ */ program("norm", "tensor");

/**
 * The sum of the gradients of single examples, each scaled down to the norm `l2NormClip` over the tree where it
 * is above it, and how many were. `gradients` has a tree for each example, and may be a generator that makes
 * one after the other; Optax has one tree of arrays with a first axis of examples.
 *
 * ```text
 * Σ gᵢ·min(1, C/‖gᵢ‖)
 * ```
 *
 * Source: Abadi et al. 2016, Deep Learning with Differential Privacy, arXiv 1607.00133.
 *
 * @example
 * ```ts
 * import { perExampleGlobalNormClip } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const gradients = [[0, 0, 0], [0, 3, 4], [4, 0, 3], [3, 4, 0]].map((g) => Float32Array.from(g));
 * const [sum, clipped] = perExampleGlobalNormClip(gradients, { l2NormClip: 1.25 });
 * assertEquals(sum, Float32Array.of(1.75, 1.75, 1.75));
 * assertEquals(clipped, 3);
 * ```
 *
 * @throws {GradusError} if there is no gradient, or they differ in structure or shape.
 */
export function perExampleGlobalNormClip<P extends object>(
  gradients: Iterable<P>,
  options: PerExampleGlobalNormClipOptions,
): [sum: StateTree<P>, numClipped: number] {
  const doing = "Cannot clip gradients per example";
  const given = ownOptions(options, doing);
  Object.keys(given).forEach((name) => requireOption(name, ["l2NormClip"], doing));
  const [sum, clipped] = summed(gradients, GLOBAL, () => given.l2NormClip as number, doing);
  return [sum as StateTree<P>, clipped as number];
}

/**
 * The sum of the gradients of single examples, each layer of them scaled down to a norm of its own where it is
 * above it, and how many were: a tree of one number for each layer. `gradients` has a tree for each example.
 *
 * ```text
 * Σ gᵢ·min(1, Cₖ/‖gᵢ‖) for each layer k, where Σ Cₖ² = C²
 * ```
 *
 * Source: McMahan et al. 2017, Learning Differentially Private Recurrent Language Models, arXiv 1710.06963.
 *
 * @example
 * ```ts
 * import { perExampleLayerNormClip } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const gradients = [
 *   { a: Float64Array.of(0, 0, 2), b: Float64Array.of(0.5) },
 *   { a: Float64Array.of(0, 1, 0), b: Float64Array.of(-3) },
 * ];
 * const options = { globalL2NormClip: 1, uniform: false };
 * const [sum, clipped] = perExampleLayerNormClip(gradients, options);
 * assertEquals(sum.b, Float64Array.of(0));
 * assertEquals(clipped, { a: Float64Array.of(2), b: Float64Array.of(1) });
 * assertEquals(sum.a.map((value) => value ** 2), Float64Array.of(0, 0.75, 0.75).map((value) => Math.sqrt(value) ** 2));
 * ```
 *
 * @throws {GradusError} if there is no gradient, or they differ in structure or shape.
 */
export function perExampleLayerNormClip<P extends object>(
  gradients: Iterable<P>,
  options: PerExampleLayerNormClipOptions,
): [sum: StateTree<P>, numClipped: StateTree<P>] {
  const doing = "Cannot clip gradients per example";
  const { globalL2NormClip: most, uniform = true } = ownOptions(
    options,
    doing,
  ) as unknown as PerExampleLayerNormClipOptions;
  if (typeof uniform !== "boolean") {
    throw new GradusError(`${doing}: \`uniform\` must be true or false: given ${shown(uniform)}`);
  }
  const limits = (first: object): HyperTree => {
    const layout = Layout.of(first, doing, asLeaf);
    const sizes = layout.leaves.map(({ shape }) => shape.reduce((a, b) => a * b, 1));
    const all = sizes.reduce((a, b) => a + b, 0);
    const parts = sizes.map((size) => uniform ? 1 / sizes.length : size / all);
    return layout.build(parts.map((part) => most * Math.sqrt(part))) as HyperTree;
  };
  const [sum, clipped] = summed(gradients, LAYER, limits, doing);
  return [sum as StateTree<P>, clipped as StateTree<P>];
}

function summed(
  gradients: Iterable<object>,
  program: typeof GLOBAL,
  limits: (first: object) => number | HyperTree,
  doing: string,
): [sum: object, numClipped: unknown] {
  if (typeof gradients?.[Symbol.iterator] !== "function") {
    throw new GradusError(
      `${doing}: gradients of single examples must be a list: given ${shown(gradients)}`,
    );
  }
  const others = gradients[Symbol.iterator]();
  const { value: first, done } = others.next();
  if (done) throw new GradusError(`${doing}: one gradient is needed at least: given none`);
  const opt = factory(program())({ l2NormClip: limits(first) });
  // What is added to the first stands where parameters do.
  const [sum, state] = opt.update(first, opt.init(first));
  for (let next = others.next(); !next.done; next = others.next()) opt.step(sum, next.value, state);
  return [sum, state.clipped];
}
