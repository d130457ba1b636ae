/** A WebGPU device: arrays in its buffers, stepped by compute shaders that are enqueued. */
import { GradusError, shown } from "../../../dsl/errors.ts";
import { Evaluator } from "../../../dsl/evaluate.ts";
import { elaborate } from "../../../dsl/graph.ts";
import { type Node, postorder, symbol, symbolsIn } from "../../../dsl/node.ts";
import type { Program } from "../../../dsl/program.ts";
import { settle } from "../../../dsl/simplify.ts";
import type { StepTensors } from "../../backends/webgpu/places.ts";
import { Scratch } from "../../backends/webgpu/commands.ts";
import { GpuStep } from "../../backends/webgpu/run.ts";
import { countsOf, statesOfData } from "../../plan/counts.ts";
import { formOf } from "../../plan/forms.ts";
import { requireKnownClocks, type StepForm, type StepKey } from "../../step/form.ts";
import type { Admit, Blank, Device, Prepared, Work } from "../../step/device.ts";
import { initialLeaf, initialNumber, isInitialNumber } from "../../step/initial.ts";
import { asHostLeaf } from "../../trees/host_leaf.ts";
import type { StepLeaves } from "../../backends/webgpu/views.ts";
import { isPacked } from "../../backends/webgpu/storage.ts";
import { type HostArray, isShort } from "../../trees/dtype.ts";
import {
  asGpuTensor,
  type GpuKind,
  type GpuTensor,
  isGpuTensor,
  isPadded,
  markPadded,
  storedIn,
} from "../../trees/gpu_tensor.ts";
import { type Leaf, sizeOf, spellPath } from "../../trees/leaf.ts";
import { beginningPlan, plansOf } from "./plans.ts";
import { passBounds, Schedules, setBounds } from "./schedules.ts";
import { place, placesOf } from "./transfer.ts";

/** Arrays in the buffers of a GPU. */
export class WebGpuDevice implements Device<GpuTensor, StepForm> {
  readonly storesAsGiven = true;
  readonly ownNumbers: ReadonlySet<string>;
  readonly #device: GPUDevice;
  /** The states of whole numbers. */
  readonly #counts: ReadonlySet<string>;

  constructor(program: Program, device: GPUDevice) {
    this.#device = device;
    this.ownNumbers = statesOfData(program);
    this.#counts = countsOf(program).names;
  }

  read(node: unknown, path: string, doing: string): Leaf<GpuTensor> | undefined {
    const leaf = asGpuTensor(node, path, doing);
    if (leaf !== undefined) return leaf;
    if (typeof node === "object" && node !== null && !ArrayBuffer.isView(node)) return undefined;
    throw new GradusError(
      `${doing}: ${spellPath(path)} must be on the GPU, as \`upload\` places it: given ${
        shown(node)
      }`,
    );
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
    arrays: Iterable<readonly [array: GpuTensor, place: () => string]>,
    doing: string,
  ): Admit<GpuTensor> {
    const written = new Map<GPUBuffer, { from: number; to: number; place: () => string }[]>();
    for (const [tensor, place] of arrays) {
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
      if (given === dtype) return value;
      throw new GradusError(`${doing}: state \`${state}\` must be ${dtype}: given ${shown(given)}`);
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

const MOST_STEPS = 8;

/** A step on the GPU: one for each set of buffers that it was lately given. */
class WebGpuStep implements Prepared<StepForm> {
  readonly #device: GPUDevice;
  readonly #work: Work<GpuTensor>;
  readonly #doing: string;
  readonly #plans: ReturnType<typeof plansOf>;
  readonly #globals: ReturnType<typeof elaborate>["globals"];
  readonly #leaves: StepLeaves;
  /** The group of the first leaf, by whose numbers the tree's states go. */
  readonly #first: number;
  /** The next values of the tree's states that the host knows. */
  readonly #treeStates: ReadonlyMap<string, Node>;
  readonly #evaluator: Evaluator;
  readonly #schedules: Schedules;
  readonly #scratch: Scratch;
  /** The next numbers of the tree's states that only the device knows. */
  readonly #counts: ReadonlyMap<string, Node>;
  #version = -1;
  /** The last used first. */
  #steps: { readonly places: readonly unknown[]; readonly step: GpuStep }[] = [];

  constructor(
    device: GPUDevice,
    ownNumbers: ReadonlySet<string>,
    work: Work<GpuTensor>,
    key: StepKey,
    doing: string,
  ) {
    [this.#device, this.#work, this.#doing] = [device, work, doing];
    this.#scratch = new Scratch(device);
    const { program } = key;
    const mode = work.mode === "step" ? "step" : "update";
    this.#plans = plansOf(key, mode, ownNumbers, work.storage, doing);
    this.#globals = elaborate(program).globals;
    const { groups, groupOf, live, views } = key.binding;
    this.#leaves = {
      leaves: groups.map(({ leaves }) => leaves),
      inTree: work.bound.layout.leaves.map(({ number }) => number),
      views,
    };
    this.#first = groups.indexOf(groupOf[0]);
    const graph = formOf(program, key.keys[this.#first]);
    this.#treeStates = new Map(
      [...graph.states.keys()].filter((name) =>
        live.has(name) && program.state.get(name)!.over === "tree" && !ownNumbers.has(name)
      )
        .map((name) => [name, settle(graph.states.get(name)!)]),
    );
    this.#evaluator = new Evaluator([...this.#treeStates.values()]);
    if (symbolsIn([...this.#treeStates.values()]).has(key.late[0]?.name)) {
      requireKnownClocks(key, doing);
    }
    const ago = work.mode === "evaluate" ? 1 : 0;
    this.#schedules = new Schedules(device, key.late, groups.length, ago, doing);
    this.#counts = new Map(
      [...graph.states].filter(([name]) => ownNumbers.has(name) && work.mode !== "evaluate"),
    );
  }

  run({ symbols }: StepForm): ReadonlyMap<string, number> {
    const { numbers } = this.#work.arrays;
    if (this.#schedules.update(numbers)) this.#disposeSteps();
    if (this.#version !== this.#work.version) {
      this.#take();
      this.#version = this.#work.version;
    }
    this.#steps[0].step.run(symbols);
    passBounds(numbers, this.#counts);
    // What is evaluated is new each time, and so is what computes it.
    if (this.#work.mode === "evaluate") this.dispose();
    this.#evaluator.evaluate(symbols[this.#first]);
    return new Map([...this.#treeStates].map(([name, node]) => [name, this.#evaluator.get(node)]));
  }

  dispose(): void {
    this.#disposeSteps();
    this.#scratch.dispose();
    this.#schedules.dispose();
  }

  #disposeSteps(): void {
    this.#steps.forEach(({ step }) => step.dispose());
    this.#steps = [];
    this.#version = -1;
  }

  /** Brings the step of the work's buffers to the front. */
  #take(): void {
    const { params, master, out, reads, states: kept, numbers } = this.#work.arrays;
    const { inputs, states, bound: { layout } } = this.#work;
    // Of a short parameter the master copy is what a step reads.
    const parameters = layout.leaves.map(({ dtype }, i) => (isShort(dtype) ? master! : params!)[i]);
    const arrays = new Map([["w", parameters], ["", out], ["g", reads[0]]]);
    inputs.forEach((name, k) => arrays.set(name, reads[k + 1]));
    states.forEach((name, k) => arrays.set(name, kept[k]));
    const places: unknown[] = [...arrays.values(), [...numbers.values()]].flatMap((tensors) =>
      tensors.flatMap((tensor) => [
        ...placesOf(tensor).flatMap(({ buffer, offset }) => [buffer, offset]),
        tensor.dtype,
      ])
    );
    const known = this.#steps.find((each) => each.places.every((place, i) => place === places[i]));
    if (known === undefined) {
      const tensors: StepTensors = { arrays, ofTree: numbers };
      const { length } = this.#steps;
      if (length === MOST_STEPS) this.#steps.pop()!.step.dispose();
      const step = new GpuStep(
        this.#device,
        this.#scratch,
        this.#leaves,
        this.#plans,
        tensors,
        this.#globals,
        this.#doing,
        this.#schedules.picked,
      );
      this.#steps.unshift({ places, step });
    } else this.#steps = [known, ...this.#steps.filter((each) => each !== known)];
  }
}
