/** A step as the GPU runs it: which kernels go over which leaves, in which order. */
import { groupBy } from "../../../dsl/group_by.ts";
import type { GlobalReduction } from "../../../dsl/graph.ts";
import type { Node } from "../../../dsl/node.ts";
import { extentShape, extentSize, isMatrix } from "../../plan/extent.ts";
import type { Loop } from "../../plan/plan.ts";
import { Commands, type Scratch } from "./commands.ts";
import {
  type GroupPlan,
  HEADER,
  type Kernel,
  ofLeaf,
  ofTree,
  usesLeaf,
  VECTORS,
} from "./kernel.ts";
import { type Width, WORKGROUP } from "./workgroup.ts";
import { axisKernel } from "./axis_loop.ts";
import { elementKernel } from "./element_loop.ts";
import { ROW_WORDS } from "./loop_body.ts";
import { Matrices } from "./products.ts";
import { type Dispatch, dispatchesOf, type LeafArrays, type Piece } from "./pieces.ts";
import { type Pick, pickKernel } from "./picks.ts";
import { type Move, Places, type StepTensors } from "./places.ts";
import { SPECIAL } from "./numbers.ts";
import { reduceKernel, stateKernel, tensorKernel, treeKernel } from "./reductions.ts";
import { type GpuTensor, isPadded, storedIn } from "../../trees/gpu_tensor.ts";
import { arraysOf } from "./copies.ts";
import { blockNumbers, isPacked, spellKinds } from "./storage.ts";
import { Seen, type StepLeaves } from "./views.ts";

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

  /** Of `given` leaves and their `arrays`; `picks` are the numbers of schedules that are picked from a buffer. */
  constructor(
    device: GPUDevice,
    scratch: Scratch,
    given: StepLeaves,
    groups: readonly GroupPlan[],
    arrays: StepTensors,
    globals: readonly GlobalReduction[],
    doing: string,
    picks?: { readonly buffer: GPUBuffer; readonly picks: readonly Pick[] },
  ) {
    this.#groups = groups;
    this.#most = device.limits.maxStorageBufferBindingSize;
    this.#commands = new Commands(device, scratch, doing);
    const make = (size: number) => this.#commands.arrays([[size]])[0];
    const seen = new Seen(given, groups, arrays, make, doing);
    const { leaves, tensors } = seen;
    [this.#tensors, this.#leaves, this.#inTree] = [tensors, leaves, seen.inTree];
    this.#first = leaves.findIndex((group) => group.includes(0));
    this.#shapes = tensors.arrays.get("w")!.map(({ shape }) => shape);
    const hasBlocks = [...arrays.arrays.values()].flat().some(({ dtype }) => dtype === "block8");
    const special = hasBlocks ? [...SPECIAL, ...blockNumbers()] : SPECIAL;
    this.#places = new Places(groups, leaves, this.#shapes, special.length);
    this.#moves = this.#places.moves(groups, leaves, tensors);
    this.#given = new Float32Array(this.#places.tree);
    this.#given.set(special);
    this.#commands.makeNumbers(this.#places.size);
    this.#matrices = new Matrices(this.#commands, this.#places, this.#shapes, tensors, this.#most);
    groups.forEach(({ plan }, i) => this.#matrices.make(plan, leaves[i]));
    if (picks !== undefined) this.#pick(picks.buffer, picks.picks);
    seen.before(this.#commands, this.#most);
    this.#plan(globals);
    seen.after(this.#commands, this.#places, this.#most);
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

  /** Adds what picks the numbers of schedules. */
  #pick(buffer: GPUBuffer, picks: readonly Pick[]): void {
    const [{ ofData, globals }] = this.#groups;
    const table = picks.flatMap(({ group, name, clock, first, start, room }) => [
      this.#places.tree + ofTree.before(globals, ofData.indexOf(clock)),
      ...[first, start, room],
      this.#places.hosts[group] + this.#groups[group].numbers.lateOf(name)!,
    ]);
    const ranges = [{ buffer, offset: 0, size: buffer.size }];
    this.#commands.add(pickKernel(), 1, [picks.length, 0, 0, 0], table, { ranges, pieces: [] });
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
    const leaves = this.#leaves[i];
    const table = leaves.flatMap((leaf) => [this.#places.own[leaf], this.#inTree[leaf]]);
    const header = [leaves.length, this.#places.hosts[i], this.#places.tree, 0];
    this.#commands.add(
      tensorKernel(group, loop),
      Math.ceil(leaves.length / WORKGROUP),
      header,
      table,
    );
  }

  #planElements(group: GroupPlan, i: number, loop: Loop, computed: ReadonlySet<Node>): void {
    const names = elementKernel(group, loop, 1, computed).arrays.map(({ name }) => name);
    // Leaves of a group may differ in what they are stored as, and in where.
    const alike = groupBy(this.#leaves[i], (leaf) => {
      const tensors = names.map((name) => this.#tensorOf(name, leaf));
      const size = extentSize(loop.extent, this.#shapes[leaf]);
      const isWide = !group.usesAxes && tensors.every((tensor) =>
        isPacked(storedIn(tensor)) ||
        (tensor.offset ?? 0) % 16 === 0 && (isPadded(tensor) || size % 4 === 0)
      );
      return `${isWide ? 4 : 1} ${spellKinds(tensors.map(storedIn))}`;
    });
    const of = [...alike].flatMap(([spelled, leaves]) => {
      const width = Number(spelled[0]) as Width;
      const storedOf = (name: string) => storedIn(this.#tensorOf(name, leaves[0]));
      const code = elementKernel(group, loop, width, computed, storedOf);
      const each = code.byFours ? 4 : 1;
      return dispatchesOf(
        leaves.map((leaf) => this.#arraysOf(loop, leaf, code.arrays)),
        width,
        this.#most,
        each * WORKGROUP * VECTORS,
      ).map((dispatch) => ({ code, each, dispatch, chunks: chunksOf(dispatch, each) }));
    });
    const each = loop.accumulations.length;
    const all = of.reduce((sum, { chunks }) => sum + chunks.length, 0);
    const partials = each > 0 ? this.#commands.buffer(8 * each * all) : undefined;
    const firstOf = new Map<number, { first: number; chunks: number }>();
    let done = 0;
    for (const { code, each, dispatch, chunks } of of) {
      const count = ({ elements }: Piece) => Math.ceil(elements / each);
      const table = this.#tableOf(group, loop, dispatch, chunks, count);
      const header = [chunks.length, this.#places.hosts[i], this.#places.tree, done];
      this.#commands.add(code, chunks.length, header, table, dispatch, partials);
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
    const resultsOf = (leaf: number) => extentSize(sum.extent, this.#shapes[leaf]);
    const names = axisKernel(group, loop, sum, computed).arrays.map(({ name }) => name);
    const alike = groupBy(
      this.#leaves[i].filter((leaf) => resultsOf(leaf) > 0),
      (leaf) => spellKinds(names.map((name) => storedIn(this.#tensorOf(name, leaf)))),
    );
    const dispatches = [...alike.values()].flatMap((leaves) => {
      const storedOf = (name: string) => storedIn(this.#tensorOf(name, leaves[0]));
      const kernel = axisKernel(group, loop, sum, computed, storedOf);
      const given = leaves.map((leaf) => ({
        ...this.#arraysOf(loop, leaf, kernel.arrays),
        isWhole: kernel.arrays.map(() => true),
        // An empty leaf has results too: what a reduction of nothing gives.
        size: 1,
      }));
      return dispatchesOf(given, 1, this.#most, 1).map((dispatch) => ({ dispatch, kernel }));
    });
    for (const { dispatch, kernel } of dispatches) {
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
      tensors: arrays.map(({ name, part = 0 }) => arraysOf(this.#tensorOf(name, leaf))[part]),
      isWhole: arrays.map(({ isWhole }) => isWhole),
    };
  }

  #tensorOf(name: string, leaf: number): GpuTensor {
    return (this.#tensors.arrays.get(name) ?? this.#matrices.temporaries.get(name)!)[leaf];
  }

  /** The table of a loop after its header; `count` is what a row counts of a piece. */
  #tableOf(
    group: GroupPlan,
    { extent }: Loop,
    { ranges, pieces }: Dispatch,
    chunks: readonly { readonly piece: number; readonly first: number }[],
    count: (piece: Piece) => number,
  ): number[] {
    const { plan: { rank, cells }, usesAxes } = group;
    const draws = usesLeaf(group);
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
function chunksOf({ pieces }: Dispatch, width: number): { piece: number; first: number }[] {
  const each = WORKGROUP * VECTORS;
  return pieces.flatMap(({ elements }, piece) =>
    Array.from(
      { length: Math.ceil(elements / width / each) },
      (_, k) => ({ piece, first: k * each }),
    )
  );
}
