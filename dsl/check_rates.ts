/** Checks what no single statement shows: how often values change, and over what they range. */
import { elaborate, evaluation, isAtMost, mayBeMatrix, overRate, rates, rootsOf } from "./graph.ts";
import { type Node, postorder } from "./node.ts";
import { matrixRow, randomRow, reduceOps, reduceRow, treeName } from "./ops.ts";
import { sketchExpression } from "./print.ts";
import type { Program } from "./program.ts";

/** Refuses a state that changes more often than it is kept, and a reduction with nothing to range over. */
export function checkRates(program: Program, refuse: (message: string) => never): void {
  const graph = elaborate(program);
  const evaluated = elaborate(evaluation(program));
  const rate = rates([graph, evaluated].flatMap(rootsOf), program);
  for (const node of rate.keys()) {
    const reduction = reduceRow(node.op);
    if (reduction !== undefined) requireVarying(reduction.call, node.src[0]);
    if (randomRow(node.op) !== undefined) requireNumbers(randomRow(node.op)!.call, node.src);
    if (matrixRow(node.op) !== undefined) {
      node.src.forEach((operand) => requireMatrix(node, operand));
    }
  }
  for (const { op, node } of [...graph.globals, ...evaluated.globals]) {
    requireVarying(treeName(reduceOps[op].call), node);
  }
  const random = postorder([program.evaluate]).find(({ op }) => randomRow(op) !== undefined);
  if (random !== undefined) {
    refuse(`what to evaluate with must not be random: given \`${sketchExpression(random)}\``);
  }
  for (const [name, { over }] of program.state) {
    const next = rate.get(graph.states.get(name)!)!;
    if (isAtMost(next, overRate(over))) continue;
    const statement = program.statements.findLast(({ target }) => target === name)!;
    refuse(
      `state \`${name}\` is kept over ${
        over === "tensor" || over === "tree" ? `the ${over}` : "axes"
      }, ` +
        `and \`${name} = ${
          sketchExpression(statement.value)
        }\` gives a value per ${next}: reduce it`,
    );
  }

  function requireNumbers(call: string, operands: readonly Node[]): void {
    for (const operand of operands) {
      if (isAtMost(rate.get(operand)!, "step")) continue;
      refuse(
        `\`${call}\` takes a seed and a counter that are one number for all, and ` +
          `\`${sketchExpression(operand)}\` is one per ${rate.get(operand)}`,
      );
    }
  }

  function requireMatrix(node: Node, operand: Node): void {
    const given = rate.get(operand)!;
    if (mayBeMatrix(node, operand, given, program)) return;
    const what = isAtMost(given, "step")
      ? "one number for all"
      : given === "tensor"
      ? "one number a tensor"
      : "one number a row or column";
    refuse(
      `\`${sketchExpression(node)}\` needs matrices, and \`${
        sketchExpression(operand)
      }\` is ${what}`,
    );
  }

  function requireVarying(call: string, operand: Node): void {
    if (isAtMost(rate.get(operand)!, "step")) {
      refuse(
        `\`${call}\` reduces over elements, and \`${
          sketchExpression(operand)
        }\` is one number for all`,
      );
    }
  }
}
