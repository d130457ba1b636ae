import fc from "fast-check";
import { differentiate, gradientOf } from "../../dsl/differentiate.ts";
import { Evaluator } from "../../dsl/evaluate.ts";
import { apply, type ElementOpName, type Node, symbol } from "../../dsl/node.ts";
import { elementOps } from "../../dsl/ops.ts";
import { printExpression } from "../../dsl/print.ts";
import { GradusError, optimizer } from "../../mod.ts";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "../assert.ts";

const NAMES = ["a", "b", "c"];

Deno.test("every element-wise op has a gradient for each operand, null for truth", () => {
  for (const [name, { takes, gives, gradient }] of Object.entries(elementOps)) {
    assertEquals(gradient.length, takes.length, name);
    takes.forEach((type, i) =>
      assertEquals(gradient[i] === null, type === "truth" || gives === "truth", name)
    );
  }
});

for (const [name, row] of Object.entries(elementOps)) {
  if (row.gives === "truth") continue;
  Deno.test(`the gradient of ${name} is what central differences are`, () => {
    const y = apply(name as ElementOpName, ...row.takes.map((_, i) => symbol(NAMES[i])));
    const gradients = row.gradient.map((text) =>
      text === null
        ? undefined
        : gradientOf(text, { a: symbol("a"), b: symbol("b"), c: symbol("c"), y, g: symbol("g") })
    );
    const at = (root: Node, values: readonly number[]) => {
      const evaluator = new Evaluator([root]);
      const known = NAMES.map((name, i) => [name, values[i]] as const);
      evaluator.evaluate(new Map([...known, ["g", 3] as const]));
      return evaluator.get(root);
    };
    let tried = 0;
    const operand = (i: number) =>
      row.takes[i] === "truth"
        ? fc.constantFrom(0, 1)
        : fc.integer({ min: -999, max: 999 }).map((i) => i / 333);
    const operands = fc.tuple(...row.takes.map((_, i) => operand(i)));
    fc.assert(
      fc.property(operands, (values) => {
        // Corners lie where two operands are the same, or one is 0.
        fc.pre(new Set([0, ...values]).size === values.length + 1 || row.takes[0] === "truth");
        gradients.forEach((gradient, i) => {
          if (gradient === undefined) return;
          const slope = (h: number) =>
            (row.eval(...values.with(i, values[i] + h)) -
              row.eval(...values.with(i, values[i] - h))) /
            (2 * h);
          const [near, far] = [slope(1e-6), slope(2e-6)];
          // There is no slope at a step or a pole.
          if (!(Math.abs(near - far) <= 1e-4 * (1 + Math.abs(near))) || Math.abs(near) > 1e4) {
            return;
          }
          tried++;
          assertAlmostEquals(at(gradient, values), 3 * near, 1e-3 * (1 + Math.abs(near)));
        });
      }),
      { seed: 1, numRuns: 300 },
    );
    assert(tried > 60, `${tried} tried`);
  });
}

/** The value of an expression of `w` on a vector or matrix, by its definition. */
function valueOf(root: Node, w: readonly number[], shape: readonly number[]): number[] {
  const opt = optimizer({ name: "value", step: `u = ${printExpression(root)}` })();
  const params = { data: new Float64Array(w.length), shape };
  const given = { data: Float64Array.from(w), shape };
  params.data.fill(0.5);
  const [update] = opt.with({ backend: "interpreter" }).update(given, opt.init(params), params);
  return [...update.data];
}

for (
  const text of [
    "g/norm(g)",
    "mean(g^2)*g",
    "g - mean(g)",
    "max(g)*g + min(g)",
    "g/(1 + max(abs(g), axis=0))",
    "sum(g^3, axis=1) + g",
    "mean(g^2, axis=0)*mean(g, axis=1)",
    "norm(g, axis=1)*sqrt(norm(g))*g",
    "g @ transpose(g) @ g",
    "g @ (transpose(g) @ w)",
    "sign(g)*exp(-g^2) + where(g > 0.1, g^2, tanh(g))",
    "sum(g)*size*g + columns",
  ]
) {
  Deno.test(`the gradient of the sum of ${text} is what central differences are`, () => {
    const { program } = optimizer({ name: "tried", step: `u = ${text}` });
    const root = program.statements[0].value;
    const { g } = differentiate(root, ["g"]);
    const at = [0.3, -0.7, 1.1, 0.5, -0.2, 0.9];
    const sum = (values: readonly number[]) =>
      valueOf(root, values, [2, 3]).reduce((total, value) => total + value, 0);
    const gradient = valueOf(g, at, [2, 3]);
    at.forEach((value, i) => {
      const slope = (sum(at.with(i, value + 1e-6)) - sum(at.with(i, value - 1e-6))) / 2e-6;
      assertAlmostEquals(gradient[i], slope, 1e-6 * (1 + Math.abs(slope)));
    });
  });
}

Deno.test("the gradient by a number is a sum over the tensor", () => {
  const { program } = optimizer({
    name: "tried",
    hyper: { b1: 0.5 },
    step: "u = b1*g + b1",
  });
  const { b1 } = differentiate(program.statements[0].value, ["b1"], { numbers: ["b1"] });
  assertEquals(valueOf(b1, [1, 2, 4], [3]), [10, 10, 10]);
});

Deno.test("where two values are the same extreme, each has its share of the gradient", () => {
  const { program } = optimizer({ name: "tried", step: "u = max(g, 0)*2 + max(g)" });
  const { g } = differentiate(program.statements[0].value, ["g"]);
  assertEquals(valueOf(g, [0, -1, 3, 3], [4]), [1, 0, 4, 4]);
});

Deno.test("a reduction over the tree has no gradient by one tensor", () => {
  const { program } = optimizer({ name: "tried", step: "u = g/globalNorm(g)" });
  const root = program.statements[0].value;
  assertThrows(() => differentiate(root, ["g"]), GradusError, "globalNorm(g)");
});
