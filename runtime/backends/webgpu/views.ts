/**
 * Leaves that are seen as matrices: each matrix is stepped as a leaf. Its arrays are parts of the leaf's, or of a
 * float32 copy where their elements stand in another order or are stored in fewer bits.
 */
import { GradusError, quoted } from "../../../dsl/errors.ts";
import { BLOCK_SIZE } from "../../trees/block8.ts";
import { type GpuTensor, storedIn } from "../../trees/gpu_tensor.ts";
import { sizeOf } from "../../trees/leaf.ts";
import { dtypeOf } from "../../trees/stored.ts";
import type { MatrixView } from "../../trees/view.ts";
import { addCopy, type CopyAxis, numberOfMatrix } from "./copies.ts";
import type { Commands } from "./commands.ts";
import { extentOf, type GroupPlan, isWritten, roundingOf } from "./kernel.ts";
import type { Places, StepTensors } from "./places.ts";
import { isPacked } from "./storage.ts";

/** The leaves of a step, of which some may be seen as matrices. */
export interface StepLeaves {
  /** Those of each group. */
  readonly leaves: readonly (readonly number[])[];
  /** The number of each in the tree. */
  readonly inTree: readonly number[];
  readonly views: readonly (MatrixView | undefined)[];
}

/** A copy that is made before the step, and brought back after it where the step writes it. */
interface Copied {
  readonly name: string;
  readonly group: number;
  readonly leaf: number;
  readonly array: GpuTensor;
  readonly copy: GpuTensor;
  readonly view: MatrixView;
  readonly isLikeLeaf: boolean;
}

/** The leaves of a step as it computes with them. */
export class Seen {
  readonly leaves: readonly (readonly number[])[];
  readonly inTree: readonly number[];
  readonly tensors: StepTensors;
  readonly #copied: Copied[] = [];
  readonly #groups: readonly GroupPlan[];

  /** `make` gives an array for so many float32 numbers. */
  constructor(
    { leaves, inTree, views }: StepLeaves,
    groups: readonly GroupPlan[],
    tensors: StepTensors,
    make: (size: number) => GpuTensor,
    doing: string,
  ) {
    this.#groups = groups;
    if (views.every((view) => view === undefined)) {
      [this.leaves, this.inTree, this.tensors] = [leaves, inTree, tensors];
      return;
    }
    const firsts: number[] = [];
    const numbers = views.flatMap((view, leaf) => {
      firsts.push((firsts.at(-1) ?? 0) + (leaf === 0 ? 0 : views[leaf - 1]?.count ?? 1));
      return Array.from(
        { length: view?.count ?? 1 },
        (_, k) => numberOfMatrix(inTree[leaf], k),
      );
    });
    this.inTree = numbers;
    this.leaves = leaves.map((group) =>
      group.flatMap((leaf) =>
        Array.from({ length: views[leaf]?.count ?? 1 }, (_, k) => firsts[leaf] + k)
      )
    );
    const groupOf = views.map((_, leaf) => leaves.findIndex((group) => group.includes(leaf)));
    const arrays = new Map([...tensors.arrays].map(([name, all]) => [
      name,
      all.flatMap((array, leaf) => {
        const view = views[leaf];
        return view === undefined ? [array] : this.#partsOf(
          name,
          { array, leaf: inTree[leaf], group: groupOf[leaf], view },
          make,
          doing,
        );
      }),
    ]));
    this.tensors = { arrays, ofTree: tensors.ofTree };
  }

  /** Adds the copies before a step. */
  before(commands: Commands, most: number): void {
    for (const { name, array, copy, view, isLikeLeaf } of this.#copied) {
      // What is only written needs none.
      if (name === "") continue;
      const axes = isLikeLeaf && view.order !== undefined
        ? axesOf(view.order, array.shape)
        : undefined;
      addCopy(commands, { from: array, to: copy, axes }, most);
    }
  }

  /** Adds the copies after it. */
  after(commands: Commands, places: Places, most: number): void {
    for (const { name, group, leaf, array, copy, view, isLikeLeaf } of this.#copied) {
      const plan = this.#groups[group];
      if (!isWritten(plan, name)) continue;
      const words = roundingOf(plan, name);
      addCopy(commands, {
        ...{ from: copy, to: array, leaf, each: sizeOf(array.shape) / view.count },
        axes: isLikeLeaf && view.order !== undefined ? inverse(view.order, array.shape) : undefined,
        rounding: words && { words, hosts: places.hosts[group] },
      }, most);
    }
  }

  #partsOf(
    name: string,
    { array, leaf, group, view }: Pick<Copied, "array" | "leaf" | "group" | "view">,
    make: (size: number) => GpuTensor,
    doing: string,
  ): GpuTensor[] {
    const plan = this.#groups[group];
    const extent = extentOf(plan.plan, name === plan.out ? "" : name) ?? "element";
    const isState = plan.states.has(name);
    const isLikeLeaf = !isState || extent === "element" && plan.states.get(name) === "element";
    const shape = isLikeLeaf ? view.shape : array.shape.slice(view.batch.length);
    const size = sizeOf(array.shape);
    const isShort = isPacked(storedIn(array));
    if (isShort && (extent === 0 || !this.#keepsBlocks(array, view, isLikeLeaf))) {
      throw new GradusError(
        `${doing}: state ${
          quoted(name)
        } of a parameter that is seen as matrices must be stored as float32, ` +
          `since each matrix has ${
            extent === 0 ? "one number of it" : `a part of its blocks of ${BLOCK_SIZE} numbers`
          }: given ${dtypeOf(storedIn(array))}`,
      );
    }
    let whole = array;
    if (size > 0 && (isShort || isLikeLeaf && view.order !== undefined)) {
      whole = { ...make(size), shape: array.shape };
      this.#copied.push({ name, group, leaf, array, copy: whole, view, isLikeLeaf });
    }
    const { buffer, offset = 0, dtype } = whole;
    const each = size / view.count;
    return Array.from({ length: view.count }, (_, k): GpuTensor => ({
      ...{ buffer, offset: offset + 4 * k * each, shape: size === 0 ? array.shape : shape, dtype },
    }));
  }

  #keepsBlocks(array: GpuTensor, { count, order }: MatrixView, isLikeLeaf: boolean): boolean {
    if (array.dtype !== "block8") return true;
    if (isLikeLeaf && order !== undefined) return false;
    return count === 1 || sizeOf(array.shape) / count % BLOCK_SIZE === 0;
  }
}

/** The axes of matrices in a leaf of `shape`, and how far apart their places are there. */
function axesOf(order: readonly number[], shape: readonly number[]): CopyAxis[] {
  return order.map((axis) => ({ size: shape[axis], stride: sizeOf(shape.slice(axis + 1)) }));
}

/** The axes of the leaf, and how far apart their places are in the matrices. */
function inverse(order: readonly number[], shape: readonly number[]): CopyAxis[] {
  const ordered = order.map((axis) => shape[axis]);
  return shape.map((size, axis) => ({
    size,
    stride: sizeOf(ordered.slice(order.indexOf(axis) + 1)),
  }));
}
