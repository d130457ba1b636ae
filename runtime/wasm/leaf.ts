/** One leaf in a step on WebAssembly: where its arrays are, and what it has accumulated. */
import { type Node, symbol } from "../../dsl/node.ts";
import { reduceOps } from "../../dsl/ops.ts";
import type { Accumulation } from "../plan.ts";
import type { GroupRun, LeafRun } from "../run.ts";
import { bytesOf, load, store } from "../storage.ts";
import { type Kernel, kernelOf } from "./kernel.ts";
import { type Arena, blockOf, stagingArena } from "./memory.ts";
import { type GroupNumbers, TensorValues } from "./numbers.ts";

/** A leaf, where its arrays are, and what it has accumulated. */
export class LeafStep {
  readonly leaf: LeafRun;
  readonly numbers: GroupNumbers;
  readonly kernel: Kernel;
  readonly arena: Arena;
  /** The addresses of inputs and outputs; of those that are not in the arena, 0. */
  readonly addresses: readonly number[];
  readonly isDirect: boolean;
  tensor: TensorValues | undefined;
  readonly #hasTensor: boolean;
  #sums: { readonly accumulation: Accumulation; readonly sum: number }[] = [];
  /** The phase that the sums are of: one without accumulations takes none. */
  #summed = -1;

  constructor(leaf: LeafRun, numbers: GroupNumbers) {
    [this.leaf, this.numbers] = [leaf, numbers];
    this.kernel = kernelOf(leaf.group);
    const arrays = [...leaf.inputs, ...leaf.outputs];
    const blocks = arrays.map(blockOf);
    this.arena = blocks.find((block) => block !== undefined)?.arena ?? stagingArena();
    this.addresses = blocks.map((block) => block?.arena === this.arena ? block.address : 0);
    const kinds = [...leaf.group.inputs, ...leaf.group.outputs];
    const { plan, inputs } = leaf.group;
    this.#hasTensor = numbers.tensor.length > 0 ||
      plan.outputs.some(({ extent }) => extent === 0) ||
      plan.phases.some((phase) => phase.some(({ extent }) => extent === 0));
    const isTouched = (i: number) =>
      i < inputs.length
        ? plan.extents.get(symbol(kinds[i].name)) === "element"
        : plan.outputs[i - inputs.length].extent === "element";
    this.isDirect = this.addresses.every((address, i) => address !== 0 || !isTouched(i));
  }

  /** Reads what a step starts from. */
  begin(): void {
    const { numbers, leaf } = this;
    if (!this.#hasTensor) return;
    const states = new Map<Node, number>();
    leaf.group.inputs.forEach(({ name, dtype }, i) => {
      const node = symbol(name);
      if (leaf.group.plan.extents.get(node) === 0) states.set(node, load(dtype, leaf.inputs[i], 0));
    });
    this.tensor = new TensorValues(numbers, states);
  }

  /** Takes the sums of a phase: for each accumulation, those of its blocks in order. */
  take(phase: number, accumulations: readonly Accumulation[], sums: Float64Array): void {
    const { plan } = this.leaf.group;
    this.#summed = phase;
    this.#sums = accumulations.map((accumulation, k) => {
      const { start, combine } = reduceOps[accumulation.op];
      let total = start;
      for (let i = k; i < sums.length; i += accumulations.length) total = combine(total, sums[i]);
      return { accumulation, sum: total };
    });
    // What is already one value a tensor is reduced as it is.
    const narrow = plan.phases[phase].find(({ extent }) => extent === 0)?.accumulations ?? [];
    for (const accumulation of narrow) {
      const { start, accumulate } = reduceOps[accumulation.op];
      const sum = accumulate(start, this.tensor!.read(accumulation.operand));
      this.#sums.push({ accumulation, sum });
    }
    for (const { accumulation: { op, operand, into }, sum } of this.#sums) {
      if (!("cell" in into)) continue;
      this.tensor!.set(plan.cells[into.cell].node, reduceOps[op].finish(sum, this.#count(operand)));
    }
  }

  eachGlobal(phase: number, add: (k: number, sum: number, count: number) => void): void {
    if (phase !== this.#summed) return;
    for (const { accumulation: { operand, into }, sum } of this.#sums) {
      if ("global" in into) add(into.global, sum, this.#count(operand));
    }
  }

  writeTensorStates(): void {
    if (this.tensor === undefined) return;
    const { plan, outputs } = this.leaf.group;
    const narrow = plan.outputs.map(({ node, extent }) =>
      extent === 0 ? this.tensor!.read(node) : undefined
    );
    narrow.forEach((value, k) => {
      if (value !== undefined) store(outputs[k].dtype, this.leaf.outputs[k], 0, value);
    });
  }

  #count(operand: Node): number {
    return this.leaf.group.plan.extents.get(operand) === 0 ? 1 : this.leaf.size;
  }
}

const elementBytes = new WeakMap<GroupRun, readonly number[]>();

/** The bytes of an element of each array of a leaf, inputs and then outputs. */
export function kindsOf(group: GroupRun): readonly number[] {
  let bytes = elementBytes.get(group);
  if (bytes === undefined) {
    bytes = [...group.inputs, ...group.outputs].map(({ dtype }) => bytesOf(dtype));
    elementBytes.set(group, bytes);
  }
  return bytes;
}
