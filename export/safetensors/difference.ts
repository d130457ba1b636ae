/** What two programs compute otherwise, line by line, in the language's own text. */
import { GradusError } from "../../dsl/errors.ts";
import { printExpression, printProgram } from "../../dsl/print.ts";
import type { Program } from "../../dsl/program.ts";
import { markOf } from "../../runtime/trees/state.ts";

const MOST_LINES = 40;
const LONGEST_LINE = 200;

/** Refuses a checkpoint of another program than `own`, and shows what the two compute otherwise. */
export function requireSameProgram(own: Program, saved: Program, doing: string): void {
  if (markOf(own) === markOf(saved)) return;
  throw new GradusError(
    `${doing}: it must be of the program of \`optimizer\`, "${own.name}" (+): given one of ` +
      `"${saved.name}" (-), which differs in\n${differingLines(saved, own)}`,
  );
}

/**
 * The lines that only one of two programs has, in their order: those of `before` behind a `-`, those of
 * `after` behind a `+`.
 */
function differingLines(before: Program, after: Program): string {
  const [a, b] = [linesOf(before), linesOf(after)];
  // common[i][j]: how many lines a[i…] and b[j…] have in common, in turn.
  const common = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i][j] = a[i] === b[j]
        ? common[i + 1][j + 1] + 1
        : Math.max(common[i + 1][j], common[i][j + 1]);
    }
  }
  const lines: string[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) [i, j] = [i + 1, j + 1];
    else if (j === b.length || (i < a.length && common[i + 1][j] >= common[i][j + 1])) {
      lines.push(`- ${a[i++]}`);
    } else lines.push(`+ ${b[j++]}`);
  }
  const shown = lines.slice(0, MOST_LINES).map((line) =>
    line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}…` : line
  );
  const left = lines.length - shown.length;
  return [...shown, ...(left > 0 ? [`… and ${left} more`] : [])].join("\n");
}

/** All that decides what a program computes, a fact a line; values of hyperparameters do not. */
function linesOf(program: Program): string[] {
  const { name, hyper, inputs, state, evaluate } = program;
  return [
    `name: ${name}`,
    ...[...hyper.keys()].map((each) => `hyperparameter ${each}`),
    ...[...inputs].map(([each, kind]) => `input ${each}: ${kind}`),
    ...[...state].map(([each, { init, over }]) =>
      `state ${each} = ${printExpression(init)}${over === "element" ? "" : ` over ${over}`}`
    ),
    ...printProgram(program).step.split("\n"),
    `evaluate: ${printExpression(evaluate)}`,
  ];
}
