/** A WebGPU device: arrays in its buffers, stepped by compute shaders that are enqueued. */
import { GradusError, shown } from "../../../dsl/errors.ts";
import { postorder, symbol } from "../../../dsl/node.ts";
import type { Program } from "../../../dsl/program.ts";
import { Scratch } from "../../backends/webgpu/commands.ts";
import { GpuStep } from "../../backends/webgpu/run.ts";
import { countsOf, statesOfData } from "../../plan/counts.ts";
import type { StepForm } from "../../step/form.ts";
import type { Admit, Blank, Device, Prepared, Work } from "../../step/device.ts";
import { eachOf, type Place } from "../../trees/overlap.ts";
import { initialLeaf, initialNumber, isInitialNumber } from "../../step/initial.ts";
import { asHostLeaf } from "../../trees/host_leaf.ts";
import { isPacked } from "../../backends/webgpu/storage.ts";
import type { HostArray } from "../../trees/dtype.ts";
import {
  asGpuTensor,
  type GpuKind,
  type GpuTensor,
  isGpuTensor,
  isPadded,
  markPadded,
  storedIn,
} from "../../trees/gpu_tensor.ts";
import { type Leaf, type ReadLeaf, sizeOf, spellPath } from "../../trees/leaf.ts";
import { beginningPlan } from "./plans.ts";
import { setBounds } from "./schedules.ts";
import { WebGpuStep } from "./step.ts";
import { place, placesOf, requireUsable } from "./place.ts";

/** Arrays in the buffers of a GPU. */
export class WebGpuDevice implements Device<GpuTensor, StepForm> {
  readonly read: ReadLeaf<GpuTensor>;
  readonly storesAsGiven = true;
  readonly ownNumbers: ReadonlySet<string>;
  readonly #device: GPUDevice;
  /** The states of whole numbers. */
  readonly #counts: ReadonlySet<string>;

  constructor(program: Program, device: GPUDevice) {
    this.#device = device;
    this.read = (node, path, doing) => readOn(device, node, path, doing);
    this.ownNumbers = statesOfData(program);
    this.#counts = countsOf(program).names;
  }

  create(blanks: readonly Blank<GpuTensor>[], doing: string): GpuTensor[] {
    const isOfParameter = blanks.map(({ init, shape }) =>
      sizeOf(shape) > 0 && postorder([init]).includes(symbol("w"))
    );
    const tensors = place(
      this.#device,
      blanks.map((blank, i) => ({
        ...{ shape: blank.shape, stored: blank.stored, kind: kindOf(blank) },
        ...(isOfParameter[i] ? {} : beginningOf(blank)),
      })),
      doing,
    );
    tensors.forEach((tensor, i) => {
      // A result is written before it is read.
      if (isOfParameter[i] && !blanks[i].isResult) this.#begin(tensor, blanks[i], doing);
    });
    return tensors;
  }

  /** Computes what a state begins as, of its parameter; it is rounded to nearest. */
  #begin(
    tensor: GpuTensor,
    { init, parameter, seen, shape, symbols }: Blank<GpuTensor>,
    doing: string,
  ) {
    const nearest = { ...tensor, rounding: undefined, seed: undefined };
    markPadded(nearest);
    const scratch = new Scratch(this.#device);
    const step = new GpuStep(
      this.#device,
      scratch,
      { leaves: [[0]], inTree: [0], views: [seen?.view] },
      [beginningPlan(init, seen?.view.shape ?? shape)],
      { arrays: new Map([["w", [parameter!]], ["", [nearest]]]), ofTree: new Map() },
      [],
      doing,
    );
    step.run([symbols]);
    step.dispose();
    scratch.dispose();
  }

  // A dispatch may not read a buffer as such that it writes, nor write one place twice.
  write(
    lists: readonly (readonly GpuTensor[])[],
    placeOf: Place,
    doing: string,
  ): Admit<GpuTensor> {
    const written = new Map<GPUBuffer, { from: number; to: number; place: () => string }[]>();
    for (const [tensor, list, leaf] of eachOf(lists)) {
      const place = () => placeOf(list, leaf);
      requireFours(tensor, place, doing);
      for (const { buffer, offset, bytes } of placesOf(tensor)) {
        const ranges = written.get(buffer) ?? [];
        written.set(buffer, ranges);
        ranges.push({ from: offset, to: offset + bytes, place });
      }
    }
    for (const ranges of written.values()) {
      ranges.sort((a, b) => a.from - b.from || a.to - b.to);
      ranges.slice(1).forEach(({ from, place }, i) => {
        if (ranges[i].to <= from) return;
        throw new GradusError(
          `${doing}: every array must be at one place of the tree: given one at both ` +
            `${ranges[i].place()} and ${place()}; pass a tied parameter once`,
        );
      });
    }
    return (tensor, what) => {
      if (placesOf(tensor).every(({ buffer }) => !written.has(buffer))) return tensor;
      throw new GradusError(
        `${doing}: ${what()} must lie in other buffers than the parameters and states, which are ` +
          `written: given one that is in both`,
      );
    };
  }

  place(value: unknown, state: string, doing: string): GpuTensor {
    const dtype = this.#counts.has(state) ? "int32" : "float32";
    if (isGpuTensor(value)) {
      const { dtype: given = "float32" } = value;
      if (given !== dtype) {
        throw new GradusError(
          `${doing}: state \`${state}\` must be ${dtype}: given ${shown(given)}`,
        );
      }
      requireUsable(this.#device, value, state, doing);
      return value;
    }
    if (typeof value !== "number") {
      throw new GradusError(
        `${doing}: state \`${state}\` must be a number: given ${shown(value)}`,
      );
    }
    if (dtype === "int32" && value !== (value | 0)) {
      throw new GradusError(
        `${doing}: state \`${state}\` must be a whole number below 2^31: given ${shown(value)}`,
      );
    }
    const [number] = place(
      this.#device,
      [{ shape: [], kind: "number", stored: dtype, fill: value }],
      doing,
    );
    setBounds(number, [value, value]);
    return number;
  }

  prepare(work: Work<GpuTensor>, { key }: StepForm, doing: string): Prepared<StepForm> {
    if (work.bound.layout.leaves.length === 0) return { run: () => new Map() };
    return new WebGpuStep(this.#device, this.ownNumbers, work, key, doing);
  }
}

/** An array on a device, checked. */
function readOn(
  device: GPUDevice,
  node: unknown,
  path: string,
  doing: string,
): Leaf<GpuTensor> | undefined {
  const leaf = asGpuTensor(node, path, doing);
  if (leaf !== undefined) {
    requireUsable(device, leaf.data, path, doing);
    return leaf;
  }
  if (typeof node === "object" && node !== null && !ArrayBuffer.isView(node)) return undefined;
  throw new GradusError(
    `${doing}: ${spellPath(path)} must be on the GPU, as \`upload\` places it: given ${
      shown(node)
    }`,
  );
}

/** What a leaf is when downloaded: as the parameter is, where it is stored alike. */
function kindOf({ stored, parameter }: Blank<GpuTensor>): GpuKind {
  const { kind = "tensor", dtype = "float32" } = parameter ?? {};
  if (stored === dtype || stored === "float32" && kind === "array") return kind;
  return stored === "float32" ? "tensor" : "stored";
}

/** The numbers that a state begins as where no parameter tells them. */
function beginningOf(
  { init, info, symbols, shape, seen, stored }: Blank<GpuTensor>,
): { readonly fill: number } | { readonly data: HostArray } {
  if (stored === "float32" && isInitialNumber(init)) return { fill: initialNumber(init, symbols) };
  const leaf = initialLeaf(init, info, undefined, symbols, stored, shape, seen);
  return { data: asHostLeaf(leaf, info.path, "")!.data };
}

/** Refuses what is written by fours of numbers and has no room for the last. */
function requireFours(tensor: GpuTensor, place: () => string, doing: string): void {
  if (isPadded(tensor) || sizeOf(tensor.shape) % 4 === 0 || !isPacked(storedIn(tensor))) return;
  throw new GradusError(
    `${doing}: what is stored as ${tensor.dtype} and written must have a multiple of four numbers, or be in an ` +
      `array that \`upload\` or \`init\` has made: given ${sizeOf(tensor.shape)} at ${place()}`,
  );
}
