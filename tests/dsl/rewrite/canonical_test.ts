import { Evaluator } from "../../../dsl/evaluate.ts";
import { type Node, postorder } from "../../../dsl/node.ts";
import { parseExpression } from "../../../dsl/parse.ts";
import { exactForm, relaxedForm } from "../../../dsl/rewrite/canonical.ts";
import { assert } from "../../assert.ts";
import { randomWords } from "../../numbers.ts";
import { expression, SCOPE, values } from "./expressions.ts";

const read = (text: string): Node => parseExpression(text, SCOPE, "a test");

Deno.test("what is the same in every bit has the same exact form", () => {
  const same = [["g*w + m", "m + w*g"], ["2*3*g", "6*g"], ["g/1", "g"], ["max(g, w)", "max(w, g)"]];
  for (const [a, b] of same) assert(exactForm(read(a)) === exactForm(read(b)), `${a}, ${b}`);
  const other = [["g + w + m", "g + (w + m)"], ["g - w", "w - g"], ["g + 0", "g"], ["0*g", "0"]];
  for (const [a, b] of other) assert(exactForm(read(a)) !== exactForm(read(b)), `${a}, ${b}`);
});

Deno.test("what is the same in real numbers has the same relaxed form", () => {
  const same = [
    ["g + w + m", "m + (w + g)"],
    ["(g + w)^2", "g^2 + 2*g*w + w^2"],
    ["(1 - 0.9)*g", "0.1*g"],
    ["g/(w/m)", "g*m/w"],
    ["1/(2*g + 2*w)", "0.5/(w + g)"],
    ["sign(-2*g + w)", "-sign(g - 0.5*w)"],
    ["g > w", "w < g"].map((each) => `where(${each}, g, w)`),
    ["sqrt(g + w)", "sqrt(w + g)"],
    ["b^(t + 1)", "b^(1 + t)"],
    ["g - g + w", "w"],
  ];
  for (const [a, b] of same) assert(relaxedForm(read(a)) === relaxedForm(read(b)), `${a}, ${b}`);
  const other = [
    ["g + w", "g - w"],
    ["sign(2*g)", "sign(-2*g)"],
    ["sqrt(g)", "g"],
    ["1/(g + w)", "1/g + 1/w"],
    ["b^t", "t^b"],
    ["0.1*g", "0.1000001*g"],
    ["where(g < w, g, w)", "where(g <= w, g, w)"],
  ];
  for (const [a, b] of other) assert(relaxedForm(read(a)) !== relaxedForm(read(b)), `${a}, ${b}`);
});

Deno.test("an expression and its relaxed form have the same values", () => {
  const next = randomWords(7);
  let checked = 0;
  for (let trial = 0; trial < 4_000; trial++) {
    const text = expression(next, 1 + next() % 5);
    const node = read(text);
    const form = relaxedForm(node);
    const symbols = values(next);
    // The form knows steps by those before this one.
    symbols.set("count", symbols.get("t")! - 1);
    const evaluator = new Evaluator([node, form]);
    evaluator.evaluate(symbols);
    const value = evaluator.get(node);
    const sizes = postorder([node, form]).map((each) => Math.abs(evaluator.get(each)));
    // Where numbers nearly cancel, float64 says nothing of real ones.
    const isTame = sizes.every((size) => size === 0 || size > 1e-4 && size < 1e4);
    if (!Number.isFinite(value) || !isTame) continue;
    checked++;
    const apart = Math.abs(value - evaluator.get(form));
    assert(
      apart <= 1e-6 * Math.max(...sizes),
      `${text} is ${value}, its form ${evaluator.get(form)}`,
    );
  }
  assert(checked > 1_000, `only ${checked} were tame`);
});
