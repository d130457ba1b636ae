/** Operations on whole matrices as the GPU does them: the arrays that they go through, and their commands. */
import type { Node } from "../../../dsl/node.ts";
import { extentShape } from "../../plan/extent.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Product } from "../../plan/products.ts";
import type { GpuTensor } from "../../trees/gpu_tensor.ts";
import type { Commands } from "./commands.ts";
import { HEADER, temporary } from "./kernel.ts";
import { MATRIX_WORDS, productKernel, transposeKernel, workgroupsOf } from "./matrices.ts";
import { dispatchesOf } from "./pieces.ts";
import type { Places, StepTensors } from "./places.ts";

/** The matrices of a step. */
export class Matrices {
  /** The arrays that they go through, by the names of their places and by leaf. */
  readonly temporaries = new Map<string, GpuTensor[]>();
  readonly #commands: Commands;
  readonly #places: Places;
  readonly #shapes: readonly (readonly number[])[];
  readonly #tensors: StepTensors;
  readonly #most: number;

  /** Of leaves of `shapes`; a binding has `most` bytes. */
  constructor(
    commands: Commands,
    places: Places,
    shapes: readonly (readonly number[])[],
    tensors: StepTensors,
    most: number,
  ) {
    [this.#commands, this.#places, this.#shapes] = [commands, places, shapes];
    [this.#tensors, this.#most] = [tensors, most];
  }

  /** Makes the temporaries of a group: those of one place lie side by side, so that one dispatch reaches many leaves. */
  make({ temporaries: { extents } }: Plan, leaves: readonly number[]): void {
    extents.forEach((extent, place) => {
      const shapes = leaves.map((leaf) => extentShape(extent, this.#shapes[leaf]));
      const tensors = this.#commands.arrays(shapes);
      const all = this.temporaries.get(temporary(place)) ?? [];
      this.temporaries.set(temporary(place), all);
      leaves.forEach((leaf, k) => all[leaf] = tensors[k]);
    });
  }

  /** Adds the commands of one operation on a group's matrices. */
  add(plan: Plan, leaves: readonly number[], { op, node, factors }: Product): void {
    if (op === "QR") throw new Error("A plan with `qr` must have been refused.");
    const isOfOne = factors.length === 2 && factors[0].node === factors[1].node;
    const read = isOfOne ? factors.slice(1) : factors;
    const kernel = op === "MatMul" ? productKernel(isOfOne) : transposeKernel();
    const sizesOf = (of: Node, leaf: number) =>
      extentShape(plan.extents.get(of)!, this.#shapes[leaf]);
    const partsOf = (leaf: number) => {
      const [rows, columns] = sizesOf(node, leaf);
      return workgroupsOf(op, rows, columns);
    };
    const given = leaves.filter((leaf) => partsOf(leaf) > 0).map((leaf) => ({
      leaf,
      size: 1,
      tensors: [...read.map((factor) => factor.node), node].map((each) =>
        this.#matrixOf(plan, each, leaf)
      ),
      isWhole: kernel.arrays.map(({ isWhole }) => isWhole),
    }));
    for (const dispatch of dispatchesOf(given, 1, this.#most, 1)) {
      const chunks = dispatch.pieces.flatMap(({ leaf }, piece) =>
        Array.from({ length: partsOf(leaf) }, (_, part) => [piece, part] as const)
      );
      const rows = HEADER + 2 * chunks.length;
      const words = MATRIX_WORDS + kernel.arrays.length;
      const table = [
        ...chunks.flatMap(([piece, part]) => [rows + words * piece, part]),
        ...dispatch.pieces.flatMap(({ leaf, starts }) => {
          const strides = factors.map(({ node, isTransposed }) => {
            const [, columns] = sizesOf(node, leaf);
            return isTransposed ? [1, columns] : [columns, 1];
          });
          const [first] = factors;
          const depth = sizesOf(first.node, leaf)[first.isTransposed ? 0 : 1];
          return [
            ...sizesOf(node, leaf),
            ...[depth, ...strides.flat(), 0, 0].slice(0, MATRIX_WORDS - 2),
            ...starts,
          ];
        }),
      ];
      this.#commands.add(kernel, chunks.length, [chunks.length, 0, 0, 0], table, dispatch);
    }
  }

  /** The array of a matrix: of a temporary, of what a reduction has left among the numbers, or given. */
  #matrixOf(plan: Plan, node: Node, leaf: number): GpuTensor {
    const place = plan.temporaries.placeOf.get(node);
    if (place !== undefined) return this.temporaries.get(temporary(place))![leaf];
    const cell = plan.cells.findIndex((each) => each.node === node);
    if (cell < 0) return this.#tensors.arrays.get(node.arg as string)![leaf];
    const offset = 4 * this.#places.cells[leaf][cell];
    const shape = extentShape(plan.cells[cell].extent, this.#shapes[leaf]);
    return { buffer: this.#commands.numbers, offset, shape, dtype: "float32" };
  }
}
