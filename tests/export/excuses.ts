/**
 * The ways in which an exported program may leave the definition, so that a comparison can tell them
 * from faults.
 */
import {
  elaborate,
  type Graph,
  mapGraph,
  rates,
  rootsOf,
  specialise,
  type Structural,
} from "../../dsl/graph.ts";
import { lower } from "../../dsl/lower.ts";
import { apply, constant, type Node, postorder, symbol, ZERO } from "../../dsl/node.ts";
import { elementRow } from "../../dsl/ops.ts";
import type { Program } from "../../dsl/program.ts";
import { settle } from "../../dsl/simplify.ts";

/** What hyperparameters are. */
export type Hyper = Readonly<Record<string, number | boolean>>;
/** What symbols are at one element. */
export type Point = ReadonlyMap<string, number>;

/** What the library computes, with what is structurally known of the hyperparameters taken in. */
function graphOf(program: Program, hyper: Hyper): Graph {
  const structural: Structural = new Map(
    Object.entries(hyper).flatMap(([name, value]) =>
      typeof value === "boolean"
        ? [[name, constant(Number(value))] as const]
        : value === 0
        ? [[name, ZERO] as const]
        : []
    ),
  );
  const graph = specialise(elaborate(program), structural);
  const sum = apply("Add", symbol("w"), settle(graph.update));
  return mapGraph({ ...graph, update: sum }, settle);
}

/**
 * Whether, at a point, a step comes upon a zero whose sign ONNX Runtime does not keep: its Where
 * makes 0 of a -0 from its first branch, and its Min and Max choose freely between zeros.
 */
export function zeroFinder(
  program: Program,
  hyper: Hyper,
): (at: Point, round: (x: number) => number) => boolean {
  const graph = graphOf(program, hyper);
  const whole = rootsOf(graph);
  const roots = whole.map(lower(whole, "onnx"));
  const order = postorder(roots);
  const rate = rates(roots, program);
  return (at, round) => {
    const values = new Map<Node, number>();
    let found = false;
    for (const node of order) {
      const { op, src } = node;
      if (op === "Const") values.set(node, node.arg as number);
      else if (op === "Symbol") values.set(node, at.get(node.arg as string)!);
      else {
        const isElement = rate.get(node) === "element";
        const operands = src.map((operand) => {
          const value = values.get(operand)!;
          return isElement && rate.get(operand) !== "element" ? round(value) : value;
        });
        found ||= hasLooseZero(op, operands);
        const value = elementRow(op)!.eval(...operands);
        values.set(node, isElement ? round(value) : value);
      }
    }
    return found;
  };
}

function hasLooseZero(op: Node["op"], [a, b]: readonly number[]): boolean {
  if (op === "Where") return a !== 0 && Object.is(b, -0);
  return (op === "Min" || op === "Max") && a === 0 && b === 0 && !Object.is(a, b);
}
