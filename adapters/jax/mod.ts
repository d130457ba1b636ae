/**
 * Optimizers inside jax-js: {@linkcode toJax} makes one a gradient transformation as Optax has them, of
 * jax-js's own operations, so that a training step is one graph under `jit`. The plain way, by Gradus's own
 * kernels on copies, is {@linkcode fromJaxTree} and {@linkcode toJaxTree}.
 *
 * @example A small network learns to tell the sign of a product.
 * ```ts
 * import { adamw, warmupCosineDecaySchedule } from "@gradus/gradus";
 * import { toJax } from "@gradus/gradus/jax";
 * import { init, jit, numpy as np, tree, valueAndGrad } from "@jax-js/jax";
 * import { assert } from "@std/assert";
 *
 * await init("cpu");
 * type Params = { hidden: np.Array; out: np.Array };
 * const points = [[1, 1, 1], [1, -1, 1], [-1, 1, 1], [-1, -1, 1]];
 * const loss = ({ hidden, out }: Params) => {
 *   const made = np.matmul(np.tanh(np.matmul(np.array(points), hidden)), out);
 *   return np.mean(np.square(made.sub(np.array([[1], [-1], [-1], [1]]))));
 * };
 *
 * const learningRate = warmupCosineDecaySchedule({
 *   initValue: 0, peakValue: 0.1, warmupSteps: 10, decaySteps: 200,
 * });
 * const opt = toJax(adamw({ learningRate, weightDecay: 0.01, mask: { hidden: true, out: false } }), np);
 * const step = jit((params: Params, state: ReturnType<typeof opt.init>) => {
 *   const [value, gradients] = valueAndGrad(loss)(tree.ref(params));
 *   const [updates, next] = opt.update(gradients as Params, state, tree.ref(params));
 *   return { params: tree.map((w: np.Array, u: np.Array) => w.add(u), params, updates), next, value };
 * });
 *
 * const numbers = Float32Array.from({ length: 24 }, (_, i) => Math.sin(7 * i));
 * let params: Params = { hidden: np.array(numbers, { shape: [3, 8] }), out: np.ones([8, 1]) };
 * let state = opt.init(tree.ref(params));
 * let last = Infinity;
 * for (let k = 0; k < 200; k++) {
 *   const made = step(params, state);
 *   [params, state, last] = [made.params, made.next, made.value.item()];
 * }
 * assert(last < 0.05, `the loss is ${last}`);
 * ```
 * @module
 */
export { type JaxOptions, type JaxTransformation, toJax } from "./optimizer.ts";
export type { JaxInputs, JaxState } from "./state.ts";
export { type Arrays, fromJaxTree, type Tensors, toJaxTree } from "./trees.ts";
export type { JaxArray, JaxNumpy, JaxTree } from "./types.ts";
