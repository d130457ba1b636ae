/** Turns any tree of numbers into an expression that is right in its types and rates. */
import {
  apply,
  constant,
  type ElementOpName,
  foldNodes,
  type Node,
  type Over,
  random,
  type RandomOpName,
  reduce,
  type ReduceOpName,
  symbol,
} from "../../dsl/node.ts";
import {
  elementOps,
  elementRow,
  matrixRow,
  randomOps,
  randomRow,
  reduceOps,
  reduceRow,
  type Type,
} from "../../dsl/ops.ts";

/** What fast-check draws of an expression. */
export interface Sketch {
  /** Chooses a symbol or an operation. */
  readonly pick: number;
  /** Makes a leaf a constant. */
  readonly number: number | undefined;
  readonly parts: readonly Sketch[];
}

/** What a value varies over, least first; axes are those that were reduced. */
export type Extent = "step" | "tensor" | `axes ${string}` | "element";

/** What is known of a name. */
export interface Known {
  readonly type: Type;
  readonly extent: Extent;
  /** Whether it varies within the tree however it is simplified, so that it can be reduced. */
  readonly varies: boolean;
}

/** What expressions may be made of. */
export interface Language {
  readonly ops: readonly ElementOpName[];
  /** Whether random numbers may be drawn. */
  readonly draws?: boolean;
  /** What reductions may range over. */
  readonly overs: readonly string[];
  /** Whether parameters are matrices. */
  readonly hasMatrices: boolean;
}

type Form = (operands: readonly Sketch[]) => Node;

/** Decodes a sketch to a value of `type` that varies over no more than `most`. */
export function decode(
  { pick, number, parts }: Sketch,
  type: Type,
  most: Extent,
  known: ReadonlyMap<string, Known>,
  language: Language,
): Node {
  const again = (sketch: Sketch, type: Type, most: Extent) =>
    decode(sketch, type, most, known, language);
  if (parts.length === 0) {
    const symbols = [...known].filter(([, its]) => its.type === type && fits(its.extent, most));
    if (number === undefined && symbols.length > 0) {
      return symbol(symbols[pick % symbols.length][0]);
    }
    if (type === "number") return constant(number ?? pick % 4);
    return apply("Greater", again({ pick, number, parts }, "number", most), constant(0));
  }
  const forms = formsOf(type, parts.length, most);
  return forms[pick % forms.length](parts);

  function formsOf(type: Type, arity: number, most: Extent): Form[] {
    const giving = language.ops.filter((op) => elementOps[op].gives === type);
    const fitting = giving.filter((op) => elementOps[op].takes.length === arity);
    const forms = (fitting.length > 0 ? fitting : giving).map((op): Form => (parts) =>
      apply(
        op,
        ...elementOps[op].takes.map((takes, i) => again(parts[i % parts.length], takes, most)),
      )
    );
    if (type === "number" && arity === 2 && language.hasMatrices && most === "element") {
      forms.push((parts) => apply("MatMul", matrix(parts[0]), matrix(parts[1])));
    }
    if (type !== "number" || arity !== 1) return forms;
    if (language.hasMatrices && most === "element") {
      forms.push(([part]) => apply("Transpose", matrix(part)));
    }
    // Exact although powers are not: squares are products.
    forms.push(([part]) => apply("Pow", again(part, "number", most), constant(2)));
    if (language.draws && most === "element") {
      for (const op of Object.keys(randomOps) as RandomOpName[]) {
        forms.push(([part]) => {
          const seed = again(part, "number", "step");
          return part.pick % 3 > 0 ? random(op, seed) : random(op, seed, constant(part.pick));
        });
      }
    }
    const overs = language.overs.filter((over) => fits(extentOf(over), most));
    for (const op of Object.keys(reduceOps) as ReduceOpName[]) {
      if (overs.length === 0) break;
      forms.push(([part]) => {
        const operand = varying(again(part, "number", "element"));
        return reduce(op, operand, overs[part.pick % overs.length] as Over);
      });
    }
    return forms;
  }

  // However it is simplified, it has a value an element.
  function matrix(part: Sketch): Node {
    const node = again(part, "number", "element");
    const isMatrix = node === symbol("w") || matrixRow(node.op) !== undefined;
    return isMatrix ? node : apply("Add", node, symbol("w"));
  }

  function varying(node: Node): Node {
    return describe(node, known).varies ? node : apply("Add", node, symbol("w"));
  }
}

/** What is known of an expression. */
export function describe(root: Node, known: ReadonlyMap<string, Known>): Known {
  return foldNodes<Known>([root], (node, src): Known => {
    if (node.op === "Const") return { type: "number", extent: "step", varies: false };
    if (node.op === "Symbol") return known.get(node.arg as string)!;
    if (randomRow(node.op) !== undefined) {
      return { type: "number", extent: "element", varies: true };
    }
    if (reduceRow(node.op) !== undefined) {
      const over = extentOf(node.arg as string);
      const extent = src[0].extent === "tensor" && over !== "step" ? "tensor" : over;
      return { type: "number", extent, varies: extent !== "step" };
    }
    if (matrixRow(node.op) !== undefined) {
      return { type: "number", extent: "element", varies: true };
    }
    return {
      type: elementRow(node.op)!.gives,
      extent: src.map(({ extent }) => extent).reduce(join),
      // A condition may turn out to be known, and then only one of the values is left.
      varies: node.op === "Where" ? src[1].varies && src[2].varies : src.some((s) => s.varies),
    };
  }).get(root)!;
}

/** What is left of an element after a reduction, or what a state keeps. */
export function extentOf(over: string): Extent {
  if (over === "tree") return "step";
  return over === "element" || over === "tensor" ? over : `axes ${over}`;
}

function fits(extent: Extent, most: Extent): boolean {
  return join(extent, most) === most;
}

function join(a: Extent, b: Extent): Extent {
  if (a === b || b === "step") return a;
  if (a === "step") return b;
  if (a === "element" || b === "element") return "element";
  if (a === "tensor") return b;
  return b === "tensor" ? a : "element";
}
