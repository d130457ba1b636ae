import { fix } from "../../dsl/fix.ts";
import { parseProgram } from "../../dsl/check.ts";
import { printProgram } from "../../dsl/print.ts";
import { assertEquals } from "../assert.ts";

/** The statements and states of a step with `k` and `on` fixed. */
function fixed(
  step: string,
  state: Record<string, number> = {},
): { step: string[]; state: string[] } {
  const program = parseProgram({ name: "whole", hyper: { k: 1, on: true }, state, step });
  const document = printProgram(fix(program, { name: "part" }, { k: 0, on: false }));
  return { step: document.step.split("\n"), state: Object.keys(document.state ?? {}) };
}

Deno.test("what comes to name a value again is read as that value", () => {
  assertEquals(fixed("a = g*g\nb = a + k*w\nu = b - a*b").step, ["a = g*g", "u = a - a*a"]);
  assertEquals(fixed("g = g + k*w\nu = -g").step, ["u = -g"]);
  assertEquals(fixed("d = 2*g\nm = d + k*m\nu = m", { m: 0 }), {
    step: ["d = 2*g", "u = d"],
    state: [],
  });
});

Deno.test("a copy of what changes later is kept, and one that a state needs", () => {
  const later = ["a = m", "m = 0.5*m + g", "u = a - m"];
  assertEquals(fixed("a = m + k\nm = 0.5*m + g\nu = a - m", { m: 0 }).step, later);
  const needed = ["u = g - p", "p = g"];
  assertEquals(fixed("u = g - p\np = g + k*w", { p: 0 }).step, needed);
});

Deno.test("a name that is set anew is no copy any more", () => {
  assertEquals(fixed("a = g + k\nb = a*w\na = 2*a\nu = a + b").step, [
    "b = g*w",
    "a = 2*g",
    "u = a + b",
  ]);
});

Deno.test("a copy that was written as one stays", () => {
  assertEquals(fixed("a = g\nu = a*where(on, 3, 2)").step, ["a = g", "u = a*2"]);
});

Deno.test("what comes to be a number or a truth is read as that", () => {
  assertEquals(fixed("a = where(on, k, 2)\nu = -a*g").step, ["u = -2*g"]);
  assertEquals(fixed("d = k*w\nu = 3*(d + g)").step, ["u = 3*g"]);
  assertEquals(fixed("c = on & g > 0\nu = where(c, -1, 1)*g").step, ["u = g"]);
  assertEquals(fixed("a = k + 1\nb = a*g\na = 3\nu = b + a*g").step, ["a = 3", "u = g + a*g"]);
});
