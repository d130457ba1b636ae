import { Evaluator } from "../../../dsl/evaluate.ts";
import { parseExpression, parseStatements } from "../../../dsl/parse.ts";
import {
  holds,
  intervalOf,
  LANGUAGE_FACTS,
  readFacts,
  USUAL_FACTS,
} from "../../../dsl/rewrite/facts.ts";
import { assert, assertEquals } from "../../assert.ts";
import { randomWords } from "../../numbers.ts";
import { expression, SCOPE, values } from "./expressions.ts";

const FACTS = readFacts([...LANGUAGE_FACTS, ...USUAL_FACTS]);

function isCertain(condition: string): boolean {
  return holds(parseStatements(`p = ${condition}`, SCOPE, "a test")[0].value, FACTS);
}

Deno.test("what follows from the facts is certain, and what does not is not", () => {
  const certain = [
    "learningRate > 0",
    "1 - b1 > 0",
    "b1*b2 > 0",
    "b1 < 1",
    "learningRate*(1 - b1) > 0",
    "sqrt(x^2) + eps > 0",
    "exp(x) > 0",
    "abs(x) >= 0",
    "x*x >= 0",
    "cosh(x) >= 1",
    "t >= 1 & 1 > 0",
    "-learningRate < 0",
    "learningRate/eps > 0",
  ];
  const open = [
    "x > 0",
    "learningRate > 1",
    "weightDecay > 0",
    "abs(x) > 0",
    "b1 - b2 > 0",
    "x*y >= 0",
    "1 - 2*b1 > 0",
    "count > 0",
    "x < x + 1",
    "learningRate < 0 | x > 0",
  ];
  assertEquals(certain.filter((each) => !isCertain(each)), []);
  assertEquals(open.filter(isCertain), []);
});

Deno.test("values lie in their intervals", () => {
  const next = randomWords(3);
  let checked = 0;
  for (let trial = 0; trial < 3_000; trial++) {
    const text = expression(next, 1 + next() % 4);
    const node = parseExpression(text, SCOPE, "a test");
    const [lo, hi] = intervalOf(node, FACTS);
    const evaluator = new Evaluator([node]);
    evaluator.evaluate(values(next));
    const value = evaluator.get(node);
    if (!Number.isFinite(value)) continue;
    checked++;
    const slack = 1e-12 * Math.max(1, Math.abs(value));
    assert(value >= lo - slack && value <= hi + slack, `${text} is ${value}, not in ${lo}, ${hi}`);
  }
  assert(checked > 1_000, `only ${checked} were numbers`);
});
