/** Products and transposes of matrices in the language. */
import { latex, parseProgram } from "../../mod.ts";
import { GradusError } from "../../dsl/errors.ts";
import { elaborate, rates, specialise } from "../../dsl/graph.ts";
import { apply, type Node, symbol, ZERO } from "../../dsl/node.ts";
import { parseExpression } from "../../dsl/parse.ts";
import { printExpression } from "../../dsl/print.ts";
import { schedule } from "../../dsl/schedules/mod.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

const read = (text: string): Node =>
  parseExpression(text, { read: () => "number", assign: () => {} }, "a test");

Deno.test("a matrix product binds as a product does, from the left", () => {
  for (
    const [text, other] of [
      ["a @ b @ c", "(a@b)@c"],
      ["a @ b + c", "(a@b) + c"],
      ["2*a @ b", "(2*a)@b"],
      ["a @ b*2", "(a@b)*2"],
      ["-a @ b", "(-a)@b"],
      ["a @ -b", "a@(-b)"],
      ["a @ b^2", "a@(b^2)"],
      ["a @\n transpose(\n b)", "a@transpose(b)"],
    ]
  ) {
    assert(read(text) === read(other), `${text} is ${printExpression(read(text))}, not ${other}`);
  }
  for (const text of ["a@(b@c)", "2.5*(a@a) - b", "transpose(a@b)@c", "(a + b)@-c", "(a@b)^2"]) {
    assertEquals(printExpression(read(text)), text);
  }
});

Deno.test("matrices are written as papers write them", () => {
  const text = latex(parseProgram({
    name: "iteration",
    step: "a = g@transpose(g); u = (2*a + a@a)@g - transpose(a + 1)@(g@transpose(g)@g)",
  }));
  assertEquals(
    text,
    String.raw`a_t &\leftarrow g_t g_t^{\top} \\
u_t &\leftarrow (2 \cdot a_t + a_t a_t) g_t - (a_t + 1)^{\top} (g_t g_t^{\top} g_t)`,
  );
});

Deno.test("what is absent takes its products along, and what is transposed twice is as it was", () => {
  const program = parseProgram({
    name: "absent",
    hyper: { a: 1, b: 1 },
    step: "u = transpose(transpose(g)) + (a*g)@transpose(b*w)@w + transpose(b*w)@g",
  });
  const graph = elaborate(program);
  assert(graph.update.src[0].src[0] === symbol("g"));
  assert(specialise(graph, new Map([["a", ZERO], ["b", ZERO]])).update === symbol("g"));
  const twice = apply("Transpose", apply("Transpose", symbol("g")));
  assert(read("transpose(transpose(g))") === twice);
});

Deno.test("what is made of matrices has a value an element", () => {
  const program = parseProgram({ name: "made", step: "u = g@transpose(w)@g" });
  const { update } = elaborate(program);
  assertEquals([...rates([update], program).values()], new Array(5).fill("element"));
});

Deno.test("products and transposes need matrices", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["u = 2@g", "`2@g` needs matrices, and `2` is one number for all"],
    ["u = g@lr", "`g@lr` needs matrices, and `lr` is one number for all"],
    ["u = g*transpose(lr)", "`transpose(lr)` needs matrices, and `lr` is one number for all"],
    ["u = norm(g)@g", "`norm(g)@g` needs matrices, and `norm(g)` is one number a tensor"],
    ["u = rows@g", "`rows@g` needs matrices, and `rows` is one number a tensor"],
    ["u = g@globalNorm(g)", "and `%0` is one number for all"],
    [
      "u = g@mean(g, axis=0)",
      "`g@mean(g, axis=0)` needs matrices, and `mean(g, axis=0)` is one number a row or column",
    ],
  ];
  for (const [step, message] of cases) {
    assertThrows(
      () => parseProgram({ name: "numbers", hyper: { lr: 1 }, step }),
      GradusError,
      `Cannot read optimizer "numbers": `,
      message,
    );
  }
});

Deno.test("what multiplies is typed as numbers are", () => {
  for (
    const [step, ...parts] of [
      ["u = (g > 0)@g", "a number is required here, and this is a condition"],
      ["u = transpose(g, w)", "`transpose` takes 1 argument, given 2"],
      ["u = transpose", "`transpose` is a function: it needs arguments in parentheses"],
      ["u = g @", "expected a value, found the end of the text"],
      ["u = transpose(g, axis=0)", "`transpose` of these arguments takes no axis"],
    ]
  ) {
    assertThrows(() => parseProgram({ name: "typed", step }), GradusError, ...parts);
  }
});

Deno.test("initial values and schedules have no matrices", () => {
  assertThrows(
    () =>
      parseProgram({
        name: "begun",
        state: { m: { init: "transpose(w)" } },
        step: "m = m + g; u = m",
      }),
    GradusError,
    "the initial value of state `m` must be element-wise: given `transpose(w)`",
  );
  assertThrows(
    () => schedule("count@t"),
    GradusError,
    "Cannot read a schedule: it has no matrices: given count@t",
  );
});
