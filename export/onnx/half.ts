/** Rounds float64 to float16 once, which runtimes do in two steps, by way of float32. */
import { cast, node, type NodeInit } from "./proto.ts";

/** What rounding needs of the graph it is written into. */
export interface Names {
  /** A new name for the result of `op`. */
  readonly fresh: (op: string) => string;
  /** The name of a float64 constant. */
  readonly constant: (value: number) => string;
}

/**
 * The nodes that make `output`, float16, of `input`, float64.
 *
 * Two roundings are one, except where the first lands halfway between two float16: then the second
 * goes to the even one, wherever `input` lay. If that is away from it, the other neighbour is right:
 * the mirror image of the result, which is a float16 in no other case.
 */
export function toFloat16(input: string, output: string, { fresh, constant }: Names): NodeInit[] {
  const nodes: NodeInit[] = [];
  const write = (op: string, ...operands: string[]): string => {
    const name = fresh(op);
    nodes.push(node(op, operands, name));
    return name;
  };
  const convert = (value: string, to: "float16" | "float32" | "float64"): string => {
    const name = fresh("Cast");
    nodes.push(cast(value, name, to));
    return name;
  };
  const single = convert(input, "float32");
  const first = convert(single, "float64");
  const second = convert(convert(single, "float16"), "float64");
  // Rounding sees infinity as the number that would follow the largest.
  const bounded = write("Min", write("Max", second, constant(-65536)), constant(65536));
  const product = write("Mul", write("Sub", input, first), write("Sub", bounded, first));
  const isAway = write("Less", product, constant(0));
  const mirrored = write("Sub", write("Add", first, first), bounded);
  const kept = convert(convert(convert(mirrored, "float32"), "float16"), "float64");
  const isHalfway = write("Equal", mirrored, kept);
  const result = write("Where", write("And", isAway, isHalfway), mirrored, second);
  nodes.push(cast(result, output, "float16"));
  return nodes;
}
