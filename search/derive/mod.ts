/**
 * Programs as material: derive a readable optimizer from a found one, tell whether two are the same, and
 * what one is like.
 *
 * @example
 * ```ts
 * import { describe, equivalent } from "@gradus/gradus/derive";
 * import { lion, signum } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(equivalent(lion.program, signum.program).equivalent, false);
 * assertEquals(describe(signum.program).shape, "sign-like");
 * ```
 *
 * @module
 */
export {
  type Derivation,
  type DerivationStage,
  type DerivationStep,
  derive,
  type DeriveOptions,
} from "./derive.ts";
export { differentiate, type DifferentiateOptions } from "../../dsl/differentiate.ts";
export { printExpression } from "../../dsl/print.ts";
export { describe, type Description, type ResponsePoint, type TimeConstant } from "./describe.ts";
export { type Effect, type EffectOptions, measureEffect } from "./effect.ts";
export {
  type Equivalence,
  equivalent,
  type EquivalentOptions,
  type Witness,
} from "./equivalent.ts";
export type { Shape } from "./responses.ts";
export type { StreamKind } from "./gradient_streams.ts";
export {
  type Simplification,
  simplify,
  type SimplifyOptions,
  type SimplifyStep,
} from "../../dsl/rewrite/simplify_program.ts";
export type { RuleKind, RuleText } from "../../dsl/rewrite/rule.ts";
