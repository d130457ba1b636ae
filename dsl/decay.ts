/** Other kinds of weight decay in a program that has the usual one: cautious, or of another size. */
import { GradusError, quoted } from "./errors.ts";
import {
  apply,
  constant,
  foldNodes,
  type Node,
  PARAMETER,
  postorder,
  replaceSymbols,
  symbol,
  symbolsIn,
  withSources,
} from "./node.ts";
import { printProgram, printStatements } from "./print.ts";
import type { Document, Program, Statement } from "./program.ts";
import { parseProgram } from "./check.ts";

/** What a decay that is multiplied by the learning rate α is multiplied by instead, A the largest α. */
export type DecayScaling = "relative" | "corrected";

const DECAY = /^weightDecay(?:Rate)?(_\w+)?$/;

/** The hyperparameters that decay weights, each with the suffix that its part of the program has. */
export function decaysOf(program: Pick<Program, "hyper">): Map<string, string> {
  return new Map([...program.hyper.keys()].flatMap((name) => {
    const found = DECAY.exec(name);
    return found === null ? [] : [[name, found[1] ?? ""]];
  }));
}

/**
 * `program` that decays only what its step makes smaller anyway: where a weight has the sign of what is
 * taken from it. That is d in `d + weightDecay*w`, or -d in `d - weightDecay*w`.
 */
export function cautious(program: Program, doing: string): Program {
  let statements = program.statements;
  for (const decay of decaysOf(program).keys()) {
    const found = statements.flatMap((statement, i) => {
      const sum = postorder([statement.value]).find((node) => termOf(node, decay) !== undefined);
      return sum === undefined ? [] : [{ i, statement, sum }];
    })[0];
    if (found === undefined) {
      throw new GradusError(
        `${doing}: \`cautiousWeightDecay\` needs a sum of a step and its decay, such as ` +
          `\`d + ${decay}*w\`: given a program that has none`,
      );
    }
    const { i, statement: { target, value }, sum } = found;
    const term = termOf(sum, decay)!;
    const other = sum.src[sum.src[0] === term ? 1 : 0];
    const name = free("direction", program, statements);
    const direction = other.op === "Symbol" ? other : symbol(name);
    const product = apply("Mul", direction, PARAMETER);
    const agrees = apply(sum.op === "Add" ? "GreaterOrEqual" : "LessOrEqual", product, constant(0));
    const masked = apply("Mul", symbol(decay), apply("Where", agrees, constant(1), constant(0)));
    const named = foldNodes<Node>([value], (node, src) => {
      if (node === other) return direction;
      return node === symbol(decay) ? masked : withSources(node, src);
    }).get(value)!;
    statements = [
      ...statements.slice(0, i),
      ...direction === other ? [] : [{ target: name, value: other }],
      { target, value: named },
      ...statements.slice(i + 1),
    ];
  }
  return parseProgram({ ...printProgram(program), step: printStatements(statements) });
}

/** `program` with its decay times 1/A, or times α/A; A is the hyperparameter `maxLearningRate`. */
export function scaledDecay(program: Program, scaling: DecayScaling, doing: string): Program {
  const document = printProgram(program);
  const hyper = { ...document.hyper };
  const values = new Map([...decaysOf(program)].map(([decay, suffix]) => {
    const [rate, most] = [`learningRate${suffix}`, `maxLearningRate${suffix}`];
    if (!program.hyper.has(rate)) {
      throw new GradusError(
        `${doing}: \`weightDecayScaling\` needs a hyperparameter ${
          quoted(rate)
        }: given a program ` +
          `that has none`,
      );
    }
    hyper[most] = { default: "required", domain: "(0, inf)" };
    const value = scaling === "relative"
      ? symbol(decay)
      : apply("Mul", symbol(decay), symbol(rate));
    return [decay, apply("Div", value, symbol(most))];
  }));
  const statements = program.statements.map(({ target, value }) => ({
    target,
    value: replaceSymbols(value, values),
  }));
  return parseProgram({ ...document, hyper, step: printStatements(statements) } as Document);
}

/** The decay in a sum or difference of one and something else that is no number. */
function termOf({ op, src }: Node, decay: string): Node | undefined {
  if (op !== "Add" && op !== "Sub" || src.some((node) => node.op === "Const")) return undefined;
  const terms = src.filter((node) => isDecay(node, decay));
  return terms.length === 1 ? terms[0] : undefined;
}

/** Whether `node` is a product of the decay and what decays. */
function isDecay(node: Node, decay: string): boolean {
  const factors: Node[] = [];
  const gather = (each: Node) => {
    if (each.op === "Mul") each.src.forEach(gather);
    else if (each.op === "Div") gather(each.src[0]);
    else factors.push(each);
  };
  gather(node);
  return factors.length > 1 && factors.includes(symbol(decay));
}

function free(name: string, program: Program, statements: readonly Statement[]): string {
  const taken = new Set([
    ...symbolsIn(statements.map(({ value }) => value)),
    ...statements.map(({ target }) => target),
    ...[program.hyper, program.state, program.inputs].flatMap((each) => [...each.keys()]),
  ]);
  let k = 1;
  while (taken.has(k === 1 ? name : `${name}_${k}`)) k++;
  return k === 1 ? name : `${name}_${k}`;
}
