import {
  type Document,
  fixed,
  GradusError,
  latex,
  lion,
  optimizer,
  parseJson,
  parseProgram,
  printJson,
  printProgram,
  scheduleFreeSgd,
} from "../../mod.ts";
import { parseYaml, printYaml } from "../../dsl/yaml.ts";
import { compareForms } from "../../dsl/rewrite/compare.ts";
import { simplify } from "../../search/derive/mod.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

const DOCUMENT = {
  name: "mean",
  hyper: { decay: 0.9, chooses: true },
  state: { average: "w", slow: { over: "tree" } },
  inputs: { value: "scalar" },
  step: "average = decay*average + (1 - decay)*w; u = -g",
  evaluate: "where(chooses, average/(1 - decay^t), w)",
} as const satisfies Document;

Deno.test("what to evaluate with goes with a document, in every carrier", () => {
  const program = parseProgram(DOCUMENT);
  const { evaluate } = printProgram(program);
  assertEquals(evaluate, DOCUMENT.evaluate);
  assert(parseProgram(printProgram(program)) === program);
  assert(parseJson(printJson(program)) === program);
  assert(parseYaml(printYaml(program)) === program);
  assertEquals(JSON.parse(printJson(program)).evaluate, DOCUMENT.evaluate);
  assert(printYaml(program).endsWith(`evaluate: '${DOCUMENT.evaluate}'\n`), printYaml(program));
});

Deno.test("a program that evaluates its parameters as they are does not say so", () => {
  const { evaluate: _, ...plain } = DOCUMENT;
  const program = parseProgram({ ...plain, evaluate: "w" });
  assert(program === parseProgram(plain));
  assertEquals(printProgram(program).evaluate, undefined);
  assertEquals(latex(lion.program).includes("bar"), false);
});

Deno.test("what to evaluate with is the last equation", () => {
  const lines = latex(parseProgram(DOCUMENT)).split("\n");
  assertEquals(
    lines.at(-1),
    String
      .raw`\bar{\theta}_t &= \begin{cases} \frac{\mathrm{average}_t}{1 - \mathrm{decay}^{t}} & ` +
      String.raw`\text{if } \mathrm{chooses} \\ \theta_t & \text{otherwise} \end{cases}`,
  );
});

Deno.test("what reads no parameter, state or hyperparameter is not to evaluate with", () => {
  const refused: [unknown, ...string[]][] = [
    ["averag", "`averag` is none", "did you mean `average`"],
    ["g", "`w`, states and hyperparameters", "`g` is none"],
    ["u", "`u` is none"],
    ["value*w", "`value` is none"],
    ["average = w", "expected the end"],
    ["w > 0", "condition"],
    ["w + normal(3)", "must not be random", "`normal(3)`"],
    ["globalSum(decay)", "reduces over elements"],
    ["decay @ w", "needs matrices"],
    ["", "expected a value"],
    [3, "`evaluate` must be the text of an expression", "given 3"],
  ];
  for (const [evaluate, ...parts] of refused) {
    assertThrows(
      () => parseProgram({ ...DOCUMENT, evaluate } as Document),
      GradusError,
      'optimizer "mean"',
      ...parts,
    );
  }
});

Deno.test("what is fixed for good is fixed in what is evaluated, and what that reads is kept", () => {
  const made = fixed(scheduleFreeSgd, { name: "half" }, { b1: 0.5, weightDecay: 0 });
  const { evaluate, state } = printProgram(made.program);
  assertEquals([evaluate, Object.keys(state!)], ["(w - 0.5*z)/0.5", ["z", "peak", "total"]]);
  const mean = optimizer(DOCUMENT);
  const fewer = printProgram(fixed(mean, { name: "fewer" }, { chooses: false }).program);
  assertEquals([fewer.evaluate, fewer.state], [undefined, { slow: { init: 0, over: "tree" } }]);
});

Deno.test("simplifying keeps the states that are evaluated, and programs differ by what they evaluate", () => {
  const { program } = optimizer(DOCUMENT);
  const simple = simplify(program).program;
  assertEquals([...simple.state.keys()], ["average"]);
  assert(simple.evaluate === program.evaluate);
  const { evaluate: _, ...plain } = DOCUMENT;
  assertEquals([...simplify(parseProgram(plain)).program.state.keys()], []);
  const other = parseProgram({ ...DOCUMENT, evaluate: "average" });
  assertEquals(compareForms(program, program)?.under, "exact");
  assertEquals(compareForms(program, other), undefined);
});
