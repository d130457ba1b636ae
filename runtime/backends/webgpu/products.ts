/** Operations on whole matrices as the GPU does them: the arrays that they go through, and their commands. */
import type { Node } from "../../../dsl/node.ts";
import { extentShape } from "../../plan/extent.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Product } from "../../plan/products.ts";
import { type GpuTensor, storedIn } from "../../trees/gpu_tensor.ts";
import { addCopy } from "./copies.ts";
import { isPacked } from "./storage.ts";
import type { Commands } from "./commands.ts";
import { HEADER, type Kernel, temporary } from "./kernel.ts";
import { MATRIX_WORDS, productKernel, transposeKernel, workgroupsOf } from "./matrices.ts";
import { dispatchesOf } from "./pieces.ts";
import type { Places, StepTensors } from "./places.ts";
import {
  factorKernel,
  PANEL,
  panelKernel,
  panelsOf,
  reflectKernel,
  scaleKernel,
  workgroupsFrom,
  workspaceSize,
} from "./qr.ts";

/** What a kernel takes of one leaf. */
interface Given {
  readonly leaf: number;
  readonly tensors: readonly GpuTensor[];
  /** The words of its row before those that say where its arrays begin. */
  readonly words: readonly number[];
  readonly workgroups: number;
}

/** The matrices of a step. */
export class Matrices {
  /** The arrays that they go through, by the names of their places and by leaf. */
  readonly temporaries = new Map<string, GpuTensor[]>();
  readonly #commands: Commands;
  readonly #places: Places;
  readonly #shapes: readonly (readonly number[])[];
  readonly #tensors: StepTensors;
  readonly #most: number;
  readonly #copies = new Map<GpuTensor, GpuTensor>();

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
    const sizesOf = (of: Node, leaf: number) =>
      extentShape(plan.extents.get(of)!, this.#shapes[leaf]);
    const matrixOf = (of: Node, leaf: number) => this.#matrixOf(plan, of, leaf);
    if (op === "QR") {
      const [{ node: matrix }] = factors;
      return this.#addFactor(
        leaves.map((leaf) => ({
          ...{ leaf, sizes: sizesOf(node, leaf) },
          ...{ matrix: matrixOf(matrix, leaf), result: matrixOf(node, leaf) },
        })),
      );
    }
    const isOfOne = factors.length === 2 && factors[0].node === factors[1].node;
    const read = isOfOne ? factors.slice(1) : factors;
    const kernel = op === "MatMul" ? productKernel(isOfOne) : transposeKernel();
    const given = leaves.map((leaf): Given => {
      const [rows, columns] = sizesOf(node, leaf);
      const [first] = factors;
      const depth = sizesOf(first.node, leaf)[first.isTransposed ? 0 : 1];
      const strides = factors.map(({ node, isTransposed }) => {
        const [, columns] = sizesOf(node, leaf);
        return isTransposed ? [1, columns] : [columns, 1];
      });
      return {
        leaf,
        tensors: [...read.map((factor) => factor.node), node].map((each) => matrixOf(each, leaf)),
        words: [rows, columns, ...[depth, ...strides.flat(), 0, 0].slice(0, MATRIX_WORDS - 2)],
        workgroups: workgroupsOf(op, rows, columns),
      };
    });
    this.#dispatch(kernel, given);
  }

  /** Adds the commands of the orthonormal factors of some matrices. */
  #addFactor(
    all: readonly {
      readonly leaf: number;
      readonly sizes: readonly number[];
      readonly matrix: GpuTensor;
      readonly result: GpuTensor;
    }[],
  ): void {
    const spaces = this.#commands.arrays(
      all.map(({ sizes: [rows, columns] }) => [workspaceSize(rows, columns)]),
    );
    const add = (
      kernel: Kernel,
      tensorsOf: (k: number) => GpuTensor[],
      workgroups: (rows: number, columns: number) => number,
      panel = 0,
    ) =>
      this.#dispatch(
        kernel,
        all.map(({ leaf, sizes: [rows, columns] }, k): Given => ({
          ...{ leaf, tensors: tensorsOf(k), words: [rows, columns] },
          workgroups: workgroups(rows, columns),
        })),
        panel * PANEL,
      );
    const each = (rows: number, columns: number) => rows === 0 ? 0 : workgroupsFrom(0, columns);
    add(scaleKernel(), (k) => [spaces[k], all[k].matrix], each);
    const most = Math.max(0, ...all.map(({ sizes: [rows, columns] }) => panelsOf(rows, columns)));
    for (let panel = 0; panel < most; panel++) {
      const has = (rows: number, columns: number) => panel < panelsOf(rows, columns);
      add(
        panelKernel(),
        (k) => [spaces[k]],
        (...size) => Number(has(...size)),
        panel,
      );
      add(
        reflectKernel(),
        (k) => [spaces[k]],
        (rows, columns) =>
          has(rows, columns)
            ? workgroupsFrom(Math.min((panel + 1) * PANEL, rows, columns), columns)
            : 0,
        panel,
      );
    }
    add(factorKernel(), (k) => [spaces[k], all[k].result], each);
  }

  /** Adds a kernel on some leaves; the last word of its header is `last`. */
  #dispatch(kernel: Kernel, given: readonly Given[], last = 0): void {
    const isWhole = kernel.arrays.map(({ isWhole }) => isWhole);
    const arrays = given.flatMap(({ tensors, workgroups }, leaf) =>
      workgroups > 0 ? [{ leaf, size: 1, tensors, isWhole }] : []
    );
    for (const { ranges, pieces } of dispatchesOf(arrays, 1, this.#most, 1)) {
      const chunks = pieces.flatMap(({ leaf }, piece) =>
        Array.from({ length: given[leaf].workgroups }, (_, part) => [piece, part] as const)
      );
      const rows = HEADER + 2 * chunks.length;
      const words = given[pieces[0].leaf].words.length + kernel.arrays.length;
      const table = [
        ...chunks.flatMap(([piece, part]) => [rows + words * piece, part]),
        ...pieces.flatMap(({ leaf, starts }) => [...given[leaf].words, ...starts]),
      ];
      this.#commands.add(kernel, chunks.length, [chunks.length, 0, 0, last], table, {
        ranges,
        pieces,
      });
    }
  }

  /** An array as it is, or a float32 copy of one that is stored short. */
  #inFloat32(array: GpuTensor): GpuTensor {
    if (!isPacked(storedIn(array))) return array;
    let copy = this.#copies.get(array);
    if (copy === undefined) {
      this.#copies.set(array, copy = this.#commands.arrays([array.shape])[0]);
    }
    addCopy(this.#commands, { from: array, to: copy }, this.#most);
    return copy;
  }

  /** The array of a matrix: of a temporary, of what a reduction has left among the numbers, or given. */
  #matrixOf(plan: Plan, node: Node, leaf: number): GpuTensor {
    const place = plan.temporaries.placeOf.get(node);
    if (place !== undefined) return this.temporaries.get(temporary(place))![leaf];
    const cell = plan.cells.findIndex((each) => each.node === node);
    if (cell < 0) return this.#inFloat32(this.#tensors.arrays.get(node.arg as string)![leaf]);
    const offset = 4 * this.#places.cells[leaf][cell];
    const shape = extentShape(plan.cells[cell].extent, this.#shapes[leaf]);
    return { buffer: this.#commands.numbers, offset, shape, dtype: "float32" };
  }
}
