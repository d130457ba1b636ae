/** One leaf in a step on WebAssembly: where its arrays are, and what it has accumulated. */
import { type Node, symbol } from "../../../dsl/node.ts";
import { reduceOps } from "../../../dsl/ops.ts";
import { extentSize } from "../../plan/extent.ts";
import type { Accumulation } from "../../plan/plan.ts";
import { type AddGlobal, bytesOfKind, type GroupRun, type LeafRun, loadsOf } from "../backend.ts";
import type { MemoryArray } from "../../trees/dtype.ts";
import { storesOf } from "../random.ts";
import { fieldsIn, type LeafFields } from "./fields.ts";
import { type Kernel, kernelOf } from "./kernel.ts";
import { type Arena, blockOf } from "../../trees/arena.ts";
import type { GroupNumbers, TensorValues } from "./numbers.ts";

/** A leaf, where its arrays are, and what it has accumulated. */
export class LeafStep {
  readonly leaf: LeafRun;
  readonly numbers: GroupNumbers;
  readonly kernel: Kernel;
  readonly arena: Arena;
  /** The addresses of inputs and outputs; of those that are not in the arena, 0. */
  readonly addresses: number[];
  readonly isDirect: boolean;
  /** What varies over some of its axes, if anything does. */
  fields: LeafFields | undefined;
  readonly tensor: TensorValues | undefined;
  /** Whether it has values that are one a tensor. */
  readonly hasTensor: boolean;
  readonly #arrays: MemoryArray[];
  /** The states that are one a tensor, by their places among the inputs. */
  readonly #states: readonly { readonly node: Node; readonly place: number }[];
  /** What the phase has accumulated so far, and to what it came: arrays that are kept from step to step. */
  readonly #accumulations: Accumulation[] = [];
  readonly #sums: number[] = [];
  #taken = 0;
  /** The phase that the sums are of. */
  #phase = -1;

  /** A leaf that goes through `staging`, unless `mayBeDirect` and it has arrays in an arena. */
  constructor(leaf: LeafRun, numbers: GroupNumbers, staging: Arena, mayBeDirect: boolean) {
    [this.leaf, this.numbers] = [leaf, numbers];
    this.kernel = kernelOf(leaf.group);
    const arrays = [...leaf.inputs, ...leaf.outputs];
    const blocks = arrays.map((array) => mayBeDirect ? blockOf(array) : undefined);
    this.arena = blocks.find((block) => block !== undefined)?.arena ?? staging;
    // Ordinary arrays may be lent, and are not held.
    this.#arrays = arrays.some(blockOf) ? arrays : [];
    this.addresses = blocks.map((block) => block?.arena === this.arena ? block.address : 0);
    const kinds = [...leaf.group.inputs, ...leaf.group.outputs];
    const { plan, inputs } = leaf.group;
    this.hasTensor = numbers.tensor.length > 0 ||
      plan.outputs.some(({ extent }) => extent === 0) ||
      plan.phases.some((phase) => phase.some(({ extent }) => extent === 0));
    if (this.hasTensor) this.tensor = numbers.tensorValues();
    this.#states = inputs.flatMap(({ name, isSecond }, place) => {
      const node = symbol(name);
      return plan.extents.get(node) === 0 && !isSecond ? [{ node, place }] : [];
    });
    const isTouched = (i: number) =>
      i < inputs.length
        ? plan.extents.get(symbol(kinds[i].name)) === "element"
        : plan.outputs.find(({ target }) => target === kinds[i].name)!.extent === "element";
    this.isDirect = this.addresses.every((address, i) => address !== 0 || !isTouched(i));
  }

  /**
   * Takes the arrays that the leaf has by now: whether some are elsewhere in the arena, or undefined where one
   * came into it or left it, and the leaf goes another way.
   */
  refit(): boolean | undefined {
    const { inputs, outputs } = this.leaf;
    let hasMoved = false;
    for (let i = 0; i < this.addresses.length; i++) {
      const array = i < inputs.length ? inputs[i] : outputs[i - inputs.length];
      if (array === this.#arrays[i]) continue;
      this.#arrays[i] = array;
      const block = blockOf(array);
      const address = this.addresses[i];
      if (block === undefined && address === 0) continue;
      if (block?.arena !== this.arena || address === 0) return undefined;
      this.addresses[i] = block.address;
      hasMoved = true;
    }
    return hasMoved;
  }

  /** Gives the fields of the leaf, if it has any, a place in the working space; returns where they end. */
  placeFields(offset: number): number {
    this.fields = fieldsIn(this.leaf, offset);
    return offset + (this.fields?.bytes ?? 0);
  }

  /** Reads what a step starts from; the working space is at `base`. */
  begin(base: number): void {
    this.fields?.begin(this.arena.memory.buffer, base);
    if (this.tensor === undefined) return;
    this.tensor.begin();
    for (const { node, place } of this.#states) {
      this.tensor.give(node, loadsOf(this.leaf)(place, 0));
    }
  }

  /** Begins a phase, with what is one value a tensor. */
  enter(phase: number): void {
    this.#phase = phase;
    this.#taken = 0;
    this.tensor?.evaluate(phase);
  }

  /** Takes a reduction that a pass has accumulated: the `k`th of `each` sums of every block, in order. */
  take(accumulation: Accumulation, sums: Float64Array, k: number, each: number, end: number): void {
    const { start, combine } = reduceOps[accumulation.op];
    let total = start;
    for (let i = k; i < end; i += each) total = combine(total, sums[i]);
    this.#keep(accumulation, total);
  }

  /** Ends the phase: its reductions are known from here on. */
  leave(): void {
    const { plan } = this.leaf.group;
    // What is already one value a tensor is reduced as it is.
    for (const { extent, accumulations } of plan.phases[this.#phase]) {
      if (extent !== 0) continue;
      for (const accumulation of accumulations) {
        const { start, accumulate } = reduceOps[accumulation.op];
        this.#keep(accumulation, accumulate(start, this.tensor!.read(accumulation.operand)));
      }
    }
    for (let i = 0; i < this.#taken; i++) {
      const { op, operand, into } = this.#accumulations[i];
      if (!("cell" in into)) continue;
      const sum = this.#sums[i];
      this.tensor!.set(plan.cells[into.cell].node, reduceOps[op].finish(sum, this.#count(operand)));
    }
  }

  eachGlobal(phase: number, add: AddGlobal): void {
    if (phase !== this.#phase) return;
    for (let i = 0; i < this.#taken; i++) {
      const { operand, into } = this.#accumulations[i];
      if ("global" in into) add(into.global, this.#sums[i], this.#count(operand));
    }
  }

  /** Writes the states that are not written element by element. */
  end(): void {
    this.fields?.end();
    if (this.tensor === undefined) return;
    const { plan } = this.leaf.group;
    if (!plan.outputs.some(({ extent }) => extent === 0)) return;
    const write = storesOf(this.leaf);
    plan.outputs.forEach(({ node, extent }, k) => {
      if (extent === 0) write(k, 0, this.tensor!.read(node));
    });
  }

  #keep(accumulation: Accumulation, sum: number): void {
    this.#accumulations[this.#taken] = accumulation;
    this.#sums[this.#taken++] = sum;
  }

  #count(operand: Node): number {
    const { group: { plan }, shape } = this.leaf;
    return extentSize(plan.extents.get(operand)!, shape);
  }
}

const elementBytes = new WeakMap<GroupRun, readonly number[]>();

/** The bytes of an element of each array of a leaf, inputs and then outputs. */
export function kindsOf(group: GroupRun): readonly number[] {
  let bytes = elementBytes.get(group);
  if (bytes === undefined) {
    bytes = [...group.inputs, ...group.outputs].map(bytesOfKind);
    elementBytes.set(group, bytes);
  }
  return bytes;
}
