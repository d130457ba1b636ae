/** A step on the GPU: prepared for the buffers that it is given, and enqueued. */
import { Evaluator } from "../../../dsl/evaluate.ts";
import { elaborate } from "../../../dsl/graph.ts";
import { type Node, symbolsIn } from "../../../dsl/node.ts";
import { settle } from "../../../dsl/simplify.ts";
import type { StepTensors } from "../../backends/webgpu/places.ts";
import { Scratch } from "../../backends/webgpu/commands.ts";
import { GpuStep } from "../../backends/webgpu/run.ts";
import { formOf } from "../../plan/forms.ts";
import { requireKnownClocks, type StepForm, type StepKey } from "../../step/form.ts";
import type { Prepared, Work } from "../../step/device.ts";
import type { StepLeaves } from "../../backends/webgpu/views.ts";
import { isShort } from "../../trees/dtype.ts";
import type { GpuTensor } from "../../trees/gpu_tensor.ts";
import { plansOf } from "./plans.ts";
import { passBounds, Schedules } from "./schedules.ts";
import { placesOf } from "./place.ts";

const MOST_STEPS = 8;

/** A step on the GPU: one for each set of buffers that it was lately given. */
export class WebGpuStep implements Prepared<StepForm> {
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
