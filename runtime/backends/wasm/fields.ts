/**
 * The values of a leaf that vary over some of its axes: states, what loops keep for others, results of
 * reductions and what these accumulate in. They are in the working space for the time of a step, in the
 * type that is computed with, so that kernels find them all alike.
 */
import { type Node, symbol } from "../../../dsl/node.ts";
import { reduceOps } from "../../../dsl/ops.ts";
import { finishLanes, lanesOf } from "../lanes.ts";
import { type Extent, extentSize } from "../../plan/extent.ts";
import type { Accumulation, Output, Plan } from "../../plan/plan.ts";
import { type ArrayKind, type GroupRun, type LeafRun, loadsOf } from "../backend.ts";
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

/** What a pass accumulates in fields, and the results that come of it. */
interface Accumulated {
  readonly op: Accumulation["op"];
  readonly lanes: 1 | 4;
  /** The field that it accumulates in. */
  readonly index: number;
  /** The field of the results, if they are one. */
  readonly result: number | undefined;
}

const accumulated = new WeakMap<Pass, readonly Accumulated[]>();

/** What a pass of a plan accumulates in fields, worked out once. */
export function accumulatedIn(plan: Plan, pass: Pass): readonly Accumulated[] {
  let known = accumulated.get(pass);
  if (known === undefined) {
    known = pass.loop.accumulations.flatMap((each) => {
      const field = fieldsOf(plan).get(each);
      if (field === undefined) return [];
      const { op, into } = each;
      const cell = "cell" in into ? plan.cells[into.cell].node : undefined;
      const { index, lanes } = field;
      return [{ op, lanes, index, result: cell && fieldsOf(plan).get(cell)!.index }];
    });
    accumulated.set(pass, known);
  }
  return known;
}

/** The states of a group that are fields, by their places among its inputs or outputs. */
interface Moved {
  readonly place: number;
  readonly index: number;
  /** Whether it is stored in the type that is computed with. */
  readonly isPlain: boolean;
}

const moved = new WeakMap<GroupRun, { readonly ins: Moved[]; readonly outs: Moved[] }>();

function movedOf(group: GroupRun): { readonly ins: Moved[]; readonly outs: Moved[] } {
  let known = moved.get(group);
  if (known === undefined) {
    const { plan, dtype, inputs, outputs } = group;
    const move = (key: FieldKey, kind: ArrayKind, place: number): Moved[] => {
      const field = fieldsOf(plan).get(key);
      if (field === undefined || kind.isSecond) return [];
      return [{ place, index: field.index, isPlain: kind.dtype === dtype }];
    };
    known = {
      ins: inputs.flatMap((kind, i) => move(symbol(kind.name), kind, i)),
      outs: plan.outputs.flatMap((output, k) => move(output, outputs[k], k)),
    };
    moved.set(group, known);
  }
  return known;
}

/** The fields of a leaf, at offsets from `offset` on, if it has any. */
export function fieldsIn(leaf: LeafRun, offset: number): LeafFields | undefined {
  return fieldsOf(leaf.group.plan).size === 0 ? undefined : new LeafFields(leaf, offset);
}

/** The fields of one leaf, at offsets from the beginning of the working space. */
export class LeafFields {
  readonly #leaf: LeafRun;
  readonly #offsets: readonly number[];
  readonly bytes: number;
  #buffer: ArrayBufferLike | undefined;
  #base = 0;
  /** The values where they are now, by field. */
  #views: readonly Floats[] = [];
  /** The words of the record that tells a kernel the leaf's shape and where its fields are. */
  record: readonly number[] = [];
  readonly #moved: ReturnType<typeof movedOf>;

  constructor(leaf: LeafRun, offset: number) {
    this.#leaf = leaf;
    this.#moved = movedOf(leaf.group);
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
    const { inputs } = this.#leaf;
    for (const { place, index, isPlain } of this.#moved.ins) {
      const values = this.#views[index];
      if (isPlain) values.set(inputs[place]);
      else {
        const read = loadsOf(this.#leaf);
        for (let j = 0; j < values.length; j++) values[j] = read(place, j);
      }
    }
  }

  /** Empties what a pass accumulates in. */
  start(each: readonly Accumulated[]): void {
    for (const { op, index } of each) this.#views[index].fill(reduceOps[op].start);
  }

  /** Takes the results of what a pass over `extent` has accumulated. */
  finish(each: readonly Accumulated[], extent: Extent): void {
    for (const { op, lanes, index, result } of each) {
      if (result === undefined) continue;
      const results = this.#views[result];
      const count = extentSize(extent, this.#leaf.shape) / results.length;
      finishLanes(op, lanes, this.#views[index] as Float64Array, count, results);
    }
  }

  /** Brings the new states out. */
  end(): void {
    const { outputs } = this.#leaf;
    for (const { place, index, isPlain } of this.#moved.outs) {
      const values = this.#views[index];
      if (isPlain) outputs[place].set(values);
      else {
        const write = storesOf(this.#leaf);
        values.forEach((value, j) => write(place, j, value));
      }
    }
  }

  #count({ extent, lanes }: Field): number {
    return lanes * extentSize(extent, this.#leaf.shape);
  }

  #each({ isAccumulator }: Field): 4 | 8 {
    return isAccumulator || this.#leaf.group.dtype === "float64" ? 8 : 4;
  }

  #place(buffer: ArrayBufferLike, base: number): void {
    [this.#buffer, this.#base] = [buffer, base];
    this.record = [...this.#leaf.shape, ...this.#offsets.map((offset) => base + offset)];
    this.#views = [...fieldsOf(this.#leaf.group.plan).values()].map((field, i) => {
      const [at, count] = [base + this.#offsets[i], this.#count(field)];
      return this.#each(field) === 8
        ? new Float64Array(buffer, at, count)
        : new Float32Array(buffer, at, count);
    });
  }
}
