/**
 * What a schedule is: a scalar program over `count`, the number of updates before this one. It is called
 * as a function, and printed, exported and searched as an expression.
 */
import { GradusError, suggestion } from "../errors.ts";
import { Evaluator } from "../evaluate.ts";
import { apply, constant, COUNT, foldNodes, type Node, withSources } from "../node.ts";
import { matrixRow, randomRow } from "../ops.ts";
import { symbolHint } from "../notation.ts";
import { parseExpression } from "../parse.ts";

/**
 * A value for each step: called with the number of updates before this one. One made here carries
 * its expression; a function of your own has none, runs all the same, and becomes an input of an
 * exported graph.
 */
export interface Schedule {
  (count: number): number;
  /** The value as an expression of the symbol `count`. */
  readonly expression?: Node;
}

/** The symbol that schedules are expressions of. */
export { COUNT };

/** A schedule from its expression. */
export function scheduleOf(expression: Node): Schedule {
  const evaluator = new Evaluator([expression]);
  const evaluate = (count: number): number => {
    evaluator.evaluate(new Map([["count", count]]));
    return evaluator.get(expression);
  };
  return Object.freeze(Object.assign(evaluate, { expression }));
}

/**
 * A schedule in the language's own text, over `count` or `t` = `count` + 1.
 *
 * @example
 * ```ts
 * import { schedule } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(schedule("0.1 / sqrt(t)")(3), 0.05);
 * ```
 *
 * @throws {GradusError} if the text is not an expression of `count`.
 */
export function schedule(text: string): Schedule {
  const expression = parseExpression(text, {
    read: (name, fail) =>
      name === "count" || name === "t" ? "number" : fail(
        `a schedule reads \`count\` and \`t\` only: there is no \`${name}\`${
          suggestion(name, ["count"]) || symbolHint(name, ["t"])
        }`,
      ),
    assign: (_name, _type, fail) => fail("a schedule is one expression"),
  }, "a schedule");
  const t = apply("Add", COUNT, constant(1));
  return scheduleOf(
    foldNodes<Node>([expression], (node, src) => {
      if (node.op === "Symbol") return node.arg === "t" ? t : COUNT;
      if (node.op.startsWith("Reduce")) {
        throw new GradusError(`Cannot read a schedule: it has nothing to reduce: given ${text}`);
      }
      if (randomRow(node.op) !== undefined) {
        throw new GradusError(
          `Cannot read a schedule: it has no elements to draw random numbers for: given ${text}`,
        );
      }
      if (node.op === "Index") {
        throw new GradusError(`Cannot read a schedule: it has no axes: given ${text}`);
      }
      if (matrixRow(node.op) !== undefined) {
        throw new GradusError(`Cannot read a schedule: it has no matrices: given ${text}`);
      }
      return withSources(node, src);
    }).get(expression)!,
  );
}
