/** Optimizers for some leaves only. */
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import type { Wrapper } from "../../dsl/weave.ts";
import {
  chained,
  type LabelledHyper,
  type LabelledStates,
  requireLabels,
} from "../../runtime/chain.ts";
import type { Mask, PerLeaf, Prefix } from "../../runtime/trees/hyperparameters.ts";
import { isMatch, mapMatch, type Match } from "../../runtime/trees/match.ts";
import type { StateKinds } from "../../runtime/trees/typed.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { requireOptimizer, wrap } from "../../runtime/wrap.ts";
import { setToZero } from "../zero.ts";

const MASKED: Wrapper = {
  name: "masked",
  doc: "Applies to the leaves that a mask chooses; others pass through.",
  hyper: { applies: true },
  before: "given = g",
  after: "u = where(applies, u, given)",
  select: "applies",
};

/**
 * Applies `inner` where `mask` is true. Elsewhere the gradient passes through unchanged, as in Optax, and
 * no state is kept. A reduction over the tree, such as the norm of a clip, sees only the chosen leaves.
 * `mask` is a tree-prefix of truth values over the parameters, rules by paths and shapes ({@linkcode Match}),
 * or a function from the parameters to one of these, which is called once for each structure.
 *
 * @example
 * ```ts
 * import { adamw, chain, masked, sgd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = chain(masked(sgd({ learningRate: 0.5, momentum: 0.9 }), { weight: true, bias: false }));
 * const params = { weight: Float32Array.of(1), bias: Float32Array.of(1) };
 * const gradients = { weight: Float32Array.of(1), bias: Float32Array.of(1) };
 * const [updates, state] = opt.update(gradients, opt.init(params));
 * assertEquals(updates, { weight: Float32Array.of(-0.5), bias: Float32Array.of(1) });
 * assertEquals(state.m, { weight: Float32Array.of(1), bias: new Float32Array(0) });
 * ```
 */
export function masked<S extends StateKinds, Hyper extends string>(
  inner: Optimizer<S, Hyper>,
  mask: Mask,
): Optimizer<S, Hyper> {
  requireOptimizer(inner, "`inner`", "Cannot mask");
  if (!["boolean", "object", "function"].includes(typeof mask) || mask === null) {
    throw new GradusError(
      `Cannot mask "${inner.program.name}": \`mask\` must be a tree of truth values or a function: ` +
        `given ${shown(mask)}`,
    );
  }
  return wrap(inner, MASKED, new Map([["applies", { value: true, mask }]]));
}

/**
 * Holds the parameters still where `mask` is true: their updates become 0.
 *
 * @example
 * ```ts
 * import { chain, freeze, sgd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = chain(sgd({ learningRate: 1 }), freeze({ body: true, head: false }));
 * const params = { body: Float32Array.of(1), head: Float32Array.of(1) };
 * opt.step(params, { body: Float32Array.of(3), head: Float32Array.of(3) }, opt.init(params));
 * assertEquals(params, { body: Float32Array.of(1), head: Float32Array.of(-2) });
 * ```
 */
export function freeze(mask: Mask): Optimizer<Record<never, never>, never> {
  return masked(setToZero(), mask);
}

/** Which optimizer each leaf belongs to: a tree-prefix of names, rules that give them, or a function that makes one of both. */
export type Labels = PerLeaf<string>;

/** A tree-prefix of names. */
export type LabelTree = Prefix<string>;

/**
 * An optimizer for each part of the parameters: each leaf is stepped by the optimizer that `labels` names
 * for it, by a tree or by rules such as `{ match: [["*norm*", "head"], ["*", "body"]] }`. States and hyperparameters have the name of their optimizer as a suffix, such as the state
 * `m_body` and the hyperparameter `learningRate_body`.
 *
 * @example
 * ```ts
 * import { lion, partition, sgd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = partition(
 *   { body: lion({ learningRate: 0.25, weightDecay: 0 }), head: sgd({ learningRate: 1 }) },
 *   { layers: "body", output: "head" },
 * );
 * const params = { layers: [Float32Array.of(1), Float32Array.of(1)], output: Float32Array.of(1) };
 * const gradients = { layers: [Float32Array.of(3), Float32Array.of(-3)], output: Float32Array.of(3) };
 * opt.step(params, gradients, opt.init(params));
 * assertEquals(params, {
 *   layers: [Float32Array.of(0.75), Float32Array.of(1.25)],
 *   output: Float32Array.of(-2),
 * });
 * ```
 *
 * @throws {GradusError} if a label names no optimizer.
 */
export function partition<Parts extends Readonly<Record<string, Optimizer>>>(
  optimizers: Parts,
  labels: Labels,
): Optimizer<LabelledStates<Parts>, LabelledHyper<Parts>> {
  const doing = "Cannot partition";
  const names = requireLabels(optimizers, doing);
  const choose = (tree: LabelTree, label: string): Prefix<boolean> => {
    if (typeof tree === "string") {
      if (names.includes(tree)) return tree === label;
      throw new GradusError(
        `${doing}: a label must name one of the optimizers: given ${shown(tree)}` +
          (suggestion(tree, names) || `; they are ${names.map(quoted).join(", ")}`),
      );
    }
    if (typeof tree !== "object" || tree === null) {
      throw new GradusError(`${doing}: \`labels\` must be a tree of names: given ${shown(tree)}`);
    }
    if (Array.isArray(tree)) return tree.map((part: LabelTree) => choose(part, label));
    return Object.fromEntries(
      Object.entries(tree).map(([key, part]) => [key, choose(part, label)]),
    );
  };
  const chosen = (given: LabelTree | Match<string>, label: string) =>
    isMatch(given)
      ? mapMatch(given, (part) => choose(part as string, label) as boolean)
      : choose(given, label);
  const maskOf = (label: string): Mask =>
    typeof labels === "function"
      ? (params: never) => chosen(labels(params), label)
      : chosen(labels, label);
  return chained(names.map((label) => masked(optimizers[label], maskOf(label))), names);
}
