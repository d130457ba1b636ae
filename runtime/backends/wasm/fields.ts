/**
 * The values of a leaf that vary over some of its axes: states, what loops keep for others, results of
 * reductions and what these accumulate in. They are in the working space for the time of a step, in the
 * type that is computed with, so that kernels find them all alike.
 */
import { type Node, symbol } from "../../../dsl/node.ts";
import { reduceOps } from "../../../dsl/ops.ts";
import { finishLanes, lanesOf } from "../lanes.ts";
import { extentSize } from "../../plan/extent.ts";
import type { Accumulation, Output, Plan } from "../../plan/plan.ts";
import { type LeafRun, loadsOf } from "../backend.ts";
import { storesOf } from "../random.ts";
import { type Pass, passesOf } from "./passes.ts";

/** What a field holds: the values of a node, what an accumulation has come to, or a result. */
export type FieldKey = Node | Accumulation | Output;

/** One field of a plan. */
export interface Field {
  readonly key: FieldKey;
  /** The axes it varies over. */
  readonly extent: number;
  /** Numbers for each of its values; those of accumulations are float64. */
  readonly lanes: 1 | 4;
  readonly isAccumulator: boolean;
}

const fields = new WeakMap<Plan, ReadonlyMap<FieldKey, Field & { readonly index: number }>>();

/** The fields of a plan, by what they hold. */
export function fieldsOf(plan: Plan): ReadonlyMap<FieldKey, Field & { readonly index: number }> {
  const known = fields.get(plan);
  if (known !== undefined) return known;
  const found = new Map<FieldKey, Field & { readonly index: number }>();
  const add = (key: FieldKey, extent: unknown, lanes: 1 | 4 = 1, isAccumulator = false) => {
    if (typeof extent !== "number" || extent === 0 || found.has(key)) return;
    found.set(key, { key, extent, lanes, isAccumulator, index: found.size });
  };
  for (const [node, extent] of plan.extents) if (node.op === "Symbol") add(node, extent);
  for (const { node, extent } of plan.cells) add(node, extent);
  for (const { loop: { extent, kept, accumulations, outputs } } of passesOf(plan)) {
    for (const node of kept) add(node, extent);
    for (const each of accumulations) {
      add(each, each.extent, lanesOf(each.extent, extent, plan.rank), true);
    }
    for (const output of outputs) add(output, output.extent);
  }
  fields.set(plan, found);
  return found;
}

/** Words of the record that tells a kernel a leaf's shape and where its fields are. */
export function recordWords(plan: Plan): number {
  const { size } = fieldsOf(plan);
  return size === 0 ? 0 : plan.rank + size;
}

type Floats = Float32Array | Float64Array;

/** The fields of one leaf, at offsets from the beginning of the working space. */
export class LeafFields {
  readonly #leaf: LeafRun;
  readonly #offsets: readonly number[];
  readonly bytes: number;
  #buffer: ArrayBufferLike | undefined;
  #base = 0;
  /** The values where they are now, by field. */
  #views: readonly Floats[] = [];

  constructor(leaf: LeafRun, offset: number) {
    this.#leaf = leaf;
    let end = offset;
    this.#offsets = [...fieldsOf(leaf.group.plan).values()].map((field) => {
      const at = end;
      end += Math.ceil(this.#count(field) * this.#each(field) / 64) * 64;
      return at;
    });
    this.bytes = end - offset;
  }

  /** Places the fields in `buffer`, in the working space at `base`, and brings the states in. */
  begin(buffer: ArrayBufferLike, base: number): void {
    if (buffer !== this.#buffer || base !== this.#base) this.#place(buffer, base);
    const { group, inputs } = this.#leaf;
    const read = loadsOf(this.#leaf);
    group.inputs.forEach(({ name, dtype, isSecond }, i) => {
      const values = this.#values(symbol(name));
      if (values === undefined || isSecond) return;
      if (dtype === group.dtype) values.set(inputs[i]);
      else for (let j = 0; j < values.length; j++) values[j] = read(i, j);
    });
  }

  /** Writes the record of the leaf at `address`. */
  writeRecord(memory: DataView, address: number): void {
    const { shape } = this.#leaf;
    const words = [...shape, ...this.#offsets.map((offset) => this.#base + offset)];
    words.forEach((word, i) => memory.setUint32(address + 4 * i, word, true));
  }

  /** Empties what a pass accumulates in. */
  start({ loop }: Pass): void {
    for (const each of loop.accumulations) {
      this.#values(each)?.fill(reduceOps[each.op].start);
    }
  }

  /** Takes the results of what a pass has accumulated. */
  finish({ loop }: Pass): void {
    const { group: { plan }, shape } = this.#leaf;
    for (const each of loop.accumulations) {
      const accumulators = this.#values(each);
      if (accumulators === undefined || !("cell" in each.into)) continue;
      const results = this.#values(plan.cells[each.into.cell].node)!;
      const { lanes } = fieldsOf(plan).get(each)!;
      const count = extentSize(loop.extent, shape) / results.length;
      finishLanes(each.op, lanes, accumulators as Float64Array, count, results);
    }
  }

  /** Brings the new states out. */
  end(): void {
    const { group, outputs } = this.#leaf;
    const write = storesOf(this.#leaf);
    group.plan.outputs.forEach((output, k) => {
      const values = this.#values(output);
      if (values === undefined) return;
      const { dtype } = group.outputs[k];
      if (dtype === group.dtype) outputs[k].set(values);
      else values.forEach((value, j) => write(k, j, value));
    });
  }

  #count({ extent, lanes }: Field): number {
    return lanes * extentSize(extent, this.#leaf.shape);
  }

  #each({ isAccumulator }: Field): 4 | 8 {
    return isAccumulator || this.#leaf.group.dtype === "float64" ? 8 : 4;
  }

  #place(buffer: ArrayBufferLike, base: number): void {
    [this.#buffer, this.#base] = [buffer, base];
    this.#views = [...fieldsOf(this.#leaf.group.plan).values()].map((field, i) => {
      const [at, count] = [base + this.#offsets[i], this.#count(field)];
      return this.#each(field) === 8
        ? new Float64Array(buffer, at, count)
        : new Float32Array(buffer, at, count);
    });
  }

  #values(key: FieldKey): Floats | undefined {
    const field = fieldsOf(this.#leaf.group.plan).get(key);
    return field === undefined ? undefined : this.#views[field.index];
  }
}
