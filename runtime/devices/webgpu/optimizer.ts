/** How an optimizer runs on the GPU: it checks what it is given, has it planned, and enqueues it. */
import { GradusError } from "../../../dsl/errors.ts";
import { Evaluator } from "../../../dsl/evaluate.ts";
import { elaborate } from "../../../dsl/graph.ts";
import type { Program } from "../../../dsl/program.ts";
import { settle } from "../../../dsl/simplify.ts";
import { Binding } from "../../step/binding.ts";
import { formOfStep } from "../../step/form.ts";
import type { Setting } from "../../trees/hyperparameters.ts";
import type { Optimizer } from "../../optimizer.ts";
import { inheritScheduled, requireState, requireWritable, type State } from "../../trees/state.ts";
import { Layout } from "../../trees/layout.ts";
import { type FormKey, formOf } from "../../plan/variants.ts";
import { openDevice } from "./device.ts";
import { GatheredStep, type StepTrees, tensorsOf, treesOf } from "./gathered.ts";
import { initialState } from "./initial.ts";
import { statesOfData } from "../../backends/webgpu/numbers.ts";
import { plansOf } from "./plans.ts";
import { GpuStep } from "../../backends/webgpu/run.ts";
import { download, type FromGpu, leavesOf, type OnGpu, release, upload } from "./tensor.ts";

/** Options of {@linkcode WebGpuOptimizer.create}. */
export interface WebGpuOptions {
  /**
   * The device that holds the buffers. Default: one of its own, with the adapter's greatest limits,
   * which `dispose` destroys.
   */
  readonly device?: GPUDevice;
}

const MOST_GATHERED = 8;
const MOST_BINDINGS = 8;

/**
 * An optimizer on a WebGPU device. Parameters, gradients and states are trees of {@linkcode GpuTensor};
 * a step is enqueued and returns at once, and what it computes is there for whatever is enqueued after it.
 *
 * A state is like the library's, with arrays on the GPU: `state.count` and `state.hyper` are read and
 * written as there. A number of the tree that rests on gradients, such as how many were not finite,
 * becomes a {@linkcode GpuTensor} at the first step, and a number again when it is downloaded.
 *
 * Programs that reduce over some axes or draw random numbers, and states stored short, do not run here.
 *
 * @example
 * ```ts
 * import { lion } from "@gradus/gradus";
 * import { WebGpuOptimizer } from "@gradus/gradus/webgpu";
 * import { assertEquals } from "@std/assert";
 *
 * if (await navigator.gpu?.requestAdapter()) {
 *   const gpu = await WebGpuOptimizer.create(lion({ learningRate: 0.25, weightDecay: 0 }));
 *   const params = gpu.upload({ x: Float32Array.of(1, -1) });
 *   const gradients = gpu.upload({ x: Float32Array.of(2, -2) });
 *   gpu.step(params, gradients, gpu.init(params));
 *   assertEquals(await gpu.download(params), { x: Float32Array.of(0.75, -0.75) });
 *   gpu.dispose();
 * }
 * ```
 */
export class WebGpuOptimizer {
  /** What its step computes. */
  readonly program: Program;
  /** Where it runs. */
  readonly device: GPUDevice;
  readonly #settings: ReadonlyMap<string, Setting>;
  readonly #writable: readonly string[];
  readonly #ofData: ReadonlySet<string>;
  readonly #ownsDevice: boolean;
  #isDisposed = false;
  #lost: string | undefined;
  #bindings: Binding[] = [];
  #gathered: GatheredStep[] = [];

  private constructor(optimizer: Optimizer, device: GPUDevice, ownsDevice: boolean) {
    this.program = optimizer.program;
    [this.device, this.#ownsDevice, this.#settings] = [device, ownsDevice, optimizer.settings];
    this.#writable = [...optimizer.settings].flatMap(([name, { value }]) =>
      typeof value === "boolean" ? [] : [name]
    );
    this.#ofData = statesOfData(this.program, elaborate(this.program));
    device.lost.then(({ message }) => this.#lost = message || "it was destroyed");
  }

  /**
   * Makes an optimizer run on the GPU.
   *
   * @throws {GradusError} if there is no WebGPU adapter, or states are stored short.
   */
  static async create(optimizer: Optimizer, options: WebGpuOptions = {}): Promise<WebGpuOptimizer> {
    const doing = `Cannot run "${optimizer.program.name}" on WebGPU`;
    for (const [name, type] of optimizer.storage) {
      if (type === "float32") continue;
      throw new GradusError(
        `${doing}: every state must be stored as float32: \`${name}\` is stored as ${type}`,
      );
    }
    const device = options.device ?? await openDevice(doing);
    return new WebGpuOptimizer(optimizer, device, options.device === undefined);
  }

  /** Copies the arrays of a tree, or of a state, to the GPU, side by side; numbers stay numbers. */
  upload<T extends object>(tree: T): OnGpu<T> {
    this.#requireAlive("Cannot upload");
    return upload(this.device, tree) as OnGpu<T>;
  }

  /** Copies the arrays of a tree, or of a state, back: what `upload` was given, as it is by now. */
  async download<T extends object>(tree: T): Promise<FromGpu<T>> {
    this.#requireAlive("Cannot download");
    return await download(this.device, tree) as FromGpu<T>;
  }

  /** Destroys the buffers of a tree; nothing else of them may be in use. */
  release(tree: object): void {
    release(tree);
  }

  /** The state before the first step. */
  init(params: object): State {
    const doing = `Cannot initialise "${this.program.name}"`;
    this.#requireAlive(doing);
    const binding = this.#bindingOf(params, doing);
    return initialState(this.device, this.program, this.#settings, binding, params, doing);
  }

  /**
   * Enqueues one step: changes the arrays of `params` and `state` in place. `inputs` are the program's
   * further inputs, numbers or trees on the GPU. Gradients lie in buffers of their own.
   */
  step(
    params: object,
    gradients: object,
    state: State,
    inputs: Readonly<Record<string, unknown>> = {},
  ): void {
    const { program } = this;
    const doing = `Cannot step by "${program.name}" on WebGPU`;
    this.#requireAlive(doing);
    const gathered = this.#gatheredOf({ params, gradients, state, inputs }, doing);
    const { known, tensors } = gathered;
    requireState(state, program, known.trees, this.#writable, doing);
    requireWritable(state, doing);
    const { binding, symbols, keys, text, used } = formOfStep(
      program,
      this.#settings,
      known,
      state,
      inputs,
      params,
      doing,
      this.#ofData,
    );
    const step = gathered.prepared(binding, text, () => {
      const plans = plansOf(program, binding, keys, this.#ofData, doing);
      return new GpuStep(this.device, binding, plans, tensors, elaborate(program).globals, doing);
    });
    step.run(symbols);
    const first = binding.groups.indexOf(binding.groupOf[0]);
    this.#moveTreeStates(state, known, keys[first], symbols[first]);
    state.count++;
    inheritScheduled(state, used);
  }

  /** Gives back everything of its own on the GPU, its device too if it opened one. */
  dispose(): void {
    this.#isDisposed = true;
    this.#gathered.forEach((step) => step.dispose());
    this.#gathered = [];
    if (this.#ownsDevice) this.device.destroy();
  }

  #requireAlive(doing: string): void {
    if (this.#isDisposed) throw new GradusError(`${doing}: it has been disposed of`);
    if (this.#lost !== undefined) {
      throw new GradusError(`${doing}: the device is lost: ${this.#lost}`);
    }
  }

  #bindingOf(params: object, doing: string): Binding {
    leavesOf(params, "parameters", doing);
    const layout = Layout.of(params, doing, "tensors");
    // A mask or label function is asked once a structure.
    const spelled = (each: Layout) =>
      JSON.stringify(each.build(each.leaves.map(({ shape }) => ({ shape }))));
    const text = spelled(layout);
    const known = this.#bindings.find((binding) => spelled(binding.layout) === text);
    if (known !== undefined) return known;
    const binding = new Binding(this.program, this.#settings, layout, params, doing);
    this.#bindings = [binding, ...this.#bindings.slice(0, MOST_BINDINGS - 1)];
    return binding;
  }

  /** The arrays of a step, checked once and kept while the trees hold them. */
  #gatheredOf(trees: StepTrees, doing: string): GatheredStep {
    const { program } = this;
    const isOld = this.#gathered.findIndex((step) =>
      step.matches(treesOf(program, step.known, this.#ofData, trees))
    );
    if (isOld >= 0) return this.#latest(isOld);
    const known = this.#bindingOf(trees.params, doing);
    requireState(trees.state, program, known.trees, this.#writable, doing);
    const tensors = tensorsOf(this.device, program, known, this.#ofData, trees, doing);
    // Other trees of the same buffers, such as gradients that are given anew each time.
    let index = this.#gathered.findIndex((step) => step.holds(known, tensors));
    if (index < 0) index = this.#gathered.push(new GatheredStep(known, tensors)) - 1;
    const gathered = this.#latest(index);
    gathered.remember(treesOf(program, known, this.#ofData, trees));
    this.#gathered.splice(MOST_GATHERED).forEach((step) => step.dispose());
    return gathered;
  }

  #latest(index: number): GatheredStep {
    const [found] = this.#gathered.splice(index, 1);
    this.#gathered.unshift(found);
    return found;
  }

  /** The next values of the tree's states that the host knows. */
  #moveTreeStates(
    state: State,
    known: Binding,
    key: FormKey,
    symbols: ReadonlyMap<string, number>,
  ): void {
    const { program } = this;
    const names = [...known.live].filter((name) =>
      program.state.get(name)!.over === "tree" && !this.#ofData.has(name)
    );
    if (names.length === 0) return;
    const graph = formOf(program, key);
    const nodes = names.map((name) => settle(graph.states.get(name)!));
    const evaluator = new Evaluator(nodes);
    evaluator.evaluate(symbols);
    names.forEach((name, i) => state[name] = evaluator.get(nodes[i]));
  }
}
