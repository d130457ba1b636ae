/** What every rule of rewriting must keep to, as functions of a rule, so that wrong ones can be tried. */
import { type Document, factory, parseProgram } from "../../../mod.ts";
import { Evaluator } from "../../../dsl/evaluate.ts";
import {
  apply,
  constant,
  type Node,
  postorder,
  replaceSymbols,
  symbol,
} from "../../../dsl/node.ts";
import { elementRow } from "../../../dsl/ops.ts";
import { printExpression } from "../../../dsl/print.ts";
import { type Rule, variableKind } from "../../../dsl/rewrite/rule.ts";
import { edges32, numbers32, randomWords } from "../../numbers.ts";

const TUPLES = 300;
const TRIALS = 20;
const CONSTANTS = [2, -1, 0.1, 1e-8, 3];
const SLOW = [0, 1, -1, 0.1, 0.9, 1e-30, -1e30, Infinity, 3, 2 ** -140, 1e300];

/** How a name of a rule is given a value: per element, once a step, or as a constant. */
type Rate = "element" | "slow" | "constant" | "condition";

/**
 * Why an exact rule is not: an input for which its two sides differ in a bit; undefined if none is found.
 * Both sides run as programs, alone and within a product, with each name at every rate it may have.
 */
export function exactFailure(rule: Rule, seed = 1): string | undefined {
  const next = randomWords(seed);
  for (const rates of assignments(rule)) {
    for (let trial = 0; trial < TRIALS; trial++) {
      const symbols = new Map<string, Node>();
      const hyper: Record<string, number> = { factor: 0.1 };
      const inputs: Record<string, Float32Array> = {};
      rates.forEach((rate, name) => {
        if (rate === "constant") symbols.set(name, constant(CONSTANTS[next() % CONSTANTS.length]));
        else if (rate === "slow") {
          // A hyperparameter of 0 is structurally absent: each is so in turn, and all are at first.
          const isAbsent = trial === 0 || next() % 4 === 0;
          hyper[`slow_${name}`] = isAbsent ? 0 : SLOW[next() % SLOW.length];
          symbols.set(name, symbol(`slow_${name}`));
        } else {
          inputs[`in_${name}`] = hostile(next());
          const input = symbol(`in_${name}`);
          if (rate === "condition") symbols.set(name, apply("Greater", input, constant(0)));
          else if (variableKind(name) === "any") symbols.set(name, input);
          else {
            // What changes from element to element may be absent as well.
            hyper[`on_${name}`] = next() % 2;
            symbols.set(name, apply("Mul", symbol(`on_${name}`), input));
          }
        }
      });
      const isTruth = elementRow(rule.pattern.op)?.gives === "truth";
      const sides = [rule.pattern, rule.template].map((side) => {
        const given = replaceSymbols(side, symbols);
        return isTruth ? apply("Where", given, constant(1), constant(0)) : given;
      });
      for (const wrap of [(x: Node) => x, (x: Node) => apply("Mul", symbol("factor"), x)]) {
        const [from, to] = sides.map((side) => run(wrap(side), hyper, inputs));
        const certain = rule.guard === undefined ? undefined : run(
          apply("Where", replaceSymbols(rule.guard, symbols), constant(1), constant(0)),
          hyper,
          inputs,
        );
        for (let i = 0; i < TUPLES; i++) {
          if (certain !== undefined && certain[i] !== 1 || Object.is(from[i], to[i])) continue;
          const given = Object.entries(inputs).map(([name, values]) => `${name} = ${values[i]}`);
          return `${printExpression(wrap(sides[0]))} is ${shown(from[i])}, ` +
            `${printExpression(wrap(sides[1]))} is ${shown(to[i])} ` +
            `for ${[...given, JSON.stringify(hyper)].join(", ")}`;
        }
      }
    }
  }
}

/** Every way to give the names of a rule rates. */
function assignments(rule: Rule): Map<string, Rate>[] {
  let all: Map<string, Rate>[] = [new Map()];
  for (const name of new Set(rule.variables)) {
    const kind = variableKind(name);
    const rates: Rate[] = kind === "any" ? ["element", "slow"] : [kind];
    all = all.flatMap((each) => rates.map((rate) => new Map([...each, [name, rate]])));
  }
  return all;
}

/** Hostile numbers first against one another, then in any order. */
function hostile(seed: number): Float32Array {
  const next = randomWords(seed);
  const random = numbers32(TUPLES, seed);
  return Float32Array.from({ length: TUPLES }, (_, i) => {
    switch (next() % 4) {
      case 0:
        return edges32[next() % edges32.length];
      case 1:
        return next() / 2 ** 31 - 1;
      default:
        return random[i];
    }
  });
}

function run(
  value: Node,
  hyper: Record<string, number>,
  inputs: Record<string, Float32Array>,
): Float32Array {
  const document: Document = {
    name: "side",
    hyper,
    inputs: Object.fromEntries(Object.keys(inputs).map((name) => [name, "element"])),
    step: `u = ${printExpression(value)}`,
  };
  const opt = factory(parseProgram(document))().with({ backend: "interpreter" });
  const zeros = new Float32Array(TUPLES);
  return opt.update(zeros, opt.init(zeros), zeros, inputs)[0];
}

function shown(x: number): string {
  return Object.is(x, -0) ? "-0" : String(x);
}

const SAMPLES = 4_000;
const TOLERANCE = 1e-10;

/**
 * Why a relaxed rule is not true of real numbers: numbers that its guard allows, for which its left side is
 * defined and its right side something else, by more than float64 rounds; undefined if there are none.
 */
export function relaxedFailure(rule: Rule, seed = 1): string | undefined {
  const next = randomWords(seed);
  const real = () => {
    switch (next() % 8) {
      case 0:
        return [0, 1, -1, 2, 0.5][next() % 5];
      case 1:
        return 10 ** (-4 * next() / 2 ** 32);
      default:
        return (next() / 2 ** 31 - 1) * 4;
    }
  };
  const roots = [rule.pattern, rule.template, ...(rule.guard === undefined ? [] : [rule.guard])];
  const evaluator = new Evaluator(roots);
  const nodes = postorder([rule.pattern, rule.template]);
  let tried = 0;
  for (let sample = 0; sample < SAMPLES; sample++) {
    const values = new Map(
      rule.variables.map((name) => [
        name,
        variableKind(name) === "condition" ? next() % 2 : real(),
      ]),
    );
    evaluator.evaluate(values);
    if (rule.guard !== undefined && evaluator.get(rule.guard) !== 1) continue;
    const [from, to] = [evaluator.get(rule.pattern), evaluator.get(rule.template)];
    if (!Number.isFinite(from)) continue;
    tried++;
    const scale = Math.max(...nodes.map((node) => Math.abs(evaluator.get(node))).filter(isFinite));
    if (Math.abs(from - to) <= TOLERANCE * Math.max(scale, 1e-6)) continue;
    const given = [...values].map(([name, value]) => `${name} = ${value}`).join(", ");
    return `${rule.from} is ${from}, ${rule.to} is ${to} for ${given}`;
  }
  return tried < 100 ? `only ${tried} numbers were allowed and defined` : undefined;
}
