/**
 * The sources of kernels. Every kernel takes a table of whole numbers, which says where things are, and
 * the numbers of the step: first those of `SPECIAL`, then each group's, then those of the
 * tree, then each leaf's. What they mean depends on the program only, never on the tree.
 */
import { globalIndex } from "../../../dsl/graph.ts";
import { elementRow } from "../../../dsl/ops.ts";
import { symbol } from "../../../dsl/node.ts";
import type { Extent, Plan } from "../../plan/plan.ts";
import type { Counts } from "../../plan/counts.ts";
import type { Features } from "./features.ts";
import type { HostNumbers } from "./numbers.ts";
import { prelude } from "./prelude.ts";
import type { Source } from "./write.ts";
import { isPacked, readNumber, type RoundingWords } from "./storage.ts";
import { partsOfStored } from "../../trees/gpu_tensor.ts";
import { dtypeOf, type Stored } from "../../trees/stored.ts";
import { SUBGROUPS, type Width } from "./workgroup.ts";

/** How many vectors each of them takes. */
export const VECTORS = 4;
/** The most workgroups side by side; more are laid out in rows of as many. */
export const ROW = 65_535;
/** The words that a table begins with. */
export const HEADER = 4;

/** An array that a kernel takes. */
export interface BoundArray {
  readonly name: string;
  /** Which of the arrays it is that `name` is stored as. */
  readonly part?: number;
  /** How many numbers a word holds, where it is bound as words. */
  readonly each?: number;
  readonly isWritten: boolean;
  /** Whether every part of a leaf takes all of it. */
  readonly isWhole: boolean;
}

/** What is bound to a kernel: the table, the numbers, `arrays`, and where it leaves sums. */
export interface Shape {
  /** Whether it writes the numbers of the step. */
  readonly writesNumbers: boolean;
  readonly arrays: readonly BoundArray[];
  readonly partials: "none" | "read" | "written";
}

/** A kernel: what its threads do, whatever the device has, and what is bound to it. */
export interface Kernel extends Shape {
  readonly width: Width;
  readonly threads: number;
  readonly body: string;
}

/** The shape of a kernel that takes all of each of some arrays, and writes those for which it says so. */
export function shapeOf(isWritten: readonly boolean[], writesNumbers: boolean = false): Shape {
  const arrays = isWritten.map((isWritten) => ({ name: "", isWritten, isWhole: true }));
  return { writesNumbers, arrays, partials: "none" };
}

/** What kernels of a group have in common. */
export interface GroupPlan {
  readonly plan: Plan;
  readonly numbers: HostNumbers;
  /** The states kept once for the tree that stay on the GPU. */
  readonly ofData: readonly string[];
  /** Those of them that are whole numbers. */
  readonly counts: Counts;
  /** The states of one number a leaf. */
  readonly perTensor: readonly string[];
  /** Whether some value varies over some axes, so that kernels must know where in a leaf they are. */
  readonly usesAxes: boolean;
  /** The number of reductions over the tree. */
  readonly globals: number;
  /** The arrays that are only read. */
  readonly read: readonly string[];
  /** The array that takes what the program makes of the parameter. */
  readonly out: string;
  /** The states that are arrays, and what each is kept over. */
  readonly states: ReadonlyMap<string, unknown>;
  /** How states are stored, where that is not float32; what is stored in blocks may be so in some leaves only. */
  readonly storage: ReadonlyMap<string, Stored>;
}

/** What an array varies over, if the plan writes or reads it. */
export function extentOf({ outputs, extents }: Plan, name: string): Extent | undefined {
  return outputs.find(({ target }) => target === name)?.extent ?? extents.get(symbol(name));
}

/** Whether a step writes an array. */
export function isWritten({ plan, out }: GroupPlan, name: string): boolean {
  return plan.phases.flat().some(({ outputs }) =>
    outputs.some(({ target }) => (target === "" ? out : target) === name)
  );
}

/** Where a leaf's numbers are, after `own`. */
export const ofLeaf = {
  cell: (k: number): number => k,
  /** A part: its scale, then its value. */
  global: ({ plan }: GroupPlan, k: number): number => plan.cells.length + 2 * k,
  /** Two numbers each: bits and further bits, where it is stored so. */
  before: (group: GroupPlan, state: number): number =>
    ofLeaf.global(group, group.globals) + 2 * state,
  after: (group: GroupPlan, state: number): number =>
    ofLeaf.before(group, group.perTensor.length) + 2 * state,
  size: (group: GroupPlan): number => ofLeaf.after(group, group.perTensor.length),
};

/** Where the tree's numbers are, after `globals`. */
export const ofTree = {
  global: (k: number): number => k,
  before: (globals: number, state: number): number => globals + state,
  after: (globals: number, states: number, state: number): number => globals + states + state,
  size: (globals: number, states: number): number => globals + 2 * states,
};

/** What the array at a place of temporaries is called: no name of a program has a space. */
export function temporary(place: number): string {
  return `temporary ${place}`;
}

/** Reads what is one number for a leaf or for all: from `values`. */
export function numberSource(group: GroupPlan): Source {
  const { plan, numbers, ofData, counts, perTensor, globals } = group;
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
    const late = numbers.lateOf(name);
    if (late !== undefined) return at("hosts", late);
    if (ofData.includes(name)) {
      const place = ofTree.before(globals, ofData.indexOf(name));
      if (!counts.names.has(name)) return at("globals", place);
      return `I(bitcast<i32>(values[globals + ${place}u]))`;
    }
    const before = ofLeaf.before(group, perTensor.indexOf(name));
    const stored = storedOfTensor(group, name);
    return isPacked(stored) ? `V(${readBits(stored, before)})` : at("own", before);
  };
}

/** How a state of one number a leaf is stored: so few are in no blocks. */
export function storedOfTensor({ storage }: GroupPlan, name: string): Stored {
  const stored = storage.get(name) ?? "float32";
  return dtypeOf(stored) === "block8" ? "float32" : stored;
}

/** Reads one number that was brought in as bits. */
function readBits(stored: Stored, place: number): string {
  const parts = partsOfStored(stored).map((_, k) => `bitcast<u32>(values[own + ${place + k}u])`);
  return readNumber(stored, parts);
}

/** The words of the key that a state is rounded by, and the leaf's number; undefined if to nearest. */
export function roundingOf(group: GroupPlan, name: string): RoundingWords | undefined {
  const place = group.numbers.roundingOf(name);
  if (place === undefined) return undefined;
  const word = (k: number) => {
    const half = (i: number) => `u32(values[hosts + ${place + 2 * k + i}u])`;
    return `((${half(0)} << 16u) | ${half(1)})`;
  };
  return { key: [word(0), word(1)], leaf: "leaf" };
}

/** Whether kernels must know the number of a leaf in the tree, by which random numbers are its own. */
export function usesLeaf({ plan, numbers }: GroupPlan): boolean {
  return plan.random.length > 0 || numbers.hasRounding;
}

/** Where a kernel finds the numbers of its group and of the tree. */
export const HEAD = `  let hosts = table[1];
  let globals = table[2];`;

/** The chunk that a workgroup takes. The table says first how many there are; some may find none. */
export const CHUNK = `  let chunk = id.x + id.y * ${ROW}u;
  if (chunk >= table[0]) {
    return;
  }`;

/** The two words that the table has for a chunk: where the row of its leaf is, and which part of it the chunk is. */
export function chunkWords(part: string): string {
  return `  let row = table[${HEADER}u + 2u * chunk];
  let ${part} = table[${HEADER + 1}u + 2u * chunk];`;
}

/** What a kernel on matrices begins with: its part of a matrix, and how large that is. */
export const MATRIX_HEAD = `${CHUNK}
${chunkWords("part")}
  let rows = table[row];
  let columns = table[row + 1u];`;

function bindings({ arrays, partials, writesNumbers }: Shape): string {
  const of = (name: string, isWritten: boolean, type: string) =>
    `var<storage, ${isWritten ? "read_write" : "read"}> ${name}: array<${type}>;`;
  return [
    of("table", false, "u32"),
    of("values", writesNumbers, "f32"),
    ...arrays.map(({ isWritten, each }, i) => of(`x${i}`, isWritten, each ? "u32" : "V")),
    ...(partials === "none" ? [] : [of("partials", partials === "written", "vec2<f32>")]),
  ].map((text, i) => `@group(0) @binding(${i}) ${text}`).join("\n");
}

/** A kernel of `threads` threads that computes `width` numbers at once. */
export function kernel(width: Width, threads: number, shape: Shape, body: string): Kernel {
  return { ...shape, width, threads, body };
}

/** The source of a kernel for a device that has these features. */
export function codeOf(kernel: Kernel, features: Features): string {
  const { width, threads, body } = kernel;
  const functions = prelude(width, body, features);
  const { enable, variables, parameters, head } = functions.includes("subgroupShuffleXor(")
    ? SUBGROUPS
    : NO_SUBGROUPS;
  return `${enable}${functions}
${bindings(kernel)}
${variables}
@compute @workgroup_size(${threads})
fn main(
  @builtin(workgroup_id) id: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
${parameters}) {
${head}${body}
}
`;
}

const NO_SUBGROUPS = { enable: "", variables: "", parameters: "", head: "" };

/** Lines, each `by` spaces further in. */
export const indented = (lines: readonly string[], by: number) =>
  lines.map((line) => " ".repeat(by) + line).join("\n");
