/** Where the numbers of a step are: the special ones, each group's, the tree's, then each leaf's. */
import { extentSize } from "../../plan/extent.ts";
import { type GroupPlan, isWritten, ofLeaf, ofTree } from "./kernel.ts";
import type { GpuTensor } from "../../trees/gpu_tensor.ts";

/** The arrays of a step: of each name, by leaf; and the states kept once for the tree. */
export interface StepTensors {
  readonly arrays: ReadonlyMap<string, readonly GpuTensor[]>;
  readonly ofTree: ReadonlyMap<string, GpuTensor>;
}

/** One number that moves between a tensor and the numbers of the step. */
export interface Move {
  readonly tensor: Pick<GpuTensor, "buffer" | "offset">;
  readonly before: number;
  readonly after: number;
}

/** The places of the numbers of a step. */
export class Places {
  /** Where the numbers of each group begin. */
  readonly hosts: readonly number[];
  /** Where the tree's begin, after all that the host hands over. */
  readonly tree: number;
  /** Where each leaf's begin. */
  readonly own: readonly number[];
  /** Where the results of each reduction over some axes are, by leaf. */
  readonly cells: readonly (readonly number[])[];
  /** How many numbers there are. */
  readonly size: number;

  /** `leaves` are those of each group, `shapes` of each leaf; the numbers begin with so many `special` ones. */
  constructor(
    groups: readonly GroupPlan[],
    leaves: readonly (readonly number[])[],
    shapes: readonly (readonly number[])[],
    special: number,
  ) {
    let end = special;
    this.hosts = groups.map(({ numbers }) => (end += numbers.size) - numbers.size);
    this.tree = end;
    end += ofTree.size(groups[0].globals, groups[0].ofData.length);
    const [own, cells]: [number[], number[][]] = [[], []];
    groups.forEach((group, i) => {
      for (const leaf of leaves[i]) {
        own[leaf] = end;
        end += ofLeaf.size(group);
        cells[leaf] = group.plan.cells.map(({ extent }) => {
          const first = end;
          if (extent !== 0) end += extentSize(extent, shapes[leaf]);
          return first;
        });
      }
    });
    [this.own, this.cells, this.size] = [own, cells, end];
  }

  /** The numbers that move in before the step and out after it. */
  moves(
    groups: readonly GroupPlan[],
    leaves: readonly (readonly number[])[],
    tensors: StepTensors,
  ): Move[] {
    const [{ ofData, globals, plan }] = groups;
    const ofLeaves = groups.flatMap((group, i) =>
      group.perTensor.flatMap((name, k) => {
        const after = isWritten(group, name) ? ofLeaf.after : ofLeaf.before;
        return leaves[i].flatMap((leaf) =>
          placesOf(tensors.arrays.get(name)![leaf]).map((tensor, part): Move => ({
            tensor,
            before: this.own[leaf] + ofLeaf.before(group, k) + part,
            after: this.own[leaf] + after(group, k) + part,
          }))
        );
      })
    );
    const ofStates = ofData.map((name, k): Move => ({
      tensor: tensors.ofTree.get(name)!,
      before: this.tree + ofTree.before(globals, k),
      after: this.tree +
        (plan.treeStates.has(name)
          ? ofTree.after(globals, ofData.length, k)
          : ofTree.before(globals, k)),
    }));
    return [...ofLeaves, ...ofStates];
  }
}

/** Where the bits are of a tensor of one number. */
function placesOf(tensor: GpuTensor): readonly Move["tensor"][] {
  return tensor.dtype === "bfloat16+8" ? [tensor, tensor.second!] : [tensor];
}
