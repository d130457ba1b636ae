/** Rules that keep every bit. */
import type { RuleText } from "./rule.ts";

const exact = (name: string, from: string, to: string, more: Partial<RuleText> = {}): RuleText => ({
  name,
  from,
  to,
  kind: "exact",
  ...more,
});
const ordered = { ordered: true };

/** Rules that keep every bit, shortest forms first; the last ones choose between equally long ones. */
export const EXACT_RULES: readonly RuleText[] = [
  exact("product with one", "1*x", "x"),
  exact("quotient by one", "x/1", "x"),
  exact("difference with zero", "x - 0", "x"),
  exact("power of one", "x^1", "x"),
  exact("double negation", "-(-x)", "x"),
  exact("product with minus one", "-1*x", "-x"),
  exact("quotient by minus one", "x/-1", "-x"),
  exact("difference of a negative", "x - -y", "x + y"),
  exact("sum with a negative", "x + -y", "x - y"),
  exact("two negative factors", "-x*-y", "x*y"),
  exact("twice the same", "x + x", "2*x"),
  exact("a square", "x*x", "x^2"),
  exact("square of a negative", "(-x)^2", "x^2"),
  exact("square of a magnitude", "abs(x)^2", "x^2"),
  exact("magnitude of a negative", "abs(-x)", "abs(x)"),
  exact("magnitude of a magnitude", "abs(abs(x))", "abs(x)"),
  exact("magnitude of a square", "abs(x^2)", "x^2"),
  exact("magnitude of what is positive", "abs(x)", "x", { when: "x > 0" }),
  exact("sign of a sign", "sign(sign(x))", "sign(x)"),
  exact("sign times magnitude", "sign(x)*abs(x)", "x"),
  exact("a choice between the same", "where(p, x, x)", "x"),
  exact("a choice by a negation", "where(!p, x, y)", "where(p, y, x)"),
  exact("double denial", "!(!p)", "p"),
  exact("both of the same", "p & p", "p"),
  exact("either of the same", "p | p", "p"),
  exact("a clip", "min(max(x, y), z)", "clip(x, y, z)"),
  exact("a clip within the same clip", "clip(clip(x, y, z), y, z)", "clip(x, y, z)"),
  exact("the sign of a negative goes out", "sign(-x)", "-sign(x)"),
  exact("a minus goes to the first factor", "-(x*e)", "-x*e"),
  exact("a minus goes to the first factor", "x*-e", "-x*e", ordered),
  exact("a minus goes above the line", "-(x/y)", "-x/y"),
  exact("slow factors first", "e*k", "k*e", ordered),
  exact("an average names its past first", "(1 - k)*x + k*y", "k*y + (1 - k)*x", ordered),
];
