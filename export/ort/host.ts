/** Numbers that a graph is given and does not compute, as its metadata tell them. */
import { GradusError, quoted, shown } from "../../dsl/errors.ts";
import { Evaluator } from "../../dsl/evaluate.ts";
import { foldNodes, type Node, symbol, withSources } from "../../dsl/node.ts";
import { elementRow } from "../../dsl/ops.ts";
import { parseExpression } from "../../dsl/parse.ts";
import type { Program } from "../../dsl/program.ts";
import { parseRecord } from "../onnx/read.ts";

/** Expressions of `count`, further inputs, states and inputs `hyper/…`, by what they are given as. */
export type HostExpressions = ReadonlyMap<string, Node>;

/** Reads the metadata of a program whose hyperparameters that are inputs are `hyper`. */
export function parseHost(
  text: string,
  program: Program,
  hyper: ReadonlySet<string>,
): HostExpressions {
  return new Map(
    parseRecord(text).map(([name, given]) => {
      const { value, hyper: names = {} } = (given ?? {}) as { value?: unknown; hyper?: unknown };
      const isRead = typeof value === "string" && typeof names === "object" && names !== null;
      if (!isRead) throw new GradusError(`${quoted(name)} is ${shown(given)}`);
      const inputs = new Map(Object.entries(names as Record<string, unknown>));
      for (const input of inputs.values()) {
        if (hyper.has(input as string)) continue;
        throw new GradusError(`${quoted(name)} reads ${shown(input)}, which is no hyperparameter`);
      }
      const isTree = (each: string) => program.state.get(each)?.over === "tree";
      const expression = parseExpression(value, {
        read: (each, fail) =>
          inputs.has(each) || each === "count" || isTree(each) || program.inputs.has(each)
            ? "number"
            : fail(`there is no symbol ${quoted(each)}`),
        assign: (_name, _type, fail) => fail("a number assigns nothing"),
      }, `the number \`${name}\``);
      const renamed = foldNodes<Node>([expression], (node, src) => {
        if (node.op === "Symbol") {
          const input = inputs.get(node.arg as string);
          return input === undefined ? node : symbol(input as string);
        }
        if (node.op !== "Const" && elementRow(node.op) === undefined) {
          throw new GradusError(`${quoted(name)} is no number once a step`);
        }
        return withSources(node, src);
      });
      return [name, renamed.get(expression)!];
    }),
  );
}

/** The numbers of a step. */
export function evaluateHost(
  expressions: HostExpressions,
  symbols: ReadonlyMap<string, number>,
): Map<string, number> {
  const evaluator = new Evaluator([...expressions.values()]);
  evaluator.evaluate(symbols);
  return new Map([...expressions].map(([name, node]) => [name, evaluator.get(node)]));
}
