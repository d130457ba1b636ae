/** `explain` warns of what is likely to be a mistake in a program. */
import { requiredOf } from "../../runtime/required.ts";
import * as gradus from "../../mod.ts";
import { adamw, explain, lion, optimizer, zeroNans } from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";

const warningsOf = (step: string, evaluate?: string) =>
  explain(optimizer({ name: "x", state: { m: 0, v: 0 }, step, evaluate } as never)()).warnings;

const unread = (name: string) =>
  `state \`${name}\` is only kept to be looked at: neither \`u\` nor what is evaluated depends on ` +
  `what a step before has left in it`;

Deno.test("a state that is read nowhere is warned of", () => {
  assertEquals(warningsOf("m = m + g; u = -m"), [unread("v")]);
});

Deno.test("a state that only itself or another unread one reads is warned of", () => {
  assertEquals(warningsOf("m = m + g; v = v + m; u = -g"), [unread("m"), unread("v")]);
});

Deno.test("a state that every step sets before it is read is warned of", () => {
  assertEquals(warningsOf("m = g; v = v + m; u = -m - v"), [unread("m")]);
});

Deno.test("a state that is read through another, through a norm of the tree, or to evaluate is not warned of", () => {
  assertEquals(warningsOf("v = v + m; m = m + g; u = -v"), []);
  assertEquals(warningsOf("v = v + g; m = m + globalNorm(v); u = -m"), []);
  assertEquals(warningsOf("m = m + g; v = v + w; u = -m", "v"), []);
});

Deno.test("a hyperparameter that no statement, initial value or evaluation reads is warned of", () => {
  const document = {
    name: "x",
    hyper: { used: 1, initial: 1, late: 1, unused: 1 },
    state: { m: "initial" },
    step: "m = m + used*g; u = -m",
    evaluate: "late*w",
  } as const;
  assertEquals(explain(optimizer(document)()).warnings, [
    "hyperparameter `unused` changes nothing: no statement reads it",
  ]);
  for (const [name, value] of Object.entries(gradus)) {
    if (typeof value !== "function" || !("program" in value)) continue;
    const program = value.program as gradus.Program;
    const opt = gradus.factory(program)(requiredOf(program, 1));
    const warnings = explain(opt).warnings.filter((each) => each.startsWith("hyper"));
    assertEquals(warnings, [], name);
  }
});

Deno.test("optimizers that read their states have no warnings, one that counts for a reader has one", () => {
  for (const opt of [lion({ learningRate: 1 }), adamw({ learningRate: 1 })]) {
    assertEquals(explain(opt).warnings, []);
    assert(!String(explain(opt)).includes("warning"));
  }
  const explanation = explain(zeroNans());
  assertEquals(explanation.warnings, [unread("foundNan")]);
  assert(String(explanation).includes(`\n\nwarning: ${unread("foundNan")}\n`));
});
