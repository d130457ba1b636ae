/** A step as the GPU runs it: which kernels go over which leaves, in which order. */
import type { GlobalReduction } from "../../../dsl/graph.ts";
import type { Node } from "../../../dsl/node.ts";
import { extentShape, extentSize, isMatrix } from "../../plan/extent.ts";
import type { Loop } from "../../plan/plan.ts";
import { Commands } from "./commands.ts";
import { type GroupPlan, HEADER, type Kernel, ofLeaf, VECTORS, WORKGROUP } from "./kernel.ts";
import { axisKernel, elementKernel, ROW_WORDS } from "./loops.ts";
import { Matrices } from "./products.ts";
import { type Dispatch, dispatchesOf, type LeafArrays, type Piece } from "./pieces.ts";
import { type Move, Places, type StepTensors } from "./places.ts";
import { SPECIAL, type Width } from "./prelude.ts";
import { reduceKernel, stateKernel, tensorKernel, treeKernel } from "./reductions.ts";
import { isPadded } from "../../trees/gpu_tensor.ts";

/** A step of certain arrays in a certain form. */
export class GpuStep {
  readonly #groups: readonly GroupPlan[];
  readonly #tensors: StepTensors;
  readonly #leaves: readonly (readonly number[])[];
  readonly #shapes: readonly (readonly number[])[];
  /** The number of each leaf in the tree. */
  readonly #inTree: readonly number[];
  /** The most bytes of a binding. */
  readonly #most: number;
  /** The group of the first leaf, by whose numbers the tree's states go as in the library. */
  readonly #first: number;
  readonly #places: Places;
  readonly #moves: readonly Move[];
  readonly #commands: Commands;
  readonly #matrices: Matrices;
  readonly #given: Float32Array<ArrayBuffer>;

  /** `leaves` are those of each group, `inTree` the number of each in the tree. */
  constructor(
    device: GPUDevice,
    leaves: readonly (readonly number[])[],
    inTree: readonly number[],
    groups: readonly GroupPlan[],
    tensors: StepTensors,
    globals: readonly GlobalReduction[],
    doing: string,
  ) {
    [this.#groups, this.#tensors] = [groups, tensors];
    this.#most = device.limits.maxStorageBufferBindingSize;
    [this.#leaves, this.#inTree] = [leaves, inTree];
    this.#first = leaves.findIndex((group) => group.includes(0));
    this.#shapes = tensors.arrays.get("w")!.map(({ shape }) => shape);
    this.#places = new Places(groups, this.#leaves, this.#shapes);
    this.#moves = this.#places.moves(groups, this.#leaves, tensors);
    this.#given = new Float32Array(this.#places.tree);
    this.#given.set(SPECIAL);
    this.#commands = new Commands(device, this.#places.size, doing);
    this.#matrices = new Matrices(this.#commands, this.#places, this.#shapes, tensors, this.#most);
    groups.forEach(({ plan }, i) => this.#matrices.make(plan, this.#leaves[i]));
    this.#plan(globals);
  }

  /** Enqueues the step; `symbols` are the numbers of each group. */
  run(symbols: readonly ReadonlyMap<string, number>[]): void {
    this.#groups.forEach(({ numbers }, i) =>
      this.#given.set(numbers.evaluate(symbols[i]), this.#places.hosts[i])
    );
    this.#commands.submit(this.#given, this.#moves);
  }

  /** Gives back what it holds on the GPU. */
  dispose(): void {
    this.#commands.dispose();
  }

  #plan(globals: readonly GlobalReduction[]): void {
    const phases = Math.max(...this.#groups.map(({ plan }) => plan.phases.length));
    for (let phase = 0; phase < phases; phase++) {
      /** The leaves' parts of each reduction over the tree, and how many elements they are of. */
      const parts = new Map<number, { places: number[]; count: number }>();
      this.#groups.forEach((group, i) => {
        // Wide ones first: what they read of narrow states is what was there before.
        const loops = group.plan.phases[phase] ?? [];
        const computed = new Set(loops.flatMap(({ nodes }) => nodes));
        for (const loop of loops.toReversed()) {
          this.#planLoop(group, i, loop, computed);
          for (const { into } of loop.accumulations) {
            if (!("global" in into)) continue;
            const part = parts.get(into.global) ?? { places: [], count: 0 };
            parts.set(into.global, part);
            for (const leaf of this.#leaves[i]) {
              part.places.push(this.#places.own[leaf] + ofLeaf.global(group, into.global));
              part.count += extentSize(loop.extent, this.#shapes[leaf]);
            }
          }
        }
        for (const product of group.plan.products[phase] ?? []) {
          this.#matrices.add(group.plan, this.#leaves[i], product);
        }
      });
      for (const [k, { places, count }] of parts) {
        const bits = new Uint32Array(Float32Array.of(count).buffer)[0];
        this.#commands.add(
          treeKernel(globals[k].op, k),
          1,
          [places.length, 0, this.#places.tree, bits],
          places,
        );
      }
    }
    const { ofData, plan } = this.#groups[this.#first];
    if (ofData.some((name) => plan.treeStates.has(name))) {
      const header = [1, this.#places.hosts[this.#first], this.#places.tree, 0];
      this.#commands.add(stateKernel(this.#groups[this.#first]), 1, header, []);
    }
  }

  #planLoop(group: GroupPlan, i: number, loop: Loop, computed: ReadonlySet<Node>): void {
    const { accumulations, stored, outputs, extent } = loop;
    if (accumulations.length + stored.length + outputs.length === 0) return;
    if (extent === 0) return this.#planTensors(group, i, loop);
    const isFlat = ({ extent: into }: Loop["accumulations"][number]) =>
      isMatrix(extent) && into === 0;
    const flat = { ...loop, accumulations: accumulations.filter(isFlat) };
    // Results come last, since they are written over what is reduced.
    for (const accumulation of accumulations) {
      if (!isFlat(accumulation)) this.#planAxes(group, i, loop, accumulation, computed);
    }
    if (flat.accumulations.length + stored.length + outputs.length > 0) {
      this.#planElements(group, i, flat, computed);
    }
  }

  #planTensors(group: GroupPlan, i: number, loop: Loop): void {
    const own = this.#leaves[i].map((leaf) => this.#places.own[leaf]);
    const header = [own.length, this.#places.hosts[i], this.#places.tree, 0];
    this.#commands.add(tensorKernel(group, loop), Math.ceil(own.length / WORKGROUP), header, own);
  }

  #planElements(group: GroupPlan, i: number, loop: Loop, computed: ReadonlySet<Node>): void {
    const kernelOf = (width: Width) => elementKernel(group, loop, width, computed);
    const { arrays } = kernelOf(1);
    const given = this.#leaves[i].map((leaf) => this.#arraysOf(loop, leaf, arrays));
    const isWide = ({ size, tensors }: LeafArrays) =>
      !group.usesAxes &&
      tensors.every((tensor) =>
        (tensor.offset ?? 0) % 16 === 0 && (isPadded(tensor) || size % 4 === 0)
      );
    const of = ([1, 4] as const).flatMap((width) =>
      dispatchesOf(
        given.filter((leaf) => isWide(leaf) === (width === 4)),
        width,
        this.#most,
        width * WORKGROUP * VECTORS,
      ).map((dispatch) => ({ width, dispatch, chunks: chunksOf(dispatch, width) }))
    );
    const each = loop.accumulations.length;
    const all = of.reduce((sum, { chunks }) => sum + chunks.length, 0);
    const partials = each > 0 ? this.#commands.buffer(8 * each * all) : undefined;
    const firstOf = new Map<number, { first: number; chunks: number }>();
    let done = 0;
    for (const { width, dispatch, chunks } of of) {
      const count = ({ elements }: Piece) => Math.ceil(elements / width);
      const table = this.#tableOf(group, loop, dispatch, chunks, count);
      const header = [chunks.length, this.#places.hosts[i], this.#places.tree, done];
      this.#commands.add(kernelOf(width), chunks.length, header, table, dispatch, partials);
      chunks.forEach(({ piece }, k) => {
        const { leaf } = dispatch.pieces[piece];
        const known = firstOf.get(leaf);
        if (known === undefined) firstOf.set(leaf, { first: done + k, chunks: 1 });
        else known.chunks++;
      });
      done += chunks.length;
    }
    if (partials === undefined) return;
    const table = this.#leaves[i].flatMap((leaf) => {
      const { first, chunks } = firstOf.get(leaf) ?? { first: 0, chunks: 0 };
      return [first, chunks, extentSize(loop.extent, this.#shapes[leaf]), this.#places.own[leaf]];
    });
    const count = this.#leaves[i].length;
    const kernel = reduceKernel(group, loop.accumulations);
    this.#commands.add(kernel, count, [count, 0, 0, 0], table, undefined, partials);
  }

  #planAxes(
    group: GroupPlan,
    i: number,
    loop: Loop,
    sum: Loop["accumulations"][number],
    computed: ReadonlySet<Node>,
  ): void {
    const kernel = axisKernel(group, loop, sum, computed);
    const resultsOf = (leaf: number) => extentSize(sum.extent, this.#shapes[leaf]);
    const given = this.#leaves[i].filter((leaf) => resultsOf(leaf) > 0).map((leaf) => ({
      ...this.#arraysOf(loop, leaf, kernel.arrays),
      isWhole: kernel.arrays.map(() => true),
      // An empty leaf has results too: what a reduction of nothing gives.
      size: 1,
    }));
    for (const dispatch of dispatchesOf(given, 1, this.#most, 1)) {
      const results = dispatch.pieces.flatMap(({ leaf }, piece) =>
        Array.from({ length: resultsOf(leaf) }, (_, first) => ({ piece, first }))
      );
      const count = ({ leaf }: Piece) =>
        extentSize(loop.extent, this.#shapes[leaf]) / resultsOf(leaf);
      const table = this.#tableOf(group, loop, dispatch, results, count);
      const header = [results.length, this.#places.hosts[i], this.#places.tree, 0];
      this.#commands.add(kernel, results.length, header, table, dispatch);
    }
  }

  #arraysOf(loop: Loop, leaf: number, arrays: Kernel["arrays"]): LeafArrays {
    return {
      leaf,
      size: extentSize(loop.extent, this.#shapes[leaf]),
      tensors: arrays.map(({ name }) =>
        (this.#tensors.arrays.get(name) ?? this.#matrices.temporaries.get(name)!)[leaf]
      ),
      isWhole: arrays.map(({ isWhole }) => isWhole),
    };
  }

  /** The table of a loop after its header; `count` is what a row counts of a piece. */
  #tableOf(
    group: GroupPlan,
    { extent }: Loop,
    { ranges, pieces }: Dispatch,
    chunks: readonly { readonly piece: number; readonly first: number }[],
    count: (piece: Piece) => number,
  ): number[] {
    const { plan: { rank, cells, random }, usesAxes } = group;
    const draws = random.length > 0;
    const words = ROW_WORDS + ranges.length + (usesAxes ? rank + cells.length : 0) +
      (draws ? 1 : 0);
    const rows = HEADER + 2 * chunks.length;
    return [
      ...chunks.flatMap(({ piece, first }) => [rows + words * piece, first]),
      ...pieces.flatMap((piece) => [
        ...[count(piece), piece.elements, this.#places.own[piece.leaf], piece.before],
        ...piece.starts,
        ...(usesAxes
          ? [...extentShape(extent, this.#shapes[piece.leaf]), ...this.#places.cells[piece.leaf]]
          : []),
        ...(draws ? [this.#inTree[piece.leaf]] : []),
      ]),
    ];
  }
}

/** The chunks of a dispatch: the number of a piece, and the vector of it that each begins at. */
function chunksOf({ pieces }: Dispatch, width: Width): { piece: number; first: number }[] {
  const each = WORKGROUP * VECTORS;
  return pieces.flatMap(({ elements }, piece) =>
    Array.from(
      { length: Math.ceil(elements / width / each) },
      (_, k) => ({ piece, first: k * each }),
    )
  );
}
