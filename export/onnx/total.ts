/** Joins what the leaves of a tree come to in a reduction over all of them. */
import type { ReduceOpName } from "../../dsl/node.ts";
import { reduceOps } from "../../dsl/ops.ts";
import type { Arithmetic } from "../../runtime/trees/dtype.ts";
import { partOf } from "./body.ts";
import { type Into, Reductions } from "./reduce.ts";

/** A leaf's part. */
export interface Part {
  readonly name: string;
  /** How many elements it is of. */
  readonly count: number;
}

/** A reduction over the tree, and what it is called. */
export interface Total {
  readonly op: ReduceOpName;
  readonly precision: Arithmetic;
  readonly opset: number;
  /** How many elements there are. */
  readonly count: number;
  /** What is reduced, as it is shown. */
  readonly text: string;
  /** The name of the result. */
  name(): string;
}

/** Writes a reduction of some parts, in their order, and returns what it is called. */
export function writeTotal(total: Total, parts: readonly Part[], into: Into): string {
  const { op, precision, count, name } = total;
  const { start, finish } = reduceOps[op];
  if (parts.length === 0) return into.number(finish(start, count), precision);
  if (precision === "float32" && op === "ReduceL2") return writeNorm(total, parts, into);
  const isFinished = partOf(op, precision) === op;
  const isExtreme = op === "ReduceMax" || op === "ReduceMin";
  const text = `${isExtreme ? op === "ReduceMax" ? "largest" : "least" : "sum"} of ${total.text}`;
  const isWeighed = isFinished && op === "ReduceMean";
  const terms = parts.map((part) =>
    isWeighed
      ? into.write("Mul", [part.name, into.number(part.count / count, precision)], text)
      : part.name
  );
  const combine = op === "ReduceMax" ? "Max" : op === "ReduceMin" ? "Min" : "Add";
  const joined = terms.slice(1).reduce((sum, term, i) => {
    if (!isFinished || i < terms.length - 2) return into.write(combine, [sum, term], text);
    const result = name();
    into.make(result, combine, [sum, term]);
    return result;
  }, terms[0]);
  if (isFinished) return joined;
  const result = name();
  if (op === "ReduceL2") into.make(result, "Sqrt", [joined]);
  else into.make(result, "Div", [joined, into.number(count, precision)]);
  return result;
}

/** The norm of norms. */
function writeNorm({ opset, text, name }: Total, parts: readonly Part[], into: Into): string {
  const each = parts.map((part) =>
    into.write("Unsqueeze", [part.name, into.list([0])], `a part of ${text}`)
  );
  const value = into.write("Concat", each, `parts of ${text}`, { axis: 0 });
  const result = name();
  new Reductions(into, opset).make("ReduceL2", {
    value,
    shape: [parts.length],
    ...{ type: "float32", axes: undefined, keepdims: 0, isNumber: false },
  }, result);
  return result;
}
