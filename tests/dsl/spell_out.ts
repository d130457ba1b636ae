/** Writes nodes with every parenthesis there can be: a second printer, to hold the first against. */
import type { Node } from "../../dsl/node.ts";
import { elementRow, matrixRow, randomRow, reduceRow, treeName } from "../../dsl/ops.ts";
import type { Statement } from "../../dsl/program.ts";

/** The text of an expression, such as `((b1*m) + ((1 - b1)*g))`. */
export function spellOut(node: Node): string {
  if (node.op === "Symbol") return node.arg as string;
  if (node.op === "Const") return `(${spellNumber(node.arg as number)})`;
  const operands = node.src.map(spellOut);
  const reduction = reduceRow(node.op);
  if (reduction !== undefined) {
    if (node.arg === "tree") return `${treeName(reduction.call)}(${operands})`;
    return `${reduction.call}(${operands}${node.arg === "tensor" ? "" : `, axis=(${node.arg})`})`;
  }
  const distribution = randomRow(node.op);
  if (distribution !== undefined) return `${distribution.call}(${operands})`;
  const { syntax } = (elementRow(node.op) ?? matrixRow(node.op))!;
  if ("call" in syntax) return `${syntax.call}(${operands})`;
  if ("prefix" in syntax) return `(${syntax.prefix}${operands})`;
  return `(${operands.join(` ${syntax.infix} `)})`;
}

/** The text of statements, ended by semicolons and newlines in turn. */
export function spellOutStatements(statements: readonly Statement[]): string {
  return statements
    .map(({ target, value }, i) => `${target} = ${spellOut(value)}${i % 2 === 0 ? "\n" : ";"}`)
    .join("");
}

function spellNumber(value: number): string {
  if (Object.is(value, -0)) return "-0";
  return String(value).replace("Infinity", "inf").replace("NaN", "nan");
}
