/**
 * The sources of kernels. Every kernel takes a table of whole numbers, which says where things are, and
 * the numbers of the step: first those of {@linkcode SPECIAL}, then each group's, then those of the
 * tree, then each leaf's. What they mean depends on the program only, never on the tree.
 */
import { globalIndex } from "../../../dsl/graph.ts";
import { elementRow, reduceOps } from "../../../dsl/ops.ts";
import { type ReduceOpName, symbol } from "../../../dsl/node.ts";
import type { Extent, Plan } from "../../plan/plan.ts";
import type { HostNumbers } from "./numbers.ts";
import { prelude, type Width } from "./prelude.ts";
import type { Source } from "./write.ts";

/** Threads that work together. */
export const WORKGROUP = 256;
/** How many vectors each of them takes. */
export const VECTORS = 4;
/** The most workgroups side by side; more are laid out in rows of as many. */
export const ROW = 65_535;
/** The words that a table begins with. */
/** Where a kernel finds the numbers of its group and of the tree. */
export const HEADER = 4;

/** A kernel and what is bound to it: the table, the numbers, `arrays`, and where it leaves sums. */
export interface Kernel {
  readonly code: string;
  /** Whether it writes the numbers of the step. */
  readonly writesNumbers: boolean;
  readonly arrays: readonly { readonly name: string; readonly isWritten: boolean }[];
  readonly partials: "none" | "read" | "written";
}

/** What kernels of a group have in common. */
export interface GroupPlan {
  readonly plan: Plan;
  readonly numbers: HostNumbers;
  /** The states kept once for the tree that stay on the GPU. */
  readonly ofData: readonly string[];
  /** The states of one number a leaf. */
  readonly perTensor: readonly string[];
  /** Whether some value varies over some axes, so that kernels must know where in a leaf they are. */
  readonly usesAxes: boolean;
  /** The number of reductions over the tree. */
  readonly globals: number;
  /** The arrays that are only read. */
  readonly read: readonly string[];
}

/** What an array varies over, if the plan writes or reads it. */
export function extentOf({ outputs, extents }: Plan, name: string): Extent | undefined {
  return outputs.find(({ target }) => target === name)?.extent ?? extents.get(symbol(name));
}

/** Where a leaf's numbers are, after `own`. */
export const ofLeaf = {
  cell: (k: number): number => k,
  global: ({ plan }: GroupPlan, k: number): number => plan.cells.length + k,
  before: (group: GroupPlan, state: number): number => ofLeaf.global(group, group.globals) + state,
  after: (group: GroupPlan, state: number): number =>
    ofLeaf.before(group, group.perTensor.length) + state,
  size: (group: GroupPlan): number => ofLeaf.after(group, group.perTensor.length),
};

/** Where the tree's numbers are, after `globals`. */
export const ofTree = {
  global: (k: number): number => k,
  before: (globals: number, state: number): number => globals + state,
  after: (globals: number, states: number, state: number): number => globals + states + state,
  size: (globals: number, states: number): number => globals + 2 * states,
};

/** Reads what is one number for a leaf or for all: from `values`. */
export function numberSource(group: GroupPlan): Source {
  const { plan, numbers, ofData, perTensor, globals } = group;
  const at = (base: string, i: number) => `V(values[${base} + ${i}u])`;
  return (node) => {
    const host = numbers.indexOf(node);
    if (host !== undefined) {
      const isTruth = elementRow(node.op)?.gives === "truth";
      return isTruth ? `B(values[hosts + ${host}u] != 0f)` : at("hosts", host);
    }
    const cell = plan.cells.findIndex((each) => each.node === node);
    if (cell >= 0) return at("own", ofLeaf.cell(cell));
    if (node.op !== "Symbol") return undefined;
    const name = node.arg as string;
    const global = globalIndex(name);
    if (global !== undefined) return at("globals", ofTree.global(global));
    if (ofData.includes(name)) {
      return at("globals", ofTree.before(globals, ofData.indexOf(name)));
    }
    return at("own", ofLeaf.before(group, perTensor.indexOf(name)));
  };
}

/** Where a kernel finds the numbers of its group and of the tree. */
export const HEAD = `  let hosts = table[1];
  let globals = table[2];`;

function bindings(kernel: Omit<Kernel, "code">): string {
  const { arrays, partials, writesNumbers } = kernel;
  const of = (name: string, isWritten: boolean, type: string) =>
    `var<storage, ${isWritten ? "read_write" : "read"}> ${name}: array<${type}>;`;
  return [
    of("table", false, "u32"),
    of("values", writesNumbers, "f32"),
    ...arrays.map(({ isWritten }, i) => of(`x${i}`, isWritten, "V")),
    ...(partials === "none" ? [] : [of("partials", partials === "written", "f32")]),
  ].map((text, i) => `@group(0) @binding(${i}) ${text}`).join("\n");
}

/** A kernel of `threads` threads that computes `width` numbers at once. */
export function kernel(
  width: Width,
  threads: number,
  shape: Omit<Kernel, "code">,
  body: string,
): Kernel {
  const code = `${prelude(width, body)}
${bindings(shape)}
${body.includes("lanes[") ? `var<workgroup> lanes: array<V, ${threads}>;\n` : ""}
@compute @workgroup_size(${threads})
fn main(
  @builtin(workgroup_id) id: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
${body}
}
`;
  return { ...shape, code };
}

/** Lines, each `by` spaces further in. */
export const indented = (lines: readonly string[], by: number) =>
  lines.map((line) => " ".repeat(by) + line).join("\n");

/** The start of a reduction, whatever it is. */
export function start(op: ReduceOpName): string {
  const value = reduceOps[op].start;
  return value === 0 ? "V(0f)" : `V(values[${value === Infinity ? 0 : 1}])`;
}

/** What a reduction adds of an element. */
export function square(op: ReduceOpName, x: string): string {
  return reduceOps[op].wasm.squares ? `${x} * ${x}` : x;
}

/** Joins what the threads of a workgroup have in `name` into `lanes[0]`. */
export function gather(op: ReduceOpName, name: string): string[] {
  return [
    `lanes[lane] = ${name};`,
    `workgroupBarrier();`,
    `for (var half = ${WORKGROUP / 2}u; half > 0u; half >>= 1u) {`,
    `  if (lane < half) {`,
    `    let mine = lanes[lane];`,
    `    let theirs = lanes[lane + half];`,
    `    lanes[lane] = ${reduceOps[op].wgsl.combine("mine", "theirs")};`,
    `  }`,
    `  workgroupBarrier();`,
    `}`,
  ];
}
