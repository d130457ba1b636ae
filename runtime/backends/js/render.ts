/**
 * Writes the loops of a plan as JavaScript, one function a phase. Generated code holds numbered
 * slots only; no text of a program ever reaches it.
 */
import type { Node, ReduceOpName } from "../../../dsl/node.ts";
import { elementRow, randomRow, reduceOps } from "../../../dsl/ops.ts";
import { lanesOf } from "../lanes.ts";
import {
  type Extent,
  isSized,
  type Part,
  partsOf,
  type Varying,
  varyingAxes,
} from "../../plan/extent.ts";
import {
  type Accumulation,
  type Loop,
  operandsOf,
  type Output,
  type Phase,
  type Plan,
} from "../../plan/plan.ts";
import { BLOCK_SIZE, BlockArray, fromCode, storeBlock } from "../../trees/block8.ts";
import { type ArrayKind, BLOCK, type GroupRun, isBlocked, secondOf } from "../backend.ts";
import {
  type DType,
  fromBfloat16,
  fromFloat16,
  fromSplit,
  isShort,
  type ShortType,
  toBfloat16,
  toFloat16,
  toSplit,
} from "../../trees/dtype.ts";
import { roundStochastically } from "../../trees/rounding.ts";
import { roundedOutputs } from "../random.ts";

/** How short types are read and written. */
export const CONVERT = {
  fromBfloat16,
  fromFloat16,
  toBfloat16,
  toFloat16,
  fromSplit,
  toSplit,
  roundBfloat16: (value: number, random: number) => roundStochastically("bfloat16", value, random),
  roundFloat16: (value: number, random: number) => roundStochastically("float16", value, random),
  roundSplit: (value: number, random: number) => roundStochastically("bfloat16+8", value, random),
  fromCode,
  /** Stores what a block has at the end of it, which the element `i` is. */
  storeBlock: (
    block: Float32Array,
    codes: Uint8Array,
    scales: Float32Array,
    i: number,
    isUnsigned: boolean,
  ) => {
    const length = i % BLOCK_SIZE + 1;
    const array = new BlockArray(codes, scales, isUnsigned);
    storeBlock(block.subarray(0, length), array, i + 1 - length);
  },
} as const;

/** What the conversions of a type are called. */
const CALLED: Readonly<Record<ShortType, string>> = {
  bfloat16: "Bfloat16",
  float16: "Float16",
  "bfloat16+8": "Split",
};

type Numbered = Accumulation & { readonly sum: number };

/** The source of each phase. */
export function renderPhases(
  plan: Plan,
  dtype: GroupRun["dtype"],
  inputs: readonly ArrayKind[],
  outputs: readonly ArrayKind[],
): string[] {
  return plan.phases.map((phase) => new Renderer(plan, dtype, inputs, outputs).render(phase));
}

class Renderer {
  readonly #plan: Plan;
  readonly #dtype: GroupRun["dtype"];
  readonly #inputs: readonly ArrayKind[];
  readonly #outputs: readonly ArrayKind[];
  readonly #lines: string[] = [];
  /** What the loop being written has in a local constant. */
  readonly #locals = new Map<Node, string>();
  /** What earlier loops of the phase have left: a constant, or an array by index. */
  readonly #kept = new Map<Node, string>();
  #indent = 1;
  #next = 0;

  constructor(
    plan: Plan,
    dtype: GroupRun["dtype"],
    inputs: readonly ArrayKind[],
    outputs: readonly ArrayKind[],
  ) {
    [this.#plan, this.#dtype, this.#inputs, this.#outputs] = [plan, dtype, inputs, outputs];
  }

  render(phase: Phase): string {
    this.#slots(phase);
    // Narrow states are written last: until then wider loops may read their old values.
    const finals: string[] = [];
    let sums = 0;
    for (const loop of phase) {
      const numbered = loop.accumulations.map((a, k): Numbered => ({ ...a, sum: sums + k }));
      sums += numbered.length;
      if (loop.extent === 0) this.#tensorLoop(loop, numbered, finals);
      else this.#loop(loop, numbered, finals);
    }
    finals.forEach((line) => this.#line(line));
    const body = this.#lines.join("\n");
    const parameters =
      "shape, n, inputs, outputs, scalars, cells, sums, temporaries, convert, random, rounding";
    return `function (${parameters}) {\n${body}\n}`;
  }

  #slots(phase: Phase): void {
    const used = new Set<Node>(phase.flatMap((loop) => operandsOf(loop)));
    const written = new Set(phase.flatMap(({ outputs }) => outputs.map(({ target }) => target)));
    const names = new Set([...used].map(({ op, arg }) => op === "Symbol" ? arg : null));
    this.#inputs.forEach(({ name }, i) => {
      if (names.has(name)) this.#line(`const x${i} = inputs[${i}];`);
    });
    this.#outputs.forEach((kind, i) => {
      if (!written.has(kind.name)) return;
      this.#line(`const y${i} = outputs[${i}];`);
      if (isBlocked(kind) && !kind.isSecond) {
        this.#line(`const b${i} = new Float32Array(${BLOCK_SIZE});`);
      }
    });
    this.#plan.scalars.forEach(({ node }, i) => {
      if (used.has(node)) this.#line(`const s${i} = scalars[${i}];`);
    });
    this.#plan.cells.forEach(({ node }, i) => {
      if (used.has(node)) this.#line(`const c${i} = cells[${i}];`);
    });
    const places = [...used].flatMap((node) => this.#plan.temporaries.placeOf.get(node) ?? []);
    for (const place of new Set(places)) this.#line(`const m${place} = temporaries[${place}];`);
    for (let axis = 0; axis < this.#plan.rank; axis++) {
      this.#line(`const d${axis} = shape[${axis}];`);
    }
  }

  /** One value a tensor: no loop, and what it computes stays visible to those that follow. */
  #tensorLoop(loop: Loop, sums: readonly Numbered[], finals: string[]): void {
    this.#locals.clear();
    for (const node of loop.nodes) this.#kept.set(node, this.#compute(node, 0));
    for (const { op, operand, sum } of sums) {
      const start = literal(reduceOps[op].start);
      const total = reduceOps[op].js.accumulate(start, this.#read(operand, 0));
      this.#line(`sums[${sum}][0] = ${total};`);
    }
    for (const { target, node } of loop.outputs) {
      finals.push(this.#assignment(target, "0", this.#read(node, 0)));
    }
  }

  #loop(loop: Loop, sums: readonly Numbered[], finals: string[]): void {
    const { extent, nodes, kept, stored, outputs } = loop;
    this.#locals.clear();
    const narrowOutputs = extent === "element" ? [] : outputs;
    const arrays = new Map(kept.map((node) => [node, this.#array(extent)]));
    const finalArrays = narrowOutputs.map(({ node }) => arrays.get(node) ?? this.#array(extent));
    const blocked = sums.filter((sum) => sum.extent === 0);
    for (const { op, sum } of blocked) {
      const start = literal(reduceOps[op].start);
      this.#line(`const l${sum} = new Float64Array(4).fill(${start});`);
      this.#line(`let r${sum} = ${start};`);
    }

    const depth = this.#open(loop);
    for (const node of nodes) this.#compute(node, extent);
    for (const { op, operand, sum, extent: into } of sums) {
      const x = this.#read(operand, extent);
      const lanes = lanesOf(into, extent, this.#plan.rank);
      const at = this.#index(into, extent);
      const place = into === 0
        ? `l${sum}[i & 3]`
        : `sums[${sum}][${lanes === 1 ? at : `${lanes} * ${at} + (i & ${lanes - 1})`}]`;
      this.#line(`${place} = ${reduceOps[op].js.accumulate(place, x)};`);
    }
    // Everything is read before anything is written: the arrays may be the same.
    const wide: readonly Output[] = extent === "element" ? outputs : [];
    const values = wide.map(({ node }) => this.#read(node, extent));
    const targets = new Map([
      ...[...arrays].map(([node, array]) => [array, node] as const),
      ...narrowOutputs.map(({ node }, k) => [finalArrays[k], node] as const),
    ]);
    targets.forEach((node, array) => this.#line(`${array}[i] = ${this.#read(node, extent)};`));
    for (const node of stored) {
      const place = this.#plan.temporaries.placeOf.get(node)!;
      this.#line(`m${place}[i] = ${this.#read(node, extent)};`);
    }
    wide.forEach(({ target }, k) => this.#line(this.#assignment(target, "i", values[k])));
    if (blocked.length > 0) {
      this.#line(`if ((i & ${BLOCK - 1}) === ${BLOCK - 1}) {`);
      this.#indent++;
      blocked.forEach(({ op, sum }) => this.#endBlock(op, sum));
      this.#close();
    }
    // A block of its own around one loop an axis; a flat loop counts by itself.
    if (depth > 1) this.#line(`i++;`);
    for (let k = 0; k < depth; k++) this.#close();

    for (const { op, sum } of blocked) {
      this.#endBlock(op, sum);
      this.#line(`sums[${sum}][0] = r${sum};`);
    }
    arrays.forEach((array, node) => this.#kept.set(node, array));
    for (const [k, { target }] of narrowOutputs.entries()) {
      const array = finalArrays[k];
      const write = this.#assignment(target, "i", `${array}[i]`);
      finals.push(`for (let i = 0; i < ${array}.length; i++) ${write}`);
    }
  }

  #array(extent: Extent): string {
    const name = `t${this.#next++}`;
    this.#line(`const ${name} = new Float64Array(${this.#size(extent)});`);
    return name;
  }

  #endBlock(op: ReduceOpName, sum: number): void {
    const { start, js: { combine } } = reduceOps[op];
    const pair = (a: number, b: number) => `(${combine(`l${sum}[${a}]`, `l${sum}[${b}]`)})`;
    const block = `(${combine(pair(0, 2), pair(1, 3))})`;
    this.#line(`r${sum} = ${combine(`r${sum}`, block)};`);
    this.#line(`l${sum}.fill(${literal(start)});`);
  }

  /** Opens one flat loop, or one an axis where narrower arrays need the position on each. */
  #open(loop: Loop): number {
    const { extent, accumulations } = loop;
    const extents = [
      ...operandsOf(loop).map((node) => this.#plan.extents.get(node)!),
      ...accumulations.map((accumulation) => accumulation.extent),
    ];
    const narrow = new Set(
      extents.filter((each) => each !== "scalar" && each !== 0 && each !== extent)
        .map((each) => this.#axesOf(each as Varying)),
    );
    const axes = varyingAxes(extent, this.#plan.rank);
    if (narrow.size === 0) {
      this.#line(`for (let i = 0; i < ${this.#size(extent)}; i++) {`);
      this.#indent++;
      return 1;
    }
    this.#line(`{`);
    this.#indent++;
    this.#line(`let i = 0;`);
    for (const axis of axes) {
      const length = this.#length(extent, axis);
      this.#line(`for (let i${axis} = 0; i${axis} < ${length}; i${axis}++) {`);
      this.#indent++;
    }
    for (const mask of narrow) {
      const position = varyingAxes(mask, this.#plan.rank).reduce(
        (text, axis) =>
          text === "" ? `i${axis}` : `(${text}) * ${this.#length(extent, axis)} + i${axis}`,
        "",
      );
      this.#line(`const j${mask >>> 0} = ${position};`);
    }
    return axes.length + 1;
  }

  #close(): void {
    this.#indent--;
    this.#line(`}`);
  }

  #compute(node: Node, extent: Extent): string {
    if (randomRow(node.op) !== undefined) {
      return this.#name(node, `random(${this.#plan.random.indexOf(node)}, i)`);
    }
    // What has places along an axis is a loop over that axis.
    if (node.op === "Index") {
      return this.#name(node, this.#dtype === "float32" ? "Math.fround(i)" : "i");
    }
    const row = elementRow(node.op)!;
    const value = row.js!(...node.src.map((operand) => this.#read(operand, extent)));
    const isRounded = row.rounds && this.#dtype === "float32";
    return this.#name(node, isRounded ? `Math.fround(${value})` : value);
  }

  #read(node: Node, within: Extent): string {
    if (node.op === "Const") {
      const value = node.arg as number;
      return literal(this.#dtype === "float32" ? Math.fround(value) : value);
    }
    const local = this.#locals.get(node);
    if (local !== undefined) return local;
    const scalar = this.#plan.scalars.findIndex((slot) => slot.node === node);
    if (scalar >= 0) return `s${scalar}`;
    const own = this.#plan.extents.get(node)!;
    const at = this.#index(own, within);
    const kept = this.#kept.get(node);
    if (kept !== undefined) return own === 0 ? kept : this.#name(node, `${kept}[${at}]`);
    const place = this.#plan.temporaries.placeOf.get(node);
    if (place !== undefined) return this.#name(node, `m${place}[${at}]`);
    const cell = this.#plan.cells.findIndex((c) => c.node === node);
    if (cell >= 0) return this.#name(node, `c${cell}[${at}]`);
    const input = this.#inputs.findIndex(({ name }) => name === node.arg);
    const element = `x${input}[${at}]`;
    const [kind, second] = [this.#inputs[input], secondOf(this.#inputs, input)];
    if (isBlocked(kind)) {
      const scale = `x${second}[Math.floor(${at} / ${BLOCK_SIZE})]`;
      return this.#name(node, `convert.fromCode(${element}, ${scale}, ${kind.isUnsigned})`);
    }
    const bits = second < 0 ? element : `${element}, x${second}[${at}]`;
    return this.#name(node, loaded(kind.dtype, bits));
  }

  #name(node: Node, value: string): string {
    const name = `v${this.#next++}`;
    this.#line(`const ${name} = ${value};`);
    this.#locals.set(node, name);
    return name;
  }

  #assignment(target: string, at: string, value: string): string {
    const slot = this.#outputs.findIndex(({ name }) => name === target);
    const { dtype } = this.#outputs[slot];
    const place = roundedOutputs(this.#outputs).indexOf(slot);
    const rounded = place < 0
      ? value
      : `convert.round${CALLED[dtype as ShortType]}(${value}, rounding(${place}, ${at}))`;
    const second = secondOf(this.#outputs, slot);
    if (second < 0) return `y${slot}[${at}] = ${stored(dtype, rounded)};`;
    if (isBlocked({ dtype })) return this.#blockwise(slot, second, at, value);
    const write = `y${slot}[${at}] = bits >>> 8; y${second}[${at}] = bits & 255;`;
    return `{ const bits = ${stored(dtype, rounded)}; ${write} }`;
  }

  /** Keeps a value until those of its block are there, which elements come to in order. */
  #blockwise(slot: number, second: number, at: string, value: string): string {
    const { isUnsigned } = this.#outputs[slot];
    const last = BLOCK_SIZE - 1;
    const write = `convert.storeBlock(b${slot}, y${slot}, y${second}, ${at}, ${isUnsigned});`;
    return `{ b${slot}[${at} & ${last}] = ${value}; ` +
      `if ((${at} & ${last}) === ${last} || ${at} === y${slot}.length - 1) ${write} }`;
  }

  #size(extent: Extent): string {
    if (extent === "element") return "n";
    const axes = varyingAxes(extent, this.#plan.rank);
    return axes.map((axis) => this.#length(extent, axis)).join(" * ");
  }

  /** How long what is looped over is on an axis. */
  #length(extent: Extent, axis: number): string {
    return isSized(extent) ? lengthText(partsOf(extent)[axis]) : `d${axis}`;
  }

  /** The bits of the axes that a value varies over. */
  #axesOf(extent: Varying): number {
    if (typeof extent === "number") return extent;
    return varyingAxes(extent, this.#plan.rank).reduce((axes, axis) => axes | 1 << axis, 0);
  }

  /** Where an array of extent `own` is read in a loop over `within`. */
  #index(own: Extent, within: Extent): string {
    if (own === 0) return "0";
    // The bit of the last axis that there may be is that of the sign.
    return own === within ? "i" : `j${this.#axesOf(own as Varying) >>> 0}`;
  }

  #line(text: string): void {
    this.#lines.push("  ".repeat(this.#indent) + text);
  }
}

function lengthText(part: Part): string {
  return part === "rows" ? "d0" : part === "columns" ? "d1" : part;
}

function loaded(dtype: DType, element: string): string {
  return isShort(dtype) ? `convert.from${CALLED[dtype]}(${element})` : element;
}

function stored(dtype: DType, value: string): string {
  return isShort(dtype) ? `convert.to${CALLED[dtype]}(${value})` : value;
}

function literal(value: number): string {
  const text = Object.is(value, -0) ? "-0" : String(value);
  return text.startsWith("-") ? `(${text})` : text;
}
