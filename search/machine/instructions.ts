/** Instructions of the machine: what their words and operands are, and the numbers of operations. */
import { groupBy } from "../../dsl/group_by.ts";
import { elementOps, elementRow, reduceOps } from "../../dsl/ops.ts";
import type { ElementOpName, Node, ReduceOpName } from "../../dsl/node.ts";

/** The words of an instruction; addresses of operands are at step 0, and go on by so much a step. */
export const WORD = {
  op: 0,
  /** How many bytes are written. */
  bytes: 1,
  dst: 2,
  dstStep: 3,
  a: 4,
  aStep: 5,
  b: 6,
  bStep: 7,
  c: 8,
  cStep: 9,
  d: 10,
  dStep: 11,
  /** A table: of segments for a reduction, of matrices for a gradient. */
  table: 12,
  /** The end of the table of segments, or the bytes of a matrix's column. */
  extra: 13,
  count: 14,
} as const;
export const INSTRUCTION_BYTES = 4 * WORD.count;

/** The bytes of a segment's entry: where it is, its length, and which lanes of its last vector count. */
export const SEGMENT = { offset: 0, whole: 4, padded: 8, count: 16, mask: 32, bytes: 48 } as const;
/** Vectors are of a multiple of so many bytes. */
export const GRAIN = 64;

/** An operation on elements; in `form`, an operand is "v", a vector, or "s", one number for all. */
export interface ElementOperation {
  readonly name: string;
  readonly op: ElementOpName;
  readonly form: string;
}

/** What WebAssembly spells: operations of two operands in three forms, others on vectors only. */
export const elementOperations: readonly ElementOperation[] =
  (Object.keys(elementOps) as ElementOpName[]).flatMap((op) => {
    const { takes, wasm } = elementOps[op];
    if (wasm === null) return [];
    return takes.length === 2
      ? ["vv", "vs", "sv"].map((form) => ({ name: `${op}.${form}`, op, form }))
      : [{ name: op, op, form: "v".repeat(takes.length) }];
  });
export const reductions = Object.keys(reduceOps) as readonly ReduceOpName[];

/**
 * Operations as one instruction: an operand "r" is what an earlier one gave, which is written nowhere. The
 * instruction's operands are all others, in order.
 */
export interface Fused {
  readonly name: string;
  readonly operations: readonly ElementOperation[];
}

/** What programs do one after the other most of all. */
const OFTEN = [
  ["Mul.sv", "Mul.sv", "Add.rr"],
  ["Mul.sv", "Add.vr"],
  ["Mul.vs", "Add.vr"],
  ["Mul.vs", "Sub.vr"],
  ["Mul.vv", "Sub.vr"],
  ["Add.vs", "Div.vr"],
  ["Abs", "Sqrt.r"],
];

/** Fused operations by their names, which are those of the operations. */
export const fused: ReadonlyMap<string, Fused> = new Map(
  OFTEN.map((names) => {
    const operations = names.map((name): ElementOperation => {
      const [op, form = "v"] = name.split(".") as [ElementOpName, string?];
      return { name, op, form };
    });
    const name = names.join("+");
    return [name, { name, operations }];
  }),
);

/** By an operation's name, what can be fused that ends with another one behind it. */
export const endings: ReadonlyMap<string, readonly Fused[]> = groupBy(
  fused.values(),
  ({ operations }) => operations[operations.length - 2].name,
);

/** An element operation's row, and its names by the forms of two operands. */
interface Names {
  readonly row: NonNullable<ReturnType<typeof elementRow>>;
  readonly vv: string;
  readonly vs: string;
  readonly sv: string;
}

const names = new Map<string, Names>();

/** The names of an operation's forms, each made once. */
export function namesOf(op: Node["op"]): Names {
  let own = names.get(op);
  if (own === undefined) {
    const [vv, vs, sv] = ["vv", "vs", "sv"].map((form) => `${op}.${form}`);
    own = { row: elementRow(op)!, vv, vs, sv };
    names.set(op, own);
  }
  return own;
}

/** The numbers of all operations. */
export const opcodes: ReadonlyMap<string, number> = new Map(
  [
    ...elementOperations.map(({ name }) => name),
    ...fused.keys(),
    ...reductions,
    ...["copy", "fill", "gradient", "gradient8"],
  ].map((name, number) => [name, number]),
);

/** An instruction; what is left out is 0. */
export type Instruction =
  & { readonly name: string }
  & Partial<Readonly<Record<Exclude<keyof typeof WORD, "op" | "count">, number>>>;
