import { EXACT_RULES } from "../../../dsl/rewrite/exact_rules.ts";
import { APPROXIMATE_RULES, RELAXED_RULES } from "../../../dsl/rewrite/relaxed_rules.ts";
import { readRule, type RuleKind, type RuleText } from "../../../dsl/rewrite/rule.ts";
import { GradusError } from "../../../mod.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import { exactFailure, relaxedFailure } from "./laws.ts";

Deno.test("exact rules keep every bit of every kind of number, at every rate", () => {
  const wrong = EXACT_RULES.map((rule) => [rule.name, exactFailure(readRule(rule))] as const)
    .filter(([, failure]) => failure !== undefined);
  assertEquals(wrong, []);
});

Deno.test("relaxed rules, and exact ones, are true of real numbers", () => {
  const wrong = [...RELAXED_RULES, ...EXACT_RULES]
    .map((rule) => [rule.name, relaxedFailure(readRule(rule))] as const)
    .filter(([, failure]) => failure !== undefined);
  assertEquals(wrong, []);
});

Deno.test("rules that are not exact are found out", () => {
  const wrong: readonly (readonly [from: string, to: string, when?: string])[] = [
    ["x + 0", "x"], // -0
    ["0*x", "0"], // NaN, infinities, -0
    ["x - x", "0"],
    ["0 - x", "-x"],
    ["-(x - y)", "y - x"], // 0 of either sign
    ["abs(sqrt(x))", "sqrt(x)"], // the root of -0
    ["abs(x)", "x", "x >= 0"], // -0 is not below 0
    ["sqrt(x^2)", "abs(x)"], // squares overflow
    ["x/y", "x*(1/y)"],
    ["x*(y*z)", "x*y*z"],
    ["x*y + x*z", "x*(y + z)"],
    ["sign(y*x)", "sign(x)", "y > 0"], // products underflow
    ["min(x, y)", "where(x < y, x, y)"], // NaN
    ["x/y*y", "x"],
    ["sqrt(x)*sqrt(x)", "abs(x)"],
  ];
  for (const [from, to, when] of wrong) {
    const rule: RuleText = { name: from, from, to, kind: "exact" };
    const failure = exactFailure(readRule(when === undefined ? rule : { ...rule, when }));
    assert(failure !== undefined, `${from} -> ${to} passes for exact`);
  }
});

Deno.test("rules that are not even true of real numbers are found out", () => {
  const wrong: readonly (readonly [from: string, to: string, when?: string])[] = [
    ["sqrt(x^2)", "x"],
    ["sign(y*x)", "sign(x)"], // its guard is missing
    ["sign(y*x)", "sign(x)", "y >= 0"],
    ["abs(x)", "x", "x >= -0.01"],
    ["max(x, y)", "x", "y >= x"],
    ["-(x - y)", "x - y"],
    ["x/abs(x)", "1"],
    ["(1 - k1)*x + k1*((1 - k2)*x + k2*y)", "k1*k2*x + (1 - k1*k2)*y"],
    ["x*y + x*z", "x*y*z"],
    ["tanh(x)", "x"],
    ["where(x < y, z, v)", "v", "x < y"],
    ["0^x", "0", "x >= 0"],
  ];
  for (const [from, to, when] of wrong) {
    const rule: RuleText = { name: from, from, to, kind: "relaxed" };
    const failure = relaxedFailure(readRule(when === undefined ? rule : { ...rule, when }));
    assert(failure !== undefined, `${from} -> ${to} passes for relaxed`);
  }
});

Deno.test("every rule says what it promises in its own table, and no two look for the same", () => {
  const tables: readonly (readonly [RuleKind, readonly RuleText[]])[] = [
    ["exact", EXACT_RULES],
    ["relaxed", RELAXED_RULES],
    ["approximate", APPROXIMATE_RULES],
  ];
  const seen = new Set<string>();
  for (const [kind, rules] of tables) {
    for (const rule of rules) {
      assertEquals(rule.kind, kind, rule.name);
      const key = `${rule.from} when ${rule.when ?? "always"}`;
      assert(!seen.has(key), key);
      seen.add(key);
    }
  }
});

Deno.test("a rule must be made of what it looks for", () => {
  assertThrows(
    () => readRule({ name: "odd", from: "x + 0", to: "y", kind: "relaxed" }),
    GradusError,
    'Cannot read rule "odd"',
    "`x + 0`: given `y`",
  );
  assertThrows(
    () => readRule({ name: "odd", from: "x +", to: "x", kind: "relaxed" }),
    GradusError,
    'Cannot read rule "odd"',
  );
});
